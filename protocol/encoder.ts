import { PosError } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import type { MessageValues } from './message.ts';
import { encodeText } from './text.ts';
import { type Dictionary, isPrintable, prefixBytes, standsLeft, valueBytes } from './walk.ts';

/**
 * Values to bytes. A message is written into one buffer that every call reuses, and copied out once. The
 * buffer takes the longest message that the dictionary allows, so no write can run over. What the field
 * table says in words is turned into numbers once: this runs for every message.
 */

/** MTI and a bitmap of eight bytes; a second bitmap makes it longer. */
const HEAD_BYTES = 10;
const SECOND_BITMAP_BYTES = 8;
const FIRST_OF_SECOND_BITMAP = 65;
const FIELD_MAX = 128;
const NOT_A_NIBBLE = 0xff;

/** The value of a character by its code: of n digits, of z and b hexadecimal; anything else NOT_A_NIBBLE. */
const DECIMAL = valuesOf('0123456789');
const HEXADECIMAL = valuesOf('0123456789ABCDEF');

function valuesOf(characters: string): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => {
    const value = characters.indexOf(String.fromCharCode(code).toUpperCase());
    return value < 0 ? NOT_A_NIBBLE : value;
  });
}

const DIGITS = 0; // n and z
const BYTES = 1;
const TEXT = 2;
const SIGNED = 3;

/** What the encoder wants to know of a field. */
interface Writer {
  readonly field: number;
  readonly kind: number;
  readonly prefix: 0 | 1 | 2;
  /** Digits, or bytes; the maximum behind a prefix. */
  readonly length: number;
  /** DECIMAL for n, HEXADECIMAL for z and b. */
  readonly values: Uint8Array;
  /** An odd count of digits stands right. */
  readonly right: boolean;
  /** an, not ans. */
  readonly printable: boolean;
}

/** One writer of messages over a dictionary. */
export function compileEncoder(dictionary: Dictionary): (message: MessageValues) => Buffer {
  const writers = dictionary.specs.map((spec, field) =>
    spec === undefined ? undefined : writerOf(spec, field),
  );
  const fieldsBytesMax = dictionary.specs.reduce(
    (sum, spec) => sum + (spec === undefined ? 0 : bytesMaxOf(spec)),
    0,
  );
  const scratch = Buffer.allocUnsafeSlow(HEAD_BYTES + SECOND_BITMAP_BYTES + fieldsBytesMax);

  /** Writes the fields `first`…`last` from `at` on and returns the offset behind them; sets their bits. */
  function writeFields(fields: MessageValues['fields'], first: number, last: number, from: number): number {
    let at = from;
    for (let field = first; field <= last; field += 1) {
      const value = fields[field];
      if (value === undefined) continue;
      const writer = writers[field];
      if (writer === undefined) throw unknownField(field);
      at = writeField(scratch, at, writer, value);
      const byte = 2 + ((field - 1) >> 3);
      scratch[byte] = (scratch[byte] as number) | (0x80 >> ((field - 1) & 7));
    }
    return at;
  }

  return function encode({ mti, fields }: MessageValues): Buffer {
    writeMti(scratch, mti);
    const isLong = hasHighField(fields);
    const head = isLong ? HEAD_BYTES + SECOND_BITMAP_BYTES : HEAD_BYTES;
    for (let at = 2; at < head; at += 1) scratch[at] = 0;
    let end = writeFields(fields, 0, FIRST_OF_SECOND_BITMAP - 1, head);
    if (isLong) {
      end = writeFields(fields, FIRST_OF_SECOND_BITMAP, FIELD_MAX, end);
      scratch[2] = (scratch[2] as number) | 0x80;
    }
    const bytes = Buffer.allocUnsafe(end);
    scratch.copy(bytes, 0, 0, end);
    return bytes;
  };
}

function hasHighField(fields: MessageValues['fields']): boolean {
  for (let field = FIRST_OF_SECOND_BITMAP; field <= FIELD_MAX; field += 1) {
    if (fields[field] !== undefined) return true;
  }
  return false;
}

function writerOf(spec: FieldSpec, field: number): Writer {
  const { format, length } = spec;
  const kind =
    format === 'b' ? BYTES : format === 'xn' ? SIGNED : format === 'n' || format === 'z' ? DIGITS : TEXT;
  return {
    field,
    kind,
    prefix: prefixBytes(spec),
    length,
    values: format === 'n' || format === 'xn' ? DECIMAL : HEXADECIMAL,
    right: !standsLeft(spec),
    printable: format === 'an',
  };
}

function bytesMaxOf(spec: FieldSpec): number {
  return prefixBytes(spec) + valueBytes(spec, spec.length);
}

function writeMti(out: Buffer, mti: string): void {
  if (mti.length !== 4 || !writeNibbles(out, 0, mti, DECIMAL)) {
    throw new PosError('MTI_BAD', 'the MTI of a message to send is four decimal digits');
  }
}

/** Returns the offset behind the field. */
function writeField(out: Buffer, at: number, writer: Writer, value: string): number {
  switch (writer.kind) {
    case DIGITS:
      return writeDigits(out, writePrefix(out, at, writer, value.length), writer, value);
    case TEXT:
      return writeText(out, at, writer, value);
    case BYTES:
      return writeBytes(out, at, writer, value);
    default:
      return writeSigned(out, at, writer, value);
  }
}

/** Judges the count, writes the length prefix where there is one, returns the offset behind it. */
function writePrefix(out: Buffer, at: number, { field, length, prefix }: Writer, count: number): number {
  if (prefix === 0) {
    if (count === length) return at;
    throw badLength(field, `is ${length} long, not ${count}`);
  }
  if (count > length) throw badLength(field, `is at most ${length} long, not ${count}`);
  if (prefix === 2) out[at] = bcd((count / 100) | 0);
  out[at + prefix - 1] = bcd(count % 100);
  return at + prefix;
}

function writeDigits(out: Buffer, at: number, writer: Writer, digits: string): number {
  const padded = writer.right && (digits.length & 1) === 1 ? `0${digits}` : digits;
  if (writeNibbles(out, at, padded, writer.values)) return at + ((digits.length + 1) >> 1);
  const wrong = [...digits].findIndex((character) => !isNibble(character.charCodeAt(0), writer.values));
  throw badContent(writer.field, `has a wrong character at position ${wrong + 1} of its value`);
}

function writeSigned(out: Buffer, at: number, writer: Writer, value: string): number {
  const sign = value.charCodeAt(0);
  if (sign !== 0x43 && sign !== 0x44) throw badContent(writer.field, 'does not begin with C or D');
  const start = writePrefix(out, at, writer, value.length - 1);
  out[start] = sign;
  return writeDigits(out, start + 1, writer, value.substring(1));
}

function writeBytes(out: Buffer, at: number, writer: Writer, hex: string): number {
  // An empty DE64 leaves room: the MAC is put in when the bytes before it are known.
  const value = writer.field === 64 && hex === '' ? '0000000000000000' : hex;
  if ((value.length & 1) === 1)
    throw badLength(writer.field, 'is written with two hexadecimal digits a byte');
  const start = writePrefix(out, at, writer, value.length >> 1);
  return writeDigits(out, start, writer, value);
}

function writeText(out: Buffer, at: number, writer: Writer, text: string): number {
  const { field, length, prefix, printable } = writer;
  if (text.length <= length) {
    const wrong = writeCharacters(out, at + prefix, text, printable);
    if (wrong < 0) return finishText(out, at, writer, text.length);
    if (printable) throw badContent(field, `is not printable ASCII at position ${wrong + 1}`);
  }
  const bytes = encodeText(text);
  if (bytes.length > length) throw badLength(field, `takes at most ${length} bytes, not ${bytes.length}`);
  bytes.copy(out, at + prefix);
  return finishText(out, at, writer, bytes.length);
}

/** A text stands at `at` plus prefix already: its length prefix, or the blanks that fill it up. */
function finishText(out: Buffer, at: number, writer: Writer, count: number): number {
  const { length, prefix } = writer;
  if (prefix !== 0) return writePrefix(out, at, writer, count) + count;
  for (let index = at + count; index < at + length; index += 1) out[index] = 0x20;
  return at + length;
}

/** Writes ASCII. Returns the index of the first character that is none, or not printable; else −1. */
function writeCharacters(out: Buffer, at: number, text: string, printable: boolean): number {
  const { length } = text;
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f || (printable && !isPrintable(code))) return index;
    out[at + index] = code;
  }
  return -1;
}

/** Two characters a byte; a last single one stands left. False when one of them has no value. */
function writeNibbles(out: Buffer, at: number, digits: string, values: Uint8Array): boolean {
  const { length } = digits;
  const pairs = length >> 1;
  // What is wrong leaves its bits here: the loop itself asks nothing.
  let codes = 0;
  let nibbles = 0;
  for (let pair = 0; pair < pairs; pair += 1) {
    const first = digits.charCodeAt(pair * 2);
    const second = digits.charCodeAt(pair * 2 + 1);
    const high = values[first & 0xff] as number;
    const low = values[second & 0xff] as number;
    codes |= first | second;
    nibbles |= high | low;
    out[at + pair] = (high << 4) | low;
  }
  if ((length & 1) === 1) {
    const last = digits.charCodeAt(length - 1);
    codes |= last;
    nibbles |= values[last & 0xff] as number;
    out[at + pairs] = (values[last & 0xff] as number) << 4;
  }
  return codes <= 0xff && nibbles <= 0x0f;
}

function isNibble(code: number, values: Uint8Array): boolean {
  return code <= 0xff && values[code] !== NOT_A_NIBBLE;
}

function bcd(value: number): number {
  const tens = (value / 10) | 0;
  return (tens << 4) | (value - tens * 10);
}

function unknownField(field: number): PosError {
  return new PosError('FIELD_UNKNOWN', `DE${field} has no shape in this dialect`, { field });
}

function badLength(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_LENGTH', `DE${field} ${what}`, { field });
}

function badContent(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_CONTENT', `DE${field} ${what}`, { field });
}
