/** What the acquirer writes into the audit journal beside money: judged transactions and terminal events. */
import { maskPan } from '../../protocol/index.ts';
import { canonicalJson } from '../journal/record.ts';
import { entryDigest, transactionRecord } from '../journal/transaction-record.ts';
import type { Entry } from '../ledger/model.ts';
import type { TransactionRow } from '../store/rows.ts';
import type { Judgement } from './judgement.ts';

/** The record of a judged transaction, and one more for each further entry that it made. */
export function journalTransaction(j: Judgement, row: TransactionRow, entries: readonly Entry[]): void {
  const { message, terminalHead } = j.request;
  const [entry = null, ...further] = entries;
  const record = transactionRecord(row, {
    mti: message.mti,
    processingCode: message.get(3) ?? null,
    conditionCode: message.get(25) ?? null,
    entry,
    terminalHead,
  });
  for (const each of further) {
    const { entryId, event } = each;
    const digest = entryDigest(each);
    journal(j, { type: 'entry', transactionId: row.transactionId, event, entryId, entryDigest: digest });
  }
  // The transaction's own record comes last: its head is what the answer carries.
  j.writes.journal(record.body);
}

/**
 * An event for the security log: a request that contradicts what is known, keys that were dropped, a
 * PIN that was locked, a card that is lost or not genuine.
 */
export function journalSecurityEvent(j: Judgement, event: string): void {
  const { message, trace, batch, merchantId, ut } = j.request;
  journal(j, {
    type: 'security-event',
    event,
    MTI: message.mti,
    DE3: message.get(3) ?? null,
    DE2: j.card === null || j.card.pan.length < 13 ? '' : maskPan(j.card.pan),
    DE4: message.get(4) ?? null,
    DE11: trace,
    DE42: merchantId,
    'DE60.2': batch,
    UT: ut,
  });
}

/** What a terminal did outside of transactions, or tells about itself: sign-in, settlement, what it owes. */
export function journalTerminalEvent(j: Judgement, event: string, about: object = {}): void {
  const { terminalHead, owed } = j.request;
  journal(j, { type: 'terminal', event, TH: terminalHead, OW: owed, ...about });
}

/** The same, found out after the transaction was judged: its own record stays the last of the commit. */
export function journalTerminalNews(j: Judgement, event: string): void {
  const { terminalHead, owed } = j.request;
  j.writes.journalFirst(bodyOf(j, { type: 'terminal', event, TH: terminalHead, OW: owed }));
}

function journal(j: Judgement, record: object): void {
  j.writes.journal(bodyOf(j, record));
}

function bodyOf(j: Judgement, record: object): string {
  return canonicalJson({ ...record, DE41: j.request.terminalId, at: j.now, businessDate: j.businessDate });
}
