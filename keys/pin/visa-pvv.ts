/** Visa's PIN verification value: what an issuer keeps instead of a PIN. */
import { hasDigits, PosError } from '../../protocol/index.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { writeDigits } from '../nibbles.ts';
import { passingSecret } from '../secret-buffer.ts';
import { decimaliseTwoPass } from './decimalise.ts';
import { checkPinDigits } from './pin-digits.ts';

/**
 * Visa PIN verification value: E_PVK(11 digits left of the check digit ‖ PVKI ‖ first four PIN
 * digits), decimalised in two passes, four digits. Covers four PIN digits only: of a six-digit PIN the
 * last two are not checked.
 *
 * @param pvki one digit
 * @example PVK 0123456789ABCDEFFEDCBA9876543210, PVKI 1, PIN 4524, PAN 1122334455667788 gives 8523
 *   (psec's test suite)
 * @throws PAN_BAD, KEY_BAD, PIN_BLOCK_BAD
 */
export function visaPvv(pvk: KeyedCipher, pan: string, pvki: string, pinDigits: Buffer): string {
  if (!hasDigits(pan, 12, 19)) throw new PosError('PAN_BAD', 'a card number has 12 to 19 decimal digits');
  if (!hasDigits(pvki, 1)) throw new PosError('KEY_BAD', 'a PIN verification key index is one digit');
  checkPinDigits(pinDigits);
  const block = passingSecret(8);
  writeDigits(block, writeDigits(block, 0, pan.slice(-12, -1)), pvki);
  block[6] = (((pinDigits[0] as number) & 15) << 4) | ((pinDigits[1] as number) & 15);
  block[7] = (((pinDigits[2] as number) & 15) << 4) | ((pinDigits[3] as number) & 15);
  const pvv = decimaliseTwoPass(pvk.encrypt(block), 4);
  block.fill(0);
  return pvv;
}
