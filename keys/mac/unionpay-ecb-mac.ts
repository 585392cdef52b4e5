/** The MAC that UnionPay's POS interface prescribes for DE64. */
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';

/** How much of the last block DE64 shows, in two digits a byte. */
const MAC_BYTES = 4;

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
export function unionPayEcbMac(cipher: KeyedCipher, data: Buffer): Buffer {
  const { blockBytes } = cipher;
  // Encrypt, XOR, encrypt is CBC over two blocks from a zero start: one call to the cipher instead of two.
  const chained = cipher.encryptCbc(asciiHex(foldBlocks(data, blockBytes), 0, blockBytes));
  return asciiHex(chained, blockBytes, MAC_BYTES);
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

/** So many bytes as upper-case ASCII hex digits. */
function asciiHex(bytes: Buffer, from: number, count: number): Buffer {
  const out = Buffer.alloc(count * 2);
  for (let at = 0; at < count; at += 1) {
    const byte = bytes[from + at] as number;
    out[at * 2] = HEX[byte >> 4] as number;
    out[at * 2 + 1] = HEX[byte & 15] as number;
  }
  return out;
}
