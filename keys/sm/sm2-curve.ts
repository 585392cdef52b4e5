/** The SM2 curve, and points of it as OpenSSL knows them. Source: GM/T 0003.5-2012 (GB/T 32918.5). */
import { createECDH, ECDH } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';

/** Bytes of a coordinate, a private key and half a signature. */
export const SM2_BYTES = 32;

/** y² = x³ + ax + b modulo p, base point G of order n. */
// biome-ignore format: a table is read by column
export const SM2 = {
  p:  0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n:  0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  a:  Buffer.from('FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC', 'hex'),
  b:  Buffer.from('28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93', 'hex'),
  gx: Buffer.from('32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7', 'hex'),
  gy: Buffer.from('BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0', 'hex'),
} as const;

/**
 * k·G.
 *
 * @param scalar 32 bytes, 1 to n − 1
 * @returns x ‖ y, 64 bytes
 * @throws KEY_BAD the number is zero or too large
 */
export function sm2BasePoint(scalar: Buffer): Buffer {
  return withScalar(scalar).getPublicKey().subarray(1);
}

/** The x of k·P. @throws KEY_BAD the point is not on the curve */
export function sm2SharedX(scalar: Buffer, point: Buffer): Buffer {
  const ecdh = withScalar(scalar);
  try {
    return ecdh.computeSecret(uncompressed(point));
  } catch (error) {
    throw new PosError('KEY_BAD', 'SM2: the point is not on the curve', { cause: error });
  }
}

/** Both points that have this x: y and p − y. */
export function sm2PointsAt(x: Buffer): readonly [Buffer, Buffer] {
  const of = (sign: number) =>
    ECDH.convertKey(
      Buffer.concat([Buffer.from([sign]), x]),
      'SM2',
      undefined,
      undefined,
      'uncompressed',
    ) as Buffer;
  return [of(2).subarray(1), of(3).subarray(1)];
}

/** The point with the byte that says so in front. @throws KEY_BAD not 64 bytes */
export function uncompressed(point: Buffer): Buffer {
  if (point.length !== 2 * SM2_BYTES)
    throw new PosError('KEY_BAD', `an SM2 point has ${2 * SM2_BYTES} bytes, not ${point.length}`);
  return Buffer.concat([Buffer.from([4]), point]);
}

function withScalar(scalar: Buffer): ECDH {
  const ecdh = createECDH('SM2');
  if (scalar.length === SM2_BYTES) {
    try {
      ecdh.setPrivateKey(scalar);
      return ecdh;
    } catch {
      // Told below without the error of OpenSSL, which might quote the number.
    }
  }
  throw new PosError('KEY_BAD', 'an SM2 private key is a number from 1 to n − 1 in 32 bytes');
}

export function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}

export function toBytes(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(SM2_BYTES * 2, '0'), 'hex');
}
