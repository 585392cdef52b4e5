/** PIN references: what an issuer keeps instead of a PIN. PINs are Buffers of ASCII digits; the caller wipes them. */
import { PosError } from '../protocol/index.ts';
import type { BlockCipher } from './block-cipher.ts';
import { fromHex, toHex } from './hex.ts';

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
  return Array.from(hex, (digit) => table[Number.parseInt(digit, 16)]).join('');
}

/**
 * The first `count` decimal digits of the text; where they do not suffice, a second pass over the
 * letters, A to F becoming 0 to 5. Source: the Visa PVV and CVV methods.
 *
 * @example EFADCFFFBDADECABFBB, 4 digits: 4503 (no decimal digit at all, all from the second pass)
 */
export function decimaliseTwoPass(hex: string, count: number): string {
  const digits = hex.replace(/[^0-9]/g, '');
  const letters = hex.replace(/[0-9]/g, '');
  return (digits + Array.from(letters, (letter) => Number.parseInt(letter, 16) - 10).join('')).slice(
    0,
    count,
  );
}

/**
 * IBM 3624 natural PIN plus offset: decimalise E_PVK(validation data), add the offset digit by digit
 * modulo 10. The offset's length is the PIN's.
 *
 * @param validation 16 hex digits
 * @returns ASCII digits; the caller wipes them
 * @example PVK 0123456789ABCDEFFEDCBA9876543210, validation 1122334455667788, table 1234567890123456,
 *   offset 7710 gives 1234 (psec's test suite)
 */
export function ibm3624Pin(pvk: BlockCipher, validation: string, offset: string, table?: string): Buffer {
  const natural = naturalPin(pvk, validation, offset.length, table);
  for (let at = 0; at < natural.length; at += 1) {
    natural[at] = 0x30 + (((natural[at] as number) - 0x30 + Number(offset[at])) % 10);
  }
  return natural;
}

/**
 * IBM 3624 offset: PIN minus natural PIN, digit by digit modulo 10, over all digits of the PIN.
 *
 * @example as ibm3624Pin: PIN 1234 gives 7710
 */
export function ibm3624Offset(
  pvk: BlockCipher,
  validation: string,
  pinDigits: Buffer,
  table?: string,
): string {
  const natural = naturalPin(pvk, validation, pinDigits.length, table);
  let offset = '';
  for (let at = 0; at < pinDigits.length; at += 1) {
    offset += String(((pinDigits[at] as number) - (natural[at] as number) + 10) % 10);
  }
  natural.fill(0);
  return offset;
}

/**
 * Our validation data: the card number without its check digit, its last sixteen digits, filled with F
 * at the right. The check digit adds nothing; a sixteen-digit number gives fifteen digits and one F;
 * of a longer one the first digits, which all cards of the programme share, fall away. So two cards
 * never share a natural PIN by construction.
 */
export function pinValidationData(pan: string): string {
  if (!/^[0-9]{13,19}$/.test(pan)) throw new PosError('PAN_BAD', 'a card number has 13 to 19 decimal digits');
  return pan.slice(0, -1).slice(-16).padEnd(16, 'F');
}

/**
 * Visa PIN verification value: E_PVK(11 digits left of the check digit ‖ PVKI ‖ first four PIN
 * digits), decimalised in two passes, four digits. Covers four PIN digits only: of a six-digit PIN the
 * last two are not checked.
 *
 * @param pvki one digit
 * @example PVK 0123456789ABCDEFFEDCBA9876543210, PVKI 1, PIN 4524, PAN 1122334455667788 gives 8523
 *   (psec's test suite)
 */
export function visaPvv(pvk: BlockCipher, pan: string, pvki: string, pinDigits: Buffer): string {
  if (!/^[0-9]{12,19}$/.test(pan)) throw new PosError('PAN_BAD', 'a card number has 12 to 19 decimal digits');
  if (!/^[0-9]$/.test(pvki)) throw new PosError('KEY_BAD', 'a PIN verification key index is one digit');
  if (pinDigits.length < 4) throw new PosError('PIN_BLOCK_BAD', 'a PVV covers four digits');
  const block = Buffer.alloc(8);
  block.write(`${pan.slice(0, -1).slice(-11)}${pvki}0000`, 'hex');
  block[6] = (((pinDigits[0] as number) & 15) << 4) | ((pinDigits[1] as number) & 15);
  block[7] = (((pinDigits[2] as number) & 15) << 4) | ((pinDigits[3] as number) & 15);
  const pvv = decimaliseTwoPass(toHex(pvk.encrypt(block)), 4);
  block.fill(0);
  return pvv;
}

function naturalPin(pvk: BlockCipher, validation: string, digits: number, table?: string): Buffer {
  const block = fromHex(validation, 'validation data');
  if (block.length !== 8) throw new PosError('KEY_BAD', 'validation data has sixteen hexadecimal digits');
  const encrypted = pvk.encrypt(block);
  const natural = Buffer.from(decimalise(toHex(encrypted), table).slice(0, digits), 'ascii');
  encrypted.fill(0);
  return natural;
}
