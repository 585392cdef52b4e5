/**
 * What the proof of the books compares, by account and by lot: one row each, the figures of all kinds side by side. Millions of
 * accounts fit: a row takes some 170 bytes, nearly all of them outside of the JavaScript heap.
 */
import { ensure } from '../../protocol/index.ts';
import { KeyTable } from './key-table.ts';
import type { Entry, Unit } from './model.ts';

/** The kinds of figures. Sums of postings are debit positive, in fen or points. */
export const KINDS = [
  /** Of closed days, from the entries that were read, and what was believed; of it, what names no lot; of the days after those. */
  'closedFold',
  'lotless',
  'openFold',
  /** Of the closed days as the database sums them; of later days that were closed, too, when the reading began. */
  'closedSums',
  'laterSums',
  /** Of the days that were open then, in a look before everything else was read and in one after it: sums, and how many postings. */
  'before',
  'after',
  'postingsBefore',
  'postingsAfter',
  /** What the rows of lots and accounts come to, in the sign of the postings. */
  'rows',
  /** Of the latest day alone: from its entries, and as the database sums it. */
  'latestFold',
  'latestSums',
] as const;
export type Kind = (typeof KINDS)[number];

// What is known of a row beside its figures.
/** A posting that was read, or what was believed, is in it. */
export const FOLDED = 1;
/** Of a lot: its row was read, of this account. */
export const LOT_READ = 2;
/** Of a hold's lot: the lot's row was read. */
export const LOT_KNOWN = 4;
/** Its latest fold is of the latest day. */
const LATEST = 8;

/** So many keys are looked through between two pauses: some milliseconds. */
export const PART_KEYS = 2_000;

/** Rows of one piece of a column: it grows without being copied. */
const PIECE_BITS = 16;
const PIECE = 2 ** PIECE_BITS;

export class Figures {
  readonly #keys = new KeyTable();
  /** A piece is made where its first figure is not zero: many kinds have none. */
  readonly #columns = Object.fromEntries(KINDS.map((kind) => [kind, []])) as unknown as Readonly<
    Record<Kind, (Float64Array | undefined)[]>
  >;
  readonly #marks: Uint8Array[] = [];
  /** The latest business date of an entry; '' before the first. */
  latestDate = '';
  /** Rows whose latest fold is of that date. */
  #latest: number[] = [];
  entries = 0;
  postings = 0;

  /** Accounts and lots. */
  get size(): number {
    return this.#keys.size;
  }

  /** The row of a key, `unit account` or `unit account lot`; made where there is none. */
  rowOf(key: string): number {
    const row = this.#keys.numberOf(key);
    if (row >>> PIECE_BITS === this.#marks.length) this.#marks.push(new Uint8Array(PIECE));
    return row;
  }

  /** The row of a key; undefined where there is none. */
  find(key: string): number | undefined {
    return this.#keys.find(key);
  }

  get(kind: Kind, row: number): number {
    return this.#columns[kind][row >>> PIECE_BITS]?.[row % PIECE] ?? 0;
  }

  /** @throws INVARIANT where a sum of postings is no safe integer; what rows say is compared, whatever it is */
  add(kind: Kind, row: number, amount: number): void {
    const sum = this.get(kind, row) + amount;
    ensure(kind === 'rows' || Number.isSafeInteger(sum), 'a sum of the books is a safe integer');
    this.#set(kind, row, sum);
  }

  has(mark: number, row: number): boolean {
    return (this.#markOf(row) & mark) !== 0;
  }

  mark(mark: number, row: number): void {
    (this.#marks[row >>> PIECE_BITS] as Uint8Array)[row % PIECE] = this.#markOf(row) | mark;
  }

  /** Adds a sum of postings. @param lot null where they name none */
  put(kinds: readonly Kind[], { unit, account, lot }: KeyParts, sum: number): void {
    const row = this.rowOf(accountKey(unit, account));
    const ofLot = lot === null ? null : this.rowOf(lotKey(unit, account, lot));
    for (const kind of kinds) {
      this.add(kind, row, sum);
      if (ofLot !== null) this.add(kind, ofLot, sum);
    }
  }

  /** Adds one entry. Entries may come in any order. */
  fold(kind: 'closedFold' | 'openFold', { businessDate, postings }: Entry): void {
    if (businessDate > this.latestDate) this.#beginLatest(businessDate);
    const isLatest = businessDate === this.latestDate;
    this.entries += 1;
    this.postings += postings.length;
    for (const { account, lot, unit, amount } of postings) {
      const row = this.rowOf(accountKey(unit, account));
      this.add(kind, row, amount);
      this.mark(FOLDED, row);
      if (isLatest) this.#foldLatest(row, amount);
      if (lot === null) {
        if (kind === 'closedFold') this.add('lotless', row, amount);
        continue;
      }
      const ofLot = this.rowOf(lotKey(unit, account, lot));
      this.add(kind, ofLot, amount);
      this.mark(FOLDED, ofLot);
    }
  }

  /** Accounts that moved on the latest day. */
  get latestAccounts(): number {
    return this.#latest.length;
  }

  #beginLatest(businessDate: string): void {
    this.latestDate = businessDate;
    for (const row of this.#latest) {
      this.#set('latestFold', row, 0);
      (this.#marks[row >>> PIECE_BITS] as Uint8Array)[row % PIECE] = this.#markOf(row) & ~LATEST;
    }
    this.#latest = [];
  }

  #foldLatest(row: number, amount: number): void {
    if (!this.has(LATEST, row)) {
      this.mark(LATEST, row);
      this.#latest.push(row);
    }
    this.add('latestFold', row, amount);
  }

  /** Every key with its row, in parts of so many at the most: between them others may work. */
  *parts(most = PART_KEYS): Iterable<readonly (readonly [key: string, row: number])[]> {
    let part: (readonly [string, number])[] = [];
    for (const shard of this.#keys.shards())
      for (const pair of shard) {
        part.push(pair);
        if (part.length < most) continue;
        yield part;
        part = [];
      }
    if (part.length > 0) yield part;
  }

  /** The same in an order of its own, which is always the same for the same keys. */
  *partsInOrder(): Iterable<readonly (readonly [key: string, row: number])[]> {
    for (const shard of this.#keys.shards()) yield [...shard].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #set(kind: Kind, row: number, value: number): void {
    const pieces = this.#columns[kind];
    let piece = pieces[row >>> PIECE_BITS];
    if (piece === undefined) {
      if (value === 0) return;
      piece = new Float64Array(PIECE);
      pieces[row >>> PIECE_BITS] = piece;
    }
    piece[row % PIECE] = value;
  }

  #markOf(row: number): number {
    return this.#marks[row >>> PIECE_BITS]?.[row % PIECE] ?? 0;
  }
}

/** An account in a unit, or a lot of it. */
export interface KeyParts {
  readonly unit: Unit | string;
  readonly account: string;
  readonly lot: string | null;
}

export function accountKey(unit: Unit | string, account: string): string {
  return `${unit} ${account}`;
}
export function lotKey(unit: Unit | string, account: string, lot: string): string {
  return `${unit} ${account} ${lot}`;
}

export function partsOf(key: string): KeyParts {
  const [unit = '', account = '', lot = null] = key.split(' ');
  return { unit, account, lot };
}
