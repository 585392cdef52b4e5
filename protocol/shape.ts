import type { FieldSpec } from './fields.ts';
import { type Dictionary, prefixBytes, standsLeft, valueBytes } from './walk.ts';

/**
 * One bitmap, compiled: messages of the same fields differ only in the lengths of the variable ones, so
 * everything else is worked out once. Neighbouring fixed fields that are judged and written alike become one
 * segment, transcribed in one run (transcribe.ts).
 */

/** How a segment's bytes are written as characters. */
export const PAIRS = 0; // n, z and b: two hex digits a byte
export const SINGLES = 1; // an and ans: one character a byte
export const SIGNED = 2; // xn: a sign, then digits in pairs

/** What may be wrong with a byte. Bits above 16, so that the two characters of a byte stand beside them. */
export const LOW_NOT_DECIMAL = 0x1_0000;
export const HIGH_NOT_DECIMAL = 0x2_0000;
export const NOT_DECIMAL = LOW_NOT_DECIMAL | HIGH_NOT_DECIMAL;
export const NOT_PRINTABLE = 0x4_0000;
export const NOT_ASCII = 0x8_0000;

/** Neighbours that stand in one run, or one field behind a prefix. */
export interface Segment {
  /** PAIRS, SINGLES or SIGNED. */
  readonly kind: number;
  /** 0: the segment has `bytes`; 1 or 2: BCD length bytes stand before it. */
  readonly prefix: 0 | 1 | 2;
  readonly bytes: number;
  /** Behind a prefix: the most digits or bytes. */
  readonly count: number;
  /** Two units a byte: n and z. */
  readonly packed: boolean;
  /** What must not be found, byte by byte; behind a prefix one for all. */
  readonly forbidden: readonly number[];
  /** All of `forbidden` together: where none of it is found in a run, nobody looks at its bytes again. */
  readonly forbiddenInAny: number;
  /** Behind a prefix: an odd count of digits stands right, behind its pad nibble. */
  readonly right: boolean;
  /** Where `marks` says at which character the segment begins; behind a prefix, the next mark is its count. */
  readonly mark: number;
}

/** Where a field's value lies in the text of a message: so many characters behind the start of its segment. */
export interface Column {
  readonly mark: number;
  readonly relative: number;
  /** Characters; 0 behind a prefix, where the message says. */
  readonly length: number;
  /** Characters for each unit that a prefix counts: 2 for b. */
  readonly unit: 1 | 2;
  /** An odd count of digits stands right, behind a pad nibble. */
  readonly right: boolean;
  /** ans. */
  readonly text: boolean;
  readonly trim: boolean;
  readonly segment: number;
  /** Bytes between the start of the segment and the value. */
  readonly bytesBefore: number;
}

/**
 * Where most values lie in the text of a message, as one number for each field, which is sooner read than a column:
 * bits 0…7 the mark, 8…19 how many characters behind it the value begins, 20…30 how many it has. 0 is a field that
 * the message has not; below zero its column has to be asked.
 */
export type Place = number;

export interface Shape {
  readonly fields: readonly number[];
  readonly unknown: readonly number[];
  /** By field number; undefined when the field is absent. */
  readonly columns: readonly (Column | undefined)[];
  /** A Place by field number: for messages in which all text is ASCII, and for the others. */
  readonly places: Int32Array;
  readonly placesBeyondAscii: Int32Array;
  readonly segments: readonly Segment[];
  /** A zero for each mark: what `transcribe` fills is a copy of it. */
  readonly zeros: readonly number[];
  /** Bytes before the first field. */
  readonly head: number;
}

/** The shape of a bitmap; undefined when one of its fields has none. */
export function compileShape(
  dictionary: Dictionary,
  fields: readonly number[],
  head: number,
): Shape | undefined {
  const segments: Segment[] = [];
  const columns: (Column | undefined)[] = new Array<Column | undefined>(129).fill(undefined);
  let marks = 0;
  for (const field of fields) {
    const spec = dictionary.specs[field];
    if (spec === undefined) return undefined;
    const next = segmentOf(spec, marks);
    const last = segments.at(-1);
    if (last !== undefined && mayJoin(last, next)) segments[segments.length - 1] = joined(last, next);
    else {
      segments.push(next);
      marks += next.prefix === 0 ? 1 : 2;
    }
    columns[field] = columnOf(spec, segments, next.bytes);
  }
  const unknown = fields.filter((field) => !dictionary.listed.has(field));
  // Messages hand these lists out, and the shape outlives them.
  Object.freeze(fields);
  Object.freeze(unknown);
  return {
    fields,
    unknown,
    columns,
    places: Int32Array.from(columns, (column) => placeOf(column, true)),
    placesBeyondAscii: Int32Array.from(columns, (column) => placeOf(column, false)),
    segments,
    zeros: new Array<number>(marks).fill(0),
    head,
  };
}

function placeOf(column: Column | undefined, isAscii: boolean): Place {
  if (column === undefined) return 0;
  const { mark, relative, length, right, text, trim } = column;
  const hasPad = right && (length & 1) === 1;
  const isPlain = length !== 0 && !hasPad && !trim && (!text || isAscii);
  const fits = mark < 1 << 8 && relative < 1 << 12 && length < 1 << 11;
  return isPlain && fits ? (length << 20) | (relative << 8) | mark : -1;
}

function segmentOf(spec: FieldSpec, mark: number): Segment {
  const { format, length } = spec;
  const prefix = prefixBytes(spec);
  const packed = format === 'n' || format === 'z';
  const bytes = valueBytes(spec, length);
  const right = packed && !standsLeft(spec);
  const forbidden = forbiddenOf(spec, prefix === 0 ? bytes : 1, right);
  const kind = format === 'xn' ? SIGNED : format === 'an' || format === 'ans' ? SINGLES : PAIRS;
  return {
    kind,
    prefix,
    bytes,
    count: length,
    packed,
    forbidden,
    forbiddenInAny: anyOf(forbidden),
    right,
    mark,
  };
}

/** What must not be found in each of so many bytes. */
function forbiddenOf({ format, prefix, length }: FieldSpec, bytes: number, right: boolean): number[] {
  const everywhere = { n: NOT_DECIMAL, xn: NOT_DECIMAL, an: NOT_PRINTABLE, ans: 0, b: 0, z: 0 }[format];
  const forbidden = new Array<number>(bytes).fill(everywhere);
  const hasPad = format === 'n' && prefix === 'fixed' && length % 2 === 1;
  if (hasPad) forbidden[right ? 0 : bytes - 1] = right ? LOW_NOT_DECIMAL : HIGH_NOT_DECIMAL;
  return forbidden;
}

function anyOf(forbidden: readonly number[]): number {
  return forbidden.reduce((all, one) => all | one, 0);
}

/**
 * Fixed neighbours of one kind. Digits and bytes stay apart: bytes are seldom decimal, so each run with both would
 * have to be looked at twice.
 */
function mayJoin(last: Segment, next: Segment): boolean {
  if (last.prefix !== 0 || next.prefix !== 0 || last.kind !== next.kind || next.kind === SIGNED) return false;
  return next.kind === SINGLES || (last.forbiddenInAny === 0) === (next.forbiddenInAny === 0);
}

function joined(last: Segment, next: Segment): Segment {
  const { kind, prefix, count, packed, right, mark } = last;
  const bytes = last.bytes + next.bytes;
  const forbidden = [...last.forbidden, ...next.forbidden];
  // As above, so that all segments have one hidden class.
  return { kind, prefix, bytes, count, packed, forbidden, forbiddenInAny: anyOf(forbidden), right, mark };
}

/** The column of the field that ends the last segment, with so many bytes. */
function columnOf(spec: FieldSpec, segments: readonly Segment[], bytes: number): Column {
  const segment = segments.at(-1) as Segment;
  const bytesBefore = segment.bytes - bytes;
  const unit = spec.format === 'b' ? 2 : 1;
  // A sign is the second character of its pair.
  const sign = segment.kind === SIGNED ? 1 : 0;
  const length = segment.prefix === 0 ? spec.length * unit + sign : 0;
  const right = (spec.format === 'n' || spec.format === 'z') && !standsLeft(spec);
  const text = spec.format === 'ans';
  return {
    mark: segment.mark,
    relative: bytesBefore * (segment.kind === SINGLES ? 1 : 2) + sign,
    length,
    unit,
    right,
    text,
    trim: spec.trim,
    segment: segments.length - 1,
    bytesBefore,
  };
}
