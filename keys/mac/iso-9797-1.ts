/**
 * The MACs of ISO/IEC 9797-1 that chain blocks: algorithms 1 to 4. Algorithm 5 is CMAC (cmac.ts). All
 * give the last block in full; the interface says how many of its left bytes travel.
 *
 * Algorithms 1 to 4 with padding 1 let anybody append zeros, and 1 alone lets him extend a message:
 * they are here for the interfaces that prescribe them. CMAC is what to choose.
 */
import { ensure } from '../../protocol/index.ts';
import { type BlockCipher, xorInto } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { type PaddingMethod, padded } from './padding.ts';

/**
 * Algorithm 1, CBC-MAC: the last block of CBC from a zero start. With SM4 and padding 1 the MAC of
 * Chinese ATM networks.
 *
 * @returns one block: 8 bytes (DES, triple DES) or 16 (AES, SM4)
 * @example DES 0123456789ABCDEF over 'Now is the time for all ', padding 1, begins 70A30640 (annex B)
 */
export function iso9797Mac1(key: KeyedCipher, data: Buffer, padding: PaddingMethod): Buffer {
  return lastBlock(key, padded(data, key.blockBytes, padding));
}

/**
 * Algorithm 2, EMAC: algorithm 1, its block encrypted once more under the second key.
 *
 * @example DES 0123456789ABCDEF, second key F1D3B597795B3D1F, 'Now is the time for it', padding 2:
 *   1736AC1A61630EFB (annex B of 1999 prints …63630EFB, an error)
 */
export function iso9797Mac2(
  key: BlockCipher,
  second: BlockCipher,
  data: Buffer,
  padding: PaddingMethod,
): Buffer {
  return second.encrypt(iso9797Mac1(key, data, padding));
}

/**
 * Algorithm 3, the retail MAC: algorithm 1, its block decrypted under the second key and encrypted
 * under the first. With single DES keys and padding 1 it is X9.19 (x9-mac.ts), with padding 2 the MAC
 * of EMV and PBOC cards.
 *
 * @example DES 0123456789ABCDEF, second key FEDCBA9876543210, 'Now is the time for all ', padding 2:
 *   E9086230CA3BE796 (annex B)
 */
export function iso9797Mac3(
  key: BlockCipher,
  second: BlockCipher,
  data: Buffer,
  padding: PaddingMethod,
): Buffer {
  return key.encrypt(second.decrypt(iso9797Mac1(key, data, padding)));
}

/**
 * Algorithm 4, MacDES: the first block is encrypted a second time, under a key derived from the second
 * one, and the last block a second time under the second key. A message of one block, for which the
 * standard has no MAC, gets both at once, as GB/T 15852.1's examples do.
 *
 * @param second the key itself is needed, for the derivation: every other half byte inverted
 * @example DES 0123456789ABCDEF, second key FEDCBA9876543210, 'Hello, world!', padding 2:
 *   B6E74442CF5607FA (CryptoCarver's test suite)
 */
export function iso9797Mac4(
  key: BlockCipher,
  second: BlockCipher,
  data: Buffer,
  padding: PaddingMethod,
): Buffer {
  const { blockBytes } = key;
  const blocks = padded(data, blockBytes, padding);
  const third = second.derived((bytes) => xorInto(bytes, Buffer.alloc(bytes.length, 0xf0)));
  const first = third.encrypt(key.encrypt(blocks.subarray(0, blockBytes)));
  third.wipe();
  if (blocks.length === blockBytes) return second.encrypt(first);
  return second.encrypt(lastBlock(key, blocks.subarray(blockBytes), first));
}

/** The last block of CBC; whole blocks in. */
export function lastBlock(key: KeyedCipher, blocks: Buffer, iv?: Buffer): Buffer {
  ensure(blocks.length > 0, 'a MAC covers at least one block');
  const chained = key.encryptCbc(blocks, iv);
  // A copy: the caller may keep a MAC, and must not keep the whole chain alive with it.
  return Buffer.from(chained.subarray(chained.length - key.blockBytes));
}
