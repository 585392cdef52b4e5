/**
 * Debts that the host lists and no terminal has. 0800, 0820, 0500 and 0320 have no MAC: a bit of an `OW` that
 * changed on the way names a reversal that nobody owes. The host lists it as unproven and names it in the
 * day's differences until two people close it. That is right, and a difference that a day may end with: both
 * halves of it are proven here, by the host's own row and by the terminal's own journal.
 */
import type { DifferenceRow, StoreTables } from '../../host/index.ts';
import type { TerminalJournalReport } from '../../terminal/index.ts';

export type OwedRow = Pick<
  StoreTables['owedReversals'],
  'terminalId' | 'batch' | 'trace' | 'ut' | 'amount' | 'proven'
>;
export type Difference = Pick<
  DifferenceRow,
  'kind' | 'terminalId' | 'batch' | 'trace' | 'theirs' | 'causeEn'
>;
export type Journal = Pick<TerminalJournalReport, 'terminalId' | 'batches'>;

export interface DebtsFound {
  /** Named causes, each with its evidence. */
  readonly phantoms: readonly string[];
  /** What nothing excuses. */
  readonly wrong: readonly string[];
}

/** How a settlement, and a clearing, name a debt. */
const NAMES_DEBT: readonly DifferenceRow['kind'][] = ['status', 'owed-reversal'];

/**
 * @param owed all that are open at the host
 * @param journals of all terminals, each whole
 */
export function judgeDebts(
  owed: readonly OwedRow[],
  differences: readonly Difference[],
  journals: readonly Journal[],
): DebtsFound {
  const phantoms = owed.filter((row) => !row.proven && !isInJournal(row, journals));
  return {
    phantoms: phantoms.map((row) => `told without a MAC, in no journal: ${placeOf(row)} ${row.ut}`),
    wrong: [
      ...owed
        .filter((row) => !phantoms.includes(row))
        .map(
          (row) =>
            `listed as owed: ${placeOf(row)} ${row.ut}, ${row.proven ? 'under a MAC' : 'in the journal'}`,
        ),
      ...differences
        .filter((one) => !phantoms.some((row) => isNameOf(one, row)))
        .map((one) => `difference: ${one.kind} ${placeOf(one)}: ${one.causeEn}`),
    ],
  };
}

function isInJournal({ terminalId, batch, trace, ut }: OwedRow, journals: readonly Journal[]): boolean {
  const own = journals.find((journal) => journal.terminalId === terminalId);
  // A journal that was not read proves nothing.
  if (own === undefined) return true;
  return own.batches
    .flatMap(({ transactions }) => transactions)
    .some((one) => one.batch === batch && one.trace === trace && one.ut === ut);
}

function isNameOf(one: Difference, row: OwedRow): boolean {
  return NAMES_DEBT.includes(one.kind) && placeOf(one) === placeOf(row) && one.theirs === row.amount;
}

function placeOf({ terminalId, batch, trace }: Pick<Difference, 'terminalId' | 'batch' | 'trace'>): string {
  return `${terminalId} ${batch} ${trace}`;
}
