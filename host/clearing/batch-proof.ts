/**
 * Batches against files: what the host counted when it closed each batch must be what the files of the
 * day, and the transactions of its other days, add up to.
 */
import { parseHt, responseCode, TRANSACTIONS } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import type { BatchRow, TransactionRow } from '../store/rows.ts';
import { check } from './check.ts';
import type { Check } from './model.ts';
import type { FileReading } from './read-back.ts';

/** Batches that one read asks for, with their transactions. */
const READ_AT_ONCE = 20;

/** Every closed batch that has a row in the day's files. A batch that is still open has nothing to compare yet. */
export async function proveBatches(
  store: StorePort,
  businessDate: string,
  details: readonly FileReading[],
): Promise<Check> {
  const amounts = new Map<string, number>();
  const keys = new Set<string>();
  for (const { rows } of details) {
    for (const { text, fen } of rows) {
      if (text['交易类型'] === '冲正' || text['交易批次号'] === '') continue;
      amounts.set(text['交易单号'] ?? '', Math.abs(fen['交易金额'] ?? 0));
      keys.add(`${text['终端号'] ?? ''}|${Number(text['交易批次号'])}`);
    }
  }
  const wrong: string[] = [];
  let settled = 0;
  const sorted = [...keys].sort();
  for (let from = 0; from < sorted.length; from += READ_AT_ONCE) {
    const wanted = sorted.slice(from, from + READ_AT_ONCE);
    const found = await store.read({ batches: wanted.map((key) => ({ key, withTransactions: true })) });
    for (const batch of found.batches) {
      if (batch.state !== 'closed') continue;
      const rows = found.transactions.filter(
        (row) => row.terminalId === batch.terminalId && row.batch === batch.batch && stoodAtClosing(row),
      );
      settled += 1;
      const difference = compared(batch, rows, { businessDate, amounts });
      if (difference !== null) wrong.push(`${batch.terminalId}|${batch.batch} ${difference}`);
    }
  }
  return check(
    '文件 = 终端批次结清时的主机总额',
    'files = host totals of the batches as they closed',
    wrong,
    `${settled} 批 batches`,
  );
}

interface Facts {
  readonly businessDate: string;
  /** As the files of the day tell them, by transaction. */
  readonly amounts: ReadonlyMap<string, number>;
}

function compared(batch: BatchRow, rows: readonly TransactionRow[], facts: Facts): string | null {
  if (batch.closingTotals === null) return 'closed without totals';
  const { own, foreign } = parseHt(batch.closingTotals);
  const sums = { debitAmount: 0, debitCount: 0, creditAmount: 0, creditCount: 0 };
  for (const row of rows) {
    const side = sideOf(row);
    if (side === 'no') continue;
    // A row of the day counts with what its file says; one that no merchant file tells, with its own amount.
    const amount =
      (row.businessDate === facts.businessDate ? facts.amounts.get(row.transactionId) : undefined) ??
      row.amount;
    if (side === 'debit') {
      sums.debitAmount += amount;
      sums.debitCount += 1;
    } else {
      sums.creditAmount += amount;
      sums.creditCount += 1;
    }
  }
  const stated = {
    debitAmount: own.debitAmount + foreign.debitAmount,
    debitCount: own.debitCount + foreign.debitCount,
    creditAmount: own.creditAmount + foreign.creditAmount,
    creditCount: own.creditCount + foreign.creditCount,
  };
  const same =
    sums.debitAmount === stated.debitAmount &&
    sums.debitCount === stated.debitCount &&
    sums.creditAmount === stated.creditAmount &&
    sums.creditCount === stated.creditCount;
  return same ? null : `${JSON.stringify(stated)} ≠ ${JSON.stringify(sums)}`;
}

function sideOf(row: TransactionRow): 'debit' | 'credit' | 'no' {
  if (row.kind === 'reversal' || !responseCode(row.responseCode).approved) return 'no';
  return Object.values(TRANSACTIONS).find((spec) => spec.kind === row.kind)?.counts ?? 'no';
}

/**
 * What was reversed before its batch closed is not counted in it; what was reversed later was. A refund
 * that is repeated until it is answered keeps its batch, and may come when that one is closed.
 */
function stoodAtClosing({ state, afterClose }: TransactionRow): boolean {
  if (afterClose === 'came') return false;
  return state !== 'reversed' || afterClose === 'reversed';
}
