import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  buildDe53,
  buildDe54,
  buildDe60,
  buildDe61,
  buildDe63,
  buildWorkingKeys,
  parseDe53,
  parseDe54,
  parseDe60,
  parseDe61,
  parseDe63,
  parseWorkingKeys,
} from './de-layouts.ts';
import { PosError } from './errors.ts';
import { fenDelta } from './money.ts';

const isBad = (field: number) => (error: unknown) =>
  error instanceof PosError && /^FIELD_BAD_(LENGTH|CONTENT)$/.test(error.code) && error.field === field;

const de53 = suite('DE53: how PIN and tracks are protected');

// biome-ignore format: a table is read by column
for (const [text, pin, algorithm, tracksEncrypted] of [
  ['2000000000000000', 'with PAN',    'single DES', false],
  ['2600000000000000', 'with PAN',    '3DES',       false],
  ['2610000000000000', 'with PAN',    '3DES',       true],
  ['0600000000000000', 'none',        '3DES',       false],
  ['1600000000000000', 'without PAN', '3DES',       false],
  ['2300000000000000', 'with PAN',    'SM4',        false],
] as const) {
  de53(`${text} is ${pin}, ${algorithm}${tracksEncrypted ? ', tracks encrypted' : ''}`, () => {
    assert.is(buildDe53({ pin, algorithm, tracksEncrypted }), text);
    assert.equal(parseDe53(text), { pin, algorithm, tracksEncrypted });
  });
}

de53('refuses other digits and lengths', () => {
  for (const text of ['3600000000000000', '2400000000000000', '26', '260000000000000X'])
    assert.throws(() => parseDe53(text), isBad(53), text);
});

de53.run();

const de54 = suite('DE54: one to six amounts, the available balance first');

de54("reads the fact sheet's example", () => {
  const available = { account: '02', type: '10', currency: '156', amount: fenDelta(1234) };
  assert.equal(parseDe54('0210156C000000001234'), [available]);
  assert.is(buildDe54([available]), '0210156C000000001234');
});

de54('carries principal, bonus and points, and a sign', () => {
  const text =
    '0210156C000000110000' + '0290156C000000100000' + '0291156C000000010000' + '6510000D000000000007';
  const balances = parseDe54(text);
  assert.equal(
    balances.map(({ account, type, amount }) => [account + type, amount]),
    [
      ['0210', 110_000],
      ['0290', 100_000],
      ['0291', 10_000],
      ['6510', -7],
    ],
  );
  assert.is(buildDe54(balances), text);
});

de54('refuses none, seven, half an amount and another sign', () => {
  const one = '0210156C000000001234';
  for (const text of ['', one.repeat(7), one.slice(1), one.replace('C', 'X'), one.replace('4', ' ')])
    assert.throws(() => parseDe54(text), isBad(54), text);
  assert.throws(() => buildDe54([]), isBad(54));
  assert.throws(
    () => buildDe54([{ account: '02', type: '10', currency: '156', amount: fenDelta(1_000_000_000_000) }]),
    isBad(54),
  );
});

de54.run();

const de60 = suite('DE60: type n2, batch n6, management code n3, and what may follow');

// biome-ignore format: a table is read by column
for (const [text, type, batch, code, rest] of [
  ['22000705',          '22', 705,    '',    ''],       // captured 0400, halo.pos
  ['00006603003',       '00', 6603,   '003', ''],       // captured 0810, go8583
  ['2200660300060',     '22', 6603,   '000', '60'],     // captured sale, go8583
  ['22000001000500',    '22', 1,      '000', '500'],
  ['22999999000500048', '22', 999999, '000', '500048'],
] as const) {
  de60(`of ${text.length} digits`, () => {
    assert.equal(parseDe60(text), { type, batch, code, rest });
    assert.is(buildDe60({ type, batch, code, rest }), text);
  });
}

de60('of eleven is built without a rest, and other lengths are refused', () => {
  assert.is(buildDe60({ type: '00', batch: 42, code: '201' }), '00000042201');
  for (const text of ['', '2200000', '2200000100', '220000010005', '220000010005000', 'x2000001000'])
    assert.throws(() => parseDe60(text), isBad(60), text);
  assert.throws(() => buildDe60({ type: '22', batch: 1_000_000, code: '000' }), isBad(60));
  assert.throws(() => buildDe60({ type: '2', batch: 1, code: '000' }), isBad(60));
});

de60.run();

const de61 = suite("DE61: the original's batch n6, trace n6, and its date n4 where it is needed");

de61('is 12 or 16 digits', () => {
  assert.equal(parseDe61('000001000123'), { batch: 1, trace: '000123', date: null });
  assert.equal(parseDe61('0000010001231122'), { batch: 1, trace: '000123', date: '1122' });
  assert.is(buildDe61({ batch: 1, trace: '000123', date: null }), '000001000123');
  assert.is(buildDe61({ batch: 0, trace: '000000', date: '1122' }), '0000000000001122');
});

de61('what UnionPay appends, authorisation mode and body, is passed over', () => {
  assert.equal(parseDe61('00000100012311220100000096500'), { batch: 1, trace: '000123', date: '1122' });
});

de61('refuses other lengths', () => {
  for (const text of ['', '00000100012', '0000010001231', 'x00001000123'])
    assert.throws(() => parseDe61(text), isBad(61), text);
  assert.throws(() => buildDe61({ batch: 1, trace: '123', date: null }), isBad(61));
  assert.throws(() => buildDe61({ batch: 1, trace: '00012', date: '11221' }), isBad(61));
});

de61.run();

const de62 = suite('DE62 of a sign-in: each working key behind the other, with its check value');

de62(
  '003: two keys, as a live host sent them (go8583 session 1: PIK 14AE01BB, MAK of 8 bytes B8F616DC)',
  () => {
    const text =
      '37CE423BFA39B2A5ADF173475BC06C9B' + '14AE01BB' + 'FDD04400942EE12E0000000000000000' + 'B8F616DC';
    const keys = parseWorkingKeys('003', text);
    assert.equal(keys, {
      pik: { wrapped: '37CE423BFA39B2A5ADF173475BC06C9B', checkValue: '14AE01BB' },
      mak: { wrapped: 'FDD04400942EE12E0000000000000000', checkValue: 'B8F616DC' },
      tdk: null,
    });
    assert.is(buildWorkingKeys('003', keys), text);
  },
);

de62('004: three keys in 60 bytes (fact sheet: the published PIK, MAK, TDK set)', () => {
  const text =
    '2D25290B4C47B6EBD247D9C8D8499399' +
    '0A89AB77' +
    'D6DDA3BED199AB7454D34EFADC5B6704' +
    '1EAF523B' +
    '535C26152FE4F52D26B64CE60C3A2EFE' +
    'B445E3AA';
  const keys = parseWorkingKeys('004', text.toLowerCase());
  assert.is(keys.tdk?.checkValue, 'B445E3AA');
  assert.is(buildWorkingKeys('004', keys), text);
  assert.is(buildWorkingKeys('005', keys), text);
});

de62('refuses a length that does not fit the mode', () => {
  for (const [mode, size] of [
    ['003', 60],
    ['004', 40],
    ['001', 40],
    ['003', 57],
    ['005', 0],
  ] as const) {
    assert.throws(() => parseWorkingKeys(mode, '00'.repeat(size)), isBad(62));
  }
  assert.throws(() => parseWorkingKeys('003', 'ZZ'.repeat(40)), isBad(62));
});

de62.run();

const de63 = suite('DE63: three characters, then slip lines of twenty bytes');

de63('holds the operator of a request, or the organisation and lines of an answer', () => {
  assert.equal(parseDe63('01 '), { operator: '01 ', lines: [] });
  assert.is(buildDe63('01', []), '01 ');
  const text = `CUP${'尊卡'.padEnd(18)}${'请做退货'.padEnd(16)}`;
  assert.is(buildDe63('CUP', ['尊卡', '请做退货']), text);
  assert.equal(parseDe63(text), { operator: 'CUP', lines: ['尊卡', '请做退货'] });
});

de63('lines stand at 3, 23 and 43, empty ones too (captured by moonwa/p8583sdk)', () => {
  assert.equal(parseDe63('   01                  3333                '), {
    operator: '   ',
    lines: ['01', '3333'],
  });
  assert.equal(parseDe63(`CUP${' '.repeat(40)}x`), { operator: 'CUP', lines: ['', '', 'x'] });
  assert.equal(parseDe63('C'), { operator: 'C', lines: [] });
});

de63('takes eight lines of ten Chinese characters and not more', () => {
  const line = '一二三四五六七八九十';
  assert.equal(parseDe63(buildDe63('CUP', new Array(8).fill(line))).lines, new Array(8).fill(line));
  assert.throws(() => buildDe63('CUP', new Array(9).fill('')), isBad(63));
  assert.throws(() => buildDe63('CUP', [`${line}一`]), isBad(63));
  assert.throws(() => buildDe63('尊', []), isBad(63));
  assert.throws(() => buildDe63('', []), isBad(63));
});

de63.run();
