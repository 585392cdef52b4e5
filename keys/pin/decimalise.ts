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
  ensure(/^[0-9A-F]*$/.test(hex), 'what is decimalised is upper-case hexadecimal text');
  return Array.from(hex, (digit) => table[Number.parseInt(digit, 16)]).join('');
}

/**
 * The first `count` decimal digits of the text; where they do not suffice, a second pass over the
 * letters, A to F becoming 0 to 5. Source: the Visa PVV and CVV methods.
 *
 * @example EFADCFFFBDADECABFBB, 4 digits: 4503 (no decimal digit at all, all from the second pass)
 */
export function decimaliseTwoPass(hex: string, count: number): string {
  ensure(/^[0-9A-F]*$/.test(hex) && hex.length >= count, 'hexadecimal text, as long as its decimal digits');
  const digits = hex.replace(/[^0-9]/g, '');
  const letters = hex.replace(/[0-9]/g, '');
  return (digits + Array.from(letters, (letter) => Number.parseInt(letter, 16) - 10).join('')).slice(
    0,
    count,
  );
}
