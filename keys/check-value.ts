/** Key check values: two ends see that they hold the same key without showing it. Not a MAC. */
import { createCipheriv, createHmac } from 'node:crypto';
import type { BlockCipher } from './block-cipher.ts';

/** Bytes of a check value on the wire: UnionPay's DE62. */
export const WIRE_CHECK_BYTES = 4;
/** Bytes of a check value that may be shown and listed: the international norm. */
const SHOWN_CHECK_BYTES = 3;

/**
 * Check value of a DES, triple DES or SM4 key: a zero block encrypted under it, first bytes kept.
 * DES parity bits do not count.
 *
 * @param bytes 3 to show, 4 on the UnionPay wire
 * @example triple DES 0123456789ABCDEFFEDCBA9876543210 gives 08D7B4 (3 bytes); SM4
 *   unwrapped from 3D66234C49E4296FF9C78D8BACBD6A76 under 1234567890ABCDEFABCDEF0987654321: 861E83E3 (4)
 * Source: ANSI X9.24-1, annex C.
 */
export function checkValue(cipher: BlockCipher, bytes: number = SHOWN_CHECK_BYTES): Buffer {
  return cipher.encrypt(Buffer.alloc(cipher.blockBytes)).subarray(0, bytes);
}

/**
 * Check value of an AES key: AES-CMAC over one zero block, first bytes kept. For that one block CMAC
 * is E(2·E(0)), the doubling in GF(2^128) giving the CMAC subkey.
 *
 * @param key 16, 24 or 32 bytes
 * @example 3F419E1CB7079442AA37474C2EFBF8B8 gives 08793E (openemv/tr31's test suite)
 * Source: ANSI X9.24-1:2017, annex C; NIST SP 800-38B.
 */
export function aesCheckValue(key: Buffer, bytes: number = SHOWN_CHECK_BYTES): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  const subkey = cipher.update(Buffer.alloc(16));
  const carryOut = ((subkey[0] as number) & 0x80) !== 0;
  for (let at = 0; at < 16; at += 1) {
    const next = at < 15 ? (subkey[at + 1] as number) >> 7 : 0;
    subkey[at] = (((subkey[at] as number) << 1) & 0xff) | next;
  }
  if (carryOut) subkey[15] = (subkey[15] as number) ^ 0x87;
  return cipher.update(subkey).subarray(0, bytes);
}

/** Check value of an HMAC-SHA-256 key: HMAC over sixteen zero bytes, first bytes kept. Ours: no standard names one. */
export function hmacCheckValue(key: Buffer, bytes: number = SHOWN_CHECK_BYTES): Buffer {
  return createHmac('sha256', key).update(Buffer.alloc(16)).digest().subarray(0, bytes);
}
