import type { FieldSpec } from './fields.ts';
import { type Dictionary, prefixBytes, standsLeft, valueBytes } from './walk.ts';

/**
 * One bitmap, compiled: messages of the same fields differ only in the lengths of the variable ones, so
 * everything else is worked out once. Neighbouring fixed fields that are judged and written alike become one
 * segment, transcribed in one run (transcribe.ts).
 */

/** How a segment's bytes are judged and written as characters. */
export const DECIMAL = 0; // n: every nibble a decimal digit
export const DECIMAL_PAD_BEHIND = 1; // the same, but for the last nibble of an odd count
export const DECIMAL_PAD_BEFORE = 2; // the same, but for the first nibble of an odd count
export const NIBBLES = 3; // z and b: two upper-case hex digits a byte
export const PRINTABLE = 4; // an
export const TEXT = 5; // ans: any byte, one character each until somebody reads it
export const SIGNED = 6; // xn: C or D, then digits

/** Neighbours that stand in one run. */
export interface Segment {
  /** DECIMAL … SIGNED. */
  readonly kind: number;
  /** 0: the segment has `bytes`; 1 or 2: BCD length bytes stand before it. */
  readonly prefix: 0 | 1 | 2;
  readonly bytes: number;
  /** Digits or bytes; the maximum behind a prefix. */
  readonly count: number;
  /** Two units a byte: n and z. */
  readonly packed: boolean;
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
    const last = segments.at(-1);
    const next = segmentOf(spec, marks);
    const joins = last !== undefined && isRun(last) && isRun(next) && last.kind === next.kind;
    if (joins) segments[segments.length - 1] = { ...last, bytes: last.bytes + next.bytes };
    else {
      segments.push(next);
      marks += next.prefix === 0 ? 1 : 2;
    }
    columns[field] = columnOf(spec, segments.length - 1, joins ? last : { ...next, bytes: 0 });
  }
  const unknown = fields.filter((field) => !dictionary.listed.has(field));
  // Messages hand these lists out, and the shape outlives them.
  Object.freeze(fields);
  Object.freeze(unknown);
  return { fields, unknown, columns, segments, zeros: new Array<number>(marks).fill(0), head };
}

function segmentOf(spec: FieldSpec, mark: number): Segment {
  const prefix = prefixBytes(spec);
  const packed = spec.format === 'n' || spec.format === 'z';
  const bytes = valueBytes(spec, spec.length);
  return { kind: kindOf(spec), prefix, bytes, count: spec.length, packed, mark };
}

/** @param before what of its segment stands before the field */
function columnOf(spec: FieldSpec, segment: number, before: Segment): Column {
  const unit = spec.format === 'b' ? 2 : 1;
  // A sign is the second character of its pair.
  const sign = before.kind === SIGNED ? 1 : 0;
  return {
    mark: before.mark,
    relative: before.bytes * charactersOf(before.kind) + sign,
    length: before.prefix === 0 ? spec.length * unit + sign : 0,
    unit,
    right: before.packed && !standsLeft(spec),
    text: spec.format === 'ans',
    trim: spec.trim,
    segment,
    bytesBefore: before.bytes,
  };
}

function charactersOf(kind: number): 1 | 2 {
  return kind === PRINTABLE || kind === TEXT ? 1 : 2;
}

function kindOf(spec: FieldSpec): number {
  switch (spec.format) {
    case 'an':
      return PRINTABLE;
    case 'ans':
      return TEXT;
    case 'xn':
      return SIGNED;
    case 'n':
      if (spec.prefix === 'fixed' && spec.length % 2 === 0) return DECIMAL;
      return standsLeft(spec) ? DECIMAL_PAD_BEHIND : DECIMAL_PAD_BEFORE;
    case 'b':
    case 'z':
      return NIBBLES;
  }
}

/** True when a segment may take in the next field: no prefix, and every byte full. */
function isRun(segment: Segment): boolean {
  const full = !segment.packed || segment.count % 2 === 0;
  return segment.prefix === 0 && full && segment.kind !== SIGNED;
}
