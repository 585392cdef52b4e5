/** A DES key in a token, as the standards' functions want it: its bytes stay there. */
import type { Mechanism } from 'pkcs11js';
import { ensure } from '../../protocol/index.ts';
import { cmacSubkeysOf } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import type { Token, TokenObject } from './token.ts';

/** Objects of one key. Single DES is the double-length key K‖K, because tokens of today have no single DES. */
export interface TokenObjects {
  readonly whole: TokenObject;
  /** Left half twice over, for uses that need single DES under it; null: the use needs none. */
  readonly left: TokenObject | null;
}

const BLOCK_BYTES = 8;

export class TokenCipher implements KeyedCipher {
  readonly algorithm: 'des' | '3des';
  readonly blockBytes = BLOCK_BYTES;
  readonly #token: Token;
  readonly #objects: () => TokenObjects;
  #leftHalf: TokenCipher | undefined;

  /** @param objects asked at each use: a working key that made room is opened again then */
  constructor(token: Token, algorithm: 'des' | '3des', objects: () => TokenObjects) {
    this.#token = token;
    this.algorithm = algorithm;
    this.#objects = objects;
  }

  encrypt(data: Buffer): Buffer {
    return this.#encrypt({ mechanism: this.#token.ck.CKM_DES3_ECB }, data);
  }

  decrypt(data: Buffer): Buffer {
    refuseParts(data);
    const ecb = { mechanism: this.#token.ck.CKM_DES3_ECB };
    return this.#token.decrypt(ecb, this.#objects().whole, data, data.length);
  }

  encryptCbc(data: Buffer, iv: Buffer = Buffer.alloc(BLOCK_BYTES)): Buffer {
    ensure(iv.length === BLOCK_BYTES, 'an initial value is one block');
    return this.#encrypt({ mechanism: this.#token.ck.CKM_DES3_CBC, parameter: iv }, data);
  }

  cmacSubkeys(): readonly [whole: Buffer, padded: Buffer] {
    return cmacSubkeysOf(this);
  }

  leftHalf(): TokenCipher {
    this.#leftHalf ??= new TokenCipher(this.#token, 'des', () => {
      const { left } = this.#objects();
      ensure(left !== null, 'the left half is kept for uses that need it');
      return { whole: left, left: null };
    });
    return this.#leftHalf;
  }

  #encrypt(mechanism: Mechanism, data: Buffer): Buffer {
    refuseParts(data);
    return this.#token.encrypt(mechanism, this.#objects().whole, data, data.length);
  }
}

function refuseParts(data: Buffer): void {
  ensure(data.length > 0 && data.length % BLOCK_BYTES === 0, 'a block cipher takes whole blocks');
}
