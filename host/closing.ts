/**
 * What was opened, to be closed in turn: what was opened last first, each when the one after it is closed. A disk or a
 * server that hangs would hold that up without end, so a stop is given a time.
 */
import { PosError } from '../protocol/index.ts';
import { type Clock, within } from './clock.ts';

export class Closing {
  readonly #parts: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];
  #current = '';
  #all: Promise<void> | null = null;

  /** @param name told to a person when closing it takes too long: in Chinese and English */
  add(name: string, close: () => Promise<void> | void): void {
    this.#parts.push({ name, close });
  }

  /** Asked twice, it is done once. */
  all(): Promise<void> {
    this.#all ??= this.#inTurn();
    return this.#all;
  }

  /**
   * As `all`. What is not closed in time stays as it is.
   * @throws STOP_LATE naming what was being closed
   */
  async allWithin(clock: Clock, ms: number): Promise<void> {
    if ((await within(clock, ms, this.all())) === 'late')
      throw new PosError('STOP_LATE', `${ms / 1000} s; 尚未关闭 not closed yet: ${this.#current}`);
  }

  async #inTurn(): Promise<void> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      this.#current = part.name;
      await part.close();
    }
  }
}
