import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fenDelta, PosError } from '../../protocol/index.ts';
import { COMN_BYTES, COMN_FIELDS } from './comn-columns.ts';
import { toGbk } from './comn-file.ts';
import { csvFile, guardCell } from './csv-file.ts';
import { cutOver } from './cut-over.ts';
import { memoryFiles } from './memory-files.ts';
import { atOnce } from './pieces.ts';
import { readBack } from './read-back.ts';
import { runClearing } from './run.ts';
import { FIRST_DAY, HOTEL, playFirstDay, sampleWorld, WINE } from './sample-day.ts';
import { percent, STATEMENT_COLUMNS } from './statement-columns.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function clearedDay(): Promise<ReadonlyMap<string, Buffer>> {
  const world = await sampleWorld();
  await playFirstDay(world);
  world.pass(13 * 3_600_000);
  await cutOver(world, { person: '李结算', reason: '日终' });
  const files = memoryFiles();
  await runClearing({ ...world, files, log }, { businessDate: FIRST_DAY, person: '李结算', reason: '日终' });
  return files.snapshot();
}
const day = await clearedDay();
const bytesOf = (name: string) => day.get(name) ?? Buffer.alloc(0);

const statement = suite("the merchant's statement: CSV of 34 columns");

statement('has 34 columns under the names that merchants know, in their order', () => {
  // Prepaid fact sheet 2.4; Chinese names as that acquirer publishes them.
  assert.equal(
    STATEMENT_COLUMNS.map(({ zh }) => zh),
    (
      '商户号 门店名称 终端号 交易时间 交易类型 交易批次号 凭证号 参考号 卡号 卡类别 发卡行机构代码 发卡行名称 ' +
      '交易金额 手续费 交易日期 交易单号 订单号 商户备注 对接应用号 原始金额 结算金额 产品类型 分期贴息 交易完成时间 ' +
      '持卡人姓名 持卡人身份证 分期数 优惠金额 实付金额 原交易单 渠道交易类型 出金方账户名称 门店编号 交易完成日期'
    ).split(' '),
  );
  assert.is(STATEMENT_COLUMNS.length, 34);
});

statement('is UTF-8 with a byte order mark, CRLF, header, names, rows, trailer, end mark', () => {
  const row =
    `${WINE},总店,41010003,10:09:00,消费,000001,000001,010000000009,627788******1234,预付卡,48204910,尊卡,` +
    '128.00,23.04,2026-11-22,T009,,营业日=20261122;结算比例=80.00%;合同=rate-80/1;规则=D10;商户承担优惠=12.80,,' +
    '128.00,92.16,,0.00,10:09:00,,,,12.80,115.20,,sale,,wine-main,2026-11-22';
  const second = row
    .replaceAll('10:09:00', '10:10:00')
    .replace(',000001,010000000009', ',000002,010000000010')
    .replace('T009', 'T010');
  const expected = [
    `#H,zunka-detail/1,商户 merchant:${WINE},名称 name:中原名酒会,发卡方 issuer:48204910 尊卡,营业日 business date:20261122,序号 sequence:01,币种 currency:CNY`,
    STATEMENT_COLUMNS.map(({ zh }) => zh).join(','),
    row,
    second,
    '#T,笔数 count:2,交易金额 amount:256.00,商户承担优惠 merchant-funded discount:25.60,发卡方承担优惠 issuer-funded discount:0.00,实付金额 paid:230.40,手续费 fee:46.08,客户返点 holder rebate:4.60,结算金额 settled:184.32',
    '#END',
    '',
  ].join('\r\n');
  const bytes = bytesOf(`20261122-${WINE}-detail-01.csv`);
  assert.is(bytes.subarray(0, 3).toString('hex'), 'efbbbf');
  assert.is(bytes.subarray(3).toString('utf8'), expected);
});

statement('shows what cancels a sale as a row of its own, negative, naming the original', () => {
  const { rows } = readBack('d', bytesOf(`20261122-${HOTEL}-detail-01.csv`));
  assert.equal(
    rows.map(({ text }) => [text['交易类型'], text['交易金额'], text['结算金额'], text['原交易单']]),
    [
      ['消费', '128.00', '102.40', ''],
      ['消费', '128.00', '97.28', ''],
      ['消费撤销', '-128.00', '-97.28', 'T002'],
      ['退货', '-64.00', '-51.20', 'T001'],
      ['消费', '128.00', '92.16', ''],
      ['冲正', '-128.00', '-92.16', 'T005'],
      ['预授权完成', '100.00', '80.00', 'T007'],
    ],
  );
});

statement('guards a cell that a spreadsheet would run as a formula, and leaves money alone', () => {
  const { rows } = readBack('d', bytesOf(`20261122-${HOTEL}-detail-01.csv`));
  assert.is(rows[4]?.text['门店名称'], "'=SUM(餐厅)");
  assert.is(rows[5]?.text['交易金额'], '-128.00');
});

// biome-ignore format: a table is read by column
for (const [cell, guarded] of [
  ['=1+1', "'=1+1"], ['+86', "'+86"], ['-1', "'-1"], ['@SUM(A1)', "'@SUM(A1)"], ['\t=1', "'\t=1"],
  ['＝1', "'＝1"], ['大堂', '大堂'], ['', ''], ['a=b', 'a=b'],
] as const) {
  statement(`writes the text ${JSON.stringify(cell)} as ${JSON.stringify(guarded)}`, () => {
    assert.is(guardCell(cell), guarded);
  });
}

statement('says a rate in per cent with two decimals', () => {
  assert.equal(
    [percent(8_000), percent(8_805), percent(50), percent(10_000)],
    ['80.00%', '88.05%', '0.50%', '100.00%'],
  );
});

statement.run();

const fixed = suite('the fixed-length file: 34 fields, 299 bytes, GBK');

fixed('has each field at the offset and of the length that the layout gives it', () => {
  // Prepaid fact sheet 2.4: offset:length of fields 1 to 34.
  const layout =
    '0:11 12:11 24:6 31:10 42:19 62:12 75:12 88:12 101:4 106:6 113:4 118:8 127:15 143:12 156:2 159:6 166:11 ' +
    '178:6 185:2 188:3 192:12 205:12 218:12 231:1 233:3 237:1 239:1 241:10 252:11 264:1 266:2 269:2 272:12 285:14';
  let offset = 0;
  const ours = COMN_FIELDS.map(({ length }) => {
    const place = `${offset}:${length}`;
    offset += length + 1;
    return place;
  });
  assert.is(ours.join(' '), layout);
  assert.is(COMN_BYTES, 299);
});

fixed(
  'writes a refund as 0220 with its fee to give back, its original and a D before what is settled',
  () => {
    const record = bytesOf(`20261122-${HOTEL}-comn-01.txt`).subarray(4 * 300, 5 * 300);
    const expected = [
      '48204910   ',
      '48204910   ',
      '000004',
      '1122100400',
      '627788******1234   ',
      '000000006400',
      '000000000000',
      '000000000000',
      '0220',
      '200000',
      '7011',
      '41010001',
      HOTEL,
      '010000000004',
      '00',
      '      ',
      '48204910   ',
      '000001',
      '00',
      '021',
      '000000000000',
      '000000001280',
      '000000000000',
      ' ',
      '000',
      '2',
      '0',
      '1122100100',
      '48204910   ',
      ' ',
      '03',
      '  ',
      '000000000000',
      'D0000000005120',
    ].join(' ');
    assert.is(record.toString('latin1'), `${expected}\n`);
  },
);

fixed('states counts and totals of both directions, both fees and the net in its trailer', () => {
  const bytes = bytesOf(`20261122-${HOTEL}-comn-01.txt`);
  const trailer = bytes.subarray(bytes.length - 600, bytes.length - 300).toString('latin1');
  assert.is(
    trailer,
    `${`TRL ${HOTEL} 20261122 01 000000007 000000004 000000000048400 000000003 000000000032000 000000000009296 000000000006016 C0000000013120`.padEnd(299)}\n`,
  );
});

fixed('writes Chinese in GBK, and a character that GBK does not have as a visible mark', () => {
  assert.is(toGbk('酒店').toString('hex'), 'bec6b5ea');
  // U+20BB7, a surname variant outside GBK; 〓 is A1FE.
  assert.is(toGbk('𠮷酒').toString('hex'), 'a1febec6');
});

fixed.run();

const reading = suite('reading a settlement file again');

const damagedIs = (error: unknown) => error instanceof PosError && error.code === 'FILE_DAMAGED';

reading('gives the totals of every file of the day', () => {
  const sums = (name: string) => readBack(name, bytesOf(name)).sums;
  assert.equal(sums(`20261122-${WINE}-comn-01.txt`), { gross: 25_600, fee: 4_608, net: 18_432 });
  assert.is(sums(`20261122-${WINE}-detail-01.csv`)['结算金额'], 18_432);
  assert.is(sums(`20261122-${WINE}-summary-01.csv`)['结算金额'], 18_432);
  assert.is(sums('20261122-overview-01.csv')['结算金额'], 31_552);
  assert.is(sums('20261122-rebates-01.csv')['净额'], 775);
});

reading('finds any changed, missing or added byte by the recorded hash', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...day.keys()),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('change', 'drop', 'add'),
      (name, at, by, how) => {
        const bytes = bytesOf(name);
        const place = at % bytes.length;
        const more = how === 'add' ? [(bytes[place] ?? 0) ^ by] : [];
        const middle = how === 'change' ? [(bytes[place] ?? 0) ^ by] : more;
        const changed = Buffer.concat([
          bytes.subarray(0, place),
          Buffer.from(middle),
          bytes.subarray(how === 'add' ? place : place + 1),
        ]);
        const record = { name, sha256: sha(bytes), bytes: bytes.length };
        assert.throws(() => readBack(name, changed, record), damagedIs);
      },
    ),
    { seed: 20_261_122, numRuns: 300 },
  );
});

reading('finds a cut file, a lost row, a changed amount and a wrong trailer without any hash', () => {
  for (const [name, bytes] of day) {
    for (const cut of [0, 1, Math.floor(bytes.length / 2), bytes.length - 1]) {
      assert.throws(() => readBack(name, bytes.subarray(0, cut)), damagedIs, `${name} cut at ${cut}`);
    }
  }
  const detail = bytesOf(`20261122-${HOTEL}-detail-01.csv`).toString('utf8');
  const comn = bytesOf(`20261122-${HOTEL}-comn-01.txt`);
  // biome-ignore format: a table is read by column
  const edits: readonly (readonly [string, Buffer])[] = [
    ['d.csv', Buffer.from(detail.replace(/\r\n898410170110001,大堂[^\r]*/, ''))],
    ['d.csv', Buffer.from(detail.replace(',-51.20,', ',-51.21,'))],
    ['d.csv', Buffer.from(detail.replace('手续费 fee:32.80', '手续费 fee:32.81'))],
    ['d.csv', Buffer.from(detail.replace('count:7', 'count:8'))],
    ['d.csv', Buffer.from(detail.replace(',预付卡,', ',预付,卡,'))],
    ['c.txt', Buffer.concat([comn.subarray(0, 300), comn.subarray(600)])],
    ['c.txt', Buffer.from(comn.toString('latin1').replace('D0000000005120', 'C0000000005120'), 'latin1')],
    ['c.txt', Buffer.from(comn.toString('latin1').replace('000000006400', '000000006401'), 'latin1')],
  ];
  for (const [name, bytes] of edits) assert.throws(() => readBack(name, bytes), damagedIs);
});

reading('is never led to another error by any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 900 }), fc.boolean(), (bytes, asText) => {
      const framed = asText
        ? Buffer.from(
            `\uFEFF#H,zunka-x/1\r\na\r\n${Buffer.from(bytes).toString('latin1')}\r\n#T,笔数:0\r\n#END\r\n`,
          )
        : Buffer.from(bytes);
      try {
        readBack(asText ? 'x.csv' : 'x.txt', framed);
      } catch (error) {
        assert.ok(damagedIs(error), String(error));
      }
    }),
    { seed: 34, numRuns: 500 },
  );
});

reading('takes back what any text was written as', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.integer({ min: -999_999, max: 999_999 }))),
      async (rows) => {
        const sum = rows.reduce((so, [, amount]) => so + amount, 0);
        const money = (amount: number) =>
          `${amount < 0 ? '-' : ''}${Math.floor(Math.abs(amount) / 100)}.${String(Math.abs(amount) % 100).padStart(2, '0')}`;
        const bytes = await csvFile({
          layout: 'zunka-t/1',
          header: [
            ['营业日 d', '20261122'],
            ['序号 s', '01'],
          ],
          columns: [
            { zh: '甲', kind: 'text' },
            { zh: '乙', kind: 'money' },
          ],
          rows: atOnce(rows.map(([text, amount]) => [text, money(fenDelta(amount))])),
          totals: [['乙 b', money(sum)]],
        });
        const read = readBack('t.csv', bytes);
        assert.equal(
          read.rows.map(({ text }) => text['甲']),
          rows.map(([text]) => guardCell(text)),
        );
        assert.is(read.sums['乙'], sum);
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});

reading.run();

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
