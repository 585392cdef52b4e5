import { PosError } from './errors.ts';

declare const unit: unique symbol;

/**
 * A whole number of fen (1/100 yuan): never negative, never more than DE4 can carry. Postings and
 * nets, which have a sign, are `FenDelta`.
 */
export type Fen = number & { readonly [unit]: 'fen' };

/** A signed whole number of fen: a posting, a net, a difference. Within ±(2^53 − 1). */
export type FenDelta = number & { readonly [unit]: 'fen' | 'fenDelta' };

/** The largest amount of DE4: twelve digits of fen. */
export const FEN_MAX = 999_999_999_999;

/** One whole, in basis points (1 bp = 0.01 %). */
const BASIS_POINTS = 10_000;

/** Marks a count as fen. Throws AMOUNT_BAD unless it is a whole number of 0…`FEN_MAX`. */
export function fen(count: number): Fen {
  if (!Number.isSafeInteger(count) || count < 0 || count > FEN_MAX) {
    throw new PosError('AMOUNT_BAD', `${count} is not a whole number of fen, 0…${FEN_MAX}`);
  }
  return (count + 0) as Fen; // + 0 turns −0 into 0
}

/** Marks a signed count as fen. Throws AMOUNT_BAD unless it is a safe integer. */
export function fenDelta(count: number): FenDelta {
  if (!Number.isSafeInteger(count)) {
    throw new PosError('AMOUNT_BAD', `${count} is not a whole number of fen`);
  }
  return (count + 0) as FenDelta;
}

/** The sum of amounts; of none, 0. Throws AMOUNT_BAD above `FEN_MAX`. */
export function sumFen(amounts: Iterable<Fen>): Fen {
  let sum = 0;
  for (const amount of amounts) sum = fen(sum + amount);
  return fen(sum);
}

/** a − b. Throws AMOUNT_BAD below zero: whoever wants a sign asks for a `FenDelta`. */
export function minusFen(a: Fen, b: Fen): Fen {
  return fen(a - b);
}

/**
 * amount × basisPoints ÷ 10,000, half up.
 *
 * @param basisPoints whole, 0…10,000
 * @example shareHalfUp(fen(128_00), 8_000) is 102_40
 */
export function shareHalfUp(amount: Fen, basisPoints: number): Fen {
  if (!Number.isInteger(basisPoints) || basisPoints < 0 || basisPoints > BASIS_POINTS) {
    throw new PosError('AMOUNT_BAD', `${basisPoints} is not a rate in basis points, 0…10000`);
  }
  return timesHalfUp(amount, basisPoints, BASIS_POINTS);
}

/**
 * total × part ÷ whole, half up: the share of a total that belongs to a part.
 *
 * A whole of zero has only the part zero, and that has the share zero; else AMOUNT_BAD.
 */
export function proportionHalfUp(total: Fen, part: Fen, whole: Fen): Fen {
  if (whole === 0) {
    if (part === 0) return fen(0);
    throw new PosError('AMOUNT_BAD', `${part} is no part of nothing`);
  }
  return timesHalfUp(total, part, whole);
}

function timesHalfUp(amount: number, numerator: number, denominator: number): Fen {
  const product = amount * numerator;
  // Twice the product must stay exact as well, for the half.
  if (product <= Number.MAX_SAFE_INTEGER / 4) {
    const remainder = product % denominator;
    return fen((product - remainder) / denominator + (remainder * 2 >= denominator ? 1 : 0));
  }
  // The product can pass 2^53 even though both factors are far below it.
  const exact = BigInt(amount) * BigInt(numerator);
  const whole = BigInt(denominator);
  return fen(Number((exact * 2n + whole) / (whole * 2n)));
}

/** As people read it: `1234.50`, `-3.20`. No grouping, always two places. */
export function yuan(amount: Fen | FenDelta): string {
  const count = Math.abs(amount);
  const whole = Math.trunc(count / 100);
  const rest = String(count % 100).padStart(2, '0');
  return `${amount < 0 ? '-' : ''}${whole}.${rest}`;
}

/** Reads `128`, `128.5` or `128.50` yuan. Anything else, signs and blanks too, throws AMOUNT_BAD. */
export function parseYuan(text: string): Fen {
  const match = /^(\d{1,10})(?:\.(\d{1,2}))?$/.exec(text);
  if (match === null) {
    throw new PosError('AMOUNT_BAD', 'an amount is typed as 128, 128.5 or 128.50 yuan');
  }
  return fen(Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0')));
}

/** DE4: twelve digits of fen. */
export function amount12(amount: Fen): string {
  return String(fen(amount)).padStart(12, '0');
}
