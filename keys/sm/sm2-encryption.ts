/**
 * SM2 encryption. Source: GM/T 0003.4-2012 (GB/T 32918.4). The order is C1 ‖ C3 ‖ C2 as since 2012; the
 * older C1 ‖ C2 ‖ C3 is not spoken.
 *
 * Node has no SM2 encryption. OpenSSL does the point multiplications, through ECDH; what is left here is
 * a key stream and a check sum over SM3.
 */
import { PosError } from '../../protocol/index.ts';
import { xorInto } from '../cipher/block-cipher.ts';
import { sameBytes } from '../same-bytes.ts';
import {
  SM2,
  SM2_BYTES,
  sm2BasePoint,
  sm2PointsAt,
  sm2SharedX,
  toBytes,
  toNumber,
  uncompressed,
} from './sm2-curve.ts';
import { sm3 } from './sm3.ts';

const POINT_BYTES = 2 * SM2_BYTES + 1;
const HEAD_BYTES = POINT_BYTES + SM2_BYTES;
/** Numbers outside 1 … n − 2 are that rare; a source that gives them in a row is broken. */
const TRIES = 4;

/**
 * @param publicKey x ‖ y, 64 bytes
 * @param message at least one byte
 * @param random makes the number that is used once
 * @returns C1 (65 bytes: 04 ‖ point) ‖ C3 (32) ‖ C2 (as long as the message)
 * @example 'encryption standard' under the key of GM/T 0003.5-2012, C.2, has the
 *   C2 21886CA989CA9C7D58087307CA93092D651EFA there
 * @throws KEY_BAD, FIELD_BAD_LENGTH
 */
export function sm2Encrypt(publicKey: Buffer, message: Buffer, random: (bytes: number) => Buffer): Buffer {
  if (message.length === 0) throw new PosError('FIELD_BAD_LENGTH', 'SM2 encrypts at least one byte');
  for (let tries = 0; tries < TRIES; tries += 1) {
    const once = random(SM2_BYTES);
    const number = toNumber(once);
    if (number < 2n || number >= SM2.n - 2n) continue;
    const shared = sharedPoint(once, publicKey);
    const c2 = keyStream(shared, message.length);
    // A stream of zeros would send the message in the clear: the standard asks for another number.
    if (c2.every((byte) => byte === 0)) continue;
    xorInto(c2, message);
    const out = Buffer.concat([uncompressed(sm2BasePoint(once)), checkSum(shared, message), c2]);
    once.fill(0);
    shared.fill(0);
    return out;
  }
  throw new PosError('KEY_BAD', 'SM2: the random source gives no usable number');
}

/**
 * @param privateKey 32 bytes
 * @param sealed of sm2Encrypt
 * @throws SEAL_BROKEN changed, or for another key; KEY_BAD
 */
export function sm2Decrypt(privateKey: Buffer, sealed: Buffer): Buffer {
  if (sealed.length <= HEAD_BYTES || sealed[0] !== 4) throw broken();
  const c3 = sealed.subarray(POINT_BYTES, HEAD_BYTES);
  const c2 = sealed.subarray(HEAD_BYTES);
  // ECDH gives x only. Of the two points with this x, the check sum knows which one was meant.
  for (const shared of sm2PointsAt(xOf(privateKey, sealed.subarray(1, POINT_BYTES)))) {
    const message = keyStream(shared, c2.length);
    const isZero = message.every((byte) => byte === 0);
    xorInto(message, c2);
    if (!isZero && sameBytes(checkSum(shared, message), c3)) return message;
    message.fill(0);
  }
  throw broken();
}

/**
 * k·P with its y, which ECDH does not give: of the two points with the x of k·P it is the one that, added
 * to P, lands on the x of (k + 1)·P. Affine addition without its division: x₃Δx² = Δy² − (x₁ + x₂)Δx².
 */
function sharedPoint(once: Buffer, publicKey: Buffer): Buffer {
  const { p } = SM2;
  const next = toBytes(toNumber(once) + 1n);
  const x3 = toNumber(sm2SharedX(next, publicKey));
  next.fill(0);
  const xp = toNumber(publicKey.subarray(0, SM2_BYTES));
  const yp = toNumber(publicKey.subarray(SM2_BYTES));
  const [even, odd] = sm2PointsAt(sm2SharedX(once, publicKey));
  const x = toNumber(even.subarray(0, SM2_BYTES));
  const dx2 = (x - xp) ** 2n;
  const meets = (point: Buffer): boolean => {
    const dy = toNumber(point.subarray(SM2_BYTES)) - yp;
    return (x3 * dx2 - dy ** 2n + (x + xp) * dx2) % p === 0n;
  };
  return meets(even) ? even : odd;
}

function xOf(privateKey: Buffer, point: Buffer): Buffer {
  try {
    return sm2SharedX(privateKey, point);
  } catch (error) {
    // A private key that is none stays KEY_BAD: this asks for its public key.
    sm2BasePoint(privateKey);
    throw broken(error);
  }
}

/** SM3 over the point and a counter from 1, as long as needed. */
function keyStream(shared: Buffer, bytes: number): Buffer {
  const counter = Buffer.alloc(4);
  const parts: Buffer[] = [];
  for (let block = 1; parts.length * SM2_BYTES < bytes; block += 1) {
    counter.writeUInt32BE(block);
    parts.push(sm3(shared, counter));
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

/** C3: SM3 over x, message, y. */
function checkSum(shared: Buffer, message: Buffer): Buffer {
  return sm3(shared.subarray(0, SM2_BYTES), message, shared.subarray(SM2_BYTES));
}

function broken(cause?: unknown): PosError {
  return new PosError('SEAL_BROKEN', 'SM2: the text was changed, or encrypted for another key', { cause });
}
