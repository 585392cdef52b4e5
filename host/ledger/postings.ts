/** How an entry is put together, and the assertion that it balances. */
import { fenDelta, PosError } from '../../protocol/index.ts';
import { familyRow } from './accounts.ts';
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
  let fenSum = 0;
  let pointsSum = 0;
  for (const { account, unit, amount, lot } of entry.postings) {
    const family = familyRow(account);
    if (family === undefined) return `no ledger account is called ${account}`;
    if (!Number.isSafeInteger(amount)) return `${amount} on ${account} is not a whole number`;
    if ((lot !== null) !== family.lots)
      return lot === null ? `${account} names no lot` : `${account} has no lots`;
    if (unit !== family.unit) return `${account} is kept in ${family.unit}, not in ${unit}`;
    if (unit === 'fen') fenSum += amount;
    else pointsSum += amount;
  }
  if (fenSum !== 0) return `its postings sum to ${fenSum} fen`;
  return pointsSum === 0 ? null : `its postings sum to ${pointsSum} points`;
}

/** The same postings with the other sign. */
export function mirrored(postings: readonly Posting[]): readonly Posting[] {
  return postings.map((posting) => ({ ...posting, amount: fenDelta(-posting.amount) }));
}

function addedUp(postings: readonly Posting[]): readonly Posting[] {
  const added: Posting[] = [];
  for (const posting of postings) {
    // A dozen at most: to compare them costs less than a key for each.
    const at = placeOf(posting, added);
    if (at < 0) added.push(posting);
    else added[at] = { ...posting, amount: fenDelta((added[at] as Posting).amount + posting.amount) };
  }
  return added.filter(isAboveOrBelowZero);
}

/** Where one on the same account, lot and unit stands; −1 for nowhere. */
function placeOf({ account, lot, unit }: Posting, postings: readonly Posting[]): number {
  for (let at = 0; at < postings.length; at += 1) {
    const other = postings[at] as Posting;
    if (other.account === account && other.lot === lot && other.unit === unit) return at;
  }
  return -1;
}

const isAboveOrBelowZero = ({ amount }: Posting) => amount !== 0;
