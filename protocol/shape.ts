import type { FieldSpec } from './fields.ts';
import { type Dictionary, isPrintable, prefixBytes, standsLeft, valueBytes } from './walk.ts';

/**
 * One bitmap, compiled: messages of the same fields differ only in the lengths of the variable ones, so
 * everything else is worked out once. Neighbouring fixed fields that are judged alike become one segment,
 * judged in one run. `measure` only says right or wrong; what is wrong, walk.ts says.
 */

/** How a segment's bytes are judged. */
const DECIMAL = 0; // every nibble a decimal digit
const DECIMAL_PAD_BEHIND = 1; // the same, but for the last nibble of an odd count
const DECIMAL_PAD_BEFORE = 2; // the same, but for the first nibble of an odd count
const PRINTABLE = 3;
const SIGNED = 4; // C or D, then digits
const ANYTHING = 5;

/** How a value becomes text. */
export const DIGITS = 0; // n
export const NIBBLES = 1; // z
export const BYTES = 2; // b, as hex
export const ASCII = 3; // an
export const TEXT = 4; // ans
const SIGN_AND_DIGITS = 5; // xn

interface Segment {
  readonly check: number;
  /** 0: the segment has `bytes`; 1 or 2: BCD length bytes stand before it. */
  readonly prefix: 0 | 1 | 2;
  readonly bytes: number;
  /** Largest announced length. */
  readonly max: number;
  /** Two units a byte. */
  readonly packed: boolean;
}

/** Where a field's value lies: so many bytes behind the start of its segment. */
export interface Column {
  readonly spec: FieldSpec;
  readonly segment: number;
  readonly relative: number;
  readonly prefix: 0 | 1 | 2;
  /** Digits or bytes; the maximum behind a prefix. */
  readonly length: number;
  /** How the value becomes text: DIGITS … SIGN_AND_DIGITS. */
  readonly reading: number;
  /** An odd count of digits stands right, behind a pad nibble. */
  readonly right: boolean;
}

export interface Shape {
  readonly fields: readonly number[];
  readonly unknown: readonly number[];
  /** By field number; undefined when the field is absent. */
  readonly columns: readonly (Column | undefined)[];
  readonly segments: readonly Segment[];
  /** A zero for each segment: what `measure` fills is a copy of it. */
  readonly zeros: readonly number[];
  /** Bytes before the first field. */
  readonly head: number;
}

/** The value of a BCD byte; so far below zero when it is none that no sum with it is above. */
const BCD_VALUE = Int32Array.from({ length: 256 }, (_, byte) =>
  byte <= 0x99 && (byte & 0x0f) <= 9 ? (byte >> 4) * 10 + (byte & 0x0f) : -20_000,
);

/** The shape of a bitmap; undefined when one of its fields has none. */
export function compileShape(
  dictionary: Dictionary,
  fields: readonly number[],
  head: number,
): Shape | undefined {
  const segments: Segment[] = [];
  const columns: (Column | undefined)[] = new Array<Column | undefined>(129).fill(undefined);
  for (const field of fields) {
    const spec = dictionary.specs[field];
    if (spec === undefined) return undefined;
    const next = segmentOf(spec);
    const last = segments.at(-1);
    const joins = last !== undefined && isRun(last) && isRun(next) && last.check === next.check;
    const relative = joins ? last.bytes : 0;
    if (joins) segments[segments.length - 1] = { ...last, bytes: last.bytes + next.bytes };
    else segments.push(next);
    const segment = segments.length - 1;
    const { length } = spec;
    const right = !standsLeft(spec);
    columns[field] = {
      spec,
      segment,
      relative,
      prefix: next.prefix,
      length,
      reading: readingOf(spec),
      right,
    };
  }
  const unknown = fields.filter((field) => !dictionary.listed.has(field));
  // Messages hand these lists out, and the shape outlives them.
  Object.freeze(fields);
  Object.freeze(unknown);
  return { fields, unknown, columns, segments, zeros: segments.map(() => 0), head };
}

function segmentOf(spec: FieldSpec): Segment {
  const prefix = prefixBytes(spec);
  const packed = spec.format === 'n' || spec.format === 'z';
  return { check: checkOf(spec), prefix, bytes: valueBytes(spec, spec.length), max: spec.length, packed };
}

function readingOf(spec: FieldSpec): number {
  switch (spec.format) {
    case 'n':
      return DIGITS;
    case 'z':
      return NIBBLES;
    case 'b':
      return BYTES;
    case 'an':
      return ASCII;
    case 'ans':
      return TEXT;
    case 'xn':
      return SIGN_AND_DIGITS;
  }
}

function checkOf(spec: FieldSpec): number {
  switch (spec.format) {
    case 'an':
      return PRINTABLE;
    case 'xn':
      return SIGNED;
    case 'n':
      if (spec.prefix === 'fixed' && spec.length % 2 === 0) return DECIMAL;
      return standsLeft(spec) ? DECIMAL_PAD_BEHIND : DECIMAL_PAD_BEFORE;
    case 'ans':
    case 'b':
    case 'z':
      return ANYTHING;
  }
}

/** True when a segment may take in the next field. */
function isRun(segment: Segment): boolean {
  return segment.prefix === 0 && [DECIMAL, PRINTABLE, ANYTHING].includes(segment.check);
}

/**
 * Fills `starts` with the byte where each segment's value begins. False when anything is wrong.
 *
 * @param starts as long as `shape.segments`
 */
export function measure(shape: Shape, body: Buffer, starts: number[]): boolean {
  const { segments } = shape;
  const length = body.length;
  let at = shape.head;
  for (let index = 0; index < segments.length; index += 1) {
    const segment = segments[index] as Segment;
    let end = at + segment.bytes;
    let count = segment.max;
    if (segment.prefix !== 0) {
      if (at + segment.prefix > length) return false;
      count = announcedCount(body, at, segment.prefix);
      if (count < 0 || count > segment.max) return false;
      at += segment.prefix;
      end = at + (segment.packed ? (count + 1) >> 1 : count);
    }
    if (end > length || !isRight(segment.check, body, at, end, count)) return false;
    starts[index] = at;
    at = end;
  }
  return at === length;
}

/** What one or two BCD bytes say; below zero when they are no BCD. */
export function announcedCount(body: Buffer, at: number, prefix: 1 | 2): number {
  const first = BCD_VALUE[body[at] as number] as number;
  return prefix === 1 ? first : first * 100 + (BCD_VALUE[body[at + 1] as number] as number);
}

function isRight(check: number, body: Buffer, at: number, end: number, count: number): boolean {
  switch (check) {
    case DECIMAL:
      return areDigits(body, at, end);
    case PRINTABLE:
      return arePrintable(body, at, end);
    case DECIMAL_PAD_BEHIND:
      if ((count & 1) === 0) return areDigits(body, at, end);
      return (body[end - 1] as number) < 0xa0 && areDigits(body, at, end - 1);
    case DECIMAL_PAD_BEFORE:
      if ((count & 1) === 0) return areDigits(body, at, end);
      return ((body[at] as number) & 0x0f) < 10 && areDigits(body, at + 1, end);
    case SIGNED:
      return (body[at] === 0x43 || body[at] === 0x44) && areDigits(body, at + 1, end);
    default:
      return true;
  }
}

function areDigits(body: Buffer, at: number, end: number): boolean {
  for (let index = at; index < end; index += 1) {
    const byte = body[index] as number;
    if (byte > 0x99 || (byte & 0x0f) > 9) return false;
  }
  return true;
}

function arePrintable(body: Buffer, at: number, end: number): boolean {
  for (let index = at; index < end; index += 1) {
    if (!isPrintable(body[index] as number)) return false;
  }
  return true;
}
