/**
 * One reading of the books for their proof: what the entries fold to, what the database sums, and the rows that must agree.
 *
 * Closed days never change, so they are summed a day at a time, each a short read; only what is open may move meanwhile.
 * Days whose sums were proven before need not be read again: a reading may begin from those sums.
 */
import { PosError } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import type { DayRow } from '../store/rows.ts';
import { holderReceivable } from './accounts.ts';
import { accountKey, Figures, FOLDED, type Kind, LOT_KNOWN, LOT_READ, lotKey, partsOf } from './figures.ts';
import type { Entry } from './model.ts';
import { unbalanced } from './postings.ts';

export type BooksStore = Pick<StorePort, 'scan' | 'sums'>;

/** `unit account`, of what names no lot, or `unit account lot`, and what its postings come to. */
export type KeyedSum = readonly [key: string, sum: number];

/** The sums of all entries up to a closed day, as a proof left them. */
export interface ProvenSums {
  /** YYYYMMDD. */
  readonly upTo: string;
  /** How many lots were loaded up to then: their rows are there for ever. */
  readonly lots: number;
  /** All that did not come to nothing, some at a time, in an order that is always the same for the same sums. */
  parts(): AsyncIterable<readonly KeyedSum[]>;
}

/** As a reading leaves them. */
export interface ReadSums extends ProvenSums {
  sumOf(key: string): number;
}

/** Which part of the books is read, and how. */
export interface Extent {
  /** What is believed: entries up to its day are not read. */
  readonly since?: ProvenSums | undefined;
  /** A closed day, not before `since`: sums are told up to it. The latest closed day when it is not given. */
  readonly closed?: string | undefined;
  /** Lets others work, who share this thread. Asked after every few milliseconds of work that waits for nothing. */
  readonly pause?: () => Promise<void>;
}

export interface Reading {
  readonly figures: Figures;
  /** Up to which day the closed part goes. */
  readonly closedUpTo: string;
  /** How many sums were believed. */
  readonly believed: number;
  readonly faults: readonly string[];
  readonly orphans: readonly string[];
  /** Rows of lots: all, those loaded up to the closed day, and those loaded up to what was believed. */
  readonly lots: { readonly all: number; readonly closed: number; readonly before: number };
  /** Lots that postings name, and that have no row. */
  readonly lotsMissing: ReadonlySet<string>;
  /** How many account rows say that their holders owe. */
  readonly debts: number;
  /** Card accounts and ledger accounts that changed between the first and the last look. */
  readonly moved: ReadonlySet<string>;
  readonly since: ProvenSums | undefined;
}

/** So many lots without a row are looked for by themselves, in case another account has them: one is a fault already. */
const LOTS_LOOKED_FOR = 1_000;

/** @throws INVARIANT when `closed` lies before what is believed */
export async function readBooks(store: BooksStore, extent: Extent): Promise<Reading> {
  const { since, closed } = extent;
  const from = since?.upTo ?? '';
  const days = await daysAfter(store, from);
  const closedUpTo = closed ?? days.findLast(({ state }) => state === 'closed')?.businessDate ?? from;
  if (closedUpTo < from)
    throw new PosError('INVARIANT', `${closedUpTo} lies before what was proven: ${from}`);
  const dates = days.map(({ businessDate }) => businessDate);

  const figures = new Figures();
  const believed = await believe(figures, extent);
  const bounds = [...dates.filter((date) => date < closedUpTo), closedUpTo];
  for (const [at, upTo] of bounds.entries()) {
    const after = bounds[at - 1] ?? from;
    if (after < upTo)
      await addSums(figures, 'closedSums', store, { afterBusinessDate: after, upToBusinessDate: upTo });
  }
  // Only what is open is looked at twice.
  let shut = closedUpTo;
  for (const { businessDate, state } of days) {
    if (businessDate <= shut || state !== 'closed') continue;
    await addSums(figures, 'laterSums', store, { afterBusinessDate: shut, upToBusinessDate: businessDate });
    shut = businessDate;
  }
  await addSums(figures, 'before', store, { afterBusinessDate: shut, counted: 'postingsBefore' });
  const faults: string[] = [];
  const corrections = new Corrections();
  for await (const page of entriesOf(store, from)) {
    for (const entry of page) {
      figures.fold(entry.businessDate <= closedUpTo ? 'closedFold' : 'openFold', entry);
      const fault = unbalanced(entry);
      if (fault !== null) faults.push(`${entry.entryId}: ${fault}`);
      corrections.add(entry);
    }
  }
  const lots = await addLots(figures, store, { from, closedUpTo });
  const debts = await addDebts(figures, store);
  const orphans = await corrections.orphans(store);
  const { latestDate: date } = figures;
  await addSums(figures, 'latestSums', store, {
    afterBusinessDate: date === '' ? closedUpTo : dayBefore(date),
  });
  await addSums(figures, 'after', store, { afterBusinessDate: shut, counted: 'postingsAfter' });
  const { moved, lotsMissing } = await looked(figures, store, extent);
  return { figures, closedUpTo, believed, faults, orphans, lots, lotsMissing, debts, moved, since };
}

/** What was proven before counts for the entries that it was proven of. */
async function believe(figures: Figures, { since, pause }: Extent): Promise<number> {
  let believed = 0;
  if (since === undefined) return believed;
  for await (const part of since.parts()) {
    for (const [key, sum] of part) {
      const parts = partsOf(key);
      figures.put(['closedFold', 'closedSums'], parts, sum);
      const row = figures.rowOf(accountKey(parts.unit, parts.account));
      figures.mark(FOLDED, row);
      if (parts.lot === null) figures.add('lotless', row, sum);
      else figures.mark(FOLDED, figures.rowOf(key));
    }
    believed += part.length;
    await pause?.();
  }
  return believed;
}

async function addLots(
  figures: Figures,
  store: BooksStore,
  { from, closedUpTo }: { readonly from: string; readonly closedUpTo: string },
): Promise<Reading['lots']> {
  const lots = { all: 0, closed: 0, before: 0 };
  for await (const page of store.scan('lots'))
    for (const { lotId, accountId, purse, remaining, loadedOn } of page) {
      // Spelled here: what a damaged row says is compared, not refused.
      const account = `purse:${purse}:${accountId}`;
      figures.put(['rows'], { unit: 'fen', account, lot: lotId }, -remaining);
      figures.mark(LOT_READ, figures.rowOf(lotKey('fen', account, lotId)));
      const held = figures.find(lotKey('fen', `holds:${accountId}`, lotId));
      if (held !== undefined) figures.mark(LOT_KNOWN, held);
      lots.all += 1;
      if (loadedOn <= closedUpTo) lots.closed += 1;
      if (loadedOn <= from) lots.before += 1;
    }
  return lots;
}

async function addDebts(figures: Figures, store: BooksStore): Promise<number> {
  let debts = 0;
  for await (const page of store.scan('accounts')) {
    for (const { accountId, owed } of page) {
      if (owed <= 0) continue;
      figures.add('rows', figures.rowOf(accountKey('fen', holderReceivable(accountId))), owed);
      debts += 1;
    }
  }
  return debts;
}

/** What moved between the two looks, and the lots of postings that have no row. */
async function looked(figures: Figures, store: BooksStore, { pause }: Extent) {
  const moved = new Set<string>();
  const unread = new Set<string>();
  for (const part of figures.parts()) {
    for (const [key, row] of part) {
      // Entries only come: as many postings are the same ones. The sums alone would not tell a sale and its reversal.
      const [before, after] = [figures.get('postingsBefore', row), figures.get('postingsAfter', row)];
      if (before !== after || figures.get('before', row) !== figures.get('after', row))
        moved.add(accountOfKey(key));
      const { lot } = partsOf(key);
      if (lot !== null && figures.has(FOLDED, row) && !figures.has(LOT_READ | LOT_KNOWN, row))
        unread.add(lot);
    }
    await pause?.();
  }
  const lotsMissing = new Set<string>();
  for (const lotId of unread)
    if (lotsMissing.size >= LOTS_LOOKED_FOR || !(await hasRow(store, 'lots', { lotId })))
      lotsMissing.add(lotId);
  return { moved, lotsMissing };
}

/** The business dates that the database knows after one, in their order. */
async function daysAfter(store: BooksStore, from: string): Promise<readonly DayRow[]> {
  const days: DayRow[] = [];
  for await (const page of store.scan('days'))
    days.push(...page.filter(({ businessDate }) => businessDate > from));
  return days.sort((a, b) => (a.businessDate < b.businessDate ? -1 : 1));
}

/**
 * After a day only those of dates that are business days: an entry of any other is in the database's sums, and missed here. The
 * days are asked for when the first entry is, behind the first look: what that look saw of a day that just opened is read, too.
 */
async function* entriesOf(store: BooksStore, from: string): AsyncIterable<readonly Entry[]> {
  if (from === '') yield* store.scan('entries');
  else
    for (const { businessDate } of await daysAfter(store, from))
      yield* store.scan('entries', { businessDate });
}

/** How many ids are remembered, twice over: most corrections come soon after what they correct. */
const REMEMBERED = 200_000;

/** Entries that name another, of which all but the recent are looked for at the end: the ids of years fit into no memory. */
class Corrections {
  #recent = new Set<string>();
  #older = new Set<string>();
  readonly #open: Pick<Entry, 'entryId' | 'corrects' | 'businessDate'>[] = [];
  #carriedTo = '';

  add(entry: Entry): void {
    if (entry.event === 'carried-forward') this.#carriedTo = entry.businessDate;
    const { entryId, corrects, businessDate } = entry;
    if (corrects !== null && !this.#recent.has(corrects) && !this.#older.has(corrects))
      this.#open.push({ entryId, corrects, businessDate });
    if (this.#recent.size === REMEMBERED) [this.#older, this.#recent] = [this.#recent, new Set()];
    this.#recent.add(entryId);
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
  return hasRow(store, 'entries', { entryId });
}

async function hasRow<T extends 'entries' | 'lots'>(
  store: BooksStore,
  table: T,
  where: Parameters<typeof store.scan<T>>[1],
): Promise<boolean> {
  for await (const page of store.scan(table, where)) if (page.length > 0) return true;
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

type Dates = { readonly afterBusinessDate: string; readonly upToBusinessDate?: string };

/** @param counted where it is kept how many postings they are */
async function addSums(
  figures: Figures,
  kind: Kind,
  store: BooksStore,
  { counted, ...dates }: Dates & { readonly counted?: Kind },
): Promise<void> {
  for await (const page of store.sums({ byLot: true, ...dates }))
    for (const part of page) {
      figures.put([kind], part, part.sum);
      if (counted !== undefined) figures.put([counted], part, part.postings);
    }
}

/** Every date before `date` sorts at or before this, and `date` itself does not. */
function dayBefore(date: string): string {
  return String(Number(date) - 1);
}

/** What a reading leaves for the next: it is worth believing only when all of the reading was proven. */
export function sumsOf({ figures, closedUpTo, lots }: Reading, pause?: Extent['pause']): ReadSums {
  const sumAt = (key: string, row: number) =>
    figures.get(partsOf(key).lot === null ? 'lotless' : 'closedFold', row);
  return {
    upTo: closedUpTo,
    lots: lots.closed,
    sumOf(key) {
      const row = figures.find(key);
      return row === undefined ? 0 : sumAt(key, row);
    },
    async *parts() {
      for (const part of figures.partsInOrder()) {
        yield part.map(([key, row]) => [key, sumAt(key, row)] as const).filter(([, sum]) => sum !== 0);
        await pause?.();
      }
    },
  };
}

/** The account of `unit account` or `unit account lot`. */
export function accountOfKey(key: string): string {
  return key.split(' ')[1] ?? key;
}
