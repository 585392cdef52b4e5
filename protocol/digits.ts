import { codeAt } from './code-at.ts';

/**
 * True for `min` to `max` characters, all of them 0 to 9. By character: this is asked dozens of times for every
 * message, and a regular expression takes several times as long for so short a text.
 */
export function hasDigits(text: string, min: number, max: number = min): boolean {
  const { length } = text;
  if (length < min || length > max) return false;
  for (let at = 0; at < length; at += 1) {
    const code = codeAt(text, at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
