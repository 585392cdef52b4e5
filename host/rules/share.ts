/** A share of an amount, kept exact until the one rounding. Pure. */
import { type Fen, fen } from '../../protocol/index.ts';

const WHOLE_BP = 10_000n;

/** An exact, never negative number of fen: a fraction whose denominator is a power of 10,000. */
export class Share {
  readonly #numerator: bigint;
  readonly #denominator: bigint;

  private constructor(numerator: bigint, denominator: bigint) {
    this.#numerator = numerator < 0n ? 0n : numerator;
    this.#denominator = denominator;
  }

  static of(amount: Fen): Share {
    return new Share(BigInt(amount), 1n);
  }

  /** The share of basis points, 0 to 10000. */
  times(basisPoints: number): Share {
    return new Share(this.#numerator * BigInt(basisPoints), this.#denominator * WHOLE_BP);
  }

  /** Less a whole number of fen; nothing is left where more is taken. */
  minus(amount: number): Share {
    return new Share(this.#numerator - BigInt(amount) * this.#denominator, this.#denominator);
  }

  atMost(amount: number): Share {
    const limit = BigInt(amount) * this.#denominator;
    return this.#numerator > limit ? new Share(limit, this.#denominator) : this;
  }

  /** In whole fen, half up. */
  halfUp(): Fen {
    return fen(Number((this.#numerator * 2n + this.#denominator) / (this.#denominator * 2n)));
  }
}
