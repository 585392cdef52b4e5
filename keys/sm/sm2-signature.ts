/**
 * SM2 signatures. Source: GM/T 0003.2-2012 (GB/T 32918.2).
 *
 * What is signed is SM3(ZA ‖ message), ZA a hash of the signer's identity and public key. Node's
 * one-shot `sign('sm3', …)` takes an empty identity, with which nobody in China interoperates; the
 * streaming `createSign('sm3')` hashes what it is given and nothing else, so ZA goes in front here. Which
 * of them does what depends on OpenSSL: the vault's self-test holds a published signature against it.
 */
import { createPrivateKey, createPublicKey, createSign, createVerify } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { SM2, SM2_BYTES, sm2BasePoint, uncompressed } from './sm2-curve.ts';
import { sm3 } from './sm3.ts';

/** The identity that GM/T 0009 prescribes where the parties agreed on none. */
export const SM2_DEFAULT_ID = Buffer.from('1234567812345678', 'ascii');

const SIGNATURE_BYTES = 2 * SM2_BYTES;
/** SubjectPublicKeyInfo and PKCS #8 of a key on the curve 1.2.156.10197.1.301, up to the key itself. */
const SPKI_HEAD = Buffer.from('3059301306072A8648CE3D020106082A811CCF5501822D034200', 'hex');
const PKCS8_HEAD = Buffer.from(
  '308187020100301306072A8648CE3D020106082A811CCF5501822D046D306B0201010420',
  'hex',
);
const PKCS8_MIDDLE = Buffer.from('A144034200', 'hex');

/**
 * The public key of a private one.
 *
 * @param privateKey 32 bytes
 * @returns x ‖ y, 64 bytes
 * @example 3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8 has
 *   09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13
 *   (GM/T 0003.5-2012, A.2)
 * @throws KEY_BAD
 */
export function sm2PublicKey(privateKey: Buffer): Buffer {
  return sm2BasePoint(privateKey);
}

/**
 * ZA: SM3 over the identity's length in bits, the identity, the curve and the public key.
 *
 * @param userId up to 8191 bytes
 * @returns 32 bytes
 * @example the default identity and the key of GM/T 0003.5-2012, A.2:
 *   B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3
 * @throws FIELD_BAD_LENGTH, KEY_BAD
 */
export function sm2Za(publicKey: Buffer, userId: Buffer = SM2_DEFAULT_ID): Buffer {
  if (userId.length > 8191) throw new PosError('FIELD_BAD_LENGTH', 'an SM2 identity has at most 8191 bytes');
  const point = uncompressed(publicKey).subarray(1);
  const bits = Buffer.alloc(2);
  bits.writeUInt16BE(userId.length * 8);
  return sm3(bits, userId, SM2.a, SM2.b, SM2.gx, SM2.gy, point);
}

/**
 * @param privateKey 32 bytes; the caller wipes it
 * @param userId the signer's identity; an empty one is refused
 * @returns r ‖ s, 64 bytes
 * @throws KEY_BAD, FIELD_BAD_LENGTH
 */
export function sm2Sign(privateKey: Buffer, message: Buffer, userId: Buffer = SM2_DEFAULT_ID): Buffer {
  if (userId.length === 0)
    throw new PosError(
      'FIELD_BAD_LENGTH',
      'an SM2 signature under an empty identity interoperates with nobody',
    );
  const publicKey = sm2PublicKey(privateKey);
  const der = Buffer.concat([PKCS8_HEAD, privateKey, PKCS8_MIDDLE, uncompressed(publicKey)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return fromDer(createSign('sm3').update(sm2Za(publicKey, userId)).update(message).sign(key));
}

/**
 * @param publicKey x ‖ y, 64 bytes
 * @param signature r ‖ s, 64 bytes; another length is a wrong signature
 * @throws KEY_BAD the public key is no point of the curve
 */
export function sm2Verify(
  publicKey: Buffer,
  message: Buffer,
  signature: Buffer,
  userId: Buffer = SM2_DEFAULT_ID,
): boolean {
  const key = publicKeyObject(publicKey);
  if (signature.length !== SIGNATURE_BYTES) return false;
  return createVerify('sm3').update(sm2Za(publicKey, userId)).update(message).verify(key, toDer(signature));
}

function publicKeyObject(publicKey: Buffer): ReturnType<typeof createPublicKey> {
  const der = Buffer.concat([SPKI_HEAD, uncompressed(publicKey)]);
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (error) {
    throw new PosError('KEY_BAD', 'an SM2 public key is no point of the curve', { cause: error });
  }
}

/** r ‖ s as a DER sequence of two integers, which OpenSSL takes. */
function toDer(signature: Buffer): Buffer {
  const integers = [signature.subarray(0, SM2_BYTES), signature.subarray(SM2_BYTES)].map((half) => {
    let from = 0;
    while (from < SM2_BYTES - 1 && half[from] === 0) from += 1;
    const digits = half.subarray(from);
    const sign = (digits[0] as number) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0);
    return Buffer.concat([Buffer.from([0x02, sign.length + digits.length]), sign, digits]);
  });
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

/** What OpenSSL made: short lengths only, since two integers of 33 bytes stay below 128. */
function fromDer(der: Buffer): Buffer {
  const signature = Buffer.alloc(SIGNATURE_BYTES);
  let at = 2;
  for (const end of [SM2_BYTES, SIGNATURE_BYTES]) {
    const length = der[at + 1] as number;
    const digits = der.subarray(at + 2, at + 2 + length);
    const shown = digits.subarray(Math.max(0, length - SM2_BYTES));
    shown.copy(signature, end - shown.length);
    at += 2 + length;
  }
  return signature;
}
