import { hasDigits } from './digits.ts';
import { PosError } from './errors.ts';
import { luhnDigitOf } from './luhn.ts';

/**
 * The primary account number: ISO/IEC 7812-1, 13…19 digits here, the last one the Luhn digit over
 * the rest.
 */
export const PAN_DIGITS_MIN = 13;
export const PAN_DIGITS_MAX = 19;

/** True when the last digit is the Luhn digit of those before it. Length is not judged. */
export function isLuhnValid(pan: string): boolean {
  return hasDigits(pan, 2, pan.length) && luhnDigitOf(pan.slice(0, -1)) === pan.slice(-1);
}

/**
 * The digit that makes a number pass the Luhn check (ISO/IEC 7812-1, annex B).
 *
 * @param withoutCheckDigit digits only, else PAN_BAD
 * @example luhnDigit('411111111111111') is '1'
 */
export function luhnDigit(withoutCheckDigit: string): string {
  if (!hasDigits(withoutCheckDigit, 1, withoutCheckDigit.length))
    throw new PosError('PAN_BAD', 'not digits only');
  return luhnDigitOf(withoutCheckDigit);
}

/** What may be shown of a card number: first six, last four. Of fewer than 13 characters, nothing. */
export function maskPan(pan: string): string {
  if (pan.length < 13) return '*'.repeat(pan.length);
  return `${pan.slice(0, 6)}${'*'.repeat(pan.length - 10)}${pan.slice(-4)}`;
}

/** Throws PAN_BAD, without showing the number, unless it is 13…19 digits with a right Luhn digit. */
export function checkPan(pan: string): void {
  if (!hasDigits(pan, PAN_DIGITS_MIN, PAN_DIGITS_MAX))
    throw new PosError('PAN_BAD', 'a card number has 13 to 19 digits');
  if (!isLuhnValid(pan)) throw new PosError('PAN_BAD', 'the check digit of the card number is wrong');
}
