/** From hexadecimal to decimal digits, as PIN and card values need it. */
import { ensure, PosError } from '../../protocol/index.ts';

/** The usual decimalisation table: 0 to 9 stay, A to F become 0 to 5. */
export const DECIMALISATION = '0123456789012345';

/**
 * Each hex digit through the table (digit n of the table for nibble n).
 *
 * @example E5C1BD67B66AE7C6 through 8351296477461538 is 3913656466643416 (IBM CCA manual)
 */
export function decimalise(hex: string, table: string = DECIMALISATION): string {
  if (!/^[0-9]{16}$/.test(table))
    throw new PosError('KEY_BAD', 'a decimalisation table has sixteen decimal digits');
  let digits = '';
  for (let at = 0; at < hex.length; at += 1) digits += table[nibbleAt(hex, at)];
  return digits;
}

/**
 * The first `count` decimal digits of the text; where they do not suffice, a second pass over the
 * letters, A to F becoming 0 to 5. Source: the Visa PVV and CVV methods.
 *
 * @example EFADCFFFBDADECABFBB, 4 digits: 4503 (no decimal digit at all, all from the second pass)
 */
export function decimaliseTwoPass(hex: string, count: number): string {
  ensure(hex.length >= count, 'hexadecimal text, as long as its decimal digits');
  let digits = '';
  let letters = '';
  for (let at = 0; at < hex.length; at += 1) {
    const nibble = nibbleAt(hex, at);
    if (nibble < 10) digits += nibble;
    else letters += nibble - 10;
  }
  return (digits + letters).slice(0, count);
}

/** The value of an upper-case hexadecimal digit. @throws INVARIANT for any other character */
function nibbleAt(hex: string, at: number): number {
  const nibble = '0123456789ABCDEF'.indexOf(hex.charAt(at));
  ensure(nibble >= 0, 'what is decimalised is upper-case hexadecimal text');
  return nibble;
}
