/**
 * The bytes and hashes of the audit journal.
 *
 * A record is canonical JSON. Its leaf hash is that of RFC 6962 (and RFC 9162) section 2.1, so that the
 * same leaves can later carry a Merkle tree; the chain runs over the leaf hashes:
 *
 *   leaf    = SHA-256(00 ‖ body)                     RFC 6962: 00 marks a leaf, 01 is kept for tree nodes
 *   head(0) = SHA-256(03 ‖ stream name, UTF-8)       a stream's head before its first record
 *   head(n) = SHA-256(02 ‖ head(n−1) ‖ leaf(n))      32 raw bytes each, 65 bytes in all
 *
 * The first byte separates the four uses: no record, tree node or stream name can be passed off as
 * another one's input. Hashes are 64 lower-case hexadecimal digits.
 */
import { hash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';

const LEAF = '\u0000';
const LINK = 0x02;
const GENESIS = '\u0003';
const HASH_BYTES = 32;

/** RFC 6962 leaf hash of a record. @param body canonical JSON; hashed as UTF-8 */
export function leafHash(body: string): string {
  return hash('sha256', LEAF + body, 'hex');
}

/** The chain head after one more record. Both arguments and the result are 64 hex digits. */
export function chainHead(head: string, leaf: string): string {
  const link = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  link[0] = LINK;
  const written = link.write(head, 1, 'hex') + link.write(leaf, 1 + HASH_BYTES, 'hex');
  if (written !== 2 * HASH_BYTES)
    throw new PosError('INVARIANT', 'a chain head and a leaf are 64 hex digits each');
  return hash('sha256', link, 'hex');
}

/** The head of a stream before its first record. @param stream one name a process, for example `host-1` */
export function genesisHead(stream: string): string {
  return hash('sha256', GENESIS + stream, 'hex');
}

/**
 * JSON that has one spelling only: keys sorted by UTF-16 code units (as RFC 8785), no white space,
 * whole numbers only. A property that is undefined is left out.
 *
 * @throws INVARIANT for a fraction, an unsafe integer, a lone surrogate, or what JSON cannot say; the
 *   detail names the place, never the value
 */
export function canonicalJson(value: unknown): string {
  return written(value, '$');
}

function written(value: unknown, place: string): string {
  switch (typeof value) {
    case 'string':
      if (!isWellFormed(value)) throw notCanonical(place, 'a text with half a surrogate pair');
      return JSON.stringify(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw notCanonical(place, 'a number that is not a safe integer');
      return String(value === 0 ? 0 : value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? writtenArray(value, place) : writtenObject(value, place);
    default:
      throw notCanonical(place, `a ${typeof value}`);
  }
}

function writtenArray(values: readonly unknown[], place: string): string {
  return `[${values.map((value, index) => written(value, `${place}[${index}]`)).join(',')}]`;
}

function writtenObject(value: object, place: string): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notCanonical(place, 'not a plain object');
  let text = '';
  // Object.entries sees own enumerable properties only, so nothing inherited gets into a record.
  for (const [key, item] of Object.entries(value).sort(byKey)) {
    if (item === undefined) continue;
    text += `${text === '' ? '' : ','}${written(key, place)}:${written(item, `${place}.${key}`)}`;
  }
  return `{${text}}`;
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** Half of a surrogate pair has no UTF-8 form: two different texts would hash alike. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function notCanonical(place: string, what: string): PosError {
  return new PosError('INVARIANT', `a journal record cannot hold ${what} at ${place}`);
}
