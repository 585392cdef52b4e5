import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { fromHex, toHex } from '../hex.ts';
import type { KeyAlgorithm } from '../vault/vault.ts';
import { checkKey, combineComponents, withOddParity } from './key-quality.ts';

const GOOD_HALF = '0123456789ABCDEF';

const quality = suite('key bytes that are refused');

// biome-ignore format: a table is read by column
for (const [algorithm, key, why] of [
  ['3des',         `${GOOD_HALF}${GOOD_HALF}`,              'equal halves'],
  ['3des',         `${GOOD_HALF}0022446688AACCEE`,          'halves that differ in parity bits only'],
  ['3des',         `0101010101010101${GOOD_HALF}`,          'a weak left half'],
  ['3des',         `${GOOD_HALF}E0E0E0E0F1F1F1F1`,          'a weak right half'],
  ['3des',         `${GOOD_HALF}FE1FFE1FFE0EFE0E`,          'a semi-weak right half'],
  ['3des',         `${GOOD_HALF}FF1EFF1EFF0FFF0F`,          'a semi-weak half in other parity'],
  ['3des',         `0000000000000000${GOOD_HALF}`,          'a zero half, which is weak'],
  ['des',          '1F011F010E010E01',                      'a semi-weak single-length key'],
  ['des',          '0000000000000000',                      'all zeros'],
  ['sm4',          '00'.repeat(16),                         'all zeros in SM4'],
  ['aes-256',      '00'.repeat(32),                         'all zeros in AES'],
  ['3des',         GOOD_HALF,                               'eight bytes for triple DES'],
  ['3des',         GOOD_HALF.repeat(3),                     'twenty-four bytes'],
  ['sm4',          'AB'.repeat(15),                         'fifteen bytes'],
  ['hmac-sha-256', 'AB'.repeat(16),                         'sixteen bytes for HMAC'],
] as const) {
  quality(`${why} (${algorithm})`, () => {
    throws(() => checkKey(algorithm as KeyAlgorithm, fromHex(key, 'key'), 'tmk:1'), refusal);
  });
}

quality('good keys pass, whatever their parity', () => {
  checkKey('3des', fromHex('0123456789ABCDEFFEDCBA9876543210', 'key'), 'tmk:1');
  checkKey('3des', fromHex('34850E52A8D0D629C8942CCBEAECD049', 'key'), 'tmk:1');
  checkKey('des', fromHex('DAB36167E6DFB5EF', 'key'), 'mak');
  checkKey('sm4', fromHex('0123456789ABCDEF0123456789ABCDEF', 'key'), 'tmk:1');
});

quality.run();

const components = suite('key components: XOR of two or three');

components('two components make the key of cardutil, whose check value is 05EE1D', () => {
  const key = combineComponents(
    [hex('6D6BE51F04F76167491554FE25F7ABEF'), hex('67499B2CF137DFCB9EA28FF757CD10A7')],
    'zmk',
  );
  assert.is(toHex(key), '0A227E33F5C0BEACD7B7DB09723ABB48');
});

components('three components are combined in any order to the same key', () => {
  const parts = ['11', '22', '45'].map((byte) => hex(byte.repeat(16)));
  assert.is(toHex(combineComponents(parts, 'k')), '76'.repeat(16));
  assert.is(toHex(combineComponents([...parts].reverse(), 'k')), '76'.repeat(16));
});

// biome-ignore format: a table is read by column
for (const [parts, why] of [
  [[],                       'no component'],
  [['11'],                   'one component'],
  [['11', '22', '33', '44'], 'four components'],
  [['00', '22'],             'an all-zero component'],
  [['11', '11'],             'two equal components'],
  [['11', '22', '11'],       'the first and third equal'],
] as const) {
  components(`${why} is refused`, () => {
    throws(() => combineComponents(parts.map((byte) => hex(byte.repeat(16))), 'tmk:1'), refusal);
  });
}

components('components of different lengths are refused', () => {
  throws(() => combineComponents([Buffer.alloc(16, 1), Buffer.alloc(8, 2)], 'tmk:1'), refusal);
});

components.run();

const parity = suite('odd parity');

parity('each byte gets an odd number of ones (psec)', () => {
  assert.is(
    toHex(withOddParity(hex('1A2B3C4D5F0A1B2C4D5F6A7B8C9D0F1A'))),
    '1A2A3D4C5E0B1A2C4C5E6B7A8C9D0E1A',
  );
  assert.is(
    toHex(withOddParity(hex('0123456789ABCDEFFEDCBA9876543210'))),
    '0123456789ABCDEFFEDCBA9876543210',
  );
});

parity.run();

/** KEY_BAD that names the key and holds no run of hex digits. */
function refusal(error: unknown): boolean {
  return error instanceof PosError && error.code === 'KEY_BAD' && !/[0-9A-F]{6}/i.test(error.detail);
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
