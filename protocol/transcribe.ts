import {
  DECIMAL,
  DECIMAL_PAD_BEHIND,
  NIBBLES,
  PRINTABLE,
  type Segment,
  type Shape,
  SIGNED,
  TEXT,
} from './shape.ts';
import { isPrintable } from './walk.ts';

/**
 * Judges a message and writes it as characters in one pass: digits as digits, bytes as upper-case hex, text
 * as one character a byte. The values are then cut out of one string, which one native call makes: such calls
 * cost more than all the rest (facts: performance, 1). Here is only said right or wrong; what is wrong,
 * walk.ts says.
 */

/** The characters of one message at a time, seen as bytes and as pairs. Each decoder has its own. */
export interface Paper {
  readonly characters: Buffer;
  readonly pairs: Uint16Array;
}

/** Room for a message of `bytes`: two characters a byte, and one more where a text has an odd count. */
export function newPaper(bytes: number): Paper {
  const room = new ArrayBuffer(4 * (bytes + 2));
  return { characters: Buffer.from(room), pairs: new Uint16Array(room) };
}

/** Set in `PAIRS` where a nibble is no decimal digit; the sixteen bits below are the two characters. */
const HIGH_WRONG = 0x2_0000;
const LOW_WRONG = 0x1_0000;
const WRONG = HIGH_WRONG | LOW_WRONG;

/** The two hex digits of a byte as they stand in memory, and what is wrong with them as decimal digits. */
const PAIRS = Uint32Array.from({ length: 256 }, (_, byte) => {
  const characters = Buffer.from(byte.toString(16).toUpperCase().padStart(2, '0'), 'latin1');
  const pair = new Uint16Array(new Uint8Array(characters).buffer)[0] as number;
  return pair | (byte > 0x9f ? HIGH_WRONG : 0) | ((byte & 0x0f) > 9 ? LOW_WRONG : 0);
});

/** The value of a BCD byte; so far below zero when it is none that no sum with it is above. */
const BCD_VALUE = Int32Array.from({ length: 256 }, (_, byte) =>
  byte <= 0x99 && (byte & 0x0f) <= 9 ? (byte >> 4) * 10 + (byte & 0x0f) : -20_000,
);

/** 1 for a byte that an does not take. */
const UNPRINTABLE = Uint8Array.from({ length: 256 }, (_, byte) => (isPrintable(byte) ? 0 : 1));

/** What `transcribe` says of a message that is wrong. */
export const NOT_RIGHT = -1;

/** Bit 0 of what `transcribe` returns: some ans holds a byte beyond ASCII. */
export const BEYOND_ASCII = 1;

/**
 * Writes MTI and fields on the paper, and in `marks` where each segment begins.
 *
 * @param marks as long as `shape.zeros`
 * @returns the characters written (an even number) with bit 0 as BEYOND_ASCII; NOT_RIGHT when anything is wrong
 */
export function transcribe(shape: Shape, body: Buffer, paper: Paper, marks: number[]): number {
  const { segments } = shape;
  const { pairs } = paper;
  const length = body.length;
  let high = 0;
  let at = shape.head;
  if ((writePairs(body, 0, 2, pairs, 0) & WRONG) !== 0) return NOT_RIGHT;
  let pair = 2;
  for (let index = 0; index < segments.length; index += 1) {
    const segment = segments[index] as Segment;
    let end = at + segment.bytes;
    let { count } = segment;
    marks[segment.mark] = pair * 2;
    if (segment.prefix !== 0) {
      if (at + segment.prefix > length) return NOT_RIGHT;
      const announced = BCD_VALUE[body[at] as number] as number;
      count =
        segment.prefix === 1 ? announced : announced * 100 + (BCD_VALUE[body[at + 1] as number] as number);
      if (count < 0 || count > segment.count) return NOT_RIGHT;
      marks[segment.mark + 1] = count;
      at += segment.prefix;
      end = at + (segment.packed ? (count + 1) >> 1 : count);
    }
    if (end > length) return NOT_RIGHT;
    switch (segment.kind) {
      case DECIMAL:
        if ((writePairs(body, at, end, pairs, pair) & WRONG) !== 0) return NOT_RIGHT;
        pair += end - at;
        break;
      case NIBBLES:
        writePairs(body, at, end, pairs, pair);
        pair += end - at;
        break;
      case TEXT:
        high |= copyText(body, at, end, paper.characters, pair * 2);
        pair += (end - at + 1) >> 1;
        break;
      case PRINTABLE:
        if (copyPrintable(body, at, end, paper.characters, pair * 2) !== 0) return NOT_RIGHT;
        pair += (end - at + 1) >> 1;
        break;
      default:
        if (!writePadded(segment.kind, body, at, end, count, paper, pair)) return NOT_RIGHT;
        pair += end - at;
    }
    at = end;
  }
  return at === length ? pair * 2 + (high >> 7) : NOT_RIGHT;
}

/** Two characters for each byte. Returns what is wrong with them as decimal digits. */
function writePairs(body: Buffer, from: number, end: number, pairs: Uint16Array, to: number): number {
  let wrong = 0;
  for (let at = from, pair = to; at < end; at += 1, pair += 1) {
    const entry = PAIRS[body[at] as number] as number;
    wrong |= entry;
    pairs[pair] = entry;
  }
  return wrong;
}

/** Returns the bits that are set in any byte. */
function copyText(body: Buffer, from: number, end: number, out: Buffer, to: number): number {
  let bits = 0;
  for (let at = from, character = to; at < end; at += 1, character += 1) {
    const byte = body[at] as number;
    bits |= byte;
    out[character] = byte;
  }
  return bits;
}

/** Returns 0 when every byte is printable. */
function copyPrintable(body: Buffer, from: number, end: number, out: Buffer, to: number): number {
  let wrong = 0;
  for (let at = from, character = to; at < end; at += 1, character += 1) {
    const byte = body[at] as number;
    wrong |= UNPRINTABLE[byte] as number;
    out[character] = byte;
  }
  return wrong;
}

/** Digits of which a nibble, or the first byte, is judged apart. False when they are wrong. */
function writePadded(
  kind: number,
  body: Buffer,
  at: number,
  end: number,
  count: number,
  { characters, pairs }: Paper,
  pair: number,
): boolean {
  if (kind === SIGNED) {
    // The sign is the second character of its pair, so that the digits behind it stand in pairs.
    const sign = body[at] as number;
    characters[pair * 2 + 1] = sign;
    return (sign === 0x43 || sign === 0x44) && (writePairs(body, at + 1, end, pairs, pair + 1) & WRONG) === 0;
  }
  if ((count & 1) === 0) return (writePairs(body, at, end, pairs, pair) & WRONG) === 0;
  if (kind === DECIMAL_PAD_BEHIND) {
    const wrong = writePairs(body, at, end - 1, pairs, pair) & WRONG;
    return (wrong | (writePairs(body, end - 1, end, pairs, pair + end - 1 - at) & HIGH_WRONG)) === 0;
  }
  const wrong = writePairs(body, at, at + 1, pairs, pair) & LOW_WRONG;
  return (wrong | (writePairs(body, at + 1, end, pairs, pair + 1) & WRONG)) === 0;
}
