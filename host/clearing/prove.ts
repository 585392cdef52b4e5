/**
 * The proof of a clearing: ledger = files = batches.
 *
 * The ledger's side is what the database sums over the postings of the day;
 * the files' side is what `read-back.ts` reads from the written bytes; the batches' side is the totals that
 * the host stated to the terminals when they settled. None of the three is computed from another.
 */
import { addDays, fenDelta, PosError, yuan } from '../../protocol/index.ts';
import { COMMISSION_INCOME, merchantPayable, REBATE_PAYABLE } from '../ledger/accounts.ts';
import type { StorePort } from '../store/port.ts';
import type { FileRow } from '../store/rows.ts';
import { proveBatches } from './batch-proof.ts';
import { check } from './check.ts';
import type { FilePort } from './file-port.ts';
import type { Check, PricedDay } from './model.ts';
import { type FileReading, readBack } from './read-back.ts';
import { fileName } from './statement-files.ts';

export interface ProofDeps {
  readonly store: StorePort;
  readonly files: FilePort;
}

/** The merchants' files against the ledger and the batches. Throws FILE_DAMAGED when one cannot be read. */
export async function proveFiles(
  deps: ProofDeps,
  day: PricedDay,
  written: readonly FileRow[],
): Promise<readonly Check[]> {
  const readings = await readAll(deps.files, written);
  const moved = await movedOn(deps.store, day.businessDate);
  const byMerchant = day.merchants.map(({ merchantId }) => ({
    merchantId,
    ledger: -(moved.get(merchantPayable(merchantId)) ?? 0),
    detail: readings.get(fileName(day, 'detail', merchantId)),
    summary: readings.get(fileName(day, 'summary', merchantId)),
    fixed: readings.get(fileName(day, 'comn', merchantId)),
  }));
  const details = byMerchant.flatMap(({ detail }) => (detail === undefined ? [] : [detail]));
  const net = byMerchant.reduce((sum, { ledger }) => sum + ledger, 0);
  const fees = details.reduce((sum, detail) => sum + (detail.sums['手续费'] ?? 0), 0);
  const commission = -(moved.get(COMMISSION_INCOME) ?? 0);
  return [
    check(
      '账簿商户应付变动 = 明细 = 汇总 = 定长文件',
      'merchant payable of the day = detail = summary = fixed-length file',
      byMerchant
        .filter(
          ({ ledger, detail, summary, fixed }) =>
            ledger !== (detail?.sums['结算金额'] ?? 0) ||
            ledger !== (summary?.sums['结算金额'] ?? 0) ||
            ledger !== (fixed?.sums['net'] ?? 0),
        )
        .map(({ merchantId }) => merchantId),
      `${details.length} 商户 merchants, ${yuan(fenDelta(net))}`,
    ),
    check(
      '明细与定长文件逐行一致',
      'detail and fixed-length file agree row by row',
      byMerchant.filter(({ detail, fixed }) => !sameRows(detail, fixed)).map(({ merchantId }) => merchantId),
      `${details.reduce((sum, { rows }) => sum + rows.length, 0)} 行 rows`,
    ),
    check(
      '手续费合计 = 手续费收入',
      'fees of the files = commission income of the day',
      fees === commission ? [] : [`${fees} ≠ ${commission} fen`],
      yuan(fenDelta(fees)),
    ),
    await proveBatches(deps.store, day.businessDate, details),
  ];
}

/** The programme's own lists against the ledger. */
export async function proveLists(
  deps: ProofDeps,
  day: PricedDay,
  written: readonly FileRow[],
): Promise<readonly Check[]> {
  const readings = await readAll(deps.files, written);
  const moved = await movedOn(deps.store, day.businessDate);
  const rebate = -(moved.get(REBATE_PAYABLE) ?? 0);
  const net = -day.merchants.reduce(
    (sum, { merchantId }) => sum + (moved.get(merchantPayable(merchantId)) ?? 0),
    0,
  );
  const listed = readings.get(fileName(day, 'rebates'))?.sums['净额'];
  const overview = readings.get(fileName(day, 'overview'))?.sums['结算金额'];
  return [
    check(
      '返点清单 = 应付返点变动',
      'rebate list = rebate payable of the day',
      listed === rebate ? [] : [`${listed ?? '?'} ≠ ${rebate} fen`],
      yuan(fenDelta(rebate)),
    ),
    check(
      '汇总表 = 商户应付变动',
      'overview = merchant payables of the day',
      overview === net ? [] : [`${overview ?? '?'} ≠ ${net} fen`],
      yuan(fenDelta(net)),
    ),
  ];
}

async function readAll(
  files: FilePort,
  written: readonly FileRow[],
): Promise<ReadonlyMap<string, FileReading>> {
  const readings = new Map<string, FileReading>();
  for (const row of written) {
    const bytes = await files.read(row.name);
    if (bytes === undefined) throw new PosError('FILE_DAMAGED', `${row.name} 不存在 is missing`);
    readings.set(row.name, readBack(row.name, bytes, row));
  }
  return readings;
}

/**
 * What the day moved on each account in fen, debit positive, as the database sums what came after the day
 * before, up to it. Paying out what was cleared before, or paying a rebate, is no part of the day's clearing.
 */
async function movedOn(store: StorePort, businessDate: string): Promise<ReadonlyMap<string, number>> {
  const moved = new Map<string, number>();
  const add = (account: string, amount: number) => moved.set(account, (moved.get(account) ?? 0) + amount);
  const day = { afterBusinessDate: addDays(businessDate, -1), upToBusinessDate: businessDate };
  for (const { account, unit, sum } of await store.balances(day)) if (unit === 'fen') add(account, sum);
  for await (const page of store.scan('entries', { businessDate })) {
    for (const entry of page) {
      if (!entry.event.startsWith('payout-') && entry.event !== 'rebate-paid') continue;
      for (const { account, unit, amount } of entry.postings) if (unit === 'fen') add(account, -amount);
    }
  }
  return moved;
}

/** Same reference number and settled amount in every row, in the same order. */
function sameRows(detail: FileReading | undefined, fixed: FileReading | undefined): boolean {
  if (detail === undefined || fixed === undefined) return detail === fixed;
  return (
    detail.rows.length === fixed.rows.length &&
    detail.rows.every((row, index) => {
      const other = fixed.rows[index];
      return (
        row.text['参考号'] === other?.text['reference'] &&
        row.fen['结算金额'] === other?.fen['settled'] &&
        row.fen['手续费'] === other?.fen['fee']
      );
    })
  );
}
