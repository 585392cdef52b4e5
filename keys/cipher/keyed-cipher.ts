/** What the standards' functions need of a key: it computes blocks, and need not show its bytes. */
import type { BlockAlgorithm } from './block-cipher.ts';

/** A key in this process (block-cipher.ts) or in a token (pkcs11/token-cipher.ts). */
export interface KeyedCipher {
  readonly algorithm: BlockAlgorithm;
  readonly blockBytes: number;
  /** ECB over whole blocks, no padding. */
  encrypt(data: Buffer): Buffer;
  /** Undoes encrypt. */
  decrypt(data: Buffer): Buffer;
  /**
   * CBC over whole blocks, no padding.
   *
   * @param iv one block; zeros when left out
   */
  encryptCbc(data: Buffer, iv?: Buffer): Buffer;
  /** The two subkeys of CMAC: for a whole last block, and for a padded one. */
  cmacSubkeys(): readonly [whole: Buffer, padded: Buffer];
  /** Single DES under the left half of a double-length key, as X9.19 and the card verification value need it. */
  leftHalf(): KeyedCipher;
}
