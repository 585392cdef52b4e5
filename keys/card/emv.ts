/** Keys and cryptograms of chip cards, for a card that we issue. Source: EMV 4.3 book 2, annexes A1.3, A1.4, 8.2. */
import { PosError } from '../../protocol/index.ts';
import { type BlockCipher, xorInto } from '../cipher/block-cipher.ts';
import { withOddParity } from '../material/key-quality.ts';

const BLOCK = 8;

/**
 * Master key of one card, option A: card number and sequence number, right-most sixteen digits,
 * encrypted under the issuer's master key, and the same inverted. Parity is left as it comes.
 *
 * @param issuerKey double-length triple DES
 * @param pan 13 to 19 digits; of more than fourteen the first ones do not count
 * @param sequence card sequence number, two digits; `00` where the card has none
 * @returns 16 bytes; the caller wipes them
 * @example 0123456789ABCDEFFEDCBA9876543210, PAN 4111111111111111, 00:
 *   30089565674D73ED841A6F0637029C18 (CryptoCarver's test suite)
 * @throws PAN_BAD, FIELD_BAD_CONTENT
 */
export function emvMasterKeyA(issuerKey: BlockCipher, pan: string, sequence: string): Buffer {
  if (!/^[0-9]{13,19}$/.test(pan)) throw new PosError('PAN_BAD', 'a card number has 13 to 19 decimal digits');
  if (!/^[0-9]{2}$/.test(sequence))
    throw new PosError('FIELD_BAD_CONTENT', 'a card sequence number has two digits');
  const left = Buffer.from((pan + sequence).slice(-16).padStart(16, '0'), 'hex');
  const right = Buffer.from(left);
  xorInto(right, Buffer.alloc(BLOCK, 0xff));
  return issuerKey.encrypt(Buffer.concat([left, right]));
}

/**
 * Common session key (CSK): the application transaction counter, marked F0 and 0F, under the card's key, with
 * odd parity.
 *
 * @param masterKey of emvMasterKeyA, as a cipher
 * @param atc application transaction counter, 2 bytes
 * @returns 16 bytes; the caller wipes them
 * @example 30089565674D73ED841A6F0637029C18, counter 0001: 38F14068B3EA57C194F8E3A20D51E3E6
 *   (CryptoCarver's test suite)
 * @throws FIELD_BAD_LENGTH
 */
export function emvCommonSessionKey(masterKey: BlockCipher, atc: Buffer): Buffer {
  if (atc.length !== 2)
    throw new PosError('FIELD_BAD_LENGTH', 'an application transaction counter has two bytes');
  const data = Buffer.alloc(2 * BLOCK);
  atc.copy(data);
  atc.copy(data, BLOCK);
  data[2] = 0xf0;
  data[BLOCK + 2] = 0x0f;
  const key = masterKey.encrypt(data);
  const odd = withOddParity(key);
  key.fill(0);
  return odd;
}

/**
 * Response cryptogram (ARPC), method 1: the card's cryptogram XOR the response code, encrypted.
 *
 * The card's own cryptogram (ARQC) is `iso9797Mac3` under the session key's halves, padding 2.
 *
 * @param sessionKey double-length triple DES
 * @param arqc 8 bytes
 * @param responseCode authorisation response code, 2 bytes of ASCII
 * @example session key 38F14068B3EA57C194F8E3A20D51E3E6, A8DB2B65F9C821F1, 3030: ADCB085B842E0A9D
 *   (CryptoCarver's test suite)
 * @throws FIELD_BAD_LENGTH
 */
export function emvArpc1(sessionKey: BlockCipher, arqc: Buffer, responseCode: Buffer): Buffer {
  if (arqc.length !== BLOCK || responseCode.length !== 2)
    throw new PosError('FIELD_BAD_LENGTH', 'a cryptogram has eight bytes, a response code two');
  const block = Buffer.from(arqc);
  xorInto(block, responseCode);
  return sessionKey.encrypt(block);
}
