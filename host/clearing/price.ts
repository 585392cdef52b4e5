/** From a merchant's rows to its day: sums of rounded rows, never rounded again. Pure. */
import { ensure, fenDelta } from '../../protocol/index.ts';
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

/** Adds rows up. */
export class TotalsSum {
  readonly #counts = { rows: 0, sales: 0, cancelled: 0, refunds: 0, adjustments: 0 };
  readonly #sums = {
    ...{ sales: 0, cancelled: 0, refunds: 0, adjustments: 0 },
    ...{ gross: 0, discountIssuer: 0, discountMerchant: 0, paid: 0, fee: 0, rebate: 0, net: 0 },
  };

  add(row: Movement): void {
    const heading = HEADING[row.type];
    this.#counts.rows += 1;
    this.#counts[heading] += 1;
    this.#sums[heading] += row.gross;
    for (const figure of FIGURES) this.#sums[figure] += row[figure];
  }

  get totals(): MerchantTotals {
    const [counts, sums] = [this.#counts, this.#sums];
    ensure(
      sums.net === sums.gross - sums.discountMerchant - sums.fee &&
        sums.gross === sums.sales + sums.cancelled + sums.refunds + sums.adjustments,
      'a merchant day that does not add up',
    );
    return {
      rows: counts.rows,
      salesCount: counts.sales,
      sales: fenDelta(sums.sales),
      cancelledCount: counts.cancelled,
      cancelled: fenDelta(sums.cancelled),
      refundCount: counts.refunds,
      refunds: fenDelta(sums.refunds),
      adjustmentCount: counts.adjustments,
      adjustments: fenDelta(sums.adjustments),
      gross: fenDelta(sums.gross),
      discountIssuer: fenDelta(sums.discountIssuer),
      discountMerchant: fenDelta(sums.discountMerchant),
      paid: fenDelta(sums.paid),
      fee: fenDelta(sums.fee),
      rebate: fenDelta(sums.rebate),
      net: fenDelta(sums.net),
    };
  }
}

const FIGURES = ['gross', 'discountIssuer', 'discountMerchant', 'paid', 'fee', 'rebate', 'net'] as const;

export async function totalsOf(rows: AsyncIterable<readonly Movement[]>): Promise<MerchantTotals> {
  const sum = new TotalsSum();
  for await (const piece of rows) for (const row of piece) sum.add(row);
  return sum.totals;
}
