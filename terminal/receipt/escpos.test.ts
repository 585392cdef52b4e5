import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeEscPos } from './escpos.ts';
import { columnsOf, MISSING_CHARACTER, printable, printerBytes, wrapColumns } from './text.ts';

const bytes = suite('ESC/POS: a slip as bytes');

bytes('initialises, turns Chinese on, says the look of each line, feeds and cuts', () => {
  const slip = {
    cut: true,
    lines: [{ text: '消费', align: 'center', size: 'double', bold: true }, { text: 'SALE 1.00' }],
  } as const;
  // By hand from the command table; 消费 is CF FB B7 D1 in GB2312.
  const expected = [
    '1b40 1c26',
    '1b6101 1b4501 1d2111 cffbb7d1 0a',
    '1b6100 1b4500 1d2100 53414c4520312e3030 0a',
    '1b6403 1d564200',
  ];
  assert.is(encodeEscPos(slip).toString('hex'), expected.join('').replaceAll(' ', ''));
});

bytes('does not cut where the slip says so', () => {
  assert.is(encodeEscPos({ cut: false, lines: [] }).toString('hex'), '1b401c261b6403');
});

bytes.run();

const text = suite('text for a printer: never silently wrong');

// biome-ignore format: a table is read by column
for (const [sentence, given, shown, columns] of [
  ['keeps Chinese, two columns a character',               '建业A1',  '建业A1', 6],
  ['keeps a rare character that GBK has',                   '龘',      '龘',     2],
  ['shows a mark for a surname beyond the printer\'s font', '𠮷野',    '〓野',   4],
  ['shows a mark for four-byte GB18030 characters',         '㐂ñ',     '〓〓',   4],
  ['shows one mark for a picture made of several',          '👨‍👩‍👧!', '〓!',    3],
  ['takes × and … as wide as the printer prints them',      '×…',      '×…',     4],
  ['turns control characters into spaces',                  'a\x1b@b\n', 'a @b ', 5],
] as const) {
  text(sentence, () => {
    assert.is(printable(given), shown);
    assert.is(columnsOf(printable(given)), columns);
  });
}

text('gives one or two bytes a character and never a control character, for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (given) => {
      const sent = printerBytes(given);
      assert.is(sent.length, columnsOf(printable(given)));
      for (const byte of sent) assert.ok(byte >= 0x20 && byte !== 0x7f, `byte ${byte}`);
      assert.is(printable(printable(given)), printable(given));
    }),
  );
});

text('is wrapped into pieces that fit and that together are the text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.integer({ min: 2, max: 32 }),
      (given, columns) => {
        const pieces = wrapColumns(given, columns);
        assert.is(pieces.join(''), printable(given));
        for (const piece of pieces) assert.ok(columnsOf(piece) <= columns);
      },
    ),
  );
});

text('is wrapped between English words, and between any two Chinese characters', () => {
  assert.equal(wrapColumns('郑东假日酒店 Zhengdong Holiday Hotel', 32), [
    '郑东假日酒店 Zhengdong Holiday ',
    'Hotel',
  ]);
  assert.equal(wrapColumns('一二三四', 4), ['一二', '三四']);
  assert.equal(wrapColumns('ABCDEFGH', 4), ['ABCD', 'EFGH']);
});

text('uses a mark that the printer itself has', () => {
  assert.is(printable(MISSING_CHARACTER), MISSING_CHARACTER);
});

text.run();
