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
  for (let at = 0; at < data.length; at += 1) {
    const slot = at % blockBytes;
    folded[slot] = (folded[slot] as number) ^ (data[at] as number);
  }
  return folded;
}

/**
 * ANSI X9.19, the retail MAC (ISO 9797-1 algorithm 3, padding 1): CBC in single DES under the left
 * half, the last block in triple DES. An empty message counts as one zero block.
 *
 * @param cipher double-length triple DES
 * @returns 8 bytes
 * @example 0123456789ABCDEFFEDCBA9876543210 over 'Now is the time for all ' gives A1C72E74EA3FA9B6
 *   (ISO 9797-1 annex B; the X9.19 example)
 */
export function ansiX919Mac(cipher: BlockCipher, data: Buffer): Buffer {
  const left = cipher.leftHalf();
  const blocks = Math.max(1, Math.ceil(data.length / 8));
  let chain = Buffer.alloc(8);
  for (let block = 0; block < blocks; block += 1) {
    const from = block * 8;
    const to = Math.min(from + 8, data.length);
    const next = Buffer.from(chain);
    for (let at = from; at < to; at += 1)
      next[at - from] = (next[at - from] as number) ^ (data[at] as number);
    chain = (block === blocks - 1 ? cipher : left).encrypt(next) as Buffer<ArrayBuffer>;
  }
  return chain;
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
