/** The MACs of ANSI X9.9 and X9.19, as host interfaces name them. */
import { xorInto } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { iso9797Mac1, lastBlock } from './iso-9797-1.ts';
import { padMethod1 } from './padding.ts';

/**
 * ANSI X9.9 (ISO 9797-1 algorithm 1, padding 1): CBC in single DES from a zero start, the last block is
 * the MAC. Not offered for DE64: single DES is too short.
 *
 * @returns 8 bytes
 * @example 0123456789ABCDEF over 'Now is the time for all ' gives 70A30640CC76DD8B (ISO 9797-1 annex B)
 */
export function ansiX99Mac(cipher: KeyedCipher, data: Buffer): Buffer {
  return iso9797Mac1(cipher, data, 1);
}

/**
 * ANSI X9.19, the retail MAC (ISO 9797-1 algorithm 3, padding 1): X9.9 under the left half, then
 * decrypted under the right half and encrypted under the left one, which makes the last block one step
 * of triple DES. An empty message counts as one zero block.
 *
 * @param cipher double-length triple DES
 * @returns 8 bytes
 * @example 0123456789ABCDEFFEDCBA9876543210 over 'Now is the time for all ' gives A1C72E74EA3FA9B6
 *   (ISO 9797-1 annex B; the X9.19 example)
 */
export function ansiX919Mac(cipher: KeyedCipher, data: Buffer): Buffer {
  const blocks = padMethod1(data, 8);
  const split = blocks.length - 8;
  const last = blocks.subarray(split);
  if (split > 0) xorInto(last, lastBlock(cipher.leftHalf(), blocks.subarray(0, split)));
  return cipher.encrypt(last);
}
