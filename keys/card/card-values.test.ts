import { throws } from 'node:assert/strict';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex } from '../hex.ts';
import { cardVerificationValue } from './card-verification-value.ts';
import { decryptTrackBlock, encryptTrackBlock, trackDataBlockAt } from './track-encryption.ts';

const DOUBLE = '0123456789ABCDEFFEDCBA9876543210';

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

function cipherOf(key: string): BlockCipher {
  return new BlockCipher(key.length === 16 ? 'des' : '3des', fromHex(key, 'key'));
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
