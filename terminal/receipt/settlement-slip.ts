/** The settlement slip, and the slip that says a reversal did not come through. Source: as the transaction slip. */
import { type SideTotals, yuan } from '../../protocol/index.ts';
import { owedWords, SLIP_KINDS } from './kinds.ts';
import { centred, counted, large, left, marks, pair, rule, shopLines, words } from './lines.ts';
import type { ReversalFailureSlipData, SettlementItem, SettlementSlipData, Slip, SlipLine } from './model.ts';

const RESULTS = { 1: '对账平 BALANCED', 2: '对账不平 DIFFERS', 3: '对账出错 ERROR' } as const;

export function layOutSettlement(data: SettlementSlipData, options: { readonly reprint: boolean }): Slip {
  return {
    cut: true,
    lines: [
      ...marks(data.shop.test, options.reprint),
      ...centred('结算单', { size: 'double', bold: true }),
      ...centred('SETTLEMENT SLIP'),
      rule(),
      ...shopLines(data.shop),
      ...pair('批次号 BATCH NO', String(data.batch).padStart(6, '0')),
      ...pair('日期/时间 DATE/TIME', data.stamp),
      rule(),
      ...counted('类型 TYPE', 'NO', 'RMB'),
      ...data.rows.flatMap((row) => counted(nameOf(row.kind), String(row.count), yuan(row.amount))),
      ...(data.rows.length === 0 ? left('无交易 NO TRANSACTIONS') : []),
      rule(),
      ...pair('内卡 OWN CARDS', RESULTS[data.ownResult], { bold: true }),
      ...sideLines(data.own, data.host?.own ?? null),
      rule(),
      ...pair('外卡 FOREIGN', RESULTS[data.foreignResult], { bold: true }),
      ...sideLines(data.foreign, data.host?.foreign ?? null),
      ...itemLines('交易明细 DETAILS', data.details),
      ...itemLines('未成功交易 FAILED', data.failed),
      rule(),
      ...centred('结算以主机账为准'),
      ...centred('THE HOST LEDGER SETTLES'),
    ],
  };
}

export function layOutReversalFailure(
  data: ReversalFailureSlipData,
  options: { readonly reprint: boolean },
): Slip {
  const owed = owedWords(data.kind);
  return {
    cut: true,
    lines: [
      ...marks(data.shop.test, options.reprint),
      ...centred('冲正失败', { size: 'double', bold: true }),
      ...centred('REVERSAL FAILED'),
      rule(),
      ...shopLines(data.shop),
      rule(),
      ...left(owed.zh, { bold: true }),
      ...words(owed.en),
      ...large('金额 AMOUNT', `RMB ${yuan(data.amount)}`),
      ...pair('卡号 CARD NO', data.panMasked ?? '未知 UNKNOWN', { bold: true }),
      ...pair('自 SINCE', data.since),
      rule(),
      ...large('原交易类型 ORIG TXN', nameOf(data.kind)),
      ...pair('批次号 BATCH NO', String(data.batch).padStart(6, '0')),
      ...pair('凭证号 VOUCHER NO', data.trace),
      ...pair('日期/时间 DATE/TIME', data.stamp),
      ...pair('已试次数 TRIES', String(data.tries)),
      ...pair('原因 REASON', data.reason),
      rule(),
      ...left('冲正尚未成功,系统会继续发送。请通知主管;在此之前不要告诉持卡人没有扣款。'),
      ...words(
        'THE REVERSAL IS STILL OWED AND KEEPS BEING SENT. CALL THE SUPERVISOR; UNTIL THEN DO NOT TELL THE CARDHOLDER THAT NOTHING WAS TAKEN.',
      ),
    ],
  };
}

function sideLines(own: SideTotals, host: SideTotals | null): readonly SlipLine[] {
  const side = (who: string, totals: SideTotals): readonly SlipLine[] => [
    ...counted(`${who}借记 DEBIT`, String(totals.debitCount), yuan(totals.debitAmount)),
    ...counted(`${who}贷记 CREDIT`, String(totals.creditCount), yuan(totals.creditAmount)),
  ];
  return [...side('终端', own), ...(host === null ? [] : side('主机', host))];
}

function itemLines(title: string, items: readonly SettlementItem[]): readonly SlipLine[] {
  if (items.length === 0) return [];
  return [
    rule(),
    ...left(title),
    ...items.flatMap((item) => [
      ...pair(
        `${SLIP_KINDS[item.kind].letter} ${item.trace} *${item.panMasked.slice(-4)}`,
        yuan(item.amount),
      ),
      ...(item.reason === undefined ? [] : left(`  ${item.reason}`)),
    ]),
  ];
}

function nameOf(kind: keyof typeof SLIP_KINDS): string {
  return `${SLIP_KINDS[kind].zh} ${SLIP_KINDS[kind].en}`;
}
