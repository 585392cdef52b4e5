/**
 * The 34 columns of a merchant's statement, in the order and under the Chinese names of the acquirer's
 * statement that merchants' finance tools already read.
 *
 * Source: the prepaid fact sheet 2.4, "Acquirer's merchant statement (Allinpay)"; names as that acquirer
 * publishes them (prodoc.allinpay.com/doc/1403). A reader finds columns by name.
 *
 * `kind`: text is guarded against formulas; money is yuan with two decimals and its sign. `value` is what
 * we put there; a column that this programme has nothing for is empty.
 */
import { type FenDelta, localTimeOf, yuan } from '../../protocol/index.ts';
import type { MerchantDay, Movement, MovementType, PricedDay } from './model.ts';

export interface StatementColumn {
  readonly zh: string;
  readonly en: string;
  readonly kind: 'text' | 'money';
  readonly value: (row: Movement, merchant: MerchantDay, day: PricedDay) => string;
}

/** Transaction types as the statement names them. */
// biome-ignore format: a table is read by column
export const TYPE_NAMES: Readonly<Record<MovementType, string>> = {
  sale:           '消费',
  completion:     '预授权完成',
  void:           '消费撤销',
  completionVoid: '预授权完成撤销',
  refund:         '退货',
  reversal:       '冲正',
  adjustment:     '调账',
};

// biome-ignore format: a table is read by column
export const STATEMENT_COLUMNS: readonly StatementColumn[] = [
  { zh: '商户号',         en: 'merchant',              kind: 'text',  value: (row) => row.merchantId },
  { zh: '门店名称',       en: 'store name',            kind: 'text',  value: (row, merchant) => merchant.branches[row.branchId] ?? '' },
  { zh: '终端号',         en: 'terminal',              kind: 'text',  value: (row) => row.terminalId },
  { zh: '交易时间',       en: 'time, hh:mm:ss UTC+8',  kind: 'text',  value: (row) => clockTime(row.at) },
  { zh: '交易类型',       en: 'type',                  kind: 'text',  value: (row) => TYPE_NAMES[row.type] },
  { zh: '交易批次号',     en: 'batch',                 kind: 'text',  value: (row) => batchNumber(row) },
  { zh: '凭证号',         en: 'voucher (trace)',       kind: 'text',  value: (row) => row.trace },
  { zh: '参考号',         en: 'reference number',      kind: 'text',  value: (row) => row.rrn },
  { zh: '卡号',           en: 'card, masked',          kind: 'text',  value: (row) => row.panMasked },
  { zh: '卡类别',         en: 'card class',            kind: 'text',  value: (row) => (row.panMasked === '' ? '' : '预付卡') },
  { zh: '发卡行机构代码', en: 'issuer code',           kind: 'text',  value: (_row, _merchant, day) => day.acquirerId },
  { zh: '发卡行名称',     en: 'issuer name',           kind: 'text',  value: (_row, _merchant, day) => day.programmeZh },
  { zh: '交易金额',       en: 'amount, signed',        kind: 'money', value: (row) => yuan(row.gross) },
  { zh: '手续费',         en: 'fee (our commission)',  kind: 'money', value: (row) => yuan(row.fee) },
  { zh: '交易日期',       en: 'date, UTC+8',           kind: 'text',  value: (row) => calendarDate(row.at) },
  { zh: '交易单号',       en: 'transaction number',    kind: 'text',  value: (row) => row.transactionId },
  { zh: '订单号',         en: "terminal's own number", kind: 'text',  value: (row) => row.ut },
  { zh: '商户备注',       en: 'remark',                kind: 'text',  value: (row) => remark(row) },
  { zh: '对接应用号',     en: 'application',           kind: 'text',  value: () => '' },
  { zh: '原始金额',       en: 'original gross amount', kind: 'money', value: (row) => yuan(row.original?.gross ?? row.gross) },
  { zh: '结算金额',       en: 'settled amount',        kind: 'money', value: (row) => yuan(row.net) },
  { zh: '产品类型',       en: 'product',               kind: 'text',  value: () => '' },
  { zh: '分期贴息',       en: 'instalment discount',   kind: 'money', value: () => '0.00' },
  { zh: '交易完成时间',   en: 'completion time',       kind: 'text',  value: (row) => clockTime(row.at) },
  { zh: '持卡人姓名',     en: 'holder name, not sent', kind: 'text',  value: () => '' },
  { zh: '持卡人身份证',   en: 'holder ID, not sent',   kind: 'text',  value: () => '' },
  { zh: '分期数',         en: 'terms',                 kind: 'text',  value: () => '' },
  { zh: '优惠金额',       en: 'discount, both funds',  kind: 'money', value: (row) => yuan((row.discountIssuer + row.discountMerchant) as FenDelta) },
  { zh: '实付金额',       en: 'paid by the card',      kind: 'money', value: (row) => yuan(row.paid) },
  { zh: '原交易单',       en: 'original transaction',  kind: 'text',  value: (row) => row.original?.transactionId ?? '' },
  { zh: '渠道交易类型',   en: 'catalogue name',        kind: 'text',  value: (row) => row.kind },
  { zh: '出金方账户名称', en: 'payer account name',    kind: 'text',  value: () => '' },
  { zh: '门店编号',       en: 'store code',            kind: 'text',  value: (row) => row.branchId },
  { zh: '交易完成日期',   en: 'completion date',       kind: 'text',  value: (row) => calendarDate(row.at) },
];

/** The rate used on every row, who funds the discount, and both dates when they differ. */
function remark(row: Movement): string {
  const items = [`营业日=${row.businessDate}`];
  if (row.original !== null && row.original.businessDate !== row.businessDate) {
    items.push(`原营业日=${row.original.businessDate}`);
  }
  if (row.rates !== null) {
    items.push(`结算比例=${percent(row.rates.settlementBp)}`);
    items.push(`合同=${row.rates.contractId}/${row.rates.contractVersion}`);
    if (row.rates.ruleIds.length > 0) items.push(`规则=${row.rates.ruleIds.join('+')}`);
  }
  if (row.discountMerchant !== 0) items.push(`商户承担优惠=${yuan(row.discountMerchant)}`);
  if (row.discountIssuer !== 0) items.push(`发卡方承担优惠=${yuan(row.discountIssuer)}`);
  return items.join(';');
}

/** 8000 basis points are 80.00%. */
export function percent(basisPoints: number): string {
  return `${Math.trunc(basisPoints / 100)}.${String(basisPoints % 100).padStart(2, '0')}%`;
}

function clockTime(at: number): string {
  return localTimeOf(at).stamp.slice(11);
}

function calendarDate(at: number): string {
  return localTimeOf(at).stamp.slice(0, 10);
}

function batchNumber(row: Movement): string {
  return row.batch === 0 ? '' : String(row.batch).padStart(6, '0');
}
