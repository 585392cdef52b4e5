/** What the journal keeps of every judged transaction, approved or declined. */
import { amount12, PosError } from '../../protocol/index.ts';
import type { Entry } from '../ledger/model.ts';
import type { JournalDraft } from '../store/port.ts';
import type { TransactionRow } from '../store/rows.ts';
import { canonicalJson, leafHash } from './record.ts';

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
  return leafHash(canonicalJson(entry));
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
  // In the order in which it is written, so that nothing has to be sorted.
  // biome-ignore format: a table is read by column
  return {
    body: canonicalJson({
      DE11:         judged.trace,
      DE12:         judged.localTime,
      DE13:         judged.localDate,
      DE2:          judged.panMasked,
      DE22:         judged.entryMode,
      DE25:         around.conditionCode,
      DE3:          around.processingCode,
      DE37:         judged.rrn,
      DE38:         judged.auth,
      DE39:         judged.responseCode,
      DE4:          amount12(judged.amount),
      DE41:         judged.terminalId,
      DE42:         judged.merchantId,
      'DE60.2':     judged.batch,
      'DE63.1':     judged.operator,
      MTI:          around.mti,
      RU:           judged.rates?.ruleIds ?? [],
      TH:           around.terminalHead,
      UT:           judged.ut,
      accountId:    judged.accountId,
      at:           judged.at,
      branchId:     judged.branchId,
      businessDate: judged.businessDate,
      cardId:       judged.cardId,
      entryDigest:  around.entry === null ? null : entryDigest(around.entry),
      entryId:      around.entry?.entryId ?? null,
      kind:         judged.kind,
      money:        judged.money,
      originalId:   judged.originalId,
      rates:        judged.rates,
      transactionId: judged.transactionId,
      type:         'transaction',
    }),
  };
}
