/**
 * One reading of the books for their proof: what the entries fold to, what the database sums, and the rows that must agree.
 *
 * Closed days never change, so they are summed a day at a time, each a short read; only what is open may move meanwhile.
 * Days whose sums were proven before need not be read again: a reading may begin from those sums.
 */
import { PosError } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import type { DayRow, LotRow } from '../store/rows.ts';
import { holderReceivable } from './accounts.ts';
import { accountKey, addToFold, emptyFold, type Fold, lotKey } from './fold.ts';
import type { Entry } from './model.ts';
import { unbalanced } from './postings.ts';

export type BooksStore = Pick<StorePort, 'scan' | 'balances'>;

/** The sums of all entries up to a closed day, as a proof left them. */
export interface ProvenSums {
  /** YYYYMMDD. */
  readonly upTo: string;
  /** How many lots were loaded up to then: their rows are there for ever. */
  readonly lots: number;
  /** In the order of the keys: `unit account`, or `unit account lot`. What came to nothing is left out. */
  readonly sums: readonly (readonly [key: string, sum: number])[];
}

/** Which part of the books is read. */
export interface Stretch {
  /** What is believed: entries up to its day are not read. */
  readonly since?: ProvenSums | undefined;
  /** A closed day, not before `since`: sums are told up to it. The latest closed day when it is not given. */
  readonly closed?: string | undefined;
}

/** Sums of postings by `unit account`, and by `unit account lot`. */
export interface Sums {
  readonly byAccount: Map<string, number>;
  readonly byLot: Map<string, number>;
}

export interface Reading {
  /** Up to which day the closed part goes. */
  readonly closedUpTo: string;
  /** Of the closed days: from the entries that were read and what was believed, and as the database sums them. */
  readonly closedFold: Sums;
  readonly closedSums: Sums;
  /** Of all days. */
  readonly fold: Sums;
  readonly sums: Sums;
  /** The latest day with entries among those that were read, and what moved on it, folded and as the database sums it. */
  readonly latest: {
    readonly date: string;
    readonly folded: ReadonlyMap<string, number>;
    readonly summed: ReadonlyMap<string, number>;
  };
  /** What was read. */
  readonly entries: number;
  readonly postings: number;
  readonly faults: readonly string[];
  readonly orphans: readonly string[];
  readonly lots: readonly LotRow[];
  /** What the account rows say that their holders owe, where they owe. */
  readonly debts: ReadonlyMap<string, number>;
  /** Card accounts and ledger accounts that changed between the first and the last look. */
  readonly moved: ReadonlySet<string>;
  readonly since: ProvenSums | undefined;
}

/** @throws INVARIANT when `closed` lies before what is believed */
export async function readBooks(store: BooksStore, { since, closed }: Stretch): Promise<Reading> {
  const from = since?.upTo ?? '';
  const days = await daysAfter(store, from);
  const closedUpTo = closed ?? days.findLast(({ state }) => state === 'closed')?.businessDate ?? from;
  if (closedUpTo < from)
    throw new PosError('INVARIANT', `${closedUpTo} lies before what was proven: ${from}`);
  const dates = days.map(({ businessDate }) => businessDate);

  const closedSums = believed(since);
  const bounds = [...dates.filter((date) => date < closedUpTo), closedUpTo];
  for (const [at, upTo] of bounds.entries()) {
    const after = bounds[at - 1] ?? from;
    if (after < upTo) await addSums(closedSums, store, { afterBusinessDate: after, upToBusinessDate: upTo });
  }
  // Only what is open is looked at twice, in one statement each time.
  const laterSums = believed(undefined);
  let shut = closedUpTo;
  for (const { businessDate, state } of days) {
    if (businessDate <= shut || state !== 'closed') continue;
    await addSums(laterSums, store, { afterBusinessDate: shut, upToBusinessDate: businessDate });
    shut = businessDate;
  }
  const before = await sumsAfter(store, shut);
  const [closedFold, openFold] = [foldFrom(believed(since)), emptyFold()];
  const faults: string[] = [];
  const corrections = new Corrections();
  for await (const page of entriesOf(store, from, dates)) {
    for (const entry of page) {
      addToFold(entry.businessDate <= closedUpTo ? closedFold : openFold, entry);
      const fault = unbalanced(entry);
      if (fault !== null) faults.push(`${entry.entryId}: ${fault}`);
      corrections.add(entry);
    }
  }
  const lots: LotRow[] = [];
  for await (const page of store.scan('lots')) lots.push(...page);
  const debts = new Map<string, number>();
  for await (const page of store.scan('accounts')) {
    for (const { accountId, owed } of page)
      if (owed > 0) debts.set(accountKey('fen', holderReceivable(accountId)), owed);
  }
  const orphans = await corrections.orphans(store);
  const { latestDate: date, latestDay: folded } = openFold.entries > 0 ? openFold : closedFold;
  const { byAccount: summed } = await sumsAfter(store, date === '' ? closedUpTo : dayBefore(date));
  const after = await sumsAfter(store, shut);

  return {
    ...{ closedUpTo, closedFold, closedSums, faults, orphans, lots, debts, since },
    fold: together(closedFold, openFold),
    sums: together(together(closedSums, laterSums), after),
    latest: { date, folded, summed },
    entries: closedFold.entries + openFold.entries,
    postings: closedFold.postings + openFold.postings,
    moved: movedParties(before, after),
  };
}

/** The business dates that the database knows after one, in their order. */
async function daysAfter(store: BooksStore, from: string): Promise<readonly DayRow[]> {
  const days: DayRow[] = [];
  for await (const page of store.scan('days'))
    days.push(...page.filter(({ businessDate }) => businessDate > from));
  return days.sort((a, b) => (a.businessDate < b.businessDate ? -1 : 1));
}

/** After a day only those of dates that are business days: an entry of any other is in the database's sums, and missed here. */
async function* entriesOf(
  store: BooksStore,
  from: string,
  dates: readonly string[],
): AsyncIterable<readonly Entry[]> {
  if (from === '') yield* store.scan('entries');
  else for (const businessDate of dates) yield* store.scan('entries', { businessDate });
}

/** How many ids are remembered, twice over: most corrections come soon after what they correct. */
const REMEMBERED = 200_000;

/** Entries that name another, of which all but the recent are looked for at the end: the ids of years fit into no memory. */
class Corrections {
  #recent = new Set<string>();
  #older = new Set<string>();
  readonly #open: Entry[] = [];
  #carriedTo = '';

  add(entry: Entry): void {
    if (entry.event === 'carried-forward') this.#carriedTo = entry.businessDate;
    const { corrects } = entry;
    if (corrects !== null && !this.#recent.has(corrects) && !this.#older.has(corrects))
      this.#open.push(entry);
    if (this.#recent.size === REMEMBERED) [this.#older, this.#recent] = [this.#recent, new Set()];
    this.#recent.add(entry.entryId);
  }

  /** Those that name an entry which is not there. */
  async orphans(store: BooksStore): Promise<readonly string[]> {
    const orphans: string[] = [];
    for (const { entryId, corrects, businessDate } of this.#open) {
      if (corrects === null || this.#recent.has(corrects) || this.#older.has(corrects)) continue;
      if (mayNameArchived(businessDate, this.#carriedTo) || (await isThere(store, corrects))) continue;
      orphans.push(`${entryId} → ${corrects}`);
    }
    return orphans;
  }
}

async function isThere(store: BooksStore, entryId: string): Promise<boolean> {
  for await (const page of store.scan('entries', { entryId }))
    if (page.some((entry) => entry.entryId === entryId)) return true;
  return false;
}

/** The entry that stands for all of a year that left, and of those before it. @param year YYYY */
export function carriedId(year: string): string {
  return `carried-${year}`;
}

/**
 * Whether a year left that sums up to a day and what came after it may not go with: its entry repeats what is in them, or
 * their entries may name what left (`mayNameArchived`).
 * @param upTo and `closed`: YYYYMMDD
 */
export async function isArchivedSince(store: BooksStore, upTo: string, closed: string): Promise<boolean> {
  const [from, last] = [Number(upTo.slice(0, 4)) - 1, Number(closed.slice(0, 4))];
  for (let year = from; year <= last; year += 1)
    if (await isThere(store, carriedId(String(year)))) return true;
  return false;
}

/** In the year after an archived one an entry may name one that left with it; no year leaves that is named from further. */
function mayNameArchived(date: string, carriedTo: string): boolean {
  return carriedTo !== '' && Number(date.slice(0, 4)) <= Number(carriedTo.slice(0, 4)) + 1;
}

async function sumsAfter(store: BooksStore, afterBusinessDate: string): Promise<Sums> {
  const sums: Sums = { byAccount: new Map(), byLot: new Map() };
  await addSums(sums, store, { afterBusinessDate });
  return sums;
}

type Dates = { readonly afterBusinessDate: string; readonly upToBusinessDate?: string };

async function addSums({ byAccount, byLot }: Sums, store: BooksStore, dates: Dates): Promise<void> {
  for (const { account, lot, unit, sum } of await store.balances({ byLot: true, ...dates })) {
    add(byAccount, accountKey(unit, account), sum);
    if (lot !== null) add(byLot, lotKey(unit, account, lot), sum);
  }
}

/** Every date before `date` sorts at or before this, and `date` itself does not. */
function dayBefore(date: string): string {
  return String(Number(date) - 1);
}

function foldFrom({ byAccount, byLot }: Sums): Fold {
  return { ...emptyFold(), byAccount, byLot };
}

function believed(since: ProvenSums | undefined): Sums {
  const sums: Sums = { byAccount: new Map(), byLot: new Map() };
  for (const [key, sum] of since?.sums ?? []) {
    const [unit = '', account = '', lot] = key.split(' ');
    add(sums.byAccount, accountKey(unit, account), sum);
    if (lot !== undefined) add(sums.byLot, key, sum);
  }
  return sums;
}

/** What a reading leaves for the next: it is worth believing only when all of the reading was proven. */
export function sumsOf({ closedUpTo, closedFold, lots }: Reading): ProvenSums {
  const rest = new Map(closedFold.byAccount);
  for (const [key, sum] of closedFold.byLot) add(rest, key.slice(0, key.lastIndexOf(' ')), -sum);
  const sums = [...rest, ...closedFold.byLot].filter(([, sum]) => sum !== 0);
  return {
    upTo: closedUpTo,
    lots: lots.filter(({ loadedOn }) => loadedOn <= closedUpTo).length,
    sums: sums.sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

function together(a: Sums, b: Sums): Sums {
  const sums: Sums = { byAccount: new Map(a.byAccount), byLot: new Map(a.byLot) };
  for (const [key, sum] of b.byAccount) add(sums.byAccount, key, sum);
  for (const [key, sum] of b.byLot) add(sums.byLot, key, sum);
  return sums;
}

function movedParties(before: Sums, after: Sums): Set<string> {
  const moved = new Set<string>();
  for (const kind of ['byAccount', 'byLot'] as const)
    for (const key of new Set([...before[kind].keys(), ...after[kind].keys()]))
      if (before[kind].get(key) !== after[kind].get(key)) moved.add(accountOfKey(key));
  return moved;
}

/** The account of `unit account` or `unit account lot`. */
export function accountOfKey(key: string): string {
  return key.split(' ')[1] ?? key;
}

function add(sums: Map<string, number>, key: string, amount: number): void {
  sums.set(key, (sums.get(key) ?? 0) + amount);
}
