/**
 * Where the soft vault keeps bytes: a private table keyed by handle. Nothing leads from a handle to
 * it, and only the vault holds it.
 */
import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { aesCheckValue, checkValue, hmacCheckValue } from '../material/check-value.ts';
import { checkKey, KEY_BYTES } from '../material/key-quality.ts';
import { type KeyFileLock, sealKeyFile } from './key-file.ts';
import { encodeBody, isAlgorithm, isUse, type StoredKey, USE_ALGORITHMS } from './key-file-body.ts';
import { fromBase64, sealBytes, unsealBytes } from './sealed-text.ts';
import type { KeyAlgorithm, KeyFilePort, KeyHandle, KeySpec, KeyUse } from './vault.ts';

const OPENED_MAX_DEFAULT = 30_000;
const SEALED_PREFIX = 'WK1';

/** What a handle stands for. Block ciphers keep their own copy of the key; other keys are bytes. */
type Secret = { readonly cipher: BlockCipher } | { readonly bytes: Buffer };

/** All that others see of a key. Frozen; inspecting or serialising it shows name, use and check value. */
class SoftKeyHandle implements KeyHandle {
  readonly name: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
  readonly checkValue: string;

  constructor(spec: KeySpec, checkValueHex: string) {
    this.name = spec.name;
    this.use = spec.use;
    this.algorithm = spec.algorithm;
    this.checkValue = checkValueHex;
    Object.freeze(this);
  }

  toJSON(): Pick<KeyHandle, 'name' | 'use' | 'checkValue'> {
    return { name: this.name, use: this.use, checkValue: this.checkValue };
  }

  [inspect.custom](): string {
    return `KeyHandle(${this.name}, ${this.use}, ${this.checkValue})`;
  }
}

export interface KeyStoreOptions {
  readonly random: (bytes: number) => Buffer;
  /** The local master key, 32 bytes: seals working keys, never leaves. The store owns and wipes it. */
  readonly masterKey: Buffer;
  readonly disk?: { readonly file: KeyFilePort; readonly lock: KeyFileLock };
  /** Working keys that stay open; the oldest make room. Default: three for each of ten thousand terminals. */
  readonly openedMax?: number;
}

export class KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #named = new Map<string, KeyHandle>();
  /** Working keys by their sealed text, or by a number of their own when they were loaded from a wire. */
  readonly #opened = new Map<string, KeyHandle>();
  readonly #secrets = new WeakMap<KeyHandle, Secret>();
  #loaded = 0;
  #closed = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: KeyStoreOptions) {
    this.#options = options;
  }

  find(name: string): KeyHandle | undefined {
    return this.#named.get(name);
  }

  names(): readonly KeyHandle[] {
    return [...this.#named.values()];
  }

  /** Adds a named key without saving. The bytes are copied; the caller wipes its own. */
  restore(key: StoredKey): void {
    this.#named.set(key.name, this.#admit(key, key.bytes));
  }

  /** Adds a named key and starts saving. The same key again is the same handle. */
  add(spec: KeySpec, bytes: Buffer): KeyHandle {
    this.#refuseWhenClosed();
    checkSpec(spec);
    checkKey(spec.algorithm, bytes, spec.name);
    const known = this.#named.get(spec.name);
    if (known !== undefined) {
      if (known.use === spec.use && known.algorithm === spec.algorithm && this.#holds(known, bytes))
        return known;
      throw new PosError('ALREADY_EXISTS', `key ${spec.name} exists and is another key`);
    }
    const handle = this.#admit(spec, bytes);
    this.#named.set(spec.name, handle);
    this.#save();
    return handle;
  }

  destroy(name: string): void {
    this.#refuseWhenClosed();
    const handle = this.#named.get(name);
    if (handle === undefined) throw new PosError('KEY_UNKNOWN', `no key ${name}`);
    this.#wipe(handle);
    this.#named.delete(name);
    this.#save();
  }

  async saved(): Promise<void> {
    await this.#saving;
  }

  /** Keeps a working key that came from a wire. */
  addLoaded(spec: KeySpec, cipher: BlockCipher): KeyHandle {
    this.#refuseWhenClosed();
    this.#loaded += 1;
    return this.#remember(`loaded ${this.#loaded}`, this.#admitCipher(spec, cipher));
  }

  /** Keeps a working key and seals it under the local master key; use, algorithm and name are bound. */
  addSealed(spec: KeySpec, cipher: BlockCipher): { readonly handle: KeyHandle; readonly sealed: string } {
    this.#refuseWhenClosed();
    const prefix = [
      SEALED_PREFIX,
      spec.use,
      spec.algorithm,
      Buffer.from(spec.name).toString('base64url'),
    ].join('.');
    const bytes = cipher.copyKey();
    const sealed = `${prefix}.${sealBytes(this.#options.masterKey, bytes, prefix, this.#options.random).toString('base64')}`;
    bytes.fill(0);
    return { handle: this.#remember(sealed, this.#admitCipher(spec, cipher)), sealed };
  }

  openSealed(sealed: string): KeyHandle {
    this.#refuseWhenClosed();
    const known = this.#opened.get(sealed);
    if (known !== undefined) return known;
    const prefix = sealed.slice(0, Math.max(0, sealed.lastIndexOf('.')));
    const [form, use, algorithm, name, more] = prefix.split('.');
    if (
      form !== SEALED_PREFIX ||
      use === undefined ||
      algorithm === undefined ||
      name === undefined ||
      more !== undefined
    ) {
      throw new PosError('SEAL_BROKEN', 'it is not a sealed working key');
    }
    const bytes = unsealBytes(this.#options.masterKey, fromBase64(sealed.slice(prefix.length + 1)), prefix);
    try {
      if (!isUse(use) || !isAlgorithm(algorithm))
        throw new PosError('SEAL_BROKEN', 'it names an unknown use or algorithm');
      return this.#remember(
        sealed,
        this.#admit({ name: Buffer.from(name, 'base64url').toString(), use, algorithm }, bytes),
      );
    } finally {
      bytes.fill(0);
    }
  }

  /** @throws KEY_USE another use or no block cipher; KEY_UNKNOWN */
  cipherOf(handle: KeyHandle, use: KeyUse): BlockCipher {
    const secret = this.#secretOf(handle, use);
    if (!('cipher' in secret)) throw new PosError('KEY_USE', `key ${handle.name} is no block cipher key`);
    return secret.cipher;
  }

  /** The bytes themselves, for AES and HMAC: never kept, never returned by the vault. */
  bytesOf(handle: KeyHandle, use: KeyUse): Buffer {
    const secret = this.#secretOf(handle, use);
    if (!('bytes' in secret)) throw new PosError('KEY_USE', `key ${handle.name} is a block cipher key`);
    return secret.bytes;
  }

  /** Wipes everything. What is being saved is sealed already and still reaches the disk. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const handle of [...this.#named.values(), ...this.#opened.values()]) this.#wipe(handle);
    this.#named.clear();
    this.#opened.clear();
    this.#options.masterKey.fill(0);
    this.#options.disk?.lock.key.fill(0);
  }

  #secretOf(handle: KeyHandle, use: KeyUse): Secret {
    const secret = this.#secrets.get(handle);
    if (this.#closed || secret === undefined) {
      throw new PosError(
        'KEY_UNKNOWN',
        this.#closed ? 'the vault is closed' : 'the handle is not of this vault',
      );
    }
    if (handle.use !== use)
      throw new PosError('KEY_USE', `key ${handle.name} is a ${handle.use} key, not a ${use} key`);
    return secret;
  }

  #admit(spec: KeySpec, bytes: Buffer): KeyHandle {
    const { algorithm } = spec;
    if (algorithm === 'des' || algorithm === '3des' || algorithm === 'sm4') {
      return this.#admitCipher(spec, new BlockCipher(algorithm, bytes));
    }
    const own = Buffer.alloc(bytes.length);
    bytes.copy(own);
    const shown = algorithm === 'aes-256' ? aesCheckValue(own) : hmacCheckValue(own);
    const handle = new SoftKeyHandle(spec, toHex(shown));
    this.#secrets.set(handle, { bytes: own });
    return handle;
  }

  #admitCipher(spec: KeySpec, cipher: BlockCipher): KeyHandle {
    const handle = new SoftKeyHandle(spec, toHex(checkValue(cipher)));
    this.#secrets.set(handle, { cipher });
    return handle;
  }

  /** An evicted working key is not wiped: somebody may be using it. It goes when its handle goes. */
  #remember(key: string, handle: KeyHandle): KeyHandle {
    const openedMax = this.#options.openedMax ?? OPENED_MAX_DEFAULT;
    for (const oldest of this.#opened.keys()) {
      if (this.#opened.size < openedMax) break;
      this.#opened.delete(oldest);
    }
    this.#opened.set(key, handle);
    return handle;
  }

  #holds(handle: KeyHandle, bytes: Buffer): boolean {
    const own = this.#copyOf(handle);
    const same = own.length === bytes.length && timingSafeEqual(own, bytes);
    own.fill(0);
    return same;
  }

  #copyOf(handle: KeyHandle): Buffer {
    const secret = this.#secretOf(handle, handle.use);
    return 'cipher' in secret ? secret.cipher.copyKey() : Buffer.from(secret.bytes);
  }

  #wipe(handle: KeyHandle): void {
    const secret = this.#secrets.get(handle);
    if (secret === undefined) return;
    if ('cipher' in secret) secret.cipher.wipe();
    else secret.bytes.fill(0);
    this.#secrets.delete(handle);
  }

  /** Seals a snapshot at once and writes it after the ones before. A later snapshot makes good an earlier failure. */
  #save(): void {
    const { disk, masterKey, random } = this.#options;
    if (disk === undefined) return;
    const keys = this.names().map(({ name, use, algorithm }) => ({
      name,
      use,
      algorithm,
      bytes: this.#copyOf(this.#named.get(name) as KeyHandle),
    }));
    const body = encodeBody(masterKey, keys);
    const bytes = sealKeyFile(disk.lock, body, random);
    body.fill(0);
    for (const key of keys) key.bytes.fill(0);
    this.#saving = this.#saving.catch(() => undefined).then(() => disk.file.write(bytes));
    // A failure waits for whoever asks `saved()`; it must not end the process before.
    this.#saving.catch(() => undefined);
  }

  /** Writes the file as it is now: the first time, before the vault is handed out. */
  async saveNow(): Promise<void> {
    this.#save();
    await this.#saving;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new PosError('KEY_UNKNOWN', 'the vault is closed');
  }
}

function checkSpec({ name, use, algorithm }: KeySpec): void {
  if (!/^[!-~]{1,64}$/.test(name))
    throw new PosError('KEY_BAD', 'a key name has 1 to 64 visible ASCII characters');
  const allowed: readonly KeyAlgorithm[] = USE_ALGORITHMS[use];
  if (!allowed.includes(algorithm)) {
    throw new PosError(
      'KEY_BAD',
      `${name}: a ${use} key is ${allowed.join(' or ')}, not ${algorithm} (${KEY_BYTES[algorithm]} bytes)`,
    );
  }
}
