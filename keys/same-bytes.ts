/** Comparing MACs and check values. */
import { timingSafeEqual } from 'node:crypto';
import { codeAt } from '../protocol/index.ts';

/** In constant time for equal lengths; the length of a MAC or check value is no secret. */
export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** As `sameBytes`, of texts that are compared with what was computed: every character is looked at, whichever differs. */
export function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let differing = 0;
  for (let at = 0; at < a.length; at += 1) differing |= codeAt(a, at) ^ codeAt(b, at);
  return differing === 0;
}
