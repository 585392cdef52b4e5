/**
 * Codes that only a till sees, one row each. Beside them stand DE39 (two characters, protocol/README.md)
 * and the terminal's failures (protocol/errors.ts), whose names are not repeated with another meaning.
 *
 * Columns: `http` is the status of an answer whose state is `refused`; answers about an accepted request
 * are always 200. `retry` as in protocol/errors.ts.
 */
// biome-ignore format: a table is read by column
export const TILL_CODES = {
  OK:                { http: 200, retry: false, zh: '完成',                       en: 'done' },
  RUNNING:           { http: 200, retry: false, zh: '处理中',                     en: 'it is running' },
  UNKNOWN:           { http: 200, retry: false, zh: '结果未知,请勿再次收款',      en: 'do not take another payment for this order yet: ask status until it is final' },
  REVERSED:          { http: 200, retry: true,  zh: '未生效,已冲正',              en: 'it had no effect: what was sent is reversed at the host' },
  INTERRUPTED:       { http: 200, retry: true,  zh: '终端重启,操作中断',          en: 'the terminal restarted before it was done' },
  ABORTED:           { http: 200, retry: true,  zh: '收银机已中止',               en: 'the till aborted it: nothing was sent' },
  SLIP_PENDING:      { http: 200, retry: false, zh: '签购单未打印完,账务不受影响', en: 'the slip is not on paper yet; the money is not touched' },
  BUSY:              { http: 409, retry: true,  zh: '终端正忙',                   en: 'something else is running: wait for it' },
  OTHER_BODY:        { http: 409, retry: false, zh: '请求号已用于其他内容',       en: 'this requestId was accepted with another body' },
  TOO_MANY_UNREAD:   { http: 503, retry: true,  zh: '未确认的结果过多,请先确认',  en: 'too many answers are not acknowledged: acknowledge them first' },
  NOT_SUPPORTED:     { http: 422, retry: false, zh: '本终端不支持',               en: 'this terminal has no such operation yet' },
  REQUEST_BAD:       { http: 400, retry: false, zh: '请求格式错误',               en: 'the request does not fit the interface' },
  NOT_FOUND:         { http: 404, retry: false, zh: '无此请求',                   en: 'no such request' },
  NOT_ALLOWED_NOW:   { http: 409, retry: false, zh: '此状态下不允许',             en: 'not in this state' },
  NOT_AUTHORISED:    { http: 401, retry: false, zh: '令牌缺失或无效',             en: 'no token, or a wrong one' },
  DEFECT:            { http: 500, retry: false, zh: '程序缺陷,请报告',           en: 'a defect of the terminal: report it with its log' },
  JOURNAL_WRITE:     { http: 503, retry: false, zh: '日志写入失败,请重启终端',    en: 'the journal did not take the record: restart the terminal, then ask status' },
} as const satisfies Record<string, { http: number; retry: boolean; zh: string; en: string }>;

export type TillCode = keyof typeof TILL_CODES;

/** Status of an HTTP answer with this code in the state `refused`. */
export function httpStatusOf(code: string): number {
  return Object.hasOwn(TILL_CODES, code) ? TILL_CODES[code as TillCode].http : 200;
}
