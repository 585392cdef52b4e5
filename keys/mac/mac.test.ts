import { createHmac, hash } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { cmac } from './cmac.ts';
import { HmacSha256 } from './hmac-sha-256.ts';
import { iso9797Mac1, iso9797Mac2, iso9797Mac3, iso9797Mac4 } from './iso-9797-1.ts';
import { type PaddingMethod, padded } from './padding.ts';
import { unionPayEcbMac } from './unionpay-ecb-mac.ts';
import { ansiX99Mac, ansiX919Mac } from './x9-mac.ts';

const DOUBLE = '0123456789ABCDEFFEDCBA9876543210';
const NOW_IS_THE_TIME = Buffer.from('Now is the time for all ', 'ascii');

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

const iso = suite('ISO/IEC 9797-1');

const TEXT = 'Now is the time for it';
const GB_TEXT = 'This is the test message ';
const SECOND = 'F1D3B597795B3D1F';
const SM4_SECOND = '4149D2ADED9456681EC8B511D9E7EE04';

// biome-ignore format: a table is read by column
for (const [name, mac, source] of [
  ['algorithm 1, padding 1',       () => iso9797Mac1(cipherOf('0123456789ABCDEF'), Buffer.from(TEXT), 1),                                     'E45B3AD2 annex B'],
  ['algorithm 1, padding 2',       () => iso9797Mac1(cipherOf('0123456789ABCDEF'), Buffer.from(TEXT), 2),                                     'A924C721 annex B'],
  ['algorithm 1, padding 3',       () => iso9797Mac1(cipherOf('0123456789ABCDEF'), Buffer.from(TEXT), 3),                                     'B1ECD6FC annex B'],
  ['algorithm 2, padding 2',       () => iso9797Mac2(cipherOf('0123456789ABCDEF'), cipherOf(SECOND), Buffer.from(TEXT), 2),                   '1736AC1A61630EFB annex B as corrected'],
  ['algorithm 3, padding 2',       () => iso9797Mac3(cipherOf('0123456789ABCDEF'), cipherOf('FEDCBA9876543210'), Buffer.from(TEXT), 2),       '5A692CE64F404145 annex B'],
  ['algorithm 4, padding 2',       () => iso9797Mac4(cipherOf('0123456789ABCDEF'), cipherOf('FEDCBA9876543210'), Buffer.from('Hello, world!'), 2), 'B6E74442CF5607FA CryptoCarver'],
  ['algorithm 1 in SM4',           () => iso9797Mac1(sm4Of(DOUBLE), Buffer.from(GB_TEXT), 2),                                                 '421AD1690AA152E2846FA2A5D83445A9 GB/T 15852.1, B'],
  ['algorithm 4 in SM4',           () => iso9797Mac4(sm4Of(DOUBLE), sm4Of(SM4_SECOND), Buffer.from(GB_TEXT), 2),                              '949476D35F17261E1FB8C4396D62DC05 GB/T 15852.1, B'],
  ['algorithm 4 over one block',   () => iso9797Mac4(sm4Of(DOUBLE), sm4Of(SM4_SECOND), Buffer.alloc(0), 2),                                   '0C560096B609ED0EAA39AFD6E2666511 GB/T 15852.1, B'],
  ['CMAC in AES, no data',         () => cmac(new BlockCipher('aes-128', fromHex('2B7E151628AED2A6ABF7158809CF4F3C', 'key')), Buffer.alloc(0)), 'BB1D6929E95937287FA37D129B756746 RFC 4493'],
  ['CMAC in 3-key triple DES',     () => cmac(new BlockCipher('3des-3key', fromHex('8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5', 'key')), fromHex('6BC1BEE22E409F96', 'data')), '8E8F293136283797 SP 800-38B, D.3'],
  ['CMAC in SM4, part of a block', () => cmac(sm4Of(DOUBLE), Buffer.from(GB_TEXT)),                                                           '4738A6C760B280FC0C8A8AF3886E9F5D GB/T 15852.1, B'],
] as const) {
  const [expected = '', ...where] = source.split(' ');
  iso(`${name} agrees with ${where.join(' ')}`, () => {
    assert.is(toHex(mac()).slice(0, expected.length), expected);
  });
}

// biome-ignore format: a table is read by column
for (const [method, data, bytes] of [
  [1, '',                 '0000000000000000'],
  [1, '1234567890123456', '1234567890123456'],
  [2, '',                 '8000000000000000'],
  [2, '1234567890123456', '12345678901234568000000000000000'],
  [3, '',                 '00000000000000000000000000000000'],
  [3, '1234',             '00000000000000101234000000000000'],
] as const) {
  iso(`padding ${method} of ${data.length / 2} bytes (psec)`, () => {
    assert.is(toHex(padded(fromHex(data, 'data'), 8, method)), bytes);
  });
}

iso('every flipped bit of a message changes every MAC but those that a zero can be appended to', () => {
  const key = cipherOf(DOUBLE);
  const second = cipherOf('FEDCBA98765432100123456789ABCDEF');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(), (bytes, at) => {
      const data = Buffer.from(bytes);
      const flipped = Buffer.from(data);
      const byte = (at >> 3) % data.length;
      flipped[byte] = (flipped[byte] as number) ^ (1 << (at & 7));
      for (const method of [1, 2, 3] as const satisfies readonly PaddingMethod[]) {
        assert.not.equal(iso9797Mac1(key, data, method), iso9797Mac1(key, flipped, method));
        assert.not.equal(iso9797Mac2(key, second, data, method), iso9797Mac2(key, second, flipped, method));
        assert.not.equal(iso9797Mac3(key, second, data, method), iso9797Mac3(key, second, flipped, method));
        assert.not.equal(iso9797Mac4(key, second, data, method), iso9797Mac4(key, second, flipped, method));
      }
      assert.not.equal(cmac(key, data), cmac(key, flipped));
      assert.not.equal(cmac(key, data), cmac(key, Buffer.concat([data, Buffer.alloc(1)])));
    }),
    { numRuns: 60, verbose: fc.VerbosityLevel.Verbose },
  );
});

iso('X9.19 is algorithm 3 with the two halves of its key and padding 1', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const [left, right] = [cipherOf(DOUBLE.slice(0, 16)), cipherOf(DOUBLE.slice(16))];
      assert.equal(
        ansiX919Mac(cipherOf(DOUBLE), Buffer.from(bytes)),
        iso9797Mac3(left, right, Buffer.from(bytes), 1),
      );
    }),
    { numRuns: 60, verbose: fc.VerbosityLevel.Verbose },
  );
});

iso.run();

const hmacs = suite('HMAC-SHA-256: RFC 2104');

const LONG_KEY = 'aa'.repeat(131);
// biome-ignore format: a table is read by column
for (const [number, key, data, expected] of [
  [1, '0b'.repeat(20),                                        ascii('Hi There'),                     'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [2, ascii('Jefe'),                                          ascii('what do ya want for nothing?'), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
  [3, 'aa'.repeat(20),                                        'dd'.repeat(50),                       '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [4, '0102030405060708090a0b0c0d0e0f10111213141516171819',   'cd'.repeat(50),                       '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b'],
  [6, LONG_KEY, ascii('Test Using Larger Than Block-Size Key - Hash Key First'),                     '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'],
  [7, LONG_KEY, ascii('This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.'), '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2'],
] as const) {
  hmacs(`test case ${number} of RFC 4231`, () => {
    assert.is(new HmacSha256(fromHex(key, 'key')).hexOf(fromHex(data, 'data')), expected);
  });
}

hmacs('one object serves texts of any length, in any order, as an object made for each', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }),
      (key, texts) => {
        const kept = new HmacSha256(Buffer.from(key));
        for (const text of texts)
          assert.is(kept.hexOf(Buffer.from(text)), createHmac('sha256', key).update(text).digest('hex'));
      },
    ),
    { numRuns: 100, verbose: fc.VerbosityLevel.Verbose },
  );
});

hmacs('wiped, it holds zeros where the key was', () => {
  const zeros = Buffer.alloc(64);
  const inner = hash('sha256', Buffer.concat([zeros, Buffer.from('text')]), 'buffer');
  const wiped = new HmacSha256(fromHex(LONG_KEY, 'key'));
  wiped.wipe();
  assert.is(wiped.hexOf(Buffer.from('text')), hash('sha256', Buffer.concat([zeros, inner])));
});

hmacs.run();

function ascii(text: string): string {
  return toHex(Buffer.from(text, 'ascii'));
}

function sm4Of(key: string): BlockCipher {
  return new BlockCipher('sm4', fromHex(key, 'key'));
}

function cipherOf(key: string): BlockCipher {
  return new BlockCipher(key.length === 16 ? 'des' : '3des', fromHex(key, 'key'));
}
