/**
 * Hosts on PostgreSQL under load, beside `pgbench -N` on the same server in the same run: one host, then two that share
 * the load. Both are reached over loopback with the same settings of durability; pgbench runs before and after, and the
 * better of its two figures is the one compared with.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { openPostgresStore, postgresConnections, proveBooks } from '../host/index.ts';
import { type PostgresServer, startPostgres } from '../host/store/postgres/node-server.fixture.ts';
import { ensure, PosError } from '../protocol/index.ts';
import { type PhaseResult, runLoad } from '../simulators/load/index.ts';
import { Office } from '../simulators/office/index.ts';
import { pgbenchOn } from './bench-limits.ts';
import { hostProgram } from './bench-load.ts';
import { FurtherHost } from './cluster/hosts.ts';
import { loadTerminals, total } from './load-terminals.ts';
import { cpuSeconds, familyCpuSeconds } from './process-cpu.ts';

const WARM_SECONDS = 3;
const IN_FLIGHT = 64;
const STEADY_PER_SECOND = 500;
const LOOK_MS = 50;

export interface PostgresBench {
  readonly seconds: number;
  /** In each of the two loads. */
  readonly terminals: number;
  readonly cards: number;
  readonly price: number;
  /** Requests are made beforehand: so many a second, at the most. */
  readonly perSecondMax: number;
  readonly note: (name: string, value: number, unit: string) => void;
}

export async function benchPostgres(bench: PostgresBench): Promise<void> {
  const { note } = bench;
  const server = await startPostgres({ shared_buffers: '1GB', max_wal_size: '4GB' });
  try {
    await server.query('CREATE DATABASE "zunka"');
    await server.query('CREATE DATABASE "pgbench"');
    const before = pgbenchOn({ port: server.port, user: 'zunka' });
    const { one, steady, two } = await measureHosts(bench, server);
    const after = pgbenchOn({ port: server.port, user: 'zunka' });
    const tps = one.answered / one.seconds;
    note('host.postgres.tps', tps, 'sales/s');
    note('host.postgres.saturated.p50_ms', one.p50, 'ms');
    note('host.postgres.saturated.p99_ms', one.p99, 'ms');
    note('host.postgres.at500.p50_ms', steady.p50, 'ms');
    note('host.postgres.at500.p99_ms', steady.p99, 'ms');
    note('load.postgres.at500.late_p50_ms', steady.lateP50, 'ms');
    note('load.postgres.at500.late_p99_ms', steady.lateP99, 'ms');
    note('host.postgres.hosts1.cpu_us', one.cpuMicros, 'µs a sale, hosts and server');
    note('host.postgres.hosts1.server_cpu_us', one.serverMicros, 'µs a sale, server alone');
    note('host.postgres.hosts1.lock_waits', one.waiting, 'sessions');
    note('host.postgres.hosts2.tps', two.answered / two.seconds, 'sales/s');
    note('host.postgres.hosts2.cpu_us', two.cpuMicros, 'µs a sale, hosts and server');
    note('host.postgres.hosts2.lock_waits', two.waiting, 'sessions');
    note('host.hosts2.cpu_per_txn_vs_hosts1', two.cpuMicros / one.cpuMicros, 'ratio');
    if (before === null || after === null)
      console.log('  pgbench: 未安装 not installed here, no ratio to it');
    else {
      note('limit.pgbench_N_prepared_c32.before', before, 'tps');
      note('limit.pgbench_N_prepared_c32.after', after, 'tps');
      note('host.postgres.vs_pgbench', tps / Math.max(before, after), 'ratio');
    }
  } finally {
    await server.stop();
  }
}

interface Measured extends PhaseResult {
  /** Processor time of hosts and server for one answer. */
  readonly cpuMicros: number;
  /** Of it, the server's. */
  readonly serverMicros: number;
  /** Sessions that waited for a lock, on average over the looks. */
  readonly waiting: number;
}

async function measureHosts(bench: PostgresBench, server: PostgresServer) {
  const { terminals, cards } = bench;
  const storeUrl = server.urlOf('zunka');
  const host = await hostProgram();
  const program = { ...host, env: { ...host.env, STORE_URL: storeUrl } };
  const office = await Office.open({ terminals: 2 * terminals, cards, process: 'child', program });
  const second = new FurtherHost(office, '02', storeUrl);
  try {
    const pid = office.child?.pid;
    ensure(pid !== undefined, 'the host is a process of its own');
    const first = { port: office.acquirerPort, pid };
    const [one, steady] = await underLoad(bench, server, office, [first]);
    ensure(one !== undefined && steady !== undefined, 'both phases were measured');
    await second.start(office.dataFolder);
    const [two] = await underLoad(bench, server, office, [first, { port: second.port, pid: second.pid }]);
    ensure(two !== undefined, 'two hosts were measured');
    await second.end('SIGTERM');
    await office.stop();
    await prove(storeUrl, [one, steady, two]);
    return { one, steady, two };
  } finally {
    await second.end('SIGKILL');
    await office.close();
  }
}

/** One load a host, at the same time: together as many terminals and requests in flight as for one host. */
async function underLoad(
  bench: PostgresBench,
  server: PostgresServer,
  office: Office,
  hosts: readonly { readonly port: number; readonly pid: number }[],
): Promise<readonly Measured[]> {
  const { terminals, seconds, price, perSecondMax } = bench;
  const share = terminals / hosts.length;
  const base = hosts.length === 1 ? 0 : terminals;
  const requestsMax = Math.ceil(Math.min(120_000, (seconds + WARM_SECONDS) * perSecondMax) / hosts.length);
  const closed = { name: `${hosts.length} 台主机 hosts, ${IN_FLIGHT} in flight`, warmSeconds: WARM_SECONDS };
  const open = { name: `${STEADY_PER_SECOND} a second`, warmSeconds: WARM_SECONDS };
  const phases = [
    { ...closed, seconds: seconds + WARM_SECONDS, inFlight: IN_FLIGHT / hosts.length, requestsMax },
    ...(hosts.length > 1
      ? []
      : [
          {
            ...open,
            seconds: seconds + WARM_SECONDS,
            perSecond: STEADY_PER_SECOND,
            requestsMax: (seconds + WARM_SECONDS) * STEADY_PER_SECOND,
          },
        ]),
  ];
  const postmaster = Number(readFileSync(join(server.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const cpu = () => {
    const ofServer = familyCpuSeconds(postmaster);
    return { server: ofServer, all: hosts.reduce((sum, { pid }) => sum + cpuSeconds(pid), ofServer) };
  };
  const parts: PhaseResult[][] = phases.map(() => []);
  const measured: Measured[] = [];
  const looks = await LockLooks.begin(server);
  let before = cpu();
  let begun = 0;
  try {
    await Promise.all(
      hosts.map(async ({ port }, host) => {
        const job = {
          port,
          amount: price,
          cards: office.cards.map(({ pan, track2, pin }) => ({ pan, track2, pin })),
          terminals: loadTerminals(office, base + host * share, base + (host + 1) * share),
          phases,
        };
        await runLoad(job, {
          begun: () => {
            // The requests of a phase are made before it begins: with the first of the loads the time is taken.
            if (begun % hosts.length === 0) {
              before = cpu();
              looks.forget();
            }
            begun += 1;
          },
          ended: (result) => {
            const phase = parts.find((results) => results.length < hosts.length) ?? [];
            phase.push(result);
            if (phase.length < hosts.length) return;
            const sum = joined(phase);
            const now = cpu();
            const perAnswer = (from: number, to: number) => ((to - from) * 1e6) / Math.max(1, total(sum));
            measured.push({
              ...sum,
              cpuMicros: perAnswer(before.all, now.all),
              serverMicros: perAnswer(before.server, now.server),
              waiting: looks.mean(),
            });
            console.log(`  ${sum.name}: ${JSON.stringify(sum.codes)}`);
          },
        });
      }),
    );
  } finally {
    await looks.end();
  }
  return measured;
}

/** Of loads that ran at the same time: rates add up, the worse latency counts. */
function joined(results: readonly PhaseResult[]): PhaseResult {
  const codes: Record<string, number> = {};
  for (const result of results)
    for (const [code, count] of Object.entries(result.codes)) codes[code] = (codes[code] ?? 0) + count;
  const most = (of: (result: PhaseResult) => number) => Math.max(...results.map(of));
  return {
    name: results[0]?.name ?? '',
    answered: results.reduce((sum, { answered }) => sum + answered, 0),
    seconds: most(({ seconds }) => seconds),
    codes,
    p50: most(({ p50 }) => p50),
    p99: most(({ p99 }) => p99),
    p999: most(({ p999 }) => p999),
    lateP50: most(({ lateP50 }) => lateP50),
    lateP99: most(({ lateP99 }) => lateP99),
    loadCpuMicros: most(({ loadCpuMicros }) => loadCpuMicros),
  };
}

/**
 * Looks, many times a second, how many sessions wait for a lock of another. A look that fails is told by who asks for
 * the mean: when the run itself failed, nobody does, and its own error is the one that is seen.
 */
class LockLooks {
  readonly #client: pg.Client;
  readonly #timer: NodeJS.Timeout;
  #look: Promise<void> | null = null;
  #failure: unknown = null;
  #looks = 0;
  #waiting = 0;

  static async begin(server: PostgresServer): Promise<LockLooks> {
    const client = new pg.Client({ connectionString: server.urlOf('postgres') });
    await client.connect();
    return new LockLooks(client);
  }

  private constructor(client: pg.Client) {
    this.#client = client;
    const failed = (error: unknown) => {
      this.#failure ??= error;
    };
    client.on('error', failed);
    this.#timer = setInterval(() => {
      this.#look ??= this.#lookOnce()
        .catch(failed)
        .finally(() => {
          this.#look = null;
        });
    }, LOOK_MS);
  }

  async #lookOnce(): Promise<void> {
    const { rows } = await this.#client.query<{ n: number }>(
      `SELECT count(*)::int AS "n" FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
    );
    this.#looks += 1;
    this.#waiting += rows[0]?.n ?? 0;
  }

  forget(): void {
    this.#looks = 0;
    this.#waiting = 0;
  }

  /** @throws what made a look fail */
  mean(): number {
    if (this.#failure !== null)
      throw new PosError('INVARIANT', 'sessions that wait could not be counted', { cause: this.#failure });
    return this.#waiting / Math.max(1, this.#looks);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
    await this.#client.end();
  }
}

/** Every answer was an approval, every approval is in the books once, and the books are right. */
async function prove(storeUrl: string, results: readonly PhaseResult[]): Promise<void> {
  for (const { name, codes } of results)
    ensure(
      Object.keys(codes).join() === '00',
      `${name}: every sale is approved, here ${JSON.stringify(codes)}`,
    );
  const store = await openPostgresStore({
    connections: postgresConnections(storeUrl),
    stream: 'proof',
    clock: { now: () => Date.now(), after: () => ({ cancel: () => undefined }) },
    initialBusinessDate: '20260101',
  });
  try {
    let sales = 0;
    for await (const page of store.scan('transactions'))
      sales += page.filter(({ kind, state }) => kind === 'sale' && state === 'approved').length;
    const told = results.reduce((sum, result) => sum + total(result), 0);
    ensure(sales === told, `${told} sales were approved, ${sales} are in the books`);
    const { checks } = await proveBooks(store);
    const wrong = checks.filter(({ ok }) => !ok).map(({ nameEn, detail }) => `${nameEn}: ${detail}`);
    ensure(wrong.length === 0, `the books are proven: ${wrong.join('; ')}`);
    console.log(`  账已核对 the books are proven: ${sales} sales, each once`);
  } finally {
    await store.close();
  }
}
