/** For the drivers' tests: a line in memory and a clock that moves when the test says so. */
import { PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import type { BytePort } from './ports.ts';

/** More promises than any driver chains one behind the other. */
const STEPS_MAX = 200;

/** What is written to it is kept; the test answers by `say`. */
export class TestLine implements BytePort {
  readonly written: Buffer[] = [];
  /** Answers to a write, as the device would; called at once. */
  device: (bytes: Buffer) => void = () => {};
  isThere = true;
  isOpen = false;
  readonly #data: ((chunk: Buffer) => void)[] = [];
  readonly #close: ((reason: string) => void)[] = [];

  async open(): Promise<void> {
    if (!this.isThere) throw new PosError('DEVICE_ABSENT', 'no such line');
    this.isOpen = true;
  }

  async write(bytes: Buffer): Promise<void> {
    if (!this.isOpen) throw new PosError('DEVICE_ABSENT', 'closed');
    this.written.push(Buffer.from(bytes));
    this.device(bytes);
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#data.push(listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.#close.push(listener);
  }

  async close(): Promise<void> {
    this.#closed('closed');
  }

  say(bytes: Buffer | string): void {
    for (const listener of this.#data) listener(Buffer.from(bytes as Buffer));
  }

  pullOut(): void {
    this.isThere = false;
    this.#closed('unplugged');
  }

  #closed(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const listener of this.#close) listener(reason);
  }
}

export class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; act: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, act: () => void): { cancel(): void } {
    const timer = { at: this.#now + ms, act };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Lets time pass, timer after timer, with all that follows from each. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = next.at;
      next.act();
      await settle();
    }
    this.#now = end;
  }

  get pending(): number {
    return this.#timers.length;
  }
}

/** Until everything that promises lead to has happened. */
export async function settle(): Promise<void> {
  for (let step = 0; step < STEPS_MAX; step += 1) await Promise.resolve();
}
