/**
 * Block ciphers over OpenSSL, one object a key.
 *
 * An ECB cipher object has no chaining state and needs no `final()`, so it is made once a key and fed
 * for ever: making one for each block costs more than the cipher itself (see mac.bench.ts). OpenSSL 3
 * refuses single DES (`des-ecb`), but two-key triple DES with K‖K is exactly it: E_K D_K E_K = E_K.
 */
import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import { secretBuffer, wipe } from '../secret-buffer.ts';
import type { KeyedCipher } from './keyed-cipher.ts';

/** Lengths in bytes; `doubled`: the key is given to OpenSSL twice over; `ctr`: where counter mode is needed. */
// biome-ignore format: a table is read by column
const CIPHERS = {
  'des':       { ecb: 'des-ede',     cbc: 'des-ede-cbc',  ctr: undefined,     keyBytes:  8, blockBytes:  8, doubled: true },
  '3des':      { ecb: 'des-ede',     cbc: 'des-ede-cbc',  ctr: undefined,     keyBytes: 16, blockBytes:  8, doubled: false },
  '3des-3key': { ecb: 'des-ede3',    cbc: 'des-ede3-cbc', ctr: undefined,     keyBytes: 24, blockBytes:  8, doubled: false },
  'aes-128':   { ecb: 'aes-128-ecb', cbc: 'aes-128-cbc',  ctr: 'aes-128-ctr', keyBytes: 16, blockBytes: 16, doubled: false },
  'aes-192':   { ecb: 'aes-192-ecb', cbc: 'aes-192-cbc',  ctr: 'aes-192-ctr', keyBytes: 24, blockBytes: 16, doubled: false },
  'aes-256':   { ecb: 'aes-256-ecb', cbc: 'aes-256-cbc',  ctr: 'aes-256-ctr', keyBytes: 32, blockBytes: 16, doubled: false },
  'sm4':       { ecb: 'sm4-ecb',     cbc: 'sm4-cbc',      ctr: 'sm4-ctr',     keyBytes: 16, blockBytes: 16, doubled: false },
} as const;

/** `3des` is the double-length key of 16 bytes, `3des-3key` the triple-length one of 24. */
export type BlockAlgorithm = keyof typeof CIPHERS;

/** A key that encrypts blocks. The bytes are a private copy, wiped by `wipe`. */
export class BlockCipher<A extends BlockAlgorithm = BlockAlgorithm> {
  readonly algorithm: A;
  readonly blockBytes: number;
  readonly #key: Buffer;
  #encryptor: Cipher | undefined;
  #decryptor: Decipher | undefined;
  #chain: CachedChain | undefined;
  #unchain: CachedChain | undefined;
  #leftHalf: BlockCipher<'des'> | undefined;
  #cmacSubkeys: readonly [Buffer, Buffer] | undefined;

  /** @throws KEY_BAD the length does not fit the algorithm; weak keys are key-quality.ts's matter */
  constructor(algorithm: A, key: Buffer) {
    const { keyBytes, blockBytes } = CIPHERS[algorithm];
    if (key.length !== keyBytes) {
      throw new PosError('KEY_BAD', `a ${algorithm} key has ${keyBytes} bytes, not ${key.length}`);
    }
    this.algorithm = algorithm;
    this.blockBytes = blockBytes;
    this.#key = secretBuffer(keyBytes);
    key.copy(this.#key);
  }

  /** ECB over whole blocks, no padding. */
  encrypt(data: Buffer): Buffer {
    this.#refuseParts(data);
    this.#encryptor ??= this.#make((key) => createCipheriv(CIPHERS[this.algorithm].ecb, key, null));
    return this.#encryptor.update(data);
  }

  decrypt(data: Buffer): Buffer {
    this.#refuseParts(data);
    this.#decryptor ??= this.#make((key) => createDecipheriv(CIPHERS[this.algorithm].ecb, key, null));
    return this.#decryptor.update(data);
  }

  /**
   * CBC over whole blocks, no padding.
   *
   * @param iv one block; zeros when left out
   */
  encryptCbc(data: Buffer, iv?: Buffer): Buffer {
    this.#refuseParts(data, iv);
    this.#chain ??= { cipher: this.#makeCbc(createCipheriv), last: Buffer.alloc(this.blockBytes) };
    const { cipher, last } = this.#chain;
    // A CBC object goes on from its last cipher block. Taking that block out of the first clear one
    // starts anew under the same object, which saves making one for each message.
    const started = Buffer.from(data);
    xorInto(started, last);
    if (iv !== undefined) xorInto(started, iv);
    const out = cipher.update(started);
    wipe(started);
    keepEnd(last, out);
    return out;
  }

  /** Undoes encryptCbc under the same `iv`. */
  decryptCbc(data: Buffer, iv?: Buffer): Buffer {
    this.#refuseParts(data, iv);
    this.#unchain ??= { cipher: this.#makeCbc(createDecipheriv), last: Buffer.alloc(this.blockBytes) };
    const { cipher, last } = this.#unchain;
    const out = cipher.update(data);
    xorInto(out, last);
    if (iv !== undefined) xorInto(out, iv);
    keepEnd(last, data);
    return out;
  }

  /**
   * Counter mode over any number of bytes; the same call undoes it. A pair of key and counter block
   * must never be used for two texts.
   *
   * @param counter one block, counted up by one a block, modulo 2^128
   */
  ctr(data: Buffer, counter: Buffer): Buffer {
    const name = CIPHERS[this.algorithm].ctr;
    ensure(name !== undefined, `counter mode is for blocks of 16 bytes, not for ${this.algorithm}`);
    ensure(counter.length === this.blockBytes, 'a counter is one block');
    return createCipheriv(name, this.#key, counter).update(data);
  }

  /** Single DES under the left half of a double-length key, as X9.19 and the card verification value need it. */
  leftHalf(): BlockCipher<'des'> {
    ensure(this.algorithm === '3des', 'only a double-length DES key has halves');
    this.#leftHalf ??= new BlockCipher('des', this.#key.subarray(0, 8));
    return this.#leftHalf;
  }

  /** Kept with the key and wiped with it. */
  cmacSubkeys(): readonly [whole: Buffer, padded: Buffer] {
    this.#cmacSubkeys ??= cmacSubkeysOf(this);
    return this.#cmacSubkeys;
  }

  /** A cipher of the same algorithm under this key after `change` was done to a copy of it. The caller wipes it. */
  derived(change: (key: Buffer) => void): BlockCipher<A> {
    const bytes = this.copyKey();
    change(bytes);
    const cipher = new BlockCipher(this.algorithm, bytes);
    bytes.fill(0);
    return cipher;
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
    this.#chain = undefined;
    this.#unchain = undefined;
    this.#leftHalf?.wipe();
    this.#leftHalf = undefined;
    for (const subkey of this.#cmacSubkeys ?? []) subkey.fill(0);
    this.#cmacSubkeys = undefined;
  }

  /** Checked before the cipher sees a byte: a cached object that took part of a block would spoil the next call. */
  #refuseParts(data: Buffer, iv?: Buffer): void {
    ensure(data.length > 0 && data.length % this.blockBytes === 0, 'a block cipher takes whole blocks');
    ensure(iv === undefined || iv.length === this.blockBytes, 'an initial value is one block');
  }

  #makeCbc<T extends Cipher | Decipher>(create: (name: string, key: Buffer, iv: Buffer) => T): T {
    const iv = Buffer.alloc(this.blockBytes);
    return this.#make((key) => create(CIPHERS[this.algorithm].cbc, key, iv));
  }

  #make<T extends Cipher | Decipher>(create: (key: Buffer) => T): T {
    if (!CIPHERS[this.algorithm].doubled) return unpadded(create(this.#key));
    const twice = Buffer.concat([this.#key, this.#key]);
    const cipher = unpadded(create(twice));
    twice.fill(0);
    return cipher;
  }
}

/** The cipher for key bytes of a family whose length says which one it is. @throws KEY_BAD */
export function aesCipher(key: Buffer): BlockCipher<'aes-128' | 'aes-192' | 'aes-256'> {
  if (key.length === 16) return new BlockCipher('aes-128', key);
  if (key.length === 24) return new BlockCipher('aes-192', key);
  if (key.length === 32) return new BlockCipher('aes-256', key);
  throw new PosError('KEY_BAD', `an AES key has 16, 24 or 32 bytes, not ${key.length}`);
}

/** Triple DES of two or three keys by length. Single DES is refused here: ask for it by name. @throws KEY_BAD */
export function tdesCipher(key: Buffer): BlockCipher<'3des' | '3des-3key'> {
  if (key.length === 16) return new BlockCipher('3des', key);
  if (key.length === 24) return new BlockCipher('3des-3key', key);
  throw new PosError('KEY_BAD', `a triple DES key has 16 or 24 bytes, not ${key.length}`);
}

/** XORs `mask` into the first bytes of `target`, in place. */
export function xorInto(target: Buffer, mask: Buffer): void {
  for (let at = 0; at < mask.length; at += 1) target[at] = (target[at] as number) ^ (mask[at] as number);
}

/** The last bytes of `data` over `block`. */
function keepEnd(block: Buffer, data: Buffer): void {
  const from = data.length - block.length;
  for (let at = 0; at < block.length; at += 1) block[at] = data[from + at] as number;
}

/** A CBC object and the cipher block that it would go on from. */
interface CachedChain {
  readonly cipher: Cipher | Decipher;
  readonly last: Buffer;
}

/** The two subkeys of CMAC, from one block that the key encrypts. Secret, as MACs are. Source: NIST SP 800-38B, 6.1. */
export function cmacSubkeysOf(
  key: Pick<KeyedCipher, 'blockBytes' | 'encrypt'>,
): readonly [whole: Buffer, padded: Buffer] {
  const whole = doubled(key.encrypt(Buffer.alloc(key.blockBytes)));
  return [whole, doubled(whole)];
}

/** Times x in GF(2^64) or GF(2^128), the field of CMAC. */
function doubled(block: Buffer): Buffer {
  const out = secretBuffer(block.length);
  let carry = 0;
  for (let at = block.length - 1; at >= 0; at -= 1) {
    const byte = block[at] as number;
    out[at] = ((byte << 1) & 0xff) | carry;
    carry = byte >> 7;
  }
  const reduction = block.length === 8 ? 0x1b : 0x87;
  // Without a branch: the carry is a bit of a secret.
  out[block.length - 1] = (out[block.length - 1] as number) ^ (reduction & -carry);
  return out;
}

function unpadded<T extends Cipher | Decipher>(cipher: T): T {
  cipher.setAutoPadding(false);
  return cipher;
}
