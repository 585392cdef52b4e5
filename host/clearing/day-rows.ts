/**
 * The rows of a business day, by merchant, while it is being cleared. A day may have millions: they rest packed, at some
 * hundred bytes each, and are unpacked a piece at a time. What is in them is in the books, so nothing of it outlives a run.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Movement } from './model.ts';
import { type Pause, PIECE_ROWS } from './pieces.ts';

/** Rows that are not packed yet, of all merchants together: some 20 MB. */
const LOOSE_MAX = 20_000;
/** Where merchants are many, each has few rows at a time: so many small pieces are made one. */
const SMALL_MAX = 8;
/** The quickest: rows are much alike, so that any level makes little of them. */
const PACKING = { level: 1 } as const;

interface OfMerchant {
  /** Whole pieces, then smaller ones, then what is not packed: in the order in which they came. */
  readonly whole: Buffer[];
  small: Buffer[];
  loose: Movement[];
  last: Movement | null;
  /** The rows came in the order in which they are told: nearly always, unless the clocks of several hosts differ. */
  inOrder: boolean;
  /** While they are brought into it. */
  ordering: Promise<void> | null;
}

export class DayRows {
  readonly #merchants = new Map<string, OfMerchant>();
  readonly #pause: Pause;
  #loose = 0;

  constructor(pause: Pause) {
    this.#pause = pause;
  }

  async add(rows: readonly Movement[]): Promise<void> {
    for (const row of rows) {
      const of = this.#of(row.merchantId);
      if (of.last !== null && compare(of.last, row) > 0) of.inOrder = false;
      of.last = row;
      of.loose.push(row);
      this.#loose += 1;
      if (of.loose.length === PIECE_ROWS) this.#pack(of);
    }
    if (this.#loose < LOOSE_MAX) return;
    for (const of of this.#merchants.values()) {
      if (of.loose.length === 0) continue;
      this.#pack(of);
      await this.#pause();
    }
  }

  #of(merchantId: string): OfMerchant {
    const known = this.#merchants.get(merchantId);
    if (known !== undefined) return known;
    const made: OfMerchant = { whole: [], small: [], loose: [], last: null, inOrder: true, ordering: null };
    this.#merchants.set(merchantId, made);
    return made;
  }

  #pack(of: OfMerchant): void {
    this.#loose -= of.loose.length;
    if (of.loose.length < PIECE_ROWS && of.small.length < SMALL_MAX) {
      of.small.push(packed(of.loose));
      of.loose = [];
      return;
    }
    let rows = [...of.small.flatMap(unpacked), ...of.loose];
    for (; rows.length >= PIECE_ROWS; rows = rows.slice(PIECE_ROWS))
      of.whole.push(packed(rows.slice(0, PIECE_ROWS)));
    of.small = rows.length === 0 ? [] : [packed(rows)];
    of.loose = [];
  }

  /** A merchant's rows in the order in which they were authorised, some at a time. Of a merchant without rows: none. */
  async *of(merchantId: string): AsyncIterable<readonly Movement[]> {
    const of = this.#merchants.get(merchantId);
    if (of === undefined) return;
    if (!of.inOrder) {
      of.ordering ??= this.#order(of);
      await of.ordering;
    }
    for (const piece of [...of.whole, ...of.small]) {
      yield unpacked(piece);
      await this.#pause();
    }
    if (of.loose.length > 0) yield of.loose;
  }

  /** Packs a merchant's rows anew in the order in which they are told. */
  async #order(of: OfMerchant): Promise<void> {
    const rows: Movement[] = [];
    for (const piece of [...of.whole, ...of.small]) {
      rows.push(...unpacked(piece));
      await this.#pause();
    }
    for (const row of of.loose) rows.push(row);
    this.#loose -= of.loose.length;
    rows.sort(compare);
    of.last = rows.at(-1) ?? null;
    of.whole.length = 0;
    [of.small, of.loose] = [[], []];
    for (let from = 0; from < rows.length; from += PIECE_ROWS) {
      of.whole.push(packed(rows.slice(from, from + PIECE_ROWS)));
      await this.#pause();
    }
    of.inOrder = true;
    of.ordering = null;
  }
}

/** Copied: what deflate gives is a part of a larger piece of memory. */
function packed(rows: readonly Movement[]): Buffer {
  return Buffer.from(deflateRawSync(JSON.stringify(rows), PACKING));
}

function unpacked(piece: Buffer): readonly Movement[] {
  return JSON.parse(inflateRawSync(piece).toString()) as readonly Movement[];
}

function compare(a: Movement, b: Movement): number {
  if (a.at !== b.at) return a.at - b.at;
  return a.entryId < b.entryId ? -1 : 1;
}
