/**
 * Block ciphers over OpenSSL, one object a key.
 *
 * An ECB cipher object has no chaining state and needs no `final()`, so it is made once a key and fed
 * for ever: making one for each block costs more than the cipher itself (see mac.bench.ts). OpenSSL 3
 * refuses single DES (`des-ecb`), but two-key triple DES with K‖K is exactly it: E_K D_K E_K = E_K.
 */
import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from 'node:crypto';
import { ensure, PosError } from '../protocol/index.ts';
import type { KeyAlgorithm } from './vault.ts';

export type BlockAlgorithm = Extract<KeyAlgorithm, 'des' | '3des' | 'sm4'>;

/** Lengths in bytes; `doubled`: the key is given to OpenSSL twice over. */
// biome-ignore format: a table is read by column
const CIPHERS = {
  'des':  { openssl: 'des-ede', keyBytes:  8, blockBytes:  8, doubled: true },
  '3des': { openssl: 'des-ede', keyBytes: 16, blockBytes:  8, doubled: false },
  'sm4':  { openssl: 'sm4-ecb', keyBytes: 16, blockBytes: 16, doubled: false },
} as const satisfies Record<BlockAlgorithm, { openssl: string; keyBytes: number; blockBytes: number; doubled: boolean }>;

/** A key that encrypts blocks in ECB. The bytes are a private copy, wiped by `wipe`. */
export class BlockCipher {
  readonly algorithm: BlockAlgorithm;
  readonly blockBytes: number;
  readonly #key: Buffer;
  #encryptor: Cipher | undefined;
  #decryptor: Decipher | undefined;
  #leftHalf: BlockCipher | undefined;

  /** @throws KEY_BAD the length does not fit the algorithm; weak keys are key-quality.ts's matter */
  constructor(algorithm: BlockAlgorithm, key: Buffer) {
    const { keyBytes, blockBytes } = CIPHERS[algorithm];
    if (key.length !== keyBytes) {
      throw new PosError('KEY_BAD', `a ${algorithm} key has ${keyBytes} bytes, not ${key.length}`);
    }
    this.algorithm = algorithm;
    this.blockBytes = blockBytes;
    // A buffer of its own: small allocations otherwise share a pool with other data.
    this.#key = Buffer.alloc(keyBytes);
    key.copy(this.#key);
  }

  /** ECB over whole blocks, no padding. */
  encrypt(data: Buffer): Buffer {
    this.#encryptor ??= this.#make(createCipheriv);
    const out = this.#encryptor.update(data);
    ensure(out.length === data.length, 'ECB takes whole blocks');
    return out;
  }

  decrypt(data: Buffer): Buffer {
    this.#decryptor ??= this.#make(createDecipheriv);
    const out = this.#decryptor.update(data);
    ensure(out.length === data.length, 'ECB takes whole blocks');
    return out;
  }

  /** Single DES under the left half of a double-length key, as X9.19 and the card verification value need it. */
  leftHalf(): BlockCipher {
    ensure(this.algorithm === '3des', 'only a double-length DES key has halves');
    this.#leftHalf ??= new BlockCipher('des', this.#key.subarray(0, 8));
    return this.#leftHalf;
  }

  /** A copy of the key, for wrapping it under another one: the caller wipes the copy. */
  copyKey(): Buffer {
    return Buffer.from(this.#key);
  }

  /** Zeroes the bytes and drops the cipher objects (OpenSSL cleanses theirs when they are freed). */
  wipe(): void {
    this.#key.fill(0);
    this.#encryptor = undefined;
    this.#decryptor = undefined;
    this.#leftHalf?.wipe();
    this.#leftHalf = undefined;
  }

  #make<T extends Cipher | Decipher>(create: (name: string, key: Buffer, iv: null) => T): T {
    const { openssl, doubled } = CIPHERS[this.algorithm];
    if (!doubled) return unpadded(create(openssl, this.#key, null));
    const twice = Buffer.concat([this.#key, this.#key]);
    const cipher = unpadded(create(openssl, twice, null));
    twice.fill(0);
    return cipher;
  }
}

function unpadded<T extends Cipher | Decipher>(cipher: T): T {
  cipher.setAutoPadding(false);
  return cipher;
}
