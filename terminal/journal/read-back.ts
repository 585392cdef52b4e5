/** The journal read by somebody else: an auditor, the demonstration's proof, a support engineer. */
import type { Fen, SideTotals, TransactionKind } from '../../protocol/index.ts';
import { STATES, type TransactionState } from '../transaction-states.ts';
import { genesisHead, readSegment, refuseTorn } from './chain.ts';
import type { JournalDisk } from './disk.ts';
import { fileDisk } from './file-disk.ts';
import { segmentNames } from './journal.ts';
import type { JournalEvent, TerminalState } from './model.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { apply, approvedAmount, countedTransactions, newTerminalState, totalsOf } from './state.ts';

/** One transaction as its journal left it. No full card number is in it. */
export interface JournalTransaction {
  readonly ut: string;
  readonly kind: TransactionKind;
  readonly state: TransactionState;
  readonly batch: number;
  readonly trace: string;
  readonly amount: Fen;
  readonly panMasked: string | null;
  readonly rrn: string | null;
}

export interface JournalBatch {
  readonly segment: string;
  readonly batch: number;
  readonly closed: boolean;
  /** What DE48 of the 0500 says for own cards. */
  readonly totals: SideTotals;
  readonly transactions: readonly JournalTransaction[];
  /** As printed on the settlement slip; null while the batch is open. */
  readonly hostTotals: SideTotals | null;
}

export interface TerminalJournalReport {
  readonly terminalId: string;
  readonly merchantId: string;
  readonly records: number;
  /** DE57 `TH` after the last record. */
  readonly head: string;
  readonly batches: readonly JournalBatch[];
  /** Reversals and repeats that are still owed. */
  readonly open: readonly JournalTransaction[];
  /** Bytes behind the last complete record: a power cut that no start has put right yet. */
  readonly tornBytes: number;
}

/** Reads and proves every segment of a journal directory. @throws JOURNAL_DAMAGED */
export async function readTerminalJournal(directory: string): Promise<TerminalJournalReport> {
  return readJournalFrom(fileDisk(nodeFileSystem, directory));
}

/** The same over any disk. */
export async function readJournalFrom(disk: JournalDisk): Promise<TerminalJournalReport> {
  const names = segmentNames(await disk.list());
  const batches: JournalBatch[] = [];
  let state = newTerminalState('', '');
  let head: string | null = null;
  let records = 0;
  let tornBytes = 0;
  for (const name of names) {
    const bytes = await disk.read(name);
    const reading = readSegment(name, bytes, head ?? genesisHead(owner(bytes)));
    tornBytes = reading.torn.length;
    if (name !== names.at(-1)) refuseTorn(name, reading);
    let closed: JournalBatch | null = null;
    for (const record of reading.records) {
      const event = JSON.parse(record.body) as JournalEvent;
      if (event.type === 'batch closed' || event.type === 'batch adopted')
        closed = batchReport(name, state, event);
      state = apply(state, event);
      head = record.head;
      records += 1;
    }
    if (reading.records.length > 0) batches.push(closed ?? batchReport(name, state, null));
  }
  const open = state.transactions.filter((one) => STATES[one.state].open !== 'no').map(journalTransaction);
  const { terminalId, merchantId } = state;
  return { terminalId, merchantId, records, head: head ?? genesisHead(terminalId), batches, open, tornBytes };
}

/** The terminal that the first record names, so that the first head can be computed. */
function owner(bytes: Buffer): string {
  const end = bytes.indexOf(0x0a);
  const match = /"terminalId":"([^"]*)"/.exec(bytes.subarray(0, end === -1 ? 0 : end).toString('utf8'));
  return match?.[1] ?? '';
}

function batchReport(segment: string, state: TerminalState, closing: JournalEvent | null): JournalBatch {
  const slip = closing?.type === 'batch closed' ? closing.slip.slip : null;
  return {
    segment,
    batch: state.batch,
    closed: closing !== null,
    totals: totalsOf(countedTransactions(state, state.batch)),
    transactions: state.transactions.filter((one) => one.batch === state.batch).map(journalTransaction),
    hostTotals: slip?.form === 'settlement' ? (slip.data.host?.own ?? null) : null,
  };
}

function journalTransaction(one: TerminalState['transactions'][number]): JournalTransaction {
  const { ut, kind, state, batch, trace, panMasked } = one;
  return {
    ut,
    kind,
    state,
    batch,
    trace,
    amount: approvedAmount(one),
    panMasked,
    rrn: one.answer?.rrn ?? null,
  };
}
