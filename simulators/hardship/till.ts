/** A counter seen from outside: a terminal process that may be killed, and devices that outlive it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { openSoftVault } from '../../keys/index.ts';
import { type CommandResult, nodeClock, type TerminalConfig } from '../../terminal/index.ts';
import { SimulatedPinPad } from '../devices/simulated-pin-pad.ts';
import { SimulatedPrinter } from '../devices/simulated-printer.ts';
import { SimulatedReader } from '../devices/simulated-reader.ts';
import { endOf, type HostProgram, MERCHANT_ID, type Office, ROOT } from '../office/index.ts';
import { type Card, terminalId } from '../programme/index.ts';
import { type Order, PROBE, type Probed, type Report, type Stage, type Standing } from './orders.ts';
import { PipeLine } from './pipe-line.ts';

const PASSWORDS = { supervisor: '246810', system: '975310', cashier: '1357' };
/** The devices' pipes come behind standard input, output and error. */
const FIRST_DEVICE = 3;
const START_MS_MAX = 30_000;
/** Longer than every chain of time-outs, tries and repeats of one command. */
const COMMAND_MS_MAX = 90_000;
const STOP_MS_MAX = 30_000;

export interface TillOptions {
  readonly office: Office;
  /** Which terminal: 0, 1 … */
  readonly index: number;
  /** Where the line to the host begins. */
  readonly hostPort: number;
  readonly program: HostProgram;
  readonly settings?: Partial<TerminalConfig>;
  /** Default: beside the office's folder. */
  readonly journalFolder?: string;
}

/** What came of a command: told to the clerk, or never told, because the terminal died under it. */
export type Came =
  | { readonly kind: 'told'; readonly result: CommandResult; readonly standing: Standing }
  | { readonly kind: 'died' };

/** An approval that the clerk was told of. From here on it may not be lost, changed or doubled. */
export interface Acknowledged {
  readonly terminalId: string;
  readonly kind: string;
  readonly ut: string;
  readonly batch: number;
  readonly trace: string;
  readonly amount: number;
  readonly rrn: string;
}

interface DeviceLines {
  readonly reader: PipeLine;
  readonly pinPad: PipeLine;
  readonly printer: PipeLine;
}

type Of<K extends Report['kind']> = Extract<Report, { kind: K }>;

export class Till {
  readonly terminalId: string;
  readonly journalFolder: string;
  readonly acknowledged: Acknowledged[] = [];
  /** Batches that the clerk was told are closed. */
  readonly closedBatches: number[] = [];
  /** What the next start starts. */
  program: HostProgram;
  standing: Standing = { batch: 1, inBatch: 0, settling: false };
  stage: Stage = 'between commands';
  /** The command that runs, its first word; null between commands. */
  atWork: string | null = null;
  /** Ends of the process that nobody had asked for. */
  readonly crashes: string[] = [];
  #isExpected = false;
  /** Started, and takes commands. */
  #isUp = false;
  #child: ChildProcess | undefined;
  #customer: Card | undefined;
  #heard: (report: Report | null) => void = () => undefined;
  readonly #options: TillOptions;
  readonly #lines: DeviceLines;
  readonly #reader: SimulatedReader;
  readonly #pinPad: SimulatedPinPad;
  readonly #printer: SimulatedPrinter;
  readonly #endChild = () => void this.#child?.kill('SIGKILL');

  private constructor(options: TillOptions, pinPad: SimulatedPinPad, lines: DeviceLines) {
    this.#options = options;
    this.program = options.program;
    this.terminalId = terminalId(options.index);
    this.journalFolder = options.journalFolder ?? join(options.office.folder, this.terminalId);
    this.#lines = lines;
    this.#pinPad = pinPad;
    this.#reader = new SimulatedReader(lines.reader);
    this.#printer = new SimulatedPrinter(lines.printer, nodeClock);
    process.once('exit', this.#endChild);
  }

  /** Devices with the master key of this terminal in its pad; the terminal is not started. */
  static async open(options: TillOptions): Promise<Till> {
    const lines = { reader: new PipeLine(), pinPad: new PipeLine(), printer: new PipeLine() };
    const vault = await openSoftVault({ random: randomBytes });
    const pinPad = new SimulatedPinPad({ line: lines.pinPad, vault, random: randomBytes, clock: nodeClock });
    const components = options.office.tmkComponents[options.index] ?? [];
    pinPad.injectTmk(components.map((one) => Buffer.from(one)));
    return new Till(options, pinPad, lines);
  }

  get child(): ChildProcess | undefined {
    return this.#child;
  }

  /** What lies on the counter, and is thrown away. */
  takeSlips(): readonly { readonly text: string; readonly complete: boolean }[] {
    return this.#printer.takeSlips();
  }

  /** The first morning: a cashier is logged on and the terminal has signed in. */
  async openShop(): Promise<void> {
    for (const line of [
      `logon 00 ${PASSWORDS.supervisor}`,
      `operator set 01 ${PASSWORDS.cashier}`,
      `logon 01 ${PASSWORDS.cashier}`,
      'signin',
    ])
      await this.must(line);
  }

  /**
   * Starts the terminal on what its folder holds.
   * @returns 'started', 'died' when it was killed meanwhile, or the failure code with which it refused
   */
  async start(): Promise<'started' | 'died' | { readonly code: string; readonly detail: string }> {
    if (this.#child !== undefined) throw new Error(`terminal ${this.terminalId} runs already`);
    const { command, args, env } = this.program;
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#isExpected = false;
    this.#attach(child);
    if ((await this.#awaited('to listen', START_MS_MAX)) === null) return 'died';
    const report = await this.#order({ kind: 'start', settings: this.#settings() }, START_MS_MAX);
    if (report === null) return 'died';
    if (report.kind === 'refused') {
      await this.kill();
      return { code: report.code, detail: report.detail };
    }
    if (report.kind === 'started') this.standing = report.standing;
    this.#isUp = true;
    return 'started';
  }

  /** Types a command; the customer swipes when a card is waited for, and types the PIN. */
  async type(line: string, customer?: Card): Promise<Came> {
    if (!this.#isUp) return { kind: 'died' };
    this.#customer = customer;
    this.atWork = line.split(' ')[0] ?? '';
    try {
      const report = await this.#order({ kind: 'command', line }, COMMAND_MS_MAX);
      if (report === null) return { kind: 'died' };
      if (report.kind !== 'ended') throw new Error(`${this.terminalId} ${line}: ${JSON.stringify(report)}`);
      return this.#note(report);
    } finally {
      this.atWork = null;
      this.#customer = undefined;
      this.#pinPad.walkAway();
    }
  }

  /** A command that must succeed. */
  async must(line: string, customer?: Card): Promise<CommandResult> {
    const came = await this.type(line, customer);
    if (came.kind === 'died') throw new Error(`${this.terminalId} ${line}: the terminal died`);
    const { ok, code, en } = came.result;
    if (!ok) throw new Error(`${this.terminalId} ${line}: ${code} ${en}`);
    return came.result;
  }

  /** SIGKILL, in the middle of whatever it does. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops the terminal as its shop would. */
  async stop(): Promise<void> {
    this.#isExpected = true;
    if (this.#child?.connected === true) this.#child.send({ kind: 'stop' } satisfies Order);
    await this.#gone();
  }

  /** Stops, and ends the devices. */
  async close(): Promise<void> {
    await this.kill();
    process.off('exit', this.#endChild);
    this.#pinPad.close();
    this.#printer.close();
  }

  #settings(): Partial<TerminalConfig> {
    return {
      terminalId: this.terminalId,
      merchantId: MERCHANT_ID,
      hostPort: this.#options.hostPort,
      connectTimeoutSeconds: 2,
      answerTimeoutSeconds: 1,
      // A customer here is quick: who is not served within this time shows that something hangs.
      cardTimeoutSeconds: 15,
      pinTimeoutSeconds: 15,
      reversalTries: 10,
      repeatTries: 10,
      slipCopies: 1,
      supervisorPassword: PASSWORDS.supervisor,
      systemPassword: PASSWORDS.system,
      journalDirectory: this.journalFolder,
      ...this.#options.settings,
    };
  }

  #attach(child: ChildProcess): void {
    // As they are in the list of `stdio` above; node's own type knows the first five.
    const pipes: readonly unknown[] = child.stdio;
    for (const [index, device] of (['reader', 'pinPad', 'printer'] as const).entries())
      this.#lines[device].attach(pipes[FIRST_DEVICE + index] as Duplex);
    const log = join(this.#options.office.folder, `${this.terminalId}.log`);
    child.stderr?.on('data', (chunk: Buffer) => appendFileSync(log, chunk));
    child.on('message', (report: Report | Probed) => {
      if (this.#child === child && report.kind !== PROBE) this.#hear(report);
    });
    // What it said before it died is still heard: the channel closes behind its last word.
    child.once('disconnect', () => {
      if (this.#child === child) this.#heard(null);
    });
    child.on('error', (error) => this.crashes.push(`${this.terminalId}: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (!this.#isExpected) this.crashes.push(`${this.terminalId} ended by itself: ${code ?? signal ?? ''}`);
    });
  }

  #hear(report: Report): void {
    if (report.kind === 'stage') this.stage = report.stage;
    else if (report.kind === 'wants') this.#serve(report.what);
    else this.#heard(report);
  }

  #serve(what: 'card' | 'PIN'): void {
    const customer = this.#customer;
    if (customer === undefined) return;
    if (what === 'card') this.#reader.swipe(customer.track2, customer.track1);
    else void this.#pinPad.typePin(customer.pin);
  }

  /** @returns null when the terminal died */
  #order(order: Order, msMax: number): Promise<Report | null> {
    const awaited = this.#awaited(order.kind === 'command' ? order.line : order.kind, msMax);
    const child = this.#child;
    const lost = (error: Error | null) => {
      if (error !== null && this.#child === child) this.#heard(null);
    };
    if (child?.connected === true) child.send(order, lost);
    else this.#heard(null);
    return awaited;
  }

  #awaited(what: string, msMax: number): Promise<Report | null> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.terminalId} hangs: ${what}, ${msMax} ms, at ${this.stage}`));
      }, msMax);
      this.#heard = (report) => {
        clearTimeout(timer);
        this.#heard = () => undefined;
        resolve(report);
      };
    });
  }

  #note(report: Of<'ended'>): Came {
    const { result, standing } = report;
    const { facts } = result;
    this.standing = standing;
    if (result.ok && typeof facts['ut'] === 'string' && facts['state'] === 'approved')
      this.acknowledged.push({
        terminalId: this.terminalId,
        kind: String(facts['kind']),
        ut: facts['ut'],
        batch: Number(facts['batch']),
        trace: String(facts['trace']),
        amount: Number(facts['amount']),
        rrn: String(facts['rrn']),
      });
    if (result.ok && typeof facts['balanced'] === 'boolean') this.closedBatches.push(Number(facts['batch']));
    return { kind: 'told', result, standing };
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#isExpected = true;
    this.#isUp = false;
    this.#child?.kill(signal);
    await this.#gone();
  }

  async #gone(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    await endOf(child, STOP_MS_MAX, `terminal ${this.terminalId}, at ${this.stage}`);
    // Everything that it had said is read before it counts as gone.
    if (child.connected) await new Promise<void>((resolve) => child.once('disconnect', () => resolve()));
    this.#isUp = false;
    this.#heard(null);
    this.#child = undefined;
    this.stage = 'between commands';
  }
}
