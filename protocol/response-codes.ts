/**
 * DE39, one row each: what the customer and the clerk read, how final it is, and what the terminal does next.
 *
 * Columns
 * - `class`: approve · retry (may succeed when tried again) · decline (will not) · capture (keep the card) ·
 *   host fault.
 * - `act`: the terminal's next step, a key of `ACTS`.
 *
 * Source: the dialect's fact sheet, section 6. Its class D is «operator action»; 77 and 97 ask for one that
 * has nothing to do with the card, so they stand here as retry and decline. Where the meaning of a code
 * changed over the years (21, 22, 59) the text covers both.
 */
export type ResponseClass = 'approve' | 'retry' | 'decline' | 'capture' | 'host fault';

/** What the terminal does after an answer, in the clerk's words. */
// biome-ignore format: a table is read by column
export const ACTS = {
  print:     '打印签购单 print the slip',
  printAsk:  '打印签购单，请与发卡方确认 print the slip, confirm with the issuer',
  show:      '显示原因，交易结束 show the reason, the transaction is over',
  again:     '更正后重试 correct it and try again',
  pin:       '重新输入密码 ask for the PIN again',
  otherCard: '请换卡或与发卡方联系 use another card or call the issuer',
  keep:      '没收卡并与发卡方联系 keep the card and call the issuer',
  signIn:    '签到后再交易 sign in before the next transaction',
  original:  '核对原交易 check the original transaction',
  wait:      '稍候再试 wait and try again',
  callHost:  '与收单方联系 call the acquirer',
  upload:    '批上送 upload the batch',
} as const;

interface Row {
  readonly zh: string;
  readonly en: string;
  readonly class: ResponseClass;
  readonly act: keyof typeof ACTS;
}

// biome-ignore format: a table is read by column
export const RESPONSE_CODES = {
  '00': { class: 'approve',    act: 'print',     zh: '交易成功',                 en: 'approved' },
  '01': { class: 'decline',    act: 'otherCard', zh: '请与发卡行联系',           en: 'refer to the issuer' },
  '02': { class: 'decline',    act: 'otherCard', zh: '请与发卡行联系(特殊)',     en: 'refer to the issuer, special' },
  '03': { class: 'decline',    act: 'callHost',  zh: '无效商户',                 en: 'invalid merchant' },
  '04': { class: 'capture',    act: 'keep',      zh: '没收卡',                   en: 'capture the card' },
  '05': { class: 'decline',    act: 'otherCard', zh: '不予承兑',                 en: 'do not honour' },
  '06': { class: 'host fault', act: 'callHost',  zh: '出错',                     en: 'error' },
  '07': { class: 'capture',    act: 'keep',      zh: '特定条件没收卡',           en: 'capture the card, special condition' },
  '09': { class: 'retry',      act: 'wait',      zh: '请求正在处理',             en: 'request in progress' },
  '10': { class: 'approve',    act: 'print',     zh: '部分批准',                 en: 'approved for a part' },
  '11': { class: 'approve',    act: 'print',     zh: '成功(VIP)',                en: 'approved, VIP' },
  '12': { class: 'decline',    act: 'original',  zh: '无效交易',                 en: 'invalid transaction' },
  '13': { class: 'retry',      act: 'again',     zh: '无效金额',                 en: 'invalid amount' },
  '14': { class: 'retry',      act: 'again',     zh: '无效卡号',                 en: 'invalid card number' },
  '15': { class: 'decline',    act: 'otherCard', zh: '无此发卡方',               en: 'no such issuer' },
  '19': { class: 'decline',    act: 'show',      zh: '重新送入交易',             en: 're-enter the transaction' },
  '20': { class: 'decline',    act: 'show',      zh: '无效响应',                 en: 'invalid response' },
  '21': { class: 'decline',    act: 'otherCard', zh: '卡未初始化或睡眠卡',       en: 'card not initialised or dormant; no action taken' },
  '22': { class: 'decline',    act: 'signIn',    zh: '操作有误，请重新签到',     en: 'suspected malfunction, sign in again' },
  '23': { class: 'decline',    act: 'show',      zh: '不可接受的交易费',         en: 'unacceptable fee' },
  '25': { class: 'decline',    act: 'original',  zh: '无原始交易',               en: 'no such original transaction' },
  '30': { class: 'decline',    act: 'callHost',  zh: '报文格式错误',             en: 'format error' },
  '31': { class: 'decline',    act: 'otherCard', zh: '不支持的银行',             en: 'bank not supported' },
  '33': { class: 'capture',    act: 'keep',      zh: '过期卡，没收',             en: 'expired, capture the card' },
  '34': { class: 'capture',    act: 'keep',      zh: '有作弊嫌疑，没收',         en: 'suspected fraud, capture the card' },
  '35': { class: 'capture',    act: 'keep',      zh: '与受理方联系，没收',       en: 'contact the acquirer, capture the card' },
  '36': { class: 'capture',    act: 'keep',      zh: '受限制的卡，没收',         en: 'restricted, capture the card' },
  '37': { class: 'capture',    act: 'keep',      zh: '呼受理方安全处，没收',     en: 'call security, capture the card' },
  '38': { class: 'capture',    act: 'keep',      zh: '密码超过次数，没收',       en: 'PIN tries exceeded, capture the card' },
  '39': { class: 'decline',    act: 'otherCard', zh: '无此信用账户',             en: 'no credit account' },
  '40': { class: 'decline',    act: 'show',      zh: '请求的功能不支持',         en: 'function not supported' },
  '41': { class: 'capture',    act: 'keep',      zh: '挂失卡',                   en: 'lost card' },
  '42': { class: 'retry',      act: 'again',     zh: '无此账户',                 en: 'no such account' },
  '43': { class: 'capture',    act: 'keep',      zh: '被窃卡',                   en: 'stolen card' },
  '44': { class: 'decline',    act: 'otherCard', zh: '无此投资账户',             en: 'no investment account' },
  '45': { class: 'decline',    act: 'again',     zh: '不允许降级交易',           en: 'fallback to the stripe not allowed' },
  '51': { class: 'decline',    act: 'otherCard', zh: '余额不足',                 en: 'insufficient funds' },
  '52': { class: 'decline',    act: 'otherCard', zh: '无此支票账户',             en: 'no cheque account' },
  '53': { class: 'decline',    act: 'otherCard', zh: '无此储蓄账户',             en: 'no savings account' },
  '54': { class: 'decline',    act: 'otherCard', zh: '过期的卡',                 en: 'expired card' },
  '55': { class: 'decline',    act: 'pin',       zh: '密码错',                   en: 'wrong PIN' },
  '56': { class: 'decline',    act: 'otherCard', zh: '无此卡记录',               en: 'no record of the card' },
  '57': { class: 'decline',    act: 'otherCard', zh: '不允许持卡人进行的交易',   en: 'not permitted to the cardholder' },
  '58': { class: 'decline',    act: 'callHost',  zh: '不允许终端进行的交易',     en: 'not permitted to the terminal' },
  '59': { class: 'decline',    act: 'otherCard', zh: '卡校验错',                 en: 'card verification failed; suspected fraud' },
  '60': { class: 'decline',    act: 'callHost',  zh: '与受理方安全处联系',       en: 'contact the acquirer\'s security' },
  '61': { class: 'decline',    act: 'otherCard', zh: '超出金额限制',             en: 'amount limit exceeded' },
  '62': { class: 'decline',    act: 'otherCard', zh: '受限制的卡',               en: 'restricted card' },
  '63': { class: 'decline',    act: 'callHost',  zh: '侵犯安全',                 en: 'security violation' },
  '64': { class: 'decline',    act: 'original',  zh: '与原金额不符',             en: 'differs from the original amount' },
  '65': { class: 'decline',    act: 'otherCard', zh: '超出次数限制',             en: 'count limit exceeded' },
  '66': { class: 'decline',    act: 'callHost',  zh: '呼受理方安全处',           en: 'call the acquirer\'s security' },
  '67': { class: 'decline',    act: 'callHost',  zh: '强行受理，没收',           en: 'hard capture' },
  '68': { class: 'decline',    act: 'wait',      zh: '收到回答太迟',             en: 'answer came too late' },
  '75': { class: 'decline',    act: 'otherCard', zh: '密码超过次数',             en: 'PIN tries exceeded' },
  '77': { class: 'retry',      act: 'signIn',    zh: '批次号不一致，请重新签到', en: 'batch mismatch, sign in again' },
  '79': { class: 'decline',    act: 'upload',    zh: '脱机对账不平',             en: 'offline totals do not balance' },
  '90': { class: 'decline',    act: 'wait',      zh: '日期切换，请稍候',         en: 'business date is changing' },
  '91': { class: 'decline',    act: 'wait',      zh: '发卡方不能操作',           en: 'issuer not available' },
  '92': { class: 'decline',    act: 'wait',      zh: '网络不通',                 en: 'network not available' },
  '93': { class: 'decline',    act: 'show',      zh: '交易违法',                 en: 'violation of law' },
  '94': { class: 'decline',    act: 'callHost',  zh: '重复交易',                 en: 'duplicate transaction' },
  '95': { class: 'decline',    act: 'upload',    zh: '对账差错',                 en: 'reconciliation error' },
  '96': { class: 'decline',    act: 'wait',      zh: '系统异常',                 en: 'system malfunction, nothing was booked' },
  '97': { class: 'decline',    act: 'callHost',  zh: '终端未登记',               en: 'terminal not registered' },
  '98': { class: 'host fault', act: 'wait',      zh: '收不到应答',               en: 'no answer from the issuer' },
  '99': { class: 'retry',      act: 'signIn',    zh: 'PIN格式错，请重新签到',    en: 'PIN format error, sign in again' },
  A0:   { class: 'retry',      act: 'signIn',    zh: 'MAC校验错，请重新签到',    en: 'MAC error, sign in again' },
  A1:   { class: 'decline',    act: 'show',      zh: '转账货币不一致',           en: 'currencies differ' },
  A2:   { class: 'approve',    act: 'printAsk',  zh: '交易成功，请向发卡行确认', en: 'approved, confirm with the issuer' },
  A3:   { class: 'decline',    act: 'otherCard', zh: '账户不正确',               en: 'wrong account' },
  A4:   { class: 'approve',    act: 'printAsk',  zh: '交易成功，请向发卡行确认', en: 'approved, confirm with the issuer' },
  A5:   { class: 'approve',    act: 'printAsk',  zh: '交易成功，请向发卡行确认', en: 'approved, confirm with the issuer' },
  A6:   { class: 'approve',    act: 'printAsk',  zh: '交易成功，请向发卡行确认', en: 'approved, confirm with the issuer' },
  A7:   { class: 'host fault', act: 'wait',      zh: '拒绝，交换中心异常',       en: 'refused, switch error' },
} as const satisfies Record<string, Row>;

export type KnownResponseCode = keyof typeof RESPONSE_CODES;

export interface ResponseCode {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  readonly class: ResponseClass;
  /** What the terminal does next, Chinese and English. */
  readonly next: string;
  readonly approved: boolean;
  /** The terminal signs in before its next transaction. */
  readonly signInFirst: boolean;
}

const UNKNOWN: Row = { class: 'decline', act: 'show', zh: '交易失败', en: 'transaction failed' };

/** Everything about a code; one that the table does not know is 交易失败, a decline. */
export function responseCode(code: string): ResponseCode {
  const row: Row = Object.hasOwn(RESPONSE_CODES, code) ? RESPONSE_CODES[code as KnownResponseCode] : UNKNOWN;
  const { zh, en } = row;
  const approved = row.class === 'approve';
  return { code, zh, en, class: row.class, next: ACTS[row.act], approved, signInFirst: row.act === 'signIn' };
}
