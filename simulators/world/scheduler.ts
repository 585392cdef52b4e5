/**
 * Virtual time. Whatever happens in a world is an event in one queue, ordered by time and then by the order of
 * asking; between two events everything that they set in motion runs to its end. Nothing waits for real time.
 */

export interface Delay {
  cancel(): void;
}

interface Event {
  readonly at: number;
  readonly order: number;
  /** Null once it has happened or was cancelled. */
  act: (() => void) | null;
}

export class Scheduler {
  readonly #events: Event[] = [];
  #now = 0;
  #order = 0;
  /** Events that have happened: a world's clock for bounds, as it cannot stand still. */
  steps = 0;

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /** Calls `act` once, `ms` virtual milliseconds from now; less than 0 is 0. */
  after(ms: number, act: () => void): Delay {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order++, act };
    this.#insert(event);
    return {
      cancel: () => {
        event.act = null;
      },
    };
  }

  /** Resolves `ms` later. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Lets everything that was set in motion outside an event run to its end. */
  async quiet(): Promise<void> {
    await allThatFollows();
  }

  /** Lets the next event happen with all that follows from it at once. False: there is none. */
  async step(): Promise<boolean> {
    for (;;) {
      const event = this.#events.pop();
      if (event === undefined) return false;
      const { act } = event;
      if (act === null) continue;
      event.act = null;
      this.#now = event.at;
      this.steps += 1;
      act();
      await allThatFollows();
      return true;
    }
  }

  /** The queue is kept with the next event last. */
  #insert(event: Event): void {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle] as Event;
      if (other.at > event.at || (other.at === event.at && other.order > event.order)) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }
}

/** The event loop takes its next turn only when no promise has anything left to do. */
function allThatFollows(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
