/** A host and some tills, each a process of its own, under load: what all hard times have in common. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult, TerminalConfig } from '../../terminal/index.ts';
import { type LinkProxy, startLinkProxy } from '../link/index.ts';
import { Dice, Office, pause } from '../office/index.ts';
import type { Card } from '../programme/index.ts';
import { type Agreement, agree } from './agreement.ts';
import type { Unbalanced } from './changed-totals.ts';
import { ClerksDay } from './load.ts';
import { Papers } from './papers.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';
import { type Came, Till } from './till.ts';

export interface FleetOptions {
  readonly seed: number;
  readonly tills: number;
  readonly cards: number;
  /** A bad line of its own before each terminal. Default: straight to the host. */
  readonly linked?: boolean;
  /** For host and terminals, as `--expose-gc`. */
  readonly nodeOptions?: readonly string[];
  /** Settings of the host, by the names of their variables. */
  readonly hostEnv?: Readonly<Record<string, string>>;
  readonly settings?: Partial<TerminalConfig>;
  /** Where everything lies; default: a new temporary folder. */
  readonly folder?: string;
}

/** These say that something is broken in us, whatever was done to the system. */
const NEVER: ReadonlySet<string> = new Set(['INVARIANT', 'JOURNAL_DAMAGED', 'STATE_NOT_ALLOWED']);
const UNREACHABLE: ReadonlySet<string> = new Set(['HOST_UNREACHABLE', 'HOST_SILENT']);
const AGAIN_MS = 150;
/** Tries at the end, each on a good line: more would hide that something does not settle. */
const SETTLING_TRIES = 3;

export class Fleet {
  readonly office: Office;
  readonly tills: readonly Till[];
  readonly links: readonly LinkProxy[];
  readonly snapshot: Snapshot;
  readonly folder: string;
  readonly #seed: number;
  readonly #papers = new Papers();
  /** How often each command ended with each code. */
  readonly codes = new Map<string, number>();
  /** What must never happen, as it happened. */
  readonly failures: string[] = [];
  /** What a bad line may have done, and the end tells. */
  readonly #unbalanced: Unbalanced[] = [];
  /** Approved financial transactions that clerks were told of, and all commands that ended. */
  commands = 0;

  private constructor(
    parts: Pick<Fleet, 'office' | 'tills' | 'links' | 'snapshot' | 'folder'>,
    { seed }: FleetOptions,
  ) {
    this.office = parts.office;
    this.tills = parts.tills;
    this.links = parts.links;
    this.snapshot = parts.snapshot;
    this.folder = parts.folder;
    this.#seed = seed;
    this.watchHost();
  }

  /** A provisioned host and open shops. */
  static async open(options: FleetOptions): Promise<Fleet> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), `zunka-hardship-${process.pid}-`)));
    const snapshot = await takeSnapshot(options.nodeOptions);
    const office = await Office.open({
      terminals: options.tills,
      cards: options.cards,
      process: 'child',
      program: { ...snapshot.host, env: options.hostEnv ?? {} },
      folder,
    });
    const links: LinkProxy[] = [];
    const tills: Till[] = [];
    for (let index = 0; index < options.tills; index += 1) {
      const target = { listenPort: 0, targetHost: '127.0.0.1', targetPort: office.acquirerPort };
      const link = options.linked === true ? await startLinkProxy({ ...target, capture: false }) : undefined;
      if (link !== undefined) links.push(link);
      const hostPort = link?.port ?? office.acquirerPort;
      const { settings = {} } = options;
      const till = await Till.open({ office, index, hostPort, program: snapshot.terminal, settings });
      tills.push(till);
      const started = await till.start();
      if (started !== 'started')
        throw new Error(`${till.terminalId} did not start: ${JSON.stringify(started)}`);
      await till.openShop();
    }
    return new Fleet({ office, tills, links, snapshot, folder }, options);
  }

  /** Approvals that clerks were told of. */
  get acknowledged(): number {
    return this.tills.reduce((sum, till) => sum + till.acknowledged.length, 0);
  }

  /** Dice of one's own, for this seed. */
  dice(stream: number): Dice {
    return new Dice(this.#seed * 1_009 + stream);
  }

  /**
   * Every clerk works, and beside them runs whatever makes the time hard. What ends badly ends all the rest first:
   * nothing may be started behind a fleet that is closed.
   *
   * @param options.pauseMs between two commands of one till
   */
  async trade(
    { until, pauseMs }: { until(): boolean; readonly pauseMs: number },
    ...beside: readonly ((isOver: () => boolean) => Promise<void>)[]
  ): Promise<void> {
    let hasFailed = false;
    const isOver = () => hasFailed || until();
    const parts = [
      ...this.tills.map((till, index) => () => this.#tradeAt(till, index, isOver, pauseMs)),
      ...beside,
    ];
    const run = async (part: (isOver: () => boolean) => Promise<void>) => {
      try {
        await part(isOver);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };
    for (const end of await Promise.allSettled(parts.map(run)))
      if (end.status === 'rejected') throw end.reason;
  }

  async #tradeAt(till: Till, index: number, over: () => boolean, pauseMs: number): Promise<void> {
    const clerk = new ClerksDay(till, this.office.cards, this.dice(100 + index));
    while (!over()) {
      const came = await clerk.next();
      await this.#look(till, came);
      this.#papers.take(till.takeSlips());
      await pause(pauseMs);
    }
  }

  /** One command of a clerk, counted as those of the load are. */
  async type(till: Till, line: string, customer?: Card): Promise<Came> {
    const came = await till.type(line, customer);
    await this.#look(till, came);
    return came;
  }

  /** Counts, and does what a clerk does next: wait, sign in, switch the terminal off and on. */
  async #look(till: Till, came: Came): Promise<void> {
    if (came.kind === 'died') return pause(AGAIN_MS);
    const { code, en } = came.result;
    this.commands += 1;
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    if (NEVER.has(code)) this.failures.push(`${till.terminalId}: ${code} ${en}`);
    if (came.result.facts['balanced'] === false) this.#noteUnbalanced(till, came.result);
    if (UNREACHABLE.has(code)) return pause(AGAIN_MS);
    if (code === 'NOT_SIGNED_IN') await till.type('signin');
  }

  /** Totals differ by themselves only where a line changes them. */
  #noteUnbalanced({ terminalId }: Till, { en, facts }: CommandResult): void {
    if (this.links.length === 0) this.failures.push(`${terminalId}: ${en}`);
    else this.#unbalanced.push({ terminalId, batch: Number(facts['batch']), en });
  }

  /**
   * Kills the host and starts it again. @param again how often it is killed while it starts
   */
  async killHost(again: readonly number[] = []): Promise<void> {
    await this.office.kill();
    for (const afterMs of again) {
      const starting = this.office.start().catch(() => undefined);
      await pause(afterMs);
      await this.office.kill();
      await starting;
    }
    await this.office.start();
    this.watchHost();
  }

  /** The same for a terminal. */
  async killTill(till: Till, again: readonly number[] = []): Promise<void> {
    await till.kill();
    for (const afterMs of again) {
      const starting = till.start();
      await pause(afterMs);
      await till.kill();
      await starting;
    }
    await this.startTill(till);
  }

  async startTill(till: Till): Promise<void> {
    const started = await till.start();
    if (started !== 'started')
      this.failures.push(`${till.terminalId} does not start: ${JSON.stringify(started)}`);
  }

  /**
   * The hard time is over: every terminal sells once more, settles, and stops; then everything is compared.
   */
  async finish(tell: (line: string) => void): Promise<Agreement> {
    for (const till of this.tills) await this.#settleAt(till);
    for (const till of this.tills) {
      await till.stop();
      this.#papers.take(till.takeSlips());
    }
    this.failures.push(...this.tills.flatMap((till) => till.crashes));
    const agreement = await agree(this.office, this.tills, this.#papers, this.#unbalanced);
    for (const debt of agreement.phantomDebts) tell(`named, two people close it: ${debt}`);
    for (const totals of agreement.changedTotals) tell(`named: ${totals}`);
    this.failures.push(...agreement.disagreements);
    return agreement;
  }

  async #settleAt(till: Till): Promise<void> {
    const [card] = this.office.cards;
    const steps = [...(till.standing.settling ? ['settle'] : []), 'sale 0.01', 'settle'];
    for (const line of steps) {
      let said = '';
      let isDone = false;
      for (let tried = 0; tried < SETTLING_TRIES && !isDone; tried += 1) {
        const came = await this.type(till, line, card);
        isDone = came.kind === 'told' && came.result.ok;
        said = came.kind === 'told' ? `${came.result.code} ${came.result.en}` : 'the terminal died';
      }
      if (!isDone) this.failures.push(`${till.terminalId} does not settle: ${line}: ${said}`);
    }
  }

  /** From now on an end of the host that nobody asked for is a failure. */
  watchHost(): void {
    const child = this.office.child;
    child?.once('exit', (code, signal) => {
      if (this.office.child === child)
        this.failures.push(`the host ended by itself: ${code ?? signal ?? ''}`);
    });
  }

  /** Ends everything. `keep` leaves the folder for whoever looks for the cause; `before` it is removed. */
  async close({
    keep,
    tell,
    before = () => undefined,
  }: {
    readonly keep: boolean;
    tell(line: string): void;
    before?(): void;
  }): Promise<void> {
    for (const till of this.tills) await till.close();
    for (const link of this.links) await link.stop();
    await this.office.stop();
    await this.snapshot.remove();
    before();
    if (keep) tell(`kept for whoever looks for the cause: ${this.folder}`);
    else {
      await this.office.close();
      await rm(this.folder, { recursive: true, force: true });
    }
  }
}
