/** The files of the whole programme: holder rebates, differences, and the overview of all merchants. */
import { type FenDelta, fenDelta, yuan } from '../../protocol/index.ts';
import { REBATE_PAYABLE } from '../ledger/accounts.ts';
import type { StorePort } from '../store/port.ts';
import type { DifferenceRow } from '../store/rows.ts';
import { csvFile } from './csv-file.ts';
import type { MerchantTotals, PricedDay } from './model.ts';
import { groupedBy } from './price.ts';
import { type BuiltFile, dayHeader, fileName } from './statement-files.ts';

/** What one account's spending of the day accrued to its holder (客户返点). */
export interface RebateRow {
  readonly accountId: string;
  /** Masked; the cards that were used, in order of number. */
  readonly cards: readonly string[];
  readonly transactions: number;
  readonly accrued: FenDelta;
  /** Given back by voids, refunds and reversals: zero or negative. */
  readonly givenBack: FenDelta;
}

/** All rebate movements of the day by account, from the books; paying a rebate out is none of them. */
export async function rebatesOf(store: StorePort, businessDate: string): Promise<readonly RebateRow[]> {
  const moved: { transactionId: string; amount: number }[] = [];
  for await (const page of store.scan('entries', { businessDate })) {
    for (const entry of page) {
      if (entry.event === 'rebate-paid') continue;
      const postings = entry.postings.filter(({ account }) => account === REBATE_PAYABLE);
      const amount = postings.reduce((sum, posting) => sum - posting.amount, 0);
      if (amount !== 0) moved.push({ transactionId: entry.cause.id, amount });
    }
  }
  const holders = await holdersOf(store, [...new Set(moved.map(({ transactionId }) => transactionId))]);
  const withHolder = moved.map((one) => ({ ...one, ...(holders.get(one.transactionId) ?? UNNAMED) }));
  return groupedBy(withHolder, ({ accountId }) => accountId).map(([accountId, rows]) => ({
    accountId,
    cards: [...new Set(rows.map(({ card }) => card))].sort(),
    transactions: rows.length,
    accrued: fenDelta(rows.reduce((sum, { amount }) => sum + Math.max(amount, 0), 0)),
    givenBack: fenDelta(rows.reduce((sum, { amount }) => sum + Math.min(amount, 0), 0)),
  }));
}

interface Holder {
  readonly accountId: string;
  readonly card: string;
}
/** An adjustment's rebate, which no transaction made. */
const UNNAMED: Holder = { accountId: '', card: '' };

async function holdersOf(store: StorePort, ids: readonly string[]): Promise<ReadonlyMap<string, Holder>> {
  const holders = new Map<string, Holder>();
  for (let from = 0; from < ids.length; from += 500) {
    const found = await store.read({ transactionIds: ids.slice(from, from + 500) });
    for (const row of found.transactions) {
      holders.set(row.transactionId, { accountId: row.accountId ?? '', card: row.panMasked });
    }
  }
  return holders;
}

export function rebateFile(day: PricedDay, rows: readonly RebateRow[]): BuiltFile {
  const net = (row: RebateRow) => fenDelta(row.accrued + row.givenBack);
  const sum = (of: (row: RebateRow) => number) => yuan(fenDelta(rows.reduce((so, row) => so + of(row), 0)));
  const bytes = csvFile({
    layout: 'zunka-rebates/1',
    header: dayHeader(day),
    columns: [
      { zh: '账户', kind: 'text' },
      { zh: '卡号', kind: 'text' },
      { zh: '笔数', kind: 'text' },
      { zh: '本日返点', kind: 'money' },
      { zh: '本日冲回', kind: 'money' },
      { zh: '净额', kind: 'money' },
    ],
    rows: rows.map((row) => [
      row.accountId,
      row.cards.join(' '),
      String(row.transactions),
      yuan(row.accrued),
      yuan(row.givenBack),
      yuan(net(row)),
    ]),
    totals: [
      ['本日返点 accrued', sum((row) => row.accrued)],
      ['本日冲回 given back', sum((row) => row.givenBack)],
      ['净额 net', sum(net)],
    ],
  });
  return { name: fileName(day, 'rebates'), kind: 'rebates', bytes };
}

// biome-ignore format: a table is read by column
const DIFFERENCE_COLUMNS: readonly { zh: string; kind: 'text' | 'money'; value: (row: DifferenceRow) => string }[] = [
  { zh: '差异号',   kind: 'text',  value: (row) => row.differenceId },
  { zh: '类别',     kind: 'text',  value: (row) => `${DIFFERENCE_NAMES[row.kind]} ${row.kind}` },
  { zh: '终端号',   kind: 'text',  value: (row) => row.terminalId ?? '' },
  { zh: '批次号',   kind: 'text',  value: (row) => (row.batch === null ? '' : String(row.batch).padStart(6, '0')) },
  { zh: '凭证号',   kind: 'text',  value: (row) => row.trace ?? '' },
  { zh: '交易单号', kind: 'text',  value: (row) => row.transactionId ?? '' },
  { zh: '对方金额', kind: 'money', value: (row) => (row.theirs === null ? '' : yuan(row.theirs)) },
  { zh: '我方金额', kind: 'money', value: (row) => (row.ours === null ? '' : yuan(row.ours)) },
  { zh: '原因',     kind: 'text',  value: (row) => row.causeZh },
  { zh: 'Cause',    kind: 'text',  value: (row) => row.causeEn },
];

// biome-ignore format: a table is read by column
const DIFFERENCE_NAMES: Readonly<Record<DifferenceRow['kind'], string>> = {
  'surplus':       '长款',
  'shortage':      '短款',
  'amount':        '金额不符',
  'status':        '状态不符',
  'duplicate':     '重复',
  'totals':        '总额不符',
  'overdue-batch': '逾期未结批次',
  'owed-reversal': '未结冲正',
};

/** The differences named on that business date, oldest first. */
export async function differencesOf(
  store: StorePort,
  businessDate: string,
): Promise<readonly DifferenceRow[]> {
  const rows: DifferenceRow[] = [];
  for await (const page of store.scan('differences', { businessDate })) rows.push(...page);
  return rows.sort((a, b) => a.at - b.at || (a.differenceId < b.differenceId ? -1 : 1));
}

export function differenceFile(day: PricedDay, rows: readonly DifferenceRow[]): BuiltFile {
  const sum = (of: (row: DifferenceRow) => number | null) =>
    yuan(fenDelta(rows.reduce((so, row) => so + (of(row) ?? 0), 0)));
  const bytes = csvFile({
    layout: 'zunka-differences/1',
    header: dayHeader(day),
    columns: DIFFERENCE_COLUMNS,
    rows: rows.map((row) => DIFFERENCE_COLUMNS.map((column) => column.value(row))),
    totals: [
      ['对方金额 theirs', sum((row) => row.theirs)],
      ['我方金额 ours', sum((row) => row.ours)],
    ],
  });
  return { name: fileName(day, 'differences'), kind: 'differences', bytes };
}

// biome-ignore format: a table is read by column
const OVERVIEW_COLUMNS: readonly { zh: string; kind: 'text' | 'money'; value: (totals: MerchantTotals) => string }[] = [
  { zh: '笔数',           kind: 'text',  value: (totals) => String(totals.rows) },
  { zh: '消费笔数',       kind: 'text',  value: (totals) => String(totals.salesCount) },
  { zh: '消费金额',       kind: 'money', value: (totals) => yuan(totals.sales) },
  { zh: '撤销冲正笔数',   kind: 'text',  value: (totals) => String(totals.cancelledCount) },
  { zh: '撤销冲正金额',   kind: 'money', value: (totals) => yuan(totals.cancelled) },
  { zh: '退货笔数',       kind: 'text',  value: (totals) => String(totals.refundCount) },
  { zh: '退货金额',       kind: 'money', value: (totals) => yuan(totals.refunds) },
  { zh: '调账金额',       kind: 'money', value: (totals) => yuan(totals.adjustments) },
  { zh: '交易金额',       kind: 'money', value: (totals) => yuan(totals.gross) },
  { zh: '商户承担优惠',   kind: 'money', value: (totals) => yuan(totals.discountMerchant) },
  { zh: '发卡方承担优惠', kind: 'money', value: (totals) => yuan(totals.discountIssuer) },
  { zh: '实付金额',       kind: 'money', value: (totals) => yuan(totals.paid) },
  { zh: '手续费',         kind: 'money', value: (totals) => yuan(totals.fee) },
  { zh: '客户返点',       kind: 'money', value: (totals) => yuan(totals.rebate) },
  { zh: '结算金额',       kind: 'money', value: (totals) => yuan(totals.net) },
];

/** All merchants of the directory, also those without a row: nobody has to guess whether one was forgotten. */
export function overviewFile(day: PricedDay): BuiltFile {
  const sum = (of: (totals: MerchantTotals) => number) =>
    yuan(fenDelta(day.merchants.reduce((so, { totals }) => so + of(totals), 0)));
  const bytes = csvFile({
    layout: 'zunka-overview/1',
    header: dayHeader(day),
    columns: [
      { zh: '商户号', kind: 'text' },
      { zh: '商户名称', kind: 'text' },
      { zh: '公司', kind: 'text' },
      ...OVERVIEW_COLUMNS,
    ],
    rows: day.merchants.map((merchant) => [
      merchant.merchantId,
      merchant.nameZh,
      merchant.companyId,
      ...OVERVIEW_COLUMNS.map((column) => column.value(merchant.totals)),
    ]),
    totals: [
      ['交易金额 amount', sum((totals) => totals.gross)],
      ['手续费 fee', sum((totals) => totals.fee)],
      ['客户返点 holder rebate', sum((totals) => totals.rebate)],
      ['结算金额 settled', sum((totals) => totals.net)],
    ],
  });
  return { name: fileName(day, 'overview'), kind: 'overview', bytes };
}
