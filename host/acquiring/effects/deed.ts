/**
 * What was decided about a request, made lasting: the transaction's row, the remembered answer, the
 * journal record, and the answer itself. All of it rides in one commit.
 */
import { ensure, fen, maskPan } from '../../../protocol/index.ts';
import type { Entry, Rates, SaleMoney } from '../../ledger/model.ts';
import type { Stamp } from '../../ledger/postings.ts';
import type { AccountRow, LotRow, TransactionRow, TransactionState } from '../../store/rows.ts';
import { type Answer, type Items, issuerAndAcquirer, judgedAt, slipLines } from '../answer.ts';
import { burntUtKey } from '../identity.ts';
import { journalTransaction } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';
import { authorisationCode } from '../reference-numbers.ts';
import { batchKey } from '../row-names.ts';

/** What a flow makes of a request. */
export interface Deed {
  /** DE39. */
  readonly code: string;
  readonly state: TransactionState;
  readonly original?: TransactionRow | undefined;
  readonly money?: SaleMoney | null;
  readonly rates?: Rates | null;
  /** Of what was priced. */
  readonly trace57?: string;
  readonly entries?: readonly Entry[];
  /** An approval gets DE38. */
  readonly authorised?: boolean;
  /** DE54. */
  readonly balances?: string;
  /** Fields beside those that every answer has. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly items?: Items;
  /** Slip lines that say what DE57 says in items: made for a peer that only prints DE63. */
  readonly lines?: () => readonly string[];
  /** What no item says: DE57 `TX` for a peer that speaks it, DE63 for others. */
  readonly remarks?: readonly string[];
  /** False for what is judged afresh each time. */
  readonly remembered?: boolean;
}

/** The stamp of an entry that this request causes. */
export function stampOf(j: Judgement, transactionId: string, corrects: string | null = null): Stamp {
  return {
    entryId: j.deps.numbers.nextId(j.now),
    businessDate: j.businessDate,
    cause: { id: transactionId, kind: 'transaction' },
    at: j.now,
    branchId: j.profile?.branchId ?? null,
    terminalId: j.request.terminalId,
    corrects,
  };
}

/** Writes the deed and gives its answer. `transactionId` comes from `numbers.nextId`. */
export function conclude(j: Judgement, transactionId: string, deed: Deed): Answer {
  j.transactionId = transactionId;
  const rrn = j.deps.numbers.next();
  const auth = deed.authorised === true ? authorisationCode(rrn) : null;
  const row = transactionRow(j, transactionId, deed, rrn, auth);
  const speaks = j.terminal?.speaksDe57 === true && deed.state === 'approved';
  const { remarks = [], items = [], entries = [] } = deed;
  const fields = judgedAt(j);
  fields[37] = rrn;
  if (auth !== null) fields[38] = auth;
  fields[39] = deed.code;
  fields[44] = issuerAndAcquirer(j);
  if (deed.balances !== undefined) fields[54] = deed.balances;
  if (!speaks) {
    const { 63: lines } = slipLines(deed.lines?.() ?? [], remarks);
    if (lines !== undefined) fields[63] = lines;
  }
  // Of the seldom ones: Object.assign takes its time over keys that are numbers.
  if (deed.fields !== undefined) Object.assign(fields, deed.fields);
  const answer: Answer = {
    fields,
    items: speaks && remarks.length > 0 ? [...items, ...remarks.map((line) => ['TX', line] as const)] : items,
  };
  const { writes } = j;
  writes.put('transactions', row);
  writes.put('entries', ...entries);
  if (deed.remembered !== false) remember(j, answer, transactionId);
  if (row.ut !== null) {
    writes.unused(row.ut);
    // Another host may be telling, at this moment, that it never came.
    writes.absent('identities', burntUtKey(row.ut));
  }
  if (entries.length > 0) writes.duringDay(j.view.day);
  journalTransaction(j, row, entries);
  return answer;
}

/** Keeps an answer under the request's identity: a repeat gets it again. */
export function remember(j: Judgement, answer: Answer, transactionId: string | null): void {
  const { request } = j;
  j.writes.insert('identities', request.identity, {
    key: request.identity,
    fingerprint: j.fingerprint,
    ut: request.ut,
    transactionId,
    answer,
    at: j.now,
  });
}

/** Marks a UT whose transaction has not come: if it comes later, under whatever identity, it is answered 12. */
export function burnUt(j: Judgement, ut: string): void {
  burn(j, burntUtKey(ut));
  // One that somebody else's terminal used is no reason to refuse this answer: it is 94 here anyway.
  if (j.view.transactionsByUt(ut).length === 0) j.writes.unused(ut);
}

/** Marks an identity whose original has not come: if it comes later, it is answered 12. */
export function burn(j: Judgement, identity: string): void {
  if (j.view.identity(identity) !== undefined) return;
  j.writes.insert('identities', identity, {
    key: identity,
    fingerprint: '',
    ut: j.request.ut,
    transactionId: null,
    answer: null,
    at: j.now,
  });
}

function transactionRow(
  j: Judgement,
  transactionId: string,
  deed: Deed,
  rrn: string,
  auth: string | null,
): TransactionRow {
  const { request, profile } = j;
  const { kind } = request.spec ?? {};
  ensure(kind !== undefined, 'only a kind of the catalogue is concluded');
  const pan = j.card?.pan;
  const ownUt = deed.remembered !== false && request.message.mti !== '0400';
  return {
    transactionId,
    version: 1,
    // A 0400 and a query carry their original's UT, or one that may come again: the row has none.
    ut: ownUt ? request.ut : null,
    identity: request.identity,
    kind,
    state: deed.state,
    responseCode: deed.code,
    terminalId: request.terminalId,
    merchantId: request.merchantId,
    branchId: profile?.branchId ?? '',
    batch: request.batch,
    trace: request.trace,
    rrn,
    auth,
    accountId: j.cardRow?.accountId ?? deed.original?.accountId ?? null,
    cardId: j.cardRow?.cardId ?? deed.original?.cardId ?? null,
    panMasked: pan === undefined ? (deed.original?.panMasked ?? '') : maskedOrBlank(pan),
    amount: request.amount ?? fen(0),
    businessDate: j.businessDate,
    localDate: j.localTime.date,
    localTime: j.localTime.time,
    entryMode: request.message.get(22) ?? '',
    originalId: deed.original?.transactionId ?? null,
    money: deed.money ?? null,
    rates: deed.rates ?? null,
    taken: null,
    entryId: deed.entries?.[0]?.entryId ?? null,
    rebateRun: null,
    afterClose: isOfOpenBatch(j, request) ? null : 'came',
    trace57: deed.trace57 ?? '',
    operator: request.operator,
    at: j.now,
  };
}

/** False for a batch of this terminal that is closed: it counts in no total any more. */
export function isOfOpenBatch(
  j: Judgement,
  { terminalId, batch }: { readonly terminalId: string; readonly batch: number },
): boolean {
  return j.terminal === undefined || terminalId !== j.terminal.terminalId || batch === j.terminal.batch;
}

/** What is too short to be a card number is not shown in part either. */
function maskedOrBlank(pan: string): string {
  return pan.length < 13 ? '' : maskPan(pan);
}

/**
 * The account's lots after a movement: only changed rows are written, under the account's version.
 * @param changes of the account's own row
 */
export function writeLots(
  j: Judgement,
  accountId: string,
  before: readonly LotRow[],
  after: readonly LotRow[],
  changes: Partial<AccountRow> | null = null,
): void {
  j.writes.replace('accounts', j.accountOf(accountId), changes);
  j.writes.put('lots', ...after.filter((lot) => !before.includes(lot)));
}

/**
 * A settlement of this batch that is decided meanwhile, here or on another host, must see this
 * transaction: the batch's row gets a new version.
 */
export function touchBatch(j: Judgement, terminalId: string, batch: number): void {
  const key = batchKey(terminalId, batch);
  const row = j.view.batch(key);
  if (row !== undefined) {
    j.writes.replace('batches', row, null);
    return;
  }
  j.writes.insert('batches', key, openBatch(terminalId, batch, j.request.merchantId, j.now));
}

/** The row of a batch that begins. */
export function openBatch(terminalId: string, batch: number, merchantId: string, at: number) {
  return {
    terminalId,
    batch,
    version: 1,
    merchantId,
    state: 'open' as const,
    openedAt: at,
    closedAt: null,
    closedBy: null,
    cause: null,
    terminalTotals: null,
    hostTotals: null,
    closingTotals: null,
    result: null,
  };
}
