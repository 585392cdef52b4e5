/**
 * What a till may ask for, one row each.
 *
 * Columns
 * - `keeps`: the request is journalled before anything happens for it, has one effect, and its answer stays
 *   until it is acknowledged. The others are answered afresh each time.
 * - `sends`: it makes one transaction of its own, so that it can be aborted until that goes online.
 * - `amount`: amountFen and currency must be there; otherwise they must not.
 * - `orig`: the ways in which the original may be named; `''` says that none need be.
 * - `line`: the command as a clerk would type it: a till is one more person at the counter, and the same
 *   checks are made for both.
 */
import { yuan } from '../../protocol/index.ts';
import type { OriginalForm, ResolvedRequest } from './request.ts';

interface OpRow {
  readonly zh: string;
  readonly en: string;
  readonly keeps: boolean;
  readonly sends: boolean;
  readonly amount: boolean;
  readonly orig: readonly (OriginalForm | '')[];
  readonly line: ((request: ResolvedRequest) => string) | null;
}

const NONE: readonly ''[] = [''];

// biome-ignore format: a table is read by column
export const TILL_OPS = {
  'sale':          { zh: '消费',       en: 'sale',                                             keeps: true,  sends: true,  amount: true,  orig: NONE,                         line: (r) => `sale ${money(r)}` },
  'void':          { zh: '撤销',       en: 'void of a whole sale or completion of this batch',  keeps: true,  sends: true,  amount: false, orig: ['requestId', 'voucher'],     line: (r) => `void ${r.voucher}` },
  'refund':        { zh: '退货',       en: 'refund, whole or in part',                         keeps: true,  sends: true,  amount: true,  orig: ['requestId', 'rrn + date'],  line: (r) => `refund ${money(r)} ref=${r.rrn} date=${r.date}` },
  'balance':       { zh: '余额',       en: 'what a card holds',                                keeps: true,  sends: true,  amount: false, orig: NONE,                         line: () => 'balance' },
  'preauth':       { zh: '预授权',     en: 'pre-authorisation',                                keeps: true,  sends: true,  amount: true,  orig: NONE,                         line: (r) => `preauth ${money(r)}` },
  'complete':      { zh: '预授权完成', en: 'completion of a pre-authorisation',                keeps: true,  sends: true,  amount: true,  orig: ['requestId', 'auth + date'], line: (r) => `complete ${money(r)} auth=${r.auth} date=${r.date}` },
  'preauth-void':  { zh: '预授权撤销', en: 'void of a pre-authorisation',                      keeps: true,  sends: true,  amount: true,  orig: ['requestId', 'auth + date'], line: (r) => `preauth-void ${money(r)} auth=${r.auth} date=${r.date}` },
  'settle':        { zh: '结算',       en: 'settle and close the batch',                       keeps: true,  sends: false, amount: false, orig: NONE,                         line: () => 'settle' },
  'sign-on':       { zh: '签到',       en: 'new working keys from the host',                   keeps: true,  sends: false, amount: false, orig: NONE,                         line: () => 'signin' },
  'reprint':       { zh: '重打印',     en: 'the last slip, or the named one, once more',       keeps: true,  sends: false, amount: false, orig: ['', 'requestId', 'voucher'], line: (r) => `reprint ${r.voucher}`.trim() },
  'totals':        { zh: '批总计',     en: 'totals of the open batch',                         keeps: false, sends: false, amount: false, orig: NONE,                         line: null },
  'device-status': { zh: '设备状态',   en: 'devices, keys, debts',                             keeps: false, sends: false, amount: false, orig: NONE,                         line: null },
  'display':       { zh: '客显',       en: 'up to four lines for the customer',                keeps: false, sends: false, amount: false, orig: NONE,                         line: null },
  'status':        { zh: '查询请求',   en: 'what became of a request',                         keeps: false, sends: false, amount: false, orig: NONE,                         line: null },
  'last':          { zh: '最近请求',   en: "what became of this till's last request",          keeps: false, sends: false, amount: false, orig: NONE,                         line: null },
  'abort':         { zh: '中止请求',   en: 'ends a request that is not online yet',            keeps: false, sends: false, amount: false, orig: NONE,                         line: null },
  'ack':           { zh: '确认结果',   en: 'the till has stored the final answer',             keeps: false, sends: false, amount: false, orig: NONE,                         line: null },
} as const satisfies Record<string, OpRow>;

/** Of the interface as designed, but without a flow in this terminal: refused with NOT_SUPPORTED. */
export const UNSUPPORTED_OPS = ['load', 'activate', 'points-redeem'] as const;

export type TillOp = keyof typeof TILL_OPS;
/** The operations that are journalled. */
export type KeptOp = {
  [Op in TillOp]: (typeof TILL_OPS)[Op]['keeps'] extends true ? Op : never;
}[TillOp];

export function isKept(op: TillOp): op is KeptOp {
  return TILL_OPS[op].keeps;
}

/** A row as every caller may read it. */
export function opRow(op: TillOp): OpRow {
  return TILL_OPS[op];
}

function money(request: ResolvedRequest): string {
  return request.amount === null ? '' : yuan(request.amount);
}
