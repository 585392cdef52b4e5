import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec, compileCodec } from './codec.ts';
import { buildUpload } from './de48.ts';
import { describe, describeMessage } from './describe.ts';
import { HEBEI_TABLE } from './message-vectors.ts';
import { fen } from './money.ts';
import { EXAMPLE_FRAME } from './tables.ts';

const PAN = '6277880000000016';

function body(mti: string, fields: Readonly<Record<number, string>>): Buffer {
  return codec.encode({ mti, fields });
}

const telling = suite('describe: any message, for a person');

telling('names the transaction, the frame and every field', () => {
  const shown = describe(EXAMPLE_FRAME);
  const lines = shown.split('\n');
  assert.is(lines[0], '0200 消费 sale · 117 字节 bytes');
  assert.is(lines[1], 'TPDU 6000030000 · 报文头 header 603100311812');
  assert.is(lines.length, 2 + 14);
  assert.match(shown, 'DE4   交易金额 amount, transaction: 000000012800 — 128.00 元 yuan');
  assert.match(shown, '类型 type 22, 批次 batch 1, 管理码 code 000');
});

telling('takes a frame with LEN, one without, and a body', () => {
  const withLength = describe(EXAMPLE_FRAME).split('\n').slice(1);
  const withoutLength = describe(EXAMPLE_FRAME.subarray(2)).split('\n').slice(1);
  const bare = describe(EXAMPLE_FRAME.subarray(13)).split('\n').slice(1);
  assert.equal(withoutLength, withLength);
  assert.equal(bare, withLength.slice(1));
  assert.equal(describe(EXAMPLE_FRAME.subarray(2), { framed: true }).split('\n').slice(1), withLength);
  assert.equal(describe(EXAMPLE_FRAME.subarray(13), { framed: false }).split('\n').slice(1), bare);
});

telling('says what an answer answers, and its code in words', () => {
  const shown = describe(body('0210', { 3: '000000', 25: '00', 39: '51', 60: '22000001000' }));
  assert.match(shown, '0210 消费 sale 应答 answer');
  assert.match(shown, '"51" — 余额不足 insufficient funds');
});

telling('says what is missing', () => {
  assert.match(
    describe(body('0200', { 3: '000000', 25: '00', 60: '22000001000' })),
    '✗ 缺少 missing: DE4 DE11 DE22 DE41 DE42 DE49 DE64',
  );
  assert.match(
    describeMessage(codec.decode(body('0800', { 60: '00000001003' }))),
    '✗ 缺少 missing: DE11 DE41 DE42 DE63',
  );
});

telling('marks fields that are outside the table', () => {
  assert.match(
    describe(body('0800', { 47: 'abc 1-2' })),
    'DE47  未列域 additional data, national [表外 outside the table]: (7 字符 characters) AAA 9-9',
  );
});

telling("reads with another acquirer's table when it is given", () => {
  const hebei = compileCodec(HEBEI_TABLE);
  const bytes = hebei.encode({ mti: '0710', fields: { 41: '000001003951', 42: '000075900001' } });
  assert.match(describe(bytes, { codec: hebei }), '"000075900001"');
});

telling.run();

const faults = suite('describe: the first wrong byte and the reason');

faults('is named with its place in what was given and from the MTI', () => {
  const frame = Buffer.from(EXAMPLE_FRAME);
  frame[39] = 0x99; // the length of DE35
  const shown = describe(frame);
  assert.match(
    shown,
    '✗ 第一个错误字节 first wrong byte 39 (0x99), MTI + 26: FIELD_BAD_LENGTH DE35 announces 99, at most 37',
  );
  assert.match(shown, 'DE26');
  assert.match(shown, '未读 not read: DE35 DE41 DE42 DE49 DE52 DE53 DE60 DE64');
});

faults('any cut of a message is described, and only the whole one is right', () => {
  for (let length = 0; length < EXAMPLE_FRAME.length; length += 1) {
    assert.match(describe(EXAMPLE_FRAME.subarray(0, length)), '✗', `${length} bytes`);
  }
  assert.not.match(describe(EXAMPLE_FRAME), '✗');
});

faults('nothing at all is described', () => {
  assert.match(describe(Buffer.alloc(0)), '无法识别 no message');
  assert.match(describe(Buffer.from('POST / HTTP/1.1\r\n\r\n')), 'MTI_BAD');
});

faults.run();

const masking = suite('describe: what may not be seen is not');

masking('card number, tracks, expiry, PIN block and keys do not appear', () => {
  const secrets = {
    2: PAN,
    14: '3012',
    34: `${PAN}X`,
    35: `${PAN}D30121010000012300000`,
    36: `${PAN}D3012101${'1'.repeat(40)}`,
    45: `B${PAN}^ZHANG/SAN^3012101`,
    52: '20902CCABE74C717',
    55: `5A08${PAN}9F26080102030405060708`,
    57: `PB032${'AB'.repeat(16)}UT02601ARZ3NDEKTSV4RRFFQ69G5FAVZZ016${PAN}`,
    59: 'A30196211111111111111111',
    62: '37CE423BFA39B2A5ADF173475BC06C9B',
    63: `01 ${PAN}`,
    102: PAN,
  };
  for (const shown of [
    describe(body('0200', secrets)),
    describeMessage(codec.decode(body('0200', secrets))),
  ]) {
    assert.not.match(shown, PAN);
    assert.not.match(shown, PAN.slice(6, 12) + PAN.slice(12));
    for (const secret of [
      'ZHANG',
      '20902CCABE74C717',
      'ABABAB',
      '37CE42',
      '6211111',
      '0102030405060708',
      ': 3012',
    ])
      assert.not.match(shown, secret);
    assert.match(shown, '627788******0016');
    assert.match(shown, 'PB(32) UT="01ARZ3NDEKTSV4RRFFQ69G5FAV" ZZ(16)');
    assert.match(shown, '5A(8) 9F26(8)');
  }
});

// biome-ignore format: a table is read by column
for (const [text, seen, sentence] of [
  [`NO${PAN}`,              'NO627788******0016',   'a card number in free text is masked'],
  [`1${PAN}2`,              '162778********0162',   'a card number with digits before and behind it is masked'],
  ['6277 8800 0000 0016',   '627788******0016',     'a card number in groups is masked'],
  ['6277-8800-0000-0016',   '627788******0016',     'a card number in groups parted by hyphens is masked'],
  ['000000000101 2026',     '000000000101 2026',    'figures with a wrong check digit are left'],
  ['120000123456',          '120000123456',         'a reference number is left'],
] as const) {
  masking(sentence, () => {
    for (const shown of [
      describe(body('0210', { 63: `CUP${text}` })),
      describe(body('0210', { 57: `TX${String(text.length).padStart(3, '0')}${text}` })),
    ]) assert.ok(shown.includes(seen), shown);
  });
}

masking('totals and identifiers of DE57 are shown whole: zeros are no card number', () => {
  const totals = '0'.repeat(60);
  assert.ok(describe(body('0510', { 57: `HT060${totals}` })).includes(`HT="${totals}"`));
});

masking('card numbers of a batch upload are masked, totals are not', () => {
  const item = { cardClass: '00', trace: '000123', pan: PAN, amount: fen(128_00) } as const;
  const shown = describe(body('0320', { 48: buildUpload([item]) }));
  assert.match(shown, '000123 627788******0016 128.00');
  assert.not.match(shown, PAN);
  // An upload that cannot be taken apart shows its size.
  assert.not.match(describe(body('0320', { 48: `02${buildUpload([item]).slice(2)}` })), PAN);
  assert.match(describe(body('0500', { 48: `000000012800001${'0'.repeat(47)}` })), '借 debit 1 × 128.00');
});

masking('characters that act on a screen are seen as dots', () => {
  const shown = describe(body('0210', { 63: '01 \u001b[2J\r\nfake line\u202e', 44: '\u0007' }));
  assert.match(shown, '"01 ·[2J··fake line·"');
  for (const acting of ['\u001b', '\r', '\u202e', '\u0007']) assert.not.match(shown, acting);
});

masking.run();
