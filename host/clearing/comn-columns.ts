/**
 * The fixed-length record of 34 fields that bank-card systems exchange (COMN, 一般交易流水): one space
 * between fields, 266 characters of data and 33 separators, 299 bytes; Chinese in GBK.
 *
 * Source: the prepaid fact sheet 2.4 (facts from two independent public parsers). The owner of the layout
 * is 《银行卡联网联合技术规范 第3部分 文件接口》: conformity is not claimed before a member's copy was
 * compared.
 *
 * Columns: `length` in bytes; `pad` text is left-aligned with spaces behind, number right-aligned with
 * zeros in front. `value` undefined: the field has no meaning in this programme, and is all padding.
 */
import { type FenDelta, localTimeOf } from '../../protocol/index.ts';
import type { MerchantDay, Movement, PricedDay } from './model.ts';

export interface ComnField {
  readonly name: string;
  readonly zh: string;
  readonly length: number;
  readonly pad: 'text' | 'number';
  readonly value?: (row: ComnRow) => string;
}
export interface ComnRow {
  readonly movement: Movement;
  readonly merchant: MerchantDay;
  readonly day: PricedDay;
  /** From the transaction catalogue: what the row's message was on the wire. */
  readonly mti: string;
  readonly processingCode: string;
  readonly conditionCode: string;
}

// biome-ignore format: a table is read by column
export const COMN_FIELDS: readonly ComnField[] = [
  { name: 'acquiring institution',        zh: '代理机构标识码',   length: 11, pad: 'text',   value: (row) => row.day.acquirerId },
  { name: 'forwarding institution',       zh: '发送机构标识码',   length: 11, pad: 'text',   value: (row) => row.day.acquirerId },
  { name: 'system trace number',          zh: '系统跟踪号',       length: 6,  pad: 'number', value: (row) => row.movement.trace },
  { name: 'transmission time MMDDhhmmss', zh: '交易传输时间',     length: 10, pad: 'number', value: (row) => monthToSecond(row.movement.at) },
  { name: 'account number, masked',       zh: '主账号',           length: 19, pad: 'text',   value: (row) => row.movement.panMasked },
  { name: 'amount',                       zh: '交易金额',         length: 12, pad: 'number', value: (row) => unsigned(row.movement.gross) },
  { name: 'partially accepted amount',    zh: '部分承兑金额',     length: 12, pad: 'number' },
  { name: 'cardholder fee',               zh: '持卡人交易手续费', length: 12, pad: 'number' },
  { name: 'message type',                 zh: '报文类型',         length: 4,  pad: 'number', value: (row) => row.mti },
  { name: 'processing code',              zh: '交易类型码',       length: 6,  pad: 'number', value: (row) => row.processingCode },
  { name: 'merchant type',                zh: '商户类型',         length: 4,  pad: 'number', value: (row) => row.merchant.mcc },
  { name: 'terminal',                     zh: '受卡机终端标识码', length: 8,  pad: 'text',   value: (row) => row.movement.terminalId },
  { name: 'merchant',                     zh: '受卡方标识码',     length: 15, pad: 'text',   value: (row) => row.movement.merchantId },
  { name: 'retrieval reference number',   zh: '检索参考号',       length: 12, pad: 'text',   value: (row) => row.movement.rrn },
  { name: 'condition code',               zh: '服务点条件码',     length: 2,  pad: 'number', value: (row) => row.conditionCode },
  { name: 'authorisation code',           zh: '授权应答码',       length: 6,  pad: 'text',   value: (row) => row.movement.auth },
  { name: 'receiving institution',        zh: '接收机构标识码',   length: 11, pad: 'text',   value: (row) => row.day.acquirerId },
  { name: 'original trace number',        zh: '原系统跟踪号',     length: 6,  pad: 'number', value: (row) => row.movement.original?.trace ?? '' },
  { name: 'response code',                zh: '交易返回码',       length: 2,  pad: 'number' },
  { name: 'entry mode',                   zh: '服务点输入方式',   length: 3,  pad: 'number', value: (row) => row.movement.entryMode },
  { name: 'fee receivable by acceptor',   zh: '受理方应收手续费', length: 12, pad: 'number', value: (row) => (row.movement.fee > 0 ? unsigned(row.movement.fee) : '') },
  { name: 'fee payable by acceptor',      zh: '受理方应付手续费', length: 12, pad: 'number', value: (row) => (row.movement.fee < 0 ? unsigned(row.movement.fee) : '') },
  { name: 'switching fee',                zh: '转接服务费',       length: 12, pad: 'number' },
  { name: 'single or dual conversion',    zh: '单双转换标志',     length: 1,  pad: 'text' },
  { name: 'card sequence number',         zh: '卡片序列号',       length: 3,  pad: 'number' },
  { name: 'terminal reading capability',  zh: '终端读取能力',     length: 1,  pad: 'number', value: () => '2' },
  { name: 'chip condition code',          zh: 'IC卡条件代码',     length: 1,  pad: 'number' },
  { name: 'original date and time',       zh: '原始交易日期时间', length: 10, pad: 'number', value: (row) => (row.movement.original === null ? '' : monthToSecond(row.movement.original.at)) },
  { name: 'issuer institution',           zh: '发卡机构标识码',   length: 11, pad: 'text',   value: (row) => row.day.acquirerId },
  { name: 'region flag',                  zh: '交易地域标志',     length: 1,  pad: 'text' },
  { name: 'terminal type',                zh: '终端类型',         length: 2,  pad: 'number', value: () => '03' },
  { name: 'ECI',                          zh: 'ECI标志',          length: 2,  pad: 'text' },
  { name: 'instalment extra fee',         zh: '分期付款附加手续费', length: 12, pad: 'number' },
  { name: 'other information: settled',   zh: '其他信息:结算金额', length: 14, pad: 'number', value: (row) => settled(row.movement.net) },
];

/** Bytes of every record, without the line end. */
export const COMN_BYTES = COMN_FIELDS.reduce((sum, field) => sum + field.length, COMN_FIELDS.length - 1);

/** C: the merchant gets it; D: the merchant gives it back; then thirteen digits of fen. */
export function settled(net: FenDelta): string {
  return (net < 0 ? 'D' : 'C') + String(Math.abs(net)).padStart(13, '0');
}

function unsigned(amount: FenDelta): string {
  return String(Math.abs(amount));
}

function monthToSecond(at: number): string {
  const local = localTimeOf(at);
  return local.date + local.time;
}
