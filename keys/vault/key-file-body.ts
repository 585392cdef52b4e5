/**
 * What the sealed key file holds, in binary: secrets never become strings, which nobody can wipe.
 *
 * `ZKB1` ‖ local master key (32) ‖ count (2, big endian) ‖ per key: name, use, algorithm, bytes, each
 * preceded by one byte of its length.
 */
import { PosError } from '../../protocol/index.ts';
import { KEY_BYTES } from '../material/key-quality.ts';
import type { KeyAlgorithm, KeySpec, KeyUse } from './vault.ts';

const MAGIC = Buffer.from('ZKB1', 'ascii');
export const MASTER_KEY_BYTES = 32;

export interface StoredKey extends KeySpec {
  readonly bytes: Buffer;
}

/** The caller wipes what it gave and what it gets. */
export function encodeBody(masterKey: Buffer, keys: readonly StoredKey[]): Buffer {
  const parts = keys.flatMap(({ name, use, algorithm, bytes }) => [
    ...[name, use, algorithm].map((text) => Buffer.from(text, 'utf8')),
    bytes,
  ]);
  const size = parts.reduce((sum, part) => sum + 1 + part.length, MAGIC.length + MASTER_KEY_BYTES + 2);
  const out = Buffer.alloc(size);
  let at = MAGIC.copy(out, 0);
  at += masterKey.copy(out, at);
  at = out.writeUInt16BE(keys.length, at);
  for (const part of parts) {
    at = out.writeUInt8(part.length, at);
    at += part.copy(out, at);
  }
  return out;
}

/** @throws KEY_FILE the content is not ours, although its seal was right: another program's version */
export function decodeBody(body: Buffer): {
  readonly masterKey: Buffer;
  readonly keys: readonly StoredKey[];
} {
  let at = MAGIC.length + MASTER_KEY_BYTES + 2;
  if (body.length < at || !body.subarray(0, MAGIC.length).equals(MAGIC)) throw foreign();
  const masterKey = Buffer.alloc(MASTER_KEY_BYTES);
  body.copy(masterKey, 0, MAGIC.length);
  const keys: StoredKey[] = [];
  const part = (): Buffer => {
    const end = at + 1 + (body[at] ?? Number.POSITIVE_INFINITY);
    if (end > body.length) throw foreign();
    const bytes = body.subarray(at + 1, end);
    at = end;
    return bytes;
  };
  for (let left = body.readUInt16BE(at - 2); left > 0; left -= 1) {
    const [name, use, algorithm] = [part().toString(), part().toString(), part().toString()];
    if (!isUse(use) || !isAlgorithm(algorithm)) throw foreign();
    const stored = part();
    const bytes = Buffer.alloc(stored.length);
    stored.copy(bytes);
    keys.push({ name, use, algorithm, bytes });
  }
  if (at !== body.length) throw foreign();
  return { masterKey, keys };
}

/** Which algorithms a key of each use may have. */
// biome-ignore format: a table is read by column
export const USE_ALGORITHMS = {
  'tmk':               ['3des', 'sm4'],
  'pin':               ['3des', 'sm4'],
  'mac':               ['des', '3des', 'sm4'],
  'track':             ['3des', 'sm4'],
  'pin-verification':  ['3des'],
  'card-verification': ['3des'],
  'lookup':            ['hmac-sha-256'],
  'data':              ['aes-256'],
} as const satisfies Record<KeyUse, readonly KeyAlgorithm[]>;

export function isUse(text: string): text is KeyUse {
  return Object.hasOwn(USE_ALGORITHMS, text);
}

export function isAlgorithm(text: string): text is KeyAlgorithm {
  return Object.hasOwn(KEY_BYTES, text);
}

function foreign(): PosError {
  return new PosError('KEY_FILE', 'key file: another version of the program wrote its content');
}
