/** Key bytes by handle: a private table. Nothing leads from a handle to it, and only the store holds it. */
import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { HmacSha256 } from '../mac/hmac-sha-256.ts';
import { aesCheckValue, checkValue, hmacCheckValue } from '../material/check-value.ts';
import { checkKey } from '../material/key-quality.ts';
import { isPrivateKeyAlgorithm, privateKeyCheckValue, privateKeyOf } from '../material/private-key.ts';
import { secretBuffer } from '../secret-buffer.ts';
import { VaultKeyHandle } from './key-handle.ts';
import type { KeyAlgorithm, KeyHandle, KeyLife, KeySpec, KeyUse } from './vault.ts';
import { foreignHandle, type KeyDuty, refuseUnfitUse } from './vault-store.ts';

/** What a handle stands for. Block ciphers keep their own copy of the key; other keys are bytes. */
interface Held {
  readonly cipher: BlockCipher | null;
  readonly bytes: Buffer | null;
  /** Made of the bytes of a key for HMAC when it is first used. */
  hmac: HmacSha256 | null;
  /** Null: a working key, which serves until the next sign-in. */
  life: KeyLife | null;
}

export class HeldKeys {
  readonly #held = new WeakMap<KeyHandle, Held>();

  /** Takes a copy; the caller wipes its own. @throws KEY_BAD */
  admit(spec: KeySpec, bytes: Buffer, life: KeyLife | null): KeyHandle {
    const { algorithm } = spec;
    checkKey(algorithm, bytes, spec.name);
    if (algorithm === 'des' || algorithm === '3des' || algorithm === 'sm4') {
      const cipher = new BlockCipher(algorithm, bytes);
      const handle = new VaultKeyHandle(spec, toHex(checkValue(cipher)));
      this.#held.set(handle, { cipher, bytes: null, hmac: null, life });
      return handle;
    }
    const own = secretBuffer(bytes.length);
    bytes.copy(own);
    const handle = new VaultKeyHandle(spec, toHex(checkValueOf(algorithm, own, spec.name)));
    this.#held.set(handle, { cipher: null, bytes: own, hmac: null, life });
    return handle;
  }

  /** @throws KEY_USE another use, another state or no block cipher; KEY_UNKNOWN */
  cipherOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): BlockCipher {
    const { cipher } = this.#usable(handle, use, duty);
    if (cipher === null) throw new PosError('KEY_USE', `key ${handle.name} is no block cipher key`);
    return cipher;
  }

  /** The bytes themselves, for AES and private keys: never kept, never returned by the vault. */
  bytesOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): Buffer {
    return bytesIn(this.#usable(handle, use, duty), handle);
  }

  /** @throws KEY_USE another use, another state or a block cipher key; KEY_UNKNOWN */
  hmacOf(handle: KeyHandle, use: KeyUse, duty: KeyDuty): HmacSha256 {
    const held = this.#usable(handle, use, duty);
    held.hmac ??= new HmacSha256(bytesIn(held, handle));
    return held.hmac;
  }

  /** A copy for wrapping it under another key: the caller wipes it. */
  copyOf(handle: KeyHandle): Buffer {
    const held = this.#heldOf(handle);
    return held.cipher === null ? Buffer.from(bytesIn(held, handle)) : held.cipher.copyKey();
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
    held.cipher?.wipe();
    held.bytes?.fill(0);
    held.hmac?.wipe();
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

function bytesIn({ bytes }: Held, handle: KeyHandle): Buffer {
  if (bytes === null) throw new PosError('KEY_USE', `key ${handle.name} is a block cipher key`);
  return bytes;
}

/** Of a key that is kept as bytes: three bytes. */
function checkValueOf(algorithm: KeyAlgorithm, bytes: Buffer, name: string): Buffer {
  if (isPrivateKeyAlgorithm(algorithm)) return privateKeyCheckValue(algorithm, bytes, name);
  return algorithm === 'aes-256' ? aesCheckValue(bytes) : hmacCheckValue(bytes);
}
