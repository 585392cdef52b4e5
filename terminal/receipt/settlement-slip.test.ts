import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { type SettlementSlipData, SLIP_COLUMNS, type SlipShop } from './model.ts';
import { layOutReversalFailure, layOutSettlement } from './settlement-slip.ts';
import { slipText } from './slip-text.ts';
import { columnsOf } from './text.ts';

const SHOP: SlipShop = {
  merchantName: '建业大酒店',
  merchantId: '898410070110001',
  terminalId: '10000001',
  operator: '01',
  issuer: '尊卡 ZUNKA',
  acquirer: '尊卡 ZUNKA',
  test: false,
};
const NOTHING = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };
const BALANCED: SettlementSlipData = {
  shop: SHOP,
  batch: 7,
  stamp: '2026-11-22 21:30:00',
  ownResult: 1,
  foreignResult: 1,
  own: { debitAmount: fen(1_234_00), debitCount: 12, creditAmount: fen(64_00), creditCount: 1 },
  foreign: NOTHING,
  host: null,
  rows: [
    { kind: 'sale', count: 11, amount: fen(1_134_00) },
    { kind: 'completion', count: 1, amount: fen(100_00) },
    { kind: 'refund', count: 1, amount: fen(64_00) },
  ],
  details: [],
  failed: [],
};

const settlement = suite('settlement slip 结算单');

settlement('has merchant, batch, a row for each type, and both sides with their result', () => {
  const expected = [
    '             结算单',
    '        SETTLEMENT SLIP',
    '--------------------------------',
    '商户名称 MERCHANT NAME', // the name would touch its label: it goes to a line of its own
    '                      建业大酒店',
    '商户编号 MERCHANT NO',
    '                 898410070110001',
    '终端编号 TERMINAL NO    10000001',
    '操作员号 OPERATOR NO          01',
    '批次号 BATCH NO           000007',
    '日期/时间 DATE/TIME',
    '             2026-11-22 21:30:00',
    '--------------------------------',
    '类型 TYPE         NO         RMB',
    '消费 SALE         11     1134.00',
    '预授权完成 AUTH COMPLETE',
    '                   1      100.00',
    '退货 REFUND        1       64.00',
    '--------------------------------',
    '内卡 OWN CARDS   对账平 BALANCED',
    '终端借记 DEBIT    12     1234.00',
    '终端贷记 CREDIT    1       64.00',
    '--------------------------------',
    '外卡 FOREIGN     对账平 BALANCED',
    '终端借记 DEBIT     0        0.00',
    '终端贷记 CREDIT    0        0.00',
    '--------------------------------',
    '        结算以主机账为准',
    '    THE HOST LEDGER SETTLES',
  ];
  const rows = slipText(layOutSettlement(BALANCED, { reprint: false })).split('\n');
  assert.equal(rows, expected);
});

settlement("shows the host's figures, the details and what failed when the totals differ", () => {
  const differing: SettlementSlipData = {
    ...BALANCED,
    ownResult: 2,
    host: { own: { ...BALANCED.own, debitAmount: fen(1_134_00), debitCount: 11 }, foreign: NOTHING },
    details: [{ kind: 'sale', trace: '000123', panMasked: '627788******0016', amount: fen(100_00) }],
    failed: [
      {
        kind: 'sale',
        trace: '000124',
        panMasked: '627788******0016',
        amount: fen(5_00),
        reason: '冲正未完成',
      },
    ],
  };
  const text = slipText(layOutSettlement(differing, { reprint: false }));
  for (const row of [
    '内卡 OWN CARDS  对账不平 DIFFERS',
    '主机借记 DEBIT    11     1134.00',
    '交易明细 DETAILS',
    'S 000123 *0016            100.00',
    '未成功交易 FAILED',
    'S 000124 *0016              5.00',
    '  冲正未完成',
  ]) {
    assert.match(text, row);
  }
});

settlement('keeps within the paper for the largest batch', () => {
  const most = {
    debitAmount: fen(999_999_999_999),
    debitCount: 999,
    creditAmount: fen(999_999_999_999),
    creditCount: 999,
  };
  const largest = {
    ...BALANCED,
    own: most,
    foreign: most,
    host: { own: most, foreign: most },
    ownResult: 3,
  } as const;
  for (const { text } of layOutSettlement(largest, { reprint: true }).lines) {
    assert.ok(columnsOf(text) <= SLIP_COLUMNS, text);
  }
});

settlement.run();

const failure = suite('reversal failure slip 冲正失败');

failure('says what is owed, to whom and since when, and what the clerk must not say', () => {
  const text = slipText(
    layOutReversalFailure(
      {
        shop: SHOP,
        kind: 'sale',
        panMasked: '627788******0016',
        batch: 7,
        trace: '000125',
        amount: fen(88_00),
        since: '2026-11-22 11:56:30',
        stamp: '2026-11-22 12:00:00',
        tries: 3,
        reason: '主机无应答 HOST SILENT',
      },
      { reprint: false },
    ),
  );
  for (const row of [
    '            冲正失败',
    '卡号 CARD NO    627788******0016',
    '凭证号 VOUCHER NO         000125',
    '应退给持卡人',
    'OWED TO THE CARDHOLDER',
    '             RMB 88.00',
    '自 SINCE     2026-11-22 11:56:30',
    '已试次数 TRIES                 3',
    '          主机无应答 HOST SILENT',
    '冲正尚未成功,系统会继续发送。请',
    'THE REVERSAL IS STILL OWED AND',
  ]) {
    assert.match(text, row);
  }
});

failure.run();
