/**
 * The slip of one transaction: pure, facts in, lines out.
 *
 * Source: facts on UnionPay POS, section 8, in its order; gross, discount, paid, balance, rebate and
 * points are ours, so that the holder sees to the fen what was taken and given.
 */
import { yuan } from '../../protocol/index.ts';
import { DIRECTIONS, SLIP_KINDS } from './kinds.ts';
import { centred, large, left, marks, pair, rule, shopLines, words } from './lines.ts';
import type { Slip, SlipCopy, SlipData, SlipLine } from './model.ts';

export interface SlipOptions {
  readonly copy: SlipCopy;
  /** True when this slip was, or may have been, on paper before. */
  readonly reprint: boolean;
}

// biome-ignore format: a table is read by column
const COPIES = {
  merchant:   { label: '商户存根', english: 'MERCHANT COPY' },
  bank:       { label: '银行存根', english: 'BANK COPY' },
  cardholder: { label: '持卡人存根', english: 'CARDHOLDER COPY' },
} as const satisfies Record<SlipCopy, { readonly label: string; readonly english: string }>;

/** Which copies are printed: one is the merchant's, with two the bank's is skipped. */
export function copiesFor(count: 1 | 2 | 3): readonly SlipCopy[] {
  if (count === 1) return ['merchant'];
  return count === 2 ? ['merchant', 'cardholder'] : ['merchant', 'bank', 'cardholder'];
}

export function layOutTransaction(data: SlipData, options: SlipOptions): Slip {
  const copy = COPIES[options.copy];
  return {
    cut: true,
    lines: [
      ...marks(data.shop.test, options.reprint),
      ...centred('POS签购单', { size: 'double', bold: true }),
      ...centred('POS SALES SLIP'),
      ...pair(copy.label, copy.english),
      rule(),
      ...shopLines(data.shop),
      rule(),
      ...cardLines(data),
      rule(),
      ...moneyLines(data),
      ...referenceLines(data),
      rule(),
      ...footLines(data, options.copy),
    ],
  };
}

/** All copies of a slip, in the order in which they are torn off. */
export function layOutCopies(data: SlipData, count: 1 | 2 | 3, reprint: boolean): readonly Slip[] {
  return copiesFor(count).map((copy) => layOutTransaction(data, { copy, reprint }));
}

function cardLines(data: SlipData): readonly SlipLine[] {
  const kind = SLIP_KINDS[data.kind];
  const expiry = data.expiry === null ? null : `${data.expiry.slice(0, 2)}/${data.expiry.slice(2)}`;
  return [
    ...pair('发卡行 ISSUER', data.shop.issuer),
    ...pair('收单行 ACQUIRER', data.shop.acquirer),
    ...(data.panMasked === null
      ? []
      : pair('卡号 CARD NO', `${data.panMasked} ${data.entry}`, { bold: true })),
    ...shown('有效期 EXP DATE', expiry),
    ...large('交易类型 TXN TYPE', `${kind.zh} ${kind.en}`),
    ...pair('批次号 BATCH NO', String(data.batch).padStart(6, '0')),
    ...pair('凭证号 VOUCHER NO', data.trace),
    ...shown('授权码 AUTH NO', data.auth),
    ...pair('交易参考号 REF NO', data.rrn),
    ...pair('日期/时间 DATE/TIME', data.stamp),
  ];
}

function moneyLines(data: SlipData): readonly SlipLine[] {
  const { direction } = SLIP_KINDS[data.kind];
  const { sign, paidZh, paidEn } = DIRECTIONS[direction];
  const back = direction === 'back';
  const discount = back ? '收回折扣 DISCOUNT BACK' : '折扣 DISCOUNT';
  const rebate = back ? '收回返利 REBATE BACK' : '返利 REBATE';
  const earned = back ? '收回积分 POINTS BACK' : '所得积分 POINTS';
  const used = data.kind === 'pointsVoid' ? '退还积分 POINTS BACK' : '使用积分 POINTS USED';
  const discountSign = back ? '' : '-';
  return [
    ...(data.gross === null ? [] : large('金额 AMOUNT', `RMB ${sign}${yuan(data.gross)}`)),
    ...(data.discount ? pair(discount, discountSign + yuan(data.discount)) : []),
    ...shown(`${paidZh} ${paidEn}`, data.paid === null ? null : yuan(data.paid), { bold: true }),
    ...shown('余额 BALANCE', data.balance === null ? null : yuan(data.balance), { bold: true }),
    ...shown(
      '  本金 PRINCIPAL',
      data.principal === undefined || data.principal === null ? null : yuan(data.principal),
    ),
    ...shown('  赠送 BONUS', data.bonus === undefined || data.bonus === null ? null : yuan(data.bonus)),
    ...(data.rebate ? pair(rebate, yuan(data.rebate)) : []),
    ...(data.rebateWithheld ? pair('返利已用,从退款扣 WITHHELD', yuan(data.rebateWithheld)) : []),
    ...(data.pointsEarned ? pair(earned, String(data.pointsEarned)) : []),
    ...(data.pointsUsed ? pair(used, String(data.pointsUsed)) : []),
    ...shown('积分余额 POINTS LEFT', data.pointsBalance === null ? null : String(data.pointsBalance)),
  ];
}

function referenceLines(data: SlipData): readonly SlipLine[] {
  const { original } = data;
  const lines = [
    ...shown('原凭证号 ORIG VOUCHER', original?.trace ?? null),
    ...shown('原参考号 ORIG REF', original?.rrn ?? null),
    ...shown('原交易日期 ORIG DATE', original?.date === undefined ? null : dayAndMonth(original.date)),
    ...shown('原预授权码 ORIG AUTH', original?.auth ?? null),
    ...(data.pinChecked === true ? left('已验密码 PIN VERIFIED') : []),
    ...data.hostLines.filter((line) => line.trim() !== '').flatMap((line) => left(line)),
  ];
  return lines.length === 0 ? [] : [rule(), ...left('备注 REFERENCE'), ...lines];
}

function footLines(data: SlipData, copy: SlipCopy): readonly SlipLine[] {
  const signature: readonly SlipLine[] = [
    ...left('持卡人签名 CARDHOLDER SIGNATURE'),
    { text: '' },
    { text: '' },
    { text: '_'.repeat(32) },
    ...left('本人确认以上交易,'),
    ...left('同意将其计入本卡账户'),
    ...words('I ACKNOWLEDGE SATISFACTORY RECEIPT OF RELATIVE GOODS/SERVICE'),
  ];
  const id = data.terminalTransactionId ?? null;
  return [
    ...(copy === 'cardholder' ? [] : [...signature, { text: '' }]),
    ...centred('本签购单不作为发票'),
    ...centred('THIS SLIP IS NOT AN INVOICE'),
    ...(id === null ? [] : centred(id)),
    ...(data.shop.test ? centred('测试/TESTING 凭证无效', { bold: true }) : []),
  ];
}

function shown(
  label: string,
  value: string | null,
  look: { readonly bold?: boolean } = {},
): readonly SlipLine[] {
  return value === null || value === '' ? [] : pair(label, value, look);
}

/** MMDD as 11/22. */
function dayAndMonth(mmdd: string): string {
  return `${mmdd.slice(0, 2)}/${mmdd.slice(2)}`;
}
