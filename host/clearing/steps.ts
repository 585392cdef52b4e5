/**
 * The steps of a clearing, in their order. A step may be run again as long as its output is not committed.
 */
import { type FenDelta, fenDelta } from '../../protocol/index.ts';
import type { FileRow } from '../store/rows.ts';
import { demand } from './check.ts';
import { checkBooks } from './check-books.ts';
import { type LapsedHolds, lapseHolds, listDueHolds } from './lapse.ts';
import { differenceFile, differencesOf, overviewFile, rebateFile, rebatesOf } from './lists.ts';
import type { Check, ClearingResult, MerchantDay, PricedDay } from './model.ts';
import { askToSettle, openBatches, overdueDifferences } from './open-batches.ts';
import { openOwed, owedDifferences } from './owed-open.ts';
import { totalsOf } from './price.ts';
import { proveFiles, proveLists } from './prove.ts';
import { merchantFiles } from './statement-files.ts';
import type { StepContext, StepName, StepOutcome } from './step-context.ts';

export interface Step {
  readonly name: StepName;
  readonly titleZh: string;
  readonly titleEn: string;
  readonly act: (context: StepContext) => Promise<StepOutcome>;
}
// biome-ignore format: a table is read by column
export const STEPS: readonly Step[] = [
  { name: 'check-books',     titleZh: '核对账簿',         titleEn: 'check the books',                        act: checkBooks },
  { name: 'open-batches',    titleZh: '未结批次催结',     titleEn: 'list open batches, ask them to settle',  act: listOpenBatches },
  { name: 'owed-reversals',  titleZh: '未结冲正列示',     titleEn: 'name the reversals that are owed still', act: nameOwedReversals },
  { name: 'due-holds',       titleZh: '到期预授权清单',   titleEn: 'list the holds whose days are over',     act: listDueHolds },
  { name: 'lapse-holds',     titleZh: '到期预授权释放',   titleEn: 'release them',                           act: lapseHolds },
  { name: 'price',           titleZh: '按商户清分',       titleEn: 'price per merchant',                     act: price },
  { name: 'files',           titleZh: '生成商户文件',     titleEn: "write the merchants' files",             act: writeFiles },
  { name: 'prove',           titleZh: '账实相符',         titleEn: 'prove ledger = files = batches',         act: prove },
  { name: 'rebate-list',     titleZh: '客户返点清单',     titleEn: 'list the holder rebates',                act: listRebates },
  { name: 'difference-list', titleZh: '差异清单',         titleEn: 'list the differences',                   act: listDifferences },
  { name: 'summary',         titleZh: '汇总',             titleEn: 'summary of all merchants',               act: summarise },
];

interface OpenBatchesOutput {
  readonly open: number;
  readonly overdue: number;
  readonly asked: number;
}

async function listOpenBatches(context: StepContext): Promise<StepOutcome> {
  const { store, businessDate, clock } = context;
  const found = await openBatches(store, businessDate);
  const { asked, settled } = await askToSettle(
    store,
    found.map(({ terminal }) => terminal),
  );
  const open = found.filter(({ terminal }) => !settled.has(terminal.terminalId)).map(({ batch }) => batch);
  const named = new Set((await differencesOf(store, businessDate)).map(({ differenceId }) => differenceId));
  const differences = overdueDifferences(open, named, { businessDate, at: clock.now() });
  const output: OpenBatchesOutput & { batches: unknown } = {
    open: open.length,
    overdue: open.filter(({ overdue }) => overdue).length,
    asked,
    batches: open,
  };
  return { output, changes: { differences } };
}

interface OwedReversalsOutput {
  readonly open: number;
  readonly unproven: number;
}

async function nameOwedReversals({ store, businessDate, clock }: StepContext): Promise<StepOutcome> {
  const open = await openOwed(store, businessDate);
  const named = await differencesOf(store, businessDate);
  const differences = owedDifferences(open, named, { businessDate, at: clock.now() });
  const output: OwedReversalsOutput & { named: number } = {
    open: open.length,
    unproven: open.filter(({ row }) => !row.proven).length,
    named: differences.length,
  };
  return { output, changes: { differences } };
}

/** Writes down, beside the sums, every name that the files will show. */
async function price(context: StepContext): Promise<StepOutcome> {
  const { directory, businessDate, sequence } = context;
  const rows = await context.movements();
  const branches = new Map<string, Record<string, string>>();
  for (const { id, merchantId, nameZh } of directory.all('branch'))
    branches.set(merchantId, Object.assign(branches.get(merchantId) ?? {}, { [id]: nameZh }));
  const merchants: MerchantDay[] = [];
  for (const { id, nameZh, mcc, companyId } of directory.all('merchant')) {
    const totals = await totalsOf(rows.of(id));
    merchants.push({ merchantId: id, nameZh, mcc, companyId, branches: branches.get(id) ?? {}, totals });
    await context.pause();
  }
  const output: PricedDay = {
    businessDate,
    sequence,
    acquirerId: directory.programme.acquirerId,
    programmeZh: directory.programme.nameZh,
    merchants,
  };
  return { output };
}

/** What the step `price` of this run has committed. */
function priced(context: StepContext): PricedDay {
  return context.output('price') as PricedDay;
}

async function writeFiles(context: StepContext): Promise<StepOutcome> {
  const day = priced(context);
  const rows = await context.movements();
  const names: string[] = [];
  for (const merchant of day.merchants) {
    if (merchant.totals.rows === 0) continue;
    for (const file of await merchantFiles(day, merchant, () => rows.of(merchant.merchantId))) {
      await context.putFile(file);
      names.push(file.name);
    }
  }
  return { output: { files: names } };
}

async function prove(context: StepContext): Promise<StepOutcome> {
  const checks = await proveFiles(context, priced(context), await context.written());
  demand(checks);
  return { output: { checks } };
}

async function listRebates(context: StepContext): Promise<StepOutcome> {
  const rows = await rebatesOf(context.store, context.businessDate);
  await context.putFile(await rebateFile(priced(context), rows, context.pause));
  const rebate = rows.reduce((sum, row) => sum + row.accrued + row.givenBack, 0);
  return { output: { accounts: rows.length, rebate } };
}

async function listDifferences(context: StepContext): Promise<StepOutcome> {
  const rows = await differencesOf(context.store, context.businessDate);
  await context.putFile(await differenceFile(priced(context), rows, context.pause));
  return { output: { differences: rows.length } };
}

async function summarise(context: StepContext): Promise<StepOutcome> {
  await context.putFile(await overviewFile(priced(context), context.pause));
  const written = await context.written();
  const checks = await proveLists(context, priced(context), written);
  demand(checks);
  return { output: { files: written.map(({ name, sha256 }) => ({ name, sha256 })), checks } };
}

/** The run as a whole, told from what its steps have committed. */
export function resultOf(
  context: StepContext,
  steps: ClearingResult['steps'],
  files: readonly FileRow[],
): ClearingResult {
  const day = priced(context);
  const batches = context.output('open-batches') as OpenBatchesOutput;
  const owed = context.output('owed-reversals') as OwedReversalsOutput;
  const proof = context.output('prove') as { checks: readonly Check[] };
  const lapsed = context.output('lapse-holds') as LapsedHolds;
  const lists = context.output('summary') as { checks: readonly Check[] };
  const rebates = context.output('rebate-list') as { rebate: FenDelta };
  const differences = context.output('difference-list') as { differences: number };
  return {
    runId: context.runId,
    businessDate: context.businessDate,
    sequence: context.sequence,
    steps,
    merchants: day.merchants,
    files,
    proof: [...proof.checks, ...lists.checks],
    openBatches: batches.open,
    overdueBatches: batches.overdue,
    owedReversals: owed.open,
    differences: differences.differences,
    lapsedHolds: lapsed.released.length,
    rebate: rebates.rebate,
    net: fenDelta(day.merchants.reduce((sum, { totals }) => sum + totals.net, 0)),
  };
}
