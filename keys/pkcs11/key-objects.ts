/**
 * How a key of the vault stands in the token. A key is made as a draft, a session object that may do all that
 * its algorithm can, because its check value has to be computed before its header can name it. Then it is
 * copied to what serves: not extractable, not changeable, able to do what its use needs and nothing else.
 */
import type { Attribute } from 'pkcs11js';
import { ensure, PosError } from '../../protocol/index.ts';
import { toHex } from '../hex.ts';
import { checkValue } from '../material/check-value.ts';
import { isPrivateKeyAlgorithm, type PrivateKeyAlgorithm } from '../material/private-key.ts';
import type { KeyAlgorithm, KeySpec, KeyUse } from '../vault/vault.ts';
import { foreignHandle } from '../vault/vault-store.ts';
import type { Template, Token, TokenObject } from './token.ts';
import { TokenCipher, type TokenObjects } from './token-cipher.ts';

type Ability = 'ENCRYPT' | 'DECRYPT' | 'SIGN' | 'WRAP' | 'UNWRAP';

/** What the token lets a key of a use do, and whether its left half is needed alone (X9.19, card values). */
// biome-ignore format: a table is read by column
const USES: Readonly<Record<KeyUse, { readonly may: readonly Ability[]; readonly left: boolean }>> = {
  'tmk':               { may: ['ENCRYPT', 'DECRYPT'], left: false },
  'zmk':               { may: [],                     left: false },
  'pin':               { may: ['ENCRYPT', 'DECRYPT'], left: false },
  'mac':               { may: ['ENCRYPT'],            left: true },
  'track':             { may: ['ENCRYPT', 'DECRYPT'], left: false },
  'pin-verification':  { may: ['ENCRYPT'],            left: false },
  'card-verification': { may: ['ENCRYPT'],            left: true },
  'lookup':            { may: ['SIGN'],               left: false },
  'data':              { may: ['ENCRYPT', 'DECRYPT'], left: false },
  // Private keys are the software's: see `tokenAlgorithm`.
  'authority':         { may: [],                     left: false },
  'signature':         { may: [],                     left: false },
  'key-transport':     { may: [],                     left: false },
};

const ABILITIES: readonly Ability[] = ['ENCRYPT', 'DECRYPT', 'SIGN', 'WRAP', 'UNWRAP'];
/** Bytes of a key wrapped by RFC 3394: its own and one block of eight. */
const WRAP_BYTES = 8;
const HASH_BYTES = 32;
const CMAC_BYTES = 16;

/** Algorithms of the vault that PKCS#11 has. */
type TokenAlgorithm = Exclude<KeyAlgorithm, 'sm4' | PrivateKeyAlgorithm>;

/** @throws KEY_BAD PKCS#11 has no SM4, and this adapter no private keys */
export function tokenAlgorithm({ name, algorithm }: KeySpec): TokenAlgorithm {
  if (algorithm === 'sm4')
    throw new PosError('KEY_BAD', `${name}: PKCS#11 has no SM4: such keys need the vault in software`);
  if (isPrivateKeyAlgorithm(algorithm))
    throw new PosError('KEY_BAD', `${name}: private keys need the vault in software`);
  return algorithm;
}

/** Whether single DES under the left half is computed for this key. */
export function needsLeftHalf({ use, algorithm }: Pick<KeySpec, 'use' | 'algorithm'>): boolean {
  return USES[use].left && algorithm === '3des';
}

/** Drafts, copies and check values of keys in one token. */
export class KeyObjects {
  readonly #token: Token;

  constructor(token: Token) {
    this.#token = token;
  }

  /** A draft of given bytes. @param extractable it is going to be wrapped */
  draftOf(algorithm: TokenAlgorithm, bytes: Buffer, extractable = false): TokenObject {
    const { ck } = this.#token;
    const value = algorithm === 'des' ? Buffer.concat([bytes, bytes]) : bytes;
    try {
      return this.#token.create([...this.#draft(algorithm, extractable), { type: ck.CKA_VALUE, value }]);
    } finally {
      if (value !== bytes) value.fill(0);
    }
  }

  /** A draft of single DES under the left half of a double-length key. */
  draftOfLeft(bytes: Buffer, extractable = false): TokenObject {
    return this.draftOf('des', bytes.subarray(0, bytes.length / 2), extractable);
  }

  /** A draft that the token makes: nobody has seen its bytes. */
  draftGenerated(algorithm: TokenAlgorithm): TokenObject {
    const { ck } = this.#token;
    ensure(algorithm !== 'des', 'single DES keys are working keys, which come with their bytes');
    const template = this.#draft(algorithm, false);
    const length: Attribute = { type: ck.CKA_VALUE_LEN, value: HASH_BYTES };
    if (algorithm === '3des') return this.#token.generate({ mechanism: ck.CKM_DES2_KEY_GEN }, template);
    const mechanism = algorithm === 'aes-256' ? ck.CKM_AES_KEY_GEN : ck.CKM_GENERIC_SECRET_KEY_GEN;
    return this.#token.generate({ mechanism }, [...template, length]);
  }

  /** The named key that serves, and the end of its draft, which was not extractable: a token takes that once. */
  settle(draft: TokenObject, use: KeyUse, name: string, id: string): TokenObject {
    const { ck } = this.#token;
    const template = [
      { type: ck.CKA_TOKEN, value: true },
      { type: ck.CKA_LABEL, value: Buffer.from(name, 'latin1') },
      { type: ck.CKA_ID, value: Buffer.from(id, 'latin1') },
      ...this.#limits(USES[use].may),
    ];
    const settled = this.#token.copy(draft, template, () => this.#findById(id));
    this.#token.destroy(draft);
    return this.recalledById(settled, id);
  }

  /** A named key is found again by what stands in its CKA_ID, which no two keys share. */
  recalledById(object: TokenObject, id: string): TokenObject {
    object.recall = () => {
      const found = this.#findById(id);
      if (found === undefined) throw foreignHandle();
      return found;
    };
    return object;
  }

  #findById(id: string): TokenObject | undefined {
    const { ck } = this.#token;
    const [found] = this.#token.find([
      { type: ck.CKA_CLASS, value: ck.CKO_SECRET_KEY },
      { type: ck.CKA_ID, value: Buffer.from(id, 'latin1') },
    ]);
    return found;
  }

  /** A key of the vault's own, which no use of the interface reaches. */
  makeOwn(label: string, algorithm: 'aes-256' | 'hmac-sha-256', may: readonly Ability[]): TokenObject {
    const { ck } = this.#token;
    const aes = algorithm === 'aes-256';
    const mechanism = aes ? ck.CKM_AES_KEY_GEN : ck.CKM_GENERIC_SECRET_KEY_GEN;
    const template = [
      ...this.#kind(algorithm),
      { type: ck.CKA_VALUE_LEN, value: HASH_BYTES },
      { type: ck.CKA_TOKEN, value: true },
      { type: ck.CKA_EXTRACTABLE, value: false },
      { type: ck.CKA_LABEL, value: label },
      ...this.#limits(may),
    ];
    return this.#token.generate({ mechanism }, template, () => this.findOwn(label));
  }

  findOwn(label: string): TokenObject | undefined {
    const { ck } = this.#token;
    const [found] = this.#token.find([
      { type: ck.CKA_CLASS, value: ck.CKO_SECRET_KEY },
      { type: ck.CKA_LABEL, value: label },
    ]);
    return found;
  }

  wrap(master: TokenObject, draft: TokenObject, keyBytes: number): Buffer {
    return this.#token.wrap(this.#keyWrap(), master, draft, keyBytes + WRAP_BYTES);
  }

  /** A working key for this session, straight into the token. */
  unwrap(master: TokenObject, wrapped: Buffer, use: KeyUse): TokenObject {
    const { ck } = this.#token;
    const again = () => this.unwrap(master, wrapped, use);
    const object = this.#token.unwrap(this.#keyWrap(), master, wrapped, [
      ...this.#kind('3des'),
      { type: ck.CKA_TOKEN, value: false },
      { type: ck.CKA_EXTRACTABLE, value: false },
      ...this.#limits(USES[use].may),
    ]);
    // It goes with its session, and its wrapped form opens again.
    object.recall = again;
    return object;
  }

  /** Three bytes to show, six upper-case hex digits; `object` may encrypt or sign. */
  checkValueOf(algorithm: TokenAlgorithm, object: TokenObject): string {
    if (algorithm === 'des' || algorithm === '3des')
      return toHex(checkValue(this.cipherOf(algorithm, { whole: object, left: null })));
    return toHex(this.#macOver(algorithm, object, Buffer.alloc(16)).subarray(0, 3));
  }

  /**
   * What equal keys have in common: a block that is no check value, MACed under a key of the vault.
   *
   * @param printKey HMAC key in the token
   * @returns 32 upper-case hex digits
   */
  printOf(algorithm: TokenAlgorithm, draft: TokenObject, printKey: TokenObject): string {
    const probe = Buffer.alloc(16, 0xa5);
    probe[0] = 0x5a;
    const isDes = algorithm === 'des' || algorithm === '3des';
    const mark = isDes
      ? this.cipherOf(algorithm, { whole: draft, left: null }).encrypt(probe)
      : this.#macOver(algorithm, draft, probe);
    const family = Buffer.from(`${algorithm}\0`, 'ascii');
    return toHex(this.hmac(printKey, Buffer.concat([family, mark])).subarray(0, 16));
  }

  cipherOf(algorithm: 'des' | '3des', objects: TokenObjects): TokenCipher {
    return new TokenCipher(this.#token, algorithm, () => objects);
  }

  hmac(key: TokenObject, data: Buffer): Buffer {
    return this.#token.sign({ mechanism: this.#token.ck.CKM_SHA256_HMAC }, key, data, HASH_BYTES);
  }

  #macOver(algorithm: 'aes-256' | 'hmac-sha-256', key: TokenObject, data: Buffer): Buffer {
    if (algorithm === 'hmac-sha-256') return this.hmac(key, data);
    return this.#token.sign({ mechanism: this.#token.ck.CKM_AES_CMAC }, key, data, CMAC_BYTES);
  }

  #keyWrap() {
    return { mechanism: this.#token.ck.CKM_AES_KEY_WRAP };
  }

  #draft(algorithm: TokenAlgorithm, extractable: boolean): Template {
    const { ck } = this.#token;
    const isDes = algorithm === 'des' || algorithm === '3des';
    const may: readonly Ability[] =
      algorithm === 'hmac-sha-256'
        ? ['SIGN']
        : isDes
          ? ['ENCRYPT', 'DECRYPT']
          : ['ENCRYPT', 'DECRYPT', 'SIGN'];
    return [
      ...this.#kind(algorithm),
      { type: ck.CKA_TOKEN, value: false },
      { type: ck.CKA_EXTRACTABLE, value: extractable },
      ...this.#abilities(may),
    ];
  }

  #kind(algorithm: TokenAlgorithm): Template {
    const { ck } = this.#token;
    const types = { des: ck.CKK_DES2, '3des': ck.CKK_DES2, 'aes-256': ck.CKK_AES } as const;
    const type = algorithm === 'hmac-sha-256' ? ck.CKK_GENERIC_SECRET : types[algorithm];
    return [
      { type: ck.CKA_CLASS, value: ck.CKO_SECRET_KEY },
      { type: ck.CKA_KEY_TYPE, value: type },
      { type: ck.CKA_PRIVATE, value: true },
      { type: ck.CKA_SENSITIVE, value: true },
    ];
  }

  #limits(may: readonly Ability[]): Template {
    const { ck } = this.#token;
    // The last: SoftHSM takes a copy's attributes in turn, and none after this one.
    return [...this.#abilities(may), { type: ck.CKA_MODIFIABLE, value: false }];
  }

  #abilities(may: readonly Ability[]): Template {
    const { ck } = this.#token;
    return ABILITIES.map((ability) => ({ type: ck[`CKA_${ability}`], value: may.includes(ability) }));
  }
}
