/** The person at the counter, as the flows see them: asked in words, told in words, always both tongues. */

import type { PadKey } from './devices/ports.ts';

/** Every question, one row each. `secret`: what is typed is not echoed or kept. */
// biome-ignore format: a table is read by column
export const PROMPTS = {
  operator:           { zh: '请输入操作员号',             en: 'operator number',                          secret: false },
  password:           { zh: '请输入密码',                 en: 'password',                                 secret: true  },
  newPassword:        { zh: '请输入新密码(4至12位数字)',  en: 'new password, 4 to 12 digits',             secret: true  },
  firstSupervisor:    { zh: '首次开机,请设主管00密码',    en: 'first start: set the password of 00',      secret: true  },
  firstSystem:        { zh: '首次开机,请设系统99密码',    en: 'first start: set the password of 99',      secret: true  },
  supervisor:         { zh: '请主管输入操作员号',         en: 'a supervisor is needed: operator number',  secret: false },
  supervisorPassword: { zh: '请主管输入密码',             en: "supervisor's password",                    secret: true  },
  amount:             { zh: '请输入金额(元)',             en: 'amount in yuan',                           secret: false },
  cardNumber:         { zh: '请输入卡号',                 en: 'card number',                              secret: true  },
  expiry:             { zh: '请输入有效期(YYMM)',         en: 'expiry, YYMM',                             secret: false },
  voucher:            { zh: '请输入原凭证号',             en: 'voucher number of the original',           secret: false },
  reference:          { zh: '请输入原参考号(12位)',       en: 'reference number of the original, 12 characters', secret: false },
  originalDate:       { zh: '请输入原交易日期(MMDD)',     en: 'date of the original, MMDD',               secret: false },
  authorisation:      { zh: '请输入预授权码(6位)',        en: 'authorisation code, 6 characters',         secret: false },
  confirm:            { zh: '确认请输1,取消请输0',        en: '1 confirms, 0 cancels',                    secret: false },
  noPaper:            { zh: '打印机不能打印,继续请输1,取消请输0', en: 'the printer cannot print: 1 goes on without, 0 cancels', secret: false },
  repeatDecision:     { zh: '重发未成功:1再试 2主管挂起 0返回', en: 'the repeat was not answered: 1 try again, 2 a supervisor sets it aside, 0 back', secret: false },
  reversalDecision:   { zh: '冲正未成功:1再试 2主管挂起 0返回', en: 'the reversal did not succeed: 1 try again, 2 a supervisor sets it aside, 0 back', secret: false },
} as const satisfies Record<string, { zh: string; en: string; secret: boolean }>;

export type PromptName = keyof typeof PROMPTS;

export interface Clerk {
  /**
   * Asks one question; `detail` stands beside it (an amount, a masked card number).
   * @param withdrawn aborted when the answer is not wanted any more: the question goes away
   * @throws CANCELLED when the clerk says so, nobody is there to answer, or the question is withdrawn
   */
  ask(prompt: PromptName, detail?: string, withdrawn?: AbortSignal): Promise<string>;
  /** Progress and notices. */
  show(zh: string, en: string): void;
  /** What the customer sees on the PIN pad, shown to the clerk too. */
  customer(lines: readonly string[]): void;
  /** A slip that went to the printer, as text. */
  slip(text: string): void;
  /** A device was lost, or is back. */
  device(text: string): void;
  /** A function key on the PIN pad. */
  padKey(key: PadKey): void;
  /** A command begins: `signal` is fresh. */
  begin(): void;
  /** Aborted when the clerk cancels while a device is waited for. */
  readonly signal: AbortSignal;
}
