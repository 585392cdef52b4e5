/**
 * A holder's debt: what an account no longer held when its reversed void had to take the money again.
 * It is due before anything else: an account that owes does not spend, and principal that comes in, by
 * whatever act, covers the debt at once, in the same commit. Bonus covers none of it. Pure.
 *
 * An account spends again as soon as it owes nothing; what an administrator froze stays frozen, because
 * `state` is his and `owed` is the debt's.
 */
import { type Fen, minusFen, sumFen } from '../../protocol/index.ts';
import { debtCoveredEntry } from '../ledger/entries.ts';
import { coverDebt } from '../ledger/give-back.ts';
import type { Entry } from '../ledger/model.ts';
import type { Stamp } from '../ledger/postings.ts';
import { applyToLots } from '../ledger/spend.ts';
import type { AccountRow, LotRow } from '../store/rows.ts';

export interface Covered {
  /** Null when there was nothing to cover, or nothing to cover it with. */
  readonly entry: Entry | null;
  readonly lots: readonly LotRow[];
  readonly amount: Fen;
  /** What is owed still. */
  readonly owed: Fen;
}

/**
 * Covers a debt as far as the principal goes.
 *
 * @param account what it owes before
 * @param lots all its open lots, with what has just come in
 * @param stamp called only when an entry is made
 */
export function coverOwed(
  account: Pick<AccountRow, 'accountId' | 'owed'>,
  lots: readonly LotRow[],
  businessDate: string,
  stamp: () => Stamp,
): Covered {
  const parts = coverDebt(lots, account.owed, businessDate);
  const amount = sumFen(parts.map((part) => part.amount));
  if (amount === 0) return { entry: null, lots, amount, owed: account.owed };
  return {
    entry: debtCoveredEntry(stamp(), { accountId: account.accountId, lots: parts }),
    lots: applyToLots(lots, parts, -1),
    amount,
    owed: minusFen(account.owed, amount),
  };
}

/** Whether an account may spend: neither frozen nor closed by an act, and nothing owed. */
export function maySpend(account: Pick<AccountRow, 'state' | 'owed'>): boolean {
  return account.state === 'active' && account.owed === 0;
}
