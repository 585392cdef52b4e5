/** ISO 9564-1 format 4: 16 bytes, AES only, the card number bound inside the encryption. */
import { xorInto } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { secretBuffer } from '../secret-buffer.ts';
import { panField4 } from './pan-field.ts';
import type { Random } from './pin-block.ts';
import { FILLERS, malformedPinBlock, readPinField, writePinField } from './pin-field.ts';

const BLOCK_BYTES = 16;
const FIELD_BYTES = 8;

/**
 * E(E(PIN field) XOR PAN field). The PIN field is `4 L P… A…` in 8 bytes and 8 random ones. Because the
 * card number is inside, only an HSM (or this vault) can move a PIN to a block for another card.
 *
 * @param aes any AES key
 * @param pinDigits ASCII digits, 4 to 12; the caller wipes them
 * @example key 00112233445566778899AABBCCDDEEFF, PIN 1234, PAN 1234567890123456789, random
 *   FFFFFFFFFFFFFFFF gives 28B41FDDD29B743E93124BD8E32D921E (psec's test suite)
 * @throws PIN_BLOCK_BAD, PAN_BAD
 */
export function encipherPinBlock4(aes: KeyedCipher, pinDigits: Buffer, pan: string, random: Random): Buffer {
  const panField = panField4(pan);
  const field = secretBuffer(BLOCK_BYTES);
  writePinField(field.fill(0xaa, 0, FIELD_BYTES).subarray(0, FIELD_BYTES), 4, pinDigits);
  random(FIELD_BYTES).copy(field, FIELD_BYTES);
  const middle = aes.encrypt(field);
  field.fill(0);
  xorInto(middle, panField);
  return aes.encrypt(middle);
}

/**
 * The PIN of a format 4 block, as ASCII digits: the caller wipes them. Which check failed is not told.
 *
 * @example key C1D0F8FB4958670DBA40AB1F3752EF0D, block CC17F65586BFD0953010226C4FC5B3CA, PAN
 *   432198765432109870 hold PIN 1234 (ep2 security specification, version 8)
 * @throws PIN_BLOCK_BAD, PAN_BAD
 */
export function decipherPinBlock4(aes: KeyedCipher, block: Buffer, pan: string): Buffer {
  const panField = panField4(pan);
  if (block.length !== BLOCK_BYTES) throw malformedPinBlock();
  const middle = aes.decrypt(block);
  xorInto(middle, panField);
  const field = aes.decrypt(middle);
  const pin = readPinField(field.subarray(0, FIELD_BYTES), 4, FILLERS.a);
  field.fill(0);
  if (pin === undefined) throw malformedPinBlock();
  return pin;
}
