/** Hexadecimal text, read strictly: `Buffer.from(text, 'hex')` stops silently at the first wrong character. */
import { type FailureCode, PosError } from '../protocol/index.ts';

/** At module level: the bundle would make it anew at each call. */
const WIDE = /[^\x20-\x7e]/;

/**
 * @param what names the input in the error, which never repeats the text itself
 * @throws the given code when a character is no hex digit or the length is odd
 */
export function fromHex(text: string, what: string, code: FailureCode = 'KEY_BAD'): Buffer {
  const bytes = Buffer.from(text, 'hex');
  // Of a wide character Node takes the low byte: a letter of another script would pass for a digit.
  if (bytes.length * 2 === text.length && !WIDE.test(text)) return bytes;
  bytes.fill(0);
  const wrong = text.search(/[^0-9A-Fa-f]/);
  if (wrong >= 0) throw new PosError(code, `${what}: character ${wrong + 1} is no hexadecimal digit`);
  throw new PosError(code, `${what}: ${text.length} hexadecimal digits, an odd number`);
}

/** Upper-case hex, as the dialect writes bytes. */
export function toHex(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase();
}
