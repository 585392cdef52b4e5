/**
 * Which batches are still open after a day closed. A clearing waits for none of them: the books, not the
 * batches, say what is owed. The terminals are asked to settle (header digit 6 is 9), and a batch that was
 * open through the whole day before is named as overdue.
 */
import { responseCode, TRANSACTIONS, type TransactionKind } from '../../protocol/index.ts';
import type { Changes, Guard, StorePort } from '../store/port.ts';
import type { DifferenceRow, TerminalRow, TransactionRow } from '../store/rows.ts';

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

/** Terminals whose open batch one read asks for, with its transactions. */
const READ_AT_ONCE = 50;

/** Each terminal has one open batch. Those in which there is something to settle up to this business date, with their terminals. */
export async function openBatches(
  store: StorePort,
  businessDate: string,
): Promise<readonly { readonly batch: OpenBatch; readonly terminal: TerminalRow }[]> {
  const found: { batch: OpenBatch; terminal: TerminalRow }[] = [];
  for await (const page of store.scan('terminals')) {
    for (let from = 0; from < page.length; from += READ_AT_ONCE) {
      found.push(...(await filled(store, page.slice(from, from + READ_AT_ONCE), businessDate)));
    }
  }
  return found;
}

async function filled(store: StorePort, terminals: readonly TerminalRow[], businessDate: string) {
  const keys = terminals.map(({ terminalId, batch }) => ({
    key: `${terminalId}|${batch}`,
    withTransactions: true,
  }));
  const { transactions, batches } = await store.read({ batches: keys });
  return terminals.flatMap((terminal) => {
    const row = batches.find((one) => one.terminalId === terminal.terminalId && one.batch === terminal.batch);
    const dates = transactions
      .filter((one) => belongs(one, terminal) && one.businessDate <= businessDate)
      .map((one) => one.businessDate)
      .sort();
    const [since] = dates;
    if (since === undefined || row?.state === 'closed') return [];
    const batch: OpenBatch = {
      terminalId: terminal.terminalId,
      batch: terminal.batch,
      state: row?.state ?? 'open',
      transactions: dates.length,
      since,
      overdue: since < businessDate,
    };
    return [{ batch, terminal }];
  });
}

/** What a settlement would count: of a counted kind, approved, not reversed since. */
function belongs(row: TransactionRow, terminal: TerminalRow): boolean {
  return (
    row.terminalId === terminal.terminalId &&
    row.batch === terminal.batch &&
    row.state !== 'reversed' &&
    responseCode(row.responseCode).approved &&
    (TRANSACTIONS[row.kind as TransactionKind]?.counts ?? 'no') !== 'no'
  );
}

/**
 * What the step commits: the terminals that are asked, and one named difference for each overdue batch.
 *
 * @param named differences that an earlier run of the same day has named already
 */
export function askToSettle(
  open: readonly { readonly batch: OpenBatch; readonly terminal: TerminalRow }[],
  named: ReadonlySet<string>,
  day: { readonly businessDate: string; readonly at: number },
): { readonly guards: readonly Guard[]; readonly changes: Changes } {
  // A terminal that must sign in first is asked for that; the next clearing asks it to settle.
  const asked = open.map(({ terminal }) => terminal).filter(({ wanted }) => wanted === 0);
  const overdue = open.filter(({ batch }) => batch.overdue).map(({ batch }) => overdueDifference(batch, day));
  return {
    guards: asked.map(({ terminalId, version }) => ({
      kind: 'version',
      table: 'terminals',
      key: terminalId,
      version,
    })),
    changes: {
      terminals: asked.map((row) => ({ ...row, version: row.version + 1, wanted: WANTS_SETTLEMENT })),
      differences: overdue.filter(({ differenceId }) => !named.has(differenceId)),
    },
  };
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
