/** The key block protection key (KBPK) and the two keys that each version makes of it. */
import { PosError } from '../../protocol/index.ts';
import { aesCipher, type BlockCipher, tdesCipher, xorInto } from '../cipher/block-cipher.ts';
import { cmac } from '../mac/cmac.ts';
import { KEY_BLOCK_VERSIONS, type KeyBlockVersion } from './header.ts';

/** Encryption key and authentication key of one version. */
export interface BindingKeys {
  readonly kbek: BlockCipher;
  readonly kbak: BlockCipher;
}

/** What the variants of versions A and C XOR into every byte: the letters E and M. */
const ENCRYPTION_VARIANT = 0x45;
const MAC_VARIANT = 0x4d;
/** Key usage indicators of the derivation. */
const USE_CBC = 0;
const USE_MAC = 1;
const USE_CTR = 2;

/** Algorithm indicators of the derivation, and key bits, by cipher. */
// biome-ignore format: a table is read by column
const DERIVATION = {
  '3des':      { algorithm: 0, bits: 128 },
  '3des-3key': { algorithm: 1, bits: 192 },
  'aes-128':   { algorithm: 2, bits: 128 },
  'aes-192':   { algorithm: 3, bits: 192 },
  'aes-256':   { algorithm: 4, bits: 256 },
} as const;

/** A KBPK. What is made of it is made once and kept: an unwrap then costs no derivation. */
export class KeyBlockProtectionKey {
  readonly protection: 'tdes' | 'aes';
  readonly #cipher: BlockCipher<keyof typeof DERIVATION>;
  readonly #keys = new Map<string, BindingKeys>();

  /**
   * @param key 16 or 24 bytes (tdes), 16, 24 or 32 (aes); copied, the caller wipes its own
   * @throws KEY_BAD another length
   */
  constructor(protection: 'tdes' | 'aes', key: Buffer) {
    this.protection = protection;
    this.#cipher = protection === 'tdes' ? tdesCipher(key) : aesCipher(key);
  }

  /** Length of the KBPK. */
  get bits(): number {
    return DERIVATION[this.#cipher.algorithm].bits;
  }

  /**
   * KBEK and KBAK: variants of the KBPK in versions A and C, derived by CMAC in B, D and E.
   *
   * @example version B, KBPK DD7515F2BFC17F85CE48F3CA25CB21F6: KBEK 698832F8778A7CFCBC79559DAB07B88A,
   *   KBAK DD6CEEC1782D8453671BF8358AF9DB47 (TR-31:2018 A.7.2, via openemv/tr31's test suite)
   * @throws KEY_BLOCK_BAD the version asks for a key of the other family
   */
  keysFor(version: KeyBlockVersion): BindingKeys {
    const { protection, binding } = KEY_BLOCK_VERSIONS[version];
    if (protection !== this.protection)
      throw new PosError(
        'KEY_BLOCK_BAD',
        `version ${version} needs ${protection === 'aes' ? 'an AES' : 'a triple DES'} key to protect it`,
      );
    const use = version === 'E' ? USE_CTR : USE_CBC;
    const known = this.#keys.get(`${binding} ${use}`);
    if (known !== undefined) return known;
    const keys =
      binding === 'variant'
        ? { kbek: this.#variant(ENCRYPTION_VARIANT), kbak: this.#variant(MAC_VARIANT) }
        : { kbek: this.#derive(use), kbak: this.#derive(USE_MAC) };
    this.#keys.set(`${binding} ${use}`, keys);
    return keys;
  }

  wipe(): void {
    for (const { kbek, kbak } of this.#keys.values()) {
      kbek.wipe();
      kbak.wipe();
    }
    this.#keys.clear();
    this.#cipher.wipe();
  }

  #variant(letter: number): BlockCipher {
    return this.#cipher.derived((key) => xorInto(key, Buffer.alloc(key.length, letter)));
  }

  /** As many CMACs over counter, usage, algorithm and length as the key has blocks. */
  #derive(use: number): BlockCipher {
    const { algorithm, bits } = DERIVATION[this.#cipher.algorithm];
    const input = Buffer.alloc(8);
    input.writeUInt16BE(use, 1);
    input.writeUInt16BE(algorithm, 4);
    input.writeUInt16BE(bits, 6);
    return this.#cipher.derived((key) => {
      for (let counter = 1, at = 0; at < key.length; counter += 1) {
        input[0] = counter;
        const part = cmac(this.#cipher, input);
        at += part.copy(key, at);
        part.fill(0);
      }
    });
  }
}
