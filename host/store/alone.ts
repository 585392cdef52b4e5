/** Work of which there is one at a time on a database: what every store's `alone` is made of. */
import { PosError } from '../../protocol/index.ts';

/**
 * @param still resolves while nobody else does work of that name; rejects with NOT_ALLOWED_NOW when the name was lost
 *   to another process, and with STORE_FAILED when that cannot be asked. To be called before each step.
 */
export type LoneWork<T> = (still: () => Promise<void>) => Promise<T>;

/** The names that this process holds: all there is to hold where it has the database to itself. */
export class NamesHeld {
  readonly #names = new Set<string>();

  /** @throws NOT_ALLOWED_NOW when the name is held */
  async hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#names.has(name)) throw heldBySomebody(name);
    this.#names.add(name);
    try {
      return await work();
    } finally {
      this.#names.delete(name);
    }
  }
}

export function heldBySomebody(name: string): PosError {
  return new PosError(
    'NOT_ALLOWED_NOW',
    `${name}: 正在由他人或另一台主机执行,请待其完成 is being done by somebody else or at another host: let it finish`,
  );
}
