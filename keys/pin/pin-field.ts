/** The PIN's part of a PIN block: control nibble, length nibble, digits, filler. */
import { PosError } from '../../protocol/index.ts';
import { secretBuffer } from '../secret-buffer.ts';
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
  pinDigits.forEach((byte, at) => {
    const slot = 1 + (at >> 1);
    const kept = field[slot] as number;
    const digit = byte & 0x0f;
    field[slot] = at % 2 === 0 ? (digit << 4) | (kept & 0x0f) : (kept & 0xf0) | digit;
  });
  return field;
}

/**
 * The PIN's ASCII digits, or undefined when anything is wrong. Every check runs, whichever fails: how
 * long it took tells nothing. The caller wipes the digits.
 */
export function readPinField(field: Buffer, control: number, filler: Filler): Buffer | undefined {
  const length = (field[0] as number) & 0x0f;
  const digits = secretBuffer(field.length * 2 - 2);
  let wrong = ((field[0] as number) >> 4) ^ control;
  wrong |= (length < PIN_DIGITS_MIN ? 1 : 0) | (length > PIN_DIGITS_MAX ? 1 : 0);
  for (let at = 0; at < digits.length; at += 1) {
    const byte = field[1 + (at >> 1)] as number;
    const nibble = at % 2 === 0 ? byte >> 4 : byte & 0x0f;
    wrong |= at < length ? (nibble > 9 ? 1 : 0) : filler(nibble);
    digits[at] = 0x30 + nibble;
  }
  const pin = secretBuffer(wrong === 0 ? length : 0);
  digits.copy(pin, 0, 0, pin.length);
  digits.fill(0);
  return wrong === 0 ? pin : undefined;
}
