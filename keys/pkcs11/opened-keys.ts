/** Working keys that are open in the token: the oldest make room, and are opened again when they are used. */
import { ensure } from '../../protocol/index.ts';
import { VaultKeyHandle } from '../vault/key-handle.ts';
import { checkSpec } from '../vault/key-header.ts';
import type { KeyHandle, KeySpec } from '../vault/vault.ts';
import type { SealedKey } from '../vault/vault-store.ts';
import { type KeyObjects, needsLeftHalf, tokenAlgorithm } from './key-objects.ts';
import type { OwnKeys } from './own-keys.ts';
import type { Token, TokenObject } from './token.ts';
import type { TokenObjects } from './token-cipher.ts';
import { formatWrappedKey, parseWrappedKey, type WrappedKey } from './wrapped-key.ts';

/** One working key. */
interface Opened {
  readonly sealed: string;
  readonly wrapped: WrappedKey;
  /** Null: it made room. */
  live: TokenObjects | null;
}

export class OpenedKeys {
  readonly #token: Token;
  readonly #objects: KeyObjects;
  readonly #own: OwnKeys;
  readonly #openedMax: number;
  readonly #byText = new Map<string, KeyHandle>();
  readonly #byHandle = new WeakMap<KeyHandle, Opened>();
  /** In the order in which they were opened. */
  readonly #live = new Set<Opened>();

  constructor(token: Token, objects: KeyObjects, own: OwnKeys, openedMax: number) {
    this.#token = token;
    this.#objects = objects;
    this.#own = own;
    this.#openedMax = openedMax;
  }

  /** Takes a key; from here on its bytes are in the token only. @throws KEY_BAD */
  add(spec: KeySpec, bytes: Buffer): SealedKey {
    checkSpec(spec);
    const algorithm = tokenAlgorithm(spec);
    const whole = this.#wrapped(this.#objects.draftOf(algorithm, bytes, true));
    const left = needsLeftHalf(spec) ? this.#wrapped(this.#objects.draftOfLeft(bytes, true)) : null;
    const sealed = formatWrappedKey({ spec, whole, left }, (data) => this.#mac(data));
    return { handle: this.open(sealed), sealed };
  }

  /** On the path of every message: a key that is open is found without asking the token. @throws SEAL_BROKEN */
  open(sealed: string): KeyHandle {
    const known = this.#byText.get(sealed);
    if (known !== undefined) return known;
    const opened: Opened = { sealed, wrapped: this.read(sealed), live: null };
    const { spec } = opened.wrapped;
    const { whole } = this.#revive(opened);
    const handle = new VaultKeyHandle(spec, this.#objects.checkValueOf(tokenAlgorithm(spec), whole));
    this.#byText.set(sealed, handle);
    this.#byHandle.set(handle, opened);
    return handle;
  }

  /** What a text says, proven. @throws SEAL_BROKEN */
  read(sealed: string): WrappedKey {
    return parseWrappedKey(sealed, (data) => this.#mac(data));
  }

  objectsOf(handle: KeyHandle): TokenObjects {
    const opened = this.#byHandle.get(handle);
    ensure(opened !== undefined, 'a handle of a working key of this token');
    return opened.live ?? this.#revive(opened);
  }

  #revive(opened: Opened): TokenObjects {
    const { spec, whole, left } = opened.wrapped;
    const unwrap = (wrapped: Buffer) => this.#objects.unwrap(this.#own.master, wrapped, spec.use);
    const live = { whole: unwrap(whole), left: left === null ? null : unwrap(left) };
    opened.live = live;
    this.#live.add(opened);
    this.#makeRoom();
    return live;
  }

  #makeRoom(): void {
    for (const oldest of this.#live) {
      if (this.#live.size <= this.#openedMax) return;
      this.#live.delete(oldest);
      this.#byText.delete(oldest.sealed);
      const { live } = oldest;
      oldest.live = null;
      if (live === null) continue;
      this.#token.destroy(live.whole);
      if (live.left !== null) this.#token.destroy(live.left);
    }
  }

  #wrapped(draft: TokenObject): Buffer {
    const wrapped = this.#objects.wrap(this.#own.master, draft, 16);
    this.#token.destroy(draft);
    return wrapped;
  }

  #mac(data: Buffer): Buffer {
    return this.#objects.hmac(this.#own.binding, data);
  }
}
