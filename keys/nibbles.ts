/** Half bytes: how PIN blocks, card values and decimalisation count. */

import { codeAt } from '../protocol/index.ts';

/** Nibble 0 is the high half of the first byte. */
export function nibbleAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at >> 1] as number;
  return at % 2 === 0 ? byte >> 4 : byte & 0x0f;
}

/** Writes a nibble over the one that stands there. */
export function writeNibble(out: Uint8Array, at: number, nibble: number): void {
  const slot = at >> 1;
  const kept = out[slot] as number;
  out[slot] = at % 2 === 0 ? (nibble << 4) | (kept & 0x0f) : (kept & 0xf0) | nibble;
}

/**
 * Writes decimal digits as nibbles, the first one at `at`.
 *
 * @param digits 0 to 9 only: the caller has seen to it
 * @returns the place behind them
 */
export function writeDigits(out: Uint8Array, at: number, digits: string): number {
  const { length } = digits;
  for (let index = 0; index < length; index += 1) writeNibble(out, at + index, codeAt(digits, index) - 0x30);
  return at + length;
}
