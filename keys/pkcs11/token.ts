/**
 * One login at a token behind PKCS#11 2.40: what our vault asks of it, and its refusals as PosError. Calls
 * are synchronous and one at a time: a session of PKCS#11 has one operation under way.
 */
import type { Attribute, Handle, Mechanism, PKCS11 } from 'pkcs11js';
import { PosError } from '../../protocol/index.ts';
import { secretBuffer } from '../secret-buffer.ts';
import { foreignHandle } from '../vault/vault-store.ts';

/**
 * An object in the token. Its number is known to one session only: when that was lost, what knows how to be found
 * again is looked up in the next one.
 */
export interface TokenObject {
  handle: Handle;
  /** Counts sessions: of which one the number is. */
  session: number;
  /** Finds or makes the same object in the session of now; null: it went with its session. */
  recall: (() => TokenObject) | null;
}
export type Template = readonly Attribute[];
/** Finds an object that rests in the token, by what no other has. */
type Found = () => TokenObject | undefined;
/** Class and constants of the binding. It is loaded when a token is opened: who uses none needs no native code. */
export type Binding = typeof import('pkcs11js');

export interface TokenOptions {
  /** Path of the token's PKCS#11 library, for example /usr/lib/softhsm/libsofthsm2.so. */
  readonly library: string;
  /** Label that the token was initialised with. */
  readonly label: string;
  /** Of the user, not of the security officer. A text, because the binding wants one: it cannot be wiped. */
  readonly pin: string;
}

/** What the adapter computes with; a token without one of them is refused at once. */
const MECHANISMS = [
  'CKM_DES2_KEY_GEN',
  'CKM_DES3_ECB',
  'CKM_DES3_CBC',
  'CKM_AES_KEY_GEN',
  'CKM_AES_KEY_WRAP',
  'CKM_AES_GCM',
  'CKM_AES_CMAC',
  'CKM_GENERIC_SECRET_KEY_GEN',
  'CKM_SHA256_HMAC',
] as const;

/** What a token says when the session is gone: somebody closed it, or the token was pulled and is back. */
const LOST = [
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_DEVICE_REMOVED',
  'CKR_DEVICE_ERROR',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_USER_NOT_LOGGED_IN',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
] as const;

export class Token {
  readonly ck: Binding;
  readonly #module: PKCS11;
  readonly #options: TokenOptions;
  readonly #lost: ReadonlySet<number>;
  #session: Handle;
  /** Counts them: objects of an earlier one are looked up again. */
  #sessions = 1;
  #closed = false;

  private constructor(ck: Binding, module: PKCS11, session: Handle, options: TokenOptions) {
    this.ck = ck;
    this.#module = module;
    this.#session = session;
    this.#options = options;
    this.#lost = new Set(LOST.map((name) => ck[name]));
  }

  /** @throws TOKEN_ABSENT no such library or token, a wrong PIN, or a mechanism is missing */
  static async open(options: TokenOptions): Promise<Token> {
    const { default: ck } = await import('pkcs11js');
    const module = new ck.PKCS11();
    asAbsent(`PKCS#11 library ${options.library}`, () => {
      module.load(options.library);
      initialise(ck, module);
    });
    return new Token(ck, module, login(ck, module, options), options);
  }

  /** From the token's own generator. */
  random(bytes: number): Buffer {
    return this.#ask('random bytes', (module, session) =>
      module.C_GenerateRandom(session, secretBuffer(bytes)),
    );
  }

  encrypt(mechanism: Mechanism, key: TokenObject, data: Buffer, outBytes: number): Buffer {
    return this.#ask('encrypt', (module, session) => {
      module.C_EncryptInit(session, mechanism, this.#now(key));
      return module.C_Encrypt(session, data, Buffer.alloc(outBytes));
    });
  }

  /** @param outBytes room for the answer: some tokens ask for as much as went in */
  decrypt(mechanism: Mechanism, key: TokenObject, data: Buffer, outBytes: number): Buffer {
    return this.#ask('decrypt', (module, session) => {
      module.C_DecryptInit(session, mechanism, this.#now(key));
      return module.C_Decrypt(session, data, secretBuffer(outBytes));
    });
  }

  sign(mechanism: Mechanism, key: TokenObject, data: Buffer, outBytes: number): Buffer {
    return this.#ask('sign', (module, session) => {
      module.C_SignInit(session, mechanism, this.#now(key));
      return module.C_Sign(session, data, Buffer.alloc(outBytes));
    });
  }

  create(template: Template): TokenObject {
    return this.#made('create', (module, session) => module.C_CreateObject(session, [...template]));
  }

  /** @param found looks for what rests in the token: when the session is lost it may have been made all the same */
  generate(mechanism: Mechanism, template: Template, found?: Found): TokenObject {
    const act = (module: PKCS11, session: Handle) => module.C_GenerateKey(session, mechanism, [...template]);
    return this.#made('generate', act, found);
  }

  /** @param found as of `generate` */
  copy(object: TokenObject, template: Template, found: Found): TokenObject {
    const act = (module: PKCS11, session: Handle) =>
      module.C_CopyObject(session, this.#now(object), [...template]);
    return this.#made('copy', act, found);
  }

  wrap(mechanism: Mechanism, wrapping: TokenObject, key: TokenObject, outBytes: number): Buffer {
    return this.#ask('wrap', (module, session) =>
      module.C_WrapKey(session, mechanism, this.#now(wrapping), this.#now(key), Buffer.alloc(outBytes)),
    );
  }

  unwrap(mechanism: Mechanism, wrapping: TokenObject, wrapped: Buffer, template: Template): TokenObject {
    return this.#made('unwrap', (module, session) =>
      module.C_UnwrapKey(session, mechanism, this.#now(wrapping), wrapped, [...template]),
    );
  }

  destroy(object: TokenObject): void {
    const isGone = () => this.#isGone(object);
    if (object.recall === null && isGone()) return;
    const act = (module: PKCS11, session: Handle) => {
      module.C_DestroyObject(session, this.#now(object));
      return true;
    };
    this.#ask('destroy', act, () => isGone() || undefined);
  }

  find(template: Template): readonly TokenObject[] {
    return this.#ask('find', (module, session) => {
      const found: TokenObject[] = [];
      const of = this.#sessions;
      module.C_FindObjectsInit(session, [...template]);
      try {
        for (let one = module.C_FindObjects(session); one !== null; one = module.C_FindObjects(session))
          found.push({ handle: one, session: of, recall: null });
      } finally {
        module.C_FindObjectsFinal(session);
      }
      return found;
    });
  }

  attribute(object: TokenObject, type: number): Buffer {
    return this.#ask('read', (module, session) => {
      const [read] = module.C_GetAttributeValue(session, this.#now(object), [{ type }]);
      return Buffer.from(read?.value as Buffer);
    });
  }

  /** Session objects go with the session; the library stays loaded, other vaults of this process may use it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // One that is gone already needs no closing.
    tolerating([...this.#lost], () => this.#module.C_CloseSession(this.#session));
  }

  /** An object that this session makes; who keeps it says how it is found again. */
  #made(what: string, act: (module: PKCS11, session: Handle) => Handle, found?: Found): TokenObject {
    const handle = this.#ask(what, act, () => found?.()?.handle);
    return { handle, session: this.#sessions, recall: null };
  }

  /** A session object goes with its session; what rests in the token is looked up. */
  #isGone(object: TokenObject): boolean {
    if (object.session === this.#sessions) return false;
    if (object.recall === null) return true;
    try {
      this.#now(object);
      return false;
    } catch (error) {
      if (error instanceof PosError && error.code === 'KEY_UNKNOWN') return true;
      throw error;
    }
  }

  /** Its number in the session of now. @throws TOKEN_FAILED it went with its session */
  #now(object: TokenObject): Handle {
    if (object.session !== this.#sessions) {
      if (object.recall === null)
        throw new PosError('TOKEN_FAILED', 'the session was lost while a key was made: do it again');
      const { handle } = object.recall();
      object.handle = handle;
      object.session = this.#sessions;
    }
    return object.handle;
  }

  /**
   * When the session is lost, the act is done once more in a new one. Reading, computing and what is made for a session
   * may be done twice. What rests in the token may not, and a token that fails does not say whether it was done.
   *
   * @param done looks whether it was, in the new session, and gives what it came to; undefined: it was not
   */
  #ask<T>(what: string, act: (module: PKCS11, session: Handle) => T, done?: () => T | undefined): T {
    const of = this.#sessions;
    try {
      return act(this.#module, this.#session);
    } catch (error) {
      // An act within this one may have opened the next session already.
      if (this.#closed || !(this.#isLost(error) || of !== this.#sessions)) throw this.#told(what, error);
      if (of === this.#sessions) this.#reopen(what, error);
    }
    try {
      return done?.() ?? act(this.#module, this.#session);
    } catch (error) {
      throw this.#told(what, error);
    }
  }

  #isLost(error: unknown): boolean {
    const ckr = ckrOf(error);
    return ckr !== undefined && this.#lost.has(ckr);
  }

  /** @throws TOKEN_FAILED it is not back yet: the next act tries again */
  #reopen(what: string, lost: unknown): void {
    try {
      initialise(this.ck, this.#module);
      // One whose user was logged out is open still.
      tolerating([...this.#lost], () => this.#module.C_CloseSession(this.#session));
      this.#session = login(this.ck, this.#module, this.#options);
      this.#sessions += 1;
    } catch (cause) {
      throw new PosError('TOKEN_FAILED', `${what}: ${nameOf(lost)}, and no new session: ${nameOf(cause)}`, {
        cause,
      });
    }
  }

  #told(what: string, error: unknown): PosError {
    if (error instanceof PosError) return error;
    if (ckrOf(error) === this.ck.CKR_OBJECT_HANDLE_INVALID) return foreignHandle();
    if (ckrOf(error) === this.ck.CKR_KEY_HANDLE_INVALID) return foreignHandle();
    return new PosError('TOKEN_FAILED', `${what}: ${nameOf(error)}`, { cause: error });
  }
}

function initialise(ck: Binding, module: PKCS11): void {
  tolerating([ck.CKR_CRYPTOKI_ALREADY_INITIALIZED], () =>
    module.C_Initialize({ flags: ck.CKF_OS_LOCKING_OK }),
  );
}

/** @throws TOKEN_ABSENT */
function login(ck: Binding, module: PKCS11, { library, label, pin }: TokenOptions): Handle {
  const slot = asAbsent(`PKCS#11 library ${library}`, () =>
    module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === label),
  );
  if (slot === undefined) throw new PosError('TOKEN_ABSENT', `${library} has no token labelled ${label}`);
  const has = new Set(module.C_GetMechanismList(slot));
  const missing = MECHANISMS.filter((name) => !has.has(ck[name]));
  if (missing.length > 0)
    throw new PosError('TOKEN_ABSENT', `token ${label} cannot do ${missing.join(', ')}`);
  return asAbsent(`token ${label}`, () => {
    const session = module.C_OpenSession(slot, ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION);
    tolerating([ck.CKR_USER_ALREADY_LOGGED_IN], () => module.C_Login(session, ck.CKU_USER, pin));
    return session;
  });
}

/** @throws TOKEN_ABSENT */
function asAbsent<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new PosError('TOKEN_ABSENT', `${what}: ${nameOf(error)}`, { cause: error });
  }
}

function tolerating(ckrs: readonly number[], act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!ckrs.includes(ckrOf(error) ?? -1)) throw error;
  }
}

function ckrOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/** `CKR_PIN_INCORRECT`, or what the loader of libraries says. */
function nameOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /CKR_\w+/.exec(text)?.[0] ?? text.split('\n')[0] ?? '';
}
