/**
 * Disks that run full under load, the host's and a terminal's: what cannot be kept is refused, nothing
 * that was told to a clerk is lost, and once there is space everything goes on.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dice, pause } from '../office/index.ts';
import { terminalId } from '../programme/index.ts';
import type { Agreement } from './agreement.ts';
import { count, counted } from './counts.ts';
import { Fleet } from './fleet.ts';
import { SmallDisk, whyNoSmallDisk } from './small-disk.ts';

export interface DiskFullOptions {
  readonly seed: number;
  /** Rounds: the host's disk and a terminal's in turn. */
  readonly times: number;
  tell(line: string): void;
}

export interface DiskFullOutcome {
  readonly rounds: number;
  /** What came of each round: how often. */
  readonly came: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  readonly leftOut: readonly string[];
  readonly agreement: Agreement | null;
  readonly failures: readonly string[];
}

const HOST_MIB = 24;
const TERMINAL_MIB = 4;
/** Space that is left to run out under load. */
const LEFT_BYTES_MAX = { host: 256 * 1024, terminal: 16 * 1024 };
/** How long a disk stays full at most, once nothing is approved any more. */
const ROUND_MS_MAX = 12_000;
const AFTERWARDS_MS = 600;
/** How long it may take until the first approval after space was made: time-outs and reversals come first. */
const RECOVERY_MS_MAX = 30_000;
const POLL_MS = 50;
const PAUSE_MS = 20;

export async function diskFull({ seed, times, tell }: DiskFullOptions): Promise<DiskFullOutcome> {
  const why = whyNoSmallDisk();
  if (why !== undefined) {
    const leftOut = [`disks that run full (${why})`];
    for (const what of leftOut) tell(`left out: ${what}`);
    return { rounds: 0, came: {}, codes: {}, leftOut, agreement: null, failures: [] };
  }
  const folder = await mkdtemp(join(tmpdir(), `zunka-hardship-${process.pid}-`));
  const disks = {
    host: await SmallDisk.make(join(folder, 'host'), HOST_MIB),
    terminal: await SmallDisk.make(join(folder, terminalId(0)), TERMINAL_MIB),
  };
  const unmount = (keep = false) => {
    for (const disk of Object.values(disks)) disk.remove(keep);
  };
  const atExit = () => unmount();
  process.once('exit', atExit);
  let fleet: Fleet | undefined;
  let rounds = 0;
  let isDone = false;
  try {
    fleet = await Fleet.open({ seed, tills: 2, cards: 12, folder });
    const opened = fleet;
    const dice = opened.dice(1);
    const came = new Map<string, number>();
    const filling = async (isOver: () => boolean) => {
      for (; !isOver(); rounds += 1) {
        const isHosts = rounds % 2 === 0;
        const what = isHosts
          ? await hostRound(opened, disks.host, dice)
          : await tillRound(opened, disks.terminal, dice);
        count(came, what);
      }
    };
    await opened.trade({ until: () => rounds >= times, pauseMs: PAUSE_MS }, filling);
    const agreement = await opened.finish(tell);
    isDone = true;
    for (const [what, often] of Object.entries(counted(came))) tell(`${often} × ${what}`);
    return {
      rounds,
      came: counted(came),
      codes: counted(opened.codes),
      leftOut: [],
      agreement,
      failures: opened.failures,
    };
  } finally {
    const keep = !isDone || (fleet?.failures.length ?? 0) > 0;
    await fleet?.close({ keep, tell, before: () => unmount(keep) });
    process.off('exit', atExit);
  }
}

/** The host's disk is full for a while; every second time it is killed meanwhile and tries to start on it. */
async function hostRound(fleet: Fleet, disk: SmallDisk, dice: Dice): Promise<string> {
  await disk.fill(dice.below(LEFT_BYTES_MAX.host));
  const ranFull = await untilNothingIsApproved(fleet);
  const isKilled = dice.below(2) === 0;
  let what = 'it went on without a restart';
  if (isKilled) {
    await fleet.office.kill();
    const started = await fleet.office.start().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : 'unknown'),
    );
    what =
      started === null
        ? 'killed, it started on the full disk'
        : 'killed, it refused to start on the full disk';
    // A refusal must say what is to be done: a failure code of ours, or the full disk by name.
    if (started !== null && !/[A-Z]+_[A-Z_]+: |full|ENOSPC|no space/i.test(started))
      fleet.failures.push(`the host does not start on a full disk, and does not say why: ${started}`);
    if (started !== null) await fleet.office.kill();
    await disk.empty();
    if (started !== null) await fleet.office.start();
    fleet.watchHost();
  } else await disk.empty();
  if (!(await approvesAgain(fleet, fleet.acknowledged)))
    fleet.failures.push(
      `the host approves nothing ${RECOVERY_MS_MAX / 1000} s after space was made (${what})`,
    );
  return `host's disk ${ranFull ? 'ran full' : 'did not run full'}: ${what}`;
}

/** A terminal that cannot write its journal says so and does nothing more; a start on the full disk is refused too. */
async function tillRound(fleet: Fleet, disk: SmallDisk, dice: Dice): Promise<string> {
  const [till] = fleet.tills;
  if (till === undefined) throw new Error('there is no terminal');
  const before = fleet.codes.get('JOURNAL_WRITE') ?? 0;
  const said = () => (fleet.codes.get('JOURNAL_WRITE') ?? 0) > before;
  await disk.fill(dice.below(LEFT_BYTES_MAX.terminal));
  for (let waited = 0; !said() && waited < ROUND_MS_MAX; waited += POLL_MS) await pause(POLL_MS);
  const told = till.acknowledged.length;
  await pause(AFTERWARDS_MS);
  if (said() && till.acknowledged.length > told)
    fleet.failures.push(`${till.terminalId} approves after JOURNAL_WRITE`);
  await till.kill();
  const started = await till.start();
  const what =
    started === 'started'
      ? 'restarted on the full disk, it started'
      : 'restarted on the full disk, it refused';
  if (typeof started === 'object' && started.code !== 'JOURNAL_WRITE')
    fleet.failures.push(`${till.terminalId} on a full disk refuses with ${started.code} ${started.detail}`);
  await till.kill();
  await disk.empty();
  await fleet.startTill(till);
  if (!(await approvesAgain(fleet, fleet.acknowledged)))
    fleet.failures.push(`${till.terminalId} approves nothing after space was made`);
  return `terminal's disk ${said() ? 'ran full, it said JOURNAL_WRITE' : 'did not run full'}: ${what}`;
}

/** @returns false when approvals went on until the time was over: the space that was left was enough */
async function untilNothingIsApproved(fleet: Fleet): Promise<boolean> {
  let [last, quiet] = [fleet.acknowledged, 0];
  for (let waited = 0; waited < ROUND_MS_MAX; waited += POLL_MS) {
    await pause(POLL_MS);
    quiet = fleet.acknowledged === last ? quiet + POLL_MS : 0;
    last = fleet.acknowledged;
    // Longer than an answer is waited for, and than a pause of the machine.
    if (quiet >= 3_000) return true;
  }
  return false;
}

async function approvesAgain(fleet: Fleet, before: number): Promise<boolean> {
  for (let waited = 0; waited < RECOVERY_MS_MAX; waited += POLL_MS) {
    if (fleet.acknowledged > before) return true;
    await pause(POLL_MS);
  }
  return false;
}
