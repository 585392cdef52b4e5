/**
 * The host under load: `npm run bench:host [-- --seconds 20 --dry]`. A host and a load of 64 terminals as processes of
 * their own; every answer is judged and the books are proven afterwards; then, in the same sitting, what this
 * machine can do at all: a small append with fdatasync, a TCP echo, the ledger's own batched write and the naive one,
 * and pgbench where it is installed; the host without its ledger, with 1,000 rules, and with its load on one spot.
 * `--part NAME`, repeated, does only some of it: host, frontend, rules, hotspots, ledger. With `--store postgres` the
 * host works on a PostgreSQL server, with pgbench on the same one before and after, then two hosts on it
 * (`bench-postgres.ts`). Appends one line to bench-history.jsonl unless `--dry`.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { bench as ledgerBench } from '../host/store/store.bench.ts';
import { ensure } from '../protocol/index.ts';
import { Office } from '../simulators/office/index.ts';
import type { Metric } from './bench-curves.ts';
import { benchFrontEnd } from './bench-front-end.ts';
import { keepRun, metricLine } from './bench-history.ts';
import { benchHotSpots } from './bench-hot-spots.ts';
import { appendP50, echoRate, pgbenchRate } from './bench-limits.ts';
import {
  closedPhase,
  hostProgram,
  isOverloaded,
  type Measured,
  PER_SECOND_MAX,
  stopAndProve,
  underLoad,
} from './bench-load.ts';
import { benchPostgres } from './bench-postgres.ts';
import { benchRules } from './bench-rules.ts';
import { loadTerminals } from './load-terminals.ts';

const PARTS = ['host', 'frontend', 'rules', 'hotspots', 'ledger'] as const;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    terminals: { type: 'string', default: '64' },
    cards: { type: 'string', default: '500' },
    store: { type: 'string', default: 'sqlite' },
    part: { type: 'string', multiple: true, default: [...PARTS] },
    dry: { type: 'boolean', default: false },
  },
});
const unknown = values.part.filter((part) => !PARTS.some((known) => known === part));
ensure(unknown.length === 0, `--part is one of ${PARTS.join(', ')}, not ${unknown.join(', ')}`);
const seconds = Number(values.seconds);
const PRICE = 1_00;

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
  const does = (part: (typeof PARTS)[number]) => values.part.includes(part);
  const options = { seconds, cards: Number(values.cards), note };
  const tps = does('host') ? await benchHost() : null;
  if (does('frontend')) {
    console.log('\n没有账本的主机 the host without its ledger');
    await benchFrontEnd(options);
  }
  if (does('rules')) {
    console.log('\n一千条规则 a thousand rules');
    await benchRules(options);
  }
  if (does('hotspots')) {
    console.log('\n热点 hot spots');
    await benchHotSpots(options);
  }
  if (does('ledger')) {
    console.log('\n账本单独 the ledger alone');
    await benchLedger(tps);
  }
}

/** @returns sales a second at saturation */
async function benchHost(): Promise<number> {
  console.log('本机极限 what this machine can do');
  const append = await appendP50();
  note('limit.append_fdatasync_p50_ms', append.p50, 'ms');
  note('limit.append_fdatasync', append.rate, 'syncs/s');
  note('limit.tcp_echo_64x1', await echoRate(), 'frames/s');
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
  if (!isOverloaded(steady)) noteSteady(steady, append.p50);
  note('host.rss', Math.max(...measured.map(({ rssMiB }) => rssMiB)), 'MiB');
  if (pgbench !== null) note('host.sqlite.vs_pgbench', tps / pgbench, 'ratio');
  return tps;
}

function noteSteady(steady: Measured, appendMs: number): void {
  note('host.at500.p50_ms', steady.p50, 'ms');
  note('host.at500.p99_ms', steady.p99, 'ms');
  note('host.at500.p999_ms', steady.p999, 'ms');
  note('load.at500.late_p50_ms', steady.lateP50, 'ms');
  note('load.at500.late_p99_ms', steady.lateP99, 'ms');
  note('host.at500.p50_vs_fdatasync', steady.p50 / appendMs, 'ratio');
  note('host.at500.cores', steady.cpu / steady.seconds, 'cores');
}

async function benchLedger(tps: number | null): Promise<void> {
  const ledger = new Map((await ledgerBench()).map(({ name, value }) => [name, value]));
  const naive = ledger.get('ledger units, naive, SQLite') ?? Number.NaN;
  note('limit.ledger_naive', naive, 'units/s');
  note('limit.ledger_batched_64', ledger.get('ledger units, batch 64, SQLite') ?? Number.NaN, 'units/s');
  if (tps !== null) note('host.sqlite.vs_naive', tps / naive, 'ratio');
}

async function measureHost(): Promise<readonly Measured[]> {
  const office = await Office.open({
    terminals: Number(values.terminals),
    cards: Number(values.cards),
    process: 'child',
    program: await hostProgram(),
  });
  try {
    const results = await underLoad(office, {
      terminals: loadTerminals(office),
      amount: PRICE,
      phases: [
        closedPhase('64 in flight', 64, seconds, 3),
        {
          name: '500 a second',
          seconds: seconds + 2,
          warmSeconds: 2,
          perSecond: 500,
          requestsMax: (seconds + 2) * 500,
        },
      ],
    });
    await stopAndProve(office, results);
    return results;
  } finally {
    await office.close();
  }
}
