import iconv from 'iconv-lite';
import { PosError } from './errors.ts';

/**
 * Text on the wire is GB18030. What a peer sends under that name is not always text: a byte that belongs
 * to no GB18030 sequence is kept as one character U+DC80…U+DCFF (a lone low surrogate, which no text
 * contains; Python calls it surrogateescape), so that every field decodes and encodes back to its bytes.
 */
const ESCAPE = 0xdc00;
const CHARSET = 'gb18030';
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const BEYOND_ASCII = /[^\x00-\x7f]/;

/** One byte on the wire for each character. */
export function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text);
}

/** Any bytes as text. `encodeText` gives the same bytes back. */
export function decodeText(bytes: Buffer): string {
  const latin = bytes.toString('latin1');
  if (isAscii(latin)) return latin;
  const text = iconv.decode(bytes, CHARSET);
  return iconv.encode(text, CHARSET).equals(bytes) ? text : decodeWithEscapes(bytes);
}

/** Text as bytes. Throws FIELD_BAD_CONTENT for what is neither a character nor an escaped byte. */
export function encodeText(text: string): Buffer {
  if (isAscii(text)) return Buffer.from(text, 'latin1');
  if (!/\p{Surrogate}/u.test(text)) return iconv.encode(text, CHARSET);
  const pieces: Buffer[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0xd800 || point > 0xdfff) pieces.push(iconv.encode(character, CHARSET));
    else if (point >= ESCAPE + 0x80 && point <= ESCAPE + 0xff) pieces.push(Buffer.of(point - ESCAPE));
    else throw new PosError('FIELD_BAD_CONTENT', 'the text holds half a character');
  }
  return Buffer.concat(pieces);
}

/** Sequence by sequence; a byte that begins none is escaped alone. */
function decodeWithEscapes(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    const sequence = bytes.subarray(at, at + length);
    const decoded = length > 1 || sequence.readUInt8() < 0x80 ? iconv.decode(sequence, CHARSET) : '';
    if (decoded !== '' && iconv.encode(decoded, CHARSET).equals(sequence)) {
      text += decoded;
      at += length;
    } else {
      text += String.fromCharCode(ESCAPE + bytes.readUInt8(at));
      at += 1;
    }
  }
  return text;
}

/** GB18030-2005: one byte below 0x80; four when the second is a digit; else two. */
function sequenceLength(bytes: Buffer, at: number): number {
  const second = bytes[at + 1];
  if (bytes.readUInt8(at) < 0x80 || second === undefined) return 1;
  return second >= 0x30 && second <= 0x39 ? Math.min(4, bytes.length - at) : 2;
}
