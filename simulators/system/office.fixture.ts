/** A real host on a SQLite file in a temporary folder: inside this process, or as a child that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type BooksProof,
  HOST_DEFAULTS,
  type HostConfig,
  openSqlite,
  openSqliteStore,
  proveBooks,
  type RunningHost,
  startHost,
} from '../../host/index.ts';
import { Bureau, type Card, documents, REASON, terminalId, throwComponents } from './programme.fixture.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_MS_MAX = 30_000;
const LOADED = { principal: 4_000_00, bonus: 400_00 };

export interface OfficeOptions {
  readonly terminals: number;
  readonly cards: number;
  /** 'child': a process of its own, which `kill` ends with SIGKILL. */
  readonly process?: 'inside' | 'child';
  readonly settings?: Partial<HostConfig>;
}

/** What one call of the administration came to. */
export interface AdminAnswer {
  readonly status: number;
  readonly text: string;
}

export class Office {
  readonly folder: string;
  /** The host's own folder: database, log, settlement files. */
  readonly dataFolder: string;
  readonly #options: OfficeOptions;
  readonly tmkComponents: readonly (readonly Buffer[])[];
  readonly bureau: Bureau;
  cards: readonly Card[] = [];
  #ports = { acquirer: 0, admin: 0 };
  #child: ChildProcess | undefined;
  #inside: RunningHost | undefined;
  #token = '';
  /** Every answer of the administration, as it came. */
  readonly answers: string[] = [];
  /** What the host said on its standard output and error. */
  said = '';

  private constructor(folder: string, bureau: Bureau, options: OfficeOptions) {
    this.folder = folder;
    this.dataFolder = join(folder, 'host');
    this.bureau = bureau;
    this.#options = options;
    this.tmkComponents = Array.from({ length: options.terminals }, throwComponents);
  }

  /** A host that is provisioned: documents, keys, cards with PINs and money. */
  static async open(options: OfficeOptions): Promise<Office> {
    const folder = await mkdtemp(join(tmpdir(), 'zunka-system-'));
    const office = new Office(folder, await Bureau.open(), options);
    office.#ports = { acquirer: await freePort(), admin: await freePort() };
    await office.start();
    await office.#provision();
    return office;
  }

  get acquirerPort(): number {
    return this.#ports.acquirer;
  }

  get adminPort(): number {
    return this.#ports.admin;
  }

  async start(): Promise<void> {
    if (this.#options.process === 'child') await this.#startChild();
    else {
      const log = createWriteStream(join(this.folder, 'host.log'), { flags: 'a' });
      this.#inside = await startHost(this.#config(), { logTo: log });
    }
    const tokens = await readFile(join(this.dataFolder, 'admin-tokens.json'), 'utf8');
    this.#token = (JSON.parse(tokens) as { token: string }[])[0]?.token ?? '';
  }

  #config(): HostConfig {
    return {
      ...HOST_DEFAULTS,
      dataFolder: this.dataFolder,
      acquirerPort: this.#ports.acquirer,
      adminPort: this.#ports.admin,
      logLevel: 'debug',
      ...this.#options.settings,
    };
  }

  async #startChild(): Promise<void> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'host/main.ts'], {
      cwd: ROOT,
      env: {
        ...process.env,
        ZUNKA_DATA_FOLDER: this.dataFolder,
        ZUNKA_ACQUIRER_PORT: String(this.#ports.acquirer),
        ZUNKA_ADMIN_PORT: String(this.#ports.admin),
        ZUNKA_LOG_LEVEL: 'debug',
        ZUNKA_LOG_FILE: join(this.folder, 'host.log'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    // Whatever ends the test ends its host.
    process.once('exit', () => child.kill('SIGKILL'));
    let said = '';
    const take = (chunk: Buffer) => {
      said += chunk.toString('utf8');
      this.said += chunk.toString('utf8');
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    const until = Date.now() + START_MS_MAX;
    while (!said.includes('the host is running')) {
      if (child.exitCode !== null || Date.now() > until) throw new Error(`the host did not start: ${said}`);
      await pause(10);
    }
  }

  /** SIGKILL, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) throw new Error('only a child can be killed');
    this.#child = undefined;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.#inside?.stop();
    this.#inside = undefined;
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    await ended;
  }

  /** Stops and removes everything. */
  async close(): Promise<void> {
    await this.stop();
    this.bureau.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** One call of the administration, whatever comes of it. */
  async ask(method: string, path: string, body?: unknown): Promise<AdminAnswer> {
    const answer = await fetch(`http://127.0.0.1:${this.#ports.admin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    this.answers.push(`${method} ${answer.status} ${text}`);
    return { status: answer.status, text };
  }

  /** One call that must succeed. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.ask(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  counters(): Promise<Record<string, Record<string, number>>> {
    return this.call('GET', '/v1/metrics');
  }

  async #provision(): Promise<void> {
    const { terminals, cards } = this.#options;
    const hex = (components: readonly Buffer[]) => components.map((one) => one.toString('hex').toUpperCase());
    for (const [kind, document] of documents(terminals))
      await this.call('PUT', `/v1/documents/${kind}/${document.id}`, { document, reason: REASON });
    for (const { name, components } of this.bureau.shared)
      await this.call('PUT', `/v1/keys/${name}`, { components: hex(components), reason: REASON });
    for (const [index, components] of this.tmkComponents.entries())
      await this.call('PUT', `/v1/terminals/${terminalId(index)}/tmk`, {
        components: hex(components),
        reason: REASON,
      });
    this.cards = Array.from({ length: cards }, (_, index) => this.bureau.card(index));
    const { businessDate } = await this.call<{ businessDate: string }>('GET', '/v1/health');
    for (const card of this.cards) await this.#issue(card, businessDate);
  }

  async #issue(card: Card, activeFrom: string): Promise<void> {
    const { pan, expiry, serviceCode, pinBlock } = card;
    const account = {
      accountId: card.accountId,
      tier: 'green',
      registered: true,
      productId: 'reloadable',
      salePointId: 'zz-01',
    };
    const path = `/v1/cards/${card.cardId}`;
    await this.call('PUT', path, { pan, expiry, serviceCode, activeFrom, pinBlock, account, reason: REASON });
    await this.call('PUT', `${path}/loads/${card.cardId}-first`, {
      salePointId: 'zz-01',
      ...LOADED,
      payment: { method: 'transfer', payer: 'person', identified: true },
      reason: REASON,
    });
  }
}

/** A row of the host's transactions, as far as it is compared with a terminal's journal. */
export interface HostTransaction {
  readonly ut: string | null;
  readonly kind: string;
  readonly state: string;
  readonly terminalId: string;
  readonly batch: number;
  readonly amount: number;
  readonly rrn: string;
}

/** The books of a host that is stopped, read from its file. */
export async function readBooks(
  dataFolder: string,
): Promise<{ proof: BooksProof; transactions: readonly HostTransaction[] }> {
  const clock = { now: () => Date.now(), after: () => ({ cancel: () => undefined }) };
  const store = await openSqliteStore({
    driver: await openSqlite(join(dataFolder, 'host.sqlite')),
    stream: 'proof',
    clock,
    initialBusinessDate: '20260101',
  });
  try {
    const transactions: HostTransaction[] = [];
    for await (const page of store.scan('transactions')) transactions.push(...page);
    return { proof: await proveBooks(store), transactions };
  } finally {
    await store.close();
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A port that nobody listens on now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
