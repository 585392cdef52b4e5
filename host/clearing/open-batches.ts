/**
 * Which batches are still open after a day closed. A clearing waits for none of them: the books, not the
 * batches, say what is owed. The terminals are asked to settle (header digit 6 is 9), and a batch that was
 * open through the whole day before is named as overdue.
 */
import { responseCode, TRANSACTIONS, type TransactionKind } from '../../protocol/index.ts';
import type { CommitItem, StorePort } from '../store/port.ts';
import type { BatchRow, DifferenceRow, TerminalRow, TransactionRow } from '../store/rows.ts';

/** Header digit 6: the host asks for a settlement. */
export const WANTS_SETTLEMENT = 9;

export interface OpenBatch {
  readonly terminalId: string;
  readonly batch: number;
  readonly state: 'open' | 'uploading';
  /** Transactions up to the cleared day that its settlement would count. */
  readonly transactions: number;
  /** Business date of the first of them. */
  readonly since: string;
  readonly overdue: boolean;
}

/** Each terminal has one open batch. Those in which there is something to settle up to this business date, with their terminals. */
export async function openBatches(
  store: StorePort,
  businessDate: string,
): Promise<readonly { readonly batch: OpenBatch; readonly terminal: TerminalRow }[]> {
  const found: { batch: OpenBatch; terminal: TerminalRow }[] = [];
  for await (const page of store.scan('terminals')) {
    const keys = page.map((row) => ({ key: keyOf(row), withTransactions: false }));
    const rows = new Map((await store.read({ batches: keys })).batches.map((row) => [keyOf(row), row]));
    for (const terminal of page) {
      const batch = await filled(store, terminal, { row: rows.get(keyOf(terminal)), businessDate });
      if (batch !== null) found.push({ batch, terminal });
    }
  }
  return found;
}

function keyOf({ terminalId, batch }: { readonly terminalId: string; readonly batch: number }): string {
  return `${terminalId}|${batch}`;
}

/** Null where there is nothing to settle. */
async function filled(
  store: StorePort,
  terminal: TerminalRow,
  { row, businessDate }: { readonly row: BatchRow | undefined; readonly businessDate: string },
): Promise<OpenBatch | null> {
  if (row?.state === 'closed') return null;
  const { terminalId, batch } = terminal;
  let [transactions, since] = [0, businessDate];
  for await (const page of store.scan('transactions', { terminalId, batch })) {
    for (const one of page) {
      if (one.businessDate > businessDate || !counts(one)) continue;
      transactions += 1;
      if (one.businessDate < since) since = one.businessDate;
    }
  }
  if (transactions === 0) return null;
  const state = row?.state ?? 'open';
  return { terminalId, batch, state, transactions, since, overdue: since < businessDate };
}

/** What a settlement would count: of a counted kind, approved, not reversed since. */
function counts(row: TransactionRow): boolean {
  return (
    row.state !== 'reversed' &&
    responseCode(row.responseCode).approved &&
    (TRANSACTIONS[row.kind as TransactionKind]?.counts ?? 'no') !== 'no'
  );
}

/** Terminals that one commit asks. */
const ASKED_AT_ONCE = 50;
/** How often one is looked at again that changed meanwhile: it signed in, or settled. */
const ATTEMPTS_MAX = 8;

/**
 * Asks the terminals to settle, each by itself: one that changes at this moment keeps no other from being asked. A run that
 * was killed behind it finds them asked.
 *
 * @returns `asked`: how many it asked; a terminal that must sign in first is asked for that, and by the next clearing to settle.
 *   `settled`: those that went to another batch meanwhile
 */
export async function askToSettle(
  store: StorePort,
  terminals: readonly TerminalRow[],
): Promise<{ readonly asked: number; readonly settled: ReadonlySet<string> }> {
  let asked = 0;
  const settled = new Set<string>();
  for (let from = 0; from < terminals.length; from += ASKED_AT_ONCE) {
    let some: readonly TerminalRow[] = terminals
      .slice(from, from + ASKED_AT_ONCE)
      .filter(({ wanted }) => wanted === 0);
    for (let attempt = 1; some.length > 0 && attempt <= ATTEMPTS_MAX; attempt += 1) {
      const outcomes = await store.commit(some.map(asking));
      for (const outcome of outcomes)
        if (!outcome.committed && outcome.failure !== null) throw outcome.failure;
      asked += outcomes.filter(({ committed }) => committed).length;
      const changed = some.filter((_, at) => outcomes[at]?.committed !== true);
      const now = changed.length === 0 ? [] : await asTheyAre(store, changed);
      const isHere = (row: TerminalRow) => changed.some((one) => keyOf(one) === keyOf(row));
      for (const row of now) if (!isHere(row)) settled.add(row.terminalId);
      some = now.filter((row) => isHere(row) && row.wanted === 0);
    }
  }
  // Most that are overdue were asked by an earlier clearing, and may settle at any moment.
  const others = terminals.filter(({ wanted }) => wanted !== 0);
  for (let from = 0; from < others.length; from += ASKED_AT_ONCE) {
    const then = others.slice(from, from + ASKED_AT_ONCE);
    const here = new Set(then.map(keyOf));
    for (const row of await asTheyAre(store, then)) if (!here.has(keyOf(row))) settled.add(row.terminalId);
  }
  return { asked, settled };
}

function asking(row: TerminalRow): CommitItem {
  return {
    guards: [{ kind: 'version', table: 'terminals', key: row.terminalId, version: row.version }],
    changes: { terminals: [{ ...row, version: row.version + 1, wanted: WANTS_SETTLEMENT }] },
    journal: [],
  };
}

async function asTheyAre(
  store: StorePort,
  terminals: readonly TerminalRow[],
): Promise<readonly TerminalRow[]> {
  return (await store.read({ terminalIds: terminals.map(({ terminalId }) => terminalId) })).terminals;
}

/**
 * One named difference for each overdue batch.
 * @param named differences that an earlier run of the same day has named already
 */
export function overdueDifferences(
  open: readonly OpenBatch[],
  named: ReadonlySet<string>,
  day: { readonly businessDate: string; readonly at: number },
): readonly DifferenceRow[] {
  return open
    .filter(({ overdue }) => overdue)
    .map((batch) => overdueDifference(batch, day))
    .filter(({ differenceId }) => !named.has(differenceId));
}

function overdueDifference(
  batch: OpenBatch,
  day: { readonly businessDate: string; readonly at: number },
): DifferenceRow {
  return {
    differenceId: `overdue-${day.businessDate}-${batch.terminalId}-${batch.batch}`,
    businessDate: day.businessDate,
    kind: 'overdue-batch',
    terminalId: batch.terminalId,
    batch: batch.batch,
    trace: null,
    transactionId: null,
    theirs: null,
    ours: null,
    causeZh: `批次自 ${batch.since} 起未结算,共 ${batch.transactions} 笔,已通知终端结算`,
    causeEn: `not settled since ${batch.since}, ${batch.transactions} transactions; the terminal was asked to settle`,
    at: day.at,
  };
}
