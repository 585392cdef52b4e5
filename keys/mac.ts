/** Message authentication codes of DE64. Which one an acquirer speaks is a setting of the terminal's profile. */
import type { BlockCipher } from './block-cipher.ts';

/** The code of each hexadecimal digit in upper case. */
const HEX = Buffer.from('0123456789ABCDEF', 'ascii');

/**
 * UnionPay's «ECB» MAC over MTI up to the byte before DE64.
 *
 * Pad with zeros, XOR all blocks, write the result as upper-case hex (ASCII), encrypt its first half,
 * XOR the second half, encrypt; the first eight hex digits of that are DE64. Blocks have 8 bytes with
 * DES and triple DES, 16 with SM4.
 *
 * Weak by design, and kept for compatibility only: the XOR is a checksum, so exchanging two blocks, or
 * flipping the same bit in two, keeps the MAC; and only 32 bits of it travel.
 *
 * @param cipher single DES, double-length triple DES or SM4
 * @returns 8 bytes: ASCII of eight hex digits
 * @example DES 2222222222222222 over 1234567890ABCDEFABCDEF1234567890 gives E267B6E2 (pgate's test suite)
 * Source: fact sheet UnionPay POS, 5.1 and 5.2.
 */
export function unionPayEcbMac(cipher: BlockCipher, data: Buffer): Buffer {
  const folded = foldBlocks(data, cipher.blockBytes);
  const expanded = asciiHex(folded, folded.length);
  const second = expanded.subarray(cipher.blockBytes);
  const first = cipher.encrypt(expanded.subarray(0, cipher.blockBytes));
  for (let at = 0; at < second.length; at += 1) second[at] = (second[at] as number) ^ (first[at] as number);
  return asciiHex(cipher.encrypt(second), 4);
}

/**
 * XOR of all blocks, the last one filled with zeros; zeros for no data.
 *
 * @example 1234567890ABCDEF ABCDEF1234567890 folds to B9F9B96AA4FDB57F
 */
export function foldBlocks(data: Buffer, blockBytes: number): Buffer {
  const folded = Buffer.alloc(blockBytes);
  // Column by column: one running byte instead of a division and two array writes for each byte.
  for (let slot = 0; slot < blockBytes; slot += 1) {
    let byte = 0;
    for (let at = slot; at < data.length; at += blockBytes) byte ^= data[at] as number;
    folded[slot] = byte;
  }
  return folded;
}

/**
 * ANSI X9.9 (ISO 9797-1 algorithm 1, padding 1): CBC in single DES from a zero start, the last block is
 * the MAC. Not offered for DE64: single DES is too short. The first half of X9.19.
 *
 * @returns 8 bytes
 * @example 0123456789ABCDEF over 'Now is the time for all ' gives 70A30640CC76DD8B (ISO 9797-1 annex B)
 */
export function ansiX99Mac(cipher: BlockCipher, data: Buffer): Buffer {
  return chainBlocks(cipher, cipher, data);
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
export function ansiX919Mac(cipher: BlockCipher, data: Buffer): Buffer {
  return chainBlocks(cipher.leftHalf(), cipher, data);
}

/** CBC with zero padding: all blocks but the last under `chain`, the last under `last`. */
function chainBlocks(chain: BlockCipher, last: BlockCipher, data: Buffer): Buffer {
  const { blockBytes } = chain;
  const blocks = Math.max(1, Math.ceil(data.length / blockBytes));
  let block: Buffer = Buffer.alloc(blockBytes);
  for (let index = 0; index < blocks; index += 1) {
    const piece = data.subarray(index * blockBytes, (index + 1) * blockBytes);
    for (let at = 0; at < piece.length; at += 1) block[at] = (block[at] as number) ^ (piece[at] as number);
    block = (index === blocks - 1 ? last : chain).encrypt(block);
  }
  return block;
}

/** The first `bytes` bytes as upper-case ASCII hex digits. */
function asciiHex(bytes: Buffer, count: number): Buffer {
  const out = Buffer.alloc(count * 2);
  for (let at = 0; at < count; at += 1) {
    const byte = bytes[at] as number;
    out[at * 2] = HEX[byte >> 4] as number;
    out[at * 2 + 1] = HEX[byte & 15] as number;
  }
  return out;
}
