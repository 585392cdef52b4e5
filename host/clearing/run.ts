/**
 * The clearing of a closed business date: named steps, each committed with its own output, each safe to
 * run again. Killed at any point, the next run takes what was committed and goes on; the files come out
 * with the same bytes, because they depend on entries that never change and on names that the step
 * `price` has written down.
 */
import { createHash } from 'node:crypto';
import { isBusinessDate, PosError } from '../../protocol/index.ts';
import { turnEnd } from '../clock.ts';
import { canonicalJson } from '../journal/record.ts';
import type { StorePort } from '../store/port.ts';
import type { FileRow, StepRow } from '../store/rows.ts';
import type { DayRows } from './day-rows.ts';
import type { ClearingResult } from './model.ts';
import { movementsOf } from './movements.ts';
import { sha256Of } from './pieces.ts';
import type { BuiltFile } from './statement-files.ts';
import {
  type ClearingDeps,
  runIdOf,
  type StepContext,
  type StepName,
  type StepOutcome,
} from './step-context.ts';
import { resultOf, STEPS } from './steps.ts';

export interface ClearingOptions {
  /** A closed day, YYYYMMDD. */
  readonly businessDate: string;
  readonly person: string;
  /** As the token names it; `settlement` when it is not given. */
  readonly role?: string;
  readonly reason: string;
  /** After a finished run: writes new files under the next sequence number. The old ones stay. */
  readonly correction?: boolean;
}

/** How often a step is tried again when a terminal changed under it. */
const ATTEMPTS_MAX = 8;

/**
 * Runs, or goes on with, the clearing of a day. A finished run is not repeated: its result is returned. One at a time
 * clears a day, at whichever host; were that ever two, the guard of each step would let one of them through.
 *
 * Throws NOT_ALLOWED_NOW when the day is not closed or is being cleared by somebody else; BOOKS_UNBALANCED when a proof fails, before or after
 * the files; FILE_EXISTS when a file of that name holds other bytes; CLEARING_STEP naming the step when
 * something else stopped it.
 */
export async function runClearing(deps: ClearingDeps, options: ClearingOptions): Promise<ClearingResult> {
  await checkClosed(deps.store, options.businessDate);
  return deps.store.alone(`clearing ${options.businessDate}`, (still) => goOn(deps, options, still));
}

async function goOn(
  deps: ClearingDeps,
  options: ClearingOptions,
  still: () => Promise<void>,
): Promise<ClearingResult> {
  const { sequence, finished } = await runToContinue(deps.store, options);
  const runId = runIdOf(options.businessDate, sequence);
  const outputs = new Map(finished.map(({ step, output }) => [step, output]));
  const { day } = await deps.store.read({});
  const context = contextOf(deps, options, { runId, sequence, outputs, openDate: day.businessDate });
  const steps: { step: string; done: 'now' | 'before' }[] = [];
  for (const { name, titleZh, titleEn, act } of STEPS) {
    if (outputs.has(name)) {
      steps.push({ step: name, done: 'before' });
      continue;
    }
    await still();
    const row = await runStep(context, name, act);
    outputs.set(name, row.output);
    steps.push({ step: name, done: 'now' });
    deps.log.info({ runId, step: name }, `清算步骤完成 clearing step done: ${titleZh} ${titleEn}`);
  }
  return resultOf(context, steps, await context.written());
}

async function checkClosed(store: StorePort, businessDate: string): Promise<void> {
  if (!isBusinessDate(businessDate))
    throw new PosError('DATE_BAD', `营业日 business date ${businessDate.slice(0, 20)}`);
  for await (const page of store.scan('days', { businessDate })) {
    for (const day of page) {
      if (day.state === 'closed') return;
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `营业日 ${businessDate} 未关闭,请先日切 is still open: cut over first`,
      );
    }
  }
  throw new PosError('NOT_FOUND', `无此营业日 no such business date: ${businessDate}`);
}

/** The latest run of the day, or the next after a finished one when a correction is asked for. */
async function runToContinue(store: StorePort, options: ClearingOptions) {
  let sequence = 1;
  let finished = await stepsOf(store, runIdOf(options.businessDate, sequence));
  for (;;) {
    const next = await stepsOf(store, runIdOf(options.businessDate, sequence + 1));
    if (next.length === 0) break;
    sequence += 1;
    finished = next;
  }
  const isFinished = finished.some(({ step }) => step === STEPS.at(-1)?.name);
  if (options.correction === true && isFinished) return { sequence: sequence + 1, finished: [] };
  return { sequence, finished };
}

export async function stepsOf(store: StorePort, runId: string): Promise<readonly StepRow[]> {
  const rows: StepRow[] = [];
  for await (const page of store.scan('steps', { runId })) rows.push(...page);
  return rows;
}

async function runStep(
  context: StepContext,
  step: StepName,
  act: (context: StepContext) => Promise<StepOutcome>,
): Promise<StepRow> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const outcome = await named(step, () => act(context));
    const row: StepRow = { runId: context.runId, step, output: outcome.output, at: context.clock.now() };
    const [committed] = await context.store.commit([
      {
        guards: [
          { kind: 'absent', table: 'steps', key: `${context.runId}|${step}` },
          ...(outcome.guards ?? []),
        ],
        changes: { ...outcome.changes, steps: [...(outcome.changes?.steps ?? []), row] },
        journal: [record(context, { type: 'clearing-step', step, outputDigest: digestOf(outcome.output) })],
      },
    ]);
    if (committed?.committed === true) return row;
    if (committed?.failure) throw committed.failure;
    // Another process clears the same day and was faster: its output stands.
    const theirs = (await stepsOf(context.store, context.runId)).find((one) => one.step === step);
    if (theirs !== undefined) return theirs;
  }
  throw new PosError('CLEARING_STEP', `${step}: 终端状态一直在变化 terminals kept changing`);
}

/** An error that says what to do keeps its code; any other is told as the step that it stopped. */
async function named<T>(step: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof PosError) throw error;
    throw new PosError('CLEARING_STEP', `${step} 未完成 did not finish`, { cause: error });
  }
}

function contextOf(
  deps: ClearingDeps,
  options: ClearingOptions,
  run: { runId: string; sequence: number; outputs: ReadonlyMap<string, unknown>; openDate: string },
): StepContext {
  let gathered: Promise<DayRows> | null = null;
  const { pause = () => turnEnd(deps.clock) } = deps;
  const context: StepContext = {
    ...deps,
    pause,
    runId: run.runId,
    sequence: run.sequence,
    businessDate: options.businessDate,
    openDate: run.openDate,
    person: options.person,
    role: options.role ?? 'settlement',
    reason: options.reason,
    movements: () => (gathered ??= movementsOf(deps, options.businessDate, pause)),
    output: (step) => run.outputs.get(step),
    putFile: (file) => putFile(context, file),
    written: () => filesOf(deps.store, run.runId),
  };
  return context;
}

export async function filesOf(store: StorePort, runId: string): Promise<readonly FileRow[]> {
  const rows: FileRow[] = [];
  for await (const page of store.scan('files', { runId })) rows.push(...page);
  return rows;
}

/**
 * First the file, then its row: a kill in between leaves a file without a row, which the next run finds,
 * compares with what it would write, and adopts. Other bytes under the name are never touched.
 */
async function putFile(context: StepContext, file: BuiltFile): Promise<void> {
  const sha256 = await sha256Of(file.bytes, context.pause);
  const there = await context.files.read(file.name);
  if (there === undefined) await context.files.write(file.name, file.bytes);
  else if (!there.equals(file.bytes))
    throw new PosError('FILE_EXISTS', `${file.name} 已存在且内容不同 holds other bytes`);
  const row: FileRow = {
    name: file.name,
    runId: context.runId,
    kind: file.kind,
    sha256,
    bytes: file.bytes.length,
    at: context.clock.now(),
  };
  const [outcome] = await context.store.commit([
    {
      guards: [{ kind: 'absent', table: 'files', key: file.name }],
      changes: { files: [row] },
      journal: [record(context, { type: 'settlement-file', name: file.name, sha256, bytes: row.bytes })],
    },
  ]);
  if (outcome?.committed === true) return;
  if (outcome?.failure) throw outcome.failure;
  const known = (await context.written()).find(({ name }) => name === file.name);
  if (known?.sha256 !== sha256)
    throw new PosError('FILE_EXISTS', `${file.name} 已登记其他内容 is recorded with another hash`);
}

/** What the journal keeps of a run: who had it run and why, which step, which file with which hash. */
function record(context: StepContext, about: object) {
  const { runId, person, role, reason, openDate: businessDate } = context;
  return {
    body: canonicalJson({ ...about, runId, person, role, reason, at: context.clock.now(), businessDate }),
  };
}

function digestOf(output: unknown): string {
  return createHash('sha256').update(JSON.stringify(output)).digest('hex');
}
