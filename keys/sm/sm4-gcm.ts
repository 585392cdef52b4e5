/**
 * SM4-GCM, which OpenSSL 3.0 does not offer: its counter mode, and GHASH here. Source: RFC 8998, NIST SP
 * 800-38D.
 *
 * GHASH is written with big integers, so its time tells something about the data, and it is slow: for
 * interfaces that ask for it. What rests here is under AES-256-GCM.
 */
import { PosError } from '../../protocol/index.ts';
import { type BlockCipher, xorInto } from '../cipher/block-cipher.ts';
import { sameBytes } from '../same-bytes.ts';

const BLOCK = 16;
const IV_BYTES = 12;
/** x^128 + x^7 + x^2 + x + 1, the lowest power at the left. */
const REDUCTION = 0xe1n << 120n;

/**
 * @param sm4 the key
 * @param iv 12 bytes, never the same twice under one key
 * @param aad bound, not encrypted
 * @returns cipher text as long as the text, and a tag of 16 bytes
 * @example RFC 8998, A.1: tag 83DE3541E4C2B58177E065A9BF7B62EC
 * @throws FIELD_BAD_LENGTH
 */
export function sm4GcmEncrypt(
  sm4: BlockCipher<'sm4'>,
  iv: Buffer,
  clear: Buffer,
  aad: Buffer,
): { readonly cipherText: Buffer; readonly tag: Buffer } {
  const cipherText = count(sm4, iv, 2, clear);
  return { cipherText, tag: tagOf(sm4, iv, cipherText, aad) };
}

/**
 * Undoes sm4GcmEncrypt.
 *
 * @throws SEAL_BROKEN text, additional data, tag or key differ; FIELD_BAD_LENGTH
 */
export function sm4GcmDecrypt(
  sm4: BlockCipher<'sm4'>,
  iv: Buffer,
  cipherText: Buffer,
  aad: Buffer,
  tag: Buffer,
): Buffer {
  if (!sameBytes(tagOf(sm4, iv, cipherText, aad), tag))
    throw new PosError('SEAL_BROKEN', 'SM4-GCM: the text was changed, or sealed under another key');
  return count(sm4, iv, 2, cipherText);
}

function tagOf(sm4: BlockCipher<'sm4'>, iv: Buffer, cipherText: Buffer, aad: Buffer): Buffer {
  const lengths = Buffer.alloc(BLOCK);
  lengths.writeBigUInt64BE(BigInt(aad.length) * 8n);
  lengths.writeBigUInt64BE(BigInt(cipherText.length) * 8n, 8);
  const h = sm4.encrypt(Buffer.alloc(BLOCK));
  return count(sm4, iv, 1, ghash(h, [aad, cipherText, lengths]));
}

/** Counter mode from the counter block `iv ‖ first`. */
function count(sm4: BlockCipher<'sm4'>, iv: Buffer, first: number, data: Buffer): Buffer {
  if (iv.length !== IV_BYTES) throw new PosError('FIELD_BAD_LENGTH', 'an SM4-GCM initial value has 12 bytes');
  const counter = Buffer.alloc(BLOCK);
  iv.copy(counter);
  counter.writeUInt32BE(first, IV_BYTES);
  return sm4.ctr(data, counter);
}

/** Each part filled with zeros to whole blocks; Y ← (Y XOR block)·H. */
function ghash(h: Buffer, parts: readonly Buffer[]): Buffer {
  const factor = BigInt(`0x${h.toString('hex')}`);
  const sum: Buffer = Buffer.alloc(BLOCK);
  for (const part of parts) {
    for (let at = 0; at < part.length; at += BLOCK) {
      xorInto(sum, part.subarray(at, at + BLOCK));
      const product = times(BigInt(`0x${sum.toString('hex')}`), factor);
      sum.write(product.toString(16).padStart(BLOCK * 2, '0'), 'hex');
    }
  }
  return sum;
}

/** Multiplication in GF(2^128), bit 0 at the left. */
function times(x: bigint, y: bigint): bigint {
  let product = 0n;
  let shifted = y;
  for (let bit = 127n; bit >= 0n; bit -= 1n) {
    if (((x >> bit) & 1n) === 1n) product ^= shifted;
    shifted = (shifted & 1n) === 1n ? (shifted >> 1n) ^ REDUCTION : shifted >> 1n;
  }
  return product;
}
