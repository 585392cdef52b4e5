import { throws } from 'node:assert/strict';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { ansiX919Mac } from '../mac/x9-mac.ts';
import {
  aesDukptInitialKey,
  aesDukptTransactionKey,
  aesDukptUpdateKey,
  aesDukptWorkingKey,
} from './aes-dukpt.ts';
import { tdesDukptInitialKey, tdesDukptKeyFor, tdesDukptTransactionKey } from './tdes-dukpt.ts';

const hex = (text: string) => fromHex(text, 'input');
const BDK = hex('0123456789ABCDEFFEDCBA9876543210');
const IK = hex('6AC292FAA1315B4D858AB3A3D7D5933A');

const tdes = suite('DUKPT in triple DES: X9.24-1:2009 A.4');

tdes('the initial key does not depend on the counter', () => {
  assert.equal(tdesDukptInitialKey(BDK, hex('FFFF9876543210E00000')), IK);
  assert.equal(tdesDukptInitialKey(BDK, hex('FFFF9876543210FFFFFF')), IK);
});

// biome-ignore format: a table is read by column
for (const [ksn, key, pinBlock, mac] of [
  ['FFFF9876543210E00001', '042666B49184CFA368DE9628D0397BC9', '1B9C1845EB993A7A', '9CCC7817'],
  ['FFFF9876543210E00003', '0DF3D9422ACA56E547676D07AD6BADFA', '18DC07B94797B466', '20B59A4F'],
] as const) {
  tdes(`the keys of counter ${ksn.slice(-5)} encrypt the PIN block and make the MAC of the standard`, () => {
    const transactionKey = tdesDukptTransactionKey(IK, hex(ksn));
    assert.is(toHex(transactionKey), key);
    const pin = new BlockCipher('3des', tdesDukptKeyFor('pin', transactionKey));
    assert.is(toHex(pin.encrypt(hex('041274EDCBA9876F'))), pinBlock);
    const request = new BlockCipher('3des', tdesDukptKeyFor('mac request', transactionKey));
    assert.is(toHex(ansiX919Mac(request, Buffer.from('4012345678909D987'))).slice(0, 8), mac);
  });
}

tdes('a data key is its variant encrypted under itself, as 2009 added', () => {
  const data = new BlockCipher(
    '3des',
    tdesDukptKeyFor('data request', hex('042666B49184CFA368DE9628D0397BC9')),
  );
  const clear = Buffer.concat([Buffer.from('4012345678909D987'), Buffer.alloc(7)]);
  assert.is(toHex(data.encryptCbc(clear)), 'FC0D53B7EA1FDA9EE68AAF2E70D9B9506229BE2AA993F04F');
});

tdes('no two purposes of a transaction share a key', () => {
  const purposes = ['pin', 'mac request', 'mac response', 'data request', 'data response'] as const;
  assert.is(new Set(purposes.map((purpose) => toHex(tdesDukptKeyFor(purpose, IK)))).size, 5);
});

// biome-ignore format: a table is read by column
for (const [ksn, why] of [
  ['FFFF9876543210E00000',   'counter zero, which belongs to the initial key'],
  ['FFFF9876543210FFFFFF',   'a counter of twenty-one one-bits, which no device reaches'],
  ['FFFF9876543210E007FF',   'a counter of eleven one-bits'],
  ['FFFF9876543210E001',     'nine bytes'],
  ['FFFF9876543210E0000100', 'eleven bytes'],
] as const) {
  tdes(`refuses ${why}`, () => {
    throws(() => tdesDukptTransactionKey(IK, hex(ksn)), code('KSN_BAD'));
  });
}

tdes('refuses an initial key of another length', () => {
  throws(() => tdesDukptTransactionKey(IK.subarray(1), hex('FFFF9876543210E00001')), code('KEY_BAD'));
  throws(() => tdesDukptInitialKey(BDK.subarray(1), hex('FFFF9876543210E00001')), code('KEY_BAD'));
});

tdes.run();

const aes = suite('DUKPT in AES: X9.24-3:2017');

const AES_IK = hex('1273671EA26AC29AFA4D1084127652A1');
const KSN = hex('123456789012345600000001');

aes('the initial keys of 128 and of 256 bits', () => {
  const bdk = hex('FEDCBA9876543210F1F1F1F1F1F1F1F1');
  assert.equal(aesDukptInitialKey(bdk, hex('1234567890123456')), AES_IK);
  assert.is(
    toHex(aesDukptInitialKey(Buffer.concat([bdk, bdk]), hex('1234567890123456'))),
    'CE9CE0C101D1138F97FB6CAD4DF045A7083D4EAE2D35A31789D01CCF0949550F',
  );
});

aes('the transaction key of counter 1 and its working keys', () => {
  const key = aesDukptTransactionKey(AES_IK, KSN);
  assert.is(toHex(key), '4F21B565BAD9835E112B6465635EAE44');
  assert.is(
    toHex(aesDukptWorkingKey(key, 'pin encryption', 'AES128', KSN)),
    'AF8CB133A78F8DC2D1359F18527593FB',
  );
  assert.is(
    toHex(aesDukptWorkingKey(key, 'mac generation', 'AES128', KSN)),
    'A2DC23DE6FDE0824A2BC321E08E4B8B7',
  );
  assert.is(
    toHex(aesDukptWorkingKey(key, 'data encryption', 'AES128', KSN)),
    'A35C412EFD41FDB98B69797C02DCD08F',
  );
});

aes(
  'the update key comes from the transaction key of the last counter, not from the initial key at once',
  () => {
    const id = hex('1234567890123456');
    assert.is(toHex(aesDukptUpdateKey(AES_IK, id, 'AES128')), '9A9770AEE1ACD1B13473D0463A1883B9');
    assert.is(
      toHex(aesDukptUpdateKey(AES_IK, id, 'TDES3')),
      'AF82BE8533CFCA526DA71708667AD0BBC7A7517504C78C8A',
    );
    const ksn = hex('1234567890123456FFFFFFFF');
    assert.not.equal(
      aesDukptUpdateKey(AES_IK, id, 'AES128'),
      aesDukptWorkingKey(AES_IK, 'key encryption', 'AES128', ksn),
    );
  },
);

aes('counters that a device may use have keys that all differ', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0x1ffff }), (counter) => {
      fc.pre(counter.toString(2).replaceAll('0', '').length <= 16);
      const ksn = Buffer.from(KSN);
      ksn.writeUInt32BE(counter, 8);
      const key = toHex(aesDukptTransactionKey(AES_IK, ksn));
      assert.is(seen.get(key) ?? counter, counter);
      seen.set(key, counter);
    }),
    { numRuns: 100, verbose: fc.VerbosityLevel.Verbose },
  );
});

// biome-ignore format: a table is read by column
for (const [ksn, why] of [
  ['123456789012345600000000',   'counter zero'],
  ['12345678901234560001FFFF',   'a counter of seventeen one-bits'],
  ['1234567890123456FFFFFFFF',   'the counter of the update key'],
  ['1234567890123456000001',     'eleven bytes'],
  ['12345678901234560000000100', 'thirteen bytes'],
] as const) {
  aes(`refuses ${why}`, () => {
    throws(() => aesDukptTransactionKey(AES_IK, hex(ksn)), code('KSN_BAD'));
  });
}

aes('refuses keys of other lengths, and a working key longer than where it comes from', () => {
  throws(() => aesDukptInitialKey(Buffer.alloc(15), Buffer.alloc(8)), code('KEY_BAD'));
  throws(() => aesDukptInitialKey(Buffer.alloc(16), Buffer.alloc(7)), code('KSN_BAD'));
  throws(() => aesDukptUpdateKey(AES_IK, Buffer.alloc(9), 'AES128'), code('KSN_BAD'));
  throws(() => aesDukptUpdateKey(AES_IK, Buffer.alloc(7), 'AES128'), code('KSN_BAD'));
  throws(() => aesDukptWorkingKey(AES_IK, 'pin encryption', 'AES256', KSN), code('KEY_BAD'));
  throws(() => aesDukptWorkingKey(AES_IK, 'pin encryption', 'AES128', Buffer.alloc(10)), code('KSN_BAD'));
});

aes.run();

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
