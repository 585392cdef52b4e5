/** A merchant's three files: detail and summary as CSV, and the fixed-length records. */
import { type FenDelta, TRANSACTIONS, yuan } from '../../protocol/index.ts';
import type { ComnRow } from './comn-columns.ts';
import { comnFile } from './comn-file.ts';
import { csvFile, type Labelled } from './csv-file.ts';
import type { MerchantDay, MerchantTotals, Movement, MovementType, PricedDay } from './model.ts';
import { atOnce, mapped } from './pieces.ts';
import { TotalsSum } from './price.ts';
import { STATEMENT_COLUMNS, TYPE_NAMES } from './statement-columns.ts';

export interface BuiltFile {
  readonly name: string;
  readonly kind: FileKind;
  readonly bytes: Buffer;
}
export type FileKind = 'detail' | 'summary' | 'comn' | 'rebates' | 'differences' | 'overview';

/** `20261122-898410170110001-detail-01.csv`; files of the whole programme have no merchant. */
export function fileName(
  day: { readonly businessDate: string; readonly sequence: number },
  kind: FileKind,
  merchantId?: string,
): string {
  const merchant = merchantId === undefined ? '' : `${encodeURIComponent(merchantId).replaceAll('%', '_')}-`;
  const sequence = String(day.sequence).padStart(2, '0');
  return `${day.businessDate}-${merchant}${kind}-${sequence}.${kind === 'comn' ? 'txt' : 'csv'}`;
}

/** What every CSV of a day says first. */
export function dayHeader(day: PricedDay): Labelled[] {
  return [
    ['发卡方 issuer', `${day.acquirerId} ${day.programmeZh}`],
    ['营业日 business date', day.businessDate],
    ['序号 sequence', String(day.sequence).padStart(2, '0')],
    ['币种 currency', 'CNY'],
  ];
}

export function totalsCells(totals: MerchantTotals): Labelled[] {
  return [
    ['交易金额 amount', yuan(totals.gross)],
    ['商户承担优惠 merchant-funded discount', yuan(totals.discountMerchant)],
    ['发卡方承担优惠 issuer-funded discount', yuan(totals.discountIssuer)],
    ['实付金额 paid', yuan(totals.paid)],
    ['手续费 fee', yuan(totals.fee)],
    ['客户返点 holder rebate', yuan(totals.rebate)],
    ['结算金额 settled', yuan(totals.net)],
  ];
}

/** A merchant's rows in statement order, from the first on whenever it is called. */
export type RowsOf = () => AsyncIterable<readonly Movement[]>;

/** In the order in which they are written. */
export async function merchantFiles(
  day: PricedDay,
  merchant: MerchantDay,
  rows: RowsOf,
): Promise<readonly BuiltFile[]> {
  const named = (kind: FileKind, bytes: Buffer) => ({
    name: fileName(day, kind, merchant.merchantId),
    kind,
    bytes,
  });
  return [
    named('detail', await detail(day, merchant, rows())),
    named('summary', await summary(day, merchant, rows())),
    named('comn', await comnFile(day, merchant, comnRows(day, merchant, rows()))),
  ];
}

function merchantHeader(day: PricedDay, merchant: MerchantDay): Labelled[] {
  return [['商户 merchant', merchant.merchantId], ['名称 name', merchant.nameZh], ...dayHeader(day)];
}

function detail(
  day: PricedDay,
  merchant: MerchantDay,
  rows: AsyncIterable<readonly Movement[]>,
): Promise<Buffer> {
  return csvFile({
    layout: 'zunka-detail/1',
    header: merchantHeader(day, merchant),
    columns: STATEMENT_COLUMNS,
    rows: mapped(rows, (row) => STATEMENT_COLUMNS.map((column) => column.value(row, merchant, day))),
    totals: totalsCells(merchant.totals),
  });
}

interface SummaryColumn {
  readonly zh: string;
  readonly kind: 'text' | 'money';
  readonly value: (totals: MerchantTotals) => string;
}

const money = (of: (totals: MerchantTotals) => FenDelta) => (totals: MerchantTotals) => yuan(of(totals));

/** One row a branch and type; the first three columns name them. */
// biome-ignore format: a table is read by column
const SUMMARY_COLUMNS: readonly SummaryColumn[] = [
  { zh: '笔数',           kind: 'text',  value: (totals) => String(totals.rows) },
  { zh: '交易金额',       kind: 'money', value: money((totals) => totals.gross) },
  { zh: '商户承担优惠',   kind: 'money', value: money((totals) => totals.discountMerchant) },
  { zh: '发卡方承担优惠', kind: 'money', value: money((totals) => totals.discountIssuer) },
  { zh: '实付金额',       kind: 'money', value: money((totals) => totals.paid) },
  { zh: '手续费',         kind: 'money', value: money((totals) => totals.fee) },
  { zh: '客户返点',       kind: 'money', value: money((totals) => totals.rebate) },
  { zh: '结算金额',       kind: 'money', value: money((totals) => totals.net) },
];

async function summary(
  day: PricedDay,
  merchant: MerchantDay,
  rows: AsyncIterable<readonly Movement[]>,
): Promise<Buffer> {
  const branches = new Map<string, Map<MovementType, TotalsSum>>();
  for await (const piece of rows)
    for (const row of piece) made(made(branches, row.branchId, newMap), row.type, newSum).add(row);
  const names = ['门店编号', '门店名称', '交易类型'].map((zh) => ({ zh, kind: 'text' as const }));
  const records = sorted(branches).flatMap(([branchId, types]) =>
    sorted(types).map(([type, { totals }]) => [
      branchId,
      merchant.branches[branchId] ?? '',
      TYPE_NAMES[type],
      ...SUMMARY_COLUMNS.map((column) => column.value(totals)),
    ]),
  );
  return csvFile({
    layout: 'zunka-summary/1',
    header: merchantHeader(day, merchant),
    columns: [...names, ...SUMMARY_COLUMNS],
    rows: atOnce(records),
    totals: totalsCells(merchant.totals),
  });
}

const newMap = () => new Map<MovementType, TotalsSum>();
const newSum = () => new TotalsSum();

function made<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  map.set(key, value);
  return value;
}

/** By name, so that files come in the same order on every machine. */
function sorted<Name extends string, Value>(map: ReadonlyMap<Name, Value>): [Name, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Adds what the catalogue says about each row's message. A reversal carries its original's processing code. */
function comnRows(
  day: PricedDay,
  merchant: MerchantDay,
  rows: AsyncIterable<readonly Movement[]>,
): AsyncIterable<readonly ComnRow[]> {
  return mapped(rows, (movement) => {
    const spec = catalogue(movement.kind);
    const about = movement.type === 'reversal' ? catalogue(movement.original?.kind ?? '') : spec;
    return {
      movement,
      merchant,
      day,
      mti: spec?.mti ?? '0000',
      processingCode: about?.de3 ?? '000000',
      conditionCode: about?.de25 ?? '00',
    };
  });
}

function catalogue(kind: string) {
  return Object.values(TRANSACTIONS).find((spec) => spec.kind === kind);
}
