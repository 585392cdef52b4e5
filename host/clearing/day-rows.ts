/**
 * The rows of a business day, by merchant, while it is being cleared. A day may have millions: they rest packed, at some
 * hundred bytes each, and are unpacked a piece at a time. What is in them is in the books, so nothing of it outlives a run.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Movement } from './model.ts';
import { inPieces, type Pause, PIECE_ROWS } from './pieces.ts';

/** Rows that are not packed yet, of all merchants together: some 20 MB. */
const LOOSE_MAX = 20_000;
/** The quickest: rows are much alike, so that any level makes little of them. */
const PACKING = { level: 1 } as const;

interface OfMerchant {
  readonly packed: Buffer[];
  loose: Movement[];
  last: Movement | null;
  /** The rows came in the order in which they are told: nearly always, unless the clocks of several hosts differ. */
  inOrder: boolean;
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
      if (of.loose.length === PIECE_ROWS) pack(of);
      else this.#loose += 1;
    }
    if (this.#loose < LOOSE_MAX) return;
    for (const of of this.#merchants.values()) {
      if (of.loose.length === 0) continue;
      pack(of);
      await this.#pause();
    }
    this.#loose = 0;
  }

  #of(merchantId: string): OfMerchant {
    const known = this.#merchants.get(merchantId);
    if (known !== undefined) return known;
    const made: OfMerchant = { packed: [], loose: [], last: null, inOrder: true };
    this.#merchants.set(merchantId, made);
    return made;
  }

  /** A merchant's rows in the order in which they were authorised, some at a time. Of a merchant without rows: none. */
  async *of(merchantId: string): AsyncIterable<readonly Movement[]> {
    const of = this.#merchants.get(merchantId);
    if (of === undefined) return;
    if (of.inOrder) {
      yield* this.#pieces(of);
      return;
    }
    const all: Movement[] = [];
    for await (const piece of this.#pieces(of)) all.push(...piece);
    yield* inPieces(all.sort(compare), this.#pause);
  }

  async *#pieces({ packed, loose }: OfMerchant): AsyncIterable<readonly Movement[]> {
    for (const piece of packed) {
      yield JSON.parse(inflateRawSync(piece).toString()) as readonly Movement[];
      await this.#pause();
    }
    if (loose.length > 0) yield loose;
  }
}

function pack(of: OfMerchant): void {
  of.packed.push(deflateRawSync(JSON.stringify(of.loose), PACKING));
  of.loose = [];
}

function compare(a: Movement, b: Movement): number {
  if (a.at !== b.at) return a.at - b.at;
  return a.entryId < b.entryId ? -1 : 1;
}
