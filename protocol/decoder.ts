import { fieldsOfBitmap, rememberByBitmap } from './bitmap-memory.ts';
import { DecodedMessage } from './decoded-message.ts';
import type { Message } from './message.ts';
import { compileShape, type Shape } from './shape.ts';
import { BEYOND_ASCII, NOT_RIGHT, transcribe, transcript } from './transcribe.ts';
import { type Dictionary, readBitmap } from './walk.ts';

/** The shortest message: MTI and a bitmap of eight bytes; a second bitmap makes it longer. */
const BODY_BYTES_MIN = 10;
const SECOND_BITMAP_BYTES = 8;

/** Reads messages fast. Undefined says that one is wrong, not what: that is the walk's to say. */
export interface Decoder {
  decode(body: Buffer): Message | undefined;
  /** A message that ends behind the last of these fields, whatever its bitmap says. */
  decodeFields(body: Buffer, fields: readonly number[], head: number): Message | undefined;
}

export function compileDecoder(dictionary: Dictionary): Decoder {
  const shapeOf = rememberShapes(dictionary);
  return {
    decode(body: Buffer): Message | undefined {
      const shape = body.length < BODY_BYTES_MIN ? undefined : shapeOf(body);
      return shape === undefined ? undefined : messageOf(shape, body);
    },
    decodeFields(body, fields, head) {
      const shape = compileShape(dictionary, fields, head);
      return shape === undefined ? undefined : messageOf(shape, body);
    },
  };
}

function messageOf(shape: Shape, body: Buffer): Message | undefined {
  const marks = shape.zeros.slice();
  const written = transcribe(shape, body, marks);
  if (written === NOT_RIGHT) return undefined;
  const isAscii = (written & BEYOND_ASCII) === 0;
  const text = transcript(written & ~BEYOND_ASCII);
  return new DecodedMessage(body, shape, text, marks, isAscii);
}

/** Finds the compiled shape of a message by the exact bits of its bitmap. Undefined when it has none. */
function rememberShapes(dictionary: Dictionary): (body: Buffer) => Shape | undefined {
  const shortShape = rememberByBitmap((high, low) =>
    compileShape(dictionary, fieldsOfBitmap(high, low), BODY_BYTES_MIN),
  );
  return function shapeOf(body: Buffer): Shape | undefined {
    const high = int32(body, 2);
    if (high >= 0) return shortShape(high, int32(body, 6));
    // Messages with two bitmaps are rare and have no right to the memory.
    const head = BODY_BYTES_MIN + SECOND_BITMAP_BYTES;
    return body.length < head ? undefined : compileShape(dictionary, readBitmap(body), head);
  };
}

/** Four bytes that are known to be there. */
function int32(body: Buffer, at: number): number {
  const high = ((body[at] as number) << 24) | ((body[at + 1] as number) << 16);
  return high | ((body[at + 2] as number) << 8) | (body[at + 3] as number);
}
