/** One shop of a world: a terminal on its computer, its devices, the clerk who works at it. */
import { createHash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import {
  type CommandResult,
  fileDisk,
  startTerminal,
  type Terminal,
  type TerminalConfig,
  terminalConfig,
} from '../../terminal/index.ts';
import type { WorldDevices } from './devices/world-devices.ts';
import type { Dice } from './dice.ts';
import { type AfterCut, type DiskSnapshot, WorldDisk } from './disk/disk.ts';
import { diskFiles } from './disk/disk-files.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import { ModelClerk, PASSWORDS } from './people/people.ts';
import { type ToldBook, tellingOf } from './people/told.ts';
import type { Scheduler } from './scheduler.ts';
import type { Timeline } from './timeline.ts';

export const JOURNAL = 'journal';
const RESTART_LEAST_MS = 5_000;
const RESTART_MOST_MS = 120_000;
const STARTS_MAX = 60;
/** Passwords cost time by design; a world spends it on seeds. The real one is proven beside the terminal. */
const cheapHash = (password: string, salt: Buffer) =>
  createHash('sha256').update(salt).update(password).digest();

export class Shop {
  readonly terminalId: string;
  readonly machine: Machine;
  readonly disk: WorldDisk;
  readonly clerk: ModelClerk;
  readonly devices: WorldDevices;
  readonly defects: string[] = [];
  /** What a power cut leaves of what was not synced. */
  afterCut: AfterCut = 'dice';
  /** Called when its power comes on, before anything runs. */
  onStart: () => void = () => undefined;
  /** Called when the terminal has started and stands ready for its clerk. */
  onReady: () => void = () => undefined;
  readonly #world: { scheduler: Scheduler; timeline: Timeline; dice: Dice };
  readonly #network: Network;
  readonly #hostMachine: Machine;
  readonly #told: ToldBook;
  readonly #merchant: { readonly id: string; readonly nameZh: string };
  readonly #settings: Partial<TerminalConfig>;
  #terminal: Terminal | null = null;
  /** In a row. */
  #startsRefused = 0;
  /** The clerk leaves it off on purpose until then. */
  #offUntil = 0;

  constructor(options: {
    /** The terminal's computer, named by its DE41. */
    readonly machine: Machine;
    readonly devices: WorldDevices;
    readonly merchant: { readonly id: string; readonly nameZh: string };
    readonly world: { scheduler: Scheduler; timeline: Timeline; dice: Dice };
    readonly network: Network;
    readonly hostMachine: Machine;
    readonly told: ToldBook;
    readonly settings?: Partial<TerminalConfig>;
    readonly snapshot?: DiskSnapshot;
  }) {
    this.machine = options.machine;
    this.terminalId = options.machine.name;
    this.devices = options.devices;
    this.#world = options.world;
    this.#network = options.network;
    this.#hostMachine = options.hostMachine;
    this.#told = options.told;
    this.#merchant = options.merchant;
    this.#settings = options.settings ?? {};
    this.disk = options.snapshot === undefined ? new WorldDisk() : WorldDisk.from(options.snapshot);
    this.clerk = new ModelClerk(this.terminalId, options.world, () => this.devices);
    this.machine.onCut(() => this.#dead());
  }

  get merchantId(): string {
    return this.#merchant.id;
  }

  /** The running terminal; null while it is off or starting. */
  get terminal(): Terminal | null {
    return this.machine.isOn ? this.#terminal : null;
  }

  boot(): void {
    if (this.machine.isOn) return;
    this.#start().catch((error: unknown) => {
      const text = error instanceof PosError ? `${error.code}: ${error.detail}` : String(error);
      this.#world.timeline.note(this.terminalId, `does not start: ${text}`);
      if (!(error instanceof PosError)) this.defects.push(`does not start: ${text}`);
      this.#startsRefused += 1;
      this.machine.cut('the clerk switches it off and on');
    });
  }

  /** It has refused to start so often that its clerk has sent for somebody: no fault lasts that long. */
  get isGivenUp(): boolean {
    return this.#startsRefused > STARTS_MAX;
  }

  /** Switches it off for that long, as for a holiday. */
  leaveOff(ms: number): void {
    this.#offUntil = this.#world.scheduler.now + ms;
    this.machine.cut(`switched off for ${Math.round(ms / 3_600_000)} hours`);
  }

  /** Types a line. Null: the power went first, and nobody was told anything. */
  async type(line: string): Promise<CommandResult> {
    const { terminal } = this;
    if (terminal === null) return new Promise(() => undefined);
    this.#world.timeline.note(this.terminalId, `> ${line}`);
    const result = await terminal.command(line);
    this.#world.timeline.note(
      this.terminalId,
      `${result.ok ? '=' : '!'} ${result.code} ${result.en} ${JSON.stringify(result.facts)}`,
    );
    if (result.code === 'INVARIANT') this.defects.push(`${line}: ${result.code} ${result.en}`);
    const telling = tellingOf(this.terminalId, result);
    if (telling !== null) this.#told.add(telling);
    return result;
  }

  async #start(): Promise<void> {
    const clock = this.machine.boot();
    this.onStart();
    const random = this.machine.dice.of(`random ${this.machine.effects}`);
    const files = diskFiles(this.disk.mount(this.machine.diskHooks));
    // The lock that keeps a second process out made the directory on a real machine.
    await files.makeDirectory(JOURNAL);
    const terminal = await startTerminal({
      clock,
      random,
      disk: fileDisk(files, JOURNAL),
      wire: this.#network.wire(this.machine, this.#hostMachine),
      devices: this.devices.connect(clock),
      clerk: this.clerk,
      log: this.#log(),
      passwordHash: cheapHash,
      config: terminalConfig({
        terminalId: this.terminalId,
        merchantId: this.#merchant.id,
        merchantName: this.#merchant.nameZh,
        supervisorPassword: PASSWORDS.supervisor,
        systemPassword: PASSWORDS.system,
        journalDirectory: JOURNAL,
        slipCopies: 1,
        ...this.#settings,
      }),
    });
    this.#terminal = terminal;
    this.#startsRefused = 0;
    this.onReady();
  }

  #dead(): void {
    this.#terminal = null;
    this.devices.disconnect();
    const { scheduler } = this.#world;
    scheduler.after(0, () =>
      this.disk.powerCut(this.afterCut === 'dice' ? this.machine.dice : this.afterCut),
    );
    if (this.isGivenUp) return;
    const ms = this.machine.dice.between(RESTART_LEAST_MS, RESTART_MOST_MS);
    scheduler.after(Math.max(ms, this.#offUntil - scheduler.now), () => this.boot());
  }

  #log() {
    const note = (level: string) => (about: object, text: string) => {
      this.#world.timeline.note(this.terminalId, `${level} ${text} ${JSON.stringify(about)}`);
    };
    return {
      info: () => undefined,
      warn: note('warn'),
      error: (about: object, text: string) => {
        note('error')(about, text);
        // What the disk refused is no defect; what nobody foresaw is.
        const { code } = about as { readonly code?: string };
        if (code === undefined || code === 'INVARIANT') this.defects.push(`${text} ${JSON.stringify(about)}`);
      },
    };
  }
}
