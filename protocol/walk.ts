import { PosError } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import { STANDARD_FIELDS } from './standard-fields.ts';

/**
 * The reference reading of a message: field by field, plain and exact about what is wrong where. The
 * fast decoder (shape.ts) must agree with it on every input; it is asked when that one finds a fault, when
 * a refusal needs what could still be read, and when a person wants to see.
 */

/** A table of data elements: `FIELDS`, or another acquirer's. */
export type FieldTable = Readonly<Record<number, FieldSpec>>;

/** The data elements 2…128 that a codec knows, and which of them its table lists. */
export interface Dictionary {
  readonly specs: readonly (FieldSpec | undefined)[];
  readonly listed: ReadonlySet<number>;
}

/** Where a field lies. Offsets count bytes from the MTI. */
export interface Place {
  readonly field: number;
  readonly spec: FieldSpec;
  /** First byte, which is the length prefix where there is one. */
  readonly offset: number;
  /** First byte of the value. */
  readonly start: number;
  /** First byte behind. */
  readonly end: number;
  /** Digits for n, z and xn; bytes otherwise. */
  readonly count: number;
}

export interface Walk {
  readonly mti: string | undefined;
  /** The fields that are right, up to the fault. */
  readonly places: readonly Place[];
  /** The bitmap's fields, as far as it could be read. */
  readonly announced: readonly number[];
  readonly fault: PosError | undefined;
}

const MTI_BYTES = 2;
const BITMAP_BYTES = 8;

/** The table, and behind it the standard's shapes for what it does not list. */
export function dictionaryOf(table: FieldTable): Dictionary {
  const specs: (FieldSpec | undefined)[] = [];
  for (let field = 0; field <= 128; field += 1) specs.push(table[field] ?? STANDARD_FIELDS[field]);
  return { specs, listed: new Set(Object.keys(table).map(Number)) };
}

export function prefixBytes(spec: FieldSpec): 0 | 1 | 2 {
  return spec.prefix === 'fixed' ? 0 : spec.prefix === 'll' ? 1 : 2;
}

/** How many bytes a value of so many digits (n, z, xn) or bytes takes. */
export function valueBytes(spec: FieldSpec, count: number): number {
  if (spec.format === 'n' || spec.format === 'z') return (count + 1) >> 1;
  return spec.format === 'xn' ? 1 + ((count + 1) >> 1) : count;
}

/** True when an odd count of digits stands left, with its pad nibble behind. */
export function standsLeft(spec: FieldSpec): boolean {
  return spec.align === 'left' || (spec.align === '' && spec.prefix !== 'fixed');
}

/** Reads as far as the bytes make sense. Never throws. */
export function walk(dictionary: Dictionary, body: Buffer): Walk {
  const places: Place[] = [];
  let mti: string | undefined;
  let announced: readonly number[] = [];
  try {
    mti = readMti(body);
    announced = readBitmap(body);
    let offset = MTI_BYTES + (isLong(body) ? 2 : 1) * BITMAP_BYTES;
    for (const field of announced) {
      const place = placeAt(dictionary, body, field, offset);
      checkContent(body, place);
      places.push(place);
      offset = place.end;
    }
    if (offset < body.length) {
      const detail = `${body.length - offset} bytes follow the last field`;
      throw new PosError('MESSAGE_TRAILING', `${detail}, at byte ${offset}`, { offset });
    }
    return { mti, places, announced, fault: undefined };
  } catch (error) {
    if (error instanceof PosError) return { mti, places, announced, fault: error };
    throw error;
  }
}

function readMti(body: Buffer): string {
  if (body.length < MTI_BYTES) throw truncated('the MTI', 0, MTI_BYTES, body.length);
  for (let at = 0; at < MTI_BYTES; at += 1) {
    if (!isBcd(body.readUInt8(at))) {
      throw new PosError('MTI_BAD', `the MTI is not decimal at byte ${at}`, { offset: at });
    }
  }
  return body.toString('hex', 0, MTI_BYTES);
}

function isLong(body: Buffer): boolean {
  return body.readUInt8(MTI_BYTES) >= 0x80;
}

/** The fields that the bitmap announces, ascending; bit 1 is no field but makes the bitmap longer. */
export function readBitmap(body: Buffer): readonly number[] {
  const short = MTI_BYTES + BITMAP_BYTES;
  if (body.length < short) throw truncated('the bitmap', MTI_BYTES, short, body.length);
  const end = isLong(body) ? short + BITMAP_BYTES : short;
  if (body.length < end) throw truncated('the bitmap of 16 bytes', MTI_BYTES, end, body.length);
  const fields: number[] = [];
  for (let bit = 2; bit <= (end - MTI_BYTES) * 8; bit += 1) {
    const byte = body.readUInt8(MTI_BYTES + ((bit - 1) >> 3));
    if ((byte & (0x80 >> ((bit - 1) & 7))) !== 0) fields.push(bit);
  }
  return fields;
}

function placeAt(dictionary: Dictionary, body: Buffer, field: number, offset: number): Place {
  const spec = dictionary.specs[field];
  if (spec === undefined) {
    throw new PosError('FIELD_UNKNOWN', `DE${field} has no shape in this dialect`, { field, offset });
  }
  const start = offset + prefixBytes(spec);
  if (start > body.length) throw truncated(`the length of DE${field}`, offset, start, body.length, field);
  const count = spec.prefix === 'fixed' ? spec.length : readPrefix(body, field, offset, start);
  if (count > spec.length) {
    const detail = `DE${field} announces ${count}, at most ${spec.length}, at byte ${offset}`;
    throw new PosError('FIELD_BAD_LENGTH', detail, { field, offset });
  }
  const end = start + valueBytes(spec, count);
  if (end > body.length) throw truncated(`DE${field}`, offset, end, body.length, field);
  return { field, spec, offset, start, end, count };
}

function readPrefix(body: Buffer, field: number, offset: number, end: number): number {
  let count = 0;
  for (let at = offset; at < end; at += 1) {
    const byte = body.readUInt8(at);
    if (!isBcd(byte)) {
      const detail = `the length of DE${field} is not decimal at byte ${at}`;
      throw new PosError('FIELD_BAD_LENGTH', detail, { field, offset: at });
    }
    count = count * 100 + (byte >> 4) * 10 + (byte & 0x0f);
  }
  return count;
}

/** Throws FIELD_BAD_CONTENT for a wrong nibble in n, a wrong sign in xn, an unprintable byte in an. */
function checkContent(body: Buffer, place: Place): void {
  const { field, spec, start, end } = place;
  if (spec.format === 'an') {
    for (let at = start; at < end; at += 1) {
      const byte = body.readUInt8(at);
      if (!isPrintable(byte)) throw badContent(field, at, 'a byte is not printable ASCII');
    }
  } else if (spec.format === 'n') {
    checkDigits(body, place, start);
  } else if (spec.format === 'xn') {
    const sign = body.readUInt8(start);
    if (sign !== 0x43 && sign !== 0x44) throw badContent(field, start, 'the sign is neither C nor D');
    checkDigits(body, place, start + 1);
  }
}

function checkDigits(body: Buffer, { field, spec, end, count }: Place, first: number): void {
  const odd = count % 2 === 1;
  const padBefore = odd && !standsLeft(spec) ? first : -1;
  const padBehind = odd && standsLeft(spec) ? end - 1 : -1;
  for (let at = first; at < end; at += 1) {
    const byte = body.readUInt8(at);
    const highWrong = byte >> 4 > 9 && at !== padBefore;
    const lowWrong = (byte & 0x0f) > 9 && at !== padBehind;
    if (highWrong || lowWrong) throw badContent(field, at, 'a nibble is no decimal digit');
  }
}

/** ASCII without control characters, but for the zero bytes with which some terminals fill an empty field. */
export function isPrintable(byte: number): boolean {
  return (byte >= 0x20 && byte <= 0x7e) || byte === 0;
}

function isBcd(byte: number): boolean {
  return byte <= 0x99 && (byte & 0x0f) <= 9;
}

function badContent(field: number, offset: number, what: string): PosError {
  return new PosError('FIELD_BAD_CONTENT', `DE${field}: ${what}, at byte ${offset}`, { field, offset });
}

function truncated(what: string, offset: number, end: number, have: number, field?: number): PosError {
  const detail = `${what} at byte ${offset} runs to byte ${end}, the message ends at ${have}`;
  return new PosError('MESSAGE_TRUNCATED', detail, field === undefined ? { offset } : { offset, field });
}
