/** Closing a batch opens the next one at once, in the same commit. */
import { buildHt, ensure } from '../../../protocol/index.ts';
import type { Wants } from '../../store/port.ts';
import type { BatchRow, DifferenceRow } from '../../store/rows.ts';
import { journalTerminalEvent } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';
import { batchKey } from '../row-names.ts';
import { hostTotals, NO_TOTALS } from './batch-totals.ts';
import { openBatch } from './deed.ts';
import { namesOfOwed, type OwedReversal } from './owed-reversals.ts';

/** The version of a row that `batchOf` made up. */
const NOT_WRITTEN = 0;
const BATCH_MAX = 999_999;
const WANTED_SETTLEMENT = 9;

const batchAfter = (batch: number) => (batch === BATCH_MAX ? 1 : batch + 1);

/**
 * Whether the number after the last was a batch of this terminal before. Identities, transactions and
 * uploads are found by it for as long as the books are kept: it is not used again.
 */
export function areNumbersUsedUp(j: Judgement): boolean {
  const { terminalId, batch } = j.request;
  if (batch !== BATCH_MAX || j.terminal?.batch !== batch) return false;
  const after = j.view.batch(batchKey(terminalId, batchAfter(batch)));
  return after !== undefined && after.state !== 'open';
}

/** What closing a batch looks at: the batch with all that is in it, and the one that follows it. */
export function wantToClose(terminalId: string, batch: number): Wants {
  return {
    batches: [
      { key: batchKey(terminalId, batch), withTransactions: true },
      { key: batchKey(terminalId, batchAfter(batch)), withTransactions: false },
    ],
  };
}

/** The row of the request's batch; one that is open but was never written begins now. Null: there is no such batch. */
export function batchOf(j: Judgement): BatchRow | null {
  const { terminalId, batch, merchantId } = j.request;
  const row = j.view.batch(batchKey(terminalId, batch));
  if (row !== undefined) return row;
  if (j.terminal?.batch !== batch) return null;
  const first = openBatch(terminalId, batch, merchantId, j.now);
  return { ...first, version: NOT_WRITTEN };
}

/** Changes a batch's row; one that was never written is written now. */
export function writeBatch(j: Judgement, row: BatchRow, changes: Partial<BatchRow>): void {
  if (row.version === NOT_WRITTEN) {
    j.writes.insert('batches', batchKey(row.terminalId, row.batch), { ...row, ...changes, version: 1 });
  } else j.writes.replace('batches', row, changes);
}

interface Closing {
  /** What the 0500 said and what was answered. */
  readonly figures?: Partial<BatchRow>;
  /** Reversals that are the cause of a shortage which the upload has named: not named again. */
  readonly explained?: readonly OwedReversal[];
}

/**
 * Closes the batch and names the reversals that are owed still.
 * @returns what it named
 */
export function closeBatch(
  j: Judgement,
  row: BatchRow,
  closedBy: 'settlement' | 'upload',
  { figures = {}, explained = [] }: Closing = {},
): readonly Named[] {
  const { terminal, writes } = j;
  ensure(terminal?.batch === row.batch, 'only the open batch is closed');
  const counted = hostTotals(j.view.batchTransactions(batchKey(row.terminalId, row.batch)));
  const closingTotals = buildHt(counted, NO_TOTALS);
  writeBatch(j, row, { ...figures, state: 'closed', closedAt: j.now, closedBy, closingTotals });
  const next = batchAfter(row.batch);
  const wanted = terminal.wanted === WANTED_SETTLEMENT ? 0 : terminal.wanted;
  j.terminal = writes.replace('terminals', terminal, { batch: next, wanted });
  const key = batchKey(row.terminalId, next);
  // A terminal counts on by itself: an advice of its next batch may have opened that one already.
  if (j.view.batch(key)?.state !== 'open') {
    writes.insert('batches', key, openBatch(row.terminalId, next, row.merchantId, j.now));
  }
  writes.duringDay(j.view.day);
  // A reversal that a supervisor set aside is owed still: it no longer holds the batch open, but it is named.
  const owed = namesOfOwed(j.request.owed, explained);
  for (const difference of owed) nameDifference(j, row, difference);
  journalTerminalEvent(j, 'batch closed', { batch: row.batch, closedBy, opened: next });
  return owed;
}

export type Named = Pick<DifferenceRow, 'kind' | 'causeZh' | 'causeEn'> & Partial<DifferenceRow>;

export function nameDifference(
  j: Judgement,
  row: Pick<BatchRow, 'terminalId' | 'batch'>,
  named: Named,
): void {
  j.writes.put('differences', {
    differenceId: j.deps.numbers.nextId(j.now),
    businessDate: j.businessDate,
    terminalId: row.terminalId,
    batch: row.batch,
    trace: null,
    transactionId: null,
    theirs: null,
    ours: null,
    at: j.now,
    ...named,
  });
}
