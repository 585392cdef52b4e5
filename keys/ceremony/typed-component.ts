/** A key component from the keyboard. */
import { PosError } from '../../protocol/index.ts';
import { secretBuffer } from '../secret-buffer.ts';

/**
 * What a custodian typed, as bytes: it is never a text, which could not be wiped.
 *
 * @param typed ASCII: hexadecimal digits, spaces between them as you like; the caller wipes it
 * @param bytes how long the component is
 * @returns the caller wipes it
 * @throws KEY_BAD where the first wrong character is, or how many digits there are
 */
export function typedComponent(typed: Buffer, bytes: number): Buffer {
  const room = secretBuffer(typed.length);
  let count = 0;
  for (const byte of typed) {
    if (byte === 0x20) continue;
    room[count] = byte;
    count += 1;
  }
  const digits = room.subarray(0, count);
  try {
    const wrong = typed.findIndex((byte) => byte !== 0x20 && nibble(byte) < 0);
    if (wrong >= 0)
      throw new PosError('KEY_BAD', `component: character ${wrong + 1} is no hexadecimal digit`);
    if (digits.length !== bytes * 2)
      throw new PosError(
        'KEY_BAD',
        `component: ${bytes * 2} hexadecimal digits are wanted, not ${digits.length}`,
      );
    const out = secretBuffer(bytes);
    for (let at = 0; at < bytes; at += 1)
      out[at] = (nibble(digits[at * 2] as number) << 4) | nibble(digits[at * 2 + 1] as number);
    return out;
  } finally {
    room.fill(0);
  }
}

/** Value of an ASCII hexadecimal digit; -1: it is none. Bytes, because a text could not be wiped. */
function nibble(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte & ~0x20;
  return letter >= 0x41 && letter <= 0x46 ? letter - 0x37 : -1;
}
