/**
 * Private keys as bytes that rest in a key block: a P-256 scalar of 32 bytes, or an RSA key of 2048 bits as PKCS#8.
 * Node takes them as objects, whose memory OpenSSL frees and clears.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { PosError } from '../../protocol/index.ts';

export type PrivateKeyAlgorithm = 'ec-p256' | 'rsa-2048';

const CHECK_BYTES = 3;
const SCALAR_BYTES = 32;
/** The order of P-256's group (FIPS 186-4, D.1.2.3): a scalar is 1 up to one less. */
const P256_ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const RSA_BITS = 2048;
/** What PKCS#8 of such a key can take: its numbers lose leading zeros. */
const RSA_BYTES = { min: 1180, max: 1230 };
/** ECPrivateKey (RFC 5915) around the scalar: version 1, 32 bytes, the curve by its name. */
const SEC1_HEAD = Buffer.from('30310201010420', 'hex');
const SEC1_TAIL = Buffer.from('a00a06082a8648ce3d030107', 'hex');
const RANDOM_TRIES = 4;

export function isPrivateKeyAlgorithm(algorithm: string): algorithm is PrivateKeyAlgorithm {
  return algorithm === 'ec-p256' || algorithm === 'rsa-2048';
}

/**
 * @param what names the key in the error
 * @throws KEY_BAD the bytes are no private key of this algorithm
 */
export function privateKeyOf(algorithm: PrivateKeyAlgorithm, bytes: Buffer, what: string): KeyObject {
  const isEc = algorithm === 'ec-p256';
  const fits = isEc
    ? bytes.length === SCALAR_BYTES && bytes.some((byte) => byte !== 0) && bytes.compare(P256_ORDER) < 0
    : bytes.length >= RSA_BYTES.min && bytes.length <= RSA_BYTES.max;
  if (!fits)
    throw new PosError('KEY_BAD', `${what}: its ${bytes.length} bytes are no ${algorithm} private key`);
  const der = isEc ? Buffer.concat([SEC1_HEAD, bytes, SEC1_TAIL]) : bytes;
  try {
    const key = createPrivateKey({ key: der, format: 'der', type: isEc ? 'sec1' : 'pkcs8' });
    const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
    if (isEc ? namedCurve === 'prime256v1' : modulusLength === RSA_BITS) return key;
  } catch {
    // Told below, and nothing of it: an error of OpenSSL may quote what it read.
  } finally {
    if (isEc) der.fill(0);
  }
  throw new PosError('KEY_BAD', `${what}: the bytes are no ${algorithm} private key`);
}

/**
 * A new private key. The scalar comes from `random`; an RSA key from OpenSSL's own generator, because Node
 * takes no other. The caller wipes it.
 *
 * @throws KEY_BAD the random source gives no scalar of the curve
 */
export function newPrivateKey(
  algorithm: PrivateKeyAlgorithm,
  random: (bytes: number) => Buffer,
  what: string,
): Buffer {
  if (algorithm === 'rsa-2048') {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS, publicExponent: 65_537 });
    return privateKey.export({ type: 'pkcs8', format: 'der' });
  }
  for (let tries = 1; ; tries += 1) {
    const scalar = Buffer.from(random(SCALAR_BYTES));
    try {
      privateKeyOf(algorithm, scalar, what);
      return scalar;
    } catch (error) {
      scalar.fill(0);
      if (tries === RANDOM_TRIES) throw error;
    }
  }
}

/** Check value of a private key: SHA-256 over its public key (SPKI in DER), first bytes kept. Ours: no standard names one. */
export function privateKeyCheckValue(algorithm: PrivateKeyAlgorithm, bytes: Buffer, what: string): Buffer {
  const spki = createPublicKey(privateKeyOf(algorithm, bytes, what)).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest().subarray(0, CHECK_BYTES);
}
