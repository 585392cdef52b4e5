/**
 * The authority that certifies terminals: its key and the host's rest in the vault, what it issued and revoked rests in
 * the programme's documents, so that every host of the database knows it.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import {
  AUTHORITY_NAME,
  type CheckedCertificate,
  checkAuthority,
  checkCertificate,
  HOST_NAME,
  type KeyHandle,
  type KeyUse,
  type Purpose,
  parseCertificate,
  type RemoteLoading,
  readCertificateRequest,
} from '../../keys/index.ts';
import { ensure, PosError } from '../../protocol/index.ts';
import type { By } from '../cards/issue.ts';
import type { HostDeps } from '../deps.ts';
import { actRecord } from '../journal/act-record.ts';
import type { CertificateDocument } from '../programme/model.ts';
import type { CommitItem } from '../store/port.ts';

const DAY_MS = 86_400_000;
/** A clock that is a little behind must not find a new certificate not yet valid. */
const EARLIER_MS = 60 * 60_000;
const AUTHORITY_DAYS = 3_650;
const HOST_DAYS = 1_825;
const TERMINAL_DAYS = 730;
const SERIAL_BYTES = 16;
/** The names of its keys in the vault. */
const AUTHORITY_KEY = 'authority';
const SIGNATURE_KEY = 'host-signature';

export type AuthorityDeps = Pick<HostDeps, 'vault' | 'store' | 'directory' | 'clock' | 'random'>;

/** What stands in a terminal's certificate beside its key. */
export interface TerminalRequest {
  readonly terminalId: string;
  readonly purpose: Extract<Purpose, 'key-transport' | 'link'>;
  /** PKCS#10, DER. */
  readonly request: Buffer;
  /** How long it serves, 1 to 3650; default two years. */
  readonly days?: number;
}

export class Authority {
  readonly #deps: AuthorityDeps;

  constructor(deps: AuthorityDeps) {
    this.#deps = deps;
  }

  /** @throws KEY_USE this vault has no private keys */
  get remote(): RemoteLoading {
    const { remote } = this.#deps.vault;
    if (remote === undefined) throw new PosError('KEY_USE', 'this vault issues no certificates');
    return remote;
  }

  /** The host's key that signs key packages. @throws KEY_UNKNOWN before `found` */
  get signer(): KeyHandle {
    return this.#key(SIGNATURE_KEY);
  }

  /** The authority's own certificate. @throws NOT_FOUND before `found` */
  get certificate(): X509Certificate {
    const own = this.#newest('authority', null);
    if (own === undefined)
      throw new PosError('NOT_FOUND', '尚未建立证书机构 there is no authority yet: POST /v1/authority');
    return own;
  }

  /** The host's certificate, to which PIN pads are bound. @throws as `certificate`, or what is wrong with it */
  get hostCertificate(): X509Certificate {
    const own = this.#newest('host', null);
    if (own === undefined)
      throw new PosError('NOT_FOUND', 'the host has no certificate yet: POST /v1/authority');
    return this.check(own, 'host', HOST_NAME).certificate;
  }

  /** Makes the authority, its key and the host's certificate, as far as they are not there. */
  async found(by: By): Promise<void> {
    const { remote } = this;
    const authority = await this.#keyMade(AUTHORITY_KEY, 'authority', by);
    const signature = await this.#keyMade(SIGNATURE_KEY, 'signature', by);
    if (this.#newest('authority', null) === undefined)
      await this.#write(by, 'authority', null, AUTHORITY_NAME, remote.publicKey(authority), AUTHORITY_DAYS);
    if (this.#newest('host', null) === undefined)
      await this.#write(by, 'host', null, HOST_NAME, remote.publicKey(signature), HOST_DAYS);
  }

  /**
   * Issues a certificate for a key that the terminal, or its PIN pad, has shown to have. A PIN pad has one: the one
   * before is revoked.
   *
   * @throws CERTIFICATE_BAD the request is not sound, or names another terminal; NOT_FOUND
   */
  async issue(by: By, { terminalId, purpose, request, days }: TerminalRequest): Promise<X509Certificate> {
    const { subject, publicKey } = this.checkRequest({ terminalId, request });
    const before = purpose === 'key-transport' ? this.#standing(purpose, terminalId) : [];
    const made = await this.#write(by, purpose, terminalId, subject, publicKey, days ?? TERMINAL_DAYS);
    for (const { id } of before) await this.revoke(by, id);
    return made;
  }

  /** @throws CERTIFICATE_BAD the request is not sound, or names another terminal; NOT_FOUND no such terminal, no authority; CERTIFICATE_EXPIRED the authority's */
  checkRequest({ terminalId, request }: Pick<TerminalRequest, 'terminalId' | 'request'>) {
    checkAuthority(this.certificate, this.#deps.clock.now());
    if (this.#deps.directory.terminal(terminalId) === undefined)
      throw new PosError('NOT_FOUND', `terminal ${terminalId}`);
    const read = readCertificateRequest(request);
    if (read.subject !== terminalId)
      throw new PosError('CERTIFICATE_BAD', `certificate request: it is not of terminal ${terminalId}`);
    return read;
  }

  /** The host's own end of TLS. */
  async issueHostLink(by: By, publicKey: KeyObject): Promise<X509Certificate> {
    return this.#write(by, 'host-link', null, HOST_NAME, publicKey, HOST_DAYS);
  }

  /** From now on it is refused everywhere. Twice is once. @throws NOT_FOUND */
  async revoke(by: By, serial: string): Promise<CertificateDocument> {
    const there = this.#deps.directory.find('certificate', serial);
    if (there === undefined) throw new PosError('NOT_FOUND', `certificate ${serial}`);
    if (there.state === 'revoked') return there;
    const revoked: CertificateDocument = { ...there, state: 'revoked' };
    await this.#commit(by, 'certificate.revoke', revoked, there);
    return revoked;
  }

  /**
   * Whether a certificate that was shown holds now.
   *
   * @param subject the terminal, or HOST_NAME; undefined: whoever it names
   * @throws CERTIFICATE_BAD, CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED: also one that no document knows
   */
  check(shown: X509Certificate, purpose: Purpose, subject?: string): CheckedCertificate {
    const { directory, clock } = this.#deps;
    return checkCertificate(shown, {
      authority: checkAuthority(this.certificate, clock.now()),
      now: clock.now(),
      isRevoked: (serial) => directory.find('certificate', serial)?.state !== 'valid',
      purpose,
      ...(subject === undefined ? {} : { subject }),
    });
  }

  /** A terminal's newest certificate for a purpose. @throws NOT_FOUND, and as `check` */
  certificateOf(terminalId: string, purpose: Purpose): CheckedCertificate {
    const newest = this.#newest(purpose, terminalId);
    if (newest === undefined)
      throw new PosError('NOT_FOUND', `terminal ${terminalId} has no ${purpose} certificate`);
    return this.check(newest, purpose, terminalId);
  }

  #standing(purpose: Purpose, terminalId: string | null): readonly CertificateDocument[] {
    return this.#deps.directory
      .all('certificate')
      .filter((one) => one.state === 'valid' && one.purpose === purpose && one.terminalId === terminalId);
  }

  #newest(purpose: Purpose, terminalId: string | null): X509Certificate | undefined {
    const read = this.#standing(purpose, terminalId).map(({ certificate }) =>
      parseCertificate(Buffer.from(certificate, 'base64')),
    );
    return read.sort((a, b) => Date.parse(b.validFrom) - Date.parse(a.validFrom))[0];
  }

  #key(name: string): KeyHandle {
    const key = this.#deps.vault.find(name);
    if (key === undefined) throw new PosError('KEY_UNKNOWN', name);
    return key;
  }

  async #keyMade(name: string, use: Extract<KeyUse, 'authority' | 'signature'>, by: By): Promise<KeyHandle> {
    const { vault } = this.#deps;
    const key = vault.find(name) ?? vault.generate({ name, use, algorithm: 'ec-p256', by: by.person });
    // Only what is on the disk may sign what others rely on.
    await vault.saved();
    return key;
  }

  async #write(
    by: By,
    purpose: Purpose,
    terminalId: string | null,
    subject: string,
    publicKey: KeyObject,
    days: number,
  ): Promise<X509Certificate> {
    const serial = this.#deps.random.bytes(SERIAL_BYTES);
    const der = this.remote.issueCertificate(this.#key(AUTHORITY_KEY), {
      subject,
      purpose,
      serial,
      notBefore: by.at - EARLIER_MS,
      notAfter: by.at + days * DAY_MS,
      publicKey,
    });
    const id = serial.toString('hex').toUpperCase();
    const certificate = der.toString('base64');
    await this.#commit(
      by,
      'certificate.issue',
      { id, terminalId, purpose, state: 'valid', certificate },
      null,
    );
    return parseCertificate(der);
  }

  async #commit(
    by: By,
    act: 'certificate.issue' | 'certificate.revoke',
    body: CertificateDocument,
    before: CertificateDocument | null,
  ): Promise<void> {
    const { store, directory } = this.#deps;
    const { person, role, reason, at } = by;
    const { id } = body;
    const version = directory.version('certificate', id) + 1;
    const item: CommitItem = {
      guards: [{ kind: 'absent', table: 'documents', key: `certificate|${id}|${version}` }],
      changes: { documents: [{ kind: 'certificate', id, version, body, person, reason, at }] },
      journal: [
        actRecord({
          act,
          subject: `certificate:${id}`,
          person,
          role,
          reason,
          before,
          after: body,
          at,
          businessDate: by.day.businessDate,
        }),
      ],
    };
    const [outcome] = await store.commit([item]);
    ensure(outcome !== undefined, 'an outcome for each item');
    await directory.reload({ kind: 'certificate', id });
    if (outcome.committed) return;
    throw (
      outcome.failure ?? new PosError('STORE_CONFLICT', `certificate ${id}: 已有变动 it changed meanwhile`)
    );
  }
}
