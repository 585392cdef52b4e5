/**
 * One computer of the world, terminal or host, that may lose its power between any two of its effects. A life
 * is what runs between two power cuts: when it ends, none of its timers, promises and ports acts any more;
 * only what its disk holds goes on.
 */
import type { Clock } from '../../terminal/index.ts';
import type { Dice } from './dice.ts';
import type { DiskHooks } from './disk/disk.ts';
import type { Scheduler } from './scheduler.ts';
import type { Timeline } from './timeline.ts';

/** Everything by which a computer touches what is outside its processor and memory. */
export type EffectKind = 'disk write' | 'disk sync' | 'disk name' | 'serial byte' | 'socket byte';

/** An effect as it is listed: its number in its machine's count, from 1. */
export interface Effect {
  readonly number: number;
  readonly kind: EffectKind;
  readonly detail: string;
}

/** How the clock of the world begins: 28 February of a leap year, 09:00 in Zhengzhou. */
export const WORLD_BEGINS = Date.UTC(2028, 1, 28, 1, 0, 0);

/** The world's own clock, for devices: it does not die with a computer. */
export function worldClock(scheduler: Scheduler): Clock {
  return { now: () => WORLD_BEGINS + scheduler.now, after: (ms, act) => scheduler.after(ms, act) };
}

export class Machine {
  readonly name: string;
  readonly dice: Dice;
  readonly #scheduler: Scheduler;
  readonly #timeline: Timeline;
  readonly #onCut: (() => void)[] = [];
  #life = 0;
  #isOn = false;
  #effects = 0;
  #cutBefore = Number.POSITIVE_INFINITY;
  #recorded: Effect[] | null = null;
  /** How far this machine's clock is from the world's, in milliseconds. */
  clockOffset = 0;

  constructor(name: string, world: { scheduler: Scheduler; timeline: Timeline; dice: Dice }) {
    this.name = name;
    this.#scheduler = world.scheduler;
    this.#timeline = world.timeline;
    this.dice = world.dice.of(name);
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Effects so far, over all lives. */
  get effects(): number {
    return this.#effects;
  }

  /** Begins a life: its clock dies with it. */
  boot(): Clock & { soon(act: () => void): void } {
    this.#life += 1;
    this.#isOn = true;
    this.#timeline.note(this.name, `power on (life ${this.#life})`);
    const life = this.#life;
    const after = (ms: number, act: () => void) =>
      this.#scheduler.after(ms, () => {
        if (this.#isOn && this.#life === life) act();
      });
    return {
      now: () => WORLD_BEGINS + this.#scheduler.now + this.clockOffset,
      after,
      soon: (act) => void after(0, act),
    };
  }

  /** The power goes now. */
  cut(why = 'power cut'): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    this.#cutBefore = Number.POSITIVE_INFINITY;
    this.#timeline.note(this.name, why);
    for (const listener of this.#onCut) listener();
  }

  /** Called at each end of a life, before anything else happens. */
  onCut(listener: () => void): void {
    this.#onCut.push(listener);
  }

  /** What the disk asks of its computer. */
  get diskHooks(): DiskHooks {
    const isOn = () => this.#isOn;
    return {
      mayHappen: this.mayHappen,
      get isOn() {
        return isOn();
      },
    };
  }

  /** The power will go just before the effect that is `ahead` effects from now; 1 is the next. */
  cutBeforeEffect(ahead: number): void {
    this.#cutBefore = this.#effects + ahead;
  }

  spare(): void {
    this.#cutBefore = Number.POSITIVE_INFINITY;
  }

  /** Every effect announces itself here first. False: the power is off, it must not happen. */
  readonly mayHappen = (kind: EffectKind, detail: string): boolean => {
    if (!this.#isOn) return false;
    this.#effects += 1;
    if (this.#effects >= this.#cutBefore) {
      this.cut(`power cut before ${kind} ${detail} (effect ${this.#effects})`);
      return false;
    }
    this.#recorded?.push({ number: this.#effects, kind, detail });
    return true;
  };

  /** Writes down the effects from here on. @returns ends it and gives the list */
  record(): () => readonly Effect[] {
    const recorded: Effect[] = [];
    this.#recorded = recorded;
    return () => {
      this.#recorded = null;
      return recorded;
    };
  }

  /**
   * Bytes of one frame on their way out: three points, before the first byte, in the middle, behind the last.
   * @returns what has left, and whether the machine still runs to know it
   */
  bytesLeaving(kind: 'serial byte' | 'socket byte', detail: string, bytes: Buffer) {
    if (!this.mayHappen(kind, `${detail} first`)) return { left: bytes.subarray(0, 0), alive: false };
    if (!this.mayHappen(kind, `${detail} middle`))
      return { left: bytes.subarray(0, bytes.length >> 1), alive: false };
    return { left: bytes, alive: this.mayHappen(kind, `${detail} last`) };
  }
}

/** What a dead machine's callers wait for. */
export const never = (): Promise<never> => new Promise(() => undefined);
