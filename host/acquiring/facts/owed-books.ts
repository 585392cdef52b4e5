/**
 * What the books say of a reversal that a terminal says it owes: what became of its original, and which
 * 0400 paid the debt. Pure; the acquirer, the administration and the clearing ask it.
 */
import type { OwedOutcome, TransactionRow, TransactionState } from '../../store/rows.ts';
import { LEAVES_NO_FATE } from './originals.ts';

/** DE39 of a 0410 that closes the debt: reversed, undone otherwise, never came. Source: dialect, "Sameness". */
export const CLOSES_DEBT: readonly string[] = ['00', '12', '25'];

/** A reversal by its place and the original's own id. */
export interface OwedPlace {
  readonly batch: number;
  readonly trace: string;
  readonly ut: string;
}

export interface OwedBooks {
  readonly outcome: OwedOutcome;
  /** Null when it never came. */
  readonly original: TransactionRow | null;
  /** What stands at its place under another `UT`: a 0400 with this one is answered 94, and only people close it. */
  readonly another: TransactionRow | null;
  /** The 0400 that was answered 00, 12 or 25. */
  readonly paidBy: TransactionRow | null;
}

// biome-ignore format: a table is read by column
const OUTCOME: Readonly<Record<TransactionState, OwedOutcome>> = {
  approved:  'stands',
  completed: 'stands',
  declined:  'declined',
  reversed:  'undone',
  voided:    'undone',
  released:  'undone',
};

/** Whether this is the transaction that the terminal wants reversed: its own `UT`, or sent before any `UT`. */
export function isOwed(owed: OwedPlace, row: TransactionRow): boolean {
  return owed.batch === row.batch && owed.trace === row.trace && (row.ut === null || row.ut === owed.ut);
}

/**
 * @param rows all transactions at the terminal's batch and trace
 * @param merchantId rows of another merchant, whose terminal this once was, are none of it
 */
export function booksOf(owed: OwedPlace, merchantId: string, rows: readonly TransactionRow[]): OwedBooks {
  const ours = rows.filter((row) => row.merchantId === merchantId);
  const judged = ours.filter(({ kind }) => !LEAVES_NO_FATE.includes(kind));
  const original = judged.find((row) => isOwed(owed, row)) ?? null;
  const another = original === null ? (judged[0] ?? null) : null;
  const paid = ours.find(
    (row) =>
      row.kind === 'reversal' &&
      CLOSES_DEBT.includes(row.responseCode) &&
      isPaidBy({ original, another }, row.originalId),
  );
  const outcome = original === null ? 'never came' : OUTCOME[original.state];
  return { outcome, original, another, paidBy: paid ?? null };
}

/** Whether a 0400 about this original (null: about none) was about the one that is owed. */
export function isPaidBy(books: Pick<OwedBooks, 'original' | 'another'>, originalId: string | null): boolean {
  const { original, another } = books;
  return original === null ? another === null && originalId === null : original.transactionId === originalId;
}
