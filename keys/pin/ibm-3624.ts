/** IBM 3624: a PIN as a function of the card number, and the offset from it. PINs are Buffers of ASCII digits; the caller wipes them. */
import { hasDigits, PosError } from '../../protocol/index.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { fromHex } from '../hex.ts';
import { passingSecret, wipe } from '../secret-buffer.ts';
import { decimalise } from './decimalise.ts';
import { checkPinDigits, PIN_DIGITS_MAX, PIN_DIGITS_MIN } from './pin-digits.ts';

/**
 * IBM 3624 natural PIN plus offset: decimalise E_PVK(validation data), add the offset digit by digit
 * modulo 10. The offset's length is the PIN's.
 *
 * @param validation 16 hex digits
 * @returns ASCII digits; the caller wipes them
 * @throws KEY_BAD, PIN_BLOCK_BAD
 * @example PVK 0123456789ABCDEFFEDCBA9876543210, validation 1122334455667788, table 1234567890123456,
 *   offset 7710 gives 1234 (psec's test suite)
 */
export function ibm3624Pin(pvk: KeyedCipher, validation: string, offset: string, table?: string): Buffer {
  if (!hasDigits(offset, PIN_DIGITS_MIN, PIN_DIGITS_MAX))
    throw new PosError('PIN_BLOCK_BAD', 'an offset has 4 to 12 decimal digits');
  const natural = naturalPin(pvk, validation, offset.length, table);
  for (let at = 0; at < natural.length; at += 1) {
    natural[at] = 0x30 + (((natural[at] as number) + offset.charCodeAt(at) - 0x60) % 10);
  }
  return natural;
}

/**
 * IBM 3624 offset: PIN minus natural PIN, digit by digit modulo 10, over all digits of the PIN.
 *
 * @example as ibm3624Pin: PIN 1234 gives 7710
 * @throws KEY_BAD, PIN_BLOCK_BAD
 */
export function ibm3624Offset(
  pvk: KeyedCipher,
  validation: string,
  pinDigits: Buffer,
  table?: string,
): string {
  checkPinDigits(pinDigits);
  const natural = naturalPin(pvk, validation, pinDigits.length, table);
  let offset = '';
  for (let at = 0; at < pinDigits.length; at += 1) {
    offset += ((pinDigits[at] as number) - (natural[at] as number) + 10) % 10;
  }
  wipe(natural);
  return offset;
}

/**
 * Our validation data: the card number without its check digit, its last sixteen digits, filled with F
 * at the right. The check digit adds nothing; a sixteen-digit number gives fifteen digits and one F;
 * of a longer one the first digits, which all cards of the programme share, fall away. So two cards
 * never share a natural PIN by construction.
 */
export function pinValidationData(pan: string): string {
  if (!hasDigits(pan, 13, 19)) throw new PosError('PAN_BAD', 'a card number has 13 to 19 decimal digits');
  return pan.slice(-17, -1).padEnd(16, 'F');
}

function naturalPin(pvk: KeyedCipher, validation: string, digits: number, table?: string): Buffer {
  const block = fromHex(validation, 'validation data');
  if (block.length !== 8) throw new PosError('KEY_BAD', 'validation data has sixteen hexadecimal digits');
  const encrypted = pvk.encrypt(block);
  const natural = passingSecret(digits);
  decimalise(encrypted, natural, table);
  wipe(encrypted);
  return natural;
}
