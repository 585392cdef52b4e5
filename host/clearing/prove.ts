/**
 * The proof of a clearing: ledger = files = batches.
 *
 * The ledger's side is what the database sums over the postings of the day;
 * the files' side is what `read-back.ts` reads from the written bytes; the batches' side is the totals that
 * the host stated to the terminals when they settled. None of the three is computed from another.
 */
import { createHash } from 'node:crypto';
import { addDays, fenDelta, PosError, yuan } from '../../protocol/index.ts';
import { COMMISSION_INCOME, familyOf, merchantPayable, REBATE_PAYABLE } from '../ledger/accounts.ts';
import type { StorePort } from '../store/port.ts';
import type { FileRow } from '../store/rows.ts';
import { BatchProof } from './batch-proof.ts';
import { check } from './check.ts';
import type { FilePort } from './file-port.ts';
import type { Check, PricedDay } from './model.ts';
import { type Pause, sha256Of } from './pieces.ts';
import { type FileFigures, type FileRecord, readBackSlowly } from './read-back.ts';
import { type FileKind, fileName } from './statement-files.ts';

export interface ProofDeps {
  readonly store: StorePort;
  readonly files: FilePort;
  readonly pause: Pause;
}

/** The merchants' files against the ledger and the batches. Throws FILE_DAMAGED when one cannot be read. */
export async function proveFiles(
  deps: ProofDeps,
  day: PricedDay,
  written: readonly FileRow[],
): Promise<readonly Check[]> {
  const moved = await movedOn(deps.store, day.businessDate);
  const batches = new BatchProof(deps.store, day.businessDate);
  const files = new Map(written.map((row) => [row.name, row]));
  const wrong = { sums: [] as string[], rows: [] as string[] };
  const all = { details: 0, rows: 0, fees: 0, net: 0 };
  for (const { merchantId } of day.merchants) {
    const read = (kind: FileKind, each: (row: FileRecord) => void = () => undefined) => {
      const file = files.get(fileName(day, kind, merchantId));
      return file === undefined ? undefined : readWritten(deps, file, each);
    };
    const ledger = -(moved.get(merchantPayable(merchantId)) ?? 0);
    const [inDetail, inFixed] = [new RowsTold(), new RowsTold()];
    const detail = await read('detail', (row) => {
      inDetail.add(row.text['参考号'], row.fen['结算金额'], row.fen['手续费']);
      batches.add(row);
    });
    await batches.endFile();
    const summary = await read('summary');
    const fixed = await read('comn', ({ text, fen }) =>
      inFixed.add(text['reference'], fen['settled'], fen['fee']),
    );
    if (
      ledger !== (detail?.sums['结算金额'] ?? 0) ||
      ledger !== (summary?.sums['结算金额'] ?? 0) ||
      ledger !== (fixed?.sums['net'] ?? 0)
    )
      wrong.sums.push(merchantId);
    if ((detail === undefined) !== (fixed === undefined) || inDetail.digest() !== inFixed.digest())
      wrong.rows.push(merchantId);
    all.details += detail === undefined ? 0 : 1;
    all.rows += inDetail.count;
    all.fees += detail?.sums['手续费'] ?? 0;
    all.net += ledger;
  }
  const commission = -(moved.get(COMMISSION_INCOME) ?? 0);
  return [
    check(
      '账簿商户应付变动 = 明细 = 汇总 = 定长文件',
      'merchant payable of the day = detail = summary = fixed-length file',
      wrong.sums,
      `${all.details} 商户 merchants, ${yuan(fenDelta(all.net))}`,
    ),
    check(
      '明细与定长文件逐行一致',
      'detail and fixed-length file agree row by row',
      wrong.rows,
      `${all.rows} 行 rows`,
    ),
    check(
      '手续费合计 = 手续费收入',
      'fees of the files = commission income of the day',
      all.fees === commission ? [] : [`${all.fees} ≠ ${commission} fen`],
      yuan(fenDelta(all.fees)),
    ),
    batches.check,
  ];
}

/** Rows of a file, of which another file tells the same: compared by a digest over all of them, in their order. */
class RowsTold {
  readonly #hash = createHash('sha256');
  count = 0;

  add(reference: string | undefined, settled: number | undefined, fee: number | undefined): void {
    this.#hash.update(`${JSON.stringify([reference, settled, fee])}\n`);
    this.count += 1;
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** The programme's own lists against the ledger. */
export async function proveLists(
  deps: ProofDeps,
  day: PricedDay,
  written: readonly FileRow[],
): Promise<readonly Check[]> {
  const moved = await movedOn(deps.store, day.businessDate);
  const rebate = -(moved.get(REBATE_PAYABLE) ?? 0);
  const net = -day.merchants.reduce(
    (sum, { merchantId }) => sum + (moved.get(merchantPayable(merchantId)) ?? 0),
    0,
  );
  const sums = new Map<string, FileFigures['sums']>();
  for (const file of written) {
    if (LISTS.has(file.kind)) sums.set(file.name, (await readWritten(deps, file)).sums);
    else await unchanged(deps, file);
  }
  const listed = sums.get(fileName(day, 'rebates'))?.['净额'];
  const overview = sums.get(fileName(day, 'overview'))?.['结算金额'];
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

/** The files of the whole programme. */
const LISTS: ReadonlySet<string> = new Set<FileKind>(['rebates', 'differences', 'overview']);

/** A merchant's file was read when it was proven; what it was then it must be when the run ends, which may be days later. */
async function unchanged({ files, pause }: ProofDeps, file: FileRow): Promise<void> {
  const bytes = await fileBytes(files, file.name);
  if (bytes.length !== file.bytes || (await sha256Of(bytes, pause)) !== file.sha256)
    throw new PosError('FILE_DAMAGED', `${file.name}: SHA-256 或长度不符 hash or length differs`);
}

async function readWritten(
  { files, pause }: ProofDeps,
  file: FileRow,
  each: (row: FileRecord) => void = () => undefined,
): Promise<FileFigures> {
  return readBackSlowly(file.name, await fileBytes(files, file.name), { expected: file, each, pause });
}

async function fileBytes(files: FilePort, name: string): Promise<Buffer> {
  const bytes = await files.read(name);
  if (bytes === undefined) throw new PosError('FILE_DAMAGED', `${name} 不存在 is missing`);
  return bytes;
}

/**
 * What the day moved on each account in fen, debit positive, as the database sums what came after the day
 * before, up to it: of the accounts that files tell of, as those of holders are many. Paying out what was cleared before, or paying a rebate, is no part of the day's clearing.
 */
async function movedOn(store: StorePort, businessDate: string): Promise<ReadonlyMap<string, number>> {
  const moved = new Map<string, number>();
  const add = (account: string, amount: number) => moved.set(account, (moved.get(account) ?? 0) + amount);
  const day = { afterBusinessDate: addDays(businessDate, -1), upToBusinessDate: businessDate };
  for await (const part of store.sums(day))
    for (const { account, unit, sum } of part) if (unit === 'fen' && isTold(account)) add(account, sum);
  for await (const page of store.scan('entries', { businessDate })) {
    for (const entry of page) {
      if (!entry.event.startsWith('payout-') && entry.event !== 'rebate-paid') continue;
      for (const { account, unit, amount } of entry.postings)
        if (unit === 'fen' && isTold(account)) add(account, -amount);
    }
  }
  return moved;
}

function isTold(account: string): boolean {
  return (
    account === COMMISSION_INCOME ||
    account === REBATE_PAYABLE ||
    familyOf(account)?.family === 'payable:merchant'
  );
}
