/**
 * One world under one seed: terminals, devices, wire, host, both disks and the clock in this process, on the
 * real code of terminal and host, with people who trade and faults that strike. It trades, then the faults
 * stop, then everything must come into order in a bounded number of steps, and then the checks judge it.
 */
import type { TerminalConfig } from '../../terminal/index.ts';
import { judge, type Violation } from './checks/checks.ts';
import { Dice } from './dice.ts';
import { FAULTS, type FaultName, type Struck } from './faults.ts';
import { type Genesis, genesis, openDevices } from './genesis.ts';
import { Machine } from './machine.ts';
import { Network } from './network.ts';
import { Office } from './office.ts';
import { Counter, type Kept } from './people/counter.ts';
import { ModelTill } from './people/model-till.ts';
import { SettlementStaff } from './people/settlement-staff.ts';
import { ToldBook } from './people/told.ts';
import { Scheduler } from './scheduler.ts';
import { Shop } from './shop.ts';
import { Timeline } from './timeline.ts';

/** Events in which a world must have come to its end: liveness is counted, not timed. */
const STEPS_MAX = 400_000;
/** Rows of the fault table that a seed has in force, in 10,000. */
const ROWS_IN_FORCE = 3_000;

const WEATHER = [1, 3, 6, 10] as const;

export interface WorldOptions {
  readonly seed: number;
  /** These alone, always in force; undefined: the seed draws which. */
  readonly faults?: readonly FaultName[];
  /** The exact point of a single fault, at the first task; undefined: drawn. */
  readonly at?: number;
  readonly terminals?: number;
  readonly tasks?: number;
  /** How often a till asks for what it can ask for, in 10,000; undefined: drawn. */
  readonly byTill?: number;
}

export interface Verdict {
  readonly seed: number;
  readonly steps: number;
  /** Transactions that the terminals' journals know. */
  readonly transactions: number;
  readonly powerCuts: number;
  readonly faultsStruck: number;
  readonly violations: readonly Violation[];
}

/** What a world is made of before anything happens in it. */
interface Parts {
  readonly scheduler: Scheduler;
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly network: Network;
  readonly office: Office;
  readonly shops: readonly Shop[];
  readonly told: ToldBook;
  readonly genesis: Genesis;
}

async function build(options: WorldOptions): Promise<Parts> {
  const made = await genesis();
  const scheduler = new Scheduler();
  const timeline = new Timeline(() => ({ now: scheduler.now, steps: scheduler.steps }));
  const dice = new Dice(`world ${options.seed}`);
  const base = { scheduler, timeline, dice };
  const network = new Network(base);
  const vault = await made.vault(dice.of('vault'));
  const office = new Office({ world: base, network, vault, snapshot: made.host });
  const told = new ToldBook(timeline);
  const shops: Shop[] = [];
  const terminals = options.terminals ?? dice.of('terminals').between(1, made.places.length);
  for (const { terminalId, merchant, journal, tmk } of made.places.slice(0, terminals)) {
    const machine = new Machine(terminalId, base);
    const devices = await openDevices(machine, base, tmk);
    const { machine: hostMachine } = office;
    shops.push(
      new Shop({
        machine,
        devices,
        merchant,
        world: base,
        network,
        hostMachine,
        told,
        settings: habitsOf(dice.of(`settings ${terminalId}`)),
        snapshot: journal,
      }),
    );
  }
  return { ...base, network, office, shops, told, genesis: made };
}

/** Shops differ in how long they try a reversal, and in what they do with one that they could not send. */
function habitsOf(dice: Dice): Partial<TerminalConfig> {
  return { reversalTries: dice.pick([3, 3, 2, 1]), afterReversalTries: dice.pick(['ask', 'goOn']) };
}

export class World {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly network: Network;
  readonly office: Office;
  readonly staff: SettlementStaff;
  readonly shops: readonly Shop[];
  readonly counters: readonly Counter[];
  readonly told: ToldBook;
  readonly genesis: Genesis;
  readonly #inForce: readonly FaultName[];
  readonly #at: number | null;
  readonly #faultDice: Dice;
  /** How much more often faults strike than their rows say: some days are quiet, some are storms. */
  readonly #weather: number;
  /** A cut that is planned strikes although the faults are over: for exact points within a recovery. */
  keepsSecondCut = false;
  #areFaultsOver = false;
  #struck = 0;
  #cuts = 0;

  static async open(options: WorldOptions): Promise<World> {
    return new World(options, await build(options));
  }

  private constructor(options: WorldOptions, parts: Parts) {
    this.seed = options.seed;
    this.scheduler = parts.scheduler;
    this.timeline = parts.timeline;
    this.dice = parts.dice;
    this.network = parts.network;
    this.office = parts.office;
    this.shops = parts.shops;
    this.told = parts.told;
    this.genesis = parts.genesis;
    this.staff = new SettlementStaff(this.office, this);
    const drawer: Kept[] = [];
    const { scheduler, dice } = this;
    const { cards } = parts.genesis;
    const tasks = options.tasks ?? dice.of('tasks').between(2, 14);
    this.counters = this.shops.map((shop) => {
      const till = new ModelTill(shop.terminalId, this, this.told);
      return new Counter({ shop, till, cards, scheduler, dice, drawer, tasks });
    });
    // Some shops have a till, some have none.
    for (const counter of this.counters)
      counter.byTill = options.byTill ?? dice.of('tills').pick([0, 0, 3_000, 8_000]);
    this.#faultDice = dice.of('faults');
    this.#inForce =
      options.faults ??
      (Object.keys(FAULTS) as FaultName[]).filter(() => this.#faultDice.falls(ROWS_IN_FORCE));
    this.#at = options.at ?? null;
    this.#weather = dice.of('weather').pick(WEATHER);
    for (const { shop } of this.counters) shop.onStart = () => this.#strike('start', shop);
    for (const counter of this.counters) counter.beforeTask = (shop) => this.#strike('task', shop);
    for (const { machine } of [this.office, ...this.shops])
      machine.onCut(() => {
        this.#cuts += 1;
      });
  }

  /** Opens the shop, lets it trade and end, and judges. */
  async run(): Promise<Verdict> {
    this.open();
    await this.trade();
    await this.comeToOrder();
    return this.verdict();
  }

  open(): void {
    this.office.boot();
    for (const shop of this.shops) shop.boot();
  }

  async trade(): Promise<void> {
    await this.#until(() => this.counters.every((counter) => counter.isIdle));
  }

  /** The faults stop: what has happened is put in order, then the day is closed. */
  async comeToOrder(): Promise<void> {
    await this.recover();
    await this.#until(() => this.counters.every((counter) => counter.outcome !== 'open'));
    this.staff.ask('cut over', 'clear');
    await this.#until(() => this.staff.isDone || this.staff.isStuck);
  }

  /** From now on only what has happened has to be put in order: until no shop owes anything any more. */
  async recover(): Promise<void> {
    this.#areFaultsOver = true;
    this.timeline.note('world', 'the faults stop');
    this.network.spare();
    if (!this.keepsSecondCut) this.office.machine.spare();
    this.office.faults.clear();
    this.office.disk.mend();
    this.office.boot();
    this.staff.startAfresh();
    for (const shop of this.shops) {
      if (!this.keepsSecondCut) shop.machine.spare();
      shop.disk.mend();
      shop.devices.spare();
    }
    for (const counter of this.counters) counter.tidyUp();
    await this.#until(() => this.counters.every((counter) => counter.owesNothing));
  }

  async verdict(): Promise<Verdict> {
    const { violations, transactions } = await judge(this);
    return {
      seed: this.seed,
      steps: this.scheduler.steps,
      transactions,
      powerCuts: this.#cuts,
      faultsStruck: this.#struck,
      violations,
    };
  }

  /** Frees what a world holds outside the heap. */
  close(): void {
    this.office.close();
    for (const shop of this.shops) shop.devices.close();
  }

  #strike(when: 'task' | 'start', shop: Shop): void {
    if (this.#areFaultsOver) return;
    const { office, network, staff, scheduler } = this;
    const struck: Struck = { shop, office, network, staff, scheduler, dice: this.#faultDice, at: this.#at };
    for (const name of this.#inForce) {
      const row = FAULTS[name];
      if (row.when !== when || (this.#at !== null && this.#struck > 0)) continue;
      if (this.#at === null && !this.#faultDice.falls(row.chance * this.#weather)) continue;
      this.#struck += 1;
      this.timeline.note('world', `${name} is armed (${row.en})`);
      row.strike(struck);
    }
  }

  async #until(isSo: () => boolean): Promise<void> {
    await this.scheduler.quiet();
    while (!isSo() && this.scheduler.steps < STEPS_MAX) if (!(await this.scheduler.step())) return;
  }
}
