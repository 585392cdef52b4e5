/**
 * The master keys of a PIN pad: the one in use, a successor that came in a package, and the identity under which
 * packages come. All of it stays in the pad's own vault; the terminal sees check values and a nonce.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import {
  AUTHORITY_NAME,
  checkAuthority,
  checkCertificate,
  HOST_NAME,
  type KeyAlgorithm,
  type KeyHandle,
  type KeyMode,
  pemOf,
  type RemoteLoading,
  type Vault,
  type WorkingKeys,
} from '../../keys/index.ts';
import { ensure, PosError } from '../../protocol/index.ts';
import type { Clock } from '../../terminal/index.ts';

const TMK = 'tmk';
const SUCCESSOR = 'tmk-next';
const KEY_LOADING = 'key-loading';
const TRANSPORT = { name: 'transport', use: 'key-transport', algorithm: 'rsa-2048' } as const;
const STORAGE = { name: 'pad-storage', use: 'data', algorithm: 'aes-256' } as const;
const BINDING_CONTEXT = 'pad binding';
const NONCE_BYTES = 16;
const CHECK_VALUE_BYTES = 3;
/** A nonce that nobody answered for so long is forgotten. */
const NONCE_MS = 10 * 60_000;
/** How far the clocks of host and pad may differ. */
const CLOCKS_DIFFER_MS = 24 * 60 * 60_000;

/** What the pad is bound to, PEM: given to it in the key room. */
export interface PadBinding {
  readonly terminalId: string;
  /** Its own certificate, for its own key. */
  readonly certificate: string;
  readonly authority: string;
  /** Of the host that may send it keys. */
  readonly host: string;
}

/** Where the binding outlives a restart, sealed by the pad. */
export interface BindingPort {
  read(): Promise<string | undefined>;
  write(sealed: string): Promise<void>;
}

interface Bound {
  readonly terminalId: string;
  readonly sender: KeyObject;
  /** Instant of the last package that it took: an older one is none. */
  readonly lastAt: number;
}

export class PadKeys {
  readonly #vault: Vault;
  readonly #random: (bytes: number) => Buffer;
  readonly #clock: Clock;
  readonly #port: BindingPort | undefined;
  #storage: KeyHandle;
  #bound: (Bound & { readonly binding: PadBinding }) | undefined;
  #asked: { readonly nonce: Buffer; readonly at: number } | undefined;

  constructor(options: {
    readonly vault: Vault;
    readonly random: (bytes: number) => Buffer;
    readonly clock: Clock;
    readonly binding?: BindingPort;
  }) {
    this.#vault = options.vault;
    this.#random = options.random;
    this.#clock = options.clock;
    this.#port = options.binding;
    this.#storage = options.vault.find(STORAGE.name) ?? options.vault.generate(STORAGE);
  }

  /** The key under which the pad seals for the terminal. */
  get storage(): KeyHandle {
    return this.#storage;
  }

  /** The master key in use. */
  get tmk(): KeyHandle | undefined {
    return this.#vault.find(TMK);
  }

  /**
   * Key custodians at the pad itself. What came in a package before is gone.
   *
   * @param checkValue what they expect, six hexadecimal digits; none: they compare what this returns
   * @throws KEY_BAD, KEY_CHECK_VALUE: it keeps what it had
   */
  inject(components: readonly Buffer[], algorithm: KeyAlgorithm, checkValue?: string): KeyHandle {
    const spec = { name: TMK, alsoReplaces: SUCCESSOR, use: 'tmk', algorithm, components } as const;
    return this.#remote().receiveComponents(checkValue === undefined ? spec : { ...spec, checkValue });
  }

  /** The key that it shares with a key-loading device. @throws KEY_BAD, KEY_CHECK_VALUE: it keeps what it had */
  share(components: readonly Buffer[], algorithm: '3des' | 'aes-256', checkValue: string): KeyHandle {
    const spec = { name: KEY_LOADING, use: 'zmk', algorithm, components, checkValue } as const;
    return this.#remote().receiveComponents(spec);
  }

  /**
   * A master key that a key-loading device brings in a key block.
   *
   * @throws KEY_UNKNOWN it shares no key with a device; KEY_BLOCK_BAD, KEY_USE, KEY_CHECK_VALUE, KEY_BAD: it keeps
   *   what it had
   */
  injectBlock(block: string, checkValue: string): KeyHandle {
    const zmk = this.#vault.find(KEY_LOADING);
    if (zmk === undefined)
      throw new PosError('KEY_UNKNOWN', 'the pad shares no key with a key-loading device');
    return this.#remote().receiveBlock({ name: TMK, alsoReplaces: SUCCESSOR, zmk, block, checkValue });
  }

  /** Resolves when what it took is on its disk. @throws KEY_FILE */
  async saved(): Promise<void> {
    await this.#vault.saved();
  }

  /** What the pad sealed is closed for ever. */
  renewStorage(): void {
    this.#vault.destroy(STORAGE.name);
    this.#storage = this.#vault.generate(STORAGE);
  }

  /** Its request for a certificate, PEM; the key is made at the first. */
  async certificateRequest(terminalId: string): Promise<string> {
    const key = this.#vault.find(TRANSPORT.name) ?? this.#vault.generate(TRANSPORT);
    await this.#vault.saved();
    return pemOf(this.#remote().certificateRequest(key, terminalId), 'CERTIFICATE REQUEST');
  }

  /**
   * Binds the pad to one host, in the key room.
   *
   * @throws CERTIFICATE_BAD, CERTIFICATE_EXPIRED: it stays bound as it was
   */
  async bind(binding: PadBinding): Promise<void> {
    await this.#rest({ ...this.#checked(binding), lastAt: 0, binding });
  }

  /** After a restart: what it was bound to. @throws SEAL_BROKEN, CERTIFICATE_BAD */
  async resume(): Promise<void> {
    const sealed = await this.#port?.read();
    if (sealed === undefined) return;
    const text = this.#vault.unseal(this.#storage, sealed, BINDING_CONTEXT).toString('utf8');
    const { binding, lastAt } = JSON.parse(text) as { binding: PadBinding; lastAt: number };
    this.#bound = { ...readBinding(binding), lastAt, binding };
  }

  /**
   * The check value of the key that it wants to use, and a nonce that no earlier question had.
   *
   * @throws KEY_UNKNOWN it is bound to no host
   */
  ask(): Buffer {
    if (this.#bound === undefined) throw new PosError('KEY_UNKNOWN', 'the pad is bound to no host');
    const nonce = this.#random(NONCE_BYTES);
    this.#asked = { nonce, at: this.#clock.now() };
    const wanted = this.#vault.find(SUCCESSOR) ?? this.tmk;
    const checkValue =
      wanted === undefined ? Buffer.alloc(CHECK_VALUE_BYTES) : Buffer.from(wanted.checkValue, 'hex');
    return Buffer.concat([checkValue, nonce]);
  }

  /**
   * Takes a package. Its nonce is used up when it was opened; what cannot be opened uses up nothing, so that a
   * stranger's bytes do not keep the host's out.
   *
   * @throws KEY_PACKAGE_REPLAYED nothing was asked, or long ago; and as the vault's `receiveKey`
   */
  async take(packed: Buffer): Promise<void> {
    const [bound, asked] = [this.#bound, this.#asked];
    const transport = this.#vault.find(TRANSPORT.name);
    if (bound === undefined || transport === undefined)
      throw new PosError('KEY_UNKNOWN', 'the pad is bound to no host');
    const now = this.#clock.now();
    if (asked === undefined || now - asked.at > NONCE_MS)
      throw new PosError('KEY_PACKAGE_REPLAYED', 'key package: the pad asked for none');
    const { at } = this.#remote().receiveKey({
      packed,
      transport,
      sender: bound.sender,
      terminalId: bound.terminalId,
      nonce: asked.nonce,
      name: SUCCESSOR,
      notBefore: Math.max(bound.lastAt, now - CLOCKS_DIFFER_MS),
      notAfter: now + CLOCKS_DIFFER_MS,
    });
    this.#asked = undefined;
    await this.#vault.saved();
    await this.#rest({ ...bound, lastAt: at });
  }

  /**
   * Working keys of a sign-in, under the successor or the key before it. Whichever opens them is the one that the
   * host uses: a successor takes its place now, since the host has shown that it holds it.
   *
   * @throws KEY_UNKNOWN, KEY_CHECK_VALUE, KEY_BAD
   */
  load(mode: KeyMode, de62: string): WorkingKeys {
    const successor = this.#vault.find(SUCCESSOR);
    if (successor === undefined) return this.#loadUnder(this.tmk, mode, de62);
    let keys: WorkingKeys;
    try {
      keys = this.#vault.loadWorkingKeys(successor, mode, de62);
    } catch (error) {
      if (this.tmk === undefined || !(error instanceof PosError)) throw error;
      return this.#loadUnder(this.tmk, mode, de62);
    }
    this.#remote().succeed(TMK, SUCCESSOR, 'pad');
    return keys;
  }

  #loadUnder(tmk: KeyHandle | undefined, mode: KeyMode, de62: string): WorkingKeys {
    if (tmk === undefined) throw new PosError('KEY_UNKNOWN', 'the pad holds no such key');
    return this.#vault.loadWorkingKeys(tmk, mode, de62);
  }

  #remote(): RemoteLoading {
    const { remote } = this.#vault;
    ensure(remote !== undefined, "the pad's vault loads keys remotely");
    return remote;
  }

  /** Everything that it is given is judged before anything of it is kept. */
  #checked(binding: PadBinding): Omit<Bound, 'lastAt'> {
    const now = this.#clock.now();
    const transport = this.#vault.find(TRANSPORT.name);
    if (transport === undefined) throw new PosError('KEY_UNKNOWN', 'the pad has no key of its own yet');
    const read = readBinding(binding);
    const authority = checkAuthority(read.authority, now);
    const common = { authority, now, isRevoked: () => false };
    const own = checkCertificate(read.certificate, {
      ...common,
      purpose: 'key-transport',
      subject: binding.terminalId,
    });
    if (!own.certificate.publicKey.equals(this.#remote().publicKey(transport)))
      throw new PosError('CERTIFICATE_BAD', "certificate: it is not for this pad's key");
    checkCertificate(read.host, { ...common, purpose: 'host', subject: HOST_NAME });
    return read;
  }

  async #rest(bound: Bound & { readonly binding: PadBinding }): Promise<void> {
    this.#bound = bound;
    if (this.#port === undefined) return;
    const { binding, lastAt } = bound;
    const clear = Buffer.from(JSON.stringify({ binding, lastAt }), 'utf8');
    await this.#port.write(this.#vault.seal(this.#storage, clear, BINDING_CONTEXT));
  }
}

/** @throws CERTIFICATE_BAD */
function readBinding({ terminalId, certificate, authority, host }: PadBinding) {
  try {
    const read = new X509Certificate(host);
    return {
      terminalId,
      certificate: new X509Certificate(certificate),
      authority: new X509Certificate(authority),
      host: read,
      sender: read.publicKey,
    };
  } catch (error) {
    throw new PosError('CERTIFICATE_BAD', `certificate: one of ${AUTHORITY_NAME} cannot be read`, {
      cause: error,
    });
  }
}
