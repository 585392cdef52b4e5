/**
 * Certificates of our own authority: X.509 version 3, ECDSA with P-256 and SHA-256. Sources: RFC 5280, RFC 5758.
 *
 * A certificate serves one purpose, which stands in its subject (OU) beside whom it names (CN), because
 * node:crypto shows the subject and not the key usage bits. The bits are there all the same, for OpenSSL.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import {
  derBits,
  derExplicit,
  derInteger,
  derNodes,
  derOctets,
  derOid,
  derOnly,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8,
  derValue,
  TAG,
} from './der.ts';

/**
 * What a certificate's key may do. `bits` are those of KeyUsage, first bit first; `extended` those of
 * ExtendedKeyUsage (TLS asks for them); `key` is the kind of key that it takes.
 */
// biome-ignore format: a table is read by column
export const PURPOSES = {
  'authority':     { bits: 0x04, unusedBits: 2, extended: null,                key: 'ec',  meaning: 'issues all others' },
  'host':          { bits: 0x80, unusedBits: 7, extended: null,                key: 'ec',  meaning: 'signs key packages for PIN pads' },
  'host-link':     { bits: 0x80, unusedBits: 7, extended: '1.3.6.1.5.5.7.3.1', key: 'ec',  meaning: "the host's end of TLS" },
  'key-transport': { bits: 0x20, unusedBits: 5, extended: null,                key: 'rsa', meaning: 'a PIN pad receives its master key under it' },
  'link':          { bits: 0x80, unusedBits: 7, extended: '1.3.6.1.5.5.7.3.2', key: 'ec',  meaning: "a terminal's end of TLS" },
} as const satisfies Record<string, {
  bits: number; unusedBits: number; extended: string | null; key: 'ec' | 'rsa'; meaning: string;
}>;

export type Purpose = keyof typeof PURPOSES;

/** Who and what a certificate is about. */
export interface CertificateContent {
  /** A terminal's DE41; of the authority and the host their names. 1 to 64 characters. */
  readonly subject: string;
  readonly purpose: Purpose;
  /** 16 random bytes, not all zero: unique among all that the authority issues. */
  readonly serial: Buffer;
  /** UTC milliseconds; a certificate knows whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
}

/** CN of the authority itself, and of the host. */
export const AUTHORITY_NAME = 'ZUNKA AUTHORITY';
export const HOST_NAME = 'ZUNKA HOST';

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const ORGANISATIONAL_UNIT = '2.5.4.11';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const KEY_IDENTIFIER_BYTES = 20;

/**
 * Builds a certificate and has it signed.
 *
 * @param issuerKey the authority's public key
 * @param sign ECDSA with SHA-256 over what it is given, in DER: the authority's private key never comes here
 * @returns the certificate in DER
 * @throws CERTIFICATE_BAD a subject, a serial or a validity that cannot be, a key of another kind than the
 *   purpose takes
 */
export function buildCertificate(
  content: CertificateContent,
  issuerKey: KeyObject,
  sign: (toBeSigned: Buffer) => Buffer,
): Buffer {
  checkContent(content);
  const { subject, purpose, serial, notBefore, notAfter, publicKey } = content;
  const algorithm = derSequence(derOid(ECDSA_WITH_SHA256));
  const toBeSigned = derSequence(
    derExplicit(0, derInteger(Buffer.from([2]))),
    derInteger(serial),
    algorithm,
    subjectName(AUTHORITY_NAME, 'authority'),
    derSequence(derTime(notBefore), derTime(notAfter)),
    subjectName(subject, purpose),
    spkiOf(publicKey),
    derExplicit(3, derSequence(...extensions(purpose, publicKey, issuerKey))),
  );
  return derSequence(toBeSigned, algorithm, derBits(sign(toBeSigned)));
}

/** Name: CN and OU. */
function subjectName(commonName: string, purpose: Purpose): Buffer {
  const part = (oid: string, text: string) => derSet(derSequence(derOid(oid), derUtf8(text)));
  return derSequence(part(COMMON_NAME, commonName), part(ORGANISATIONAL_UNIT, purpose));
}

function extensions(purpose: Purpose, publicKey: KeyObject, issuerKey: KeyObject): readonly Buffer[] {
  const { bits, unusedBits, extended } = PURPOSES[purpose];
  const critical = (oid: string, value: Buffer) => derSequence(derOid(oid), derTrue(), derOctets(value));
  const plain = (oid: string, value: Buffer) => derSequence(derOid(oid), derOctets(value));
  // An authority, and no authority below it; everybody else is none.
  const constraints =
    purpose === 'authority' ? derSequence(derTrue(), derInteger(Buffer.alloc(1))) : derSequence();
  return [
    critical(BASIC_CONSTRAINTS, constraints),
    critical(KEY_USAGE, derBits(Buffer.from([bits]), unusedBits)),
    ...(extended === null ? [] : [plain(EXTENDED_KEY_USAGE, derSequence(derOid(extended)))]),
    plain(SUBJECT_KEY_IDENTIFIER, derOctets(keyIdentifier(publicKey))),
    plain(AUTHORITY_KEY_IDENTIFIER, derSequence(derValue(0x80, keyIdentifier(issuerKey)))),
  ];
}

/** The leftmost 160 bits of SHA-256 over the public key's bits. Source: RFC 7093, method 1. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const [, bits] = derNodes(derOnly(spkiOf(publicKey), TAG.sequence).contents);
  if (bits === undefined) throw bad('the public key has no bits');
  return createHash('sha256').update(bits.contents.subarray(1)).digest().subarray(0, KEY_IDENTIFIER_BYTES);
}

/** SubjectPublicKeyInfo in DER. */
export function spkiOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

function checkContent({
  subject,
  purpose,
  serial,
  notBefore,
  notAfter,
  publicKey,
}: CertificateContent): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9 ]{0,63}$/.test(subject))
    throw bad('a subject has 1 to 64 letters, digits or blanks');
  if (serial.length !== 16 || serial.every((byte) => byte === 0))
    throw bad('a serial number has 16 random bytes');
  if (!(notBefore < notAfter)) throw bad('it would end before it begins');
  checkKeyOf(purpose, publicKey);
}

/**
 * Refuses a key that the purpose does not take: RSA of 2048 to 4096 bits, or P-256.
 *
 * @throws CERTIFICATE_BAD
 */
export function checkKeyOf(purpose: Purpose, publicKey: KeyObject): void {
  const { asymmetricKeyType, asymmetricKeyDetails } = publicKey;
  const wanted = PURPOSES[purpose].key;
  if (asymmetricKeyType !== wanted)
    throw bad(`a ${purpose} certificate is for an ${wanted.toUpperCase()} key`);
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (wanted === 'rsa' && (bits < 2048 || bits > 4096)) throw bad(`an RSA key of ${bits} bits: 2048 to 4096`);
  if (wanted === 'ec' && asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw bad('an EC key is on P-256');
}

/** Text form: `-----BEGIN CERTIFICATE-----` and base64 (RFC 7468). */
export function pemOf(der: Buffer, label: 'CERTIFICATE' | 'CERTIFICATE REQUEST'): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/**
 * The bytes of a text form that holds one thing of this label and nothing else.
 *
 * @throws CERTIFICATE_BAD
 */
export function fromPem(text: string, label: 'CERTIFICATE' | 'CERTIFICATE REQUEST'): Buffer {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const trimmed = text.trim();
  const body = trimmed.slice(begin.length, -end.length).replaceAll(/\s/g, '');
  if (!trimmed.startsWith(begin) || !trimmed.endsWith(end) || body === '')
    throw bad(`it is no text that begins with ${begin}`);
  const bytes = Buffer.from(body, 'base64');
  if (bytes.toString('base64') !== body) throw bad('what stands in it is not base64');
  return bytes;
}

function bad(why: string): PosError {
  return new PosError('CERTIFICATE_BAD', `certificate: ${why}`);
}
