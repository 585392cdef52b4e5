/**
 * For how many it pays to wait before a batch is decided. Who waits for an answer comes back after it, so those just
 * answered come in step: where a commit costs much however little is in it (`StorePort.momentMs`), the first of them
 * waits for the others, a moment at the most. Everywhere else, and where few are under way, nobody waits for anybody.
 */
import { type Clock, within } from '../clock.ts';

/** So many make a batch worth what it costs by itself: 500 µs of this thread and as much of the database. */
export const WORTH_A_BATCH = 32;

export class Gathering {
  readonly #clock: Clock;
  readonly #momentMs: () => number | undefined;
  #isOn = false;
  #awaited = 1;
  #wake: (() => void) | null = null;

  /** @param momentMs the store's, undefined where its commits are cheap */
  constructor(clock: Clock, momentMs: () => number | undefined) {
    this.#clock = clock;
    this.#momentMs = momentMs;
  }

  /** How many are waited for; else one. */
  get awaited(): number {
    return this.#awaited;
  }

  /** Wakes who waits, where as many are there as are awaited. */
  arrived(waiting: number): void {
    if (waiting >= this.#awaited) this.wake();
  }

  wake(): void {
    this.#wake?.();
  }

  /** Resolves when as many wait as are awaited, or it is woken otherwise. Only the promise of the last call does. */
  enough(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  /** Resolves when as many wait as are awaited, or for a moment nobody came. */
  async gathered(waiting: () => number): Promise<void> {
    const ms = this.#isOn ? this.#momentMs() : undefined;
    if (ms === undefined) return;
    while (waiting() < this.#awaited) {
      const before = waiting();
      await within(this.#clock, ms, this.enough());
      if (waiting() === before) return;
    }
  }

  /**
   * Judges how many are awaited after some were answered.
   * @param others under way beside them
   */
  awaitAfter(answered: number, others: number): void {
    const all = answered + others;
    // A few are no batch, also together: to them a moment's wait is time lost, not a commit saved.
    this.#isOn = this.#momentMs() !== undefined && all >= WORTH_A_BATCH / 2;
    this.#awaited = this.#isOn
      ? // The half of all, so that the other half may be committed meanwhile; of fewer than two batches all.
        Math.min(all, Math.max(WORTH_A_BATCH, Math.ceil(all / 2)))
      : 1;
  }
}
