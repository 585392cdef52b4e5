/**
 * How a key of the vault says in the header of its key block what it is, and back. The header is bound by
 * the block's MAC, so what is read here is what was written.
 */
import { PosError } from '../../protocol/index.ts';
import type { KeyBlockHeader } from '../key-block/header.ts';
import { isPrivateKeyAlgorithm } from '../material/private-key.ts';
import type { KeyAlgorithm, KeyLife, KeySpec, KeyUse, NewKey } from './vault.ts';

/**
 * Usage and mode by use, and the algorithms that a key of it may have. `M3` says X9.19; UnionPay's MAC has no
 * code in the standard and shares it. `V0`, because one key serves IBM 3624 and PVV.
 */
// biome-ignore format: a table is read by column
const USES = {
  'tmk':               { usage: 'K0', mode: 'B', algorithms: ['3des', 'sm4'] },
  'zmk':               { usage: 'K1', mode: 'B', algorithms: ['3des', 'aes-256'] },
  'pin':               { usage: 'P0', mode: 'B', algorithms: ['3des', 'sm4'] },
  'mac':               { usage: 'M3', mode: 'C', algorithms: ['des', '3des', 'sm4'] },
  'track':             { usage: 'D0', mode: 'B', algorithms: ['3des', 'sm4'] },
  'pin-verification':  { usage: 'V0', mode: 'C', algorithms: ['3des'] },
  'card-verification': { usage: 'C0', mode: 'C', algorithms: ['3des'] },
  'lookup':            { usage: 'M7', mode: 'C', algorithms: ['hmac-sha-256'] },
  'data':              { usage: 'D3', mode: 'B', algorithms: ['aes-256'] },
  'authority':         { usage: 'S1', mode: 'S', algorithms: ['ec-p256'] },
  'signature':         { usage: 'S0', mode: 'S', algorithms: ['ec-p256'] },
  'key-transport':     { usage: 'K2', mode: 'D', algorithms: ['rsa-2048'] },
} as const satisfies Record<KeyUse, { usage: string; mode: string; algorithms: readonly KeyAlgorithm[] }>;

/** Letters of the standard; it has none for SM4, so a digit, which is proprietary. */
// biome-ignore format: a table is read by column
const LETTERS = { 'des': 'D', '3des': 'T', 'sm4': '4', 'aes-256': 'A', 'hmac-sha-256': 'H', 'ec-p256': 'E', 'rsa-2048': 'R' } as const satisfies Record<KeyAlgorithm, string>;

/** Optional blocks: those of the standard, and our own, which begin with a digit. */
const LABEL = 'LB';
const CREATED = 'TS';
const CHECK_VALUE = 'KC';
const HMAC_HASH = 'HM';
const OWNER = '10';
const ACTIVATED = '11';
const RETIRED = '12';
const CRYPTOPERIOD = '13';
const SHA_256 = '21';
/** Which check value the hexadecimal digits behind it are. */
const KC_LEGACY = '00';
const KC_CMAC = '01';
/** The place `key context`: this block is for storage, and no other party's. */
const STORAGE = '1';

/** A key as its block at rest describes it. */
export interface RestingKey {
  readonly spec: KeySpec;
  /** Null: a working key, which lives until the next sign-in. */
  readonly life: KeyLife | null;
  readonly exportable: boolean;
}

/** Every use there is, in the order of the table. */
export const KEY_USES = Object.keys(USES) as readonly KeyUse[];

/** @throws KEY_BAD the name has not 1 to 64 visible ASCII characters, or the use has no such algorithm */
export function checkSpec({ name, use, algorithm }: KeySpec): void {
  if (!/^[!-~]{1,64}$/.test(name))
    throw new PosError('KEY_BAD', 'a key name has 1 to 64 visible ASCII characters');
  const allowed: readonly KeyAlgorithm[] = USES[use].algorithms;
  if (!allowed.includes(algorithm))
    throw new PosError('KEY_BAD', `${name}: a ${use} key is ${allowed.join(' or ')}, not ${algorithm}`);
}

/** @throws KEY_BAD */
export function checkOwner({ name, owner = '', cryptoperiodDays }: NewKey): void {
  if (!/^[ -~]{0,64}$/.test(owner))
    throw new PosError('KEY_BAD', `${name}: its owner has at most 64 printable ASCII characters`);
  const days = cryptoperiodDays ?? 1;
  if (!Number.isInteger(days) || days < 1 || days > 9999)
    throw new PosError('KEY_BAD', `${name}: its cryptoperiod is 1 to 9999 days`);
}

/** The life of a key that is made now, in milliseconds since 1970. */
export function newLife({ owner = '', inactive = false, cryptoperiodDays }: NewKey, now: number): KeyLife {
  return {
    owner,
    created: now,
    activated: inactive ? null : now,
    retired: null,
    cryptoperiodDays: cryptoperiodDays ?? null,
  };
}

/** Header of the block in which a key rests under the master key, version D. */
export function restingHeader(key: RestingKey, checkValue: string): KeyBlockHeader {
  const { spec, life, exportable } = key;
  const optional = [{ id: LABEL, data: spec.name }];
  if (life !== null) {
    const add = (id: string, data: string) => void optional.push({ id, data });
    // The standard names no check value for HMAC, nor for private keys.
    if (spec.algorithm === 'hmac-sha-256') add(HMAC_HASH, SHA_256);
    else if (!isPrivateKeyAlgorithm(spec.algorithm))
      add(CHECK_VALUE, (spec.algorithm === 'aes-256' ? KC_CMAC : KC_LEGACY) + checkValue);
    add(CREATED, instantText(life.created));
    add(OWNER, life.owner);
    if (life.activated !== null) add(ACTIVATED, instantText(life.activated));
    if (life.retired !== null) add(RETIRED, instantText(life.retired));
    if (life.cryptoperiodDays !== null) add(CRYPTOPERIOD, String(life.cryptoperiodDays));
  }
  return {
    version: 'D',
    ...headerPlaces(spec),
    exportability: exportable ? 'E' : 'N',
    keyContext: STORAGE,
    optional,
  };
}

/** The places that say what a key is for; the rest of a header says where it is. */
export function headerPlaces({ use, algorithm }: Pick<KeySpec, 'use' | 'algorithm'>) {
  const { usage, mode } = USES[use];
  return { usage, mode, algorithm: LETTERS[algorithm], keyVersion: '00' };
}

/**
 * What the header of a block at rest says. Call it with what came out of the block, after its MAC was compared.
 *
 * @throws KEY_BLOCK_BAD it is no block at rest, or says what no program of ours writes
 */
export function readRestingHeader(header: KeyBlockHeader): RestingKey {
  const { optional } = header;
  const value = (id: string) => optional.find((block) => block.id === id)?.data;
  const name = value(LABEL);
  if (header.version !== 'D' || header.keyContext !== STORAGE || name === undefined)
    throw foreign('it is no block of a key at rest');
  const spec = { name, ...usedFor(header) };
  const created = value(CREATED);
  const exportable = header.exportability === 'E';
  if (created === undefined) return { spec, life: null, exportable };
  const instant = (text: string | undefined) => (text === undefined ? null : readInstant(text));
  const days = value(CRYPTOPERIOD);
  const life = {
    owner: value(OWNER) ?? '',
    created: readInstant(created),
    activated: instant(value(ACTIVATED)),
    retired: instant(value(RETIRED)),
    cryptoperiodDays: days === undefined ? null : Number(days),
  };
  return { spec, life, exportable };
}

/**
 * The use that usage, mode and algorithm of a header name.
 *
 * @throws KEY_BLOCK_BAD none of ours
 */
export function usedFor({ usage, mode, algorithm }: KeyBlockHeader): Pick<KeySpec, 'use' | 'algorithm'> {
  for (const use of KEY_USES) {
    const row = USES[use];
    const own = row.algorithms.find((one) => LETTERS[one] === algorithm);
    if (row.usage === usage && row.mode === mode && own !== undefined) return { use, algorithm: own };
  }
  throw foreign(`usage ${usage}, mode ${mode} and algorithm ${algorithm} are no use of this vault`);
}

/** UTC, to the millisecond: `2026-11-22T08:00:00.000Z`. */
export function instantText(ms: number): string {
  return new Date(ms).toISOString();
}

function readInstant(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw foreign('a time in it is no time');
  return ms;
}

function foreign(why: string): PosError {
  return new PosError('KEY_BLOCK_BAD', `key block header: ${why}`);
}
