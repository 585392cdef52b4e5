/** All keys of a vault: named ones, which rest as key blocks in a file, and working keys, which rest elsewhere. */
import { createHmac } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import type { BlockCipher } from '../cipher/block-cipher.ts';
import { checkKey } from '../material/key-quality.ts';
import { refuseKnownKey } from '../material/known-keys.ts';
import { randomKey } from '../material/random-key.ts';
import { HeldKeys } from './held-keys.ts';
import { KeyDisk, type KeyDiskOptions } from './key-disk.ts';
import type { Custodian, DestroyedKey, KeyFileContent } from './key-file.ts';
import { checkOwner, checkSpec, newLife } from './key-header.ts';
import type { KeyEvent } from './key-log.ts';
import type { MasterKey } from './master-key.ts';
import { type KeptMasterKey, MasterKeys } from './master-keys.ts';
import { sealBytes, unsealBytes } from './sealed-text.ts';
import type { KeyHandle, KeyLife, KeySpec, KeyUse, NewKey } from './vault.ts';
import type { KeyDuty, SealedKey, VaultStore } from './vault-store.ts';

const OPENED_MAX_DEFAULT = 30_000;

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

export interface KeyStoreOptions {
  readonly random: (bytes: number) => Buffer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The store owns and wipes them. The first is in use; behind it those that only open what they once protected. */
  readonly masters: readonly KeptMasterKey[];
  readonly disk?: Omit<KeyDiskOptions, 'random'>;
  readonly custodians?: readonly Custodian[];
  readonly destroyed?: readonly DestroyedKey[];
  /** Known test keys and repeated keys are taken: for tests and demonstrations. */
  readonly testMode?: boolean;
  /** Working keys that stay open; the oldest make room. Default: three for each of ten thousand terminals. */
  readonly openedMax?: number;
}

export class KeyStore implements VaultStore {
  /** What vault and office compute with. */
  readonly held = new HeldKeys();
  readonly masters: MasterKeys;
  readonly now: () => number;
  custodians: readonly Custodian[];
  readonly #options: KeyStoreOptions;
  readonly #disk: KeyDisk | null;
  readonly #named = new Map<string, Named>();
  /** Working keys by their sealed text, or by a number of their own when they were loaded from a wire. */
  readonly #opened = new Map<string, KeyHandle>();
  /** Which name has which key: HMAC of its bytes under a key that is thrown away with this object. */
  readonly #prints = new Map<string, string>();
  readonly #printKey: Buffer;
  readonly #destroyed: DestroyedKey[];
  #loaded = 0;
  #closed = false;

  constructor(options: KeyStoreOptions) {
    const { random, now, masters, disk } = options;
    this.#options = options;
    this.now = now;
    this.masters = new MasterKeys(masters, random);
    this.custodians = options.custodians ?? [];
    this.#destroyed = [...(options.destroyed ?? [])];
    this.#printKey = random(32);
    const snapshot = () => ({ masters: this.masters.keys, content: this.#content() });
    this.#disk = disk === undefined ? null : new KeyDisk({ ...disk, random }, snapshot);
  }

  find(name: string): KeyHandle | undefined {
    return this.#named.get(name)?.handle;
  }

  names(): readonly KeyHandle[] {
    return [...this.#named.values()].map(({ handle }) => handle);
  }

  /** @throws KEY_UNKNOWN */
  handleOf(name: string): KeyHandle {
    return this.#namedKey(name).handle;
  }

  /** @throws KEY_UNKNOWN */
  record(name: string): KeyRecord {
    const { handle, exportable } = this.#namedKey(name);
    const { use, algorithm, checkValue } = handle;
    return { name, use, algorithm, checkValue, ...this.#lifeOf(handle), exportable };
  }

  get destroyed(): readonly DestroyedKey[] {
    return this.#destroyed;
  }

  /**
   * Adds a key from its block at rest, without saving.
   *
   * @throws KEY_BLOCK_BAD; KEY_BAD a test key, and this is no test: it came in under `testMode`
   */
  restore(block: string): void {
    const { key, master, bytes } = this.masters.unwrap(block);
    const { spec, life, exportable } = key;
    ensure(life !== null, `the block of ${spec.name} is one of a named key`);
    try {
      if (this.#options.testMode !== true) refuseKnownKey(bytes, spec.name);
      const handle = this.#admit(spec, bytes, life);
      this.#named.set(spec.name, { handle, exportable, block, master });
    } finally {
      bytes.fill(0);
    }
  }

  generate(key: NewKey): KeyHandle {
    if (this.find(key.name) !== undefined) throw new PosError('ALREADY_EXISTS', `key ${key.name} exists`);
    const bytes = randomKey(key, this.#options.random);
    try {
      return this.add(key, bytes, 'key generated');
    } finally {
      bytes.fill(0);
    }
  }

  /** Starts saving. */
  add(key: NewKey, bytes: Buffer, act: string): KeyHandle {
    this.#refuseWhenClosed();
    checkSpec(key);
    checkOwner(key);
    checkKey(key.algorithm, bytes, key.name);
    const known = this.find(key.name);
    if (known !== undefined) {
      if (known.use === key.use && known.algorithm === key.algorithm && this.held.isSame(known, bytes))
        return known;
      throw new PosError('ALREADY_EXISTS', `key ${key.name} exists and is another key`);
    }
    if (this.#options.testMode !== true) this.#refuseUnfit(key.name, bytes);
    const handle = this.#admit(key, bytes, newLife(key, this.now()));
    this.#rest(handle, key.exportable ?? false);
    this.note({ act, subject: key.name, checkValue: handle.checkValue, by: key.by });
    return handle;
  }

  destroy(name: string, by?: string): void {
    this.#refuseWhenClosed();
    const { exportable: _, ...rest } = this.record(name);
    this.#forget(name);
    this.#destroyed.push({ ...rest, destroyed: this.now() });
    this.note({ act: 'key destroyed', subject: name, checkValue: rest.checkValue, by });
  }

  /** Changes what is known of a key, and writes its block anew. */
  changeLife(
    name: string,
    change: Partial<KeyLife>,
    event: { readonly act: string; readonly by: string },
  ): void {
    this.#refuseWhenClosed();
    const { handle, exportable } = this.#namedKey(name);
    this.held.setLife(handle, { ...this.#lifeOf(handle), ...change });
    this.#rest(handle, exportable);
    this.note({ ...event, subject: name, checkValue: handle.checkValue });
  }

  /** Gives a key another name and retires it, so that its own name is free for its successor. */
  setAside(name: string, newName: string): void {
    this.#refuseWhenClosed();
    const { handle, exportable } = this.#namedKey(name);
    ensure(!this.#named.has(newName), 'the name is free');
    const { use, algorithm } = handle;
    const spec = { name: newName, use, algorithm };
    checkSpec(spec);
    const life = { ...this.#lifeOf(handle), retired: this.now() };
    const bytes = this.held.copyOf(handle);
    this.#forget(name);
    const aside = this.#admit(spec, bytes, life);
    bytes.fill(0);
    this.#rest(aside, exportable);
  }

  /**
   * A key takes the place of another: its name, its life, its block. What the other wrapped stays good.
   *
   * @param next the successor's own name until now, which is free afterwards
   * @throws KEY_UNKNOWN there is no such successor; KEY_USE it has another use
   */
  succeed(name: string, next: string, by: string): KeyHandle {
    this.#refuseWhenClosed();
    const { handle, exportable } = this.#namedKey(next);
    const { use, algorithm } = handle;
    const before = this.find(name);
    if (before !== undefined && before.use !== use)
      throw new PosError('KEY_USE', `${next} is a ${use} key: it cannot follow ${name}`);
    const life = this.#lifeOf(handle);
    const bytes = this.held.copyOf(handle);
    // One after the other without a pause: a write of the file sees all of it or nothing.
    if (before !== undefined) this.destroy(name, by);
    this.#forget(next);
    const successor = this.#admit({ name, use, algorithm }, bytes, life);
    bytes.fill(0);
    this.#rest(successor, exportable);
    this.note({
      act: 'key in the place of the one before',
      subject: name,
      checkValue: successor.checkValue,
      by,
    });
    return successor;
  }

  /** Wraps the next named key that rests under an earlier master key anew. @returns its name; null: none is left */
  rewrapNext(): string | null {
    this.#refuseWhenClosed();
    const { current } = this.masters;
    for (const { handle, exportable, master } of this.#named.values()) {
      if (master === current) continue;
      this.#rest(handle, exportable);
      return handle.name;
    }
    return null;
  }

  /** Whether a named key rests under an earlier master key. */
  get restsUnderEarlier(): boolean {
    const { current } = this.masters;
    return [...this.#named.values()].some(({ master }) => master !== current);
  }

  /** Writes what was done into the key log, and saves. */
  note(event: Omit<KeyEvent, 'at' | 'by'> & { readonly by: string | undefined }): void {
    const { by, ...rest } = event;
    this.#disk?.save([{ ...rest, by: by ?? 'vault', at: this.now() }]);
  }

  async saved(): Promise<void> {
    await this.#disk?.saved();
  }

  addLoaded(spec: KeySpec, bytes: Buffer): KeyHandle {
    this.#refuseWhenClosed();
    this.#loaded += 1;
    return this.#remember(`loaded ${this.#loaded}`, this.held.admit(spec, bytes, null));
  }

  addSealed(spec: KeySpec, bytes: Buffer): SealedKey {
    this.#refuseWhenClosed();
    checkSpec(spec);
    const handle = this.held.admit(spec, bytes, null);
    const sealed = this.masters.wrap({ spec, life: null, exportable: false }, handle.checkValue, bytes);
    return { handle: this.#remember(sealed, handle), sealed };
  }

  /** On the path of every message: a key that was opened is found without touching its block again. */
  openSealed(sealed: string): KeyHandle {
    const known = this.#opened.get(sealed);
    if (known !== undefined) return known;
    this.#refuseWhenClosed();
    const { key, bytes } = this.masters.unwrapWorking(sealed);
    try {
      return this.#remember(sealed, this.held.admit(key.spec, bytes, null));
    } finally {
      bytes.fill(0);
    }
  }

  resealed(sealed: string): string {
    this.#refuseWhenClosed();
    const { key, master, bytes } = this.masters.unwrapWorking(sealed);
    try {
      return master === this.masters.current ? sealed : this.masters.wrap(key, '', bytes);
    } finally {
      bytes.fill(0);
    }
  }

  get masterKeyChanged(): boolean {
    return this.masters.keys.length > 1;
  }

  cipherOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): BlockCipher {
    return this.held.cipherOf(handle, use, duty);
  }

  hmacUnder(handle: KeyHandle, use: KeyUse, data: Buffer): string {
    return this.held.hmacOf(handle, use, 'open').hexOf(data);
  }

  sealUnder(handle: KeyHandle, use: KeyUse, clear: Buffer, context: string): Buffer {
    return sealBytes(this.held.bytesOf(handle, use, 'protect'), clear, context, this.#options.random);
  }

  unsealUnder(handle: KeyHandle, use: KeyUse, sealed: Buffer, context: string): Buffer {
    return unsealBytes(this.held.bytesOf(handle, use, 'open'), sealed, context);
  }

  /** Wipes everything. What is being saved still reaches the disk. */
  close(): void {
    if (this.#closed) return;
    if (this.#disk === null) this.masters.wipe();
    else this.#disk.close(() => this.masters.wipe());
    this.#closed = true;
    this.#printKey.fill(0);
    for (const { handle } of this.#named.values()) this.held.wipe(handle);
    for (const handle of this.#opened.values()) this.held.wipe(handle);
    this.#named.clear();
    this.#opened.clear();
  }

  #namedKey(name: string): Named {
    this.#refuseWhenClosed();
    const named = this.#named.get(name);
    if (named === undefined) throw new PosError('KEY_UNKNOWN', `no key ${name}`);
    return named;
  }

  #lifeOf(handle: KeyHandle): KeyLife {
    const life = this.held.lifeOf(handle);
    ensure(life !== null, 'a named key has a life');
    return life;
  }

  #admit(spec: KeySpec, bytes: Buffer, life: KeyLife): KeyHandle {
    const handle = this.held.admit(spec, bytes, life);
    this.#prints.set(this.#printOf(bytes), spec.name);
    return handle;
  }

  /** Wipes a named key and frees its name. */
  #forget(name: string): void {
    const { handle } = this.#namedKey(name);
    const bytes = this.held.copyOf(handle);
    this.#prints.delete(this.#printOf(bytes));
    bytes.fill(0);
    this.held.wipe(handle);
    this.#named.delete(name);
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
    const { name, use, algorithm, checkValue } = handle;
    const bytes = this.held.copyOf(handle);
    const key = { spec: { name, use, algorithm }, life: this.#lifeOf(handle), exportable };
    const block = this.masters.wrap(key, checkValue, bytes);
    bytes.fill(0);
    this.#named.set(name, { handle, exportable, block, master: this.masters.current });
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

  #content(): Omit<KeyFileContent, 'log'> {
    return {
      masters: this.masters.origins,
      custodians: this.custodians,
      destroyed: this.#destroyed,
      blocks: [...this.#named.values()].map(({ block }) => block),
    };
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new PosError('KEY_UNKNOWN', 'the vault is closed');
  }
}
