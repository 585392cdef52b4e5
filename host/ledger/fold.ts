/** The books folded from their entries: what every balance must equal. */
import type { Entry, Unit } from './model.ts';

/** Sums of postings. Debit positive. */
export interface Fold {
  /** `unit account` → sum. */
  readonly byAccount: Map<string, number>;
  /** `unit account lot` → sum, for postings that name a lot. */
  readonly byLot: Map<string, number>;
  /** The same as byAccount, of the latest business date alone. */
  readonly latestDay: Map<string, number>;
  latestDate: string;
  entries: number;
  postings: number;
}

export function emptyFold(): Fold {
  return {
    byAccount: new Map(),
    byLot: new Map(),
    latestDay: new Map(),
    latestDate: '',
    entries: 0,
    postings: 0,
  };
}

export function accountKey(unit: Unit | string, account: string): string {
  return `${unit} ${account}`;
}
export function lotKey(unit: Unit | string, account: string, lot: string): string {
  return `${unit} ${account} ${lot}`;
}

/** Adds one entry. Entries may come in any order. */
export function addToFold(fold: Fold, entry: Entry): void {
  if (entry.businessDate > fold.latestDate) {
    fold.latestDate = entry.businessDate;
    fold.latestDay.clear();
  }
  fold.entries += 1;
  for (const { account, lot, unit, amount } of entry.postings) {
    fold.postings += 1;
    const key = accountKey(unit, account);
    add(fold.byAccount, key, amount);
    if (entry.businessDate === fold.latestDate) add(fold.latestDay, key, amount);
    if (lot !== null) add(fold.byLot, lotKey(unit, account, lot), amount);
  }
}

function add(sums: Map<string, number>, key: string, amount: number): void {
  sums.set(key, (sums.get(key) ?? 0) + amount);
}
