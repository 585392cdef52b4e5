/** Comparing MACs and check values. */
import { timingSafeEqual } from 'node:crypto';

/** In constant time for equal lengths; the length of a MAC or check value is no secret. */
export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
