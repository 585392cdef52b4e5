/** Card verification values: CVV, CVC and UnionPay's CVN are one algorithm. */
import { hasDigits, PosError } from '../../protocol/index.ts';
import { xorInto } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { writeDigits } from '../nibbles.ts';
import { decimaliseTwoPass } from '../pin/decimalise.ts';
import { passingSecret } from '../secret-buffer.ts';

/** 32 digits. */
const INPUT_BYTES = 16;

/**
 * PAN ‖ expiry ‖ service code, filled with zeros to 32 digits: first half in single DES under the left
 * key, XOR the second half, triple DES; decimal digits first, then the letters minus 10; three kept.
 *
 * @param cvk double-length triple DES: left half CVK A, right half CVK B
 * @param pan 12 to 19 digits
 * @param expiry four digits, YYMM on the stripe
 * @param serviceCode three digits: the stripe's own; 999 for the chip, 000 for the printed value
 * @example CVK 0123456789ABCDEFFEDCBA9876543210, PAN 4123456789012345, 8701, 101 gives 561
 *   (PBOC's published examples)
 * @throws PAN_BAD, FIELD_BAD_CONTENT
 */
export function cardVerificationValue(
  cvk: KeyedCipher,
  pan: string,
  expiry: string,
  serviceCode: string,
): string {
  if (!hasDigits(pan, 12, 19)) throw new PosError('PAN_BAD', 'a card number has 12 to 19 decimal digits');
  if (!hasDigits(expiry, 4)) throw new PosError('FIELD_BAD_CONTENT', 'an expiry date has four digits, YYMM');
  if (!hasDigits(serviceCode, 3)) throw new PosError('FIELD_BAD_CONTENT', 'a service code has three digits');
  const input = passingSecret(INPUT_BYTES);
  writeDigits(input, writeDigits(input, writeDigits(input, 0, pan), expiry), serviceCode);
  const chain = cvk.leftHalf().encrypt(input.subarray(0, 8));
  xorInto(chain, input.subarray(8));
  return decimaliseTwoPass(cvk.encrypt(chain), 3);
}
