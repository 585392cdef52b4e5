/**
 * Bytes of a stopped system's files turned or cut: a terminal's journal, the host's database and its log.
 * Whoever starts on them refuses with a report, or still holds everything that was acknowledged.
 */
import { spawn } from 'node:child_process';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PosError } from '../../protocol/index.ts';
import { readTerminalJournal } from '../../terminal/index.ts';
import { type Dice, type HostTransaction, pause, ROOT, readBooks } from '../office/index.ts';
import { count, counted } from './counts.ts';
import { Fleet } from './fleet.ts';
import { type Acknowledged, Till } from './till.ts';

export interface DamageOptions {
  readonly seed: number;
  /** Rounds: a terminal's files and the host's in turn. */
  readonly times: number;
  tell(line: string): void;
}

export interface DamageOutcome {
  readonly rounds: number;
  /** What was damaged, and what came of it: how often. */
  readonly came: Readonly<Record<string, number>>;
  /** One report of each sort, as it was told. */
  readonly reports: Readonly<Record<string, string>>;
  readonly failures: readonly string[];
}

/** What was told to clerks and lies whole on the disk before anything is damaged. */
interface Whole {
  readonly fleet: Fleet;
  readonly till: Till;
  readonly acknowledged: readonly Acknowledged[];
  readonly booked: ReadonlyMap<string, string>;
}

interface Verdict {
  readonly came: string;
  readonly report?: string;
  readonly failure?: string;
}

type Damage = (path: string, dice: Dice) => Promise<string>;

/** Enough for batches that are closed, and one that is open. */
const APPROVALS_WANTED = 90;
const HOST_FILES = ['host.sqlite', 'host.sqlite-wal'];
const START_MS_MAX = 30_000;
const ZEROED_BYTES = 512;

// biome-ignore format: a table is read by column
const DAMAGES: readonly (readonly [name: string, damage: Damage])[] = [
  ['a bit turned',       (path, dice) => edit(path, (bytes) => turn(bytes, dice.below(bytes.length), 1 << dice.below(8)))],
  ['a byte overwritten', (path, dice) => edit(path, (bytes) => turn(bytes, dice.below(bytes.length), 1 + dice.below(255)))],
  ['a sector zeroed',    (path, dice) => edit(path, (bytes) => zero(bytes, dice.below(Math.ceil(bytes.length / ZEROED_BYTES))))],
  ['cut short',          (path, dice) => cut(path, dice)],
];

export async function damage({ seed, times, tell }: DamageOptions): Promise<DamageOutcome> {
  const fleet = await Fleet.open({ seed, tills: 2, cards: 12 });
  const dice = fleet.dice(1);
  const came = new Map<string, number>();
  const reports: Record<string, string> = {};
  let isDone = false;
  try {
    const whole = await tradedAndStopped(fleet);
    for (let round = 0; round < times; round += 1) {
      const [name, make] = DAMAGES[Math.floor(round / 2) % DAMAGES.length] ?? ['', cut];
      const verdict =
        round % 2 === 0 ? await terminalRound(whole, make, dice) : await hostRound(whole, make, dice);
      const what = `${verdict.came.split(':')[0] ?? ''}, ${name}:${verdict.came.split(':')[1] ?? ''}`;
      count(came, what);
      if (verdict.report !== undefined) reports[what] ??= verdict.report;
      if (verdict.failure !== undefined) fleet.failures.push(`round ${round}, ${name}: ${verdict.failure}`);
    }
    isDone = true;
    for (const [what, often] of Object.entries(counted(came))) tell(`${often} × ${what}`);
    return { rounds: times, came: counted(came), reports, failures: fleet.failures };
  } finally {
    await fleet.close({ keep: !isDone || fleet.failures.length > 0, tell });
  }
}

/** A load, and then the power: the host's log is not yet in its database. */
async function tradedAndStopped(fleet: Fleet): Promise<Whole> {
  const [till] = fleet.tills;
  if (till === undefined) throw new Error('there is no terminal');
  await fleet.trade({ until: () => fleet.acknowledged >= APPROVALS_WANTED, pauseMs: 0 });
  await till.must('settle');
  await till.must('sale 0.01', fleet.office.cards[0]);
  for (const each of fleet.tills) await each.kill();
  await fleet.office.kill();
  const acknowledged = fleet.tills.flatMap((each) => each.acknowledged);
  const scratch = join(fleet.folder, 'scratch');
  await cp(fleet.office.dataFolder, scratch, { recursive: true });
  const { transactions } = await readBooks(scratch);
  const booked = new Map(transactions.map((one) => [one.ut ?? one.rrn, told(one)]));
  const lost = acknowledged.filter(({ ut }) => !booked.has(ut));
  if (lost.length > 0)
    throw new Error(`${lost.length} approvals are not in the books, before anything was damaged`);
  return { fleet, till, acknowledged, booked };
}

const told = ({ kind, state, terminalId, batch, amount, rrn }: HostTransaction): string =>
  `${kind} ${state} ${terminalId} ${batch} ${amount} ${rrn}`;

async function terminalRound(whole: Whole, make: Damage, dice: Dice): Promise<Verdict> {
  const { fleet, till } = whole;
  const folder = join(fleet.folder, 'scratch-journal');
  await rm(folder, { recursive: true, force: true });
  await cp(till.journalFolder, folder, { recursive: true });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.journal')).toSorted();
  const name = names[dice.below(names.length)] ?? '';
  const isLast = name === names.at(-1);
  const where = `${isLast ? 'last segment' : 'older segment'}`;
  const how = await make(join(folder, name), dice);
  const hurt = await readFile(join(folder, name));
  const started = await startOn(fleet, folder);
  if (started === 'died') return { came: `${where}: it died`, failure: `${name} ${how}: the terminal died` };
  if (started !== 'started') {
    const { code, detail } = started;
    const isClear =
      code === 'JOURNAL_DAMAGED' && detail.includes(name) && /\d/.test(detail.replace(name, ''));
    const isUntouched = hurt.equals(await readFile(join(folder, name)));
    if (!isClear)
      return { came: `${where}: refused`, failure: `${name} ${how}: no clear report: ${code} ${detail}` };
    if (!isUntouched)
      return { came: `${where}: refused`, failure: `${name} ${how}: refused, and changed the file` };
    return { came: `${where}: refused at the start`, report: detail };
  }
  return journalAfterStart(whole, folder, { name, how, where });
}

/** It started: the proof finds the damage, or every approval is there. */
async function journalAfterStart(
  { till, acknowledged }: Whole,
  folder: string,
  { name, how, where }: { name: string; how: string; where: string },
): Promise<Verdict> {
  const own = acknowledged.filter(({ terminalId }) => terminalId === till.terminalId);
  try {
    const report = await readTerminalJournal(folder);
    const held = new Set(report.batches.flatMap((batch) => batch.transactions).map(({ ut }) => ut));
    const gone = own.filter(({ ut }) => !held.has(ut)).length;
    if (gone === 0) return { came: `${where}: started, all approvals are there` };
    return { came: `${where}: started`, failure: `${name} ${how}: ${gone} approvals are gone in silence` };
  } catch (error) {
    if (error instanceof PosError && error.code === 'JOURNAL_DAMAGED')
      return { came: `${where}: started, the proof of the journal refuses`, report: error.detail };
    throw error;
  }
}

async function startOn(fleet: Fleet, journalFolder: string): ReturnType<Till['start']> {
  const { office, snapshot } = fleet;
  const program = snapshot.terminal;
  const till = await Till.open({ office, index: 0, hostPort: office.acquirerPort, program, journalFolder });
  try {
    return await till.start();
  } finally {
    await till.close();
  }
}

async function hostRound({ fleet, acknowledged, booked }: Whole, make: Damage, dice: Dice): Promise<Verdict> {
  const folder = join(fleet.folder, 'scratch');
  await rm(folder, { recursive: true, force: true });
  await cp(fleet.office.dataFolder, folder, { recursive: true });
  const name = HOST_FILES[dice.below(HOST_FILES.length)] ?? '';
  const how = await make(join(folder, name), dice);
  const { isUp, said } = await startHostOn(fleet, folder);
  if (!isUp) {
    // Code, what, and what to do.
    const isClear = /STORE_DAMAGED: /.test(said) && said.includes('→');
    if (!isClear) return { came: `${name}: refused`, failure: `${name} ${how}: no clear report: ${said}` };
    return { came: `${name}: refused at the start`, report: said };
  }
  try {
    const { transactions } = await readBooks(folder);
    const now = new Map(transactions.map((one) => [one.ut ?? one.rrn, told(one)]));
    const changed = acknowledged.filter(({ ut }) => now.get(ut) !== booked.get(ut)).length;
    if (changed > 0)
      return {
        came: `${name}: started`,
        failure: `${name} ${how}: ${changed} approvals are gone or changed`,
      };
    return { came: `${name}: started, all approvals are there unchanged` };
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    return { came: `${name}: started, refused when it is read`, report: `${error.code}: ${error.detail}` };
  }
}

/** The host as a program on that folder: did it come up, and what did it say. It is stopped again. */
async function startHostOn(
  fleet: Fleet,
  folder: string,
): Promise<{ readonly isUp: boolean; readonly said: string }> {
  const { command, args, env } = fleet.snapshot.host;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      ...env,
      ZUNKA_DATA_FOLDER: folder,
      ZUNKA_ACQUIRER_PORT: '0',
      ZUNKA_ADMIN_PORT: '0',
      ZUNKA_LOG_FILE: join(fleet.folder, 'damaged-host.log'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      hasEnded = true;
      resolve();
    });
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
  const isUp = () => said.includes('the host is running');
  for (const until = Date.now() + START_MS_MAX; !isUp() && !hasEnded && Date.now() < until; ) await pause(20);
  const wasUp = isUp();
  child.kill(wasUp ? 'SIGTERM' : 'SIGKILL');
  await ended;
  return { isUp: wasUp, said };
}

async function edit(path: string, change: (bytes: Buffer) => string): Promise<string> {
  const bytes = await readFile(path);
  const how = change(bytes);
  await writeFile(path, bytes);
  return how;
}

function turn(bytes: Buffer, at: number, mask: number): string {
  bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at);
  return `byte ${at} turned by ${mask}`;
}

function zero(bytes: Buffer, sector: number): string {
  bytes.fill(0, sector * ZEROED_BYTES, Math.min(bytes.length, (sector + 1) * ZEROED_BYTES));
  return `sector ${sector} zeroed`;
}

async function cut(path: string, dice: Dice): Promise<string> {
  const { length } = await readFile(path);
  const kept = dice.below(length);
  await truncate(path, kept);
  return `cut to ${kept} of ${length} bytes`;
}
