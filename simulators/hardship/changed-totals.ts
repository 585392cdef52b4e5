/**
 * Totals that were changed on the line. An 0500 has no MAC: a digit of its DE48 changed on the way makes a
 * batch that both sides hold alike a batch that differs, item by item equal. The terminal asks once more where
 * the host tells its own figures; where that is changed too, or the host is taken for one that tells none, it
 * uploads, and the host names the totals. That is right, and proven here: the host's own row says that other
 * totals arrived than its own, and the terminal's own journal has the host's.
 */
import type { BatchRow } from '../../host/index.ts';
import { buildHt, fen } from '../../protocol/index.ts';
import type { Difference, Journal } from './phantom-debts.ts';

export type HostBatch = Pick<
  BatchRow,
  'terminalId' | 'batch' | 'state' | 'closedBy' | 'terminalTotals' | 'hostTotals'
>;

/** A settlement of which the clerk was told that it does not balance. */
export interface Unbalanced {
  readonly terminalId: string;
  readonly batch: number;
  readonly en: string;
}

export interface TotalsFound {
  /** Named causes, each with its evidence. */
  readonly changed: readonly string[];
  /** What nothing excuses. */
  readonly wrong: readonly string[];
}

type Place = Pick<Difference, 'terminalId' | 'batch'>;

/** How an upload without a different item is named; a count that was announced wrong is another cause. */
const ITEMS_MATCH = /^every item matches,/;
const SIDE_DIGITS = 30;
const NOTHING = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };

/**
 * @param differences those of the totals alone
 * @param journals of all terminals, each whole
 */
export function judgeTotals(
  unbalanced: readonly Unbalanced[],
  differences: readonly Difference[],
  hostBatches: readonly HostBatch[],
  journals: readonly Journal[],
): TotalsFound {
  const excused = differences.filter(
    (one) =>
      ITEMS_MATCH.test(one.causeEn) &&
      hostBatches.some((row) => placeOf(row) === placeOf(one) && arrivedChanged(row, journals)),
  );
  const places = new Set(excused.map(placeOf));
  return {
    changed: excused.map((one) => `changed on the line, both sides hold the same totals: ${placeOf(one)}`),
    wrong: [
      ...differences
        .filter((one) => !excused.includes(one))
        .map((one) => `difference: ${one.kind} ${placeOf(one)}: ${one.causeEn}`),
      ...unbalanced.filter((one) => !places.has(placeOf(one))).map((one) => `${one.terminalId}: ${one.en}`),
    ],
  };
}

/** Other totals arrived than the host's, and the host's are the terminal's. */
function arrivedChanged(row: HostBatch, journals: readonly Journal[]): boolean {
  const { terminalTotals, hostTotals } = row;
  if (row.state !== 'closed' || row.closedBy !== 'upload' || terminalTotals === null) return false;
  const own = journals
    .find(({ terminalId }) => terminalId === row.terminalId)
    ?.batches.find(({ batch }) => batch === row.batch);
  // A journal that was not read proves nothing.
  if (own?.closed !== true) return false;
  return buildHt(own.totals, NOTHING) === hostTotals && figuresOf(terminalTotals) !== hostTotals;
}

/** DE48 without its two results. */
function figuresOf(de48: string): string {
  return de48.slice(0, SIDE_DIGITS) + de48.slice(SIDE_DIGITS + 1, -1);
}

function placeOf({ terminalId, batch }: Place): string {
  return `${terminalId} ${batch}`;
}
