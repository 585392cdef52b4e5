/**
 * One login at a token behind PKCS#11 2.40: what our vault asks of it, and its refusals as PosError. Calls
 * are synchronous and one at a time: a session of PKCS#11 has one operation under way.
 */
import type { Attribute, Handle, Mechanism, PKCS11 } from 'pkcs11js';
import { PosError } from '../../protocol/index.ts';
import { secretBuffer } from '../secret-buffer.ts';
import { foreignHandle } from '../vault/vault-store.ts';

/** An object in the token: a number that only this session knows. */
export type TokenObject = Handle;
export type Template = readonly Attribute[];
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

export class Token {
  readonly ck: Binding;
  readonly #module: PKCS11;
  readonly #session: Handle;

  private constructor(ck: Binding, module: PKCS11, session: Handle) {
    this.ck = ck;
    this.#module = module;
    this.#session = session;
  }

  /** @throws TOKEN_ABSENT no such library or token, a wrong PIN, or a mechanism is missing */
  static async open({ library, label, pin }: TokenOptions): Promise<Token> {
    const { default: ck } = await import('pkcs11js');
    const module = new ck.PKCS11();
    const slot = asAbsent(`PKCS#11 library ${library}`, () => {
      module.load(library);
      tolerating(ck.CKR_CRYPTOKI_ALREADY_INITIALIZED, () =>
        module.C_Initialize({ flags: ck.CKF_OS_LOCKING_OK }),
      );
      return module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === label);
    });
    if (slot === undefined) throw new PosError('TOKEN_ABSENT', `${library} has no token labelled ${label}`);
    const has = new Set(module.C_GetMechanismList(slot));
    const missing = MECHANISMS.filter((name) => !has.has(ck[name]));
    if (missing.length > 0)
      throw new PosError('TOKEN_ABSENT', `token ${label} cannot do ${missing.join(', ')}`);
    return asAbsent(`token ${label}`, () => {
      const session = module.C_OpenSession(slot, ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION);
      tolerating(ck.CKR_USER_ALREADY_LOGGED_IN, () => module.C_Login(session, ck.CKU_USER, pin));
      return new Token(ck, module, session);
    });
  }

  /** From the token's own generator. */
  random(bytes: number): Buffer {
    return this.#ask('random bytes', (module, session) =>
      module.C_GenerateRandom(session, secretBuffer(bytes)),
    );
  }

  encrypt(mechanism: Mechanism, key: TokenObject, data: Buffer, outBytes: number): Buffer {
    return this.#ask('encrypt', (module, session) => {
      module.C_EncryptInit(session, mechanism, key);
      return module.C_Encrypt(session, data, Buffer.alloc(outBytes));
    });
  }

  /** @param outBytes room for the answer: some tokens ask for as much as went in */
  decrypt(mechanism: Mechanism, key: TokenObject, data: Buffer, outBytes: number): Buffer {
    return this.#ask('decrypt', (module, session) => {
      module.C_DecryptInit(session, mechanism, key);
      return module.C_Decrypt(session, data, secretBuffer(outBytes));
    });
  }

  sign(mechanism: Mechanism, key: TokenObject, data: Buffer, outBytes: number): Buffer {
    return this.#ask('sign', (module, session) => {
      module.C_SignInit(session, mechanism, key);
      return module.C_Sign(session, data, Buffer.alloc(outBytes));
    });
  }

  create(template: Template): TokenObject {
    return this.#ask('create', (module, session) => module.C_CreateObject(session, [...template]));
  }

  generate(mechanism: Mechanism, template: Template): TokenObject {
    return this.#ask('generate', (module, session) =>
      module.C_GenerateKey(session, mechanism, [...template]),
    );
  }

  copy(object: TokenObject, template: Template): TokenObject {
    return this.#ask('copy', (module, session) => module.C_CopyObject(session, object, [...template]));
  }

  wrap(mechanism: Mechanism, wrapping: TokenObject, key: TokenObject, outBytes: number): Buffer {
    return this.#ask('wrap', (module, session) =>
      module.C_WrapKey(session, mechanism, wrapping, key, Buffer.alloc(outBytes)),
    );
  }

  unwrap(mechanism: Mechanism, wrapping: TokenObject, wrapped: Buffer, template: Template): TokenObject {
    return this.#ask('unwrap', (module, session) =>
      module.C_UnwrapKey(session, mechanism, wrapping, wrapped, [...template]),
    );
  }

  destroy(object: TokenObject): void {
    this.#ask('destroy', (module, session) => module.C_DestroyObject(session, object));
  }

  find(template: Template): readonly TokenObject[] {
    return this.#ask('find', (module, session) => {
      const found: TokenObject[] = [];
      module.C_FindObjectsInit(session, [...template]);
      try {
        for (let one = module.C_FindObjects(session); one !== null; one = module.C_FindObjects(session))
          found.push(one);
      } finally {
        module.C_FindObjectsFinal(session);
      }
      return found;
    });
  }

  attribute(object: TokenObject, type: number): Buffer {
    return this.#ask('read', (module, session) => {
      const [read] = module.C_GetAttributeValue(session, object, [{ type }]);
      return Buffer.from(read?.value as Buffer);
    });
  }

  /** Session objects go with the session; the library stays loaded, other vaults of this process may use it. */
  close(): void {
    this.#ask('close', (module, session) => module.C_CloseSession(session));
  }

  #ask<T>(what: string, act: (module: PKCS11, session: Handle) => T): T {
    try {
      return act(this.#module, this.#session);
    } catch (error) {
      if (ckrOf(error) === this.ck.CKR_OBJECT_HANDLE_INVALID) throw foreignHandle();
      if (ckrOf(error) === this.ck.CKR_KEY_HANDLE_INVALID) throw foreignHandle();
      throw new PosError('TOKEN_FAILED', `${what}: ${nameOf(error)}`, { cause: error });
    }
  }
}

/** @throws TOKEN_ABSENT */
function asAbsent<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new PosError('TOKEN_ABSENT', `${what}: ${nameOf(error)}`, { cause: error });
  }
}

function tolerating(ckr: number, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (ckrOf(error) !== ckr) throw error;
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
