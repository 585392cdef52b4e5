/**
 * Named keys as objects of the token: CKA_LABEL is the name, CKA_ID what the key is for and how it lived, as
 * the header of a key block says it. A left half stands beside its key, with `left ` before the same header.
 */
import { ensure, PosError } from '../../protocol/index.ts';
import { formatKeyBlockHeader, parseKeyBlockHeader } from '../key-block/header.ts';
import { VaultKeyHandle } from '../vault/key-handle.ts';
import { type RestingKey, readRestingHeader, restingHeader } from '../vault/key-header.ts';
import type { KeyHandle, KeyLife, KeySpec } from '../vault/vault.ts';
import { type KeyObjects, needsLeftHalf, tokenAlgorithm } from './key-objects.ts';
import type { Template, Token, TokenObject } from './token.ts';
import type { TokenObjects } from './token-cipher.ts';

/** Ours, and the left half of one of ours. */
const OURS = /^(left |)(D[0-9]{4}.*)$/;
const LEFT = 'left ';
/** Optional blocks: the check value, and two of our own beside those of key-header.ts. */
const CHECK_VALUE = 'KC';
const PRINT = '14';
const TEST_KEY = '15';

export interface NamedKey {
  readonly handle: KeyHandle;
  readonly life: KeyLife;
  readonly objects: TokenObjects;
  /** What equal keys have in common. */
  readonly print: string;
  /** It was taken in test mode only. */
  readonly isTestKey: boolean;
}

/** A key that is to rest in the token, as drafts. */
export interface KeyDrafts {
  readonly spec: KeySpec;
  readonly life: KeyLife;
  readonly exportable: boolean;
  readonly whole: TokenObject;
  readonly left: TokenObject | null;
  readonly print: string;
  readonly isTestKey: boolean;
}

export class NamedKeys {
  readonly #token: Token;
  readonly #objects: KeyObjects;

  constructor(token: Token, objects: KeyObjects) {
    this.#token = token;
    this.#objects = objects;
  }

  /** @throws KEY_BLOCK_BAD a key of ours whose header no program of ours writes */
  all(): readonly NamedKey[] {
    return this.#read([]);
  }

  /** Also one that another process has made meanwhile. */
  find(name: string): NamedKey | undefined {
    const [found] = this.#read([{ type: this.#token.ck.CKA_LABEL, value: Buffer.from(name, 'latin1') }]);
    return found;
  }

  /** The drafts' end. The left half comes first: a key that is found is whole. */
  add(drafts: KeyDrafts): NamedKey {
    const { spec, life, exportable, print, isTestKey } = drafts;
    const checkValue = this.#objects.checkValueOf(tokenAlgorithm(spec), drafts.whole);
    const id = headerOf({ spec, life, exportable }, checkValue, print, isTestKey);
    const settle = (draft: TokenObject, before: string) =>
      this.#objects.settle(draft, spec.use, spec.name, before + id);
    const left = drafts.left === null ? null : settle(drafts.left, LEFT);
    const whole = settle(drafts.whole, '');
    const handle = new VaultKeyHandle(spec, checkValue);
    return { handle, life, objects: { whole, left }, print, isTestKey };
  }

  destroy({ objects: { whole, left } }: NamedKey): void {
    this.#token.destroy(whole);
    if (left !== null) this.#token.destroy(left);
  }

  #read(template: Template): readonly NamedKey[] {
    const { ck } = this.#token;
    const lefts = new Map<string, TokenObject>();
    const wholes: { readonly id: string; readonly object: TokenObject }[] = [];
    for (const object of this.#token.find([{ type: ck.CKA_CLASS, value: ck.CKO_SECRET_KEY }, ...template])) {
      const match = OURS.exec(this.#token.attribute(object, ck.CKA_ID).toString('latin1'));
      if (match === null) continue;
      const [, before = '', id = ''] = match;
      this.#objects.recalledById(object, before + id);
      if (before === LEFT) lefts.set(id, object);
      else wholes.push({ id, object });
    }
    return wholes.map(({ id, object }) => this.#named(id, object, lefts.get(id) ?? null));
  }

  #named(id: string, whole: TokenObject, left: TokenObject | null): NamedKey {
    const { header } = parseKeyBlockHeader(id);
    const { spec, life } = readRestingHeader(header);
    const value = (block: string) => header.optional.find((one) => one.id === block)?.data;
    if (life === null || (left === null && needsLeftHalf(spec)))
      throw new PosError('KEY_BLOCK_BAD', `token: key ${spec.name} is not whole: destroy it there`);
    // The check value of the block has two digits before it that say which kind it is.
    const told = value(CHECK_VALUE)?.slice(2);
    const handle = new VaultKeyHandle(spec, told ?? this.#objects.checkValueOf(tokenAlgorithm(spec), whole));
    const isTestKey = value(TEST_KEY) !== undefined;
    return { handle, life, objects: { whole, left }, print: value(PRINT) ?? '', isTestKey };
  }
}

function headerOf(key: RestingKey, checkValue: string, print: string, isTestKey: boolean): string {
  const { optional, ...header } = restingHeader(key, checkValue);
  ensure(key.life !== null, 'a named key has a life');
  const more = [{ id: PRINT, data: print }, ...(isTestKey ? [{ id: TEST_KEY, data: 'T' }] : [])];
  return formatKeyBlockHeader({ ...header, optional: [...optional, ...more] }, (characters) => characters);
}
