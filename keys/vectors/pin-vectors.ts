/** Vectors of PIN blocks, PIN references and card values. */

import { cardVerificationValue } from '../card/card-verification-value.ts';
import { emvArpc1, emvCommonSessionKey, emvMasterKeyA } from '../card/emv.ts';
import { trackDataBlockAt } from '../card/track-encryption.ts';
import type { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { decimalise, decimaliseTwoPass } from '../pin/decimalise.ts';
import { ibm3624Offset, ibm3624Pin } from '../pin/ibm-3624.ts';
import { panField4 } from '../pin/pan-field.ts';
import {
  decodePinBlock0,
  decodePinBlock1,
  decodePinBlock2,
  decodePinBlock3,
  encodePinBlock0,
  encodePinBlock1,
  encodePinBlock2,
  encodePinBlockSm4,
} from '../pin/pin-block.ts';
import { decipherPinBlock4, encipherPinBlock4 } from '../pin/pin-block-4.ts';
import { visaPvv } from '../pin/visa-pvv.ts';
import { aes, ascii, des, fixed, hex, type Runners, text, type Values } from './vector-inputs.ts';

// biome-ignore format: a table is read by column
export const PIN_RUNNERS: Runners = {
  'pinblock.iso0.encode':           (v) => toHex(encodePinBlock0(ascii(v, 'pin'), text(v, 'pan'))),
  'pinblock.iso0.decode':           (v) => digits(decodePinBlock0(hex(v, 'block'), text(v, 'pan'))),
  'pinblock.iso0.decode12':         (v) => digits(decodePinBlock0(hex(v, 'block'), `${text(v, 'pan12')}0`)),
  'pinblock.iso0.encrypted':        (v) => toHex(des(v, 'key').encrypt(encodePinBlock0(ascii(v, 'pin'), `${text(v, 'pan12')}0`))),
  'pinblock.iso0.encrypted.decode': (v) => digits(decodePinBlock0(des(v, 'key').decrypt(hex(v, 'block')), text(v, 'pan'))),
  'pinblock.iso1.encode':           (v) => toHex(encodePinBlock1(ascii(v, 'pin'), fixed(fromHex(text(v, 'fill').padStart(16, '0'), 'fill')))),
  'pinblock.iso1.decode':           (v) => digits(decodePinBlock1(hex(v, 'block'))),
  'pinblock.iso1.encrypted.decode': (v) => digits(decodePinBlock1(des(v, 'key').decrypt(hex(v, 'block')))),
  'pinblock.iso2.encode':           (v) => toHex(encodePinBlock2(ascii(v, 'pin'))),
  'pinblock.iso2.decode':           (v) => digits(decodePinBlock2(hex(v, 'block'))),
  'pinblock.iso3.decode':           (v) => digits(decodePinBlock3(hex(v, 'block'), text(v, 'pan'))),
  'pinblock.iso4.encipher':         (v) => toHex(encipherPinBlock4(aes(v, 'key'), ascii(v, 'pin'), text(v, 'pan'), fixed(hex(v, 'random')))),
  'pinblock.iso4.decipher':         (v) => digits(decipherPinBlock4(aes(v, 'key'), hex(v, 'block'), text(v, 'pan'))),
  'pinblock.iso4.panfield':         (v) => toHex(panField4(text(v, 'pan'))),
  'pinblock.unionpay-sm4':          (v) => toHex(encodePinBlockSm4(ascii(v, 'pin'), text(v, 'pan'))),
  'pin.decimalise':                 (v) => naturalDigits(hex(v, 'encrypted'), text(v, 'table')),
  'pin.decimalise2pass':            (v) => decimaliseTwoPass(wholeBytes(text(v, 'hex')), Number(v['digits'])),
  'pin.ibm3624.pin':                (v) => digits(ibm3624Pin(des(v, 'pvk'), text(v, 'validation'), text(v, 'offset'), text(v, 'table'))),
  'pin.ibm3624.offset':             (v) => ibm3624Offset(des(v, 'pvk'), text(v, 'validation'), ascii(v, 'pin'), text(v, 'table')),
  'pin.pvv':                        (v) => visaPvv(des(v, 'pvk'), text(v, 'pan'), text(v, 'pvki'), ascii(v, 'pin')),
  'cvv':                            (v) => cardVerificationValue(des(v, 'cvk'), text(v, 'pan'), text(v, 'expiry'), text(v, 'serviceCode')),
  'unionpay.track-tdb':             trackDataBlock,
  'emv.mk-optionA':                 (v) => toHex(emvMasterKeyA(des(v, 'imk'), text(v, 'pan'), text(v, 'psn'))),
  'emv.sk-csk':                     (v) => toHex(emvCommonSessionKey(des(v, 'mk'), hex(v, 'atc'))),
  'emv.arpc1':                      (v) => toHex(emvArpc1(des(v, 'sk'), hex(v, 'arqc'), hex(v, 'arc'))),
};

/** A clear format 0 block, and the same under the key where there is one. */
export function pinBlock0(v: Values, key: BlockCipher | undefined): Record<string, string> {
  // Without a card number the PAN field is zero: DE53's first digit says 1.
  const clear = encodePinBlock0(ascii(v, 'pin'), typeof v['pan'] === 'string' ? v['pan'] : '0');
  const clearBlock = toHex(clear);
  const answers = { clearBlock, expectedClear: clearBlock };
  if (key === undefined) return answers;
  const encrypted = toHex(key.encrypt(clear));
  return { ...answers, encrypted, expectedEncrypted: encrypted };
}

function trackDataBlock(v: Values): string {
  const track = text(v, 'trackHex');
  const from = trackDataBlockAt(track);
  return track.slice(from, from + 16);
}

function naturalDigits(encrypted: Buffer, table: string): string {
  const pin = Buffer.alloc(encrypted.length * 2);
  decimalise(encrypted, pin, table);
  return digits(pin);
}

/** A letter behind the last of the digits that are counted changes none of them. */
function wholeBytes(text: string): Buffer {
  return fromHex(text.length % 2 === 0 ? text : `${text}F`, 'hex');
}

function digits(pin: Buffer): string {
  return pin.toString('ascii');
}
