/** Key bytes by handle: a private table. Nothing leads from a handle to it, and only the store holds it. */
import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { aesCheckValue, checkValue, hmacCheckValue } from '../material/check-value.ts';
import { checkKey } from '../material/key-quality.ts';
import { isPrivateKeyAlgorithm, privateKeyCheckValue, privateKeyOf } from '../material/private-key.ts';
import { secretBuffer } from '../secret-buffer.ts';
import { VaultKeyHandle } from './key-handle.ts';
import type { KeyAlgorithm, KeyHandle, KeyLife, KeySpec, KeyUse } from './vault.ts';
import { foreignHandle, type KeyDuty, refuseUnfitUse } from './vault-store.ts';

/** What a handle stands for. Block ciphers keep their own copy of the key; other keys are bytes. */
type Held = ({ readonly cipher: BlockCipher } | { readonly bytes: Buffer }) & {
  /** Null: a working key, which serves until the next sign-in. */
  life: KeyLife | null;
};

export class HeldKeys {
  readonly #held = new WeakMap<KeyHandle, Held>();

  /** Takes a copy; the caller wipes its own. @throws KEY_BAD */
  admit(spec: KeySpec, bytes: Buffer, life: KeyLife | null): KeyHandle {
    const { algorithm } = spec;
    checkKey(algorithm, bytes, spec.name);
    if (algorithm === 'des' || algorithm === '3des' || algorithm === 'sm4') {
      const cipher = new BlockCipher(algorithm, bytes);
      const handle = new VaultKeyHandle(spec, toHex(checkValue(cipher)));
      this.#held.set(handle, { cipher, life });
      return handle;
    }
    const own = secretBuffer(bytes.length);
    bytes.copy(own);
    const handle = new VaultKeyHandle(spec, toHex(checkValueOf(algorithm, own, spec.name)));
    this.#held.set(handle, { bytes: own, life });
    return handle;
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

  /** A copy for wrapping it under another key: the caller wipes it. */
  copyOf(handle: KeyHandle): Buffer {
    const held = this.#heldOf(handle);
    return 'cipher' in held ? held.cipher.copyKey() : Buffer.from(held.bytes);
  }

  /** A private key as Node takes it: never kept, never returned by the vault. @throws KEY_USE, KEY_UNKNOWN */
  privateKey(handle: KeyHandle, use: KeyUse, duty: KeyDuty): KeyObject {
    const bytes = this.bytesOf(handle, use, duty);
    ensure(isPrivateKeyAlgorithm(handle.algorithm), 'this use has private keys only');
    return privateKeyOf(handle.algorithm, bytes, handle.name);
  }

  /** A copy of a zone master key: the caller wipes it. @throws KEY_USE */
  zoneKey(handle: KeyHandle, duty: KeyDuty): Buffer {
    this.#usable(handle, 'zmk', duty);
    return this.copyOf(handle);
  }

  /** Null: a working key. */
  lifeOf(handle: KeyHandle): KeyLife | null {
    return this.#heldOf(handle).life;
  }

  setLife(handle: KeyHandle, life: KeyLife): void {
    this.#heldOf(handle).life = life;
  }

  isSame(handle: KeyHandle, bytes: Buffer): boolean {
    const own = this.copyOf(handle);
    const same = own.length === bytes.length && timingSafeEqual(own, bytes);
    own.fill(0);
    return same;
  }

  wipe(handle: KeyHandle): void {
    const held = this.#held.get(handle);
    if (held === undefined) return;
    if ('cipher' in held) held.cipher.wipe();
    else held.bytes.fill(0);
    this.#held.delete(handle);
  }

  #usable(handle: KeyHandle, use: KeyUse, duty: KeyDuty): Held {
    const held = this.#heldOf(handle);
    refuseUnfitUse(handle, held.life, use, duty);
    return held;
  }

  #heldOf(handle: KeyHandle): Held {
    const held = this.#held.get(handle);
    if (held === undefined) throw foreignHandle();
    return held;
  }
}

/** Of a key that is kept as bytes: three bytes. */
function checkValueOf(algorithm: KeyAlgorithm, bytes: Buffer, name: string): Buffer {
  if (isPrivateKeyAlgorithm(algorithm)) return privateKeyCheckValue(algorithm, bytes, name);
  return algorithm === 'aes-256' ? aesCheckValue(bytes) : hmacCheckValue(bytes);
}
