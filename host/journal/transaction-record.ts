/** What the journal keeps of every judged transaction, approved or declined. */
import { amount12, PosError } from '../../protocol/index.ts';
import type { Entry } from '../ledger/model.ts';
import type { JournalDraft } from '../store/port.ts';
import type { TransactionRow } from '../store/rows.ts';
import { entryJson, moneyJson, ratesJson, textsJson } from './ledger-text.ts';
import { innerJson, leafHash, textJson, textOrNullJson, wholeJson } from './record.ts';

/** What is recorded of a transaction's row. */
export type JudgedTransaction = Pick<
  TransactionRow,
  | 'transactionId'
  | 'ut'
  | 'kind'
  | 'responseCode'
  | 'terminalId'
  | 'merchantId'
  | 'branchId'
  | 'batch'
  | 'trace'
  | 'rrn'
  | 'auth'
  | 'accountId'
  | 'cardId'
  | 'panMasked'
  | 'amount'
  | 'businessDate'
  | 'localDate'
  | 'localTime'
  | 'entryMode'
  | 'originalId'
  | 'money'
  | 'rates'
  | 'operator'
  | 'at'
>;

/** What is recorded beside its row. */
export interface Circumstances {
  /** MTI of the request, four digits. */
  readonly mti: string;
  /** DE3, six digits, and DE25, two digits, as requested; null when the request had none. */
  readonly processingCode: string | null;
  readonly conditionCode: string | null;
  /** The entry that it made, null when it moved no money. */
  readonly entry: Entry | null;
  /** DE57 `TH`: the head of the terminal's own journal, when sent. */
  readonly terminalHead: string | null;
}

/** SHA-256 (as a leaf) over the canonical JSON of an entry: ties the record to each posting. */
export function entryDigest(entry: Entry): string {
  return leafHash(entryJson(entry));
}

/** Six digits, asterisks, four digits: the only form in which a card number enters a record. */
const MASKED = /^(\d{6}\*{3,9}\d{4})?$/;

/**
 * The record of a judged transaction. Fields of the message keep the standard's numbers (`DE2` masked,
 * `DE4` twelve digits …), items of DE57 their tags; amounts inside `money` are whole fen.
 *
 * @throws INVARIANT when the card number is not masked
 */
export function transactionRecord(judged: JudgedTransaction, around: Circumstances): JournalDraft {
  if (!MASKED.test(judged.panMasked))
    throw new PosError('INVARIANT', 'a journal record takes a masked card number only');
  const { entry } = around;
  const { money, rates } = judged;
  // Canonical JSON, which has its keys in this order: a property test holds it against `canonicalJson`.
  const body =
    `{"DE11":"${innerJson(judged.trace)}` +
    `","DE12":"${innerJson(judged.localTime)}` +
    `","DE13":"${innerJson(judged.localDate)}` +
    `","DE2":"${innerJson(judged.panMasked)}` +
    `","DE22":"${innerJson(judged.entryMode)}` +
    `","DE25":${textOrNullJson(around.conditionCode)}` +
    `,"DE3":${textOrNullJson(around.processingCode)}` +
    `,"DE37":"${innerJson(judged.rrn)}` +
    `","DE38":${textOrNullJson(judged.auth)}` +
    `,"DE39":"${innerJson(judged.responseCode)}` +
    `","DE4":"${amount12(judged.amount)}` +
    `","DE41":"${innerJson(judged.terminalId)}` +
    `","DE42":"${innerJson(judged.merchantId)}` +
    `","DE60.2":${wholeJson(judged.batch)}` +
    `,"DE63.1":${textOrNullJson(judged.operator)}` +
    `,"MTI":"${innerJson(around.mti)}` +
    `","RU":${rates === null ? '[]' : textsJson(rates.ruleIds)}` +
    `,"TH":${textOrNullJson(around.terminalHead)}` +
    `,"UT":${textOrNullJson(judged.ut)}` +
    `,"accountId":${textOrNullJson(judged.accountId)}` +
    `,"at":${wholeJson(judged.at)}` +
    `,"branchId":"${innerJson(judged.branchId)}` +
    `","businessDate":"${innerJson(judged.businessDate)}` +
    `","cardId":${textOrNullJson(judged.cardId)}` +
    `,"entryDigest":${entry === null ? 'null' : `"${entryDigest(entry)}"`}` +
    `,"entryId":${entry === null ? 'null' : textJson(entry.entryId)}` +
    `,"kind":"${innerJson(judged.kind)}` +
    `","money":${money === null ? 'null' : moneyJson(money)}` +
    `,"originalId":${textOrNullJson(judged.originalId)}` +
    `,"rates":${rates === null ? 'null' : ratesJson(rates)}` +
    `,"transactionId":"${innerJson(judged.transactionId)}` +
    '","type":"transaction"}';
  return { body };
}
