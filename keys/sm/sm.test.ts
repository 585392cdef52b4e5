import { throws } from 'node:assert/strict';
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { sm2Decrypt, sm2Encrypt } from './sm2-encryption.ts';
import { SM2_DEFAULT_ID, sm2PublicKey, sm2Sign, sm2Verify, sm2Za } from './sm2-signature.ts';
import { sm3 } from './sm3.ts';
import { sm4GcmDecrypt, sm4GcmEncrypt } from './sm4-gcm.ts';

const hex = (text: string) => fromHex(text, 'input');

/** GM/T 0003.5-2012, A.2 and C.2. */
const D = hex('3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8');
const P = hex(
  '09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13',
);
const MESSAGE = Buffer.from('message digest');
const SIGNATURE = hex(
  'F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA',
);

const hash = suite('SM3');

hash('agrees with GM/T 0004, in one part and in several', () => {
  const expected = '66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0';
  assert.is(toHex(sm3(Buffer.from('abc'))), expected);
  assert.is(toHex(sm3(Buffer.from('a'), Buffer.from('bc'))), expected);
});

hash.run();

const signatures = suite('SM2 signatures: GM/T 0003.5-2012');

signatures('public key and ZA of the example', () => {
  assert.equal(sm2PublicKey(D), P);
  assert.is(toHex(sm2Za(P)), 'B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3');
});

signatures('the published signature verifies under the default identity and under no other', () => {
  assert.ok(sm2Verify(P, MESSAGE, SIGNATURE));
  assert.not(sm2Verify(P, MESSAGE, SIGNATURE, Buffer.alloc(0)));
  assert.not(sm2Verify(P, MESSAGE, SIGNATURE, Buffer.from('ALICE123@YAHOO.COM')));
});

signatures(
  'the trap: Node’s own one-shot verify refuses the published signature, for it knows no identity',
  () => {
    const der = Buffer.concat([
      hex('3059301306072A8648CE3D020106082A811CCF5501822D034200'),
      Buffer.from([4]),
      P,
    ]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const [r, s] = [SIGNATURE.subarray(0, 32), SIGNATURE.subarray(32)];
    const asn1 = Buffer.concat([hex('3046022100'), r, hex('022100'), s]);
    assert.not(verify('sm3', MESSAGE, key, asn1));
  },
);

signatures('an empty identity is refused for signing', () => {
  throws(() => sm2Sign(D, MESSAGE, Buffer.alloc(0)), code('FIELD_BAD_LENGTH'));
  throws(() => sm2Sign(D, MESSAGE, Buffer.alloc(8192)), code('FIELD_BAD_LENGTH'));
});

signatures('what was signed verifies; one flipped bit of message, signature or identity does not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.nat(), (bytes, bit) => {
      const message = Buffer.from(bytes);
      const signature = sm2Sign(D, message);
      assert.ok(sm2Verify(P, message, signature));
      assert.not(sm2Verify(P, flipped(message, bit), signature));
      assert.not(sm2Verify(P, message, flipped(signature, bit)));
      assert.not(sm2Verify(P, message, signature, flipped(SM2_DEFAULT_ID, bit)));
    }),
    { numRuns: 25, verbose: fc.VerbosityLevel.Verbose },
  );
});

signatures('small numbers in a signature keep their places: signatures of many messages all verify', () => {
  for (let n = 0; n < 120; n += 1) {
    const message = Buffer.from(String(n));
    const signature = sm2Sign(D, message);
    assert.is(signature.length, 64);
    assert.ok(sm2Verify(P, message, signature));
  }
});

signatures('a signature of another length, or of zeros, is wrong', () => {
  assert.not(sm2Verify(P, MESSAGE, SIGNATURE.subarray(1)));
  assert.not(sm2Verify(P, MESSAGE, Buffer.alloc(64)));
});

signatures('what is no key is refused, without telling it', () => {
  throws(() => sm2Verify(Buffer.alloc(64, 1), MESSAGE, SIGNATURE), code('KEY_BAD'));
  throws(() => sm2Verify(P.subarray(1), MESSAGE, SIGNATURE), code('KEY_BAD'));
  for (const key of [Buffer.alloc(32), Buffer.alloc(32, 0xff), D.subarray(1)]) {
    throws(
      () => sm2Sign(key, MESSAGE),
      (error: PosError) => error.code === 'KEY_BAD' && !/[0-9A-Fa-f]{8}/.test(error.detail),
    );
  }
});

signatures.run();

const encryption = suite('SM2 encryption: GM/T 0003.5-2012 C.2');

encryption('the example, in the order C1 C3 C2', () => {
  const once = hex('59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21');
  const sealed = sm2Encrypt(P, Buffer.from('encryption standard'), () => Buffer.from(once));
  assert.is(
    toHex(sealed),
    '0404EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0' +
      '59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766' +
      '21886CA989CA9C7D58087307CA93092D651EFA',
  );
  assert.is(sm2Decrypt(D, sealed).toString(), 'encryption standard');
});

encryption('what was encrypted comes out; one flipped bit anywhere is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (bytes, bit) => {
      const message = Buffer.from(bytes);
      const sealed = sm2Encrypt(P, message, randomBytes);
      assert.equal(sm2Decrypt(D, sealed), message);
      throws(() => sm2Decrypt(D, flipped(sealed, bit)), code('SEAL_BROKEN'));
    }),
    { numRuns: 30, verbose: fc.VerbosityLevel.Verbose },
  );
});

encryption('another key, a text cut short and a broken random source are refused', () => {
  const sealed = sm2Encrypt(P, MESSAGE, randomBytes);
  throws(() => sm2Decrypt(Buffer.alloc(32, 5), sealed), code('SEAL_BROKEN'));
  throws(() => sm2Decrypt(Buffer.alloc(32), sealed), code('KEY_BAD'));
  throws(() => sm2Decrypt(D, sealed.subarray(0, 97)), code('SEAL_BROKEN'));
  throws(() => sm2Encrypt(P, Buffer.alloc(0), randomBytes), code('FIELD_BAD_LENGTH'));
  throws(() => sm2Encrypt(P, MESSAGE, (count) => Buffer.alloc(count)), code('KEY_BAD'));
  throws(() => sm2Encrypt(Buffer.alloc(64, 1), MESSAGE, randomBytes), code('KEY_BAD'));
});

encryption.run();

const gcm = suite('SM4-GCM: RFC 8998 A.1');

const SM4 = new BlockCipher('sm4', hex('0123456789ABCDEFFEDCBA9876543210'));
const IV = hex('00001234567800000000ABCD');
const AAD = hex('FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2');

gcm('the example', () => {
  const clear = hex(['AA', 'BB', 'CC', 'DD', 'EE', 'FF', 'EE', 'AA'].map((pair) => pair.repeat(8)).join(''));
  const { cipherText, tag } = sm4GcmEncrypt(SM4, IV, clear, AAD);
  assert.is(toHex(cipherText).slice(0, 32), '17F399F08C67D5EE19D0DC9969C4BB7D');
  assert.is(toHex(tag), '83DE3541E4C2B58177E065A9BF7B62EC');
  assert.equal(sm4GcmDecrypt(SM4, IV, cipherText, AAD, tag), clear);
});

gcm('one flipped bit of text, additional data or tag is refused', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 70 }),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.nat(),
      (bytes, more, bit) => {
        const [clear, aad] = [Buffer.from(bytes), Buffer.from(more)];
        const { cipherText, tag } = sm4GcmEncrypt(SM4, IV, clear, aad);
        assert.equal(sm4GcmDecrypt(SM4, IV, cipherText, aad, tag), clear);
        throws(() => sm4GcmDecrypt(SM4, IV, flipped(cipherText, bit), aad, tag), code('SEAL_BROKEN'));
        throws(() => sm4GcmDecrypt(SM4, IV, cipherText, flipped(aad, bit), tag), code('SEAL_BROKEN'));
        throws(() => sm4GcmDecrypt(SM4, IV, cipherText, aad, flipped(tag, bit)), code('SEAL_BROKEN'));
      },
    ),
    { numRuns: 30, verbose: fc.VerbosityLevel.Verbose },
  );
});

gcm('an initial value of another length and a tag cut short are refused', () => {
  throws(() => sm4GcmEncrypt(SM4, Buffer.alloc(16), MESSAGE, AAD), code('FIELD_BAD_LENGTH'));
  const { cipherText, tag } = sm4GcmEncrypt(SM4, IV, MESSAGE, AAD);
  throws(() => sm4GcmDecrypt(SM4, IV, cipherText, AAD, tag.subarray(0, 15)), code('SEAL_BROKEN'));
});

gcm.run();

function flipped(bytes: Buffer, bit: number): Buffer {
  const out = Buffer.from(bytes);
  const at = (bit >> 3) % out.length;
  out[at] = (out[at] as number) ^ (1 << (bit & 7));
  return out;
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
