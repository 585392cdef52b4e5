import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  buildHt,
  buildTotals,
  buildUpload,
  buildUploadEnd,
  parseHt,
  parseTotals,
  parseUpload,
  parseUploadCount,
  parseUploadEnd,
  RESULT,
} from './de48.ts';
import { type FailureCode, PosError } from './errors.ts';
import { fen } from './money.ts';

const isDe48 = (code: FailureCode) => (error: unknown) =>
  error instanceof PosError && error.code === code && error.field === 48;

const NOTHING = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };

const totals = suite('DE48 of a settlement: own cards, foreign cards, 62 digits');

totals(
  'of a captured 0500: seven debits of 0.07 yuan (fact sheet sample «settlement request 0500 body»)',
  () => {
    const text = '00000000000700700000000000000000000000000000000000000000000000';
    const parsed = parseTotals(text);
    assert.equal(parsed, {
      own: { ...NOTHING, debitAmount: fen(7), debitCount: 7 },
      ownResult: 0,
      foreign: NOTHING,
      foreignResult: 0,
    });
    assert.is(buildTotals(parsed), text);
  },
);

totals('have results at digits 31 and 62', () => {
  const own = { debitAmount: fen(128_00), debitCount: 1, creditAmount: fen(64_00), creditCount: 2 };
  const text = buildTotals({
    own,
    ownResult: RESULT.balanced,
    foreign: NOTHING,
    foreignResult: RESULT.unbalanced,
  });
  assert.is(text, `${'000000012800'}${'001'}${'000000006400'}${'002'}${'1'}${'0'.repeat(30)}${'2'}`);
  assert.is(parseTotals(text).ownResult, 1);
  assert.is(parseTotals(text).foreignResult, 2);
});

totals('refuse another length, other characters, results above 3 and counts above 999', () => {
  assert.throws(() => parseTotals('0'.repeat(61)), isDe48('FIELD_BAD_LENGTH'));
  assert.throws(() => parseTotals('0'.repeat(63)), isDe48('FIELD_BAD_LENGTH'));
  assert.throws(() => parseTotals('x'.repeat(62)), isDe48('FIELD_BAD_CONTENT'));
  const side = { own: NOTHING, foreign: NOTHING, foreignResult: 0 };
  assert.throws(() => buildTotals({ ...side, ownResult: 4 }), isDe48('FIELD_BAD_CONTENT'));
  for (const debitCount of [1_000, -1, 1.5]) {
    assert.throws(
      () => buildTotals({ ...side, ownResult: 0, own: { ...NOTHING, debitCount } }),
      isDe48('FIELD_BAD_LENGTH'),
    );
  }
});

totals("HT has the host's figures in the same order, 60 digits", () => {
  const own = { debitAmount: fen(1), debitCount: 2, creditAmount: fen(3), creditCount: 4 };
  const text = buildHt(own, NOTHING);
  assert.is(text, `000000000001${'002'}000000000003${'004'}${'0'.repeat(30)}`);
  assert.equal(parseHt(text), { own, foreign: NOTHING });
});

totals('HT is true above 999 items: 72 digits, counts of six', () => {
  const own = { ...NOTHING, debitAmount: fen(1), debitCount: 1_000 };
  const text = buildHt(own, NOTHING);
  assert.is(text, `000000000001${'001000'}000000000000${'000000'}${'0'.repeat(36)}`);
  assert.equal(parseHt(text), { own, foreign: NOTHING });
  for (const size of [59, 61, 66, 73])
    assert.throws(() => parseHt('0'.repeat(size)), isDe48('FIELD_BAD_LENGTH'));
});

totals.run();

const upload = suite('DE48 of a batch upload: count, then up to eight items of 40 digits');

const ITEM = { cardClass: '00', trace: '000123', pan: '6277880000000016', amount: fen(128_00) } as const;
const ITEM_TEXT = '00' + '000123' + '00006277880000000016' + '000000012800';

upload('is written and read', () => {
  const text = `02${ITEM_TEXT}01${ITEM_TEXT.slice(2)}`;
  assert.is(buildUpload([ITEM, { ...ITEM, cardClass: '01' }]), text);
  assert.equal(parseUpload(text).items, [ITEM, { ...ITEM, cardClass: '01' }]);
  assert.is(parseUploadCount(text), 2);
  assert.equal(parseUpload('00').items, []);
});

upload('eight items fill the field', () => {
  assert.is(buildUpload(new Array(8).fill(ITEM)).length, 322);
  assert.throws(() => buildUpload(new Array(9).fill(ITEM)), isDe48('FIELD_BAD_LENGTH'));
});

upload('refuses a count that is not that of its items', () => {
  for (const text of [`01`, `01${ITEM_TEXT}0`, `02${ITEM_TEXT}`, '1'])
    assert.throws(() => parseUpload(text), isDe48('FIELD_BAD_LENGTH'), text);
  assert.throws(() => parseUpload(`0102${ITEM_TEXT.slice(2)}`), isDe48('FIELD_BAD_CONTENT'));
  assert.throws(() => buildUpload([{ ...ITEM, trace: '123' }]), isDe48('FIELD_BAD_CONTENT'));
});

upload('ends with the total count, n4', () => {
  assert.is(buildUploadEnd(17), '0017');
  assert.is(parseUploadEnd('0017'), 17);
  for (const count of [-1, 10_000, 0.5])
    assert.throws(() => buildUploadEnd(count), isDe48('FIELD_BAD_CONTENT'));
  assert.throws(() => parseUploadEnd('017'), isDe48('FIELD_BAD_LENGTH'));
});

upload.run();
