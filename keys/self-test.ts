/**
 * Start-up self-test: each primitive against a published answer. A vault does not open when one
 * differs: another OpenSSL, a FIPS build or a broken machine must not touch money.
 */
import { createHmac } from 'node:crypto';
import { PosError } from '../protocol/index.ts';
import { type BlockAlgorithm, BlockCipher } from './block-cipher.ts';
import { cardVerificationValue } from './card-verify.ts';
import { aesCheckValue, checkValue } from './check-value.ts';
import { toHex } from './hex.ts';
import { ansiX919Mac, unionPayEcbMac } from './mac.ts';
import { encodePinBlock0 } from './pin-block.ts';
import { ibm3624Offset, visaPvv } from './pin-verify.ts';
import { sealBytes, unsealBytes } from './sealed-text.ts';

export interface SelfTestRow {
  readonly name: string;
  readonly source: string;
  readonly answer: string;
  readonly compute: () => string;
}

const DOUBLE = '0123456789ABCDEFFEDCBA9876543210';
const NOW_IS_THE_TIME = '4E6F77206973207468652074696D6520666F7220616C6C20';

/** Published test values only: none of these keys is or may be in use. */
// biome-ignore format: a table is read by column
export const SELF_TEST_ROWS: readonly SelfTestRow[] = [
  { name: 'single DES',       source: 'FIPS 81, table B1',             answer: '3FA40E8A984D48156A271787AB8883F9893D51EC4B563B53',
    compute: () => toHex(cipher('des', '0123456789ABCDEF').encrypt(hex(NOW_IS_THE_TIME))) },
  { name: 'single DES, back', source: 'FIPS 81, table B1',             answer: NOW_IS_THE_TIME,
    compute: () => toHex(cipher('des', '0123456789ABCDEF').decrypt(hex('3FA40E8A984D48156A271787AB8883F9893D51EC4B563B53'))) },
  { name: 'triple DES',       source: 'check value, psec',             answer: '08D7B4',
    compute: () => toHex(checkValue(cipher('3des', DOUBLE))) },
  { name: 'SM4',              source: 'GM/T 0002-2012, example 1',     answer: '681EDF34D206965E86B3E94F536E4246',
    compute: () => toHex(cipher('sm4', DOUBLE).encrypt(hex(DOUBLE))) },
  { name: 'AES-CMAC',         source: 'check value, openemv/tr31',     answer: '08793E',
    compute: () => toHex(aesCheckValue(hex('3F419E1CB7079442AA37474C2EFBF8B8'))) },
  { name: 'HMAC-SHA-256',     source: 'RFC 4231, case 2',              answer: '5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843',
    compute: () => createHmac('sha256', 'Jefe').update('what do ya want for nothing?').digest('hex').toUpperCase() },
  { name: 'AES-256-GCM',      source: 'opens what it sealed, refuses one changed bit', answer: 'opened, refused',
    compute: sealedTextRoundTrip },
  { name: 'UnionPay ECB MAC', source: 'pgate, pos_mac_test.rb',        answer: 'E267B6E2',
    compute: () => unionPayEcbMac(cipher('des', '2222222222222222'), hex('1234567890ABCDEFABCDEF1234567890')).toString('ascii') },
  { name: 'X9.19 MAC',        source: 'ISO 9797-1, annex B',           answer: 'A1C72E74EA3FA9B6',
    compute: () => toHex(ansiX919Mac(cipher('3des', DOUBLE), hex(NOW_IS_THE_TIME))) },
  { name: 'PIN block 0',      source: 'psec, test_pinblock.py',        answer: '041261AAAAEDCBA9',
    compute: () => toHex(encodePinBlock0(Buffer.from('1234'), '5555555551234567')) },
  { name: 'card value',       source: 'PBOC examples, number 5',       answer: '561',
    compute: () => cardVerificationValue(cipher('3des', DOUBLE), '4123456789012345', '8701', '101') },
  { name: 'IBM 3624 offset',  source: 'psec, test_pin.py',             answer: '7710',
    compute: () => ibm3624Offset(cipher('3des', DOUBLE), '1122334455667788', Buffer.from('1234'), '1234567890123456') },
  { name: 'PVV, second pass', source: 'cardutil, test_pinblock.py',    answer: '0885',
    compute: () => visaPvv(cipher('3des', '5CA64B3C22BEC347CA7E6609904BAAED'), '4564320000980369', '1', Buffer.from('0654')) },
];

/** @throws SELF_TEST naming the primitives that answered wrong or not at all */
export function selfTest(rows: readonly SelfTestRow[] = SELF_TEST_ROWS): void {
  const wrong = rows.filter((row) => !answersRight(row)).map((row) => row.name);
  if (rows.length === 0) throw new PosError('SELF_TEST', 'no test was run');
  if (wrong.length > 0) throw new PosError('SELF_TEST', `wrong answers: ${wrong.join(', ')}`);
}

function answersRight(row: SelfTestRow): boolean {
  try {
    return row.compute() === row.answer;
  } catch {
    // An algorithm that this OpenSSL refuses is as bad as a wrong answer.
    return false;
  }
}

function sealedTextRoundTrip(): string {
  const key = Buffer.alloc(32, 7);
  const sealed = sealBytes(key, Buffer.from('text'), 'context', (bytes) => Buffer.alloc(bytes, 9));
  const opened = unsealBytes(key, sealed, 'context').toString() === 'text' ? 'opened' : 'differs';
  sealed[20] = (sealed[20] as number) ^ 1;
  try {
    unsealBytes(key, sealed, 'context');
    return `${opened}, accepted`;
  } catch {
    return `${opened}, refused`;
  }
}

function cipher(algorithm: BlockAlgorithm, key: string): BlockCipher {
  return new BlockCipher(algorithm, hex(key));
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
