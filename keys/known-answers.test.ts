/** Known answers from documents and other people's code, quoted with their source: one suite a clause. */
import { throws } from 'node:assert/strict';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { BlockCipher } from './block-cipher.ts';
import { cardVerificationValue } from './card-verify.ts';
import { aesCheckValue, checkValue, hmacCheckValue } from './check-value.ts';
import { fromHex, toHex } from './hex.ts';
import { ansiX99Mac, ansiX919Mac, unionPayEcbMac } from './mac.ts';
import {
  decimalise,
  decimaliseTwoPass,
  ibm3624Offset,
  ibm3624Pin,
  pinValidationData,
  visaPvv,
} from './pin-verify.ts';
import { decryptTrackBlock, encryptTrackBlock, trackDataBlockAt } from './track-encryption.ts';

const DOUBLE = '0123456789ABCDEFFEDCBA9876543210';
const NOW_IS_THE_TIME = Buffer.from('Now is the time for all ', 'ascii');

const ciphers = suite('block ciphers');

ciphers('single DES agrees with FIPS 81 although OpenSSL 3 refuses des-ecb', () => {
  const des = cipherOf('0123456789ABCDEF');
  assert.is(toHex(des.encrypt(NOW_IS_THE_TIME)), '3FA40E8A984D48156A271787AB8883F9893D51EC4B563B53');
  assert.is(
    des.decrypt(fromHex('3FA40E8A984D48156A271787AB8883F9893D51EC4B563B53', 'x')).toString(),
    NOW_IS_THE_TIME.toString(),
  );
});

ciphers('SM4 agrees with GM/T 0002-2012, example 1', () => {
  const sm4 = new BlockCipher('sm4', fromHex(DOUBLE, 'key'));
  assert.is(toHex(sm4.encrypt(fromHex(DOUBLE, 'data'))), '681EDF34D206965E86B3E94F536E4246');
});

ciphers('a key of another length is refused and a cut block is a defect', () => {
  throws(() => new BlockCipher('3des', Buffer.alloc(24)), code('KEY_BAD'));
  throws(() => cipherOf(DOUBLE).encrypt(Buffer.alloc(7)), code('INVARIANT'));
  throws(() => cipherOf('0123456789ABCDEF').leftHalf(), code('INVARIANT'));
});

ciphers('a wiped cipher no longer holds its key', () => {
  const key = cipherOf(DOUBLE);
  const left = key.leftHalf();
  key.wipe();
  assert.is(toHex(key.copyKey()), '0'.repeat(32));
  assert.is(toHex(left.copyKey()), '0'.repeat(16));
});

ciphers.run();

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

checkValues('an HMAC key shows three bytes that differ from key to key', () => {
  const one = hmacCheckValue(Buffer.alloc(32, 1));
  assert.is(one.length, 3);
  assert.not.equal(one, hmacCheckValue(Buffer.alloc(32, 2)));
});

checkValues.run();

const macs = suite('DE64: message authentication codes');

macs('the UnionPay ECB MAC of a single-length key agrees with pgate', () => {
  const mac = unionPayEcbMac(
    cipherOf('2222222222222222'),
    fromHex('1234567890ABCDEFABCDEF1234567890', 'data'),
  );
  assert.is(mac.toString('ascii'), 'E267B6E2');
});

macs('the UnionPay ECB MAC of an SM4 key folds sixteen bytes', () => {
  const data =
    '36303030313132303138313131343131303033303230313730393330313031303130313230313731303235303030373535303030303030303035353533';
  const sm4 = new BlockCipher('sm4', fromHex('12345678901234567890123456789012', 'key'));
  assert.is(unionPayEcbMac(sm4, fromHex(data, 'data')).toString('ascii'), '1E80F373');
});

macs('the UnionPay ECB MAC cannot see two blocks exchanged: it is kept for compatibility only', () => {
  const key = cipherOf(DOUBLE);
  const mac = unionPayEcbMac(key, Buffer.from('AAAAAAAABBBBBBBBCCCCCCCC'));
  assert.equal(unionPayEcbMac(key, Buffer.from('BBBBBBBBAAAAAAAACCCCCCCC')), mac);
  assert.not.equal(
    ansiX919Mac(key, Buffer.from('BBBBBBBBAAAAAAAACCCCCCCC')),
    ansiX919Mac(key, Buffer.from('AAAAAAAABBBBBBBBCCCCCCCC')),
  );
});

macs('no data is one block of zeros for each of them', () => {
  const key = cipherOf(DOUBLE);
  assert.equal(ansiX919Mac(key, Buffer.alloc(0)), ansiX919Mac(key, Buffer.alloc(8)));
  assert.equal(unionPayEcbMac(key, Buffer.alloc(0)), unionPayEcbMac(key, Buffer.alloc(8)));
});

macs('X9.9 and X9.19 agree with ISO 9797-1, annex B', () => {
  assert.is(toHex(ansiX99Mac(cipherOf('0123456789ABCDEF'), NOW_IS_THE_TIME)), '70A30640CC76DD8B');
  assert.is(toHex(ansiX919Mac(cipherOf(DOUBLE), NOW_IS_THE_TIME)), 'A1C72E74EA3FA9B6');
  assert.is(
    toHex(ansiX919Mac(cipherOf(DOUBLE), Buffer.from('Now is the time for it', 'ascii'))),
    '2E2B1428CC78254F',
  );
});

macs('one cached cipher object serves many messages, in any order, with the same answers', () => {
  const key = cipherOf(DOUBLE);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const data = Buffer.from(bytes);
      assert.equal(unionPayEcbMac(key, data), unionPayEcbMac(cipherOf(DOUBLE), data));
      assert.equal(ansiX919Mac(key, data), ansiX919Mac(cipherOf(DOUBLE), data));
    }),
    { numRuns: 50, verbose: fc.VerbosityLevel.Verbose },
  );
});

macs.run();

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
  assert.is(decimalise('E5C1BD67B66AE7C6', '8351296477461538'), '3913656466643416');
  assert.is(decimaliseTwoPass('59EF34AD722C0556F7F6FBD4A76D38E6', 4), '5934');
  assert.is(decimaliseTwoPass('EFADCFFFBDADECABFBB', 4), '4503');
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
  throws(() => decimalise('00', '012345678901234'), code('KEY_BAD'));
  throws(() => visaPvv(pvk, '6277880000000008', 'A', Buffer.from('1234')), code('KEY_BAD'));
  throws(() => visaPvv(pvk, '6277880000000008', '1', Buffer.from('123')), code('PIN_BLOCK_BAD'));
  throws(() => visaPvv(pvk, 'x277880000000008', '1', Buffer.from('1234')), code('PAN_BAD'));
  throws(() => ibm3624Offset(pvk, '1122', Buffer.from('1234')), code('KEY_BAD'));
  throws(() => pinValidationData('627788'), code('PAN_BAD'));
});

pins.run();

const cards = suite('card verification value');

// biome-ignore format: a table is read by column
for (const [pan, expiry, serviceCode, expected, source] of [
  ['4123456789012',    '8701', '101', '370', 'PBOC, 13 digits'],
  ['4123456789012345', '8701', '101', '561', 'PBOC, 16 digits'],
  ['4123456789012345', '8701', '111', '856', 'UnionPay CVN, cnblogs 4031937'],
] as const) {
  cards(`agrees with ${source}`, () => {
    assert.is(cardVerificationValue(cipherOf(DOUBLE), pan, expiry, serviceCode), expected);
  });
}

cards('a card number, expiry or service code of a wrong shape is refused', () => {
  throws(() => cardVerificationValue(cipherOf(DOUBLE), '41234', '8701', '101'), code('PAN_BAD'));
  throws(
    () => cardVerificationValue(cipherOf(DOUBLE), '4123456789012345', '870', '101'),
    code('FIELD_BAD_CONTENT'),
  );
  throws(
    () => cardVerificationValue(cipherOf(DOUBLE), '4123456789012345', '8701', '1x1'),
    code('FIELD_BAD_CONTENT'),
  );
});

cards.run();

const tracks = suite('track encryption under TDK');

tracks('the block is the eight bytes that end before the last byte of the packed track', () => {
  const track = '1234567890123456789D05082017819991683020';
  assert.is(track.slice(trackDataBlockAt(track)).slice(0, 16), '0820178199916830');
});

tracks('an odd track leaves its last digit, an even one its last two', () => {
  const tdk = cipherOf('C9A0F37E18EA3FF71E3BDA58ACCEFCE0');
  assert.is(encryptTrackBlock(tdk, '9001100000000027D2512101123456789'), '9001100000000027FDB8E9454AB093A69');
  const even = encryptTrackBlock(tdk, '9001100000000027D25121011234567890');
  assert.is(even, '9001100000000027FDB8E9454AB093A690');
});

tracks('what was encrypted is read again', () => {
  const tdk = cipherOf(DOUBLE);
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9]{8,13}D[0-9]{8,23}$/), (track) => {
      assert.is(decryptTrackBlock(tdk, encryptTrackBlock(tdk, track)), track);
    }),
    { numRuns: 50, verbose: fc.VerbosityLevel.Verbose },
  );
});

tracks('a track too short for a block, or with a wrong character, is refused', () => {
  throws(() => encryptTrackBlock(cipherOf(DOUBLE), '1234567890123456'), code('TRACK_BAD'));
  throws(() => encryptTrackBlock(cipherOf(DOUBLE), '1234567890123=2512101'), code('TRACK_BAD'));
});

tracks.run();

const hexText = suite('hexadecimal text is read strictly');

hexText('a wrong character or an odd number of digits is refused and named by position only', () => {
  throws(
    () => fromHex('12x4', 'component 1'),
    (error: PosError) => error.detail === 'component 1: character 3 is no hexadecimal digit',
  );
  throws(
    () => fromHex('123', 'component 1'),
    (error: PosError) => error.detail === 'component 1: 3 hexadecimal digits, an odd number',
  );
});

hexText.run();

function cipherOf(key: string): BlockCipher {
  return new BlockCipher(key.length === 16 ? 'des' : '3des', fromHex(key, 'key'));
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
