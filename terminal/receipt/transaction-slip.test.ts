import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, fenDelta } from '../../protocol/index.ts';
import { SLIP_COLUMNS, type SlipData } from './model.ts';
import { slipText } from './slip-text.ts';
import { columnsOf } from './text.ts';
import { copiesFor, layOutCopies, layOutTransaction } from './transaction-slip.ts';

const SALE: SlipData = {
  shop: {
    merchantName: '建业大酒店(郑州)',
    merchantId: '898410070110001',
    terminalId: '10000001',
    operator: '01',
    issuer: '尊卡 ZUNKA',
    acquirer: '尊卡 ZUNKA',
    test: false,
  },
  kind: 'sale',
  panMasked: '627788******0016',
  entry: 'S',
  expiry: '2812',
  batch: 1,
  trace: '000123',
  auth: '654321',
  rrn: '112200000123',
  stamp: '2026-11-22 10:22:33',
  gross: fen(128_00),
  discount: fen(12_80),
  paid: fen(115_20),
  balance: fenDelta(384_80),
  rebate: fen(1_15),
  pointsEarned: 115,
  pointsUsed: null,
  pointsBalance: null,
  original: null,
  hostLines: ['蓝卡会员九折', ''],
};

const slips = suite('sales slip 签购单');

slips('has the lines of the specification, Chinese first, and what was discounted, paid and left', () => {
  const expected = [
    '           POS签购单',
    '         POS SALES SLIP',
    '商户存根           MERCHANT COPY',
    '--------------------------------',
    '商户名称 MERCHANT NAME',
    '                建业大酒店(郑州)',
    '商户编号 MERCHANT NO',
    '                 898410070110001',
    '终端编号 TERMINAL NO    10000001',
    '操作员号 OPERATOR NO          01',
    '--------------------------------',
    '发卡行 ISSUER         尊卡 ZUNKA',
    '收单行 ACQUIRER       尊卡 ZUNKA',
    '卡号 CARD NO  627788******0016 S',
    '有效期 EXP DATE            28/12',
    '交易类型 TXN TYPE',
    '              消费 SALE',
    '批次号 BATCH NO           000001',
    '凭证号 VOUCHER NO         000123',
    '授权码 AUTH NO            654321',
    '交易参考号 REF NO   112200000123',
    '日期/时间 DATE/TIME',
    '             2026-11-22 10:22:33',
    '--------------------------------',
    '金额 AMOUNT',
    '            RMB 128.00',
    '折扣 DISCOUNT             -12.80',
    '实付 PAID                 115.20',
    '余额 BALANCE              384.80',
    '返利 REBATE                 1.15',
    '所得积分 POINTS              115',
    '--------------------------------',
    '备注 REFERENCE',
    '蓝卡会员九折',
    '--------------------------------',
    '持卡人签名 CARDHOLDER SIGNATURE',
    '',
    '',
    '________________________________',
    '本人确认以上交易,',
    '同意将其计入本卡账户',
    'I ACKNOWLEDGE SATISFACTORY',
    'RECEIPT OF RELATIVE',
    'GOODS/SERVICE',
    '',
    '       本签购单不作为发票',
    '  THIS SLIP IS NOT AN INVOICE',
  ];
  assert.equal(slipText(layOutTransaction(SALE, { copy: 'merchant', reprint: false })).split('\n'), expected);
});

slips('asks for no signature on the cardholder copy', () => {
  const text = slipText(layOutTransaction(SALE, { copy: 'cardholder', reprint: false }));
  assert.match(text, '持卡人存根       CARDHOLDER COPY');
  assert.not.match(text, 'SIGNATURE');
  assert.not.match(text, 'ACKNOWLEDGE');
});

// biome-ignore format: a table is read by column
for (const [count, copies] of [
  [1, ['merchant']],
  [2, ['merchant', 'cardholder']],
  [3, ['merchant', 'bank', 'cardholder']],
] as const) {
  slips(`with ${count} of three copies prints ${copies.join(', ')}`, () => {
    assert.equal(copiesFor(count), copies);
    assert.is(layOutCopies(SALE, count, false).length, count);
  });
}

slips('carries the reprint mark above everything', () => {
  const [first] = slipText(layOutTransaction(SALE, { copy: 'merchant', reprint: true })).split('\n');
  assert.is(first, '   ****重打印/DUPLICATED****');
});

slips('in test state says twice that it is worth nothing', () => {
  const test = { ...SALE, shop: { ...SALE.shop, test: true } };
  const rows = slipText(layOutTransaction(test, { copy: 'cardholder', reprint: false })).split('\n');
  assert.equal(rows.slice(0, 2), ['          测试/TESTING', '    凭证无效 SLIP NOT VALID']);
  assert.is(rows.at(-1), '     测试/TESTING 凭证无效');
});

slips('of a refund shows what was given back and what was taken back, to the fen', () => {
  const refund: SlipData = {
    ...SALE,
    kind: 'refund',
    gross: fen(64_00),
    discount: fen(6_40),
    paid: fen(57_60),
    balance: fenDelta(442_40),
    rebate: fen(58),
    rebateWithheld: fen(58),
    pointsEarned: 58,
    original: { rrn: '112200000123', date: '1122' },
    hostLines: [],
  };
  const text = slipText(layOutTransaction(refund, { copy: 'cardholder', reprint: false }));
  const rows = [
    '退货 REFUND',
    'RMB -64.00',
    '收回折扣 DISCOUNT BACK      6.40',
    '退还 GIVEN BACK            57.60',
    '收回返利 REBATE BACK        0.58',
    '返利已用,从退款扣 WITHHELD  0.58',
    '收回积分 POINTS BACK          58',
    '原参考号 ORIG REF   112200000123',
    '原交易日期 ORIG DATE       11/22',
  ];
  for (const row of rows) assert.match(text, row);
});

slips('of a void names the voucher that it undoes', () => {
  const undone: SlipData = { ...SALE, kind: 'void', original: { trace: '000123' }, trace: '000124' };
  const text = slipText(layOutTransaction(undone, { copy: 'merchant', reprint: false }));
  assert.match(text, '消费撤销 VOID');
  assert.match(text, '原凭证号 ORIG VOUCHER     000123');
  assert.match(text, 'RMB -128.00');
});

slips('keeps within the paper whatever a merchant is called and whatever the host says', () => {
  const long: SlipData = {
    ...SALE,
    shop: { ...SALE.shop, merchantName: '河南建业集团郑州金水区足球俱乐部有限公司 Jianye Football Club' },
    gross: fen(999_999_999_999),
    paid: fen(999_999_999_999),
    balance: fenDelta(-999_999_999_999),
    hostLines: ['一二三四五六七八九十一二三四五六七八九十'.repeat(3), '\x1b@\x1dV0 quiet'],
  };
  for (const copy of ['merchant', 'bank', 'cardholder'] as const) {
    for (const line of layOutTransaction(long, { copy, reprint: true }).lines) {
      const columns = columnsOf(line.text) * (line.size === 'double' ? 2 : 1);
      assert.ok(columns <= SLIP_COLUMNS, line.text);
      assert.not.match(line.text, /[^\P{Cc}]/u);
    }
  }
});

slips.run();
