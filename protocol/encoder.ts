import { PosError } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import type { MessageValues } from './message.ts';
import { encodeText } from './text.ts';
import { type Dictionary, prefixBytes, standsLeft, valueBytes } from './walk.ts';

/**
 * Values to bytes. A message is written into one buffer that every call reuses, and copied out once.
 * The buffer takes the longest message that the dictionary allows, so no write can run over.
 */

const SECOND_BITMAP = 65;
const FIELDS_END = 129;
const NOT_A_NIBBLE = 0xff;

/** The value of a hexadecimal character by its code; anything else NOT_A_NIBBLE. */
const NIBBLE = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = '0123456789ABCDEF'.indexOf(String.fromCharCode(code).toUpperCase());
  return value < 0 ? NOT_A_NIBBLE : value;
});

/** What the encoder wants to know of a field, worked out once. */
interface Writer {
  readonly field: number;
  readonly spec: FieldSpec;
  readonly prefix: 0 | 1 | 2;
  /** Largest nibble: 9 for n, 15 for z and b. */
  readonly nibbleMax: number;
  readonly right: boolean;
}

/** One writer of messages over a dictionary. */
export function compileEncoder(dictionary: Dictionary): (message: MessageValues) => Buffer {
  const writers = dictionary.specs.map((spec, field) =>
    spec === undefined ? undefined : writerOf(spec, field),
  );
  const bytesMax = dictionary.specs.reduce(
    (sum, spec) => sum + (spec === undefined ? 0 : fieldBytesMax(spec)),
    18,
  );
  const scratch = Buffer.allocUnsafeSlow(bytesMax);

  return function encode(message: MessageValues): Buffer {
    const { mti, fields } = message;
    writeMti(scratch, mti);
    const isLong = checkFields(fields);
    let at = isLong ? 18 : 10;
    scratch.fill(0, 2, at);
    const end = isLong ? FIELDS_END : SECOND_BITMAP;
    for (let field = 2; field < end; field += 1) {
      const value = fields[field];
      if (value === undefined) continue;
      const writer = writers[field];
      if (writer === undefined) {
        throw new PosError('FIELD_UNKNOWN', `DE${field} has no shape in this dialect`, { field });
      }
      at = writeField(scratch, at, writer, value);
      const byte = 2 + ((field - 1) >> 3);
      scratch[byte] = (scratch[byte] as number) | (0x80 >> ((field - 1) & 7));
    }
    if (isLong) scratch[2] = (scratch[2] as number) | 0x80;
    const bytes = Buffer.allocUnsafe(at);
    scratch.copy(bytes, 0, 0, at);
    return bytes;
  };
}

function writerOf(spec: FieldSpec, field: number): Writer {
  const nibbleMax = spec.format === 'n' || spec.format === 'xn' ? 9 : 15;
  return { field, spec, prefix: prefixBytes(spec), nibbleMax, right: !standsLeft(spec) };
}

function fieldBytesMax(spec: FieldSpec): number {
  return prefixBytes(spec) + valueBytes(spec, spec.length);
}

/** True when a field above 64 asks for the long bitmap. Throws FIELD_UNKNOWN for a key that is no field. */
function checkFields(fields: MessageValues['fields']): boolean {
  let isLong = false;
  for (const key in fields) {
    const field = Number(key);
    if (!(field >= 2 && field < FIELDS_END && Number.isInteger(field))) {
      throw new PosError('FIELD_UNKNOWN', `there is no data element ${JSON.stringify(key)}`);
    }
    if (field >= SECOND_BITMAP && fields[field] !== undefined) isLong = true;
  }
  return isLong;
}

function writeMti(out: Buffer, mti: string): void {
  if (mti.length !== 4 || writeNibbles(out, 0, mti, 9) >= 0) {
    throw new PosError('MTI_BAD', 'the MTI of a message to send is four decimal digits');
  }
}

/** Returns the offset behind the field. */
function writeField(out: Buffer, at: number, writer: Writer, value: string): number {
  switch (writer.spec.format) {
    case 'n':
    case 'z':
      return writeDigits(out, writePrefix(out, at, writer, value.length), writer, value);
    case 'xn': {
      const sign = value.charCodeAt(0);
      if (sign !== 0x43 && sign !== 0x44) throw badContent(writer.field, 'does not begin with C or D');
      const start = writePrefix(out, at, writer, value.length - 1);
      out[start] = sign;
      return writeDigits(out, start + 1, writer, value.substring(1));
    }
    case 'b':
      return writeBytes(out, at, writer, value);
    case 'an':
    case 'ans':
      return writeText(out, at, writer, value);
  }
}

/** Judges the count, writes the length prefix where there is one, returns the offset behind it. */
function writePrefix(out: Buffer, at: number, { field, spec, prefix }: Writer, count: number): number {
  if (prefix === 0) {
    if (count === spec.length) return at;
    throw badLength(field, `is ${spec.length} long, not ${count}`);
  }
  if (count > spec.length) throw badLength(field, `is at most ${spec.length} long, not ${count}`);
  if (prefix === 2) out[at] = bcd(Math.trunc(count / 100));
  out[at + prefix - 1] = bcd(count % 100);
  return at + prefix;
}

function writeDigits(out: Buffer, at: number, writer: Writer, digits: string): number {
  const padded = (digits.length & 1) === 1 && writer.right ? `0${digits}` : digits;
  const wrong = writeNibbles(out, at, padded, writer.nibbleMax);
  if (wrong < 0) return at + ((digits.length + 1) >> 1);
  throw badContent(writer.field, `has a wrong character at position ${wrong + 1} of its value`);
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
  const { field, spec, prefix } = writer;
  if (text.length <= spec.length) {
    const wrong = writeCharacters(out, at + prefix, text, spec.format === 'an');
    if (wrong < 0) return finishText(out, at, writer, text.length);
    if (spec.format === 'an') throw badContent(field, `is not printable ASCII at position ${wrong + 1}`);
  }
  const bytes = encodeText(text);
  if (bytes.length > spec.length)
    throw badLength(field, `takes at most ${spec.length} bytes, not ${bytes.length}`);
  bytes.copy(out, at + prefix);
  return finishText(out, at, writer, bytes.length);
}

/** A text stands at `at` plus prefix already: its length prefix, or the blanks that fill it up. */
function finishText(out: Buffer, at: number, writer: Writer, count: number): number {
  const { spec, prefix } = writer;
  if (prefix !== 0) return writePrefix(out, at, writer, count) + count;
  for (let index = at + count; index < at + spec.length; index += 1) out[index] = 0x20;
  return at + spec.length;
}

/** Writes ASCII. Returns the index of the first character that is none (or not printable), else −1. */
function writeCharacters(out: Buffer, at: number, text: string, printable: boolean): number {
  const low = printable ? 0x20 : 0x00;
  const high = printable ? 0x7e : 0x7f;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < low || code > high) return index;
    out[at + index] = code;
  }
  return -1;
}

/** Two characters a byte; a last single one stands left. Returns the index of the first wrong one, else −1. */
function writeNibbles(out: Buffer, at: number, digits: string, nibbleMax: number): number {
  const { length } = digits;
  for (let index = 0; index < length; index += 2) {
    const high = nibbleOf(digits.charCodeAt(index));
    const low = index + 1 < length ? nibbleOf(digits.charCodeAt(index + 1)) : 0;
    if (high > nibbleMax) return index;
    if (low > nibbleMax) return index + 1;
    out[at + (index >> 1)] = (high << 4) | low;
  }
  return -1;
}

function nibbleOf(code: number): number {
  return code < 128 ? (NIBBLE[code] as number) : NOT_A_NIBBLE;
}

function bcd(value: number): number {
  return (Math.trunc(value / 10) << 4) | (value % 10);
}

function badLength(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_LENGTH', `DE${field} ${what}`, { field });
}

function badContent(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_CONTENT', `DE${field} ${what}`, { field });
}
