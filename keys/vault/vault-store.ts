/**
 * Who holds the keys behind the vault: this process and its key file (key-store.ts), or a token behind
 * PKCS#11 (pkcs11/token-store.ts). The rules of use stand in store-vault.ts, once for both.
 */
import { PosError } from '../../protocol/index.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import type { KeyHandle, KeyLife, KeySpec, KeyUse, NewKey } from './vault.ts';

/** `protect`: it makes something new; `open`: it verifies or opens what was made before. */
export type KeyDuty = 'protect' | 'open';

/** A working key: to use now, and as a text that may rest in a database. */
export interface SealedKey {
  readonly handle: KeyHandle;
  readonly sealed: string;
}

/** As the vault's interface says it, where the names are the same. Key bytes are copied: the caller wipes its own. */
export interface VaultStore {
  find(name: string): KeyHandle | undefined;
  names(): readonly KeyHandle[];
  /**
   * Adds a named key. The same key under the same name again is the same handle.
   *
   * @param act for the key log
   * @throws KEY_BAD, ALREADY_EXISTS
   */
  add(key: NewKey, bytes: Buffer, act: string): KeyHandle;
  /** A random named key. @throws KEY_BAD, ALREADY_EXISTS */
  generate(key: NewKey): KeyHandle;
  /** @throws KEY_UNKNOWN */
  destroy(name: string, by?: string): void;
  saved(): Promise<void>;

  /** Takes a working key; use, algorithm and name are bound to its text. */
  addSealed(spec: KeySpec, bytes: Buffer): SealedKey;
  /** Takes a working key that came from a wire. */
  addLoaded(spec: KeySpec, bytes: Buffer): KeyHandle;
  openSealed(sealed: string): KeyHandle;
  resealed(sealed: string): string;
  readonly masterKeyChanged: boolean;

  /** @throws KEY_USE another use, another state or no block cipher; KEY_UNKNOWN */
  cipherOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): KeyedCipher;
  /** HMAC-SHA-256 as 64 lower-case hex digits. @throws KEY_USE, KEY_UNKNOWN */
  hmacUnder(handle: KeyHandle, use: KeyUse, data: Buffer): string;
  /** AES-256-GCM as sealed-text.ts lays it out. @throws KEY_USE, KEY_UNKNOWN */
  sealUnder(handle: KeyHandle, use: KeyUse, clear: Buffer, context: string): Buffer;
  /** @throws SEAL_BROKEN, KEY_USE, KEY_UNKNOWN */
  unsealUnder(handle: KeyHandle, use: KeyUse, sealed: Buffer, context: string): Buffer;

  close(): void;
}

/**
 * What every use of a key asks first.
 *
 * @param life null: a working key, which serves until the next sign-in
 * @throws KEY_USE
 */
export function refuseUnfitUse(handle: KeyHandle, life: KeyLife | null, use: KeyUse, duty: KeyDuty): void {
  if (handle.use !== use)
    throw new PosError('KEY_USE', `key ${handle.name} is a ${handle.use} key, not a ${use} key`);
  if (life === null) return;
  if (life.activated === null) throw new PosError('KEY_USE', `key ${handle.name} is not activated yet`);
  if (life.retired !== null && duty === 'protect')
    throw new PosError('KEY_USE', `key ${handle.name} is retired: it only opens and verifies`);
}

/** @throws KEY_UNKNOWN */
export function foreignHandle(): PosError {
  return new PosError(
    'KEY_UNKNOWN',
    'the handle is not of this vault, its key is destroyed, or the vault is closed',
  );
}
