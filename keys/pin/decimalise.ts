/** From hexadecimal to decimal digits, as PIN and card values need it. What goes in and out are nibbles of bytes. */
import { ensure, hasDigits, PosError } from '../../protocol/index.ts';
import { nibbleAt } from '../nibbles.ts';

/** The usual decimalisation table: 0 to 9 stay, A to F become 0 to 5. */
export const DECIMALISATION = '0123456789012345';

/**
 * The first nibbles through the table (digit n of the table for nibble n), as many as `digits` is long.
 *
 * @param digits where the ASCII digits go: a PIN may be made of them, so whoever gives the room wipes it
 * @example E5C1BD67B66AE7C6 through 8351296477461538 is 3913656466643416 (IBM CCA manual)
 * @throws KEY_BAD
 */
export function decimalise(bytes: Buffer, digits: Buffer, table: string = DECIMALISATION): void {
  if (!hasDigits(table, 16))
    throw new PosError('KEY_BAD', 'a decimalisation table has sixteen decimal digits');
  ensure(digits.length <= bytes.length * 2, 'a nibble for each digit');
  for (let at = 0; at < digits.length; at += 1) digits[at] = table.charCodeAt(nibbleAt(bytes, at));
}

/**
 * The first `count` decimal digits among the nibbles; where they do not suffice, a second pass over the
 * letters, A to F becoming 0 to 5. Source: the Visa PVV and CVV methods.
 *
 * @example EFADCFFFBDADECABFBBF, 4 digits: 4503 (no decimal digit at all, all from the second pass)
 */
export function decimaliseTwoPass(bytes: Buffer, count: number): string {
  const nibbles = bytes.length * 2;
  ensure(nibbles >= count, 'a nibble for each digit');
  let digits = '';
  for (let at = 0; at < nibbles && digits.length < count; at += 1) {
    const nibble = nibbleAt(bytes, at);
    if (nibble < 10) digits += nibble;
  }
  for (let at = 0; digits.length < count; at += 1) {
    const nibble = nibbleAt(bytes, at);
    if (nibble >= 10) digits += nibble - 10;
  }
  return digits;
}
