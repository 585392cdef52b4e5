import { compileDecoder } from './decoder.ts';
import { compileEncoder } from './encoder.ts';
import { ensure, PosError } from './errors.ts';
import { FIELDS, type FieldSpec } from './fields.ts';
import type { Codec, Message, MessageValues } from './message.ts';
import { dictionaryOf, type FieldTable, walk } from './walk.ts';

/** DE64 before the MAC is known. */
const NO_MAC = '0000000000000000';

/**
 * A codec for a field table; ISO 8583:1987 gives the shapes of what the table does not list.
 *
 * Throws INVARIANT for a table that cannot be: a length that its prefix cannot announce, an xn that is
 * not fixed and even.
 */
export function compileCodec(table: FieldTable): Codec {
  for (const [field, spec] of Object.entries(table)) checkRow(Number(field), spec);
  const dictionary = dictionaryOf(table);
  const decoder = compileDecoder(dictionary);
  return {
    encode: compileEncoder(dictionary),

    decode(body: Buffer): Message {
      const message = decoder.decode(body);
      if (message !== undefined) return message;
      const { fault } = walk(dictionary, body);
      ensure(fault !== undefined, 'the two decoders disagree about a message');
      throw fault;
    },

    salvage(body: Buffer): Message | undefined {
      const { places } = walk(dictionary, body);
      const first = places[0]?.offset;
      if (first === undefined) return undefined;
      const readable = body.subarray(0, places.at(-1)?.end);
      const fields = places.map((place) => place.field);
      const message = decoder.decodeFields(readable, fields, first);
      ensure(message !== undefined, 'the two decoders disagree about a message');
      return message;
    },

    walk: (body: Buffer) => walk(dictionary, body),
  };
}

/** The product's own codec: the table of fields.ts. */
export const codec: Codec = compileCodec(FIELDS);

/**
 * Encodes with DE64 over everything before it.
 *
 * @param message with DE64 empty it is encoded as it is; without DE64 its fields are copied, which costs more
 * @param mac gets the bytes from the MTI up to the byte before DE64, gives the eight bytes of DE64
 * Throws FIELD_UNKNOWN when a field stands behind DE64, where no MAC would cover it.
 */
export function encodeWithMac(by: Codec, message: MessageValues, mac: (data: Buffer) => Buffer): Buffer {
  const hasRoom = message.fields[64] !== undefined;
  const bytes = by.encode(
    hasRoom ? message : { mti: message.mti, fields: { ...message.fields, 64: NO_MAC } },
  );
  if (bytes.readUInt8(2) >= 0x80) {
    throw new PosError('FIELD_UNKNOWN', 'a field stands behind DE64, where the MAC cannot cover it');
  }
  const room = NO_MAC.length / 2;
  const value = mac(bytes.subarray(0, bytes.length - room));
  ensure(value.length === room, `a MAC for DE64 has ${room} bytes`);
  value.copy(bytes, bytes.length - room);
  return bytes;
}

function checkRow(field: number, spec: FieldSpec): void {
  const announced = { fixed: 9_999, ll: 99, lll: 9_999 }[spec.prefix];
  ensure(field >= 2 && field <= 128 && field !== 65, `DE${field} cannot be in a field table`);
  ensure(spec.length >= 1 && spec.length <= announced, `DE${field}: its length cannot be announced`);
  const even = spec.prefix === 'fixed' && spec.length % 2 === 0;
  ensure(spec.format !== 'xn' || even, `DE${field}: xn is fixed and has an even number of digits`);
}
