/**
 * The books before a day is priced: proven from the sums that an earlier clearing proved and everything since, so that years
 * of history do not slow today; and every so often from the first entry on, which must come to those same sums.
 *
 * The sums rest as rows of `steps`, written in the commit of the step that proved them; its output, whose digest is in the
 * journal, names them by theirs.
 */
import { createHash } from 'node:crypto';
import { addDays, ensure, PosError } from '../../protocol/index.ts';
import { turnEnd } from '../clock.ts';
import { proveUpTo } from '../ledger/proofs.ts';
import { isArchivedSince, type ProvenSums } from '../ledger/reading.ts';
import type { Guard, StorePort } from '../store/port.ts';
import type { StepRow } from '../store/rows.ts';
import { check, demand } from './check.ts';
import type { Check } from './model.ts';
import { runIdOf, type StepContext, type StepOutcome } from './step-context.ts';

/** All entries are read when this many days have gone by since they last were. */
export const WHOLE_EVERY_DAYS = 7;
/** How far back a clearing is looked for whose sums may be begun from. */
const LOOK_BACK_DAYS = 31;
/** One row of the database, some 50 KB: who reads all rows (a backup, the full check) has a thousand at once in memory. */
const SUMS_A_ROW = 500;
/** One commit writes them all. Books with more are read whole every day. */
const SUMS_MAX = 500_000;

/** What the step leaves behind. */
interface CheckedBooks {
  readonly entries: number;
  readonly postings: number;
  readonly checks: number;
  /** Entries up to this day were not read; null when all were. */
  readonly since: string | null;
  /** The day at whose clearing all entries were last read. */
  readonly wholeOn: string;
  /** Where the next clearing may begin; null when there are too many sums. */
  readonly proven: Recorded | null;
}

/** Sums at rest: rows of the run `sums-<day>`. */
interface Recorded {
  readonly upTo: string;
  readonly lots: number;
  readonly sha256: string;
}

export async function checkBooks(context: StepContext): Promise<StepOutcome> {
  const { store, businessDate: closed } = context;
  const earlier = await latestChecked(context);
  const proven = earlier?.proven ?? null;
  const since =
    proven === null || (await isArchivedSince(store, proven.upTo, closed))
      ? undefined
      : await recordedSums(store, proven);
  const pause = () => turnEnd(context.clock);
  const short = since === undefined ? undefined : await proveUpTo(store, { since, closed, pause });
  demand(short?.proof.checks ?? []);
  const isDue =
    context.sequence > 1 || earlier === undefined || addDays(earlier.wholeOn, WHOLE_EVERY_DAYS) <= closed;
  const whole = isDue || short === undefined ? await proveUpTo(store, { closed, pause }) : undefined;
  demand(whole?.proof.checks ?? []);
  const { proof, sumsOf } = (whole ?? short) as NonNullable<typeof whole>;
  if (short !== undefined && whole !== undefined)
    demand([sameSums(await short.sumsOf(), await whole.sumsOf())]);
  // Entries cost as much to read as sums to write: they are written anew when as many entries came since.
  const isNew =
    short === undefined || (short.proof.entries >= (since?.sums.length ?? 0) && (since?.upTo ?? '') < closed);
  const sums = isNew ? await sumsOf(SUMS_MAX) : null;
  const { proven: next, ...writes } = isNew ? recording(sums, context) : { proven };
  const output: CheckedBooks = {
    entries: proof.entries,
    postings: proof.postings,
    checks: proof.checks.length,
    since: whole === undefined ? (since?.upTo ?? null) : null,
    wholeOn: whole === undefined && earlier !== undefined ? earlier.wholeOn : closed,
    proven: next,
  };
  return { output, ...writes };
}

/** The output of the latest clearing before this one, of this day or of one before. */
async function latestChecked({
  store,
  businessDate,
  sequence,
}: StepContext): Promise<CheckedBooks | undefined> {
  const runIds = Array.from({ length: sequence - 1 }, (_, at) => runIdOf(businessDate, sequence - 1 - at));
  for (let back = 1; back <= LOOK_BACK_DAYS; back += 1) runIds.push(runIdOf(addDays(businessDate, -back), 1));
  for (const runId of runIds) {
    for await (const page of store.scan('steps', { runId, step: 'check-books' }))
      for (const { output } of page) {
        // A version before this one left no sums.
        if ((output as Partial<CheckedBooks>).wholeOn !== undefined) return output as CheckedBooks;
      }
  }
  return undefined;
}

const sumsRunOf = (upTo: string) => `sums-${upTo}`;

function digestOf(sums: ProvenSums['sums']): string {
  return createHash('sha256').update(JSON.stringify(sums)).digest('hex');
}

/** @throws STORE_DAMAGED when they are not what was recorded */
async function recordedSums(store: StorePort, { upTo, lots, sha256 }: Recorded): Promise<ProvenSums> {
  const runId = sumsRunOf(upTo);
  const sums: ProvenSums['sums'][number][] = [];
  for await (const page of store.scan('steps', { runId }))
    for (const { output } of page) for (const sum of output as ProvenSums['sums']) sums.push(sum);
  if (digestOf(sums) !== sha256)
    throw new PosError('STORE_DAMAGED', `steps ${runId}: 与所证明的合计不同 not the sums that were proven`);
  return { upTo, lots, sums };
}

/** What writes sums beside the step's own output. */
function recording(proven: ProvenSums | null, { clock }: StepContext) {
  if (proven === null) return { proven };
  const { upTo, lots, sums } = proven;
  const at = clock.now();
  const steps: StepRow[] = [];
  for (let from = 0; from < sums.length; from += SUMS_A_ROW) {
    const step = String(steps.length + 1).padStart(4, '0');
    steps.push({ runId: sumsRunOf(upTo), step, output: sums.slice(from, from + SUMS_A_ROW), at });
  }
  const guards: Guard[] = steps.map(({ runId, step }) => ({
    kind: 'absent',
    table: 'steps',
    key: `${runId}|${step}`,
  }));
  return { proven: { upTo, lots, sha256: digestOf(sums) }, guards, changes: { steps } };
}

function sameSums(believed: ProvenSums | null, read: ProvenSums | null): Check {
  ensure(believed !== null && read !== null, 'all sums were asked for');
  const other = new Map(read.sums);
  const wrong = believed.sums.filter(([key, sum]) => other.get(key) !== sum);
  const known = new Set(believed.sums.map(([key]) => key));
  const faults = [
    ...wrong.map(([key, sum]) => `${key}: ${sum} ≠ ${other.get(key) ?? 0}`),
    ...read.sums.filter(([key]) => !known.has(key)).map(([key, sum]) => `${key}: 0 ≠ ${sum}`),
  ];
  return check(
    '已关闭营业日的合计未变',
    'closed days come to the sums that were proven of them',
    faults.slice(0, 3),
    `${read.sums.length} sums`,
  );
}
