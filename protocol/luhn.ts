import { codeAt } from './code-at.ts';

/**
 * The digit that makes a number pass the Luhn check (ISO/IEC 7812-1, annex B).
 *
 * @param withoutCheckDigit digits only; the caller has seen to it
 */
export function luhnDigitOf(withoutCheckDigit: string): string {
  let sum = 0;
  let doubled = true; // the digit left of the check digit counts twice
  for (let at = withoutCheckDigit.length - 1; at >= 0; at -= 1) {
    const digit = codeAt(withoutCheckDigit, at) - 48;
    const counted = doubled ? digit * 2 : digit;
    sum += counted > 9 ? counted - 9 : counted;
    doubled = !doubled;
  }
  return String((10 - (sum % 10)) % 10);
}
