import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from './errors.ts';
import {
  amount12,
  FEN_MAX,
  fen,
  fenDelta,
  minusFen,
  parseYuan,
  proportionHalfUp,
  shareHalfUp,
  sumFen,
  yuan,
} from './money.ts';

const money = suite('money: integers of fen, one rounding, half up');

function refused(act: () => unknown): void {
  assert.throws(act, (error: unknown) => error instanceof PosError && error.code === 'AMOUNT_BAD');
}

money('takes whole numbers that DE4 can carry and nothing else', () => {
  assert.is(fen(0), 0);
  assert.is(fen(FEN_MAX), 999_999_999_999);
  assert.ok(Object.is(fen(-0), 0));
  for (const count of [-1, 0.5, FEN_MAX + 1, Number.NaN, Number.POSITIVE_INFINITY]) refused(() => fen(count));
  for (const count of [0.1, Number.NaN, 2 ** 53]) refused(() => fenDelta(count));
  assert.is(fenDelta(-5), -5);
});

money('sums and subtracts within the range', () => {
  assert.is(sumFen([]), 0);
  assert.is(sumFen([fen(1), fen(2), fen(3)]), 6);
  refused(() => sumFen([fen(FEN_MAX), fen(1)]));
  assert.is(minusFen(fen(5), fen(5)), 0);
  refused(() => minusFen(fen(5), fen(6)));
});

// The sale of the design's money page, and the edges of rounding.
// biome-ignore format: a table is read by column
for (const [amount, basisPoints, share, sentence] of [
  [128_00,   8_000, 102_40,           '80 % of 128.00 is 102.40'],
  [99_95,    1_000, 10_00,            'half a fen rounds up'],
  [49_99,      100, 50,               'less than half rounds down'],
  [1,        4_999, 0,                'just below half is nothing'],
  [1,        5_000, 1,                'half of one fen is one fen'],
  [FEN_MAX,  9_999, 999_899_999_999,  'is exact where the product passes 2^53'],
  [FEN_MAX, 10_000, FEN_MAX,          'the whole is the whole'],
  [FEN_MAX,      0, 0,                'nothing is nothing'],
] as const) {
  money(`share: ${sentence}`, () => assert.is(shareHalfUp(fen(amount), basisPoints), share));
}

money('refuses rates below 0, above 100 % or with a fraction', () => {
  for (const rate of [-1, 10_001, 0.5]) refused(() => shareHalfUp(fen(1), rate));
});

money('a proportion agrees with exact arithmetic at any size', () => {
  const amount = fc.integer({ min: 0, max: FEN_MAX });
  fc.assert(
    fc.property(amount, amount, amount, (total, a, b) => {
      const [part, whole] = a < b ? [a, b] : [b, a];
      if (whole === 0) return;
      const doubled = 2n * BigInt(total) * BigInt(part) + BigInt(whole);
      const exact = Number(doubled / (2n * BigInt(whole)));
      assert.is(proportionHalfUp(fen(total), fen(part), fen(whole)), exact);
    }),
    { seed: 20261122, numRuns: 2_000 },
  );
});

money('a proportion of nothing is nothing, and a part of nothing cannot be', () => {
  assert.is(proportionHalfUp(fen(10), fen(0), fen(0)), 0);
  refused(() => proportionHalfUp(fen(10), fen(1), fen(0)));
});

money('is written as people read it', () => {
  assert.equal([fen(123_450), fen(5), fenDelta(-320), fen(0), fen(FEN_MAX)].map(yuan), [
    '1234.50',
    '0.05',
    '-3.20',
    '0.00',
    '9999999999.99',
  ]);
});

money('is typed as 128, 128.5 or 128.50 and in no other way', () => {
  assert.equal(['128', '128.5', '128.50', '0', '0.05'].map(parseYuan), [12_800, 12_800 + 50, 12_850, 0, 5]);
  for (const text of ['', ' 1', '-1', '+1', '1.', '.5', '1.005', '1,000', '１２', '1e3', '99999999999'])
    refused(() => parseYuan(text));
});

money('fills DE4 with twelve digits', () => {
  assert.is(amount12(fen(12_800)), '000000012800');
  assert.is(amount12(fen(FEN_MAX)), '999999999999');
});

money.run();
