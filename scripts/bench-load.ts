/** A host under load, as the benchmarks put it there: its program, what each phase took, what became of its sales. */
import { join } from 'node:path';
import { ensure } from '../protocol/index.ts';
import { type LoadPhase, type PhaseResult, runLoad } from '../simulators/load/index.ts';
import {
  bundle,
  HOST_ENV,
  HOST_FLAGS,
  type HostProgram,
  type Office,
  ROOT,
  readBooks,
} from '../simulators/office/index.ts';
import { type loadTerminals, total } from './load-terminals.ts';
import { cpuSeconds, rssMiB } from './process-cpu.ts';

/** What the fact sheet's prototype reached, doubled: requests are made beforehand. */
export const PER_SECOND_MAX = 12_000;

/** A host as units and containers start it, as one file, with one line in its log for each answer. */
export async function hostProgram(main = 'host/main.ts'): Promise<HostProgram> {
  const name = main.replaceAll('/', '-').replace(/\.ts$/, '');
  const folder = join(ROOT, 'out', 'program');
  await bundle({ [name]: main }, folder);
  return {
    command: process.execPath,
    args: [...HOST_FLAGS, join(folder, `${name}.mjs`)],
    env: { ...HOST_ENV, ZUNKA_LOG_LEVEL: 'info' },
  };
}

/** `inFlight` sales always on their way for so many seconds, after some that do not count. */
export function closedPhase(name: string, inFlight: number, seconds: number, warmSeconds: number): LoadPhase {
  const all = seconds + warmSeconds;
  return { name, seconds: all, warmSeconds, inFlight, requestsMax: Math.min(300_000, all * PER_SECOND_MAX) };
}

export interface Measured extends PhaseResult {
  /** Processor seconds of the host for the counted sales, and its resident memory in MiB at the end. */
  readonly cpu: number;
  readonly rssMiB: number;
}

/** Sales a second. */
export const rateOf = ({ answered, seconds }: PhaseResult) => answered / seconds;

/** @throws when a sale is answered with anything but an approval, or a connection is lost */
export async function underLoad(
  office: Office,
  load: {
    /** Each may be in one load only: in another it would begin its traces anew. */
    readonly terminals: ReturnType<typeof loadTerminals>;
    readonly cards?: number;
    readonly amount: number;
    readonly phases: readonly LoadPhase[];
  },
): Promise<readonly Measured[]> {
  const pid = office.child?.pid;
  ensure(pid !== undefined, 'the host is a process of its own');
  const results: Measured[] = [];
  let before = 0;
  await runLoad(
    {
      port: office.acquirerPort,
      amount: load.amount,
      cards: office.cards.slice(0, load.cards).map(({ pan, track2, pin }) => ({ pan, track2, pin })),
      terminals: load.terminals,
      phases: load.phases,
    },
    {
      begun() {
        before = cpuSeconds(pid);
      },
      ended(result) {
        const cpu = (cpuSeconds(pid) - before) * (result.answered / Math.max(1, total(result)));
        results.push({ ...result, cpu, rssMiB: rssMiB(pid) });
        console.log(`  ${result.name}: ${JSON.stringify(result.codes)}`);
      },
    },
  );
  for (const [index, result] of results.entries()) judge(result, load.phases[index]);
  return results;
}

function judge({ name, codes }: PhaseResult, phase: LoadPhase | undefined): void {
  const { '00': approved = 0, none = 0, ...others } = codes;
  ensure(Object.keys(others).length === 0, `${name}: every sale is approved, here ${JSON.stringify(codes)}`);
  if (none === 0) return;
  ensure(
    phase !== undefined && 'perSecond' in phase,
    `${name}: a connection was lost, ${none} sales with it`,
  );
  console.log(
    `  过载 overload: ${name}: ${none} of ${approved + none} were still waiting 10 s after the last was sent. The host
    on this machine, as busy as it is now, cannot keep this rate: its figures are left out, and what is asked of the
    books is that they hold every answer.`,
  );
}

/** Sent at a rate that the host did not keep up with. */
export const isOverloaded = ({ codes }: PhaseResult) => (codes['none'] ?? 0) > 0;

/**
 * Stops the host and reads its books.
 * @throws when an approval is not in them once, a sale is that was never sent, or a proof fails
 */
export async function stopAndProve(office: Office, results: readonly PhaseResult[]): Promise<void> {
  await office.stop();
  const { proof, transactions } = await readBooks(office.dataFolder);
  const sales = transactions.filter(({ kind, state }) => kind === 'sale' && state === 'approved').length;
  const approved = results.reduce((sum, { codes }) => sum + (codes['00'] ?? 0), 0);
  const sent = results.reduce((sum, result) => sum + total(result), 0);
  ensure(
    sales >= approved && sales <= sent,
    `the load sent ${sent} sales and saw ${approved} approved, ${sales} are in the books`,
  );
  const wrong = proof.checks.filter(({ ok }) => !ok).map(({ nameEn, detail }) => `${nameEn}: ${detail}`);
  ensure(wrong.length === 0, `the books are proven: ${wrong.join('; ')}`);
  console.log(`  账已核对 the books are proven: ${sales} sales, each once`);
}
