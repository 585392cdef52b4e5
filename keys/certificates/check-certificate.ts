/** May this certificate be relied on, now, for this? Read and verified by node:crypto (OpenSSL) alone. */
import { X509Certificate } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { AUTHORITY_NAME, checkKeyOf, type Purpose } from './certificate.ts';

/** What must hold for a certificate. */
export interface CertificateExpectation {
  /** The authority's own certificate. */
  readonly authority: X509Certificate;
  /** UTC milliseconds. */
  readonly now: number;
  /** Whether this serial number was revoked: 32 upper-case hex digits. */
  readonly isRevoked: (serial: string) => boolean;
  readonly purpose: Purpose;
  /** CN: the terminal's DE41, or AUTHORITY_NAME, HOST_NAME; undefined: whoever it names. */
  readonly subject?: string;
}

/** A certificate that holds. */
export interface CheckedCertificate {
  readonly certificate: X509Certificate;
  /** CN. */
  readonly subject: string;
  /** 32 upper-case hex digits. */
  readonly serial: string;
  /** UTC milliseconds. */
  readonly notAfter: number;
}

/** @throws CERTIFICATE_BAD */
export function parseCertificate(der: Buffer | string): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw new PosError('CERTIFICATE_BAD', 'certificate: it cannot be read', { cause: error });
  }
}

/**
 * Checks, in this order: who issued it, when it serves, whether it was revoked, what for, and whom it names.
 *
 * @throws CERTIFICATE_BAD not of this authority, another purpose or another subject; CERTIFICATE_EXPIRED also
 *   before its first day; CERTIFICATE_REVOKED
 */
export function checkCertificate(
  given: X509Certificate,
  { authority, now, isRevoked, purpose, subject }: CertificateExpectation,
): CheckedCertificate {
  if (!given.checkIssued(authority) || !given.verify(authority.publicKey))
    throw bad('it is not of our authority, or it was changed');
  refuseOutOfTime(authority, now, "the authority's own certificate");
  refuseOutOfTime(given, now, `the certificate ${serialOf(given)}`);
  const serial = serialOf(given);
  if (isRevoked(serial)) throw new PosError('CERTIFICATE_REVOKED', `the certificate ${serial} was revoked`);
  const found = namesOf(given);
  if (found.unit !== purpose || given.ca !== (purpose === 'authority'))
    throw bad(`it is a ${shown(found.unit)} certificate, wanted is ${purpose}`);
  checkKeyOf(purpose, given.publicKey);
  if (subject !== undefined && found.commonName !== subject)
    throw bad(`it names ${shown(found.commonName)}, wanted is ${subject}`);
  return { certificate: given, subject: found.commonName, serial, notAfter: Date.parse(given.validTo) };
}

/**
 * The authority's own certificate, as it is given to a device that is to trust it from now on.
 *
 * @throws CERTIFICATE_BAD, CERTIFICATE_EXPIRED
 */
export function checkAuthority(given: X509Certificate, now: number): X509Certificate {
  const never = () => false;
  return checkCertificate(given, {
    authority: given,
    now,
    isRevoked: never,
    purpose: 'authority',
    subject: AUTHORITY_NAME,
  }).certificate;
}

/** 32 upper-case hex digits: OpenSSL leaves out zeros in front. */
export function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.padStart(32, '0');
}

function refuseOutOfTime(certificate: X509Certificate, now: number, what: string): void {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  // Written so that a time that cannot be read refuses.
  if (!(now >= from))
    throw new PosError('CERTIFICATE_EXPIRED', `${what} serves from ${certificate.validFrom} on`);
  if (!(now <= to)) throw new PosError('CERTIFICATE_EXPIRED', `${what} expired at ${certificate.validTo}`);
}

/** Exactly one CN and one OU, as our authority writes them. */
function namesOf(certificate: X509Certificate): { readonly commonName: string; readonly unit: string } {
  const match = /^CN=([A-Za-z0-9 ]{1,64})\nOU=([a-z-]{1,32})$/.exec(certificate.subject);
  if (match === null) throw bad('its subject is not as our authority writes it');
  return { commonName: match[1] ?? '', unit: match[2] ?? '' };
}

function shown(text: string): string {
  return text.slice(0, 20);
}

function bad(why: string): PosError {
  return new PosError('CERTIFICATE_BAD', `certificate: ${why}`);
}
