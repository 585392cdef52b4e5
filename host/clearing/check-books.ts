/**
 * The books before a day is priced: proven from the sums that an earlier clearing proved and everything since, so that years
 * of history do not slow today; and every so often from the first entry on, which must come to those same sums.
 *
 * The sums rest as rows of `steps`, laid down before the output of the step that proved them; it names them by their digest,
 * and its own is in the journal.
 */
import { createHash } from 'node:crypto';
import { addDays, PosError } from '../../protocol/index.ts';
import { proveUpTo } from '../ledger/proofs.ts';
import { isArchivedSince, type KeyedSum, type ProvenSums, type ReadSums } from '../ledger/reading.ts';
import type { CommitItem, StorePort } from '../store/port.ts';
import type { StepRow } from '../store/rows.ts';
import { check, demand } from './check.ts';
import type { Check } from './model.ts';
import { runIdOf, type StepContext, type StepOutcome } from './step-context.ts';

/** All entries are read when this many days have gone by since they last were. */
export const WHOLE_EVERY_DAYS = 7;
/** How far back a clearing is looked for whose sums may be begun from. */
const LOOK_BACK_DAYS = 31;
/** One row of the database, some 50 KB: who reads all rows (a backup, the full check) has some hundreds at once in memory. */
const SUMS_A_ROW = 500;
/** One commit, for which sales wait: some 25 ms. */
const ROWS_A_COMMIT = 40;
/** How many faults a check shows. */
const FAULTS_SHOWN = 3;

/** What the step leaves behind. */
interface CheckedBooks {
  readonly entries: number;
  readonly postings: number;
  readonly checks: number;
  /** Entries up to this day were not read; null when all were. */
  readonly since: string | null;
  /** The day at whose clearing all entries were last read. */
  readonly wholeOn: string;
  /** Where the next clearing may begin. A version before this one left null where the sums were very many. */
  readonly proven: Recorded | null;
}

/** Sums at rest: rows of a run. */
interface Recorded {
  readonly upTo: string;
  readonly lots: number;
  /** Over all of them as one JSON list, in the order of their rows. */
  readonly sha256: string;
  /** The run; `sums-<day>` where a version before this one recorded them. */
  readonly run?: string;
}

export async function checkBooks(context: StepContext): Promise<StepOutcome> {
  const { store, businessDate: closed, pause } = context;
  const earlier = await latestChecked(context);
  const proven = earlier?.proven ?? null;
  const since =
    proven === null || (await isArchivedSince(store, proven.upTo, closed))
      ? undefined
      : recordedSums(store, proven);
  const short = since === undefined ? undefined : await proveUpTo(store, { since, closed, pause });
  demand(short?.proof.checks ?? []);
  const isDue =
    context.sequence > 1 || earlier === undefined || addDays(earlier.wholeOn, WHOLE_EVERY_DAYS) <= closed;
  const whole = isDue || short === undefined ? await proveUpTo(store, { closed, pause }) : undefined;
  demand(whole?.proof.checks ?? []);
  const { proof, sums } = (whole ?? short) as NonNullable<typeof whole>;
  if (short !== undefined && whole !== undefined) demand([await sameSums(short.sums, whole.sums)]);
  // Entries cost as much to read as sums to write: they are written anew when as many entries came since.
  const isNew =
    short === undefined || (short.proof.entries >= short.believed && (since?.upTo ?? '') < closed);
  const output: CheckedBooks = {
    entries: proof.entries,
    postings: proof.postings,
    checks: proof.checks.length,
    since: whole === undefined ? (since?.upTo ?? null) : null,
    wholeOn: whole === undefined && earlier !== undefined ? earlier.wholeOn : closed,
    proven: isNew ? await record(sums, context) : proven,
  };
  return { output };
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

/** SHA-256 over sums as one JSON list, however they come. */
class SumsDigest {
  readonly #hash = createHash('sha256').update('[');
  #count = 0;

  add(part: readonly KeyedSum[]): void {
    if (part.length === 0) return;
    this.#hash.update(`${this.#count > 0 ? ',' : ''}${JSON.stringify(part).slice(1, -1)}`);
    this.#count += part.length;
  }

  end(): string {
    return this.#hash.update(']').digest('hex');
  }
}

/** What rests of a proof. Their parts end with STORE_DAMAGED where they are not what was recorded. */
function recordedSums(store: StorePort, { upTo, lots, sha256, run }: Recorded): ProvenSums {
  const runId = run ?? `sums-${upTo}`;
  return {
    upTo,
    lots,
    async *parts() {
      const digest = new SumsDigest();
      for await (const page of store.scan('steps', { runId }))
        for (const { output } of page) {
          digest.add(output as readonly KeyedSum[]);
          yield output as readonly KeyedSum[];
        }
      if (digest.end() !== sha256)
        throw new PosError(
          'STORE_DAMAGED',
          `steps ${runId}: 与所证明的合计不同 not the sums that were proven`,
        );
    },
  };
}

/**
 * Lays sums down, in commits of their own: they count when the step's output names them. The run's name tells what is in it
 * and how it is cut, so what a clearing that was killed left of it is what this one would write, and is taken; it is read
 * once more before it counts.
 *
 * @throws STORE_DAMAGED when something else lies there
 */
async function record(sums: ProvenSums, { store, clock }: StepContext): Promise<Recorded> {
  const { upTo, lots } = sums;
  const digest = new SumsDigest();
  for await (const part of sums.parts()) digest.add(part);
  const sha256 = digest.end();
  const run = `sums-${upTo}-${sha256.slice(0, 12)}-${SUMS_A_ROW}`;
  let [rows, count]: [StepRow[], number] = [[], 0];
  for await (const output of filled(sums.parts(), SUMS_A_ROW)) {
    count += 1;
    rows.push({ runId: run, step: String(count).padStart(6, '0'), output, at: clock.now() });
    if (rows.length < ROWS_A_COMMIT) continue;
    await lay(store, rows);
    rows = [];
  }
  await lay(store, rows);
  const recorded = { upTo, lots, sha256, run };
  for await (const _ of recordedSums(store, recorded).parts());
  return recorded;
}

/** The same in parts of so many each, but for the last. */
async function* filled(
  parts: AsyncIterable<readonly KeyedSum[]>,
  size: number,
): AsyncIterable<readonly KeyedSum[]> {
  let rest: readonly KeyedSum[] = [];
  for await (const part of parts) {
    const all = [...rest, ...part];
    const whole = all.length - (all.length % size);
    for (let from = 0; from < whole; from += size) yield all.slice(from, from + size);
    rest = all.slice(whole);
  }
  if (rest.length > 0) yield rest;
}

/** Each row by itself: one that lies there already keeps no other from being written. */
async function lay(store: StorePort, steps: readonly StepRow[]): Promise<void> {
  const items = steps.map(
    (row): CommitItem => ({
      guards: [{ kind: 'absent', table: 'steps', key: `${row.runId}|${row.step}` }],
      changes: { steps: [row] },
      journal: [],
    }),
  );
  const outcomes = items.length === 0 ? [] : await store.commit(items);
  for (const outcome of outcomes) if (!outcome.committed && outcome.failure !== null) throw outcome.failure;
}

async function sameSums(believed: ReadSums, read: ReadSums): Promise<Check> {
  const faults: string[] = [];
  let count = 0;
  for await (const part of read.parts()) {
    count += part.length;
    for (const [key, sum] of part)
      if (believed.sumOf(key) !== sum) faults.push(`${key}: ${believed.sumOf(key)} ≠ ${sum}`);
    faults.splice(FAULTS_SHOWN);
  }
  for await (const part of believed.parts()) {
    for (const [key, sum] of part) if (read.sumOf(key) === 0) faults.push(`${key}: ${sum} ≠ 0`);
    faults.splice(FAULTS_SHOWN);
  }
  return check(
    '已关闭营业日的合计未变',
    'closed days come to the sums that were proven of them',
    faults,
    `${count} sums`,
  );
}
