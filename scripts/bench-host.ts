/**
 * The host under load: `npm run bench:host [-- --seconds 20 --dry]`. A host and a load of 64 terminals as processes of
 * their own; every answer is judged and the books are proven afterwards; then, in the same sitting, what this
 * machine can do at all: a small append with fdatasync, a TCP echo, the ledger's own batched write and the naive one,
 * and pgbench where it is installed. With `--store postgres` the host works on a PostgreSQL server, with pgbench on the
 * same one before and after, then two hosts on it (`bench-postgres.ts`). Appends one line to bench-history.jsonl unless
 * `--dry`.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { bench as ledgerBench } from '../host/store/store.bench.ts';
import { ensure } from '../protocol/index.ts';
import { type LoadPhase, type PhaseResult, runLoad } from '../simulators/load/index.ts';
import { Office, readBooks } from '../simulators/office/index.ts';
import type { Metric } from './bench-curves.ts';
import { keepRun, metricLine } from './bench-history.ts';
import { appendP50, echoRate, pgbenchRate } from './bench-limits.ts';
import { benchPostgres } from './bench-postgres.ts';
import { loadTerminals, total } from './load-terminals.ts';
import { cpuSeconds, rssMiB } from './process-cpu.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    terminals: { type: 'string', default: '64' },
    cards: { type: 'string', default: '500' },
    store: { type: 'string', default: 'sqlite' },
    dry: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const PRICE = 1_00;
/** What the fact sheet's prototype reached, doubled: requests are made beforehand. */
const PER_SECOND_MAX = 12_000;

const PHASES: readonly LoadPhase[] = [
  {
    name: '64 in flight',
    seconds: seconds + 3,
    warmSeconds: 3,
    inFlight: 64,
    requestsMax: Math.min(120_000, (seconds + 3) * PER_SECOND_MAX),
  },
  {
    name: '500 a second',
    seconds: seconds + 2,
    warmSeconds: 2,
    perSecond: 500,
    requestsMax: (seconds + 2) * 500,
  },
];

interface Measured extends PhaseResult {
  /** Processor seconds of the host, and its resident memory in MiB at the end. */
  readonly cpu: number;
  readonly rssMiB: number;
}

const load = loadavg()[0] ?? 0;
const metrics: Metric[] = [];
const note = (name: string, value: number, unit: string) => {
  const metric = { name, value: Math.round(value * 1_000) / 1_000, unit };
  metrics.push(metric);
  console.log(metricLine(metric));
};

if (values.store === 'postgres')
  await benchPostgres({
    seconds,
    terminals: Number(values.terminals),
    cards: Number(values.cards),
    price: PRICE,
    perSecondMax: PER_SECOND_MAX,
    note,
  });
else await benchSqlite();
if (!values.dry) keepRun(metrics, load);

async function benchSqlite(): Promise<void> {
  console.log('本机极限 what this machine can do');
  const append = await appendP50();
  note('limit.append_fdatasync_p50_ms', append.p50, 'ms');
  note('limit.append_fdatasync', append.rate, 'syncs/s');
  const echo = await echoRate();
  note('limit.tcp_echo_64x1', echo, 'frames/s');
  const pgbench = await pgbenchRate();
  if (pgbench === null) console.log('  pgbench: 未安装 not installed here, no ratio to it');
  else note('limit.pgbench_N_prepared_c32', pgbench, 'tps');

  console.log('\n主机 the host');
  const measured = await measureHost();
  const [saturated, steady] = measured;
  ensure(saturated !== undefined && steady !== undefined, 'both phases were measured');
  const tps = saturated.answered / saturated.seconds;
  note('host.sqlite.tps', tps, 'sales/s');
  note('host.saturated.p50_ms', saturated.p50, 'ms');
  note('host.saturated.p99_ms', saturated.p99, 'ms');
  note('host.saturated.p999_ms', saturated.p999, 'ms');
  note('host.saturated.cpu_us', (saturated.cpu * 1e6) / saturated.answered, 'µs a sale');
  note('load.cpu_us', saturated.loadCpuMicros, 'µs a sale');
  note('host.at500.p50_ms', steady.p50, 'ms');
  note('host.at500.p99_ms', steady.p99, 'ms');
  note('host.at500.p999_ms', steady.p999, 'ms');
  note('host.at500.p50_vs_fdatasync', steady.p50 / append.p50, 'ratio');
  note('host.at500.cores', steady.cpu / steady.seconds, 'cores');
  note('host.rss', Math.max(...measured.map(({ rssMiB }) => rssMiB)), 'MiB');
  if (pgbench !== null) note('host.sqlite.vs_pgbench', tps / pgbench, 'ratio');

  console.log('\n账本单独 the ledger alone');
  const ledger = new Map((await ledgerBench()).map(({ name, value }) => [name, value]));
  const naive = ledger.get('ledger units, naive, SQLite') ?? Number.NaN;
  note('limit.ledger_naive', naive, 'units/s');
  note('limit.ledger_batched_64', ledger.get('ledger units, batch 64, SQLite') ?? Number.NaN, 'units/s');
  note('host.sqlite.vs_naive', tps / naive, 'ratio');
}

async function measureHost(): Promise<readonly Measured[]> {
  const office = await Office.open({
    terminals: Number(values.terminals),
    cards: Number(values.cards),
    process: 'child',
    program: {
      command: process.execPath,
      args: ['--max-semi-space-size=32', '--import', 'tsx', 'host/main.ts'],
      env: { ZUNKA_LOG_LEVEL: 'info' },
    },
  });
  try {
    const pid = office.child?.pid;
    ensure(pid !== undefined, 'the host is a process of its own');
    const results: Measured[] = [];
    let before = 0;
    await runLoad(
      {
        port: office.acquirerPort,
        amount: PRICE,
        cards: office.cards.map(({ pan, track2, pin }) => ({ pan, track2, pin })),
        terminals: loadTerminals(office),
        phases: PHASES,
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
    await office.stop();
    await prove(office, results);
    return results;
  } finally {
    await office.close();
  }
}

/** Every answer was an approval, every approval is in the books once, and the books are right. */
async function prove(office: Office, results: readonly PhaseResult[]): Promise<void> {
  for (const { name, codes } of results)
    ensure(
      Object.keys(codes).join() === '00',
      `${name}: every sale is approved, here ${JSON.stringify(codes)}`,
    );
  const { proof, transactions } = await readBooks(office.dataFolder);
  const sales = transactions.filter(({ kind, state }) => kind === 'sale' && state === 'approved').length;
  const told = results.reduce((sum, result) => sum + total(result), 0);
  ensure(sales === told, `${told} sales were approved, ${sales} are in the books`);
  const wrong = proof.checks.filter(({ ok }) => !ok).map(({ nameEn, detail }) => `${nameEn}: ${detail}`);
  ensure(wrong.length === 0, `the books are proven: ${wrong.join('; ')}`);
  console.log(`  账已核对 the books are proven: ${sales} sales, each once`);
}
