/** What can be read of a message that is wrong somewhere: the fields before the first wrong one. */
import { codec, type Message, PosError } from '../../protocol/index.ts';

const MTI_BYTES = 2;
const BITMAP_BITS = 64;

/**
 * @param error what `decode` threw for this body
 * @returns undefined when not even MTI and bitmap can be read
 */
export function partOf(body: Buffer, error: unknown): Message | undefined {
  if (!(error instanceof PosError) || body.length < MTI_BYTES + BITMAP_BITS / 8) return undefined;
  const before = error.field === undefined || error.field > BITMAP_BITS ? BITMAP_BITS + 1 : error.field;
  // The same body with only the fields before the wrong one in its bitmap has bytes to spare: where
  // they begin, the good part ends.
  const part = withFieldsBelow(body, before);
  try {
    return codec.decode(part);
  } catch (trailing) {
    if (!(trailing instanceof PosError) || trailing.code !== 'MESSAGE_TRAILING') return undefined;
    return trailing.offset === undefined ? undefined : decoded(part.subarray(0, trailing.offset));
  }
}

function decoded(body: Buffer): Message | undefined {
  try {
    return codec.decode(body);
  } catch {
    return undefined;
  }
}

function withFieldsBelow(body: Buffer, field: number): Buffer {
  const part = Buffer.from(body);
  for (let bit = Math.max(2, field); bit <= BITMAP_BITS; bit += 1) {
    const at = MTI_BYTES + Math.floor((bit - 1) / 8);
    part[at] = (part[at] ?? 0) & ~(0x80 >> ((bit - 1) % 8));
  }
  return part;
}
