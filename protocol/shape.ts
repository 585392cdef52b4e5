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
  /** Fixed, and what stands there is the value: most fields. */
  readonly isPlain: boolean;
  readonly segment: number;
  /** Bytes between the start of the segment and the value. */
  readonly bytesBefore: number;
}

export interface Shape {
  readonly fields: readonly number[];
  readonly unknown: readonly number[];
  /** By field number; undefined when the field is absent. */
  readonly columns: readonly (Column | undefined)[];
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
  return { fields, unknown, columns, segments, zeros: new Array<number>(marks).fill(0), head };
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
  const forbidden = [...last.forbidden, ...next.forbidden];
  return { ...last, bytes: last.bytes + next.bytes, forbidden, forbiddenInAny: anyOf(forbidden) };
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
    isPlain: length !== 0 && !text && !(right && (length & 1) === 1),
    trim: spec.trim,
    segment: segments.length - 1,
    bytesBefore,
  };
}
