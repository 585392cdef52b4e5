/** For the terminal's tests: a machine in memory whose power can be cut at any act that leaves the process. */
import { createHash } from 'node:crypto';
import type { Clock, Random } from './clock.ts';
import type { JournalDisk } from './journal/disk.ts';

/** Stands for the machine: when the power is gone nothing that leaves the process works any more. */
export class Power {
  #left: number;
  readonly #mode: 'before' | 'after' | 'torn';
  isOn = true;
  /** Acts so far: journal appends, sends, prints. */
  acts = 0;

  constructor(cutAt = Number.POSITIVE_INFINITY, mode: 'before' | 'after' | 'torn' = 'before') {
    this.#left = cutAt;
    this.#mode = mode;
  }

  /** Lets one act happen; cuts before it, after it, or in its middle. */
  async act(whole: () => void | Promise<void>, half: () => void = () => undefined): Promise<void> {
    if (!this.isOn) throw new Error('the power is off');
    this.acts += 1;
    this.#left -= 1;
    if (this.#left > 0) {
      await whole();
      return;
    }
    this.isOn = false;
    if (this.#mode === 'after') await whole();
    if (this.#mode === 'torn') half();
    throw new Error('the power is off');
  }
}

export class MemoryDisk implements JournalDisk {
  readonly files: Map<string, Buffer>;
  power = new Power();
  readonly happened: string[];

  constructor(files: Map<string, Buffer> = new Map<string, Buffer>(), happened: string[] = []) {
    this.files = files;
    this.happened = happened;
  }

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()];
  }

  async read(name: string): Promise<Buffer> {
    return Buffer.from(this.files.get(name) ?? Buffer.alloc(0));
  }

  async append(name: string, bytes: Buffer): Promise<void> {
    const add = (part: Buffer) => {
      this.files.set(name, Buffer.concat([this.files.get(name) ?? Buffer.alloc(0), part]));
    };
    await this.power.act(
      () => {
        add(bytes);
        this.happened.push(`journal ${this.#describe(bytes)}`);
      },
      () => add(bytes.subarray(0, bytes.length >> 1)),
    );
  }

  async place(name: string, bytes: Buffer): Promise<void> {
    this.files.set(name, Buffer.from(bytes));
  }

  async note(name: string, bytes: Buffer): Promise<void> {
    if (!this.power.isOn) throw new Error('the power is off');
    this.files.set(name, Buffer.from(bytes));
  }

  async release(): Promise<void> {}

  #describe(bytes: Buffer): string {
    const event = JSON.parse(bytes.toString().split('\t')[0] ?? '{}') as { type: string; to?: string };
    return event.to === undefined ? event.type : event.to;
  }
}

export class ManualClock implements Clock {
  time = Date.UTC(2026, 10, 22, 4, 0, 0);
  #timers: { at: number; act: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, act: () => void) {
    const timer = { at: this.time + ms, act };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((one) => one !== timer)) };
  }

  pass(ms: number): void {
    this.time += ms;
    const due = this.#timers.filter((one) => one.at <= this.time);
    this.#timers = this.#timers.filter((one) => one.at > this.time);
    for (const { act } of due) act();
  }
}

let drawn = 0;

/** Not random, but never the same twice, also not after a restart. */
export class CountingRandom implements Random {
  bytes(count: number): Buffer {
    drawn += 1;
    const seed = createHash('sha256').update(`random ${drawn}`).digest();
    return Buffer.concat([seed, seed, seed, seed]).subarray(0, count);
  }
}
