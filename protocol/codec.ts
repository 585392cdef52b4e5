import { DecodedMessage } from './decoded-message.ts';
import { compileEncoder } from './encoder.ts';
import { ensure, PosError } from './errors.ts';
import { FIELDS, type FieldSpec } from './fields.ts';
import type { Codec, Message, MessageValues } from './message.ts';
import { compileShape, measure, type Shape } from './shape.ts';
import { type Dictionary, dictionaryOf, type FieldTable, readBitmap, walk } from './walk.ts';

/** Bitmaps remembered per codec. A peer that sends many different ones makes us forget, not grow. */
const SHAPES_MAX = 512;

/** The shortest message: MTI and a bitmap of eight bytes. */
const BODY_BYTES_MIN = 10;

/** DE64 before the MAC is known. */
const NO_MAC = '0000000000000000';

/** A BCD byte as two digits; undefined when it is none. */
const BCD_TEXT = Array.from({ length: 256 }, (_, byte) => {
  const text = byte.toString(16).padStart(2, '0');
  return /^\d\d$/.test(text) ? text : undefined;
});

/**
 * A codec for a field table; ISO 8583:1987 gives the shapes of what the table does not list.
 *
 * Throws INVARIANT for a table that cannot be: a length that its prefix cannot announce, an xn that is
 * not fixed and even.
 */
export function compileCodec(table: FieldTable): Codec {
  for (const [field, spec] of Object.entries(table)) checkRow(Number(field), spec);
  const dictionary = dictionaryOf(table);
  const shapeOf = rememberShapes(dictionary);
  return {
    encode: compileEncoder(dictionary),

    decode(body: Buffer): Message {
      const mti = mtiOf(body);
      const shape = mti === undefined ? undefined : shapeOf(body);
      if (mti !== undefined && shape !== undefined) {
        const starts = shape.zeros.slice();
        if (measure(shape, body, starts)) return new DecodedMessage(mti, body, shape, starts);
      }
      const { fault } = walk(dictionary, body);
      ensure(fault !== undefined, 'the two decoders disagree about a message');
      throw fault;
    },

    salvage(body: Buffer): Message | undefined {
      const { mti, places } = walk(dictionary, body);
      const first = places[0]?.offset;
      if (mti === undefined || first === undefined) return undefined;
      const readable = body.subarray(0, places.at(-1)?.end);
      const shape = compileShape(
        dictionary,
        places.map((place) => place.field),
        first,
      );
      ensure(shape !== undefined, 'a field that was read has a shape');
      const starts = shape.zeros.slice();
      ensure(measure(shape, readable, starts), 'the two decoders disagree about a message');
      return new DecodedMessage(mti, readable, shape, starts);
    },

    walk: (body: Buffer) => walk(dictionary, body),
  };
}

/** The product's own codec: the table of fields.ts. */
export const codec: Codec = compileCodec(FIELDS);

/**
 * Encodes with DE64 over everything before it.
 *
 * @param mac gets the bytes from the MTI up to the byte before DE64, gives the eight bytes of DE64
 * Throws FIELD_UNKNOWN when a field stands behind DE64, where no MAC would cover it.
 */
export function encodeWithMac(by: Codec, message: MessageValues, mac: (data: Buffer) => Buffer): Buffer {
  const bytes = by.encode({ mti: message.mti, fields: { ...message.fields, 64: NO_MAC } });
  if (bytes.readUInt8(2) >= 0x80) {
    throw new PosError('FIELD_UNKNOWN', 'a field stands behind DE64, where the MAC cannot cover it');
  }
  const room = NO_MAC.length / 2;
  const value = mac(bytes.subarray(0, bytes.length - room));
  ensure(value.length === room, `a MAC for DE64 has ${room} bytes`);
  value.copy(bytes, bytes.length - room);
  return bytes;
}

function mtiOf(body: Buffer): string | undefined {
  if (body.length < BODY_BYTES_MIN) return undefined;
  const first = BCD_TEXT[body[0] as number];
  const second = BCD_TEXT[body[1] as number];
  return first === undefined || second === undefined ? undefined : first + second;
}

/** Finds the compiled shape of a message by the exact bits of its bitmap. Undefined when it has none. */
function rememberShapes(dictionary: Dictionary): (body: Buffer) => Shape | undefined {
  const shapes = new Map<number, Map<number, Shape>>();
  let count = 0;
  // Most messages look like the one before.
  let lastHigh = 0;
  let lastLow = 0;
  let last: Shape | undefined;

  return function shapeOf(body: Buffer): Shape | undefined {
    const high = int32(body, 2);
    const low = int32(body, 6);
    if (high === lastHigh && low === lastLow && last !== undefined) return last;
    const known = shapes.get(high)?.get(low);
    if (known !== undefined) {
      lastHigh = high;
      lastLow = low;
      last = known;
      return known;
    }
    if (high < 0 && body.length < BODY_BYTES_MIN + 8) return undefined;
    const shape = compileShape(dictionary, readBitmap(body), high < 0 ? BODY_BYTES_MIN + 8 : BODY_BYTES_MIN);
    // Messages with two bitmaps are rare and have no right to the memory.
    if (shape === undefined || high < 0) return shape;
    if (count >= SHAPES_MAX) {
      shapes.clear();
      count = 0;
    }
    count += 1;
    const row = shapes.get(high);
    if (row === undefined) shapes.set(high, new Map([[low, shape]]));
    else row.set(low, shape);
    return shape;
  };
}

/** Four bytes that are known to be there. */
function int32(body: Buffer, at: number): number {
  const high = ((body[at] as number) << 24) | ((body[at + 1] as number) << 16);
  return high | ((body[at + 2] as number) << 8) | (body[at + 3] as number);
}

function checkRow(field: number, spec: FieldSpec): void {
  const announced = { fixed: 9_999, ll: 99, lll: 9_999 }[spec.prefix];
  ensure(field >= 2 && field <= 128 && field !== 65, `DE${field} cannot be in a field table`);
  ensure(spec.length >= 1 && spec.length <= announced, `DE${field}: its length cannot be announced`);
  const even = spec.prefix === 'fixed' && spec.length % 2 === 0;
  ensure(spec.format !== 'xn' || even, `DE${field}: xn is fixed and has an even number of digits`);
}
