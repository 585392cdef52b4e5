/** From one PIN key to another, without the PIN coming out. */
import { PosError } from '../../protocol/index.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import type { Random } from './pin-block.ts';
import { decipherPinBlock, encipherPinBlock, type PanBoundFormat } from './pin-formats.ts';

/** One side of a translation. */
export interface PinBlockKey {
  readonly format: PanBoundFormat;
  /** Format 0 and 3: triple DES; 4: AES; sm4: SM4. */
  readonly key: KeyedCipher;
}

/**
 * Deciphers a PIN block and enciphers its PIN for the same card number under another key, in another
 * format if wished. The clear PIN is wiped before this returns. There is no way to change the card
 * number, nor to a format without one: that is how PINs are guessed out of a translating device.
 *
 * @param pan 13 to 19 digits
 * @throws PIN_BLOCK_BAD (which check failed is not told), PAN_BAD, KEY_USE a key does not fit its format
 */
export function translatePinBlock(
  from: PinBlockKey,
  to: PinBlockKey,
  block: Buffer,
  pan: string,
  random: Random,
): Buffer {
  if (!/^[0-9]{13,19}$/.test(pan)) throw new PosError('PAN_BAD', 'a card number has 13 to 19 decimal digits');
  const pin = decipherPinBlock(from.format, from.key, block, pan);
  try {
    return encipherPinBlock(to.format, to.key, pin, pan, random);
  } finally {
    pin.fill(0);
  }
}
