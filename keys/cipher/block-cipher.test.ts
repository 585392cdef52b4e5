import { throws } from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { fromHex, toHex } from '../hex.ts';
import { BlockCipher } from './block-cipher.ts';

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
  throws(() => cipherOf(DOUBLE).ctr(Buffer.alloc(8), Buffer.alloc(8)), code('INVARIANT'));
});

ciphers('a cut block is refused before the cached object sees it: the next message comes out right', () => {
  const key = cipherOf(DOUBLE);
  const right = toHex(key.encryptCbc(NOW_IS_THE_TIME));
  throws(() => key.encryptCbc(Buffer.alloc(9)), code('INVARIANT'));
  throws(() => key.encrypt(Buffer.alloc(9)), code('INVARIANT'));
  throws(() => key.decryptCbc(Buffer.alloc(0)), code('INVARIANT'));
  throws(() => key.encryptCbc(NOW_IS_THE_TIME, Buffer.alloc(7)), code('INVARIANT'));
  assert.is(toHex(key.encryptCbc(NOW_IS_THE_TIME)), right);
});

ciphers('CBC agrees with FIPS 81 under an initial value', () => {
  const des = cipherOf('0123456789ABCDEF');
  const iv = fromHex('1234567890ABCDEF', 'iv');
  const sealed = 'E5C7CDDE872BF27C43E934008C389C0F683788499A7C05F6';
  assert.is(toHex(des.encryptCbc(NOW_IS_THE_TIME, iv)), sealed);
  assert.equal(des.decryptCbc(fromHex(sealed, 'sealed'), iv), NOW_IS_THE_TIME);
});

// biome-ignore format: a table is read by column
for (const [algorithm, openssl, keyBytes, blockBytes] of [
  ['3des',      'des-ede-cbc',  16,  8],
  ['3des-3key', 'des-ede3-cbc', 24,  8],
  ['aes-128',   'aes-128-cbc',  16, 16],
  ['aes-192',   'aes-192-cbc',  24, 16],
  ['aes-256',   'aes-256-cbc',  32, 16],
  ['sm4',       'sm4-cbc',      16, 16],
] as const) {
  ciphers(`one cached ${algorithm} object serves messages in any order as a new object for each would`, () => {
    const key = Buffer.from(Array.from({ length: keyBytes }, (_, at) => at * 7 + 1));
    const cached = new BlockCipher(algorithm, key);
    const bytes = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });
    const message = fc.tuple(fc.integer({ min: 1, max: 6 }).chain((n) => bytes(n * blockBytes)), bytes(blockBytes));
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), (messages) => {
        for (const [clear, iv] of messages) {
          const fresh = createCipheriv(openssl, key, iv).setAutoPadding(false);
          const sealed = cached.encryptCbc(Buffer.from(clear), Buffer.from(iv));
          assert.equal(sealed, Buffer.concat([fresh.update(clear), fresh.final()]));
          assert.equal(cached.decryptCbc(sealed, Buffer.from(iv)), Buffer.from(clear));
        }
      }),
      { numRuns: 40, verbose: fc.VerbosityLevel.Verbose },
    );
  });
}

ciphers('counter mode agrees with SP 800-38A, F.5.1, and undoes itself', () => {
  const aes = new BlockCipher('aes-128', fromHex('2B7E151628AED2A6ABF7158809CF4F3C', 'key'));
  const counter = fromHex('F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF', 'counter');
  const clear = fromHex('6BC1BEE22E409F96E93D7E117393172A', 'clear');
  const sealed = aes.ctr(clear, counter);
  assert.is(toHex(sealed), '874D6191B620E3261BEF6864990DB6CE');
  assert.equal(aes.ctr(sealed, counter), clear);
});

ciphers('a wiped cipher no longer holds its key', () => {
  const key = cipherOf(DOUBLE);
  const left = key.leftHalf();
  const subkeys = key.cmacSubkeys();
  key.wipe();
  for (const subkey of subkeys) assert.is(toHex(subkey), '0'.repeat(16));
  assert.is(toHex(key.copyKey()), '0'.repeat(32));
  assert.is(toHex(left.copyKey()), '0'.repeat(16));
});

ciphers.run();

function cipherOf(key: string): BlockCipher {
  return new BlockCipher(key.length === 16 ? 'des' : '3des', fromHex(key, 'key'));
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
