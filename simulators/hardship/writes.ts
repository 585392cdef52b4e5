/**
 * Writes and fsyncs that fail, in the host and in a terminal, under load: the n-th alone, the n-th and
 * all after it, and by chance. Whoever cannot write refuses or is silent; afterwards everything agrees.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dice, type HostProgram, pause } from '../office/index.ts';
import type { Agreement } from './agreement.ts';
import { count, counted } from './counts.ts';
import {
  type CallFault,
  EIO,
  ENOSPC,
  injectedBy,
  underFiu,
  underStrace,
  whyNoFiu,
  whyNoStrace,
} from './fault-tools.ts';
import { Fleet } from './fleet.ts';
import type { Till } from './till.ts';

export interface WritesOptions {
  readonly seed: number;
  /** Rounds; each row of the table below comes as often as any other. */
  readonly times: number;
  /** Default `LONG`. */
  readonly pace?: Pace;
  tell(line: string): void;
}

/** How long a round may take until its fault has struck. */
interface Pace {
  /** The call that fails is the first up to this one. */
  readonly nthMax: { readonly host: number; readonly terminal: number };
  /** A round of chances, in milliseconds. */
  readonly chancesMs: number;
}

export interface WritesOutcome {
  readonly rounds: number;
  /** Calls that the tracer failed. What libfiu failed it does not tell. */
  readonly injected: number;
  /** Fault and what came of it: how often. */
  readonly came: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  /** What this machine has no tool for. */
  readonly leftOut: readonly string[];
  readonly agreement: Agreement;
  readonly failures: readonly string[];
}

interface Row {
  readonly name: string;
  readonly victim: 'host' | 'terminal';
  readonly tool: 'strace' | 'libfiu';
  readonly program: (plain: HostProgram, round: Round) => HostProgram;
}

interface Round {
  readonly nth: number;
  /** The tracer's log. */
  readonly log: string;
  /** The journal segment that is written now; of a terminal. */
  readonly segment: string;
}

/** Starting costs some calls of its own; a round under load makes some dozens more. */
const LONG: Pace = { nthMax: { host: 60, terminal: 40 }, chancesMs: 2_500 };
/** The same kinds of failures, sooner: for a test. */
export const SHORT: Pace = { nthMax: { host: 25, terminal: 15 }, chancesMs: 1_000 };
/** What a round is drawn with, and where its calls are counted. */
interface Drawn {
  readonly dice: Dice;
  readonly log: string;
  readonly pace: Pace;
}

/** How long clerks work in a round: until the call has failed and a little longer, or in vain. */
const ROUND_MS_MAX = 6_000;
const AFTERWARDS_MS = 700;
const POLL_MS = 50;
const PAUSE_MS = 20;

const traced =
  (fault: Omit<CallFault, 'nth' | 'path'>) =>
  (plain: HostProgram, { nth, log, segment }: Round): HostProgram =>
    underStrace(plain, { ...fault, nth, ...(fault.call === 'write' && { path: segment }) }, log);

// biome-ignore format: a table is read by column
const ROWS: readonly Row[] = [
  { name: 'host: the n-th fsync fails',                victim: 'host',     tool: 'strace', program: traced({ call: 'fsync',    error: 'EIO',    lasting: false }) },
  { name: 'host: the n-th write fails',                victim: 'host',     tool: 'strace', program: traced({ call: 'pwrite64', error: 'EIO',    lasting: false }) },
  { name: 'host: every fsync fails from the n-th on',  victim: 'host',     tool: 'strace', program: traced({ call: 'fsync',    error: 'EIO',    lasting: true }) },
  { name: 'host: no space from the n-th write on',     victim: 'host',     tool: 'strace', program: traced({ call: 'pwrite64', error: 'ENOSPC', lasting: true }) },
  { name: 'host: one fsync in twenty fails',           victim: 'host',     tool: 'libfiu', program: (plain) => underFiu(plain, 'posix/io/sync/fsync', 0.05, EIO) },
  { name: 'host: one write in a hundred finds no space', victim: 'host',   tool: 'libfiu', program: (plain) => underFiu(plain, 'posix/io/rw/pwrite', 0.01, ENOSPC) },
  { name: 'host: one write in ten is short',           victim: 'host',     tool: 'libfiu', program: (plain) => underFiu(plain, 'posix/io/rw/pwrite/reduce', 0.1, 0) },
  { name: 'terminal: the n-th fsync fails',            victim: 'terminal', tool: 'strace', program: traced({ call: 'fsync',    error: 'EIO',    lasting: false }) },
  { name: 'terminal: the n-th write fails',            victim: 'terminal', tool: 'strace', program: traced({ call: 'write',    error: 'EIO',    lasting: false }) },
  { name: 'terminal: no space from the n-th write on', victim: 'terminal', tool: 'strace', program: traced({ call: 'write',    error: 'ENOSPC', lasting: true }) },
  { name: 'terminal: one fsync in twenty fails',       victim: 'terminal', tool: 'libfiu', program: (plain) => underFiu(plain, 'posix/io/sync/fsync', 0.05, EIO) },
];

export async function writes({ seed, times, pace = LONG, tell }: WritesOptions): Promise<WritesOutcome> {
  const missing = { strace: whyNoStrace(), libfiu: whyNoFiu() };
  const leftOut = ROWS.filter(({ tool }) => missing[tool] !== undefined).map(
    ({ name, tool }) => `${name} (${missing[tool] ?? ''})`,
  );
  const rows = ROWS.filter(({ tool }) => missing[tool] === undefined);
  const fleet = await Fleet.open({ seed, tills: 2, cards: 12 });
  const dice = fleet.dice(1);
  const came = new Map<string, number>();
  let injected = 0;
  let rounds = 0;
  let isDone = false;
  try {
    const failing = async (isOver: () => boolean) => {
      for (; !isOver(); rounds += 1) {
        const row = rows[rounds % rows.length] as Row;
        const log = join(fleet.folder, `strace-${rounds}.log`);
        const what =
          row.victim === 'host'
            ? await hostRound(fleet, row, { dice, log, pace })
            : await tillRound(fleet, row, { dice, log, pace });
        const hits = await injectedBy(log);
        injected += hits;
        const inVain = row.tool === 'strace' && hits === 0;
        count(came, `${row.name}: ${inVain ? 'the call did not come' : what}`);
      }
    };
    await fleet.trade({ until: () => rounds >= times || rows.length === 0, pauseMs: PAUSE_MS }, failing);
    const agreement = await fleet.finish(tell);
    isDone = true;
    for (const [what, often] of Object.entries(counted(came))) tell(`${often} × ${what}`);
    for (const what of leftOut) tell(`left out: ${what}`);
    if (missing.strace === undefined && injected === 0) fleet.failures.push('strace failed no call at all');
    return {
      rounds,
      injected,
      came: counted(came),
      codes: counted(fleet.codes),
      leftOut,
      agreement,
      failures: fleet.failures,
    };
  } finally {
    await fleet.close({ keep: !isDone || fleet.failures.length > 0, tell });
  }
}

/** The host is killed, works for a while under the fault, is killed again and starts well. */
async function hostRound(fleet: Fleet, row: Row, { dice, log, pace }: Drawn): Promise<string> {
  const { office } = fleet;
  await office.kill();
  office.program = row.program(fleet.snapshot.host, {
    nth: 1 + dice.below(pace.nthMax.host),
    log,
    segment: '',
  });
  const before = fleet.codes.get('96') ?? 0;
  const started = await office.start().then(
    () => true,
    () => false,
  );
  if (started) await underFault(row, { log, pace });
  const { child } = office;
  const fell = child === undefined || child.exitCode !== null || child.signalCode !== null;
  await office.kill();
  office.program = fleet.snapshot.host;
  await office.start();
  fleet.watchHost();
  if (!started) return 'it did not start';
  if (fell) return 'it ended by itself';
  return (fleet.codes.get('96') ?? 0) > before ? 'it answered 96' : 'it went on, or was silent';
}

/** The same for a terminal, which says JOURNAL_WRITE and does nothing more until it is switched off and on. */
async function tillRound(fleet: Fleet, row: Row, { dice, log, pace }: Drawn): Promise<string> {
  const till = fleet.tills[dice.below(fleet.tills.length)];
  if (till === undefined) throw new Error('there is no terminal');
  await till.kill();
  const names = (await readdir(till.journalFolder)).filter((name) => name.endsWith('.journal')).toSorted();
  const segment = join(till.journalFolder, names.at(-1) ?? '');
  till.program = row.program(fleet.snapshot.terminal, {
    nth: 1 + dice.below(pace.nthMax.terminal),
    log,
    segment,
  });
  const before = fleet.codes.get('JOURNAL_WRITE') ?? 0;
  const started = await till.start();
  const hasSaid = () => (fleet.codes.get('JOURNAL_WRITE') ?? 0) > before;
  if (started === 'started') await underFault(row, { log, pace }, hasSaid);
  const said = hasSaid();
  await till.kill();
  till.program = fleet.snapshot.terminal;
  await fleet.startTill(till);
  if (started !== 'started') return refusal(fleet, till, started);
  return said ? 'it said JOURNAL_WRITE' : 'it went on';
}

/** Lets the clerks work until the fault has struck and shown. */
async function underFault(
  row: Row,
  { log, pace }: Pick<Drawn, 'log' | 'pace'>,
  isEnough: () => boolean = () => false,
): Promise<void> {
  if (row.tool === 'libfiu') return pauseUnless(isEnough, pace.chancesMs);
  for (let waited = 0; waited < ROUND_MS_MAX && (await injectedBy(log)) === 0; waited += POLL_MS)
    await pause(POLL_MS);
  return pauseUnless(isEnough, AFTERWARDS_MS);
}

async function pauseUnless(isEnough: () => boolean, ms: number): Promise<void> {
  for (let waited = 0; waited < ms && !isEnough(); waited += POLL_MS) await pause(POLL_MS);
}

function refusal(
  fleet: Fleet,
  till: Till,
  started: 'died' | { readonly code: string; readonly detail: string },
): string {
  if (started === 'died') return 'it ended by itself';
  if (started.code !== 'JOURNAL_WRITE')
    fleet.failures.push(`${till.terminalId} cannot write and refuses with ${started.code} ${started.detail}`);
  return 'it did not start: JOURNAL_WRITE';
}
