/**
 * After a hard time: what the clerks were told, the paper, the terminals' journals, the host's books and
 * the settlement files, each read again from the disk, must say the same. Every disagreement is one line;
 * none is a reason to stop looking.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileRecord, readBack } from '../../host/index.ts';
import { readTerminalJournal, type TerminalJournalReport } from '../../terminal/index.ts';
import { type HostTransaction, MONEY, type Office, REASON, readBooks, STANDS } from '../office/index.ts';
import { type HostBatch, judgeTotals, type Unbalanced } from './changed-totals.ts';
import type { Papers } from './papers.ts';
import { type Difference, judgeDebts, type OwedRow } from './phantom-debts.ts';
import type { Acknowledged, Till } from './till.ts';

/** How many disagreements of one sort are spelt out. */
const SHOWN_MAX = 8;

export interface Agreement {
  /** Transactions that stand, on both sides. */
  readonly standing: number;
  /** Approvals that clerks were told of. */
  readonly acknowledged: number;
  readonly batches: number;
  readonly fileRows: number;
  /** Slips that were printed once more, with the mark. */
  readonly reprints: number;
  /** Debts that a bad line made up, and that the host names until two people close them. */
  readonly phantomDebts: readonly string[];
  /** Batches whose totals a bad line changed, and that both sides hold alike. */
  readonly changedTotals: readonly string[];
  /** Empty: all say the same. */
  readonly disagreements: readonly string[];
}

type Row = Pick<HostTransaction, 'ut' | 'kind' | 'terminalId' | 'batch' | 'amount'> & {
  readonly rrn: string | null;
};

/**
 * Cuts the day over, clears it, stops the host and compares everything. The terminals are stopped.
 *
 * @param unbalanced settlements whose cause is to be found
 */
export async function agree(
  office: Office,
  tills: readonly Till[],
  papers: Papers,
  unbalanced: readonly Unbalanced[],
): Promise<Agreement> {
  const disagreements: string[] = [];
  const reports = await Promise.all(tills.map((till) => readTerminalJournal(till.journalFolder)));
  const { phantomDebts, changedTotals } = await endOfDay(office, reports, unbalanced, disagreements);
  await office.stop();
  const { proof, transactions } = await readBooks(office.dataFolder);
  for (const check of proof.checks)
    if (!check.ok) disagreements.push(`books: ${check.nameEn}: ${check.detail}`);
  const nameless = transactions.filter(({ kind, state }) => kind in MONEY && STANDS.host.has(state));
  const held: Row[] = [];
  let batches = 0;
  for (const [index, report] of reports.entries()) {
    for (const one of report.open)
      disagreements.push(`${report.terminalId}: ${one.kind} ${one.trace} is still owed`);
    if (report.tornBytes > 0) disagreements.push(`${report.terminalId}: ${report.tornBytes} torn bytes`);
    const closed = new Set(report.batches.filter((one) => one.closed).map(({ batch }) => batch));
    for (const batch of tills[index]?.closedBatches ?? [])
      if (!closed.has(batch))
        disagreements.push(`${report.terminalId}: batch ${batch} was told closed, and is not`);
    batches += closed.size;
    held.push(
      ...report.batches
        .flatMap((batch) => batch.transactions)
        .filter(({ kind, state }) => kind in MONEY && STANDS.terminal.has(state))
        .map((one) => ({ ...one, terminalId: report.terminalId })),
    );
  }
  const known = namesByReference(held);
  // A host that was never told a name (below) is compared by its reference number.
  const booked = nameless.map((row) => ({ ...row, ut: row.ut ?? known.get(row.rrn ?? '') ?? null }));
  const acknowledged = tills.flatMap((till) => till.acknowledged).filter(({ kind }) => kind in MONEY);
  compare(disagreements, 'in the books and in no journal', booked.map(rowOf), held.map(rowOf));
  compare(disagreements, 'in a journal and not in the books', held.map(rowOf), booked.map(rowOf));
  compare(
    disagreements,
    'told to the clerk and not in the books',
    acknowledged.map(rowOf),
    booked.map(rowOf),
  );
  compare(disagreements, 'told to the clerk and in no journal', acknowledged.map(rowOf), held.map(rowOf));
  twice(disagreements, 'doubled in the books', booked);
  twice(disagreements, 'told twice', acknowledged);
  listed(disagreements, 'paper', papers.wrong(held));
  const fileRows = await compareFiles(office, held, disagreements);
  return {
    standing: held.length,
    acknowledged: acknowledged.length,
    batches,
    fileRows,
    reprints: papers.copies,
    phantomDebts,
    changedTotals,
    disagreements,
  };
}

/**
 * The day is closed and cleared over the administration, as its people do it.
 * @returns the debts that nobody has and the totals that nobody sent, each with its evidence
 */
async function endOfDay(
  office: Office,
  reports: readonly TerminalJournalReport[],
  unbalanced: readonly Unbalanced[],
  disagreements: string[],
): Promise<Pick<Agreement, 'phantomDebts' | 'changedTotals'>> {
  const { closed } = await office.call<{ closed: string }>('POST', '/v1/clearing/cut-over', {
    aheadOfCalendar: true,
    reason: REASON,
  });
  const run = await office.call<{
    proof: readonly { nameEn: string; ok: boolean; detail: string }[];
    differences: number;
  }>('POST', '/v1/clearing/runs', { businessDate: closed, reason: REASON });
  for (const check of run.proof)
    if (!check.ok) disagreements.push(`clearing: ${check.nameEn}: ${check.detail}`);
  const differences = await office.list<Difference & { readonly differenceId: string }>(
    `/v1/differences?businessDate=${closed}`,
    'differences',
    ({ differenceId }) => differenceId,
  );
  if (run.differences !== differences.length)
    disagreements.push(`clearing: ${run.differences} differences, ${differences.length} are shown`);
  const owedReversals = await office.list<OwedRow & { readonly id: string }>(
    '/v1/owed-reversals?state=open',
    'owedReversals',
    ({ id }) => id,
  );
  const isOfTotals = ({ kind }: Difference) => kind === 'totals';
  const debts = judgeDebts(
    owedReversals,
    differences.filter((one) => !isOfTotals(one)),
    reports,
  );
  const totals = judgeTotals(
    unbalanced,
    differences.filter(isOfTotals),
    await hostBatches(office, reports),
    reports,
  );
  listed(disagreements, 'clearing', [...debts.wrong, ...totals.wrong]);
  return { phantomDebts: debts.phantoms, changedTotals: totals.changed };
}

async function hostBatches(
  office: Office,
  reports: readonly TerminalJournalReport[],
): Promise<readonly HostBatch[]> {
  const answers = await Promise.all(
    reports.map(({ terminalId }) =>
      office.list<HostBatch>(`/v1/terminals/${terminalId}/batches`, 'batches', ({ batch }) => batch),
    ),
  );
  return answers.flat();
}

/** What the merchant's files pay for each transaction is what its terminal holds; reversed ones come to nothing. */
async function compareFiles(office: Office, held: readonly Row[], disagreements: string[]): Promise<number> {
  const rows = await detailRows(office);
  const known = namesByReference(held);
  const nameOf = ({ text }: FileRecord) => text['订单号'] || known.get(text['参考号'] ?? '') || '';
  const utOf = new Map(rows.map((row) => [row.text['交易单号'], nameOf(row)]));
  const paid = new Map<string, number>();
  for (const row of rows) {
    const { text, fen } = row;
    // A reversal's row is a transaction of its own: what it takes back is named beside it.
    const ut = (text['交易类型'] === '冲正' ? utOf.get(text['原交易单']) : nameOf(row)) ?? '';
    paid.set(ut, (paid.get(ut) ?? 0) + (fen['交易金额'] ?? Number.NaN));
  }
  const due = new Map(
    held
      .filter(({ kind }) => MONEY[kind] !== 0)
      .map(({ ut, kind, amount }) => [ut ?? '', amount * (MONEY[kind] ?? 0)]),
  );
  const wrong: string[] = [];
  for (const ut of new Set([...paid.keys(), ...due.keys()])) {
    const [files, journals] = [paid.get(ut) ?? 0, due.get(ut) ?? 0];
    if (files !== journals) wrong.push(`${ut}: ${files} fen in the files, ${journals} in the journals`);
  }
  listed(disagreements, 'settlement files and journals differ', wrong);
  return rows.length;
}

/** Every row of every merchant's statement, of all days. A file that contradicts itself is refused by its reader. */
async function detailRows(office: Office): Promise<readonly FileRecord[]> {
  const folder = join(office.dataFolder, 'settlement');
  const names = (await readdir(folder)).filter((one) => /\.(csv|txt)$/.test(one));
  const readings = await Promise.all(
    names.map(async (name) => readBack(name, await readFile(join(folder, name)))),
  );
  return readings.filter(({ layout }) => layout === 'detail').flatMap((reading) => reading.rows);
}

/**
 * DE37 to the terminal's own name. A sign-in answer has no MAC: one bit of its V1 changed on the way, and the
 * terminal takes its host for one without DE57, and sends no `UT` until the next sign-in.
 */
function namesByReference(held: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(held.flatMap(({ rrn, ut }) => (rrn !== null && ut !== null ? [[rrn, ut] as const] : [])));
}

function rowOf({ terminalId, batch, ut, kind, amount, rrn }: Row | Acknowledged): string {
  return `${terminalId} ${batch} ${kind} ${ut ?? 'no UT'} ${amount} ${rrn ?? ''}`;
}

function compare(
  disagreements: string[],
  what: string,
  these: readonly string[],
  those: readonly string[],
): void {
  const there = new Set(those);
  listed(
    disagreements,
    what,
    these.filter((row) => !there.has(row)),
  );
}

function twice(disagreements: string[], what: string, rows: readonly (Row | Acknowledged)[]): void {
  const seen = new Set<string>();
  const again: string[] = [];
  for (const { ut, terminalId, batch, rrn } of rows) {
    const key = ut ?? `${terminalId} ${batch} ${rrn ?? ''}`;
    if (seen.has(key)) again.push(key);
    seen.add(key);
  }
  listed(disagreements, what, again);
}

function listed(disagreements: string[], what: string, rows: readonly string[]): void {
  for (const row of rows.slice(0, SHOWN_MAX)) disagreements.push(`${what}: ${row}`);
  if (rows.length > SHOWN_MAX) disagreements.push(`${what}: ${rows.length - SHOWN_MAX} more`);
}
