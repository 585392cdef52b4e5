/** Where a till's request may be, one row each: what it means, and what the till does with it. */

/**
 * `final`: the answer never changes again. `approved` and `declined` are told as soon as the journal holds
 * them, and become final when the slip is dealt with.
 */
// biome-ignore format: a table is read by column
export const TILL_STATES = {
  'refused':      { final: false, zh: '未受理',             en: 'not accepted: nothing was done and nothing is remembered', till: 'correct it, or wait; the same requestId may be used again' },
  'accepted':     { final: false, zh: '已受理',             en: 'accepted and journalled; old debts go out first',          till: 'wait; abort is possible' },
  'waiting-card': { final: false, zh: '等待刷卡',           en: 'the card is waited for',                                   till: 'wait; abort is possible' },
  'waiting-pin':  { final: false, zh: '等待输密',           en: 'the PIN is waited for',                                    till: 'wait; abort is possible' },
  'online':       { final: false, zh: '联机处理中',         en: 'with the host',                                            till: 'wait' },
  'unknown':      { final: false, zh: '结果未知,请勿再次收款', en: 'result unknown: a reversal or a repeat is pending',       till: 'do not take another payment for this order yet; ask status until it is final' },
  'approved':     { final: true,  zh: '成功',               en: 'approved',                                                 till: 'it took effect: a sale is paid; approvedFen may be less than requestedFen (code 10)' },
  'declined':     { final: true,  zh: '被拒绝',             en: 'declined by the host',                                     till: 'it had no effect' },
  'reversed':     { final: true,  zh: '已冲正,未生效',      en: 'no effect: what was sent is reversed at the host',         till: 'a sale is not paid, another payment may be taken; a void did not happen' },
  'cancelled':    { final: true,  zh: '已取消,未发送',      en: 'cancelled: nothing was sent',                              till: 'it had no effect' },
  'timed-out':    { final: true,  zh: '超时,未发送',        en: 'no card or no PIN in time: nothing was sent',              till: 'it had no effect' },
  'failed':       { final: true,  zh: '未完成',             en: 'not done, and nothing is owed for it: the code says why',  till: 'it had no effect; see code and retryable' },
  'done':         { final: true,  zh: '完成',               en: 'done, for what makes no transaction',                      till: 'read facts' },
} as const satisfies Record<string, { final: boolean; zh: string; en: string; till: string }>;

export type TillState = keyof typeof TILL_STATES;
/** How far a request that is running has come. */
export type TillPhase = 'accepted' | 'waiting-card' | 'waiting-pin' | 'online';
