/** Keys in a token behind PKCS#11: named ones rest there, working keys as texts that only it can open. */
import { ensure, PosError } from '../../protocol/index.ts';
import { checkKey } from '../material/key-quality.ts';
import { refuseKnownKey } from '../material/known-keys.ts';
import { randomKey } from '../material/random-key.ts';
import { checkOwner, checkSpec, newLife } from '../vault/key-header.ts';
import type { KeyEvent, KeyLogPort } from '../vault/key-log.ts';
import {
  additionalData,
  IV_BYTES,
  joinSealed,
  splitSealed,
  TAG_BYTES,
  wrongTag,
} from '../vault/sealed-text.ts';
import type { KeyHandle, KeyLife, KeySpec, KeyUse, NewKey } from '../vault/vault.ts';
import {
  foreignHandle,
  type KeyDuty,
  refuseUnfitUse,
  type SealedKey,
  type VaultStore,
} from '../vault/vault-store.ts';
import { KeyObjects, needsLeftHalf, tokenAlgorithm } from './key-objects.ts';
import { type KeyDrafts, type NamedKey, NamedKeys } from './named-keys.ts';
import { OpenedKeys } from './opened-keys.ts';
import { type OwnKeys, ownKeys } from './own-keys.ts';
import type { Token, TokenObject } from './token.ts';
import { TokenCipher, type TokenObjects } from './token-cipher.ts';

export interface TokenStoreOptions {
  readonly random: (bytes: number) => Buffer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Where acts are written; none: nowhere. */
  readonly log?: KeyLogPort;
  /** The token must have been used by us before: another one must not start an empty vault. Default false. */
  readonly mustExist?: boolean;
  /** Known test keys and repeated keys are taken: for tests and demonstrations. Default false. */
  readonly testMode?: boolean;
  /** Working keys that stay open in the token; the oldest make room. Default: three for each of a thousand terminals. */
  readonly openedMax?: number;
}

const OPENED_MAX_DEFAULT = 3000;

/** What a handle stands for. */
interface Held {
  readonly life: KeyLife | null;
  readonly objects: () => TokenObjects;
  /** Null: no block cipher key. */
  readonly cipher: TokenCipher | null;
}

export class TokenStore implements VaultStore {
  /** The token itself has one; a change of it is made with the tools of the token's maker. */
  readonly masterKeyChanged = false;
  readonly #token: Token;
  readonly #options: TokenStoreOptions;
  readonly #objects: KeyObjects;
  readonly #own: OwnKeys;
  readonly #rest: NamedKeys;
  readonly #opened: OpenedKeys;
  readonly #named = new Map<string, NamedKey>();
  readonly #held = new WeakMap<KeyHandle, Held>();
  #logged: Promise<void> = Promise.resolve();
  #closed = false;

  /** @throws TOKEN_ABSENT, TOKEN_FAILED; KEY_BAD a test key, and this is no test: it was taken in test mode */
  constructor(token: Token, options: TokenStoreOptions) {
    this.#token = token;
    this.#options = options;
    this.#objects = new KeyObjects(token);
    this.#own = ownKeys(this.#objects, options.mustExist ?? false);
    this.#rest = new NamedKeys(token, this.#objects);
    const openedMax = options.openedMax ?? OPENED_MAX_DEFAULT;
    this.#opened = new OpenedKeys(token, this.#objects, this.#own, openedMax);
    for (const named of this.#rest.all()) this.#admit(named);
  }

  find(name: string): KeyHandle | undefined {
    const known = this.#named.get(name);
    if (known !== undefined || this.#closed) return known?.handle;
    const found = this.#rest.find(name);
    return found === undefined ? undefined : this.#admit(found);
  }

  names(): readonly KeyHandle[] {
    return [...this.#named.values()].map(({ handle }) => handle);
  }

  add(key: NewKey, bytes: Buffer, act: string): KeyHandle {
    this.#refuseWhenClosed();
    checkSpec(key);
    checkOwner(key);
    const algorithm = tokenAlgorithm(key);
    checkKey(algorithm, bytes, key.name);
    const whole = this.#objects.draftOf(algorithm, bytes);
    const print = this.#objects.printOf(algorithm, whole, this.#own.binding);
    try {
      const known = this.find(key.name);
      if (known !== undefined) {
        const same = known.use === key.use && this.#named.get(key.name)?.print === print;
        if (!same) throw new PosError('ALREADY_EXISTS', `key ${key.name} exists and is another key`);
        this.#token.destroy(whole);
        return known;
      }
      const isTestKey = this.#isTestKey(key.name, bytes, print);
      const left = needsLeftHalf(key) ? this.#objects.draftOfLeft(bytes) : null;
      return this.#keep(key, { whole, left, print, isTestKey }, act);
    } catch (error) {
      this.#discard(whole);
      throw error;
    }
  }

  /** In the token, unless its left half is needed too: then its bytes are here for a moment. */
  generate(key: NewKey): KeyHandle {
    this.#refuseWhenClosed();
    checkSpec(key);
    checkOwner(key);
    if (this.find(key.name) !== undefined) throw new PosError('ALREADY_EXISTS', `key ${key.name} exists`);
    const algorithm = tokenAlgorithm(key);
    if (algorithm === 'des' || needsLeftHalf(key)) {
      const bytes = randomKey(key, this.#options.random);
      try {
        return this.add(key, bytes, 'key generated');
      } finally {
        bytes.fill(0);
      }
    }
    const whole = this.#objects.draftGenerated(algorithm);
    const print = this.#objects.printOf(algorithm, whole, this.#own.binding);
    return this.#keep(key, { whole, left: null, print, isTestKey: false }, 'key generated');
  }

  destroy(name: string, by?: string): void {
    this.#refuseWhenClosed();
    this.find(name);
    const named = this.#named.get(name);
    if (named === undefined) throw new PosError('KEY_UNKNOWN', `no key ${name}`);
    this.#rest.destroy(named);
    this.#named.delete(name);
    this.#held.delete(named.handle);
    this.#note({
      act: 'key destroyed',
      subject: name,
      checkValue: named.handle.checkValue,
      by: by ?? 'vault',
    });
  }

  /** The token keeps a key before its creation returns; what is waited for is the log. */
  async saved(): Promise<void> {
    await this.#logged;
  }

  addSealed(spec: KeySpec, bytes: Buffer): SealedKey {
    this.#refuseWhenClosed();
    const key = this.#opened.add(spec, bytes);
    this.#holdOpened(key.handle);
    return key;
  }

  addLoaded(spec: KeySpec, bytes: Buffer): KeyHandle {
    return this.addSealed(spec, bytes).handle;
  }

  openSealed(sealed: string): KeyHandle {
    this.#refuseWhenClosed();
    const handle = this.#opened.open(sealed);
    this.#holdOpened(handle);
    return handle;
  }

  resealed(sealed: string): string {
    this.#refuseWhenClosed();
    this.#opened.read(sealed);
    return sealed;
  }

  cipherOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): TokenCipher {
    const { cipher } = this.#usable(handle, use, duty);
    if (cipher === null) throw new PosError('KEY_USE', `key ${handle.name} is no block cipher key`);
    return cipher;
  }

  hmacUnder(handle: KeyHandle, use: KeyUse, data: Buffer): string {
    return this.#objects.hmac(this.#usable(handle, use, 'open').objects().whole, data).toString('hex');
  }

  sealUnder(handle: KeyHandle, use: KeyUse, clear: Buffer, context: string): Buffer {
    const { whole } = this.#usable(handle, use, 'protect').objects();
    const iv = this.#options.random(IV_BYTES);
    const body = this.#token.encrypt(this.#gcm(iv, context), whole, clear, clear.length + TAG_BYTES);
    return joinSealed({ iv, body });
  }

  unsealUnder(handle: KeyHandle, use: KeyUse, sealed: Buffer, context: string): Buffer {
    const { whole } = this.#usable(handle, use, 'open').objects();
    const { iv, body } = splitSealed(sealed);
    try {
      return this.#token.decrypt(this.#gcm(iv, context), whole, body, body.length);
    } catch (error) {
      // Which refusal a wrong tag is, differs between tokens.
      if (error instanceof PosError && error.code === 'TOKEN_FAILED') throw wrongTag();
      throw error;
    }
  }

  /** Working keys leave the token with the session; named keys stay in it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#named.clear();
    this.#token.close();
  }

  #keep(
    key: NewKey,
    drafts: Pick<KeyDrafts, 'whole' | 'left' | 'print' | 'isTestKey'>,
    act: string,
  ): KeyHandle {
    const life = newLife(key, this.#options.now());
    const { name, use, algorithm } = key;
    const named = this.#rest.add({
      spec: { name, use, algorithm },
      life,
      exportable: key.exportable ?? false,
      ...drafts,
    });
    this.#admit(named);
    this.#note({ act, subject: name, checkValue: named.handle.checkValue, by: key.by ?? 'vault' });
    return named.handle;
  }

  #admit(named: NamedKey): KeyHandle {
    const { handle, life, objects, isTestKey } = named;
    if (isTestKey && this.#options.testMode !== true)
      throw new PosError('KEY_BAD', `${handle.name}: it is a test key: refused outside of test mode`);
    this.#named.set(handle.name, named);
    this.#hold(handle, life, () => objects);
    return handle;
  }

  #holdOpened(handle: KeyHandle): void {
    if (!this.#held.has(handle)) this.#hold(handle, null, () => this.#opened.objectsOf(handle));
  }

  #hold(handle: KeyHandle, life: KeyLife | null, objects: () => TokenObjects): void {
    const { algorithm } = handle;
    const isDes = algorithm === 'des' || algorithm === '3des';
    const cipher = isDes ? new TokenCipher(this.#token, algorithm, objects) : null;
    this.#held.set(handle, { life, objects, cipher });
  }

  #usable(handle: KeyHandle, use: KeyUse, duty: KeyDuty): Held {
    const held = this.#closed ? undefined : this.#held.get(handle);
    if (held === undefined) throw foreignHandle();
    refuseUnfitUse(handle, held.life, use, duty);
    return held;
  }

  /** @throws KEY_BAD outside of test mode: everybody knows the key, or it is here under another name */
  #isTestKey(name: string, bytes: Buffer, print: string): boolean {
    try {
      refuseKnownKey(bytes, name);
      const other = [...this.#named.values()].find((one) => one.print === print);
      if (other === undefined) return false;
      throw new PosError(
        'KEY_BAD',
        `${name}: the same key is here as ${other.handle.name}: a key serves one purpose`,
      );
    } catch (error) {
      if (this.#options.testMode === true) return true;
      throw error;
    }
  }

  /** A draft whose key was refused. It may be gone already; the refusal is what is told. */
  #discard(draft: TokenObject): void {
    try {
      this.#token.destroy(draft);
    } catch (error) {
      ensure(error instanceof PosError, 'the token refuses by PosError');
    }
  }

  #gcm(iv: Buffer, context: string) {
    const { ck } = this.#token;
    const aad = additionalData(context);
    const parameter = { type: ck.CK_PARAMS_AES_GCM, iv, ivBits: iv.length * 8, aad, tagBits: TAG_BYTES * 8 };
    return { mechanism: ck.CKM_AES_GCM, parameter };
  }

  #note(event: Omit<KeyEvent, 'at'>): void {
    const { log, now } = this.#options;
    if (log === undefined) return;
    const whole = { ...event, at: now() };
    this.#logged = this.#logged.then(async () => void (await log.append([whole])));
    // A failure waits for whoever asks `saved()`; it must not end the process before.
    this.#logged.catch(() => undefined);
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new PosError('KEY_UNKNOWN', 'the vault is closed');
  }
}
