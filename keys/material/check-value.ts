/** Key check values: two ends see that they hold the same key without showing it. Not a MAC. */
import { createHmac } from 'node:crypto';
import { aesCipher } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { cmac } from '../mac/cmac.ts';

/** Bytes of a check value on the wire: UnionPay's DE62. */
export const WIRE_CHECK_BYTES = 4;
/** Bytes of a check value that may be shown and listed: the international norm. */
const SHOWN_CHECK_BYTES = 3;

/**
 * Check value of a DES, triple DES or SM4 key: a zero block encrypted under it, first bytes kept.
 * DES parity bits do not count.
 *
 * For AES keys this is the form that X9.24-1:2017 replaced by aesCheckValue; older HSMs still print it:
 * AES 000102030405060708090A0B0C0D0E0F gives C6A13B (CryptoCarver's test suite).
 *
 * @param bytes 3 to show, 4 on the UnionPay wire
 * @example triple DES 0123456789ABCDEFFEDCBA9876543210 gives 08D7B4 (3 bytes); SM4
 *   unwrapped from 3D66234C49E4296FF9C78D8BACBD6A76 under 1234567890ABCDEFABCDEF0987654321: 861E83E3 (4)
 * Source: ANSI X9.24-1, annex C.
 */
export function checkValue(cipher: KeyedCipher, bytes: number = SHOWN_CHECK_BYTES): Buffer {
  return Buffer.from(cipher.encrypt(Buffer.alloc(cipher.blockBytes)).subarray(0, bytes));
}

/**
 * Check value of an AES key: AES-CMAC over one zero block, first bytes kept. Not over the empty message,
 * as CryptoCarver computes it.
 *
 * @param key 16, 24 or 32 bytes
 * @param bytes 3 to show, 5 in the optional blocks KC and KP of a key block
 * @example 3F419E1CB7079442AA37474C2EFBF8B8 gives 08793E (openemv/tr31's test suite)
 * Source: ANSI X9.24-1:2017, annex C; NIST SP 800-38B.
 */
export function aesCheckValue(key: Buffer, bytes: number = SHOWN_CHECK_BYTES): Buffer {
  const cipher = aesCipher(key);
  const value = cmac(cipher, Buffer.alloc(16)).subarray(0, bytes);
  cipher.wipe();
  return value;
}

/** Check value of an HMAC-SHA-256 key: HMAC over sixteen zero bytes, first bytes kept. Ours: no standard names one. */
export function hmacCheckValue(key: Buffer, bytes: number = SHOWN_CHECK_BYTES): Buffer {
  return createHmac('sha256', key).update(Buffer.alloc(16)).digest().subarray(0, bytes);
}
