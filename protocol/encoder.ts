import { fieldsOfBitmap, rememberByBitmap } from './bitmap-memory.ts';
import { PosError } from './errors.ts';
import {
  bytesMaxOf,
  type FieldWriter,
  NOT_PLAIN,
  writeCarefully,
  writeMti,
  writePlain,
  writerOf,
} from './field-writer.ts';
import type { MessageValues } from './message.ts';
import type { Dictionary } from './walk.ts';

/**
 * Values to bytes. Messages are written one behind the other into a sheet of memory, and each is handed out as
 * its own part of it: nothing is copied, and no part is written twice. What the field table says in words is
 * turned into numbers once: this runs for every message.
 */

const MTI_BYTES = 2;
const BITMAP_BYTES = 8;
const FIELD_MAX = 128;

/** A sheet holds many messages; the longest of a dictionary always fits. */
const SHEET_BYTES = 65_536;

/** What `subarray` makes in the end, without its reading of arguments: Node has this class here, its types do not. */
const View = (
  Buffer as unknown as {
    readonly [Symbol.species]: new (memory: ArrayBufferLike, start: number, length: number) => Buffer;
  }
)[Symbol.species];

/** The fields of a message, with all that follows from which they are. */
interface Outline {
  /** Ascending. */
  readonly fields: readonly number[];
  /** One for each field; undefined where the dictionary gives it no shape. */
  readonly writers: readonly (FieldWriter | undefined)[];
  /** 8 bytes, or 16 when a field is above 64. */
  readonly bitmap: readonly number[];
}

/** Where values stand that have no gaps: each at its own index. */
const IN_ORDER: readonly number[] = Array.from({ length: FIELD_MAX + 1 }, (_, index) => index);

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
  const outlineOfList = rememberLists(writers);
  const outlineOfObject = rememberObjects(writers);
  let sheet: Buffer = Buffer.alloc(0);
  let free = 0;

  return function encode({ mti, fields }: MessageValues): Buffer {
    if (sheet.length - free < messageBytesMax) {
      sheet = Buffer.allocUnsafeSlow(Math.max(SHEET_BYTES, messageBytesMax));
      free = 0;
    }
    const start = free;
    const at = writeMti(sheet, start, mti);
    let end: number;
    if (Array.isArray(fields)) {
      const list: readonly (string | undefined)[] = fields;
      const outline = outlineOfList(list);
      end = writeFields(sheet, at, outline, list, outline.fields);
    } else {
      const values = Object.values(fields);
      end = writeFields(sheet, at, outlineOfObject(fields, values), values, IN_ORDER);
    }
    free = end;
    return new View(sheet.buffer, start, end - start);
  };
}

/**
 * Writes bitmap and fields from `from` on; returns the offset behind them.
 *
 * @param places at which index of `values` each field's value stands
 */
function writeFields(
  out: Buffer,
  from: number,
  { fields, writers, bitmap }: Outline,
  values: readonly (string | undefined)[],
  places: readonly number[],
): number {
  let at = from;
  for (let index = 0; index < bitmap.length; index += 1, at += 1) out[at] = bitmap[index] as number;
  for (let index = 0; index < fields.length; index += 1) {
    const writer = writers[index];
    if (writer === undefined) throw unknownField(fields[index] as number);
    const value = values[places[index] as number] as string;
    const end = writePlain(out, at, writer, value);
    at = end === NOT_PLAIN ? writeCarefully(out, at, writer, value) : end;
  }
  return at;
}

/** Says which fields a list by field number has: nothing is quicker asked for each of its places. */
function rememberLists(
  writers: readonly (FieldWriter | undefined)[],
): (list: readonly (string | undefined)[]) => Outline {
  const outlineOfBitmap = rememberByBitmap((high, low) => outlineOf(writers, fieldsOfBitmap(high, low)));
  return function outlineOfList(list) {
    // What has no place in a bitmap of eight bytes is rare.
    if (list.length > BITMAP_BYTES * 8 + 1 || list[0] !== undefined)
      return outlineOf(writers, fieldsIn(list));
    const { length } = list;
    let high = 0;
    let low = 0;
    for (let field = 1; field < length && field <= 32; field += 1) {
      if (list[field] !== undefined) high |= 1 << (32 - field);
    }
    for (let field = 33; field < length; field += 1) {
      if (list[field] !== undefined) low |= 1 << (64 - field);
    }
    return outlineOfBitmap(high, low) as Outline;
  };
}

/**
 * Says which fields an object has. To ask an object for each number from 0 to 128 takes longer than to write the
 * message, and to list its keys takes as long, but its values come by one quick call, in the order of their keys: if
 * there are as many as in a message before, and each is the value of that message's field, then these are its fields.
 *
 * @returns for the fields of a message and its `Object.values`, which are set right where a key is no field's or a
 *   value is undefined
 */
function rememberObjects(
  writers: readonly (FieldWriter | undefined)[],
): (fields: MessageValues['fields'], values: string[]) => Outline {
  /** By the count of fields, the last one seen. */
  const known: (Outline | undefined)[] = [];
  return function outlineOfObject(fields, values) {
    const last = known[values.length];
    if (last !== undefined && isOutlineOf(last, fields, values)) return last;
    const present = fieldsIn(fields);
    const found = outlineOf(writers, present);
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

function fieldsIn(fields: Readonly<Record<number, string | undefined>>): number[] {
  const present: number[] = [];
  for (let field = 0; field <= FIELD_MAX; field += 1) if (fields[field] !== undefined) present.push(field);
  return present;
}

function outlineOf(writers: readonly (FieldWriter | undefined)[], fields: readonly number[]): Outline {
  return { fields, writers: fields.map((field) => writers[field]), bitmap: bitmapOf(fields) };
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

function unknownField(field: number): PosError {
  return new PosError('FIELD_UNKNOWN', `DE${field} has no shape in this dialect`, { field });
}
