/** What a command ends with: shown to the clerk, given to a script. */
import { type PosError, responseCode } from '../../protocol/index.ts';
import type { TransactionRecord } from '../journal/model.ts';

export interface CommandResult {
  readonly ok: boolean;
  /** DE39 of the answer, a failure code of ours, or 'OK'. */
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  /** What a person does next; empty when nothing. */
  readonly hint: string;
  /** Facts for scripts: masked, never secret. */
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

export function succeeded(zh: string, en: string, facts: CommandResult['facts'] = {}): CommandResult {
  return { ok: true, code: 'OK', zh, en, hint: '', facts };
}

export function failed(error: PosError): CommandResult {
  return {
    ok: false,
    code: error.code,
    zh: FAILURE_ZH[error.code] ?? '操作未完成',
    en: error.detail,
    hint: error.hint,
    facts: {},
  };
}

/** By the response code's row in the table. */
export function answered(code: string, facts: CommandResult['facts'] = {}): CommandResult {
  const { zh, en, next, approved } = responseCode(code);
  return { ok: approved, code, zh, en, hint: approved ? '' : next, facts };
}

/** The facts of a transaction that a script may want. */
export function transactionFacts(one: TransactionRecord): CommandResult['facts'] {
  const { kind, state, batch, trace, ut, answer, panMasked } = one;
  return {
    kind,
    state,
    batch,
    trace,
    ut,
    card: panMasked,
    amount: answer?.amount ?? one.amount,
    rrn: answer?.rrn ?? null,
    auth: answer?.auth ?? null,
    date: answer?.date ?? null,
  };
}

// biome-ignore format: a table is read by column
const FAILURE_ZH: Partial<Record<PosError['code'], string>> = {
  CANCELLED:         '已取消',
  NOT_SIGNED_IN:     '请先签到',
  OPERATOR_REFUSED:  '操作员无权限或密码错',
  NOT_ALLOWED_NOW:   '请先完成未了结的业务',
  HOST_UNREACHABLE:  '连接主机失败,未发送任何交易',
  HOST_SILENT:       '主机无应答',
  DEVICE_ABSENT:     '设备未连接',
  DEVICE_SILENT:     '设备无应答或等待超时',
  DEVICE_GARBAGE:    '设备应答错误',
  DEVICE_REFUSED:    '设备拒绝',
  DEVICE_BUSY:       '设备忙',
  TRACK_BAD:         '刷卡错误,请重刷',
  PAN_BAD:           '卡号错误',
  AMOUNT_BAD:        '金额错误',
  INPUT_BAD:         '输入错误',
  NOT_FOUND:         '无此交易',
  PAPER_OUT:         '缺纸',
  PRINTER_FAULT:     '打印机故障',
  KEY_CHECK_VALUE:   '密钥校验错,请重新签到',
  KEY_UNKNOWN:       '密码键盘无密钥,请签到',
  STATE_NOT_ALLOWED: '状态不允许,请重启',
  JOURNAL_DAMAGED:   '日志损坏',
  JOURNAL_WRITE:     '日志写入失败,请重启',
  INVARIANT:         '程序缺陷,请报告',
};
