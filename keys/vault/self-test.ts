/**
 * Start-up self-test: each primitive against a published answer. A vault does not open when one
 * differs: another OpenSSL, a FIPS build or a broken machine must not touch money.
 */
import { createHmac } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { cardVerificationValue } from '../card/card-verification-value.ts';
import { type BlockAlgorithm, BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { unwrapKeyBlock } from '../key-block/key-block.ts';
import { KeyBlockProtectionKey } from '../key-block/protection-key.ts';
import { cmac } from '../mac/cmac.ts';
import { unionPayEcbMac } from '../mac/unionpay-ecb-mac.ts';
import { ansiX919Mac } from '../mac/x9-mac.ts';
import { aesCheckValue, checkValue } from '../material/check-value.ts';
import { ibm3624Offset } from '../pin/ibm-3624.ts';
import { encodePinBlock0 } from '../pin/pin-block.ts';
import { encipherPinBlock4 } from '../pin/pin-block-4.ts';
import { visaPvv } from '../pin/visa-pvv.ts';
import { sm2Verify } from '../sm/sm2-signature.ts';
import { sm3 } from '../sm/sm3.ts';
import { sealBytes, unsealBytes } from './sealed-text.ts';

export interface SelfTestRow {
  readonly name: string;
  readonly source: string;
  readonly answer: string;
  readonly compute: () => string;
}

const DOUBLE = '0123456789ABCDEFFEDCBA9876543210';
const KEY_BLOCK_KBPK = '88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6';
const KEY_BLOCK =
  'D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34';
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
  { name: 'AES-CMAC, no data', source: 'RFC 4493, example 1',          answer: 'BB1D6929E95937287FA37D129B756746',
    compute: () => toHex(cmac(cipher('aes-128', '2B7E151628AED2A6ABF7158809CF4F3C'), Buffer.alloc(0))) },
  { name: 'SM3',              source: 'GM/T 0004-2012, A.1',           answer: '66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0',
    compute: () => toHex(sm3(Buffer.from('abc'))) },
  { name: 'SM2 signature',    source: 'GM/T 0003.5-2012, A.2',         answer: 'verified, refused',
    compute: sm2PublishedSignature },
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
  { name: 'PIN block 4',      source: 'psec, test_pinblock.py',        answer: '28B41FDDD29B743E93124BD8E32D921E',
    compute: () => toHex(encipherPinBlock4(cipher('aes-128', '00112233445566778899AABBCCDDEEFF'), Buffer.from('1234'), '1234567890123456789', () => Buffer.alloc(8, 0xff))) },
  { name: 'key block D',      source: 'TR-31:2018, A.7.4',             answer: '3F419E1CB7079442AA37474C2EFBF8B8',
    compute: () => toHex(unwrapKeyBlock(new KeyBlockProtectionKey('aes', hex(KEY_BLOCK_KBPK)), KEY_BLOCK).key) },
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

/** Whether Node hashes the signer's identity as GM/T asks depends on the OpenSSL that it was built with. */
function sm2PublishedSignature(): string {
  const key =
    '09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13';
  const signature =
    'F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA';
  const verifies = (id?: Buffer) => sm2Verify(hex(key), Buffer.from('message digest'), hex(signature), id);
  return `${verifies() ? 'verified' : 'differs'}, ${verifies(Buffer.alloc(0)) ? 'accepted' : 'refused'}`;
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
