/** Why a rule did or did not apply: kept with each spend as a short code, told to people in Chinese and English. */
import { fen, PosError, yuan } from '../../protocol/index.ts';

const percent = (basisPoints: number) => `${(basisPoints / 100).toFixed(2)} %`;
const fold = (basisPoints: number) => basisPoints / 10_000;

/** What each code says, Chinese first. A code is never given another meaning: it stands in rows that are kept. */
// biome-ignore format: a table is read by column
const TOLD = {
  'applies':         () => '适用 · applies',
  'transaction-cap': () => '适用，受单笔上限限制 · applies, limited by its cap per transaction',
  'card-cap':        () => '受每卡每日上限限制 · limited by its cap per card and day',
  'budget-cap':      () => '受总预算限制 · limited by its total budget',
  'multiplies':      (bp) => `积分 ${fold(Number(bp))} 倍 · points ${fold(Number(bp))} fold`,
  'contract':        (bp) => `合同返点 ${percent(Number(bp))} · the contract's rebate`,
  'tier-points':     (bp) => `等级积分 ${fold(Number(bp))} 倍 · the tier's points`,
  'superseded':      () => '已有新版本 · a later version stands',
  'worth-nothing':   () => '不产生优惠 · worth nothing here',
  'excluded':        (rule) => `已有排他规则 ${rule} · barred by the exclusive rule ${rule}`,
  'group-taken':     (rule) => `同组规则 ${rule} 已适用 · rule ${rule} of its stack group applies`,
  'not-yet':         (date) => `${date} 起生效 · valid from ${date}`,
  'no-longer':       (date) => `${date} 已到期 · valid to ${date}`,
  'merchant':        () => '商户不符 · not at this merchant',
  'branch':          () => '门店不符 · not at this branch',
  'trade':           () => '行业不符 · not in this trade',
  'tier':            () => '等级不符 · not for this tier',
  'weekday':         (day) => `星期不符 (${day}) · not on weekday ${day}`,
  'hours':           (hours) => {
    const [from, to] = hours.split('-');
    return `时段 ${from}–${to} 时之外 · outside the hours ${from} to ${to}`;
  },
  'minimum':         (amount) => {
    const least = yuan(fen(Number(amount)));
    return `未满 ${least} 元 · below the minimum of ${least} yuan`;
  },
} as const satisfies Record<string, (about: string) => string>;

type ReasonCode = keyof typeof TOLD;
/** As it is kept: a code and, after a colon, what it is about: basis points, fen, a rule, a date. No blanks. */
export type Reason = ReasonCode | `${ReasonCode}:${string | number}`;

/** A reason as a person reads it. One that this version does not know is told as it is kept. */
export function tell(reason: string): string {
  const colon = reason.indexOf(':');
  const code = colon < 0 ? reason : reason.slice(0, colon);
  if (!isCode(code)) return reason;
  try {
    return TOLD[code](colon < 0 ? '' : reason.slice(colon + 1));
  } catch (error) {
    // What it speaks of cannot be read.
    if (error instanceof PosError) return reason;
    throw error;
  }
}

function isCode(code: string): code is ReasonCode {
  return Object.hasOwn(TOLD, code);
}
