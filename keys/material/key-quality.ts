/** Which key bytes may become a key. Refusals name what is wrong, never a byte of it. */
import { timingSafeEqual } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { secretBuffer } from '../secret-buffer.ts';
import type { KeyAlgorithm } from '../vault/vault.ts';
import { isPrivateKeyAlgorithm, type PrivateKeyAlgorithm, privateKeyOf } from './private-key.ts';

/** Bytes of a key, by algorithm. */
// biome-ignore format: a table is read by column
export const KEY_BYTES = {
  'des':           8,
  '3des':         16,
  'sm4':          16,
  'aes-256':      32,
  'hmac-sha-256': 32,
} as const satisfies Record<Exclude<KeyAlgorithm, PrivateKeyAlgorithm>, number>;

/**
 * DES keys under which encrypting twice gives the clear text back (weak), or under which another key
 * of the list does (semi-weak), written with odd parity. Source: FIPS 74 and NIST SP 800-67, 3.3.2.
 */
// biome-ignore format: a table is read by column
const WEAK_DES_KEYS = [
  '0101010101010101', 'FEFEFEFEFEFEFEFE', 'E0E0E0E0F1F1F1F1', '1F1F1F1F0E0E0E0E',
  '011F011F010E010E', '1F011F010E010E01', '01E001E001F101F1', 'E001E001F101F101',
  '01FE01FE01FE01FE', 'FE01FE01FE01FE01', '1FE01FE00EF10EF1', 'E01FE01FF10EF10E',
  '1FFE1FFE0EFE0EFE', 'FE1FFE1FFE0EFE0E', 'E0FEE0FEF1FEF1FE', 'FEE0FEE0FEF1FEF1',
].map((key) => withoutParity(Buffer.from(key, 'hex')));

/**
 * Refuses key bytes of a wrong length, all-zero keys, weak or semi-weak DES halves, and a double-length
 * key whose halves are equal (it would be single DES). DES parity bits are ignored, as DES ignores them. Of a
 * private key: what is none of its algorithm.
 *
 * @param what names the key in the error
 * @throws KEY_BAD
 */
export function checkKey(algorithm: KeyAlgorithm, key: Buffer, what: string): void {
  if (isPrivateKeyAlgorithm(algorithm)) {
    privateKeyOf(algorithm, key, what);
    return;
  }
  const length = KEY_BYTES[algorithm];
  if (key.length !== length) throw bad(what, `a ${algorithm} key has ${length} bytes, not ${key.length}`);
  if (isZero(key)) throw bad(what, 'all bytes are zero');
  if (algorithm !== 'des' && algorithm !== '3des') return;
  for (let at = 0; at < key.length; at += 8) {
    const half = withoutParity(key.subarray(at, at + 8));
    const weak = WEAK_DES_KEYS.some((known) => timingSafeEqual(known, half));
    half.fill(0);
    if (weak) throw bad(what, `bytes ${at + 1} to ${at + 8} are a weak or semi-weak DES key`);
  }
  if (algorithm === '3des' && sameIgnoringParity(key.subarray(0, 8), key.subarray(8))) {
    throw bad(what, 'both halves are equal: that is single DES');
  }
}

/**
 * K = C1 XOR C2 (XOR C3). Source: the key component practice of ISO 11568.
 *
 * @example 6D6BE51F04F76167491554FE25F7ABEF XOR 67499B2CF137DFCB9EA28FF757CD10A7
 *   is 0A227E33F5C0BEACD7B7DB09723ABB48, check value 05EE1D (cardutil's test suite)
 * @param components two or three of equal length, none all zero, no two equal
 * @returns a new buffer; the caller wipes it and the components
 * @throws KEY_BAD
 */
export function combineComponents(components: readonly Buffer[], what: string): Buffer {
  const [first, ...rest] = components;
  if (first === undefined || rest.length < 1 || rest.length > 2) {
    throw bad(what, `two or three components make a key, not ${components.length}`);
  }
  const key = secretBuffer(first.length);
  components.forEach((component, index) => {
    if (component.length !== first.length)
      throw bad(what, `component ${index + 1} has another length than the first`);
    if (isZero(component)) throw bad(what, `component ${index + 1} is all zero`);
    for (let other = 0; other < index; other += 1) {
      if (timingSafeEqual(component, components[other] as Buffer)) {
        throw bad(what, `components ${other + 1} and ${index + 1} are equal`);
      }
    }
    for (let at = 0; at < key.length; at += 1) key[at] = (key[at] as number) ^ (component[at] as number);
  });
  return key;
}

/**
 * Sets the lowest bit of each byte so that the byte has an odd number of ones. Some PIN pads insist.
 *
 * @example 1A2B3C4D5F0A1B2C4D5F6A7B8C9D0F1A becomes 1A2A3D4C5E0B1A2C4C5E6B7A8C9D0E1A (psec's test suite)
 */
export function withOddParity(key: Buffer): Buffer {
  const out = secretBuffer(key.length);
  for (let at = 0; at < key.length; at += 1) {
    const bits = (key[at] as number) & 0xfe;
    let ones = 0;
    for (let rest = bits; rest !== 0; rest >>= 1) ones += rest & 1;
    out[at] = bits | (ones % 2 === 0 ? 1 : 0);
  }
  return out;
}

/** A copy without the parity bits, for comparing; the caller wipes it. */
export function withoutParity(key: Buffer): Buffer {
  const bare = secretBuffer(key.length);
  for (const [at, byte] of key.entries()) bare[at] = byte & 0xfe;
  return bare;
}

function sameIgnoringParity(a: Buffer, b: Buffer): boolean {
  const left = withoutParity(a);
  const right = withoutParity(b);
  const same = timingSafeEqual(left, right);
  left.fill(0);
  right.fill(0);
  return same;
}

function isZero(bytes: Buffer): boolean {
  let any = 0;
  for (const byte of bytes) any |= byte;
  return any === 0;
}

function bad(what: string, why: string): PosError {
  return new PosError('KEY_BAD', `${what}: ${why}`);
}
