import { itemOf, parseDe57 } from './de57.ts';
import { PosError } from './errors.ts';
import type { Message } from './message.ts';

/**
 * The catalogue of transactions, one row each; the order is the dialect's. Source: the dialect, clause
 * «Transactions»; `(ours)` in its table marks what UnionPay does not know.
 *
 * Columns
 * - `mti` `de3` `de25` `type601`: what tells the transaction; null where the message has no such field, or
 *   where it is another transaction's (a reversal has its original's).
 * - `code603`: the network management codes, for messages that are told by MTI and 60.3.
 * - `lost`: what the terminal does when the answer does not come, see `LostAnswer`.
 * - `card`: mandatory (DE35, or DE2 with DE14, or chip data), conditional, none.
 * - `counts`: the side of the settlement totals.
 * - `trace`: whether it takes a trace number of its own.
 * - `fields`: mandatory ones, then behind a bar conditional ones. `*` stands for the common fields.
 */

/**
 * What a lost answer means: nothing, try again or not · a reversal is due · the same message again until
 * answered · the confirmation is due · a fate query is due · ask the same again · sign in or send again.
 */
export type LostAnswer =
  | 'nothing'
  | 'reversal'
  | 'repeat'
  | 'confirmation'
  | 'fate query'
  | 'ask again'
  | 'again';

interface Row {
  readonly nameZh: string;
  readonly nameEn: string;
  readonly mti: string;
  readonly de3: string | null;
  readonly de25: string | null;
  readonly type601: string | null;
  readonly code603: readonly string[];
  readonly lost: LostAnswer;
  readonly card: 'mandatory' | 'conditional' | 'none';
  readonly counts: 'debit' | 'credit' | 'no';
  readonly trace: boolean;
  readonly fields: string;
}

/** Of a financial request, and of a reversal. */
const COMMON = { mandatory: [3, 11, 22, 25, 41, 42, 49, 60, 64], conditional: [23, 55, 57] } as const;
/** The card, where it is not excluded. */
const CARD_FIELDS = [2, 14, 35, 36] as const;

// biome-ignore format: a table is read by column
const ROWS = {
  balance:              { mti: '0200', de3: '310000', de25: '00', type601: '01', code603: [],      lost: 'nothing',      card: 'mandatory',   counts: 'no',     trace: true,  fields: '* | 26 52 53',          nameZh: '余额查询',       nameEn: 'balance' },
  sale:                 { mti: '0200', de3: '000000', de25: '00', type601: '22', code603: [],      lost: 'reversal',     card: 'mandatory',   counts: 'debit',  trace: true,  fields: '* 4 | 26 52 53',        nameZh: '消费',           nameEn: 'sale' },
  void:                 { mti: '0200', de3: '200000', de25: '00', type601: '23', code603: [],      lost: 'reversal',     card: 'conditional', counts: 'credit', trace: true,  fields: '* 4 37 61 | 26 38 52 53', nameZh: '消费撤销',     nameEn: 'void' },
  refund:               { mti: '0220', de3: '200000', de25: '00', type601: '25', code603: [],      lost: 'repeat',       card: 'mandatory',   counts: 'credit', trace: true,  fields: '* 4 37 61 63 |',        nameZh: '退货',           nameEn: 'refund' },
  preAuthorisation:     { mti: '0100', de3: '030000', de25: '06', type601: '10', code603: [],      lost: 'reversal',     card: 'mandatory',   counts: 'no',     trace: true,  fields: '* 4 | 26 52 53',        nameZh: '预授权',         nameEn: 'pre-authorisation' },
  preAuthorisationVoid: { mti: '0100', de3: '200000', de25: '06', type601: '11', code603: [],      lost: 'reversal',     card: 'conditional', counts: 'no',     trace: true,  fields: '* 4 38 61 |',           nameZh: '预授权撤销',     nameEn: 'pre-authorisation void' },
  completion:           { mti: '0200', de3: '000000', de25: '06', type601: '20', code603: [],      lost: 'reversal',     card: 'conditional', counts: 'debit',  trace: true,  fields: '* 4 38 61 |',           nameZh: '预授权完成',     nameEn: 'completion' },
  completionVoid:       { mti: '0200', de3: '200000', de25: '06', type601: '21', code603: [],      lost: 'reversal',     card: 'conditional', counts: 'credit', trace: true,  fields: '* 4 37 38 61 |',        nameZh: '预授权完成撤销', nameEn: 'completion void' },
  pointsQuery:          { mti: '0200', de3: '310000', de25: '65', type601: '03', code603: [],      lost: 'nothing',      card: 'mandatory',   counts: 'no',     trace: true,  fields: '* |',                   nameZh: '积分查询',       nameEn: 'points query' },
  pointsSale:           { mti: '0200', de3: '000000', de25: '65', type601: '22', code603: [],      lost: 'reversal',     card: 'mandatory',   counts: 'no',     trace: true,  fields: '* 4 | 26 52 53',        nameZh: '积分消费',       nameEn: 'points sale' },
  pointsVoid:           { mti: '0200', de3: '200000', de25: '65', type601: '23', code603: [],      lost: 'reversal',     card: 'conditional', counts: 'no',     trace: true,  fields: '* 4 37 61 | 26 38 52 53', nameZh: '积分消费撤销', nameEn: 'points void' },
  pointsEarn:           { mti: '0220', de3: '210000', de25: '65', type601: '28', code603: [],      lost: 'repeat',       card: 'mandatory',   counts: 'no',     trace: true,  fields: '* 4 |',                 nameZh: '积分累计',       nameEn: 'points earn' },
  topUpVerification:    { mti: '0100', de3: '330000', de25: '00', type601: '01', code603: [],      lost: 'nothing',      card: 'mandatory',   counts: 'no',     trace: true,  fields: '* 62 |',                nameZh: '账户验证',       nameEn: 'top-up verification' },
  cashTopUp:            { mti: '0200', de3: '630000', de25: '00', type601: '48', code603: [],      lost: 'confirmation', card: 'mandatory',   counts: 'credit', trace: true,  fields: '* 4 37 61 62 |',        nameZh: '现金充值',       nameEn: 'cash top-up' },
  topUpConfirmation:    { mti: '0220', de3: '630000', de25: '00', type601: '48', code603: [],      lost: 'repeat',       card: 'none',        counts: 'no',     trace: true,  fields: '* 4 61 |',              nameZh: '充值确认',       nameEn: 'top-up confirmation' },
  accountTopUp:         { mti: '0200', de3: '400000', de25: '66', type601: '49', code603: [],      lost: 'fate query',   card: 'mandatory',   counts: 'credit', trace: true,  fields: '* 4 62 | 26 52 53',     nameZh: '账户充值',       nameEn: 'account top-up' },
  activation:           { mti: '0200', de3: '900000', de25: '00', type601: '60', code603: [],      lost: 'repeat',       card: 'mandatory',   counts: 'credit', trace: true,  fields: '* 63 | 4',              nameZh: '激活',           nameEn: 'activation' },
  lossReport:           { mti: '0200', de3: '910000', de25: '00', type601: '61', code603: [],      lost: 'repeat',       card: 'conditional', counts: 'no',     trace: true,  fields: '* 62 |',                nameZh: '挂失',           nameEn: 'loss report' },
  pinChange:            { mti: '0200', de3: '920000', de25: '00', type601: '62', code603: [],      lost: 'repeat',       card: 'mandatory',   counts: 'no',     trace: true,  fields: '* 26 52 53 62 |',       nameZh: '改密',           nameEn: 'PIN change' },
  fateQuery:            { mti: '0200', de3: '320000', de25: '00', type601: '63', code603: [],      lost: 'ask again',    card: 'none',        counts: 'no',     trace: true,  fields: '* | 61',                nameZh: '交易状态查询',   nameEn: 'fate query' },
  reversal:             { mti: '0400', de3: null,     de25: null, type601: null, code603: [],      lost: 'repeat',       card: 'conditional', counts: 'no',     trace: false, fields: '* 4 39 | 2 14 38 61 62', nameZh: '冲正',          nameEn: 'reversal' },
  signIn:               { mti: '0800', de3: null,     de25: null, type601: '00', code603: ['001', '003', '004', '005'], lost: 'again', card: 'none', counts: 'no', trace: true,  fields: '11 41 42 60 63 | 57 62', nameZh: '签到',        nameEn: 'sign-in' },
  signOff:              { mti: '0820', de3: null,     de25: null, type601: '00', code603: ['002'], lost: 'again',        card: 'none',        counts: 'no',     trace: false, fields: '41 42 60 | 11 57 62',   nameZh: '签退',           nameEn: 'sign-off' },
  echo:                 { mti: '0820', de3: null,     de25: null, type601: '00', code603: ['301'], lost: 'again',        card: 'none',        counts: 'no',     trace: false, fields: '41 42 60 | 11 57 62',   nameZh: '回响测试',       nameEn: 'echo' },
  status:               { mti: '0820', de3: null,     de25: null, type601: '00', code603: ['362'], lost: 'again',        card: 'none',        counts: 'no',     trace: false, fields: '41 42 60 | 11 57 62',   nameZh: '状态上送',       nameEn: 'status' },
  parameters:           { mti: '0800', de3: null,     de25: null, type601: '00', code603: ['360'], lost: 'again',        card: 'none',        counts: 'no',     trace: false, fields: '41 42 60 | 11 57 62',   nameZh: '参数下载',       nameEn: 'parameter download' },
  parametersEnd:        { mti: '0800', de3: null,     de25: null, type601: '00', code603: ['361'], lost: 'again',        card: 'none',        counts: 'no',     trace: false, fields: '41 42 60 | 11 57 62',   nameZh: '参数下载结束',   nameEn: 'parameter download, end' },
  blacklist:            { mti: '0800', de3: null,     de25: null, type601: '00', code603: ['390'], lost: 'again',        card: 'none',        counts: 'no',     trace: false, fields: '41 42 60 | 11 57 62',   nameZh: '黑名单下载',     nameEn: 'blacklist download' },
  blacklistEnd:         { mti: '0800', de3: null,     de25: null, type601: '00', code603: ['391'], lost: 'again',        card: 'none',        counts: 'no',     trace: false, fields: '41 42 60 | 11 57 62',   nameZh: '黑名单下载结束', nameEn: 'blacklist download, end' },
  settlement:           { mti: '0500', de3: null,     de25: null, type601: '00', code603: ['201'], lost: 'again',        card: 'none',        counts: 'no',     trace: true,  fields: '11 41 42 48 49 60 63 | 57', nameZh: '批结算',     nameEn: 'settlement' },
  batchUpload:          { mti: '0320', de3: null,     de25: null, type601: '00', code603: ['201', '202', '207'], lost: 'again', card: 'none', counts: 'no',     trace: true,  fields: '11 41 42 48 60 | 57',   nameZh: '批上送',         nameEn: 'batch upload' },
} as const satisfies Record<string, Row>;

export type TransactionKind = keyof typeof ROWS;

export interface TransactionSpec {
  readonly kind: TransactionKind;
  readonly nameZh: string;
  readonly nameEn: string;
  readonly mti: string;
  /** MTI + 10. */
  readonly answerMti: string;
  readonly de3: string | null;
  readonly de25: string | null;
  readonly type601: string | null;
  readonly code603: readonly string[];
  readonly lostAnswer: LostAnswer;
  /** Ascending, the common fields among them. The card is judged apart: see `card`. */
  readonly mandatory: readonly number[];
  readonly conditional: readonly number[];
  readonly card: 'mandatory' | 'conditional' | 'none';
  readonly counts: 'debit' | 'credit' | 'no';
  readonly usesTrace: boolean;
}

/** Every transaction by its kind, in the order of the dialect's table. */
export const TRANSACTIONS: Readonly<Record<TransactionKind, TransactionSpec>> = Object.fromEntries(
  (Object.keys(ROWS) as TransactionKind[]).map((kind) => [kind, specOf(kind, ROWS[kind])]),
) as Record<TransactionKind, TransactionSpec>;

const BY_KEY: ReadonlyMap<string, TransactionSpec> = new Map(
  Object.values(TRANSACTIONS).flatMap((spec) => keysOf(spec).map((key) => [key, spec] as const)),
);

/** Which transaction a request is; undefined when it is none that is spoken here: the host answers 40. */
export function transactionOf(message: Message): TransactionSpec | undefined {
  if (message.mti === '0400') return TRANSACTIONS.reversal;
  return find(message, message.mti);
}

/** Which transaction an answer belongs to: 0210 to what is told by 0200. */
export function answeredTransactionOf(answer: Message): TransactionSpec | undefined {
  const spec = Object.values(TRANSACTIONS).find(({ answerMti }) => answerMti === answer.mti);
  if (spec === undefined) return undefined;
  return spec.kind === 'reversal' ? spec : find(answer, spec.mti);
}

/** What a reversal undoes, told by the original's DE3, DE25 and 60.1 that it carries. */
export function reversedTransactionOf(reversal: Message): TransactionSpec | undefined {
  return find(reversal, '0200') ?? find(reversal, '0100') ?? find(reversal, '0220');
}

/**
 * The mandatory fields that a message lacks, ascending. The card is judged apart (`hasCard`): its absence has
 * another response code. DE61 of a fate query may be replaced by `UT` in DE57, DE52 by `PB`.
 */
export function missingFields(spec: TransactionSpec, message: Message): readonly number[] {
  const missing = spec.mandatory.filter((field) => !message.has(field));
  if (spec.kind === 'fateQuery' && !message.has(61) && !hasItem(message, 'UT')) missing.push(61);
  if (missing.length === 0) return missing;
  return missing.filter((field) => field !== 52 || !hasItem(message, 'PB')).sort((a, b) => a - b);
}

/** True when the message names a card: by track 2, by number, or by chip data. */
export function hasCard(message: Message): boolean {
  return message.has(35) || message.has(2) || message.has(55);
}

function find(message: Message, mti: string): TransactionSpec | undefined {
  const de60 = message.get(60) ?? '';
  const managed = BY_KEY.get(`${mti} ${de60.slice(8, 11)}`);
  if (managed !== undefined) return managed;
  return BY_KEY.get(`${mti} ${message.get(3)} ${message.get(25)} ${de60.slice(0, 2)}`);
}

function keysOf(spec: TransactionSpec): readonly string[] {
  if (spec.code603.length > 0) return spec.code603.map((code) => `${spec.mti} ${code}`);
  return spec.de3 === null ? [] : [`${spec.mti} ${spec.de3} ${spec.de25} ${spec.type601}`];
}

function hasItem(message: Message, tag: 'UT' | 'PB'): boolean {
  try {
    return itemOf(parseDe57(message.get(57) ?? ''), tag) !== undefined;
  } catch (error) {
    if (error instanceof PosError) return false;
    throw error;
  }
}

function specOf(kind: TransactionKind, row: Row): TransactionSpec {
  const { lost, trace, fields, ...rest } = row;
  const [mandatory = '', conditional = ''] = fields.split('|');
  const financial = mandatory.startsWith('*');
  const cardFields = financial && kind !== 'reversal' && row.card !== 'none' ? CARD_FIELDS : [];
  return {
    kind,
    ...rest,
    answerMti: row.mti.slice(0, 2) + String(Number(row.mti.charAt(2)) + 1) + row.mti.slice(3),
    lostAnswer: lost,
    mandatory: ascending(mandatory, financial ? COMMON.mandatory : []),
    conditional: ascending(conditional, [...(financial ? COMMON.conditional : []), ...cardFields]),
    usesTrace: trace,
  };
}

function ascending(listed: string, more: readonly number[]): readonly number[] {
  const fields = [...listed.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  return [...fields, ...more].sort((a, b) => a - b);
}
