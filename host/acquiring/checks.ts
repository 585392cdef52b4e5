/**
 * What is asked of a request before its flow acts, in the order of the dialect's "Order of judgement":
 * one row a question. The first row that fails decides DE39.
 *
 * Columns: `kinds` says whom the row concerns; `code` is DE39 when it fails; `remembered` says whether
 * the refusal is kept under the identity, so that a repeat gets it again; `audited` says whether it is
 * an event for the security log; `after` is what a failure changes.
 */
import {
  hasDigits,
  maskPan,
  missingFields,
  reversedTransactionOf,
  type TransactionKind,
} from '../../protocol/index.ts';
import { maySpend } from '../cards/holder-debt.ts';
import { areNumbersUsedUp } from './effects/batch-closing.ts';
import { masterKeyFor, noteRightMac, noteWrongMac } from './facts/message-keys.ts';
import { isCompletionTooHigh, originalIsClosed, originalStands } from './facts/original-state.ts';
import { isSoundPan } from './facts/presented-card.ts';
import { differs, isBurnt, isTooLate } from './facts/sameness.ts';
import type { Judgement } from './judgement.ts';
import { carriesMac } from './request.ts';

export type Stage =
  | 'terminal'
  | 'keys'
  | 'presence'
  | 'sameness'
  | 'batch'
  | 'transaction'
  | 'card'
  | 'original'
  | 'PIN'
  | 'limits'
  | 'balance';

export interface Check {
  readonly name: string;
  readonly stage: Stage;
  readonly asksZh: string;
  readonly asksEn: string;
  readonly kinds: Kinds;
  readonly code: string;
  readonly remembered: boolean;
  readonly audited: boolean;
  readonly fails: (j: Judgement) => boolean;
  /** Lines for the slip, at most 20 GB18030 bytes each. */
  readonly lines?: readonly string[];
  /** What a failure changes; true when that is an audit event itself. */
  readonly after?: (j: Judgement) => boolean;
}

type Kinds = 'every' | 'with MAC' | readonly TransactionKind[];

const HOLDER: readonly TransactionKind[] = ['balance', 'sale', 'preAuthorisation'];
const SPENDS: readonly TransactionKind[] = ['sale', 'preAuthorisation'];
const PRICED: readonly TransactionKind[] = ['sale', 'preAuthorisation', 'completion'];
const AMOUNTS: readonly TransactionKind[] = ['sale', 'preAuthorisation', 'refund', 'completion'];
const ABOUT: readonly TransactionKind[] = [
  'void',
  'refund',
  'preAuthorisationVoid',
  'completion',
  'completionVoid',
];
const IN_BATCH: readonly TransactionKind[] = ['void', 'completionVoid'];
const WHOLE: readonly TransactionKind[] = ['void', 'preAuthorisationVoid', 'completionVoid'];
const TRACK: readonly TransactionKind[] = [...HOLDER, 'refund'];
const CARDS: readonly TransactionKind[] = [...HOLDER, ...ABOUT];
/** Kinds whose answer is remembered, and whose repeat gets it again. */
export const REMEMBERED: readonly TransactionKind[] = [...SPENDS, ...ABOUT, 'batchUpload'];

// biome-ignore format: a table is read by column
export const CHECKS: readonly Check[] = [
  { stage: 'terminal',    name: 'terminal registered',        kinds: 'every',    code: '97', remembered: false, audited: false, asksZh: '终端已登记',               asksEn: 'is the terminal one of ours, and not withdrawn?',   fails: (j) => j.profile === undefined || j.profile.state === 'withdrawn' },
  { stage: 'terminal',    name: 'merchant of the terminal',   kinds: 'every',    code: '03', remembered: false, audited: false, asksZh: '商户与终端相符',           asksEn: 'is DE42 the merchant of this terminal?',            fails: (j) => j.merchant === undefined || j.profile?.merchantId !== j.merchant.id },
  { stage: 'terminal',    name: 'merchant active',            kinds: 'every',    code: '03', remembered: false, audited: false, asksZh: '商户状态正常',             asksEn: 'is the merchant neither suspended nor closed?',     fails: (j) => j.merchant?.state !== 'active' },
  { stage: 'terminal',    name: 'terminal in service',        kinds: 'every',    code: '58', remembered: false, audited: false, asksZh: '终端未停用',               asksEn: 'is the terminal not suspended?',                    fails: (j) => j.profile?.state === 'suspended' },
  { stage: 'keys',        name: 'signed in',                  kinds: 'with MAC', code: 'A0', remembered: false, audited: false, asksZh: '终端已签到',               asksEn: 'has the terminal keys from a sign-in?',             fails: (j) => !j.mac.right && j.mac.because === 'no keys' },
  { stage: 'keys',        name: 'MAC right',                  kinds: 'with MAC', code: 'A0', remembered: false, audited: false, asksZh: '报文鉴别码正确',           asksEn: 'is DE64 there and right?',                          fails: (j) => !macIsRight(j), after: noteWrongMac },
  { stage: 'keys',        name: 'function supported',         kinds: 'every',    code: '40', remembered: false, audited: false, asksZh: '支持该交易',               asksEn: 'does this host serve this kind of transaction?',    fails: (j) => !j.isServed },
  { stage: 'keys',        name: 'reversible kind',            kinds: ['reversal'], code: '40', remembered: false, audited: false, asksZh: '该交易可冲正',           asksEn: '0400: is its original of a kind that is reversed?', fails: (j) => reversedTransactionOf(j.request.message)?.lostAnswer !== 'reversal' },
  { stage: 'keys',        name: 'key mode allowed',           kinds: ['signIn'], code: '40', remembered: false, audited: false, asksZh: '密钥模式允许',             asksEn: 'does profile and master key allow the key mode of 60.3?', fails: (j) => masterKeyFor(j) === undefined },
  { stage: 'presence',    name: 'one bitmap',                 kinds: 'with MAC', code: '30', remembered: false, audited: false, asksZh: '无第二位图',               asksEn: 'is bit 1 clear, so that the MAC covers all?',       fails: (j) => hasSecondBitmap(j) },
  { stage: 'presence',    name: 'mandatory fields',           kinds: 'every',    code: '30', remembered: false, audited: false, asksZh: '必送域齐全',               asksEn: 'are all mandatory fields there?',                   fails: (j) => missing(j).length > 0 },
  { stage: 'presence',    name: 'currency',                   kinds: 'with MAC', code: '30', remembered: false, audited: false, asksZh: '人民币交易',               asksEn: 'is DE49, where sent, 156?',                         fails: (j) => (j.request.message.get(49) ?? '156') !== '156' },
  { stage: 'presence',    name: 'card sent',                  kinds: TRACK,      code: '14', remembered: false, audited: false, asksZh: '已送卡号或磁道',           asksEn: 'is there DE35 or DE2?',                             fails: (j) => j.presented.kind === 'none' },
  { stage: 'presence',    name: 'expiry of a typed card',     kinds: HOLDER,     code: '30', remembered: false, audited: false, asksZh: '手输卡号须带有效期',       asksEn: 'with DE2 and no track: is there DE14?',             fails: (j) => j.request.de35 === null && !j.request.message.has(14) },
  { stage: 'sameness',    name: 'same content',               kinds: REMEMBERED, code: '94', remembered: false, audited: true,  asksZh: '同一流水内容一致',         asksEn: 'under a known identity: same card, amount, kind, UT?', fails: (j) => differs(j) },
  { stage: 'sameness',    name: 'repeat in time',             kinds: REMEMBERED, code: '94', remembered: false, audited: true,  asksZh: '重复交易在十分钟内',       asksEn: 'a repeat without UT: at most ten minutes later?',   fails: (j) => isTooLate(j) },
  { stage: 'sameness',    name: 'not undone before it came',  kinds: REMEMBERED, code: '12', remembered: false, audited: false, asksZh: '未被先行冲正',             asksEn: 'was it not reversed or given up before it came?',   fails: (j) => isBurnt(j), lines: ['已冲正'] },
  { stage: 'batch',       name: 'open batch',                 kinds: 'every',    code: '77', remembered: false, audited: false, asksZh: '批次号一致',               asksEn: '0100, 0200: is 60.2 the open batch?',               fails: (j) => isOtherBatch(j) },
  { stage: 'batch',       name: 'batch numbers left',         kinds: ['settlement', 'batchUpload'], code: '58', remembered: false, audited: true, asksZh: '批次号未用尽',   asksEn: '0500, 0320 of batch 999999: was there no batch 1 yet?', fails: (j) => areNumbersUsedUp(j), lines: ['批次号已用尽', '请更换终端号'] },
  { stage: 'transaction', name: 'amount above zero',          kinds: AMOUNTS,    code: '13', remembered: true,  audited: false, asksZh: '金额大于零',               asksEn: 'is DE4 above zero?',                                fails: (j) => j.request.amount === 0 },
  { stage: 'transaction', name: 'keyed entry allowed',        kinds: TRACK,      code: '58', remembered: false, audited: false, asksZh: '允许手输卡号',             asksEn: 'without a track: may this terminal key card numbers?', fails: (j) => isKeyed(j) && j.profile?.keyedEntryAllowed !== true },
  { stage: 'card',        name: 'card number readable',       kinds: CARDS,      code: '14', remembered: true,  audited: false, asksZh: '卡号校验位正确',           asksEn: 'is the card number sound, and the same in DE2 and DE35?', fails: (j) => j.presented.kind === 'unreadable' || j.presented.kind === 'sealed' || (j.card !== null && !isSoundPan(j.card.pan)) },
  { stage: 'card',        name: 'card of this programme',     kinds: CARDS,      code: '15', remembered: true,  audited: false, asksZh: '本系统发行的卡',           asksEn: 'does the number begin with one of our prefixes?',   fails: (j) => j.card !== null && !isOurs(j, j.card.pan) },
  { stage: 'card',        name: 'card on file',               kinds: CARDS,      code: '56', remembered: true,  audited: false, asksZh: '有此卡记录',               asksEn: 'do we know this card?',                             fails: (j) => j.card !== null && j.cardRow === undefined },
  { stage: 'card',        name: 'card not lost',              kinds: TRACK,      code: '41', remembered: true,  audited: true,  asksZh: '未挂失',                   asksEn: 'is the card not reported lost?',                    fails: (j) => j.cardRow?.state === 'lost' },
  { stage: 'card',        name: 'card not withdrawn',         kinds: HOLDER,     code: '14', remembered: true,  audited: false, asksZh: '卡未换、未退、未销',       asksEn: 'is it not replaced, redeemed or destroyed?',        fails: (j) => ['replaced', 'redeemed', 'destroyed'].includes(j.cardRow?.state ?? '') },
  { stage: 'card',        name: 'card activated',             kinds: HOLDER,     code: '62', remembered: true,  audited: false, asksZh: '已激活并生效',             asksEn: 'is it activated, and its first day come?',          fails: (j) => isInactive(j) },
  { stage: 'card',        name: 'card not frozen',            kinds: HOLDER,     code: '62', remembered: true,  audited: false, asksZh: '卡与账户未冻结',           asksEn: 'are card and account free to spend?',               fails: (j) => j.cardRow?.state === 'frozen' || (j.account !== undefined && !maySpend(j.account)) },
  { stage: 'card',        name: 'card valid',                 kinds: HOLDER,     code: '54', remembered: true,  audited: false, asksZh: '在有效期内',               asksEn: 'is it not expired?',                                fails: (j) => isExpired(j) },
  { stage: 'card',        name: 'expiry as on file',          kinds: HOLDER,     code: '54', remembered: true,  audited: true,  asksZh: '有效期与记录相符',         asksEn: 'is the expiry that was sent the one on file?',      fails: (j) => j.card?.expiry != null && j.card.expiry !== j.cardRow?.expiry },
  { stage: 'card',        name: 'track genuine',              kinds: HOLDER,     code: '59', remembered: true,  audited: true,  asksZh: '磁道校验值正确',           asksEn: "is the track's verification value right?",          fails: (j) => !isTrackGenuine(j) },
  { stage: 'original',    name: 'original found',             kinds: ABOUT,      code: '25', remembered: true,  audited: false, asksZh: '有原交易',                 asksEn: 'is there such an original, of this merchant?',      fails: (j) => j.original === undefined },
  { stage: 'original',    name: "original of this account",   kinds: ABOUT,      code: '25', remembered: true,  audited: false, asksZh: '原交易属此账户',           asksEn: 'is it of the same account, where a card was sent?', fails: (j) => j.cardRow !== undefined && j.cardRow.accountId !== j.original?.accountId },
  { stage: 'original',    name: "original's batch open",      kinds: IN_BATCH,   code: '12', remembered: true,  audited: false, asksZh: '原交易批次未结',           asksEn: "is the original's batch still open?",               fails: (j) => originalIsClosed(j), lines: ['批次已结 请做退货'] },
  { stage: 'original',    name: 'original stands',            kinds: ABOUT,      code: '12', remembered: true,  audited: false, asksZh: '原交易有效',               asksEn: 'was it approved, and not undone since?',            fails: (j) => !originalStands(j) },
  { stage: 'original',    name: 'amount of the original',     kinds: WHOLE,      code: '64', remembered: true,  audited: false, asksZh: '与原金额相符',             asksEn: 'is DE4 that of the original?',                      fails: (j) => j.request.amount !== j.original?.amount },
  { stage: 'original',    name: 'within the original',        kinds: ['refund'], code: '64', remembered: true,  audited: false, asksZh: '累计退货不超原金额',       asksEn: 'do all refunds stay within the original?',          fails: (j) => j.amount + (j.original?.taken?.gross ?? 0) > (j.original?.amount ?? 0) },
  { stage: 'original',    name: 'within the hold',            kinds: ['completion'], code: '64', remembered: true, audited: false, asksZh: '完成金额在允许范围',     asksEn: 'is DE4 at most the held amount and its margin?',    fails: (j) => isCompletionTooHigh(j) },
  { stage: 'original',    name: 'reversal of the amount',     kinds: ['reversal'], code: '64', remembered: false, audited: true, asksZh: '冲正金额与原交易相符',   asksEn: '0400: is DE4 that of its original?',                fails: (j) => j.original !== undefined && j.request.amount !== j.original.amount },
  { stage: 'original',    name: 'reversal of the card',       kinds: ['reversal'], code: '94', remembered: false, audited: true, asksZh: '冲正卡号与原交易相符',   asksEn: '0400: is the card, where sent, that of its original?', fails: (j) => isOtherCard(j) },
  { stage: 'original',    name: 'reversal of the UT',         kinds: ['reversal'], code: '94', remembered: false, audited: true, asksZh: '冲正标识与原交易相符',   asksEn: '0400: is UT, where sent, that of its original?',    fails: (j) => j.original !== undefined && j.request.ut !== null && j.request.ut !== j.original.ut },
  { stage: 'PIN',         name: 'PIN not locked',             kinds: HOLDER,     code: '75', remembered: true,  audited: false, asksZh: '密码未锁定',               asksEn: 'were there fewer than three wrong PINs in a row?',  fails: (j) => j.pin === 'locked' },
  { stage: 'PIN',         name: 'PIN sent',                   kinds: HOLDER,     code: '55', remembered: true,  audited: false, asksZh: '已输密码',                 asksEn: 'is a PIN block there, where the card has a PIN?',   fails: (j) => j.pin === 'missing', lines: ['请输密码'] },
  { stage: 'PIN',         name: 'PIN block sound',            kinds: HOLDER,     code: '99', remembered: true,  audited: false, asksZh: '密码格式正确',             asksEn: 'is it a PIN block for this card?',                  fails: (j) => j.pin === 'malformed' },
  { stage: 'PIN',         name: 'third PIN right',            kinds: HOLDER,     code: '75', remembered: true,  audited: true,  asksZh: '第三次密码正确',           asksEn: 'after two wrong PINs in a row: is this one right?', fails: (j) => j.pin === 'wrong and locked' },
  { stage: 'PIN',         name: 'PIN right',                  kinds: HOLDER,     code: '55', remembered: true,  audited: false, asksZh: '密码正确',                 asksEn: 'is the PIN right?',                                 fails: (j) => j.pin === 'wrong' },
  { stage: 'limits',      name: 'within the limit',           kinds: SPENDS,     code: '61', remembered: true,  audited: false, asksZh: '不超单笔限额',             asksEn: 'is DE4 within the limit of one transaction?',       fails: (j) => isAboveLimit(j) },
  { stage: 'balance',     name: 'balance sufficient',         kinds: PRICED,     code: '51', remembered: true,  audited: false, asksZh: '余额充足',                 asksEn: 'do the open lots pay the price under the rules?',   fails: (j) => j.spend === null },
];

/** Whether a row concerns this request: a matter of its MTI and kind alone. */
export function concerns(check: Check, j: Judgement): boolean {
  if (check.kinds === 'every') return true;
  if (check.kinds === 'with MAC') return carriesMac(j.request.message.mti);
  return j.kind !== undefined && check.kinds.includes(j.kind);
}

/** The rows that concern a kind of transaction, by list of stages: found once. Its MTI says whether it carries a MAC. */
type Concerning = Map<TransactionKind | undefined, Map<readonly Stage[], readonly Check[]>>;
const CONCERNING_WITH_MAC: Concerning = new Map();
const CONCERNING_WITHOUT: Concerning = new Map();

function concerning(j: Judgement, stages: readonly Stage[]): readonly Check[] {
  const byKind = carriesMac(j.request.message.mti) ? CONCERNING_WITH_MAC : CONCERNING_WITHOUT;
  let byStages = byKind.get(j.kind);
  if (byStages === undefined) {
    byStages = new Map();
    byKind.set(j.kind, byStages);
  }
  let rows = byStages.get(stages);
  if (rows === undefined) {
    rows = CHECKS.filter((check) => stages.includes(check.stage) && concerns(check, j));
    byStages.set(stages, rows);
  }
  return rows;
}

/**
 * The first row that fails, among those of the given stages; null when all hold.
 * @param stages one list for each place that asks: the rows are found by it
 */
export function firstFailure(j: Judgement, stages: readonly Stage[]): Check | null {
  for (const check of concerning(j, stages)) if (check.fails(j)) return check;
  return null;
}

/** The mandatory fields that are absent, for the log. */
export function missing(j: Judgement): readonly number[] {
  const { spec, message } = j.request;
  return spec === undefined ? [] : missingFields(spec, message);
}

function macIsRight(j: Judgement): boolean {
  const { mac } = j;
  if (!mac.right) return false;
  j.keys = mac.keys;
  noteRightMac(j, mac);
  return true;
}

/** Bit 1 of the bitmap, the first bit after the two bytes of MTI. */
function hasSecondBitmap(j: Judgement): boolean {
  return ((j.request.envelope.body[2] ?? 0) & 0x80) !== 0;
}

function isOtherBatch(j: Judgement): boolean {
  const { mti } = j.request.message;
  return (mti === '0100' || mti === '0200') && j.request.batch !== j.terminal?.batch;
}

/** No track: typed in, but for a 0220 repeated after a restart, whose DE22 says that it was read. */
function isKeyed(j: Judgement): boolean {
  const { de35, message } = j.request;
  if (de35 !== null) return false;
  return message.mti !== '0220' || message.get(22)?.startsWith('01') === true;
}

/** A card that we do not know has no row: what its original kept of it is compared. */
function isOtherCard(j: Judgement): boolean {
  const { original, card, cardRow } = j;
  if (original === undefined || card === null) return false;
  if (original.cardId !== null) return cardRow?.cardId !== original.cardId;
  return original.panMasked !== (card.pan.length < 13 ? '' : maskPan(card.pan));
}

function isOurs(j: Judgement, pan: string): boolean {
  return j.deps.directory.programme.binPrefixes.some((prefix) => pan.startsWith(prefix));
}

function isInactive(j: Judgement): boolean {
  const row = j.cardRow;
  if (row === undefined) return false;
  return row.state === 'stock' || row.state === 'inactive' || row.activeFrom > j.businessDate;
}

/** A card is good until the last day of its month. */
function isExpired(j: Judgement): boolean {
  const row = j.cardRow;
  return row !== undefined && (row.state === 'expired' || row.expiry < j.businessDate.slice(2, 6));
}

/** Keyed entry has no track to check; where keying is allowed, that risk was taken. */
function isTrackGenuine(j: Judgement): boolean {
  const track2 = j.card?.track2;
  if (track2 == null) return true;
  const at = j.deps.directory.programme.cvnOffset;
  const value = track2.discretionary.slice(at, at + 3);
  if (!hasDigits(value, 3)) return false;
  const { vault, keys } = j.deps;
  return vault.verifyCardVerificationValue(keys.cvk, track2.pan, track2.expiry, track2.serviceCode, value);
}

function isAboveLimit(j: Judgement): boolean {
  const { maxPerTransaction } = j.deps.directory.programme;
  return maxPerTransaction > 0 && j.amount > maxPerTransaction;
}
