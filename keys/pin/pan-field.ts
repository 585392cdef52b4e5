/** The card number's part of a PIN block. */
import { hasDigits, PosError } from '../../protocol/index.ts';
import { writeDigits } from '../nibbles.ts';

const PAN12_DIGITS = 12;

/**
 * PAN12 of formats 0 and 3: the twelve digits left of the check digit, filled with zeros at the left.
 *
 * @returns 6 bytes, two digits in each
 * @throws PAN_BAD no digit, more than 19, or a character that is none
 */
export function pan12(pan: string): Buffer {
  checkPan(pan);
  const digits = pan.slice(-1 - PAN12_DIGITS, -1);
  const field = Buffer.alloc(PAN12_DIGITS / 2);
  writeDigits(field, PAN12_DIGITS - digits.length, digits);
  return field;
}

/**
 * PAN field of format 4: one nibble for the digits beyond twelve, the card number (at least twelve
 * digits, filled with zeros at the left), zeros to 16 bytes.
 *
 * @example 112233445566778899 gives 61122334455667788990000000000000 (psec's test suite)
 * @throws PAN_BAD
 */
export function panField4(pan: string): Buffer {
  checkPan(pan);
  const beyond = Math.max(0, pan.length - 12);
  return Buffer.from(`${beyond}${pan.padStart(12, '0')}`.padEnd(32, '0'), 'hex');
}

function checkPan(pan: string): void {
  if (!hasDigits(pan, 1, 19)) throw new PosError('PAN_BAD', 'a card number has 1 to 19 decimal digits');
}
