/** PIN blocks by format: how a PIN gets into an encrypted block and out again. */
import { PosError } from '../../protocol/index.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { wipe } from '../secret-buffer.ts';
import {
  decodePinBlock0,
  decodePinBlock3,
  decodePinBlockSm4,
  encodePinBlock0,
  encodePinBlock3,
  encodePinBlockSm4,
  type Random,
} from './pin-block.ts';
import { decipherPinBlock4, encipherPinBlock4 } from './pin-block-4.ts';
import { malformedPinBlock } from './pin-field.ts';

/** The formats that bind the card number. Formats 1 and 2 do not: a block moved there could be moved on to any card. */
export type PanBoundFormat = '0' | '3' | '4' | 'sm4';

interface FormatRow {
  readonly fits: (key: KeyedCipher) => boolean;
  readonly encipher: (key: KeyedCipher, pin: Buffer, pan: string, random: Random) => Buffer;
  readonly decipher: (key: KeyedCipher, block: Buffer, pan: string) => Buffer;
}

/** One row a format. */
// biome-ignore format: a table is read by column
const FORMATS: Readonly<Record<PanBoundFormat, FormatRow>> = {
  '0':   { fits: isTripleDes, encipher: (key, pin, pan) => sealed(key, encodePinBlock0(pin, pan)),                 decipher: (key, block, pan) => opened(key, block, pan, decodePinBlock0) },
  '3':   { fits: isTripleDes, encipher: (key, pin, pan, random) => sealed(key, encodePinBlock3(pin, pan, random)), decipher: (key, block, pan) => opened(key, block, pan, decodePinBlock3) },
  '4':   { fits: isAes,       encipher: encipherPinBlock4,                                                         decipher: decipherPinBlock4 },
  'sm4': { fits: isSm4,       encipher: (key, pin, pan) => sealed(key, encodePinBlockSm4(pin, pan)),               decipher: (key, block, pan) => opened(key, block, pan, decodePinBlockSm4) },
};

/**
 * @param pin ASCII digits, 4 to 12; the caller wipes them
 * @throws PIN_BLOCK_BAD, PAN_BAD, KEY_USE the key does not fit the format
 */
export function encipherPinBlock(
  format: PanBoundFormat,
  key: KeyedCipher,
  pin: Buffer,
  pan: string,
  random: Random,
): Buffer {
  return rowFor(format, key).encipher(key, pin, pan, random);
}

/**
 * @returns the PIN's ASCII digits; the caller wipes them
 * @throws PIN_BLOCK_BAD (which check failed is not told), PAN_BAD, KEY_USE the key does not fit the format
 */
export function decipherPinBlock(
  format: PanBoundFormat,
  key: KeyedCipher,
  block: Buffer,
  pan: string,
): Buffer {
  return rowFor(format, key).decipher(key, block, pan);
}

function rowFor(format: PanBoundFormat, key: KeyedCipher): FormatRow {
  const row = FORMATS[format];
  if (!row.fits(key))
    throw new PosError('KEY_USE', `PIN block format ${format} does not go under a ${key.algorithm} key`);
  return row;
}

function sealed(key: KeyedCipher, clear: Buffer): Buffer {
  const block = key.encrypt(clear);
  clear.fill(0);
  return block;
}

function opened(
  key: KeyedCipher,
  block: Buffer,
  pan: string,
  decode: (clear: Buffer, pan: string) => Buffer,
): Buffer {
  if (block.length !== key.blockBytes) throw malformedPinBlock();
  const clear = key.decrypt(block);
  try {
    return decode(clear, pan);
  } finally {
    wipe(clear);
  }
}

function isTripleDes(key: KeyedCipher): boolean {
  return key.algorithm === '3des' || key.algorithm === '3des-3key';
}

function isAes(key: KeyedCipher): boolean {
  return key.algorithm.startsWith('aes-');
}

function isSm4(key: KeyedCipher): boolean {
  return key.algorithm === 'sm4';
}
