/** How a message becomes whole blocks before its MAC is made. Source: ISO/IEC 9797-1, 6.3. */
import { ensure } from '../../protocol/index.ts';
import { passingSecret } from '../secret-buffer.ts';

/** Method 1, 2 or 3 of ISO 9797-1. */
export type PaddingMethod = 1 | 2 | 3;

/**
 * Method 1: zeros at the right up to whole blocks; no data becomes one block of zeros. Messages that
 * differ in trailing zeros only get the same MAC.
 *
 * @param blockBytes the cipher's block, in bytes
 * @example 1234 in blocks of 8 becomes 1234000000000000 (psec's test suite)
 */
export function padMethod1(data: Buffer, blockBytes: number): Buffer {
  return filledUp(Math.max(1, Math.ceil(data.length / blockBytes)) * blockBytes, data, 0);
}

/**
 * Method 2: one bit, then zeros up to whole blocks; always at least one byte is added.
 *
 * @example 1234567890123456 in blocks of 8 becomes 12345678901234568000000000000000 (psec's test suite)
 */
export function padMethod2(data: Buffer, blockBytes: number): Buffer {
  const out = filledUp((Math.floor(data.length / blockBytes) + 1) * blockBytes, data, 0);
  out[data.length] = 0x80;
  return out;
}

/**
 * Method 3: the length in bits as a big-endian block in front, then zeros up to whole blocks; no
 * data becomes one block of zeros behind it.
 *
 * @example 1234 in blocks of 8 becomes 00000000000000101234000000000000 (psec's test suite)
 */
export function padMethod3(data: Buffer, blockBytes: number): Buffer {
  const out = filledUp((1 + Math.max(1, Math.ceil(data.length / blockBytes))) * blockBytes, data, blockBytes);
  const bits = data.length * 8;
  ensure(bits <= 0xffff_ffff, 'the bits of a message fit in four bytes');
  out.writeUInt32BE(bits, blockBytes - 4);
  return out;
}

/** The message in whole blocks, in a buffer of its own. */
export function padded(data: Buffer, blockBytes: number, method: PaddingMethod): Buffer {
  if (method === 1) return padMethod1(data, blockBytes);
  return method === 2 ? padMethod2(data, blockBytes) : padMethod3(data, blockBytes);
}

function filledUp(bytes: number, data: Buffer, from: number): Buffer {
  // What is padded may be a key.
  const out = passingSecret(bytes);
  data.copy(out, from);
  return out;
}
