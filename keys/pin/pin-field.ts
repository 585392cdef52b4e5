/** The PIN's part of a PIN block: control nibble, length nibble, digits, filler. */
import { PosError } from '../../protocol/index.ts';
import { nibbleAt, writeNibble } from '../nibbles.ts';
import { passingSecret } from '../secret-buffer.ts';
import { checkPinDigits, PIN_DIGITS_MAX, PIN_DIGITS_MIN } from './pin-digits.ts';

/** The one refusal for every check that a PIN block fails: which one it was would make an oracle. */
export function malformedPinBlock(): PosError {
  return new PosError('PIN_BLOCK_BAD', 'the block does not hold a PIN for this card number');
}

/** Zero for a nibble that may fill; else what is wrong with it. */
export type Filler = (nibble: number) => number;

/** What may stand after the last digit. */
// biome-ignore format: a table is read by column
export const FILLERS = {
  f:    (nibble: number) => nibble ^ 0x0f,
  a:    (nibble: number) => nibble ^ 0x0a,
  aToF: (nibble: number) => (nibble < 0x0a ? 1 : 0),
  any:  () => 0,
} as const satisfies Record<string, Filler>;

/**
 * Writes control, length and digits over a field that holds its filler already.
 *
 * @param pinDigits ASCII digits, 4 to 12
 * @returns the same buffer
 * @throws PIN_BLOCK_BAD; the field is wiped then
 */
export function writePinField(field: Buffer, control: number, pinDigits: Buffer): Buffer {
  try {
    checkPinDigits(pinDigits);
  } catch (error) {
    field.fill(0);
    throw error;
  }
  field[0] = (control << 4) | pinDigits.length;
  for (let at = 0; at < pinDigits.length; at += 1)
    writeNibble(field, 2 + at, (pinDigits[at] as number) & 0x0f);
  return field;
}

/** For a field that no card number is mixed into. */
const NO_MASK = Buffer.alloc(0);

/**
 * The PIN's ASCII digits, or undefined when anything is wrong. Every check runs, whichever fails: how
 * long it took tells nothing. The caller wipes the digits.
 *
 * @param mask what was XORed into the last bytes of the field
 */
export function readPinField(
  field: Buffer,
  control: number,
  filler: Filler,
  mask: Buffer = NO_MASK,
): Buffer | undefined {
  const length = nibbleAt(field, 1);
  const digits = passingSecret(field.length * 2 - 2);
  const masked = (field.length - mask.length) * 2;
  let wrong = nibbleAt(field, 0) ^ control;
  wrong |= (length < PIN_DIGITS_MIN ? 1 : 0) | (length > PIN_DIGITS_MAX ? 1 : 0);
  for (let at = 0; at < digits.length; at += 1) {
    const place = at + 2;
    const nibble = nibbleAt(field, place) ^ (place < masked ? 0 : nibbleAt(mask, place - masked));
    wrong |= at < length ? (nibble > 9 ? 1 : 0) : filler(nibble);
    digits[at] = 0x30 + nibble;
  }
  if (wrong === 0) return digits.subarray(0, length);
  digits.fill(0);
  return undefined;
}
