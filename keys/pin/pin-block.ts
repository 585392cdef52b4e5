/**
 * PIN blocks of ISO 9564-1 that are built in the clear and then encrypted: formats 0 to 3, and the
 * dialect's SM4 block. Format 4, whose encryption binds the card number, is in pin-block-4.ts.
 *
 * No PIN entered means no block at all: an empty PIN is refused. What is returned in the clear is
 * wiped by the caller.
 */
import { xorInto } from '../cipher/block-cipher.ts';
import { secretBuffer } from '../secret-buffer.ts';
import { pan12 } from './pan-field.ts';
import { FILLERS, type Filler, malformedPinBlock, readPinField, writePinField } from './pin-field.ts';

const BLOCK_BYTES = 8;
const SM4_BLOCK_BYTES = 16;

/** A source of random bytes. */
export type Random = (bytes: number) => Buffer;

/**
 * ISO 9564-1 format 0 (ANSI X9.8; UnionPay's "with card number"): `0 L P… F…` XOR `0000 PAN12`, 8
 * bytes, in the clear: encrypt it at once.
 *
 * PAN12 is the twelve digits left of the check digit, filled with zeros at the left.
 *
 * @example PIN 1234, PAN 5555555551234567 gives 041261AAAAEDCBA9 (psec's test suite)
 * @param pinDigits ASCII digits, 4 to 12; the caller wipes them
 * @throws PIN_BLOCK_BAD, PAN_BAD
 */
export function encodePinBlock0(pinDigits: Buffer, pan: string): Buffer {
  return withPanField(writePinField(secretBuffer(BLOCK_BYTES).fill(0xff), 0, pinDigits), pan);
}

/**
 * The PIN of a clear format 0 block, as ASCII digits: the caller wipes them.
 *
 * Every check runs and none is named: which one failed would make an oracle.
 *
 * @throws PIN_BLOCK_BAD wrong length, control nibble, PIN length, digit or filler
 */
export function decodePinBlock0(block: Buffer, pan: string): Buffer {
  return decodeWithPan(block, pan, BLOCK_BYTES, 0, FILLERS.f);
}

/**
 * ISO 9564-1 format 1: `1 L P… R…`, R random. No card number in it: only where none is known, and never
 * the target of a translation.
 *
 * @param random makes the filler, which must differ from transaction to transaction
 * @example PIN 12345, filler EDCBA9876 gives 1512345EDCBA9876 (openemv/pinblock's test suite)
 * @throws PIN_BLOCK_BAD
 */
export function encodePinBlock1(pinDigits: Buffer, random: Random): Buffer {
  return writePinField(Buffer.from(random(BLOCK_BYTES)), 1, pinDigits);
}

/** As decodePinBlock0, for format 1, whose filler may be anything. @throws PIN_BLOCK_BAD */
export function decodePinBlock1(block: Buffer): Buffer {
  return decode(block, 1, FILLERS.any);
}

/**
 * ISO 9564-1 format 2: `2 L P… F…`. For a chip card that verifies the PIN itself, never on a line.
 *
 * @example PIN 1234 gives 241234FFFFFFFFFF (psec's test suite)
 * @throws PIN_BLOCK_BAD
 */
export function encodePinBlock2(pinDigits: Buffer): Buffer {
  return writePinField(secretBuffer(BLOCK_BYTES).fill(0xff), 2, pinDigits);
}

/** As decodePinBlock0, for format 2. @throws PIN_BLOCK_BAD */
export function decodePinBlock2(block: Buffer): Buffer {
  return decode(block, 2, FILLERS.f);
}

/**
 * ISO 9564-1 format 3: as format 0 with a random filler of the nibbles A to F, so that equal PINs under
 * one key give different blocks.
 *
 * @example the block 341261AAAAEDCBA9 under PAN 5555555551234567 holds PIN 1234 (psec's test suite)
 * @throws PIN_BLOCK_BAD, PAN_BAD
 */
export function encodePinBlock3(pinDigits: Buffer, pan: string, random: Random): Buffer {
  return withPanField(writePinField(lettersAToF(random), 3, pinDigits), pan);
}

/** As decodePinBlock0, for format 3. @throws PIN_BLOCK_BAD */
export function decodePinBlock3(block: Buffer, pan: string): Buffer {
  return decodeWithPan(block, pan, BLOCK_BYTES, 3, FILLERS.aToF);
}

/**
 * The dialect's SM4 block (DE57 `PB`): the PIN field `0 L P…` filled with F to 16 bytes, XOR PAN12
 * right-aligned in 16 bytes. Not ISO format 4.
 *
 * @example PIN 123654, PAN 6230606601007726888 gives 06123654FFFFFFFFFFFF99FEFF88D977
 *   (CSDN, M_Kerry, article 104625499)
 */
export function encodePinBlockSm4(pinDigits: Buffer, pan: string): Buffer {
  return withPanField(writePinField(secretBuffer(SM4_BLOCK_BYTES).fill(0xff), 0, pinDigits), pan);
}

/** As decodePinBlock0, for the dialect's 16-byte block. */
export function decodePinBlockSm4(block: Buffer, pan: string): Buffer {
  return decodeWithPan(block, pan, SM4_BLOCK_BYTES, 0, FILLERS.f);
}

function decodeWithPan(block: Buffer, pan: string, bytes: number, control: number, filler: Filler): Buffer {
  refuseLength(block, bytes);
  return found(readPinField(block, control, filler, pan12(pan)));
}

function decode(block: Buffer, control: number, filler: Filler): Buffer {
  refuseLength(block, BLOCK_BYTES);
  return found(readPinField(block, control, filler));
}

function refuseLength(block: Buffer, bytes: number): void {
  if (block.length !== bytes) throw malformedPinBlock();
}

function found(pin: Buffer | undefined): Buffer {
  if (pin === undefined) throw malformedPinBlock();
  return pin;
}

/** XORs PAN12 into the last six bytes, in place. */
function withPanField(field: Buffer, pan: string): Buffer {
  xorInto(field.subarray(field.length - 6), pan12(pan));
  return field;
}

/** Eight bytes of nibbles A to F, each as likely as the others: 252 is the largest multiple of six in a byte. */
function lettersAToF(random: Random): Buffer {
  const out = secretBuffer(BLOCK_BYTES);
  let filled = 0;
  while (filled < BLOCK_BYTES * 2) {
    const drawn = random(BLOCK_BYTES * 2);
    for (const byte of drawn) {
      if (filled === BLOCK_BYTES * 2 || byte >= 252) continue;
      const letter = 0x0a + (byte % 6);
      out[filled >> 1] = (out[filled >> 1] as number) | (filled % 2 === 0 ? letter << 4 : letter);
      filled += 1;
    }
    drawn.fill(0);
  }
  return out;
}
