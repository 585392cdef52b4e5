import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex } from '../hex.ts';
import { decimalise, decimaliseTwoPass } from './decimalise.ts';
import { ibm3624Offset, ibm3624Pin, pinValidationData } from './ibm-3624.ts';
import { visaPvv } from './visa-pvv.ts';

const DOUBLE = '0123456789ABCDEFFEDCBA9876543210';

const pins = suite('PIN references');

pins('the IBM 3624 natural PIN and offset agree with psec', () => {
  const pvk = cipherOf(DOUBLE);
  const table = '1234567890123456';
  assert.is(ibm3624Pin(pvk, '1122334455667788', '0000', table).toString(), '4524');
  assert.is(ibm3624Pin(pvk, '1122334455667788', '7710', table).toString(), '1234');
  assert.is(ibm3624Offset(pvk, '1122334455667788', Buffer.from('1234'), table), '7710');
});

pins('the offset covers all six digits: each digit of the PIN moves its own digit of the offset', () => {
  const pvk = cipherOf(DOUBLE);
  const base = ibm3624Offset(pvk, '1122334455667788', Buffer.from('000000'));
  assert.is(base.length, 6);
  for (let at = 0; at < 6; at += 1) {
    const pin = Buffer.from('000000');
    pin[at] = 0x31;
    const moved = ibm3624Offset(pvk, '1122334455667788', pin);
    assert.equal(
      [...moved].flatMap((digit, index) => (digit === base[index] ? [] : [index])),
      [at],
    );
  }
});

pins('the PVV agrees with cardutil where the second decimalisation pass is needed', () => {
  const pvk = cipherOf('5CA64B3C22BEC347CA7E6609904BAAED');
  assert.is(visaPvv(pvk, '4564320000980369', '1', Buffer.from('2205')), '3856');
  assert.is(visaPvv(pvk, '4564320000980369', '1', Buffer.from('0654')), '0885');
});

pins('a PVV covers four digits of the PIN and no more', () => {
  const pvk = cipherOf(DOUBLE);
  assert.is(
    visaPvv(pvk, '6277880000000008', '1', Buffer.from('123456')),
    visaPvv(pvk, '6277880000000008', '1', Buffer.from('123499')),
  );
});

pins('decimalisation: letters through the table, or in a second pass', () => {
  const digits = Buffer.alloc(16);
  decimalise(fromHex('E5C1BD67B66AE7C6', 'encrypted'), digits, '8351296477461538');
  assert.is(digits.toString('ascii'), '3913656466643416');
  assert.is(decimaliseTwoPass(fromHex('59EF34AD722C0556F7F6FBD4A76D38E6', 'nibbles'), 4), '5934');
  assert.is(decimaliseTwoPass(fromHex('EFADCFFFBDADECABFBBF', 'nibbles'), 4), '4503');
});

// biome-ignore format: a table is read by column
for (const [digits, pan, expected] of [
  [16, '6277880000000008',    '627788000000000F'],
  [19, '6277880000000000011', '7788000000000001'],
  [13, '6277880000003',       '627788000000FFFF'],
] as const) {
  pins(`validation data of a card number with ${digits} digits leaves the check digit out`, () => {
    assert.is(pinValidationData(pan), expected);
  });
}

pins('inputs of a wrong shape are refused by name', () => {
  const pvk = cipherOf(DOUBLE);
  throws(() => decimalise(Buffer.alloc(1), Buffer.alloc(2), '012345678901234'), code('KEY_BAD'));
  throws(() => visaPvv(pvk, '6277880000000008', 'A', Buffer.from('1234')), code('KEY_BAD'));
  throws(() => visaPvv(pvk, '6277880000000008', '1', Buffer.from('123')), code('PIN_BLOCK_BAD'));
  throws(() => visaPvv(pvk, 'x277880000000008', '1', Buffer.from('1234')), code('PAN_BAD'));
  throws(() => ibm3624Offset(pvk, '1122', Buffer.from('1234')), code('KEY_BAD'));
  throws(() => pinValidationData('627788'), code('PAN_BAD'));
  throws(() => decimalise(Buffer.alloc(1), Buffer.alloc(3)), code('INVARIANT'));
  throws(() => decimaliseTwoPass(Buffer.alloc(1), 3), code('INVARIANT'));
  throws(() => ibm3624Pin(pvk, '1122334455667788', '00x0'), code('PIN_BLOCK_BAD'));
  for (const pin of ['123', '1234567890123', '12a4']) {
    throws(() => ibm3624Offset(pvk, '1122334455667788', Buffer.from(pin)), code('PIN_BLOCK_BAD'));
    throws(() => visaPvv(pvk, '6277880000000008', '1', Buffer.from(pin)), code('PIN_BLOCK_BAD'));
  }
});

pins.run();

function cipherOf(key: string): BlockCipher {
  return new BlockCipher(key.length === 16 ? 'des' : '3des', fromHex(key, 'key'));
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
