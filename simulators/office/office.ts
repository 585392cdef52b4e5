/** A real host on a SQLite file in a temporary folder: inside this process, or as a child that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
import type { KeyMode, MacAlgorithm } from '../../keys/index.ts';
import {
  Bureau,
  type Card,
  componentBodies,
  firstLoadOf,
  issueOf,
  MERCHANTS,
  programmeOf,
  type ShopName,
  terminalId,
  throwComponents,
  twoPersons,
} from '../programme/index.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;
const ANSWER_MS_MAX = 60_000;
/** Every terminal of a whole-system test stands at the hotel, unless it is said where. */
export const MERCHANT_ID = MERCHANTS.hotel.id;
export const REASON = '系统测试 whole-system test';

export interface OfficeOptions {
  readonly terminals: number;
  readonly cards: number;
  /** 'child': a process of its own, which `kill` ends with SIGKILL. */
  readonly process?: 'inside' | 'child';
  readonly settings?: Partial<HostConfig>;
  /** How a child is started; default: the source as it stands, through tsx. */
  readonly program?: HostProgram;
  /** An empty folder for everything; default: a new temporary one. */
  readonly folder?: string;
  /** By terminal, 0, 1 …: where it stands; default: all at the hotel. */
  readonly shops?: readonly ShopName[];
  /** By terminal, 0, 1 …; default: the programme's own. */
  readonly keyProfiles?: readonly KeyProfile[];
}

/** Which working keys a terminal signs in for, and what its MACs are. */
export interface KeyProfile {
  readonly keyMode: KeyMode;
  readonly macAlgorithm: MacAlgorithm;
}

/** The TMK of a terminal that signs in for SM4 keys is one. */
export const tmkAlgorithmOf = (profile: KeyProfile | undefined) =>
  profile?.keyMode === '005' ? 'sm4' : '3des';

/** A host as a program: a bundle, or the same under a tool that makes its writes fail. */
export interface HostProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const FROM_SOURCE: HostProgram = { command: process.execPath, args: ['--import', 'tsx', 'host/main.ts'] };

/** What one call of the administration came to. */
export interface AdminAnswer {
  readonly status: number;
  readonly text: string;
}

/** Two persons of the administration, in the order of the tokens file. */
const PERSONS = ['first', 'second'] as const;
type Who = (typeof PERSONS)[number];
const TOKENS = 'admin-tokens.json';

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
  /** Of whoever asks, and of the second person where an act takes two. */
  #tokens: readonly string[] = [];
  /** Every answer of the administration, as it came. */
  readonly answers: string[] = [];
  /** What the host said on its standard output and error. */
  said = '';
  /** What the next start starts. */
  program: HostProgram;
  readonly #endChild = () => void this.#child?.kill('SIGKILL');

  private constructor(folder: string, bureau: Bureau, options: OfficeOptions) {
    this.folder = folder;
    this.dataFolder = join(folder, 'host');
    this.bureau = bureau;
    this.#options = options;
    this.program = options.program ?? FROM_SOURCE;
    // Whatever ends the test ends its host.
    process.once('exit', this.#endChild);
    this.tmkComponents = Array.from({ length: options.terminals }, () => throwComponents(randomBytes));
  }

  /** A host that is provisioned: documents, keys, cards with PINs and money. */
  static async open(options: OfficeOptions): Promise<Office> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'zunka-system-')));
    const office = new Office(folder, await Bureau.open({ random: randomBytes }), options);
    office.#ports = { acquirer: await freePort(), admin: await freePort() };
    await mkdir(office.dataFolder, { recursive: true, mode: 0o700 });
    await writeFile(join(office.dataFolder, TOKENS), JSON.stringify(twoPersons(randomBytes)), {
      mode: 0o600,
    });
    await office.start();
    await office.#provision();
    return office;
  }

  get acquirerPort(): number {
    return this.#ports.acquirer;
  }

  /** The running child; undefined when there is none. */
  get child(): ChildProcess | undefined {
    return this.#child;
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
    const tokens = await readFile(join(this.dataFolder, TOKENS), 'utf8');
    this.#tokens = (JSON.parse(tokens) as { token: string }[]).map(({ token }) => token);
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
    const { command, args, env } = this.program;
    const child = spawn(command, args, {
      cwd: ROOT,
      env: {
        ...process.env,
        ZUNKA_DATA_FOLDER: this.dataFolder,
        ZUNKA_ACQUIRER_PORT: String(this.#ports.acquirer),
        ZUNKA_ADMIN_PORT: String(this.#ports.admin),
        ZUNKA_LOG_LEVEL: 'debug',
        ZUNKA_LOG_FILE: join(this.folder, 'host.log'),
        ...env,
      },
      // The fourth is for a program that tells its memory; the host itself does not know it.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    let said = '';
    const take = (chunk: Buffer) => {
      said += chunk.toString('utf8');
      this.said += chunk.toString('utf8');
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    const until = Date.now() + START_MS_MAX;
    while (!said.includes('the host is running')) {
      const isGone = child.exitCode !== null || child.signalCode !== null;
      if (isGone || Date.now() > until) throw new Error(`the host did not start: ${said}`);
      await pause(10);
    }
  }

  /** SIGKILL, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) throw new Error('only a child can be killed');
    this.#child = undefined;
    child.kill('SIGKILL');
    await endOf(child, STOP_MS_MAX, 'the host');
  }

  async stop(): Promise<void> {
    await this.#inside?.stop();
    this.#inside = undefined;
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.kill('SIGTERM');
    await endOf(child, STOP_MS_MAX, 'the host');
  }

  /** Stops and removes everything. */
  async close(): Promise<void> {
    await this.stop();
    process.off('exit', this.#endChild);
    this.bureau.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** One call of the administration, whatever comes of it. */
  async ask(method: string, path: string, body?: unknown, who: Who = 'first'): Promise<AdminAnswer> {
    const answer = await fetch(`http://127.0.0.1:${this.#ports.admin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#tokens[PERSONS.indexOf(who)] ?? ''}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const text = await answer.text();
    this.answers.push(`${method} ${answer.status} ${text}`);
    return { status: answer.status, text };
  }

  /** One call that must succeed. */
  async call<T>(method: string, path: string, body?: unknown, who: Who = 'first'): Promise<T> {
    const { status, text } = await this.ask(method, path, body, who);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** All rows of a list: asked for behind the last one as long as there are more. @param keyOf what `after` names a row by */
  async list<Row>(path: string, name: string, keyOf: (row: Row) => string | number): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (;;) {
      const last = rows.at(-1);
      const url = new URL(path, 'http://host');
      if (last !== undefined) url.searchParams.set('after', String(keyOf(last)));
      const answer = await this.call<Record<string, unknown>>('GET', `${url.pathname}${url.search}`);
      rows.push(...(answer[name] as readonly Row[]));
      if (answer['more'] !== true) return rows;
    }
  }

  counters(): Promise<Record<string, Record<string, number>>> {
    return this.call('GET', '/v1/metrics');
  }

  async #provision(): Promise<void> {
    const { terminals, cards } = this.#options;
    const shops = Array.from({ length: terminals }, (_, index) => this.#shopOf(index));
    for (const [kind, documents] of programmeOf(shops).all)
      for (const document of documents)
        await this.call('PUT', `/v1/documents/${kind}/${document.id}`, {
          document: { ...document, ...(kind === 'terminal' && this.#keySettings(document.id)) },
          reason: REASON,
        });
    for (const { name, components } of this.bureau.shared) await this.#bring(`/v1/keys/${name}`, components);
    for (const [index, components] of this.tmkComponents.entries())
      await this.#bring(
        `/v1/terminals/${terminalId(index)}/tmk`,
        components,
        tmkAlgorithmOf(this.keyProfile(index)),
      );
    this.cards = Array.from({ length: cards }, (_, index) => this.bureau.card(index));
    const { businessDate } = await this.call<{ businessDate: string }>('GET', '/v1/health');
    for (const card of this.cards) await this.#issue(card, businessDate);
  }

  /** DE42 of a terminal. */
  merchantOf(index: number): string {
    return MERCHANTS[this.#shopOf(index)].id;
  }

  #shopOf(index: number): ShopName {
    return this.#options.shops?.[index] ?? 'hotel';
  }

  /** Each component by another person. */
  async #bring(path: string, components: readonly Buffer[], algorithm: '3des' | 'sm4' = '3des') {
    for (const [index, body] of componentBodies(components, { reason: REASON, algorithm }).entries())
      await this.call('PUT', path, body, PERSONS[index] ?? 'first');
  }

  keyProfile(index: number): KeyProfile | undefined {
    return this.#options.keyProfiles?.[index];
  }

  #keySettings(id: string) {
    const profile = this.#options.keyProfiles?.find((_, index) => terminalId(index) === id);
    return profile && { keyModes: [profile.keyMode], macAlgorithm: profile.macAlgorithm };
  }

  async #issue(card: Card, activeFrom: string): Promise<void> {
    const path = `/v1/cards/${card.cardId}`;
    await this.call('PUT', path, { ...issueOf(card, activeFrom), reason: REASON });
    await this.call('PUT', `${path}/loads/${card.cardId}-first`, { ...firstLoadOf(card), reason: REASON });
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

/**
 * Waits for the end of a child that was told to end, or has ended already.
 * @throws when it has not within the time; it is killed then
 */
export async function endOf(child: ChildProcess, msMax: number, name: string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, msMax);
  await gone;
  clearTimeout(timer);
  if (isLate) throw new Error(`${name} did not end within ${msMax} ms`);
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
