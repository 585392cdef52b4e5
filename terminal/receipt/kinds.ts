/** How each transaction is named on paper, and which way its money goes. */
import type { TransactionKind } from '../../protocol/index.ts';

/** pay: from the card; back: to the card; load: onto the card; hold, release: set aside; none: no money. */
export type Direction = 'pay' | 'back' | 'load' | 'hold' | 'release' | 'none';

export interface SlipKind {
  readonly zh: string;
  readonly en: string;
  readonly direction: Direction;
  /** The letter on the settlement slip's detail list. Source: fact sheet, section 8; V is ours. */
  readonly letter: string;
}

// biome-ignore format: a table is read by column
export const SLIP_KINDS = {
  balance:              { zh: '余额查询',       en: 'BALANCE',       direction: 'none',    letter: '-' },
  sale:                 { zh: '消费',           en: 'SALE',          direction: 'pay',     letter: 'S' },
  void:                 { zh: '消费撤销',       en: 'VOID',          direction: 'back',    letter: 'V' },
  refund:               { zh: '退货',           en: 'REFUND',        direction: 'back',    letter: 'R' },
  preAuthorisation:     { zh: '预授权',         en: 'AUTH',          direction: 'hold',    letter: '-' },
  preAuthorisationVoid: { zh: '预授权撤销',     en: 'AUTH VOID',     direction: 'release', letter: '-' },
  completion:           { zh: '预授权完成',     en: 'AUTH COMPLETE', direction: 'pay',     letter: 'P' },
  completionVoid:       { zh: '预授权完成撤销', en: 'COMPLETE VOID', direction: 'back',    letter: 'V' },
  pointsQuery:          { zh: '积分查询',       en: 'POINTS QUERY',  direction: 'none',    letter: '-' },
  pointsSale:           { zh: '积分消费',       en: 'POINTS SALE',   direction: 'none',    letter: '-' },
  pointsVoid:           { zh: '积分消费撤销',   en: 'POINTS VOID',   direction: 'none',    letter: '-' },
  pointsEarn:           { zh: '积分累计',       en: 'POINTS EARN',   direction: 'none',    letter: '-' },
  topUpVerification:    { zh: '账户验证',       en: 'TOP-UP CHECK',  direction: 'none',    letter: '-' },
  cashTopUp:            { zh: '现金充值',       en: 'CASH LOAD',     direction: 'load',    letter: 'L' },
  topUpConfirmation:    { zh: '充值确认',       en: 'LOAD CONFIRM',  direction: 'load',    letter: 'L' },
  accountTopUp:         { zh: '账户充值',       en: 'ACCOUNT LOAD',  direction: 'load',    letter: 'L' },
  activation:           { zh: '激活',           en: 'ACTIVATION',    direction: 'load',    letter: 'L' },
  lossReport:           { zh: '挂失',           en: 'LOSS REPORT',   direction: 'none',    letter: '-' },
  pinChange:            { zh: '改密',           en: 'PIN CHANGE',    direction: 'none',    letter: '-' },
  fateQuery:            { zh: '交易状态查询',   en: 'STATUS QUERY',  direction: 'none',    letter: '-' },
  reversal:             { zh: '冲正',           en: 'REVERSAL',      direction: 'back',    letter: 'E' },
  signIn:               { zh: '签到',           en: 'SIGN-IN',       direction: 'none',    letter: '-' },
  signOff:              { zh: '签退',           en: 'SIGN-OFF',      direction: 'none',    letter: '-' },
  echo:                 { zh: '回响测试',       en: 'ECHO',          direction: 'none',    letter: '-' },
  status:               { zh: '状态上送',       en: 'STATUS',        direction: 'none',    letter: '-' },
  parameters:           { zh: '参数下载',       en: 'PARAMETERS',    direction: 'none',    letter: '-' },
  parametersEnd:        { zh: '参数下载结束',   en: 'PARAMS END',    direction: 'none',    letter: '-' },
  blacklist:            { zh: '黑名单下载',     en: 'BLACKLIST',     direction: 'none',    letter: '-' },
  blacklistEnd:         { zh: '黑名单下载结束', en: 'BLACKLIST END', direction: 'none',    letter: '-' },
  settlement:           { zh: '批结算',         en: 'SETTLEMENT',    direction: 'none',    letter: '-' },
  batchUpload:          { zh: '批上送',         en: 'BATCH UPLOAD',  direction: 'none',    letter: '-' },
} as const satisfies Record<TransactionKind, SlipKind>;

/** What "paid" is called in each direction, the sign of the amount on paper, and what an open reversal owes to whom. */
// biome-ignore format: a table is read by column
export const DIRECTIONS = {
  pay:     { sign: '',  paidZh: '实付',     paidEn: 'PAID',       owedZh: '应退给持卡人',         owedEn: 'OWED TO THE CARDHOLDER' },
  back:    { sign: '-', paidZh: '退还',     paidEn: 'GIVEN BACK', owedZh: '应归还商户(恢复原交易)', owedEn: 'OWED TO THE MERCHANT, THE ORIGINAL STANDS AGAIN' },
  load:    { sign: '',  paidZh: '实充',     paidEn: 'LOADED',     owedZh: '应撤回充值',           owedEn: 'OWED TO THE ISSUER, THE LOAD IS TAKEN BACK' },
  hold:    { sign: '',  paidZh: '冻结',     paidEn: 'HELD',       owedZh: '应解冻还给持卡人',     owedEn: 'OWED TO THE CARDHOLDER, THE HOLD IS RELEASED' },
  release: { sign: '-', paidZh: '解冻',     paidEn: 'RELEASED',   owedZh: '应为商户恢复冻结',     owedEn: 'OWED TO THE MERCHANT, THE HOLD STANDS AGAIN' },
  none:    { sign: '',  paidZh: '金额',     paidEn: 'AMOUNT',     owedZh: '应恢复原状',           owedEn: 'TO BE UNDONE' },
} as const satisfies Record<Direction, { readonly sign: string; readonly paidZh: string; readonly paidEn: string; readonly owedZh: string; readonly owedEn: string }>;

/** What an open reversal of such a transaction owes, and to whom. */
export function owedWords(kind: TransactionKind): { readonly zh: string; readonly en: string } {
  const { owedZh, owedEn } = DIRECTIONS[SLIP_KINDS[kind].direction];
  return { zh: owedZh, en: owedEn };
}
