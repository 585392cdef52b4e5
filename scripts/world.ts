/**
 * `npm run world`: the simulated world. One seed replayed with its timeline, many seeds in parallel, every
 * point of every transaction, and the planted bugs that show that the checks can fail. See simulators/README.md.
 */
import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PosError } from '../protocol/index.ts';
import {
  bundleWorld,
  CHECKS,
  FAULTS,
  type FaultName,
  PLANTED_BUGS,
  type PlantedBugName,
  POINT_SCRIPTS,
  type PointScript,
  pointsOf,
  runFleet,
  seedOrders,
  type WorkerLine,
  type WorkerOrder,
} from '../simulators/world/index.ts';
import { ROOT } from './files.ts';

const USAGE = `npm run world --                一百个新种子 a hundred fresh seeds
  --seed N                      重放一个种子并打印时间线 replays one seed and prints its timeline
  --seeds COUNT [--from S]      从 S 起逐个种子 that many seeds, the first is S
  --minutes M [--from S]        限时运行 as many seeds as the minutes allow
  --fault NAME [--at N]         只用这些故障,可指定位置 these faults alone (with --seed), at an exact point
  --points [--pairs] [--script X]  每笔交易的每个断电点 every point of each transaction; and pairs in recovery
  --planted [--bug NAME]        植入缺陷,看是否被查出 planted bugs, each within 2,000 seeds
  --list                        故障、检查、植入缺陷清单 faults, checks, planted bugs, scripts
  --workers N                   进程数 processes; default: the cores
  --json                        最后一行为 JSON ends with one line of JSON`;

const PLANTED_SEEDS_MAX = 2_000;
const FAILURES_SHOWN = 5;
const TIMELINE_SHOWN = 80;
const DEFAULT_SEEDS = 100;

interface Summary {
  seeds: number;
  points: number;
  survived: number;
  transactions: number;
  powerCuts: number;
  faults: number;
  steps: number;
  failures: { about: string; checks: readonly string[] }[];
  planted: Record<
    string,
    { readonly seed: number | null; readonly seedsTried: number; readonly checks: readonly string[] }
  >;
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
    minutes: { type: 'string' },
    fault: { type: 'string', multiple: true },
    at: { type: 'string' },
    points: { type: 'boolean' },
    pairs: { type: 'boolean' },
    script: { type: 'string' },
    planted: { type: 'boolean' },
    bug: { type: 'string' },
    list: { type: 'boolean' },
    workers: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
  allowPositionals: false,
});

const FOLDER = join(ROOT, 'out', 'world');
const summary: Summary = {
  seeds: 0,
  points: 0,
  survived: 0,
  transactions: 0,
  powerCuts: 0,
  faults: 0,
  steps: 0,
  failures: [],
  planted: {},
};

async function main(): Promise<void> {
  if (values.help === true) return void console.log(USAGE);
  if (values.list === true) return list();
  mkdirSync(FOLDER, { recursive: true });
  if (values.planted === true || values.bug !== undefined) await runPlanted();
  else {
    const program = await bundled();
    if (values.points === true || values.script !== undefined) await runPoints(program);
    else await runSeeds(program);
  }
  if (values.json === true) console.log(JSON.stringify(summary));
  process.exitCode = summary.failures.length > 0 ? 1 : 0;
}

function list(): void {
  const rows = (
    title: string,
    table: Readonly<Record<string, { readonly zh: string; readonly en: string }>>,
  ) => {
    console.log(`\n${title}`);
    for (const [name, { zh, en }] of Object.entries(table)) console.log(`  ${name.padEnd(36)}${zh} · ${en}`);
  };
  rows('故障 faults (--fault)', FAULTS);
  rows('检查 checks', CHECKS);
  rows('植入缺陷 planted bugs (--bug)', PLANTED_BUGS);
  console.log(`\n交易 scripts (--script): ${Object.keys(POINT_SCRIPTS).join(', ')}`);
}

function whole(name: string, text: string | undefined, preset: number): number {
  if (text === undefined) return preset;
  if (!/^\d{1,10}$/.test(text))
    throw new PosError('INPUT_BAD', `--${name}: 应为整数 a whole number is expected, not ${text}`);
  return Number(text);
}

async function bundled(bug?: PlantedBugName): Promise<string> {
  const to = join(FOLDER, `${bug === undefined ? 'world' : bug.replaceAll(' ', '-')}.mjs`);
  await bundleWorld({ root: ROOT, to, ...(bug !== undefined && { bug }) });
  return to;
}

const workers = () => whole('workers', values.workers, availableParallelism());

/** The seeds that were asked for; one alone is told with its timeline. */
async function runSeeds(program: string): Promise<void> {
  const faults = values.fault?.map(faultName);
  const only = values.seed === undefined ? null : whole('seed', values.seed, 0);
  if (only !== null) {
    const at = values.at === undefined ? {} : { at: whole('at', values.at, 1) };
    const order: WorkerOrder = { seed: only, show: true, ...(faults && { faults }), ...at };
    await runFleet({ program, workers: 1, orders: [order], onLine: (line) => tellOne(line) });
    return;
  }
  const from = whole('from', values.from, randomInt(1, 2 ** 31 - 2 ** 24));
  const minutes = values.minutes === undefined ? null : whole('minutes', values.minutes, 1);
  const count = minutes === null ? whole('seeds', values.seeds, DEFAULT_SEEDS) : Number.MAX_SAFE_INTEGER;
  const until = minutes === null ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
  console.log(`种子 seeds from ${from}, ${workers()} 进程 processes`);
  const progress = progressOf(minutes === null ? count : null);
  const onLine = (line: WorkerLine) => {
    progress(note(line));
    return performance.now() < until;
  };
  await runFleet({ program, workers: workers(), orders: seedOrders(from, count, faults), onLine });
  tellSummary();
}

async function runPoints(program: string): Promise<void> {
  const scripts = Object.keys(POINT_SCRIPTS).filter(
    (name) => values.script === undefined || name === values.script,
  );
  if (scripts.length === 0) throw new PosError('INPUT_BAD', `--script: 没有 there is no ${values.script}`);
  for (const script of scripts as PointScript[]) {
    const before = { points: summary.points, survived: summary.survived };
    const { singles, pairs } = await pointsOf(script, values.pairs === true);
    await runFleet({
      program,
      workers: workers(),
      orders: [...singles, ...pairs].map((point) => ({ point })),
      onLine: (line) => {
        note(line);
        return true;
      },
    });
    const run = summary.points - before.points;
    const twice = pairs.length > 0 ? ` + ${pairs.length} 对 pairs` : '';
    console.log(
      `${script.padEnd(24)} ${singles.length} 点 points${twice}, ${summary.survived - before.survived} of ${run} 通过 survived`,
    );
  }
  tellSummary();
}

/** Each bug until the first seed that shows it. */
async function runPlanted(): Promise<void> {
  const names = Object.keys(PLANTED_BUGS).filter((name) => values.bug === undefined || name === values.bug);
  if (names.length === 0) throw new PosError('INPUT_BAD', `--bug: 没有 there is no ${values.bug}`);
  const from = whole('from', values.from, 1);
  for (const name of names as PlantedBugName[]) {
    const program = await bundled(name);
    let tried = 0;
    let caught: WorkerLine | null = null;
    await runFleet({
      program,
      workers: workers(),
      orders: seedOrders(from, PLANTED_SEEDS_MAX),
      onLine: (line) => {
        tried += 1;
        if (line.violations.length > 0) caught ??= line;
        return caught === null;
      },
    });
    tellPlanted(name, tried, caught);
  }
}

function tellPlanted(name: PlantedBugName, seedsTried: number, caught: WorkerLine | null): void {
  const checks = [...new Set(caught?.violations.map(({ check }) => check) ?? [])];
  summary.planted[name] = { seed: caught?.seed ?? null, seedsTried, checks };
  summary.seeds += seedsTried;
  if (caught === null) {
    summary.failures.push({ about: `planted: ${name}`, checks: ['not caught'] });
    console.log(`✗ ${name}: 未查出 not caught in ${seedsTried} seeds`);
  } else {
    const [first] = caught.violations;
    console.log(`✓ ${name}: seed ${caught.seed}, ${seedsTried} 个种子 seeds; ${checks.join(', ')}`);
    console.log(`    ${first?.check}: ${first?.detail}`);
  }
}

/** Adds a line to the sums, and tells it when something is wrong. */
function note(line: WorkerLine): WorkerLine {
  if (line.seed === null) summary.points += 1;
  else summary.seeds += 1;
  summary.transactions += line.transactions;
  summary.powerCuts += line.powerCuts;
  summary.faults += line.faults;
  summary.steps += line.steps;
  if (line.violations.length === 0) {
    if (line.seed === null) summary.survived += 1;
    return line;
  }
  summary.failures.push({
    about: line.about,
    checks: [...new Set(line.violations.map(({ check }) => check))],
  });
  if (summary.failures.length <= FAILURES_SHOWN) {
    for (const moment of line.timeline.slice(-TIMELINE_SHOWN)) console.log(moment);
    tellViolations(line);
  }
  return line;
}

function tellOne(line: WorkerLine): boolean {
  for (const moment of line.timeline) console.log(moment);
  note({ ...line, timeline: [] });
  if (line.violations.length === 0)
    console.log(
      `✓ ${line.about}: ${line.steps} steps, ${line.transactions} transactions, ${line.powerCuts} power cuts, ${line.faults} faults; 全部检查通过 every check holds`,
    );
  return true;
}

function tellViolations({ about, steps, violations, seed }: WorkerLine): void {
  console.log(`✗ ${about}, after ${steps} steps:`);
  for (const { check, detail } of violations) console.log(`    ${check}: ${detail}`);
  if (seed !== null) console.log(`    重放 replay: npm run world -- --seed ${seed}`);
}

/** One line that is written over, with the rate, on a screen; every thousand seeds elsewhere. */
function progressOf(total: number | null): (line: WorkerLine) => void {
  const started = performance.now();
  return () => {
    const { seeds, failures } = summary;
    const rate = seeds / ((performance.now() - started) / 1000);
    const text = `${seeds}${total === null ? '' : `/${total}`} 种子 seeds, ${rate.toFixed(1)}/s, ${failures.length} 失败 failures`;
    if (process.stdout.isTTY === true) process.stdout.write(`\r${text} `);
    else if (seeds % 1_000 === 0) console.log(text);
  };
}

function tellSummary(): void {
  const { seeds, points, survived, transactions, powerCuts, faults, failures } = summary;
  if (process.stdout.isTTY === true) console.log('');
  const run = points > 0 ? `${points} 点 points, ${survived} 通过 survived` : `${seeds} 种子 seeds`;
  console.log(
    `${run}; ${transactions} 笔 transactions, ${powerCuts} 次断电 power cuts, ${faults} 次故障 faults`,
  );
  for (const { about, checks } of failures) console.log(`✗ ${about}: ${checks.join(', ')}`);
  console.log(
    failures.length === 0 ? '✓ 全部检查通过 every check holds' : `✗ ${failures.length} 失败 failures`,
  );
}

function faultName(text: string): FaultName {
  if (text in FAULTS) return text as FaultName;
  throw new PosError('INPUT_BAD', `--fault: 没有 there is no ${text} (--list)`);
}

main().catch((error: unknown) => {
  console.error(error instanceof PosError ? `${error.code}: ${error.detail}\n→ ${error.hint}` : error);
  process.exitCode = 2;
});
