/** From a merchant's rows to its day: sums of rounded rows, never rounded again. Pure. */
import { ensure, type FenDelta, fenDelta } from '../../protocol/index.ts';
import type { MerchantTotals, Movement, MovementType } from './model.ts';

/** Where a row's gross is counted. */
// biome-ignore format: a table is read by column
const HEADING: Readonly<Record<MovementType, 'sales' | 'cancelled' | 'refunds' | 'adjustments'>> = {
  sale:           'sales',
  completion:     'sales',
  void:           'cancelled',
  completionVoid: 'cancelled',
  reversal:       'cancelled',
  refund:         'refunds',
  adjustment:     'adjustments',
};

export function totalsOf(rows: readonly Movement[]): MerchantTotals {
  const under = (heading: string) => rows.filter((row) => HEADING[row.type] === heading);
  const sales = under('sales');
  const cancelled = under('cancelled');
  const refunds = under('refunds');
  const adjustments = under('adjustments');
  const totals: MerchantTotals = {
    rows: rows.length,
    salesCount: sales.length,
    sales: sum(sales, (row) => row.gross),
    cancelledCount: cancelled.length,
    cancelled: sum(cancelled, (row) => row.gross),
    refundCount: refunds.length,
    refunds: sum(refunds, (row) => row.gross),
    adjustmentCount: adjustments.length,
    adjustments: sum(adjustments, (row) => row.gross),
    gross: sum(rows, (row) => row.gross),
    discountIssuer: sum(rows, (row) => row.discountIssuer),
    discountMerchant: sum(rows, (row) => row.discountMerchant),
    paid: sum(rows, (row) => row.paid),
    fee: sum(rows, (row) => row.fee),
    rebate: sum(rows, (row) => row.rebate),
    net: sum(rows, (row) => row.net),
  };
  ensure(
    totals.net === totals.gross - totals.discountMerchant - totals.fee &&
      totals.gross === totals.sales + totals.cancelled + totals.refunds + totals.adjustments,
    'a merchant day that does not add up',
  );
  return totals;
}

/** Rows by a name that each has, names sorted, so that files come in the same order on every machine. */
export function groupedBy<T>(rows: readonly T[], nameOf: (row: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

function sum(rows: readonly Movement[], of: (row: Movement) => FenDelta): FenDelta {
  return fenDelta(rows.reduce((so, row) => so + of(row), 0));
}
