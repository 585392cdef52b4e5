/** What a batch amounts to, by the host's own transactions. Normative: the dialect, "Settlement". */
import {
  type Fen,
  fen,
  type SideTotals,
  sumFen,
  TRANSACTIONS,
  type TransactionKind,
} from '../../../protocol/index.ts';
import type { TransactionRow } from '../../store/rows.ts';

export const NO_TOTALS: SideTotals = {
  debitAmount: fen(0),
  debitCount: 0,
  creditAmount: fen(0),
  creditCount: 0,
};
/** DE48 has three digits for a count. */
const COUNT_MAX = 999;

/** Debit or credit; null for what is not counted: other kinds, what was declined or reversed. */
export function sideOf(row: TransactionRow): 'debit' | 'credit' | null {
  const counts = TRANSACTIONS[row.kind as TransactionKind]?.counts ?? 'no';
  return counts === 'no' || row.state === 'declined' || row.state === 'reversed' ? null : counts;
}

/** Own cards; foreign ones are never accepted. Amounts are DE4. */
export function hostTotals(rows: readonly TransactionRow[]): SideTotals {
  const of = (side: 'debit' | 'credit') => {
    const amounts: readonly Fen[] = rows.filter((row) => sideOf(row) === side).map((row) => row.amount);
    return { amount: sumFen(amounts), count: amounts.length };
  };
  const debit = of('debit');
  const credit = of('credit');
  return {
    debitAmount: debit.amount,
    debitCount: debit.count,
    creditAmount: credit.amount,
    creditCount: credit.count,
  };
}

export function isSame(a: SideTotals, b: SideTotals): boolean {
  return (
    a.debitAmount === b.debitAmount &&
    a.debitCount === b.debitCount &&
    a.creditAmount === b.creditAmount &&
    a.creditCount === b.creditCount
  );
}

export function isBeyondCounting(totals: SideTotals): boolean {
  return totals.debitCount > COUNT_MAX || totals.creditCount > COUNT_MAX;
}
