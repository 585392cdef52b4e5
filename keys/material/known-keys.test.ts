import { doesNotThrow, throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import { PosError } from '../../protocol/index.ts';
import { refuseKnownKey } from './known-keys.ts';

const known = suite('keys that everybody knows are refused outside of test mode');

// biome-ignore format: a table is read by column
for (const [why, key] of [
  ['FIPS 81 and most manuals',              '0123456789ABCDEFFEDCBA9876543210'],
  ['the same with other parity bits',       '0022446688AACCEEFEDCBA9876543210'],
  ['GlobalPlatform\'s default',             '404142434445464748494A4B4C4D4E4F'],
  ['one byte over and over',                '11'.repeat(16)],
  ['one byte but for parity bits',          '1011'.repeat(8)],
  ['two bytes over and over',               'A5C3'.repeat(16)],
  ['eight bytes over and over',             '1F2E3D4C5B6A7988'.repeat(4)],
  ['counting up',                           '000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F'],
  ['counting up by 17, past FF',            '112233445566778899AABBCCDDEEFF10'],
  ['counting down',                         'FFFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0'],
] as const) {
  known(why, () => {
    throws(
      () => refuseKnownKey(Buffer.from(key, 'hex'), 'tmk:1'),
      (error) => error instanceof PosError && error.code === 'KEY_BAD' && !error.detail.includes(key.slice(0, 6)),
    );
  });
}

known('a random key passes', () => {
  fc.assert(
    fc.property(fc.constantFrom(16, 32), (length) =>
      doesNotThrow(() => refuseKnownKey(randomBytes(length), 'key')),
    ),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

known.run();
