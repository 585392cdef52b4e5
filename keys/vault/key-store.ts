/**
 * Where the soft vault keeps bytes: a private table keyed by handle. Nothing leads from a handle to
 * it, and only the vault holds it. At rest every key is a key block under the master key.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { unwrapKeyBlock, wrapKeyBlock } from '../key-block/key-block.ts';
import { aesCheckValue, checkValue, hmacCheckValue } from '../material/check-value.ts';
import { checkKey } from '../material/key-quality.ts';
import { refuseKnownKey } from '../material/known-keys.ts';
import { KeyDisk, type KeyDiskOptions } from './key-disk.ts';
import type { Custodian, DestroyedKey, KeyFileContent, MasterKeyOrigin } from './key-file.ts';
import { checkSpec, type RestingKey, readRestingHeader, restingHeader } from './key-header.ts';
import type { KeyEvent } from './key-log.ts';
import type { MasterKey } from './master-key.ts';
import { SoftKeyHandle } from './soft-key-handle.ts';
import type { KeyHandle, KeyLife, KeySpec, KeyUse, NewKey } from './vault.ts';

const OPENED_MAX_DEFAULT = 30_000;

/** What a handle stands for. Block ciphers keep their own copy of the key; other keys are bytes. */
type Secret = { readonly cipher: BlockCipher } | { readonly bytes: Buffer };
type Held = Secret & {
  /** Null: a working key, which serves until the next sign-in. */
  life: KeyLife | null;
};

/** A named key: its handle, its block at rest, and by which master key that was made. */
interface Named {
  readonly handle: KeyHandle;
  readonly exportable: boolean;
  readonly block: string;
  readonly master: MasterKey;
}

/** A named key as a listing shows it. */
export interface KeyRecord extends KeyHandle, KeyLife {
  readonly exportable: boolean;
}

/** `protect`: it makes something new; `open`: it verifies or opens what was made before. */
export type KeyDuty = 'protect' | 'open';

export interface KeyStoreOptions {
  readonly random: (bytes: number) => Buffer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The store owns and wipes them. The first is in use; behind it those that only open what they once protected. */
  readonly masters: readonly { readonly key: MasterKey; readonly origin: MasterKeyOrigin }[];
  readonly disk?: Omit<KeyDiskOptions, 'random'>;
  readonly custodians?: readonly Custodian[];
  readonly destroyed?: readonly DestroyedKey[];
  /** Known test keys and repeated keys are taken: for tests and demonstrations. */
  readonly testMode?: boolean;
  /** Working keys that stay open; the oldest make room. Default: three for each of ten thousand terminals. */
  readonly openedMax?: number;
}

export class KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #disk: KeyDisk | null;
  readonly #named = new Map<string, Named>();
  /** Working keys by their sealed text, or by a number of their own when they were loaded from a wire. */
  readonly #opened = new Map<string, KeyHandle>();
  readonly #held = new WeakMap<KeyHandle, Held>();
  /** Which name has which key: HMAC of its bytes under a key that is thrown away with this object. */
  readonly #prints = new Map<string, string>();
  readonly #printKey: Buffer;
  readonly #destroyed: DestroyedKey[];
  #masters: KeyStoreOptions['masters'];
  #custodians: readonly Custodian[];
  #loaded = 0;
  #closed = false;

  constructor(options: KeyStoreOptions) {
    this.#options = options;
    this.#masters = options.masters;
    this.#printKey = options.random(32);
    this.#custodians = options.custodians ?? [];
    this.#destroyed = [...(options.destroyed ?? [])];
    this.#disk =
      options.disk === undefined
        ? null
        : new KeyDisk({ ...options.disk, random: options.random }, () => ({
            masters: this.#masters.map(({ key }) => key),
            content: this.#content(),
          }));
  }

  find(name: string): KeyHandle | undefined {
    return this.#named.get(name)?.handle;
  }

  names(): readonly KeyHandle[] {
    return [...this.#named.values()].map(({ handle }) => handle);
  }

  /** Adds a key from its block at rest, without saving. @throws KEY_BLOCK_BAD */
  restore(block: string): void {
    const { key, master, bytes } = this.#unwrap(block);
    const { spec, life, exportable } = key;
    ensure(life !== null, `the block of ${spec.name} is one of a named key`);
    const handle = this.#admit(spec, bytes, life);
    this.#prints.set(this.#printOf(bytes), spec.name);
    bytes.fill(0);
    this.#named.set(spec.name, { handle, exportable, block, master });
  }

  /** Adds a named key and starts saving. The same key again is the same handle. */
  add(key: NewKey, bytes: Buffer, act: string): KeyHandle {
    this.#refuseWhenClosed();
    checkSpec(key);
    checkOwner(key);
    checkKey(key.algorithm, bytes, key.name);
    const known = this.#named.get(key.name)?.handle;
    if (known !== undefined) {
      if (known.use === key.use && known.algorithm === key.algorithm && this.#holds(known, bytes))
        return known;
      throw new PosError('ALREADY_EXISTS', `key ${key.name} exists and is another key`);
    }
    if (this.#options.testMode !== true) this.#refuseUnfit(key.name, bytes);
    const now = this.#options.now();
    const life: KeyLife = {
      owner: key.owner ?? '',
      created: now,
      activated: key.inactive === true ? null : now,
      retired: null,
      cryptoperiodDays: key.cryptoperiodDays ?? null,
    };
    const handle = this.#admit(key, bytes, life);
    this.#prints.set(this.#printOf(bytes), key.name);
    this.#rest(handle, key.exportable ?? false);
    this.note({ act, subject: key.name, checkValue: handle.checkValue, by: key.by });
    return handle;
  }

  destroy(name: string, by?: string): void {
    this.#refuseWhenClosed();
    const record = this.record(name);
    const { handle } = this.#namedKey(name);
    const bytes = this.copyOf(handle);
    this.#prints.delete(this.#printOf(bytes));
    bytes.fill(0);
    this.#wipe(handle);
    this.#named.delete(name);
    const { exportable: _, ...rest } = record;
    this.#destroyed.push({ ...rest, destroyed: this.#options.now() });
    this.note({ act: 'key destroyed', subject: name, checkValue: handle.checkValue, by });
  }

  /** Changes what is known of a key, and writes its block anew. */
  changeLife(
    name: string,
    change: Partial<KeyLife>,
    event: { readonly act: string; readonly by: string },
  ): void {
    this.#refuseWhenClosed();
    const { handle, exportable } = this.#namedKey(name);
    const held = this.#heldOf(handle);
    ensure(held.life !== null, 'a named key has a life');
    held.life = { ...held.life, ...change };
    this.#rest(handle, exportable);
    this.note({ ...event, subject: name, checkValue: handle.checkValue });
  }

  records(): readonly KeyRecord[] {
    return [...this.#named.keys()].map((name) => this.record(name));
  }

  /** @throws KEY_UNKNOWN */
  record(name: string): KeyRecord {
    const { handle, exportable } = this.#namedKey(name);
    const { life } = this.#heldOf(handle);
    ensure(life !== null, 'a named key has a life');
    const { use, algorithm, checkValue: shown } = handle;
    return { name, use, algorithm, checkValue: shown, ...life, exportable };
  }

  get destroyed(): readonly DestroyedKey[] {
    return this.#destroyed;
  }

  get masters(): readonly MasterKeyOrigin[] {
    return this.#masters.map(({ origin }) => origin);
  }

  get custodians(): readonly Custodian[] {
    return this.#custodians;
  }

  set custodians(custodians: readonly Custodian[]) {
    this.#custodians = custodians;
  }

  /** A copy of a key's bytes, for wrapping it under another key: the caller wipes it. */
  copyOf(handle: KeyHandle): Buffer {
    const held = this.#heldOf(handle);
    return 'cipher' in held ? held.cipher.copyKey() : Buffer.from(held.bytes);
  }

  /** A new master key comes into use; what rests under the ones before still opens. */
  addMaster(key: MasterKey, origin: MasterKeyOrigin): void {
    this.#refuseWhenClosed();
    this.#masters = [{ key, origin }, ...this.#masters];
  }

  /** Wraps the next named key that rests under an earlier master key anew. @returns its name; null: none is left */
  rewrapNext(): string | null {
    this.#refuseWhenClosed();
    const [current] = this.#masters;
    for (const { handle, exportable, master } of this.#named.values()) {
      if (master === current?.key) continue;
      this.#rest(handle, exportable);
      return handle.name;
    }
    return null;
  }

  /** Forgets the earlier master keys. What still rests under them is lost. */
  dropEarlierMasters(): void {
    const [current, ...earlier] = this.#masters;
    ensure(current !== undefined, 'a store has a master key');
    ensure(
      [...this.#named.values()].every(({ master }) => master === current.key),
      'every key was wrapped anew',
    );
    this.#masters = [current];
    for (const { key } of earlier) key.wipe();
  }

  /** Writes what was done into the key log, and saves. */
  note(event: Omit<KeyEvent, 'at' | 'by'> & { readonly by: string | undefined }): void {
    const { by, ...rest } = event;
    this.#disk?.save([{ ...rest, by: by ?? 'vault', at: this.#options.now() }]);
  }

  async saved(): Promise<void> {
    await this.#disk?.saved();
  }

  /** Keeps a working key that came from a wire. */
  addLoaded(spec: KeySpec, cipher: BlockCipher): KeyHandle {
    this.#refuseWhenClosed();
    this.#loaded += 1;
    return this.#remember(`loaded ${this.#loaded}`, this.#admitCipher(spec, cipher, null));
  }

  /** Keeps a working key and wraps it under the master key; use, algorithm and name are bound. */
  addSealed(spec: KeySpec, cipher: BlockCipher): { readonly handle: KeyHandle; readonly sealed: string } {
    this.#refuseWhenClosed();
    checkSpec(spec);
    const bytes = cipher.copyKey();
    const handle = this.#admitCipher(spec, cipher, null);
    const sealed = this.#wrap({ spec, life: null, exportable: false }, handle.checkValue, bytes);
    bytes.fill(0);
    return { handle: this.#remember(sealed, handle), sealed };
  }

  openSealed(sealed: string): KeyHandle {
    this.#refuseWhenClosed();
    const known = this.#opened.get(sealed);
    if (known !== undefined) return known;
    const { key, bytes } = this.#unwrapWorking(sealed);
    const handle = this.#admit(key.spec, bytes, null);
    bytes.fill(0);
    return this.#remember(sealed, handle);
  }

  resealed(sealed: string): string {
    this.#refuseWhenClosed();
    const { key, master, bytes } = this.#unwrapWorking(sealed);
    try {
      return master === this.#masters[0]?.key ? sealed : this.#wrap(key, '', bytes);
    } finally {
      bytes.fill(0);
    }
  }

  /** @throws KEY_USE another use, another state or no block cipher; KEY_UNKNOWN */
  cipherOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): BlockCipher {
    const held = this.#usable(handle, use, duty);
    if (!('cipher' in held)) throw new PosError('KEY_USE', `key ${handle.name} is no block cipher key`);
    return held.cipher;
  }

  /** The bytes themselves, for AES and HMAC: never kept, never returned by the vault. */
  bytesOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): Buffer {
    const held = this.#usable(handle, use, duty);
    if (!('bytes' in held)) throw new PosError('KEY_USE', `key ${handle.name} is a block cipher key`);
    return held.bytes;
  }

  /** Wipes everything. What is being saved still reaches the disk. */
  close(): void {
    if (this.#closed) return;
    const wipeMasters = () => {
      for (const { key } of this.#masters) key.wipe();
    };
    if (this.#disk === null) wipeMasters();
    else this.#disk.close(wipeMasters);
    this.#closed = true;
    this.#printKey.fill(0);
    for (const { handle } of this.#named.values()) this.#wipe(handle);
    for (const handle of this.#opened.values()) this.#wipe(handle);
    this.#named.clear();
    this.#opened.clear();
  }

  #usable(handle: KeyHandle, use: KeyUse, duty: KeyDuty): Held {
    const held = this.#heldOf(handle);
    if (handle.use !== use)
      throw new PosError('KEY_USE', `key ${handle.name} is a ${handle.use} key, not a ${use} key`);
    const { life } = held;
    if (life !== null) {
      if (life.activated === null) throw new PosError('KEY_USE', `key ${handle.name} is not activated yet`);
      if (life.retired !== null && duty === 'protect')
        throw new PosError('KEY_USE', `key ${handle.name} is retired: it only opens and verifies`);
    }
    return held;
  }

  #heldOf(handle: KeyHandle): Held {
    const held = this.#held.get(handle);
    if (this.#closed || held === undefined) {
      throw new PosError(
        'KEY_UNKNOWN',
        this.#closed ? 'the vault is closed' : 'the handle is not of this vault',
      );
    }
    return held;
  }

  #namedKey(name: string): Named {
    const named = this.#named.get(name);
    if (named === undefined) throw new PosError('KEY_UNKNOWN', `no key ${name}`);
    return named;
  }

  #admit(spec: KeySpec, bytes: Buffer, life: KeyLife | null): KeyHandle {
    const { algorithm } = spec;
    checkKey(algorithm, bytes, spec.name);
    if (algorithm === 'des' || algorithm === '3des' || algorithm === 'sm4') {
      return this.#admitCipher(spec, new BlockCipher(algorithm, bytes), life);
    }
    const own = Buffer.alloc(bytes.length);
    bytes.copy(own);
    const shown = algorithm === 'aes-256' ? aesCheckValue(own) : hmacCheckValue(own);
    const handle = new SoftKeyHandle(spec, toHex(shown));
    this.#held.set(handle, { bytes: own, life });
    return handle;
  }

  #admitCipher(spec: KeySpec, cipher: BlockCipher, life: KeyLife | null): KeyHandle {
    const handle = new SoftKeyHandle(spec, toHex(checkValue(cipher)));
    this.#held.set(handle, { cipher, life });
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

  /** The block of a named key, as it is now, under the master key in use. */
  #rest(handle: KeyHandle, exportable: boolean): void {
    const { life } = this.#heldOf(handle);
    const { name, use, algorithm, checkValue: shown } = handle;
    const bytes = this.copyOf(handle);
    const block = this.#wrap({ spec: { name, use, algorithm }, life, exportable }, shown, bytes);
    bytes.fill(0);
    const [current] = this.#masters;
    ensure(current !== undefined, 'a store has a master key');
    this.#named.set(name, { handle, exportable, block, master: current.key });
  }

  #wrap(key: RestingKey, shown: string, bytes: Buffer): string {
    const [current] = this.#masters;
    ensure(current !== undefined, 'a store has a master key');
    return wrapKeyBlock(current.key.kbpk, restingHeader(key, shown), bytes, this.#options.random);
  }

  /** Opens a block under the master key in use, or an earlier one. The caller wipes the bytes. */
  #unwrap(block: string): { readonly key: RestingKey; readonly master: MasterKey; readonly bytes: Buffer } {
    let refusal: unknown;
    for (const { key: master } of this.#masters) {
      try {
        const { header, key: bytes } = unwrapKeyBlock(master.kbpk, block);
        try {
          return { key: readRestingHeader(header), master, bytes };
        } catch (error) {
          bytes.fill(0);
          throw error;
        }
      } catch (error) {
        refusal ??= error;
      }
    }
    throw refusal;
  }

  #unwrapWorking(sealed: string): {
    readonly key: RestingKey;
    readonly master: MasterKey;
    readonly bytes: Buffer;
  } {
    try {
      const opened = this.#unwrap(sealed);
      if (opened.key.life === null) return opened;
      opened.bytes.fill(0);
    } catch (error) {
      if (!(error instanceof PosError) || error.code !== 'KEY_BLOCK_BAD') throw error;
      throw new PosError('SEAL_BROKEN', `it is no working key of this vault: ${error.detail}`, {
        cause: error,
      });
    }
    throw new PosError('SEAL_BROKEN', 'it is the block of a named key, not of a working key');
  }

  #holds(handle: KeyHandle, bytes: Buffer): boolean {
    const own = this.copyOf(handle);
    const same = own.length === bytes.length && timingSafeEqual(own, bytes);
    own.fill(0);
    return same;
  }

  /** @throws KEY_BAD everybody knows the key, or it is here under another name */
  #refuseUnfit(name: string, bytes: Buffer): void {
    refuseKnownKey(bytes, name);
    const other = this.#prints.get(this.#printOf(bytes));
    if (other !== undefined)
      throw new PosError('KEY_BAD', `${name}: the same key is here as ${other}: a key serves one purpose`);
  }

  #printOf(bytes: Buffer): string {
    return createHmac('sha256', this.#printKey).update(bytes).digest('base64');
  }

  #wipe(handle: KeyHandle): void {
    const held = this.#held.get(handle);
    if (held === undefined) return;
    if ('cipher' in held) held.cipher.wipe();
    else held.bytes.fill(0);
    this.#held.delete(handle);
  }

  #content(): Omit<KeyFileContent, 'log'> {
    return {
      masters: this.masters,
      custodians: this.#custodians,
      destroyed: this.#destroyed,
      blocks: [...this.#named.values()].map(({ block }) => block),
    };
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new PosError('KEY_UNKNOWN', 'the vault is closed');
  }
}

function checkOwner({ name, owner = '', cryptoperiodDays }: NewKey): void {
  if (!/^[ -~]{0,64}$/.test(owner))
    throw new PosError('KEY_BAD', `${name}: its owner has at most 64 printable ASCII characters`);
  if (
    cryptoperiodDays !== undefined &&
    !(Number.isInteger(cryptoperiodDays) && cryptoperiodDays >= 1 && cryptoperiodDays <= 9999)
  )
    throw new PosError('KEY_BAD', `${name}: its cryptoperiod is 1 to 9999 days`);
}
