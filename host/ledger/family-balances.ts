/**
 * What the books come to, for people: an account for each card account is too many to be read, or to be held in memory. All
 * of a family are one row; the accounts of the house, of merchants and of sale points have one each.
 */
import { PosError } from '../../protocol/index.ts';
import type { Balance } from '../store/port.ts';
import { familyOf } from './accounts.ts';

export interface FamilyBalance extends Balance {
  /** `card account`: the sum of this family's accounts, whose name the account is. Null: of this account alone. */
  readonly per: 'card account' | null;
}

/**
 * The sums of parts, in the order of accounts and units: the card accounts of a family added up, all others by themselves. One
 * of no known family is by itself too, so that nothing is left out. Lots are not told apart.
 *
 * @param parts as `store.sums()` gives them; in memory is only what is given back
 * @param pause between two parts; may throw, which ends the work
 * @throws INVARIANT where a sum is no safe integer
 */
export async function familyBalances(
  parts: AsyncIterable<readonly Balance[]>,
  pause: () => Promise<void>,
): Promise<readonly FamilyBalance[]> {
  const sums = new Map<string, FamilyBalance>();
  for await (const part of parts) {
    for (const { account: name, unit, sum } of part) {
      const known = familyOf(name);
      const per = known?.row.per === 'card account' ? known.row.per : null;
      const account = known !== undefined && per !== null ? known.family : name;
      // An account of no known family may be called as a family is.
      const key = [account, per ?? '', unit].join('\0');
      const all = (sums.get(key)?.sum ?? 0) + sum;
      if (!Number.isSafeInteger(all))
        throw new PosError('INVARIANT', `the balance of ${account} is no safe integer`);
      sums.set(key, { account, lot: null, unit, sum: all, per });
    }
    await pause();
  }
  return (await sorted([...sums], pause)).map(([, row]) => row);
}

type Keyed = readonly [key: string, row: FamilyBalance];

/** So many are sorted in some milliseconds. */
const SORTED_AT_ONCE = 2_000;

/** In the order of their keys. Merchants and sale points may be 100,000: to sort them at once takes a tenth of a second. */
async function sorted(rows: readonly Keyed[], pause: () => Promise<void>): Promise<readonly Keyed[]> {
  await pause();
  if (rows.length <= SORTED_AT_ONCE) return rows.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const middle = Math.floor(rows.length / 2);
  const left = await sorted(rows.slice(0, middle), pause);
  const right = await sorted(rows.slice(middle), pause);
  await pause();
  const merged: Keyed[] = [];
  let at = 0;
  for (const row of left) {
    for (let other = right[at]; other !== undefined && other[0] < row[0]; other = right[at]) {
      merged.push(other);
      at += 1;
    }
    merged.push(row);
  }
  return merged.concat(right.slice(at));
}
