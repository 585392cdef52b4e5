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
import { codeAt, PosError } from '../../protocol/index.ts';

const LEAF = 0x00;
const LINK = 0x02;
const GENESIS = '\u0003';
const HASH_BYTES = 32;

/** The most that one UTF-16 unit takes in UTF-8. */
const UNIT_BYTES = 3;
/** Where a body is laid to be hashed: nearly all have room here. */
const LAID = Buffer.alloc(16_384);

/** RFC 6962 leaf hash of a record. @param body canonical JSON; hashed as UTF-8 */
export function leafHash(body: string): string {
  const most = 1 + UNIT_BYTES * body.length;
  const leaf = most > LAID.length ? Buffer.allocUnsafe(most) : LAID;
  leaf[0] = LEAF;
  // As bytes: a text of the marking byte and the body would be another text, and a body that was put together of many
  // would be copied into one piece twice, here and where it is stored.
  return hash('sha256', leaf.subarray(0, 1 + leaf.write(body, 1)), 'hex');
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
  try {
    // Whoever builds a record in order has it written by the engine at once, many times faster than piece by piece.
    const text = isInOrder(value) ? JSON.stringify(value) : null;
    // The engine writes half a surrogate pair as an escape; in a text that may hold one, each is looked at.
    return text === null || text.includes('\\ud') ? written(value) : text;
  } catch (error) {
    // The place is looked for only when something is wrong: it would be made for every value otherwise.
    if (!(error instanceof NotCanonical)) throw error;
    throw new PosError('INVARIANT', `${error.detail} at $${placeOf(value)}`);
  }
}

/**
 * Whether JSON.stringify writes it canonically as it stands: every object's keys in order, nothing that cannot be
 * written. Anything doubtful is not: `written` then says what is wrong.
 */
function isInOrder(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isSafeInteger(value);
    case 'object':
      if (value === null) return true;
      return Array.isArray(value) ? isListInOrder(value) : isObjectInOrder(value);
    default:
      return false;
  }
}

function isListInOrder(values: readonly unknown[]): boolean {
  for (let at = 0; at < values.length; at += 1) if (!isInOrder(values[at])) return false;
  return true;
}

function isObjectInOrder(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  let before = '';
  for (const key in value) {
    if (key < before || !Object.hasOwn(value, key)) return false;
    if (!isInOrder((value as Readonly<Record<string, unknown>>)[key])) return false;
    before = key;
  }
  return true;
}

class NotCanonical extends PosError {
  constructor(what: string) {
    super('INVARIANT', `a journal record cannot hold ${what}`);
  }
}

function written(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return textJson(value);
    case 'number':
      return wholeJson(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? writtenArray(value) : writtenObject(value);
    default:
      throw new NotCanonical(`a ${typeof value}`);
  }
}

/** A whole number in canonical JSON. @throws INVARIANT for a fraction or an unsafe integer */
export function wholeJson(count: number): string {
  if (!Number.isSafeInteger(count)) throw new NotCanonical('a number that is not a safe integer');
  return String(count === 0 ? 0 : count);
}

/** Up here: in the text of a function the bundle makes it anew at every call. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A text in canonical JSON, quotation marks included. @throws INVARIANT for half a surrogate pair */
export function textJson(text: string): string {
  return `"${innerJson(text)}"`;
}

/** As `textJson`. */
export function textOrNullJson(text: string | null): string {
  return text === null ? 'null' : textJson(text);
}

/** As `textJson`, without its quotation marks: most texts are written as they are, and nothing is made for them. */
export function innerJson(text: string): string {
  if (isPlain(text)) return text;
  // Half of a surrogate pair has no UTF-8 form: two different texts would hash alike.
  if (LONE_SURROGATE.test(text)) throw new NotCanonical('a text with half a surrogate pair');
  return JSON.stringify(text).slice(1, -1);
}

/** ASCII without control characters, quotation mark and backslash: nothing to escape, no surrogate. */
function isPlain(text: string): boolean {
  const { length } = text;
  for (let at = 0; at < length; at += 1) {
    const unit = codeAt(text, at);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return false;
  }
  return true;
}

function writtenArray(values: readonly unknown[]): string {
  let text = '';
  for (let at = 0; at < values.length; at += 1) text += (at === 0 ? '' : ',') + written(values[at]);
  return `[${text}]`;
}

function writtenObject(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new NotCanonical('not a plain object');
  let text = '';
  for (const key of sortedKeys(value)) {
    const item = (value as Readonly<Record<string, unknown>>)[key];
    if (item === undefined) continue;
    text += `${text === '' ? '' : ','}${textJson(key)}:${written(item)}`;
  }
  return `{${text}}`;
}

/** Own enumerable properties only, so nothing inherited gets into a record. */
function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value);
  for (let at = 1; at < keys.length; at += 1) {
    // Without a function of its own, sort() compares UTF-16 code units, as `<` does.
    if ((keys[at] as string) < (keys[at - 1] as string)) return keys.sort();
  }
  return keys;
}

/** Where in the value the first thing stands that cannot be written, from its top: `.money.lots[0]`. */
function placeOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const isList = Array.isArray(value);
  const keys = isList ? [...value.keys()].map(String) : sortedKeys(value);
  for (const key of keys) {
    const item = (value as Readonly<Record<string, unknown>>)[key];
    if (!isList && item === undefined) continue;
    if (canBeWritten(key) && canBeWritten(item)) continue;
    return canBeWritten(key) ? `${isList ? `[${key}]` : `.${key}`}${placeOf(item)}` : '';
  }
  return '';
}

function canBeWritten(value: unknown): boolean {
  try {
    written(value);
    return true;
  } catch {
    return false;
  }
}
