/**
 * A terminal's master key on its way into a PIN pad that nobody visits, and the certificates that it rests on. The
 * interface beside the vault's: handles only, each method for one use.
 *
 * ```
 * host                                                    PIN pad
 *                       askKey: nonce, check value  ◄──── a nonce, used once
 * sendKey ── nonce, time, signature ─────────────────────► receiveKey: signature, nonce, time
 *            RSA-OAEP( protection key )                              protection key
 *            TR-31 D ( master key )                                  master key, its check value
 * ```
 */
import type { KeyObject } from 'node:crypto';
import type { CertificateContent } from '../certificates/certificate.ts';
import type { KeyHandle } from '../vault/vault.ts';

/** What a package is bound to, beside the key in it. */
export interface KeyPackageBinding {
  /** DE41. */
  readonly terminalId: string;
  /** 16 bytes, made by the PIN pad for this one package. */
  readonly nonce: Buffer;
}

/** Where a key goes that came into a device. */
export interface ReceivedKey {
  /** The key's name from now on; one that is there under it gives way. */
  readonly name: string;
  /** The name of a key that gives way too, such as a successor that was never used. */
  readonly alsoReplaces?: string;
}

export interface RemoteLoading {
  /** The public half of an `authority`, `signature` or `key-transport` key. @throws KEY_USE another use */
  publicKey(key: KeyHandle): KeyObject;
  /**
   * A certificate in DER, signed by the authority's key, which signs nothing else.
   *
   * @throws KEY_USE, CERTIFICATE_BAD
   */
  issueCertificate(authority: KeyHandle, content: CertificateContent): Buffer;
  /** A device's request (PKCS#10, DER) for its own key. @throws KEY_USE, CERTIFICATE_BAD */
  certificateRequest(transport: KeyHandle, subject: string): Buffer;
  /**
   * The host's side: a master key as a package for one PIN pad.
   *
   * @param spec.signer the host's `signature` key
   * @param spec.recipient public key of the pad's certificate: who calls has checked that
   * @param spec.at UTC milliseconds
   * @throws KEY_USE no master key, or none that serves; CERTIFICATE_BAD the recipient's key is no RSA key
   */
  sendKey(
    spec: KeyPackageBinding & {
      readonly key: KeyHandle;
      readonly signer: KeyHandle;
      readonly recipient: KeyObject;
      readonly at: number;
    },
  ): Buffer;
  /**
   * The PIN pad's side: keeps the master key of a package under a name. Nothing is opened before the host's
   * signature was checked, and nothing is kept when anything differs.
   *
   * @param spec.sender public key of the host's certificate, to which the pad is bound
   * @param spec.name the key's name from now on; one that is there under it gives way
   * @param spec.notBefore, spec.notAfter within which the package must have been made, UTC milliseconds
   * @throws KEY_PACKAGE_BAD changed, for another terminal, out of time; KEY_PACKAGE_REPLAYED made for another
   *   nonce; KEY_USE it holds no master key; KEY_CHECK_VALUE; KEY_BAD
   */
  receiveKey(
    spec: KeyPackageBinding & {
      readonly packed: Buffer;
      readonly transport: KeyHandle;
      readonly sender: KeyObject;
      readonly name: string;
      readonly notBefore: number;
      readonly notAfter: number;
    },
  ): { readonly key: KeyHandle; readonly at: number };
  /**
   * A device in a key room: keeps the master key of a key block that came under a key-loading key.
   *
   * @param spec.zmk the key-loading key, which the key-loading device has too
   * @param spec.block version D, or B where the key-loading key is triple DES: A and C have a MAC of 32 bits
   * @throws KEY_BLOCK_BAD; KEY_USE it holds no master key; KEY_CHECK_VALUE; KEY_BAD. Nothing is changed then
   */
  receiveBlock(
    spec: ReceivedKey & { readonly zmk: KeyHandle; readonly block: string; readonly checkValue: string },
  ): KeyHandle;
  /**
   * A device in a key room: keeps a master key, or a key-loading key, that custodians bring in components. The
   * caller wipes them.
   *
   * @param spec.checkValue six hexadecimal digits of the whole key; none: nobody compares here
   * @throws KEY_BAD, KEY_CHECK_VALUE. Nothing is changed then
   */
  receiveComponents(
    spec: ReceivedKey & {
      readonly use: 'tmk' | 'zmk';
      readonly algorithm: KeyHandle['algorithm'];
      readonly components: readonly Buffer[];
      readonly checkValue?: string;
    },
  ): KeyHandle;
  /**
   * A key takes the place of another, whose name it has from then on; that one is destroyed. What it wrapped stays good.
   *
   * @param next the successor's name until now
   * @throws KEY_UNKNOWN, KEY_USE
   */
  succeed(name: string, next: string, by: string): KeyHandle;
}
