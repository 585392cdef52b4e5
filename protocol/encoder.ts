import { codeAt } from './code-at.ts';
import { PosError } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import type { MessageValues } from './message.ts';
import { encodedBytes, writeEncoded } from './text.ts';
import { type Dictionary, isPrintable, prefixBytes, standsLeft, valueBytes } from './walk.ts';

/**
 * Values to bytes. Messages are written one behind the other into a sheet of memory, and each is handed out as
 * its own part of it: nothing is copied, and no part is written twice. What the field table says in words is
 * turned into numbers once: this runs for every message.
 */

const MTI_BYTES = 2;
const BITMAP_BYTES = 8;
const FIELD_MAX = 128;
const NOT_A_NIBBLE = 0xff;

/** A sheet holds many messages; the longest of a dictionary always fits. */
const SHEET_BYTES = 65_536;

/** The value of a hexadecimal digit by its code; anything else NOT_A_NIBBLE. */
const NIBBLE = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = '0123456789ABCDEF'.indexOf(String.fromCharCode(code).toUpperCase());
  return value < 0 ? NOT_A_NIBBLE : value;
});

const DIGITS = 0; // n
const NIBBLES = 1; // z
const BYTES = 2;
const TEXT = 3;
const SIGNED = 4;

/** What the encoder wants to know of a field. */
interface Writer {
  readonly field: number;
  readonly kind: number;
  readonly prefix: 0 | 1 | 2;
  /** Digits, or bytes; the maximum behind a prefix. */
  readonly length: number;
  /** An odd count of digits stands right. */
  readonly right: boolean;
  /** an, not ans. */
  readonly printable: boolean;
}

/** The fields of a message, with all that follows from which they are. */
interface Outline {
  /** Ascending. */
  readonly fields: readonly number[];
  /** One for each field; undefined where the dictionary gives it no shape. */
  readonly writers: readonly (Writer | undefined)[];
  /** 8 bytes, or 16 when a field is above 64. */
  readonly bitmap: readonly number[];
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
  const messageBytesMax = MTI_BYTES + 2 * BITMAP_BYTES + fieldsBytesMax;
  const outlineOf = rememberOutlines(writers);
  let sheet: Buffer = Buffer.alloc(0);
  let free = 0;

  return function encode(message: MessageValues): Buffer {
    if (sheet.length - free < messageBytesMax) {
      sheet = Buffer.allocUnsafeSlow(Math.max(SHEET_BYTES, messageBytesMax));
      free = 0;
    }
    const start = free;
    writeMti(sheet, start, message.mti);
    const values = Object.values(message.fields);
    const end = writeFields(sheet, start + MTI_BYTES, outlineOf(message.fields, values), values);
    free = end;
    return sheet.subarray(start, end);
  };
}

/** Writes bitmap and fields from `from` on; returns the offset behind them. */
function writeFields(out: Buffer, from: number, outline: Outline, values: readonly string[]): number {
  const { fields, writers, bitmap } = outline;
  let at = from;
  for (let index = 0; index < bitmap.length; index += 1, at += 1) out[at] = bitmap[index] as number;
  for (let index = 0; index < fields.length; index += 1) {
    const writer = writers[index];
    if (writer === undefined) throw unknownField(fields[index] as number);
    at = writeField(out, at, writer, values[index] as string);
  }
  return at;
}

/**
 * Says which fields a message has. To ask an object for each number from 0 to 128 takes longer than to write the
 * message, and to list its keys takes as long, but its values come by one quick call, in the order of their keys: if
 * there are as many as in a message before, and each is the value of that message's field, then these are its fields.
 *
 * @returns for the fields of a message and its `Object.values`, which are set right where a key is no field's or a
 *   value is undefined
 */
function rememberOutlines(
  writers: readonly (Writer | undefined)[],
): (fields: MessageValues['fields'], values: string[]) => Outline {
  /** By the count of fields, the last one seen. */
  const known: (Outline | undefined)[] = [];
  return function outlineOf(fields, values) {
    const last = known[values.length];
    if (last !== undefined && isOutlineOf(last, fields, values)) return last;
    const present: number[] = [];
    for (let field = 0; field <= FIELD_MAX; field += 1) if (fields[field] !== undefined) present.push(field);
    const found: Outline = {
      fields: present,
      writers: present.map((field) => writers[field]),
      bitmap: bitmapOf(present),
    };
    known[present.length] = found;
    values.splice(0, values.length, ...present.map((field) => fields[field] as string));
    return found;
  };
}

function isOutlineOf(outline: Outline, fields: MessageValues['fields'], values: readonly string[]): boolean {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (value === undefined || fields[outline.fields[index] as number] !== value) return false;
  }
  return true;
}

function bitmapOf(fields: readonly number[]): readonly number[] {
  const isLong = (fields.at(-1) ?? 0) > BITMAP_BYTES * 8;
  const bitmap = new Array<number>(isLong ? 2 * BITMAP_BYTES : BITMAP_BYTES).fill(0);
  for (const bit of isLong ? [1, ...fields] : fields) {
    const byte = (bit - 1) >> 3;
    bitmap[byte] = (bitmap[byte] ?? 0) | (0x80 >> ((bit - 1) & 7));
  }
  return bitmap;
}

function writerOf(spec: FieldSpec, field: number): Writer {
  const { format, length } = spec;
  return {
    field,
    kind: { n: DIGITS, z: NIBBLES, b: BYTES, an: TEXT, ans: TEXT, xn: SIGNED }[format],
    prefix: prefixBytes(spec),
    length,
    right: !standsLeft(spec),
    printable: format === 'an',
  };
}

function bytesMaxOf(spec: FieldSpec): number {
  return prefixBytes(spec) + valueBytes(spec, spec.length);
}

function writeMti(out: Buffer, at: number, mti: string): void {
  if (mti.length !== 4 || !writeDecimal(out, at, mti)) {
    throw new PosError('MTI_BAD', 'the MTI of a message to send is four decimal digits');
  }
}

/** Returns the offset behind the field. */
function writeField(out: Buffer, at: number, writer: Writer, value: string): number {
  switch (writer.kind) {
    case DIGITS:
    case NIBBLES:
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
  const isDecimal = writer.kind === DIGITS || writer.kind === SIGNED;
  const isRight = isDecimal ? writeDecimal(out, at, padded) : writeHexadecimal(out, at, padded);
  if (isRight) return at + ((digits.length + 1) >> 1);
  const wrong = [...digits].findIndex((character) => !(isDecimal ? /^\d$/ : /^[\da-f]$/i).test(character));
  throw badContent(writer.field, `has a wrong character at position ${wrong + 1} of its value`);
}

function writeSigned(out: Buffer, at: number, writer: Writer, value: string): number {
  const sign = codeAt(value, 0);
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
  const bytes = encodedBytes(text);
  if (bytes > length) throw badLength(field, `takes at most ${length} bytes, not ${bytes}`);
  writeEncoded(out, at + prefix, text);
  return finishText(out, at, writer, bytes);
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
    const code = codeAt(text, index);
    if (code > 0x7f || (printable && !isPrintable(code))) return index;
    out[at + index] = code;
  }
  return -1;
}

/** Two digits a byte; a last single one stands left. False when one of them is no decimal digit. */
function writeDecimal(out: Buffer, from: number, digits: string): boolean {
  const last = digits.length - 1;
  // What is wrong makes this negative: the loop itself asks nothing.
  let sign = 0;
  let at = from;
  let index = 0;
  for (; index < last; index += 2, at += 1) {
    const high = codeAt(digits, index) - 0x30;
    const low = codeAt(digits, index + 1) - 0x30;
    sign |= high | low | (9 - high) | (9 - low);
    out[at] = (high << 4) | low;
  }
  if (index === last) {
    const high = codeAt(digits, index) - 0x30;
    sign |= high | (9 - high);
    out[at] = high << 4;
  }
  return sign >= 0;
}

/** The same with hexadecimal digits. */
function writeHexadecimal(out: Buffer, from: number, digits: string): boolean {
  const last = digits.length - 1;
  let codes = 0;
  let nibbles = 0;
  let at = from;
  let index = 0;
  for (; index < last; index += 2, at += 1) {
    const first = codeAt(digits, index);
    const second = codeAt(digits, index + 1);
    const high = NIBBLE[first & 0xff] as number;
    const low = NIBBLE[second & 0xff] as number;
    codes |= first | second;
    nibbles |= high | low;
    out[at] = (high << 4) | low;
  }
  if (index === last) {
    const code = codeAt(digits, index);
    const high = NIBBLE[code & 0xff] as number;
    codes |= code;
    nibbles |= high;
    out[at] = high << 4;
  }
  return codes <= 0xff && nibbles <= 0x0f;
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
