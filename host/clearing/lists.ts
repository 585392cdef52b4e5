/** The files of the whole programme: holder rebates, differences, and the overview of all merchants. */
import { type FenDelta, fenDelta, yuan } from '../../protocol/index.ts';
import { REBATE_PAYABLE } from '../ledger/accounts.ts';
import type { Entry } from '../ledger/model.ts';
import type { StorePort } from '../store/port.ts';
import type { DifferenceRow } from '../store/rows.ts';
import { csvFile } from './csv-file.ts';
import type { MerchantTotals, PricedDay } from './model.ts';
import { inPieces, mapped, type Pause } from './pieces.ts';
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
  const accounts = new Map<string, Accrued>();
  for await (const page of store.scan('entries', { businessDate })) {
    const moved = page.flatMap((entry) => {
      const amount = entry.event === 'rebate-paid' ? 0 : rebateIn(entry);
      return amount === 0 ? [] : [{ transactionId: entry.cause.id, amount }];
    });
    const ids = new Set(moved.map(({ transactionId }) => transactionId));
    const rows = new Map((await store.transactions([...ids])).map((row) => [row.transactionId, row]));
    for (const { transactionId, amount } of moved) {
      // An adjustment's rebate no transaction made: it is told without a name.
      const { accountId, panMasked } = rows.get(transactionId) ?? { accountId: null, panMasked: '' };
      accrued(accounts, accountId ?? '', panMasked, amount);
    }
  }
  return [...accounts.keys()].sort().map((accountId) => {
    const { cards, transactions, plus, minus } = accounts.get(accountId) as Accrued;
    return {
      accountId,
      cards: [...cards].sort(),
      transactions,
      accrued: fenDelta(plus),
      givenBack: fenDelta(minus),
    };
  });
}

/** Of an account, as far as the day was read. */
interface Accrued {
  cards: readonly string[];
  transactions: number;
  plus: number;
  minus: number;
}

function accrued(accounts: Map<string, Accrued>, accountId: string, card: string, amount: number): void {
  const known = accounts.get(accountId);
  const of = known ?? { cards: [], transactions: 0, plus: 0, minus: 0 };
  if (known === undefined) accounts.set(accountId, of);
  if (!of.cards.includes(card)) of.cards = [...of.cards, card];
  of.transactions += 1;
  of.plus += Math.max(amount, 0);
  of.minus += Math.min(amount, 0);
}

/** What an entry accrues to its holder, in fen. */
function rebateIn({ postings }: Entry): number {
  return postings.reduce((sum, { account, amount }) => (account === REBATE_PAYABLE ? sum - amount : sum), 0);
}

export async function rebateFile(
  day: PricedDay,
  rows: readonly RebateRow[],
  pause: Pause,
): Promise<BuiltFile> {
  const net = (row: RebateRow) => fenDelta(row.accrued + row.givenBack);
  const sum = (of: (row: RebateRow) => number) => yuan(fenDelta(rows.reduce((so, row) => so + of(row), 0)));
  const bytes = await csvFile({
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
    rows: mapped(inPieces(rows, pause), (row) => [
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

export async function differenceFile(
  day: PricedDay,
  rows: readonly DifferenceRow[],
  pause: Pause,
): Promise<BuiltFile> {
  const sum = (of: (row: DifferenceRow) => number | null) =>
    yuan(fenDelta(rows.reduce((so, row) => so + (of(row) ?? 0), 0)));
  const bytes = await csvFile({
    layout: 'zunka-differences/1',
    header: dayHeader(day),
    columns: DIFFERENCE_COLUMNS,
    rows: mapped(inPieces(rows, pause), (row) => DIFFERENCE_COLUMNS.map((column) => column.value(row))),
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
export async function overviewFile(day: PricedDay, pause: Pause): Promise<BuiltFile> {
  const sum = (of: (totals: MerchantTotals) => number) =>
    yuan(fenDelta(day.merchants.reduce((so, { totals }) => so + of(totals), 0)));
  const bytes = await csvFile({
    layout: 'zunka-overview/1',
    header: dayHeader(day),
    columns: [
      { zh: '商户号', kind: 'text' },
      { zh: '商户名称', kind: 'text' },
      { zh: '公司', kind: 'text' },
      ...OVERVIEW_COLUMNS,
    ],
    rows: mapped(inPieces(day.merchants, pause), (merchant) => [
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
