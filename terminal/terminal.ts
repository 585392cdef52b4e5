/** The terminal as its callers see it: one command at a time, each ends with a result, none with a throw. */
import { PosError } from '../protocol/index.ts';
import type { Clerk } from './clerk.ts';
import type { Clock, Random } from './clock.ts';
import { runCommand } from './commands.ts';
import type { TerminalConfig } from './config.ts';
import type { TerminalDeps } from './deps.ts';
import type { Devices } from './devices/ports.ts';
import { type Counter, type Place, Till } from './ecr/till.ts';
import { HostLink } from './exchange/host-link.ts';
import type { HostWire } from './exchange/host-wire.ts';
import { tellOwed } from './exchange/owed.ts';
import { type CommandResult, failed, succeeded } from './flows/result.ts';
import { statusUpload } from './flows/sign-off.ts';
import type { JournalDisk } from './journal/disk.ts';
import { type JournalRepair, openJournal } from './journal/journal.ts';
import type { TerminalState } from './journal/model.ts';
import { isPending } from './journal/state.ts';
import type { TerminalLog } from './log.ts';
import { ensureFirstOperators } from './operators.ts';
import { type Recovery, recover } from './recovery.ts';
import { printNext } from './spool/printing.ts';

/** What a terminal stands on. Built in main.ts, or by a test or a simulated world. */
export interface TerminalOutside {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: JournalDisk;
  readonly wire: HostWire;
  readonly devices: Devices;
  readonly clerk: Clerk;
  readonly log: TerminalLog;
  /** `nodePasswordHash` on a real machine; a simulated one takes a cheap hash. */
  readonly passwordHash: (password: string, salt: Buffer) => Buffer;
  readonly config: TerminalConfig;
}

export interface Terminal {
  /** Runs one line as the clerk would type it. Never rejects: a failure is a result too. */
  command(line: string): Promise<CommandResult>;
  /** The till's interface, without a wire. */
  readonly till: Till;
  /** What the journal amounts to now. */
  readonly state: TerminalState;
  /** DE57 `TH`. */
  readonly journalHead: string;
  readonly recovery: Recovery;
  readonly repair: JournalRepair | null;
  /** Closes line and devices; the journal needs no closing. */
  stop(): Promise<void>;
}

/** Header digit 6 of answers. */
const WANTED = { parameters: 1, status: 2, signIn: 3, blacklist: 7, settle: 9 } as const;
const SECOND_MS = 1000;
/** Typed while a till's request runs. */
const CANCEL_WORDS: readonly string[] = ['cancel', '取消'];

/**
 * Opens the journal, resolves what the terminal was in the middle of, then takes commands.
 * @throws JOURNAL_DAMAGED, JOURNAL_WRITE, CONFIG_BAD, CANCELLED (first passwords refused)
 */
export async function startTerminal(outside: TerminalOutside): Promise<Terminal> {
  const { clock, random, disk, wire, devices, clerk, log, passwordHash, config } = outside;
  const { terminalId, merchantId } = config;
  // From the first moment: a device that is not there is told before anything is asked.
  devices.onFault((device, state, text) => {
    clerk.device(text);
    log.warn({ device, state }, 'device state');
  });
  const { journal, repair } = await openJournal({ disk, clock, terminalId, merchantId });
  if (repair !== null) {
    clerk.show(
      `断电未写完的记录已另存为${repair.tornFile}`,
      `a power cut left a record unfinished: its ${repair.tornBytes} bytes are kept in ${repair.tornFile}`,
    );
    log.warn({ ...repair }, 'a torn record was cut off the journal');
  }
  const link = new HostLink({
    wire,
    clock,
    log,
    tpdu: config.tpdu,
    header: headerOf(config),
    connectTimeoutMs: config.connectTimeoutSeconds * SECOND_MS,
    answerTimeoutMs: config.answerTimeoutSeconds * SECOND_MS,
  });
  const deps: TerminalDeps = {
    clock,
    random,
    config,
    journal,
    link,
    reader: devices.reader,
    pinPad: devices.pinPad,
    printer: devices.printer,
    clerk,
    log,
    passwordHash,
    sentBodies: new Map(),
    wishes: { wanted: 0, isTest: false },
    till: null,
  };
  await ensureFirstOperators(deps);
  const recovery = await recover(deps);
  tellRecovery(clerk, recovery);
  tellOwed(deps);
  const terminal = new CommandLoop(deps, recovery, repair, async () => {
    link.close();
    await devices.close();
    await disk.release();
  });
  await terminal.till.recover();
  await terminal.note();
  watchDevices(deps, devices, terminal);
  return terminal;
}

/** Digit 5 says test or training. */
function headerOf(config: TerminalConfig): string {
  return `${config.header.slice(0, 4)}${config.testMode ? '1' : config.header.charAt(4)}${config.header.slice(5)}`;
}

function tellRecovery(clerk: Clerk, recovery: Recovery): void {
  const { unanswered, reversalsOpen, repeatsOpen, slipsPending, settlementPhase } = recovery;
  if (unanswered > 0)
    clerk.show(
      `上次断电时${unanswered}笔未收到应答`,
      `${unanswered} transactions had no answer when we stopped`,
    );
  if (reversalsOpen > 0) clerk.show(`待冲正${reversalsOpen}笔`, `${reversalsOpen} reversals are open`);
  if (repeatsOpen > 0) clerk.show(`待重发${repeatsOpen}笔`, `${repeatsOpen} repeats are open`);
  if (slipsPending > 0)
    clerk.show(`待打印${slipsPending}张(命令 paper)`, `${slipsPending} slips are pending (command: paper)`);
  if (settlementPhase !== null)
    clerk.show('结算未完成(命令 settle)', 'a settlement is unfinished (command: settle)');
}

/** A printer that is back prints what is pending, a pad that is back shows its keys. */
function watchDevices(deps: TerminalDeps, devices: Devices, loop: CommandLoop): void {
  devices.onFault((device, state) => {
    if (device === 'printer' && state === 'ready') loop.printIdly();
    if (device === 'pinPad' && state === 'ready') loop.whenIdle(() => checkPad(deps));
  });
  devices.pinPad.onKey((key) => deps.clerk.padKey(key));
  loop.printIdly();
}

async function checkPad(deps: TerminalDeps): Promise<void> {
  const { signedIn, signInDue } = deps.journal.state;
  const { macCheckValue } = await deps.pinPad.status();
  if (signedIn && signInDue === null && macCheckValue === null) {
    await deps.journal.append({ type: 'sign-in due', code: 'A0' });
  }
}

class CommandLoop implements Terminal, Counter {
  readonly till: Till;
  readonly recovery: Recovery;
  readonly repair: JournalRepair | null;
  readonly #deps: TerminalDeps;
  readonly #close: () => Promise<void>;
  #isTaken = false;
  #isStopping = false;
  /** An idle print is in the queue. */
  #printsIdly = false;
  /** It was waited for in vain: not again before it says that it is ready, or somebody asks for paper. */
  #printerIsSilent = false;
  #chores: Promise<unknown> = Promise.resolve();
  /** Ends when everything that was begun has ended: commands and chores never overlap. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    deps: TerminalDeps,
    recovery: Recovery,
    repair: JournalRepair | null,
    close: () => Promise<void>,
  ) {
    this.#deps = deps;
    this.recovery = recovery;
    this.repair = repair;
    this.#close = close;
    this.till = new Till(deps, this);
  }

  get state(): TerminalState {
    return this.#deps.journal.state;
  }

  get journalHead(): string {
    return this.#deps.journal.head;
  }

  async command(line: string): Promise<CommandResult> {
    const place = this.enter();
    if (place === null) return this.#whileTaken(line);
    try {
      this.#deps.clerk.begin();
      return await place.run(() => runCommand(this.#deps, line));
    } finally {
      place.leave();
    }
  }

  enter(): Place | null {
    if (this.#isTaken) return null;
    this.#isTaken = true;
    return {
      run: (act) =>
        this.#after(async () => {
          const ended = await this.#guarded(act);
          await this.#guarded(() => serveWish(this.#deps));
          // A reversal that was closed on the way tells its till what became of the money.
          await this.#guarded(async () => {
            await this.till.finishClosed();
            return ended;
          });
          await this.note();
          return ended;
        }),
      leave: () => {
        this.#isTaken = false;
        if (!this.#printerIsSilent) this.printIdly();
      },
    };
  }

  /** While a till's request runs, a clerk can end it and nothing else. */
  #whileTaken(line: string): CommandResult {
    if (CANCEL_WORDS.includes(line.trim()) && this.till.cancelFromCounter())
      return succeeded('正在取消收银机请求', "the till's request is being cancelled");
    return failed(new PosError('NOT_ALLOWED_NOW', 'another command is running'));
  }

  /** How far the journal is acknowledged. A mark that cannot be written only proves less. */
  async note(): Promise<void> {
    await this.#deps.journal.note().catch((error: unknown) => {
      this.#deps.log.warn(
        { name: error instanceof Error ? error.name : 'unknown' },
        'the mark was not written',
      );
    });
  }

  /** Runs a small chore between commands. */
  whenIdle(chore: () => Promise<unknown>): void {
    this.#chores = this.#after(async () => {
      if (!this.#isStopping) await chore();
    }).catch((error: unknown) => this.#logFailure(error));
  }

  /** Pending slips, one copy at a time: a command that comes meanwhile waits for no more than that. */
  printIdly(): void {
    if (!this.state.slips.some(isPending) || this.#printsIdly) return;
    this.#printsIdly = true;
    this.whenIdle(async () => {
      this.#printsIdly = false;
      if (this.#deps.printer.state() !== 'ready') return;
      const trouble = await printNext(this.#deps);
      this.#printerIsSilent = trouble?.code === 'DEVICE_SILENT';
      if (trouble === null) this.printIdly();
    });
  }

  /** A copy that is being printed is ended first, within its time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (!this.#isTaken) await this.#chores;
    await this.note();
    await this.#close();
  }

  #after<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(act);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #guarded(act: () => Promise<CommandResult>): Promise<CommandResult> {
    try {
      return await act();
    } catch (error) {
      this.#logFailure(error);
      if (!(error instanceof PosError)) {
        return failed(new PosError('INVARIANT', 'an unexpected failure: see the log', { cause: error }));
      }
      // A pad without working keys: the next command signs in first.
      if (error.code === 'KEY_UNKNOWN' && this.state.signedIn) {
        return this.#guarded(async () => {
          await this.#deps.journal.append({ type: 'sign-in due', code: 'A0' });
          return failed(error);
        });
      }
      return failed(error);
    }
  }

  #logFailure(error: unknown): void {
    if (error instanceof PosError)
      this.#deps.log.warn({ code: error.code, detail: error.detail }, 'a command ended early');
    else
      this.#deps.log.error(
        { name: error instanceof Error ? error.name : 'unknown' },
        'an unexpected failure',
      );
  }
}

/** What the host asked for in header digit 6, after the transaction is finished. */
async function serveWish(deps: TerminalDeps): Promise<CommandResult> {
  const { wanted } = deps.wishes;
  deps.wishes.wanted = 0;
  const nothing: CommandResult = { ok: true, code: 'OK', zh: '', en: '', hint: '', facts: {} };
  switch (wanted) {
    case WANTED.signIn:
      await deps.journal.append({ type: 'sign-in due', code: '3' });
      return nothing;
    case WANTED.status:
      return statusUpload(deps);
    case WANTED.settle:
      deps.clerk.show('主机请求结算', 'the host asks for settlement (command: settle)');
      return nothing;
    case WANTED.parameters:
    case WANTED.blacklist:
      deps.clerk.show(
        '主机请求下载,本机不支持',
        'the host offers a download that this terminal does not take',
      );
      return nothing;
    default:
      return nothing;
  }
}
