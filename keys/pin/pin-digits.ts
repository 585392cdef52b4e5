/** A clear PIN: always a Buffer of ASCII digits, so that it can be wiped; a string could not. */
import { PosError } from '../../protocol/index.ts';

export const PIN_DIGITS_MIN = 4;
export const PIN_DIGITS_MAX = 12;

/**
 * Refuses what is no PIN, without telling a digit of it. Source: ISO 9564-1, 8.1.
 *
 * @throws PIN_BLOCK_BAD fewer than 4 or more than 12 digits, or a character that is no decimal digit
 */
export function checkPinDigits(pinDigits: Buffer): void {
  if (pinDigits.length < PIN_DIGITS_MIN || pinDigits.length > PIN_DIGITS_MAX) {
    throw new PosError('PIN_BLOCK_BAD', `a PIN has ${PIN_DIGITS_MIN} to ${PIN_DIGITS_MAX} digits`);
  }
  let wrong = 0;
  // Every digit is looked at, whichever is none: how long it took tells nothing.
  for (let at = 0; at < pinDigits.length; at += 1) {
    const digit = (pinDigits[at] as number) - 0x30;
    wrong |= digit | (9 - digit);
  }
  if (wrong < 0) throw new PosError('PIN_BLOCK_BAD', 'a PIN has decimal digits only');
}
