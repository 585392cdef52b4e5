/** What has become of a transaction since it was approved, as the checks and flows ask. */
import { shareHalfUp } from '../../../protocol/index.ts';
import type { TransactionRow } from '../../store/rows.ts';
import type { Judgement } from '../judgement.ts';

/** A void needs its original's batch open; the terminal's open batch is the only one. */
export function originalIsClosed(j: Judgement): boolean {
  return j.original?.batch !== j.terminal?.batch;
}

/** Approved and not undone since; for a void or its like, not refunded in part either. */
export function originalStands(j: Judgement): boolean {
  const { original } = j;
  if (original?.state !== 'approved') return false;
  return j.kind === 'refund' || original.taken === null || original.taken.gross === 0;
}

export function isWhollyRefunded(row: TransactionRow): boolean {
  return (
    row.money !== null && row.taken !== null && row.taken.gross >= row.money.gross && row.taken.gross > 0
  );
}

/** Above the held gross and the margin that the programme allows on it (10000 to 11500 basis points). */
export function isCompletionTooHigh(j: Judgement): boolean {
  const { original } = j;
  if (original === undefined) return false;
  const marginBp = j.deps.directory.programme.completionMaxBp - 10_000;
  return j.amount > original.amount + shareHalfUp(original.amount, marginBp);
}
