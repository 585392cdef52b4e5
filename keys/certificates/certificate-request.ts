/**
 * Requests for a certificate, PKCS#10 (RFC 2986): whom it is for, the public key, and a signature that proves that
 * the sender has the private key. `openssl req -new -subj /CN=41010001` makes the same.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { spkiOf } from './certificate.ts';
import {
  derBits,
  derInteger,
  derNodes,
  derOid,
  derOnly,
  derSequence,
  derSet,
  derUtf8,
  derValue,
  TAG,
} from './der.ts';

const COMMON_NAME = '2.5.4.3';
/** Signature algorithms by kind of key; RSA's has an explicit NULL for parameters (RFC 4055). */
const SIGNATURE_ALGORITHMS: Readonly<Record<string, Buffer>> = {
  ec: derSequence(derOid('1.2.840.10045.4.3.2')),
  rsa: derSequence(derOid('1.2.840.113549.1.1.11'), Buffer.from([0x05, 0x00])),
};
const REQUEST_BYTES_MAX = 4096;

/** What a request asks for. Its signature was checked. */
export interface CertificateRequest {
  /** CN: the terminal that it says to be. */
  readonly subject: string;
  readonly publicKey: KeyObject;
}

/**
 * Builds a request.
 *
 * @param sign SHA-256 with the private key that belongs to the public one: ECDSA in DER, or PKCS#1 v1.5
 */
export function buildCertificateRequest(
  { subject, publicKey }: CertificateRequest,
  sign: (toBeSigned: Buffer) => Buffer,
): Buffer {
  const algorithm = SIGNATURE_ALGORITHMS[publicKey.asymmetricKeyType ?? ''];
  if (algorithm === undefined) throw bad('its key is neither RSA nor EC');
  const info = derSequence(
    derInteger(Buffer.alloc(1)),
    derSequence(derSet(derSequence(derOid(COMMON_NAME), derUtf8(subject)))),
    spkiOf(publicKey),
    derValue(0xa0),
  );
  return derSequence(info, algorithm, derBits(sign(info)));
}

/**
 * Reads a request and checks its signature: nothing of it is believed before.
 *
 * @throws CERTIFICATE_BAD another structure, another name than one CN, a signature that differs
 */
export function readCertificateRequest(der: Buffer): CertificateRequest {
  if (der.length > REQUEST_BYTES_MAX) throw bad(`it has more than ${REQUEST_BYTES_MAX} bytes`);
  const [info, algorithm, signature, more] = derNodes(derOnly(der, TAG.sequence).contents);
  if (info === undefined || algorithm === undefined || signature === undefined || more !== undefined)
    throw bad('it has another structure');
  const [version, name, spki] = derNodes(info.contents);
  if (version?.tag !== TAG.integer || name?.tag !== TAG.sequence || spki?.tag !== TAG.sequence)
    throw bad('it has another structure');
  const publicKey = publicKeyOf(spki.whole);
  const wanted = SIGNATURE_ALGORITHMS[publicKey.asymmetricKeyType ?? ''];
  if (wanted === undefined || !algorithm.whole.equals(wanted))
    throw bad('it is signed by another algorithm than SHA-256 with its own key');
  // The first byte of a BIT STRING counts its unused bits: a signature has none.
  const isSigned =
    signature.tag === TAG.bitString &&
    signature.contents[0] === 0 &&
    verify('sha256', info.whole, publicKey, signature.contents.subarray(1));
  if (!isSigned) throw bad('its signature differs: it was changed, or its sender has not the private key');
  return { subject: commonNameOf(name.contents), publicKey };
}

function publicKeyOf(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch (error) {
    throw new PosError('CERTIFICATE_BAD', 'certificate request: its public key cannot be read', {
      cause: error,
    });
  }
}

function commonNameOf(name: Buffer): string {
  const [attribute, more] = derNodes(derOnly(name, TAG.set).contents);
  if (attribute?.tag !== TAG.sequence || more !== undefined) throw bad('its name is more than one CN');
  const [type, value] = derNodes(attribute.contents);
  const isText = value?.tag === TAG.utf8String || value?.tag === TAG.printableString;
  if (type === undefined || !type.whole.equals(derOid(COMMON_NAME)) || value === undefined || !isText)
    throw bad('its name is more than one CN');
  return value.contents.toString('utf8');
}

function bad(why: string): PosError {
  return new PosError('CERTIFICATE_BAD', `certificate request: ${why}`);
}
