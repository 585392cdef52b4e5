import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildDe57, isUt, itemOf, parseDe57 } from './de57.ts';
import { PosError } from './errors.ts';

const de57 = suite('DE57: tag, length of the value in bytes, value, in any order');

const isTlvBad = (error: unknown) =>
  error instanceof PosError && error.code === 'TLV_BAD' && error.field === 57;

de57('is written and read item by item', () => {
  const items = [
    ['V1', '0.1.0'],
    ['GA', '000000012800'],
    ['TX', '会员优惠 9 折'],
    ['TX', ''],
  ] as const;
  // 会员优惠 is eight bytes, ' 9 ' three, 折 two.
  const text = 'V10050.1.0GA012000000012800TX013会员优惠 9 折TX000';
  assert.is(buildDe57(items), text);
  assert.equal(parseDe57(text), items);
});

de57('unknown tags are read past, and of a repeated tag the first is the item', () => {
  const items = parseDe57('ZZ003abcPA003001PA003002');
  assert.is(itemOf(items, 'PA'), '001');
  assert.is(itemOf(items, 'UT'), undefined);
  assert.equal(parseDe57(''), []);
});

// biome-ignore format: a table is read by column
for (const [sentence, text, offset] of [
  ['a value that is cut off',           'PA003ab',      0],
  ['a head that is cut off',            'PA00',         0],
  ['a length that is no number',        'PA0x1a',       0],
  ['the second item wrong',             'PA001aGA9991', 6],
  // Two characters are four bytes: what is left of them is no item.
  ['a length that counts characters',   'TX002折扣',    7],
] as const) {
  de57(`refuses ${sentence}`, () => {
    assert.throws(
      () => parseDe57(text),
      (error: unknown) => isTlvBad(error) && (error as PosError).offset === offset,
    );
  });
}

de57('does not write a tag that is none, nor more than the field carries', () => {
  for (const tag of ['', 'A', 'ABC', '折', 'A ']) assert.throws(() => buildDe57([[tag, '']]), isTlvBad, tag);
  assert.is(buildDe57([['TX', 'x'.repeat(994)]]).length, 999);
  assert.throws(() => buildDe57([['TX', 'x'.repeat(995)]]), isTlvBad);
});

de57('UT is a ULID', () => {
  // The example of the ULID specification, and its edges.
  assert.ok(isUt('01ARZ3NDEKTSV4RRFFQ69G5FAV'));
  assert.ok(isUt('7ZZZZZZZZZZZZZZZZZZZZZZZZZ'));
  for (const text of [
    '8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
    '01ARZ3NDEKTSV4RRFFQ69G5FA',
    '01arz3ndektsv4rrffq69g5fav',
    '01ARZ3NDEKTSV4RRFFQ69G5FAI',
    '',
  ]) {
    assert.not(isUt(text), text);
  }
});

de57.run();
