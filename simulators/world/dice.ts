/** Chance that comes again: every draw of a world follows from its seed and the name of who draws. */
import { createHash } from 'node:crypto';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Ten thousand: probabilities of the fault table are whole numbers out of it. */
const CHANCE = 10_000;
const FIRST_DRAWS = 16;

export class Dice {
  readonly #seed: string;
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  /** @param seed any text: the same gives the same draws */
  constructor(seed: string) {
    this.#seed = seed;
    this.#generator = xoroshiro128plus(createHash('sha256').update(seed).digest().readInt32LE(0));
    // Its first draws show the seed's bits hardly mixed.
    for (let drawn = 0; drawn < FIRST_DRAWS; drawn += 1) this.#generator.next();
  }

  /**
   * Dice of their own for one part of the world. What that part draws, or draws no more after a change of the
   * code, moves no other part's draws.
   */
  of(part: string): Dice {
    return new Dice(`${this.#seed}/${part}`);
  }

  /** A whole number from 0 to `limit` − 1; `limit` from 1 to 2^31. */
  next(limit: number): number {
    return (this.#generator.next() >>> 0) % limit;
  }

  /** From `least` to `most`, both possible. */
  between(least: number, most: number): number {
    return least + this.next(most - least + 1);
  }

  /** True in `tenThousandths` of 10,000 cases. */
  falls(tenThousandths: number): boolean {
    return this.next(CHANCE) < tenThousandths;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.next(from.length)] as T;
  }

  /** Bytes for salts, identifiers and keys of this world. Nobody outside a simulation may take them. */
  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at += 4) {
      const word = this.#generator.next();
      for (let byte = 0; byte < 4 && at + byte < count; byte += 1)
        bytes[at + byte] = (word >>> (8 * byte)) & 0xff;
    }
    return bytes;
  }
}
