import iconv from 'iconv-lite';
import { codeAt } from './code-at.ts';
import { PosError } from './errors.ts';

/**
 * Text on the wire is GB18030. What a peer sends under that name is not always text: a byte that belongs
 * to no GB18030 sequence is kept as one character U+DC80…U+DCFF (a lone low surrogate, which no text
 * contains; Python calls it surrogateescape), so that every field decodes and encodes back to its bytes.
 */
const ESCAPE = 0xdc00;
const CHARSET = 'gb18030';

/**
 * The GB18030 bytes of each character of the basic plane as one number, the first byte highest; 0 where it was not
 * asked for yet. GB18030 has no state, so a text is its characters one by one.
 */
const CODES = new Uint32Array(0x1_0000);

/** One byte on the wire for each character. */
export function isAscii(text: string): boolean {
  const { length } = text;
  for (let at = 0; at < length; at += 1) if (codeAt(text, at) > 0x7f) return false;
  return true;
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
  const bytes = Buffer.allocUnsafe(encodedBytes(text));
  writeEncoded(bytes, 0, text);
  return bytes;
}

/** How many bytes a text takes. Throws as `encodeText` does. */
export function encodedBytes(text: string): number {
  const { length } = text;
  let bytes = 0;
  for (let at = 0; at < length; at += 1) {
    const unit = codeAt(text, at);
    if (unit < 0x80) bytes += 1;
    else if (!isSurrogate(unit)) bytes += codeOf(unit) > 0xffff ? 4 : 2;
    else if (isPair(text, at)) {
      bytes += 4;
      at += 1;
    } else if (isEscape(unit)) bytes += 1;
    else throw new PosError('FIELD_BAD_CONTENT', 'the text holds half a character');
  }
  return bytes;
}

/** Writes a text that `encodedBytes` took. Returns the offset behind it. */
export function writeEncoded(out: Buffer, from: number, text: string): number {
  const { length } = text;
  let to = from;
  for (let at = 0; at < length; at += 1) {
    const unit = codeAt(text, at);
    if (unit < 0x80) {
      out[to] = unit;
      to += 1;
    } else if (!isSurrogate(unit)) to = writeCode(out, to, codeOf(unit));
    else if (isPair(text, at)) {
      to += iconv.encode(text.slice(at, at + 2), CHARSET).copy(out, to);
      at += 1;
    } else {
      out[to] = unit - ESCAPE;
      to += 1;
    }
  }
  return to;
}

/** Two or four bytes: no character beyond ASCII has another number. */
function writeCode(out: Buffer, to: number, code: number): number {
  if (code > 0xffff) {
    out.writeUInt32BE(code, to);
    return to + 4;
  }
  out[to] = code >> 8;
  out[to + 1] = code;
  return to + 2;
}

function codeOf(unit: number): number {
  const known = CODES[unit] as number;
  if (known !== 0) return known;
  const bytes = iconv.encode(String.fromCharCode(unit), CHARSET);
  const code = bytes.readUIntBE(0, bytes.length);
  CODES[unit] = code;
  return code;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** A high surrogate and a low one behind it: one character. */
function isPair(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}

function isEscape(unit: number): boolean {
  return unit >= ESCAPE + 0x80 && unit <= ESCAPE + 0xff;
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
