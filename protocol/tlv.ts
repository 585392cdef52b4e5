import { PosError } from './errors.ts';

/**
 * BER-TLV as chip cards use it (EMV Book 3, annex B): DE55. Tags of one to four bytes, lengths of up to
 * 65,535 in the definite form.
 */
export interface TlvItem {
  /** Upper-case hex, the whole tag: `9F26`. */
  readonly tag: string;
  /** Upper-case hex. Of a constructed tag, the items inside, not yet taken apart. */
  readonly value: string;
}

const TAG_BYTES_MAX = 4;
const LENGTH_MAX = 0xffff;

/** A tag whose first byte has this bit holds items again. */
export function isConstructed(tag: string): boolean {
  return (Number.parseInt(tag.slice(0, 2), 16) & 0x20) !== 0;
}

/**
 * Reads items one after the other; padding bytes 00 between them are skipped (EMV Book 3, B1).
 *
 * @param hex DE55, or the value of a constructed tag
 * Throws TLV_BAD with the offset in bytes: data that ends early, an indefinite or oversized length.
 */
export function parseTlv(hex: string): readonly TlvItem[] {
  const bytes = bytesOf(hex);
  const items: TlvItem[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] === 0x00) {
      at += 1;
      continue;
    }
    const lengthAt = endOfTag(bytes, at);
    const { length, valueAt } = readLength(bytes, lengthAt);
    const end = valueAt + length;
    if (end > bytes.length) throw bad(`${length} bytes announced, ${bytes.length - valueAt} left`, lengthAt);
    const text = (from: number, to: number) => bytes.toString('hex', from, to).toUpperCase();
    items.push({ tag: text(at, lengthAt), value: text(valueAt, end) });
    at = end;
  }
  return items;
}

/** Writes items in the shortest form. Throws TLV_BAD for a tag or value that cannot be written. */
export function buildTlv(items: Iterable<TlvItem>): string {
  let hex = '';
  for (const { tag, value } of items) {
    const tagBytes = bytesOf(tag);
    if (tagBytes.length === 0 || tagBytes[0] === 0 || endOfTag(tagBytes, 0) !== tagBytes.length) {
      throw bad(`${JSON.stringify(tag)} is no tag`, 0);
    }
    const length = bytesOf(value).length;
    hex += (tag + lengthHex(length) + value).toUpperCase();
  }
  return hex;
}

/** The byte behind the tag that begins at `at`. */
function endOfTag(bytes: Buffer, at: number): number {
  let end = at + 1;
  if (((bytes[at] ?? 0) & 0x1f) !== 0x1f) return end;
  for (; end < at + TAG_BYTES_MAX; end += 1) {
    const byte = bytes[end];
    if (byte === undefined) throw bad('the data ends within a tag', at);
    if ((byte & 0x80) === 0) return end + 1;
  }
  throw bad(`a tag of more than ${TAG_BYTES_MAX} bytes`, at);
}

function readLength(bytes: Buffer, at: number): { length: number; valueAt: number } {
  const first = bytes[at];
  if (first === undefined) throw bad('the data ends before a length', at);
  if (first < 0x80) return { length: first, valueAt: at + 1 };
  const size = first & 0x7f;
  if (size === 0) throw bad('an indefinite length', at);
  if (size > 2) throw bad(`a length of ${size} bytes`, at);
  if (at + 1 + size > bytes.length) throw bad('the data ends within a length', at);
  return { length: bytes.readUIntBE(at + 1, size), valueAt: at + 1 + size };
}

function lengthHex(length: number): string {
  if (length > LENGTH_MAX) throw bad(`a value of ${length} bytes`, 0);
  const hex = length.toString(16);
  if (length < 0x80) return hex.padStart(2, '0');
  return length <= 0xff ? `81${hex.padStart(2, '0')}` : `82${hex.padStart(4, '0')}`;
}

function bytesOf(hex: string): Buffer {
  if (!/^(?:[\dA-F]{2})*$/i.test(hex)) throw bad('not hexadecimal, two digits a byte', 0);
  return Buffer.from(hex, 'hex');
}

function bad(what: string, offset: number): PosError {
  return new PosError('TLV_BAD', `${what}, at byte ${offset} of the data`, { offset });
}
