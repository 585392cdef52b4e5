import {
  HIGH_NOT_DECIMAL,
  LOW_NOT_DECIMAL,
  NOT_ASCII,
  NOT_DECIMAL,
  NOT_PRINTABLE,
  PAIRS,
  type Segment,
  type Shape,
  SIGNED,
} from './shape.ts';
import { isPrintable } from './walk.ts';

/**
 * Judges a message and writes it as characters in one pass: digits as digits, bytes as upper-case hex, text
 * as one character a byte. The values are then cut out of one string, which one native call makes: such calls
 * cost more than all the rest (facts: performance, 1). A run is judged as a whole, and byte by byte only where
 * something was found that one of its bytes must not be. Here is only said right or wrong; what is wrong,
 * walk.ts says.
 */

/** What the longest message of any table takes. */
const BODY_BYTES_MAX = 2 + 16 + 127 * (2 + 9_999);

/** The two hex digits of a byte as they stand in memory, and what it is not. */
const PAIR_OF = Uint32Array.from({ length: 256 }, (_, byte) => {
  const characters = Uint8Array.from(byte.toString(16).toUpperCase().padStart(2, '0'), (c) =>
    c.charCodeAt(0),
  );
  const pair = new Uint16Array(characters.buffer)[0] as number;
  return pair | (byte > 0x9f ? HIGH_NOT_DECIMAL : 0) | ((byte & 0x0f) > 9 ? LOW_NOT_DECIMAL : 0);
});

/** What a byte is not, as a character. */
const CLASS_OF = Uint32Array.from(
  { length: 256 },
  (_, byte) => (isPrintable(byte) ? 0 : NOT_PRINTABLE) | (byte > 0x7f ? NOT_ASCII : 0),
);

/** The value of a BCD byte; so far below zero when it is none that no sum with it is above. */
const BCD_VALUE = Int32Array.from({ length: 256 }, (_, byte) =>
  (PAIR_OF[byte] as number) >= LOW_NOT_DECIMAL ? -20_000 : (byte >> 4) * 10 + (byte & 0x0f),
);

/**
 * The loops over bytes, and the characters of one message at a time, seen as bytes and as pairs; nothing of it outlives
 * a call. All this is one for all codecs, and stands in a function that is called once, because the compiler then
 * takes its constants for constants and knows where they lie: handed in, or as a module's own (of which the bundle makes
 * variables), the same loops take half as long again.
 */
function compileLoops() {
  // Room for any message of any table: two characters for each byte of 127 fields; memory that nobody touches costs
  // nothing.
  const room = new ArrayBuffer(127 * (9_999 + 1) * 2 + 4);
  // What `toString` comes down to, without its reading of arguments: Node has it on every Buffer, its types do not.
  const characters = Buffer.from(room) as Buffer & { latin1Slice(start: number, end: number): string };
  const pairsOfCharacters = new Uint16Array(room);
  // The message itself: a copy is quicker read, since the compiler knows where it lies.
  const bytes = new Uint8Array(BODY_BYTES_MAX);
  const pairOf = PAIR_OF;
  const classOf = CLASS_OF;

  /** Takes a message of at most BODY_BYTES_MAX; offsets below count in it. */
  function load(body: Buffer): void {
    bytes.set(body);
  }

  /** The first characters of what `transcribe` wrote last. */
  function transcript(count: number): string {
    return characters.latin1Slice(0, count);
  }

  /** Two characters for each byte, two bytes a turn. Returns what any of them is not. */
  function writePairs(from: number, end: number, to: number): number {
    let found = 0;
    let at = from;
    let pair = to;
    for (; at < end - 1; at += 2, pair += 2) {
      const first = pairOf[bytes[at] as number] as number;
      const second = pairOf[bytes[at + 1] as number] as number;
      found |= first | second;
      pairsOfCharacters[pair] = first;
      pairsOfCharacters[pair + 1] = second;
    }
    if (at < end) {
      const entry = pairOf[bytes[at] as number] as number;
      found |= entry;
      pairsOfCharacters[pair] = entry;
    }
    return found;
  }

  /** One character for each byte, two a turn. Returns what any of them is not. */
  function writeSingles(from: number, end: number, to: number): number {
    let found = 0;
    let at = from;
    let character = to;
    for (; at < end - 1; at += 2, character += 2) {
      const first = bytes[at] as number;
      const second = bytes[at + 1] as number;
      found |= (classOf[first] as number) | (classOf[second] as number);
      characters[character] = first;
      characters[character + 1] = second;
    }
    if (at < end) {
      const byte = bytes[at] as number;
      found |= classOf[byte] as number;
      characters[character] = byte;
    }
    return found;
  }

  /** The sign is the second character of its pair, so that the digits behind it stand in pairs. */
  function writeSigned(at: number, end: number, pair: number): number {
    const sign = bytes[at] as number;
    characters[pair * 2 + 1] = sign;
    const isSign = sign === 0x43 || sign === 0x44;
    return writePairs(at + 1, end, pair + 1) | (isSign ? 0 : NOT_DECIMAL);
  }

  return { load, transcript, writePairs, writeSingles, writeSigned };
}

const { load, transcript, writePairs, writeSingles, writeSigned } = compileLoops();

export { transcript };

/** What `transcribe` says of a message that is wrong. */
export const NOT_RIGHT = -1;

/** Set in what `transcribe` returns when some text holds a byte beyond ASCII. */
export const BEYOND_ASCII = 1;

/**
 * Writes MTI and fields, and in `marks` where each segment begins. `transcript` then gives the characters.
 *
 * @param marks as long as `shape.zeros`
 * @returns the characters written, an even number, with bit 0 as BEYOND_ASCII; NOT_RIGHT when anything is wrong
 */
export function transcribe(shape: Shape, body: Buffer, marks: number[]): number {
  const { segments } = shape;
  const { length } = body;
  if (length > BODY_BYTES_MAX) return NOT_RIGHT;
  load(body);
  if ((writePairs(0, 2, 0) & NOT_DECIMAL) !== 0) return NOT_RIGHT;
  let pair = 2;
  let at = shape.head;
  let foundInText = 0;
  for (let index = 0; index < segments.length; index += 1) {
    const segment = segments[index] as Segment;
    let { bytes } = segment;
    let count = 0;
    marks[segment.mark] = pair * 2;
    if (segment.prefix !== 0) {
      count = announcedCount(body, at, segment.prefix);
      if (count < 0 || count > segment.count) return NOT_RIGHT;
      marks[segment.mark + 1] = count;
      at += segment.prefix;
      bytes = segment.packed ? (count + 1) >> 1 : count;
    }
    const end = at + bytes;
    if (end > length) return NOT_RIGHT;
    let found = 0;
    if (segment.kind === PAIRS) {
      found = writePairs(at, end, pair);
      pair += bytes;
    } else if (segment.kind === SIGNED) {
      found = writeSigned(at, end, pair);
      pair += bytes;
    } else {
      found = writeSingles(at, end, pair * 2);
      foundInText |= found;
      pair += (bytes + 1) >> 1;
    }
    if ((found & segment.forbiddenInAny) !== 0 && holdsForbidden(segment, body, at, end, count))
      return NOT_RIGHT;
    at = end;
  }
  if (at !== length) return NOT_RIGHT;
  return pair * 2 + ((foundInText & NOT_ASCII) === 0 ? 0 : BEYOND_ASCII);
}

/** What one or two BCD bytes say; below zero when they are no BCD, or not there. */
function announcedCount(body: Buffer, at: number, prefix: 1 | 2): number {
  if (at + prefix > body.length) return -1;
  const first = BCD_VALUE[body[at] as number] as number;
  return prefix === 1 ? first : first * 100 + (BCD_VALUE[body[at + 1] as number] as number);
}

/** Byte by byte: a pad nibble, or a text beside one that must be printable, may be anything. */
function holdsForbidden(segment: Segment, body: Buffer, start: number, end: number, count: number): boolean {
  if (segment.kind === SIGNED) return true;
  const found = segment.kind === PAIRS ? PAIR_OF : CLASS_OF;
  const padAt = segment.packed && (count & 1) === 1 ? (segment.right ? start : end - 1) : -1;
  const pad = segment.right ? HIGH_NOT_DECIMAL : LOW_NOT_DECIMAL;
  for (let at = start; at < end; at += 1) {
    const forbidden = segment.forbidden[segment.prefix === 0 ? at - start : 0] as number;
    if (((found[body[at] as number] as number) & forbidden & (at === padAt ? ~pad : ~0)) !== 0) return true;
  }
  return false;
}
