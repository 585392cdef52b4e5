/**
 * PIN blocks. The clear PIN is always a Buffer of ASCII digits, so that it can be wiped; a string
 * could not. No PIN entered means no block at all: an empty PIN is refused.
 */
import { PosError } from '../protocol/index.ts';

const PIN_DIGITS_MIN = 4;
const PIN_DIGITS_MAX = 12;

/**
 * ISO 9564-1 format 0: `0 L P… F…` XOR `0000 PAN12`, 8 bytes, in the clear: encrypt it at once.
 *
 * PAN12 is the twelve digits left of the check digit, filled with zeros at the left.
 *
 * @example PIN 1234, PAN 5555555551234567 gives 041261AAAAEDCBA9 (psec's test suite)
 * @param pinDigits ASCII digits, 4 to 12; the caller wipes them
 * @throws PIN_BLOCK_BAD, PAN_BAD
 */
export function encodePinBlock0(pinDigits: Buffer, pan: string): Buffer {
  return xorPanField(pinField(pinDigits, 8), pan);
}

/**
 * The PIN of a clear format 0 block, as ASCII digits: the caller wipes them.
 *
 * Every check runs and none is named: which one failed would make an oracle.
 *
 * @throws PIN_BLOCK_BAD wrong length, control nibble, PIN length, digit or filler
 */
export function decodePinBlock0(block: Buffer, pan: string): Buffer {
  return decode(block, pan, 8);
}

/**
 * The dialect's SM4 block (DE57 `PB`): the PIN field `0 L P…` filled with F to 16 bytes, XOR PAN12
 * right-aligned in 16 bytes. Not ISO format 4.
 *
 * @example PIN 123654, PAN 6230606601007726888 gives 06123654FFFFFFFFFFFF99FEFF88D977
 *   (CSDN, M_Kerry, article 104625499)
 */
export function encodePinBlockSm4(pinDigits: Buffer, pan: string): Buffer {
  return xorPanField(pinField(pinDigits, 16), pan);
}

/** As decodePinBlock0, for the dialect's 16-byte block. */
export function decodePinBlockSm4(block: Buffer, pan: string): Buffer {
  return decode(block, pan, 16);
}

function pinField(pinDigits: Buffer, blockBytes: number): Buffer {
  const length = pinDigits.length;
  if (length < PIN_DIGITS_MIN || length > PIN_DIGITS_MAX) {
    throw new PosError('PIN_BLOCK_BAD', `a PIN has ${PIN_DIGITS_MIN} to ${PIN_DIGITS_MAX} digits`);
  }
  const field = Buffer.alloc(blockBytes, 0xff);
  field[0] = length;
  for (let at = 0; at < length; at += 1) {
    const digit = (pinDigits[at] as number) - 0x30;
    if (digit < 0 || digit > 9) {
      field.fill(0);
      throw new PosError('PIN_BLOCK_BAD', 'a PIN has decimal digits only');
    }
    const byte = 1 + (at >> 1);
    field[byte] = at % 2 === 0 ? (digit << 4) | 0x0f : ((field[byte] as number) & 0xf0) | digit;
  }
  return field;
}

function decode(block: Buffer, pan: string, blockBytes: number): Buffer {
  if (block.length !== blockBytes) throw malformed();
  const field = xorPanField(Buffer.from(block), pan);
  const control = (field[0] as number) >> 4;
  const length = (field[0] as number) & 0x0f;
  const digits = Buffer.alloc(blockBytes * 2 - 2);
  let wrong = control | (length < PIN_DIGITS_MIN ? 1 : 0) | (length > PIN_DIGITS_MAX ? 1 : 0);
  for (let at = 0; at < digits.length; at += 1) {
    const byte = field[1 + (at >> 1)] as number;
    const nibble = at % 2 === 0 ? byte >> 4 : byte & 0x0f;
    wrong |= at < length ? (nibble > 9 ? 1 : 0) : nibble ^ 0x0f;
    digits[at] = 0x30 + nibble;
  }
  field.fill(0);
  const pin = Buffer.alloc(wrong === 0 ? length : 0);
  digits.copy(pin, 0, 0, pin.length);
  digits.fill(0);
  if (wrong !== 0) throw malformed();
  return pin;
}

/** XORs PAN12 into the last six bytes, in place. */
function xorPanField(field: Buffer, pan: string): Buffer {
  const twelve = pan12(pan);
  for (let at = 0; at < 6; at += 1) {
    const slot = field.length - 6 + at;
    field[slot] = (field[slot] as number) ^ Number.parseInt(twelve.slice(at * 2, at * 2 + 2), 16);
  }
  return field;
}

/** The twelve digits left of the check digit, filled with zeros at the left. @throws PAN_BAD */
export function pan12(pan: string): string {
  if (!/^[0-9]{1,19}$/.test(pan)) throw new PosError('PAN_BAD', 'a card number has 1 to 19 decimal digits');
  return pan.slice(0, -1).slice(-12).padStart(12, '0');
}

function malformed(): PosError {
  return new PosError('PIN_BLOCK_BAD', 'the block does not hold a PIN for this card number');
}
