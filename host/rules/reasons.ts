/** Why a rule did or did not apply, as a person reads it: Chinese first. Kept with the transaction. */
import { type Fen, yuan } from '../../protocol/index.ts';

const percent = (basisPoints: number) => `${(basisPoints / 100).toFixed(2)} %`;

/** Of each reason, the texts that are kept: there are as many as rates, amounts and rules. */
const KEPT_MAX = 1_000;

/** The same, made once for each value: every spend says what its contract gives, and which rules did not apply. */
function kept<V extends number | string>(make: (value: V) => string): (value: V) => string {
  const texts = new Map<V, string>();
  return (value) => {
    let text = texts.get(value);
    if (text === undefined) {
      if (texts.size >= KEPT_MAX) texts.clear();
      text = make(value);
      texts.set(value, text);
    }
    return text;
  };
}

// biome-ignore format: a table is read by column
export const say = {
  applies:        () => '适用 · applies',
  transactionCap: () => '适用，受单笔上限限制 · applies, limited by its cap per transaction',
  counterCap:     (cap: 'card' | 'budget') => cap === 'card'
    ? '受每卡每日上限限制 · limited by its cap per card and day'
    : '受总预算限制 · limited by its total budget',
  multiplies:     kept((bp: number) => `积分 ${bp / 10_000} 倍 · points ${bp / 10_000} fold`),
  contractRebate: kept((bp: number) => `合同返点 ${percent(bp)} · the contract's rebate`),
  tierPoints:     kept((bp: number) => `等级积分 ${bp / 10_000} 倍 · the tier's points`),
  superseded:     () => '已有新版本 · a later version stands',
  worthNothing:   () => '不产生优惠 · worth nothing here',
  excluded:       kept((rule: string) => `已有排他规则 ${rule} · barred by the exclusive rule ${rule}`),
  groupTaken:     kept((rule: string) => `同组规则 ${rule} 已适用 · rule ${rule} of its stack group applies`),
  notYet:         (date: string) => `${date} 起生效 · valid from ${date}`,
  noLonger:       (date: string) => `${date} 已到期 · valid to ${date}`,
  merchant:       () => '商户不符 · not at this merchant',
  branch:         () => '门店不符 · not at this branch',
  trade:          () => '行业不符 · not in this trade',
  tier:           () => '等级不符 · not for this tier',
  weekday:        (day: number) => `星期不符 (${day}) · not on weekday ${day}`,
  hour:           (from: number, to: number) => `时段 ${from}–${to} 时之外 · outside the hours ${from} to ${to}`,
  minimum:        kept((amount: Fen) => `未满 ${yuan(amount)} 元 · below the minimum of ${yuan(amount)} yuan`),
} as const;
