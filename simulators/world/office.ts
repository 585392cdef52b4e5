/** The host's computer in a world: its disk outlives it, its keys rest in an HSM that the power cut spares. */
import { folderFiles, type OpenHost, openHost } from '../../host/index.ts';
import type { Vault } from '../../keys/index.ts';
import type { Dice } from './dice.ts';
import { type AfterCut, type DiskSnapshot, WorldDisk } from './disk/disk.ts';
import { diskFiles } from './disk/disk-files.ts';
import { markSlots } from './disk/mark-slots.ts';
import { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import { openWorldSqlite, StoreFaults, type WorldSqlite } from './sqlite/sqlite-engine.ts';
import type { Timeline } from './timeline.ts';

export const DATABASE = 'host.sqlite';
const MARK = 'acknowledged-01.mark';
export const SETTLEMENT = 'settlement';
/** The business date on which the world begins. */
export const FIRST_DAY = '20280228';
/** What the host logs only when its own code has failed, whatever befell its machine. */
const DEFECTS: readonly string[] = [
  'the commit engine failed',
  'a frame could not be handled',
  'a committed decision could not be answered',
  'a request could not be judged',
];
const RESTART_LEAST_MS = 3_000;
const RESTART_MOST_MS = 90_000;

export class Office {
  readonly machine: Machine;
  readonly disk: WorldDisk;
  readonly faults = new StoreFaults();
  /** Failures that are defects, whatever befell the machine. */
  readonly defects: string[] = [];
  /** What a power cut leaves of what was not synced. */
  afterCut: AfterCut = 'dice';
  readonly #world: { scheduler: Scheduler; timeline: Timeline; dice: Dice };
  readonly #network: Network;
  readonly #vault: Vault;
  #host: OpenHost | null = null;
  #driver: WorldSqlite | null = null;

  constructor(options: {
    readonly world: { scheduler: Scheduler; timeline: Timeline; dice: Dice };
    readonly network: Network;
    readonly vault: Vault;
    readonly snapshot?: DiskSnapshot;
  }) {
    const { world, network, vault, snapshot } = options;
    this.#world = world;
    this.#network = network;
    this.#vault = vault;
    this.machine = new Machine('host', world);
    this.disk = snapshot === undefined ? new WorldDisk() : WorldDisk.from(snapshot);
    this.machine.onCut(() => this.#dead());
  }

  /** The running host; null while it is off or starting. */
  get host(): OpenHost['deps'] | null {
    return this.machine.isOn ? (this.#host?.deps ?? null) : null;
  }

  /** Switches it on. It restarts by itself after a power cut, as a service does. */
  boot(): void {
    if (this.machine.isOn) return;
    const clock = this.machine.boot();
    this.#open(clock).catch((error: unknown) => {
      this.#world.timeline.note('host', `does not start: ${String(error)}`);
      this.machine.cut('the host gives up and is restarted');
    });
  }

  /** Ends in order: what is in flight is answered, the database is one file again. */
  async stop(): Promise<void> {
    await this.#host?.stop();
    this.afterCut = 'keep everything';
    this.machine.cut('stopped');
  }

  /** The world is over: what the engine holds outside the heap is given back. */
  close(): void {
    this.#driver?.abandon();
    this.#driver = null;
  }

  async #open(clock: ReturnType<Machine['boot']>): Promise<void> {
    const random = this.machine.dice.of(`random ${this.machine.effects}`);
    const mount = this.disk.mount(this.machine.diskHooks);
    const driver = await openWorldSqlite(mount, DATABASE, { clock, dice: random, faults: this.faults });
    this.#driver = driver;
    const host = await openHost({
      clock,
      random,
      vault: this.#vault,
      driver,
      marks: markSlots(mount, MARK),
      listener: this.#network.listener(),
      files: await folderFiles(diskFiles(mount), SETTLEMENT, random),
      log: this.#log(),
      stream: '01',
      initialBusinessDate: FIRST_DAY,
    });
    this.#host = host;
    this.#world.timeline.note('host', 'serves');
  }

  #dead(): void {
    const driver = this.#driver;
    this.#driver = null;
    this.#host = null;
    this.#network.hostIsDead();
    // Not within the call that met the cut: it may come from inside the database engine.
    this.#world.scheduler.after(0, () => {
      this.disk.powerCut(this.afterCut === 'dice' ? this.machine.dice : this.afterCut);
      driver?.abandon();
      this.faults.clear();
    });
    const ms = this.machine.dice.between(RESTART_LEAST_MS, RESTART_MOST_MS);
    this.#world.scheduler.after(ms, () => this.boot());
  }

  #log() {
    const note = (level: string) => (about: object, text: string) => {
      this.#world.timeline.note('host', `${level} ${text} ${JSON.stringify(about)}`);
    };
    return {
      info: () => undefined,
      warn: note('warn'),
      error: (about: object, text: string) => {
        note('error')(about, text);
        if (DEFECTS.includes(text)) this.defects.push(`${text} ${JSON.stringify(about)}`);
      },
    };
  }
}
