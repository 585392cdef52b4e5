/** How an entry is put together, and the assertion that it balances. */
import type { FenDelta } from '../../protocol/index.ts';
import { fenDelta, PosError } from '../../protocol/index.ts';
import { familyOf } from './accounts.ts';
import type { Cause, Entry, LedgerEvent, Posting, Unit } from './model.ts';

/** What every entry carries beside its event and postings. */
export interface Stamp {
  readonly entryId: string;
  /** The open business date, YYYYMMDD. */
  readonly businessDate: string;
  readonly cause: Cause;
  /** UTC, milliseconds. */
  readonly at: number;
  readonly branchId: string | null;
  readonly terminalId: string | null;
  /** The entry that this one undoes or corrects. */
  readonly corrects?: string | null;
}

/** A posting before the sign: `amount` may be any safe integer, zero is dropped. */
export function debit(
  account: string,
  amount: number,
  lot: string | null = null,
  unit: Unit = 'fen',
): Posting {
  return { account, amount: fenDelta(amount), lot, unit };
}
export function credit(
  account: string,
  amount: number,
  lot: string | null = null,
  unit: Unit = 'fen',
): Posting {
  return { account, amount: fenDelta(-amount), lot, unit };
}

/**
 * One balanced entry. Postings on the same account, lot and unit are added up; zeros are dropped, so
 * a spend that moves nothing (a discount of all) has an entry without postings.
 *
 * Throws BOOKS_UNBALANCED when it does not balance, INVARIANT for an account that is none of ours.
 */
export function entryOf(stamp: Stamp, event: LedgerEvent, postings: readonly Posting[]): Entry {
  // In the order in which its digest writes it, as every part of it: nothing has to be sorted then.
  const entry: Entry = {
    at: stamp.at,
    branchId: stamp.branchId,
    businessDate: stamp.businessDate,
    cause: stamp.cause,
    corrects: stamp.corrects ?? null,
    entryId: stamp.entryId,
    event,
    postings: addedUp(postings),
    terminalId: stamp.terminalId,
  };
  const fault = unbalanced(entry);
  if (fault !== null) throw new PosError('BOOKS_UNBALANCED', `entry ${entry.entryId} (${event}): ${fault}`);
  return entry;
}

/** Null for a sound entry, otherwise what is wrong with it: a sum per unit, an account's name, a lot or a unit. */
export function unbalanced(entry: Entry): string | null {
  const sums = new Map<Unit, number>();
  for (const { account, unit, amount, lot } of entry.postings) {
    const family = familyOf(account);
    if (family === undefined) return `no ledger account is called ${account}`;
    if (!Number.isSafeInteger(amount)) return `${amount} on ${account} is not a whole number`;
    if ((lot !== null) !== family.row.lots)
      return lot === null ? `${account} names no lot` : `${account} has no lots`;
    if (unit !== family.row.unit) return `${account} is kept in ${family.row.unit}, not in ${unit}`;
    sums.set(unit, (sums.get(unit) ?? 0) + amount);
  }
  for (const [unit, sum] of sums) if (sum !== 0) return `its postings sum to ${sum} ${unit}`;
  return null;
}

/** The same postings with the other sign. */
export function mirrored(postings: readonly Posting[]): readonly Posting[] {
  return postings.map((posting) => ({ ...posting, amount: fenDelta(-posting.amount) }));
}

function addedUp(postings: readonly Posting[]): readonly Posting[] {
  const byKey = new Map<string, Posting>();
  for (const posting of postings) {
    const key = `${posting.account}|${posting.lot ?? ''}|${posting.unit}`;
    const before = byKey.get(key);
    const amount: FenDelta = before === undefined ? posting.amount : fenDelta(before.amount + posting.amount);
    byKey.set(key, { ...posting, amount });
  }
  return [...byKey.values()].filter((posting) => posting.amount !== 0);
}
