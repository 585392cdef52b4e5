import { codeAt } from './code-at.ts';
import { PosError } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import { encodedBytes, writeEncoded } from './text.ts';
import { isPrintable, prefixBytes, standsLeft, valueBytes } from './walk.ts';

/**
 * One field's value to bytes, twice: `writePlain` is fast and knows what nearly all values are, digits and ASCII that
 * fill their field; `writeCarefully` takes whatever else is right, and says what is wrong with the rest.
 */

const DIGITS = 0; // n
const NIBBLES = 1; // z
const BYTES = 2; // b
const TEXT = 3; // an and ans
const SIGNED = 4; // xn

/** What may be wrong with a character. Bits above its value as a digit. */
const NOT_DECIMAL = 0x1_0000;
const NOT_HEXADECIMAL = 0x2_0000;
const NOT_PRINTABLE = 0x4_0000;
const NOT_ASCII = 0x8_0000;

/** What writing wants to know of a field. */
export interface FieldWriter {
  readonly field: number;
  readonly kind: number;
  readonly prefix: 0 | 1 | 2;
  /** Digits, or bytes; the maximum behind a prefix. */
  readonly length: number;
  /** An odd count of digits stands right. */
  readonly right: boolean;
  /** an, not ans. */
  readonly printable: boolean;
  /** `length` in characters. */
  readonly characters: number;
  /** Characters for each unit that a prefix counts: 2 for b. */
  readonly unit: 1 | 2;
  /** 1 where an odd count of characters is not plain, else 0. */
  readonly even: 0 | 1;
  /** What must not be found in a plain value. */
  readonly forbidden: number;
}

export function writerOf(spec: FieldSpec, field: number): FieldWriter {
  const { format, length } = spec;
  const isBytes = format === 'b';
  return {
    field,
    kind: { n: DIGITS, z: NIBBLES, b: BYTES, an: TEXT, ans: TEXT, xn: SIGNED }[format],
    prefix: prefixBytes(spec),
    length,
    right: !standsLeft(spec),
    printable: format === 'an',
    characters: isBytes ? 2 * length : length,
    unit: isBytes ? 2 : 1,
    even: isBytes || !standsLeft(spec) ? 1 : 0,
    forbidden: {
      n: NOT_DECIMAL,
      z: NOT_HEXADECIMAL,
      b: NOT_HEXADECIMAL,
      an: NOT_PRINTABLE,
      ans: NOT_ASCII,
      xn: NOT_DECIMAL,
    }[format],
  };
}

/** The most bytes that a field takes, with its length prefix. */
export function bytesMaxOf(spec: FieldSpec): number {
  return prefixBytes(spec) + valueBytes(spec, spec.length);
}

/** The value of a digit by its code, and what the character is not. */
const DIGIT_OF = Uint32Array.from({ length: 256 }, (_, code) => {
  const value = '0123456789ABCDEF'.indexOf(String.fromCharCode(code).toUpperCase());
  if (value < 0) return NOT_DECIMAL | NOT_HEXADECIMAL;
  return value > 9 ? value | NOT_DECIMAL : value;
});

/** What `writePlain` returns for a value that is not. */
export const NOT_PLAIN = -1;

/**
 * Writes the field from `at` on, returns the offset behind it; NOT_PLAIN where the value is not plain or not right, and
 * then what stands from `at` on means nothing.
 */
export const writePlain = compilePlain();

/**
 * In a function that is called once the compiler takes these tables for constants; those of a module it does not in
 * the bundle, which makes variables of them.
 */
function compilePlain(): (out: Buffer, at: number, writer: FieldWriter, value: string) => number {
  const characterAt = codeAt;
  const digitOf = DIGIT_OF;
  const classOf = Uint32Array.from(
    { length: 256 },
    (_, code) => (isPrintable(code) ? 0 : NOT_PRINTABLE) | (code > 0x7f ? NOT_ASCII : 0),
  );

  return function plain(out, from, writer, value): number {
    const { length } = value;
    const { characters, prefix, kind } = writer;
    let at = from;
    if (prefix === 0) {
      if (length !== characters) return NOT_PLAIN;
    } else {
      if (length > characters) return NOT_PLAIN;
      const count = writer.unit === 2 ? length >> 1 : length;
      if (prefix === 2) {
        const hundreds = (count / 100) | 0;
        out[at] = bcd(hundreds);
        out[at + 1] = bcd(count - hundreds * 100);
      } else out[at] = bcd(count);
      at += prefix;
    }
    // What is wrong is only gathered: the loops themselves ask nothing.
    let found = 0;
    let codes = 0;
    if (kind < TEXT) {
      const odd = length & 1;
      if ((odd & writer.even) !== 0) return NOT_PLAIN;
      const last = length - odd;
      for (let index = 0; index < last; index += 2, at += 1) {
        const first = characterAt(value, index);
        const second = characterAt(value, index + 1);
        const high = digitOf[first & 0xff] as number;
        const low = digitOf[second & 0xff] as number;
        codes |= first | second;
        found |= high | low;
        out[at] = (high << 4) | low;
      }
      if (odd !== 0) {
        const code = characterAt(value, last);
        const high = digitOf[code & 0xff] as number;
        codes |= code;
        found |= high;
        out[at] = high << 4;
        at += 1;
      }
    } else if (kind === TEXT) {
      for (let index = 0; index < length; index += 1, at += 1) {
        const code = characterAt(value, index);
        codes |= code;
        found |= classOf[code & 0xff] as number;
        out[at] = code;
      }
    } else return NOT_PLAIN;
    return codes > 0xff || (found & writer.forbidden) !== 0 ? NOT_PLAIN : at;
  };
}

/** The MTI is written as a field of four digits is. */
const MTI: FieldWriter = {
  field: 0,
  kind: DIGITS,
  prefix: 0,
  length: 4,
  right: false,
  printable: false,
  characters: 4,
  unit: 1,
  even: 0,
  forbidden: NOT_DECIMAL,
};

/** Returns the offset behind the MTI. */
export function writeMti(out: Buffer, at: number, mti: string): number {
  const end = writePlain(out, at, MTI, mti);
  if (end !== NOT_PLAIN) return end;
  throw new PosError('MTI_BAD', 'the MTI of a message to send is four decimal digits');
}

/** As `writePlain`, for every value. Throws FIELD_BAD_LENGTH or FIELD_BAD_CONTENT. */
export function writeCarefully(out: Buffer, at: number, writer: FieldWriter, value: string): number {
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
function writePrefix(out: Buffer, at: number, { field, length, prefix }: FieldWriter, count: number): number {
  if (prefix === 0) {
    if (count === length) return at;
    throw badLength(field, `is ${length} long, not ${count}`);
  }
  if (count > length) throw badLength(field, `is at most ${length} long, not ${count}`);
  writeCount(out, at, prefix, count);
  return at + prefix;
}

/** Two digits a byte; an odd count stands left or right of a zero. */
function writeDigits(out: Buffer, at: number, writer: FieldWriter, digits: string): number {
  const { kind } = writer;
  const wrong = wrongDigit(digits, kind === DIGITS || kind === SIGNED ? NOT_DECIMAL : NOT_HEXADECIMAL);
  if (wrong >= 0)
    throw badContent(writer.field, `has a wrong character at position ${wrong + 1} of its value`);
  const isOdd = (digits.length & 1) === 1;
  const padded = isOdd ? (writer.right ? `0${digits}` : `${digits}0`) : digits;
  return at + out.write(padded, at, 'hex');
}

function writeSigned(out: Buffer, at: number, writer: FieldWriter, value: string): number {
  const sign = codeAt(value, 0);
  if (sign !== 0x43 && sign !== 0x44) throw badContent(writer.field, 'does not begin with C or D');
  const start = writePrefix(out, at, writer, value.length - 1);
  out[start] = sign;
  return writeDigits(out, start + 1, writer, value.substring(1));
}

function writeBytes(out: Buffer, at: number, writer: FieldWriter, hex: string): number {
  // An empty DE64 leaves room: the MAC is put in when the bytes before it are known.
  const value = writer.field === 64 && hex === '' ? '0000000000000000' : hex;
  if ((value.length & 1) === 1)
    throw badLength(writer.field, 'is written with two hexadecimal digits a byte');
  const start = writePrefix(out, at, writer, value.length >> 1);
  return writeDigits(out, start, writer, value);
}

function writeText(out: Buffer, at: number, writer: FieldWriter, text: string): number {
  const { field, length, prefix, printable } = writer;
  if (printable && text.length <= length) {
    const wrong = unprintable(text);
    if (wrong >= 0) throw badContent(field, `is not printable ASCII at position ${wrong + 1}`);
  }
  const bytes = encodedBytes(text);
  if (bytes > length) throw badLength(field, `takes at most ${length} bytes, not ${bytes}`);
  const end = writeEncoded(out, at + prefix, text);
  if (prefix !== 0) {
    writeCount(out, at, prefix, bytes);
    return end;
  }
  for (let index = end; index < at + length; index += 1) out[index] = 0x20;
  return at + length;
}

/** The index of the first character that is no such digit; −1 when all are. */
function wrongDigit(digits: string, isNot: number): number {
  for (let index = 0; index < digits.length; index += 1) {
    const code = codeAt(digits, index);
    if (code > 0xff || ((DIGIT_OF[code] as number) & isNot) !== 0) return index;
  }
  return -1;
}

/** The index of the first character that is not printable; −1 when all are. */
function unprintable(text: string): number {
  for (let index = 0; index < text.length; index += 1) if (!isPrintable(codeAt(text, index))) return index;
  return -1;
}

/** One or two BCD bytes. */
function writeCount(out: Buffer, at: number, prefix: 1 | 2, count: number): void {
  const hundreds = (count / 100) | 0;
  if (prefix === 2) out[at] = bcd(hundreds);
  out[at + prefix - 1] = bcd(count - hundreds * 100);
}

/** The BCD byte of two digits. */
function bcd(value: number): number {
  const tens = (value / 10) | 0;
  return (tens << 4) | (value - tens * 10);
}

function badLength(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_LENGTH', `DE${field} ${what}`, { field });
}

function badContent(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_CONTENT', `DE${field} ${what}`, { field });
}
