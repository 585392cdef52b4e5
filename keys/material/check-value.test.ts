import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { aesCipher, BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { aesCheckValue, checkValue, hmacCheckValue } from './check-value.ts';

const DOUBLE = '0123456789ABCDEFFEDCBA9876543210';

const checkValues = suite('key check values');

// biome-ignore format: a table is read by column
for (const [key, bytes, expected, source] of [
  [DOUBLE,                             3, '08D7B4',   'psec'],
  ['0123456789ABCDEF',                 3, 'D5D44F',   'jPOS, single length'],
  ['67C4A7191ADAFD086432CE0DD6384AB8', 4, '20D40BFB', 'cardutil'],
  ['CE62D1F28DC50DFD98424413D67E4FA3', 4, '74E7E744', 'a public UnionPay terminal master key'],
] as const) {
  checkValues(`the check value of ${source} is right in ${bytes} bytes`, () => {
    assert.is(toHex(checkValue(cipherOf(key), bytes)), expected);
  });
}

checkValues('an AES key shows the CMAC of a zero block, not its encryption', () => {
  assert.is(toHex(aesCheckValue(fromHex('3F419E1CB7079442AA37474C2EFBF8B8', 'key'))), '08793E');
  assert.is(
    toHex(
      aesCheckValue(fromHex('88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6', 'key'), 5),
    ),
    '2331550BC9',
  );
});

checkValues('the older check value of an AES key is the encrypted zero block', () => {
  assert.is(toHex(checkValue(aesCipher(fromHex('000102030405060708090A0B0C0D0E0F', 'key')))), 'C6A13B');
});

checkValues('an HMAC key shows three bytes that differ from key to key', () => {
  const one = hmacCheckValue(Buffer.alloc(32, 1));
  assert.is(one.length, 3);
  assert.not.equal(one, hmacCheckValue(Buffer.alloc(32, 2)));
});

checkValues.run();

function cipherOf(key: string): BlockCipher {
  return new BlockCipher(key.length === 16 ? 'des' : '3des', fromHex(key, 'key'));
}
