/** Several host processes on one PostgreSQL, and terminals that reach them through one door. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  openPostgresStore,
  postgresConnections,
  proveBooks,
  type StoreTables,
  verifyJournal,
} from '../../host/index.ts';
import { Dice, type HostProgram, MONEY, Office, pause, ROOT, STANDS } from '../../simulators/office/index.ts';
import { Counter } from '../../simulators/system/counter.fixture.ts';
import { readTerminalJournal } from '../../terminal/index.ts';
import { Balancer } from './balancer.ts';

const START_MS_MAX = 60_000;

/** A further host process: the first one's program and keys, a stream and ports of its own. */
export class FurtherHost {
  readonly folder: string;
  readonly stream: string;
  readonly #storeUrl: string;
  readonly #program: HostProgram;
  #child: ChildProcess | null = null;
  port = 0;

  constructor(office: Office, stream: string, storeUrl: string) {
    this.folder = join(office.folder, `host-${stream}`);
    this.stream = stream;
    this.#storeUrl = storeUrl;
    this.#program = office.program;
  }

  async start(keysFrom?: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    if (keysFrom !== undefined)
      for (const name of ['keys.sealed', 'vault-passphrase'])
        await cp(join(keysFrom, name), join(this.folder, name));
    const { command, args, env } = this.#program;
    const child = spawn(command, args, {
      cwd: ROOT,
      env: {
        ...process.env,
        ...env,
        STORE_URL: this.#storeUrl,
        ZUNKA_STREAM: this.stream,
        ZUNKA_DATA_FOLDER: this.folder,
        ZUNKA_ACQUIRER_PORT: String(this.port),
        ZUNKA_ADMIN_PORT: '0',
        ZUNKA_LOG_FILE: join(this.folder, 'host.log'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
      });
    const until = Date.now() + START_MS_MAX;
    while (!said.includes('the host is running')) {
      if (child.exitCode !== null || Date.now() > until)
        throw new Error(`host ${this.stream} did not start: ${said}`);
      await pause(10);
    }
    this.port = Number(/收单 acquirer\s+\S+:(\d+)/.exec(said)?.[1]);
  }

  /** @throws when it does not run */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`host ${this.stream} does not run`);
    return pid;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await gone;
  }
}

export interface ClusterOptions {
  readonly storeUrl: string;
  readonly terminals: number;
  readonly seed: number;
}

export class Cluster {
  readonly office: Office;
  readonly second: FurtherHost;
  readonly balancer: Balancer;
  readonly counters: readonly Counter[];
  readonly #options: ClusterOptions;
  /** Answers by code. */
  readonly codes = new Map<string, number>();

  private constructor(
    parts: Pick<Cluster, 'office' | 'second' | 'balancer' | 'counters'>,
    options: ClusterOptions,
  ) {
    this.office = parts.office;
    this.second = parts.second;
    this.balancer = parts.balancer;
    this.counters = parts.counters;
    this.#options = options;
  }

  /** Two hosts that run, and terminals that are signed in. */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const { storeUrl, terminals } = options;
    const program = {
      command: process.execPath,
      args: ['--import', 'tsx', 'host/main.ts'],
      env: { STORE_URL: storeUrl },
    };
    const office = await Office.open({ terminals, cards: terminals, process: 'child', program });
    const second = new FurtherHost(office, '02', storeUrl);
    await second.start(office.dataFolder);
    const balancer = await Balancer.open([office.acquirerPort, second.port]);
    const counters: Counter[] = [];
    for (let index = 0; index < terminals; index += 1)
      counters.push(
        await Counter.open({
          office,
          index,
          hostPort: balancer.port,
          settings: { reversalTries: 8, repeatTries: 8, answerTimeoutSeconds: 5 },
        }),
      );
    return new Cluster({ office, second, balancer, counters }, options);
  }

  /** Every terminal sells, voids and refunds, all of them with every card, until it is over. */
  async trade(over: () => boolean, stream: number): Promise<void> {
    await Promise.all(
      this.counters.map((counter, index) =>
        this.#tradeAt(counter, new Dice(this.#options.seed + 97 * stream + index), over),
      ),
    );
  }

  async #tradeAt(counter: Counter, dice: Dice, over: () => boolean): Promise<void> {
    while (!over()) {
      const card = this.office.cards[dice.below(this.office.cards.length)];
      if (card === undefined) return;
      const last = counter.terminal.state.transactions.findLast(
        (one) => one.state === 'approved' && one.kind === 'sale',
      );
      const deed = dice.below(6);
      const command = deed === 0 && last !== undefined ? `void ${last.trace}` : `sale ${1 + dice.below(20)}`;
      const result = await counter.type(command, { card });
      this.codes.set(result.code, (this.codes.get(result.code) ?? 0) + 1);
      await pause(0);
    }
  }

  /** Each terminal sells once more and settles balanced. @returns what did not */
  async settle(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const [index, counter] of this.counters.entries()) {
      const card = this.office.cards[index];
      if (card === undefined) continue;
      const sold = await counter.type('sale 1', { card });
      if (sold.code !== '00') wrong.push(`terminal ${index} does not sell again: ${sold.code} ${sold.en}`);
      const settled = await counter.type('settle');
      if (settled.code !== '00' || settled.facts['balanced'] !== true)
        wrong.push(`terminal ${index} does not settle balanced: ${settled.code} ${settled.en}`);
      await counter.stop();
    }
    return wrong;
  }

  /** Stops the hosts, and compares what the terminals' journals hold with the books. */
  async agree(storeUrl: string): Promise<Agreement> {
    await this.second.end('SIGTERM');
    await this.office.stop();
    const journals = this.counters.map(({ journalFolder }) => journalFolder);
    return agreement(storeUrl, journals);
  }

  async close(): Promise<void> {
    for (const counter of this.counters) await counter.close().catch(() => undefined);
    await this.balancer.close();
    await this.second.end('SIGKILL');
    await this.office.close();
  }
}

export interface Agreement {
  /** What a terminal holds as approved and the books do not, what the books have besides, and every broken proof. */
  readonly wrong: readonly string[];
  readonly held: number;
  readonly booked: number;
  /** `stream records`. */
  readonly streams: readonly string[];
  readonly entries: number;
}

export async function agreement(storeUrl: string, journalFolders: readonly string[]): Promise<Agreement> {
  const wrong: string[] = [];
  const held: string[] = [];
  for (const folder of journalFolders) {
    const report = await readTerminalJournal(folder);
    if (report.open.length > 0) wrong.push(`${report.terminalId}: ${report.open.length} still owed`);
    for (const one of report.batches.flatMap(({ transactions }) => transactions))
      if (one.kind in MONEY && STANDS.terminal.has(one.state))
        held.push(lineOf({ ...one, terminalId: report.terminalId }));
  }
  const clock = { now: () => Date.now(), after: () => ({ cancel: () => undefined }) };
  const connections = postgresConnections(storeUrl);
  const store = await openPostgresStore({
    connections,
    stream: 'proof',
    clock,
    initialBusinessDate: '20260101',
  });
  try {
    const booked: string[] = [];
    for await (const page of store.scan('transactions'))
      for (const one of page) if (one.kind in MONEY && STANDS.host.has(one.state)) booked.push(lineOf(one));
    const rest = [...booked];
    for (const line of held) {
      const at = rest.indexOf(line);
      if (at < 0) wrong.push(`acknowledged, not in the books: ${line}`);
      else rest.splice(at, 1);
    }
    wrong.push(...rest.map((line) => `in the books, at no terminal or twice: ${line}`));
    const proof = await proveBooks(store);
    wrong.push(...proof.checks.filter(({ ok }) => !ok).map(({ nameEn, detail }) => `${nameEn}: ${detail}`));
    const verdict = await verifyJournal(store.scanJournal());
    for (const { stream, wrong: why } of verdict.streams)
      if (why !== null) wrong.push(`journal ${stream}: record ${why.sequence}: ${why.why}`);
    const streams = verdict.streams.map(({ stream, records }) => `${stream} ${records}`);
    return { wrong, held: held.length, booked: booked.length, streams, entries: proof.entries };
  } finally {
    await store.close();
  }
}

type Line = Pick<StoreTables['transactions'], 'terminalId' | 'batch' | 'kind' | 'ut' | 'amount'> & {
  readonly rrn: string | null;
};

function lineOf({ terminalId, batch, kind, ut, amount, rrn }: Line): string {
  return `${terminalId} ${batch} ${kind} ${ut ?? 'no UT'} ${amount} ${rrn ?? ''}`;
}
