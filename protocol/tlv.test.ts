import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from './errors.ts';
import { buildTlv, isConstructed, parseTlv } from './tlv.ts';

const tlv = suite('DE55: BER-TLV, EMV Book 3 annex B');

tlv('items follow each other: tags of one, two and three bytes', () => {
  const items = [
    { tag: '9F26', value: '0102030405060708' },
    { tag: '9F27', value: '80' },
    { tag: '95', value: '0000000000' },
    { tag: 'DF8101', value: 'FF' },
  ];
  const hex = '9F26080102030405060708' + '9F270180' + '95050000000000' + 'DF810101FF';
  assert.equal(parseTlv(hex), items);
  assert.is(buildTlv(items), hex);
});

tlv('a length above 127 takes one or two more bytes', () => {
  for (const [size, head] of [
    [127, '5A7F'],
    [128, '5A8180'],
    [255, '5A81FF'],
    [256, '5A820100'],
  ] as const) {
    const value = 'AB'.repeat(size);
    assert.is(buildTlv([{ tag: '5A', value }]), head + value);
    assert.equal(parseTlv(head + value), [{ tag: '5A', value }]);
  }
  // A longer form than needed is read as well.
  assert.equal(parseTlv('5A820001FF'), [{ tag: '5A', value: 'FF' }]);
});

tlv('a constructed tag holds items', () => {
  assert.ok(isConstructed('70'));
  assert.ok(isConstructed('BF0C'));
  assert.not(isConstructed('9F26'));
  const [outer] = parseTlv('70065A01129F3600');
  assert.equal(parseTlv(outer?.value ?? ''), [
    { tag: '5A', value: '12' },
    { tag: '9F36', value: '' },
  ]);
});

tlv('padding bytes between items are skipped', () => {
  assert.equal(parseTlv('00005A0112000095010000'), [
    { tag: '5A', value: '12' },
    { tag: '95', value: '00' },
  ]);
  assert.equal(parseTlv(''), []);
});

// biome-ignore format: a table is read by column
for (const [sentence, hex, offset] of [
  ['a value that is cut off',             '5A03AABB',     1],
  ['a length that is cut off',            '5A82FF',       1],
  ['no length',                           '5A',           1],
  ['a tag that is cut off',               '9F',           0],
  ['a tag without end',                   '9F818181818101', 0],
  ['an indefinite length',                '5A80AA0000',   1],
  ['a length of three bytes',             '5A83000001AA', 1],
  ['the second item wrong',               '5A01AA9F2705', 5],
  ['half a byte',                         '5A0',          0],
  ['no hexadecimal',                      'ZZ',           0],
] as const) {
  tlv(`refuses ${sentence}`, () => {
    assert.throws(() => parseTlv(hex), (error: unknown) => error instanceof PosError && error.code === 'TLV_BAD' && error.offset === offset);
  });
}

tlv('does not write tags that are none', () => {
  for (const tag of ['', '00', '9F', '5A5A', '9F2']) {
    assert.throws(
      () => buildTlv([{ tag, value: '' }]),
      (error: unknown) => error instanceof PosError && error.code === 'TLV_BAD',
      tag,
    );
  }
});

tlv.run();
