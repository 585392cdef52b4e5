import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from './errors.ts';
import { hidePans } from './hide-pans.ts';

const hide = suite('no error shows a card number, whatever text it was made from');

// biome-ignore format: a table is read by column
const CASES: readonly (readonly [what: string, text: string, shown: string])[] = [
  ['a card number',              'card 6277880000000016 is gone',       'card 627788******0016 is gone'],
  ['one in groups of four',      '6277 8800 0000 0016',                 '627788******0016'],
  ['one of nineteen digits',     '"6277880000000000003"',               '"627788*********0003"'],
  ['a track 2, whole or begun',  'no "6277880000000016=301"',           'no "627788******0016[…]'],
  ['a track with a wrong digit', '6277880000000017=30127010',           '627788******0017[…]'],
];
for (const [what, text, shown] of CASES)
  hide(`${what} is masked, in the detail and in the message`, () => {
    assert.is(hidePans(text), shown);
    const error = new PosError('NOT_FOUND', text);
    assert.equal([error.detail, error.message], [shown, `NOT_FOUND: ${shown}`]);
  });

hide('numbers that are no card stay as they are', () => {
  for (const text of [
    'merchant 898410170110001',
    'rrn 010000000003, batch 000001',
    '20261122-898410170110001-detail-01.csv',
    'amount 999999999999',
    '6277880000000017 has a wrong check digit',
    'head 4da5523b1fef',
  ])
    assert.is(hidePans(text), text);
});

hide.run();
