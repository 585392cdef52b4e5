/** A store whose reads and commits are timed and counted; what they do is the store's own. */
import { PosError } from '../../protocol/index.ts';
import type { CommitHow, CommitItem, CommitOutcome, Found, StorePort, Wants } from '../store/port.ts';
import { StoreAround } from '../store/store-around.ts';
import type { Metrics } from './metrics.ts';

export class MeasuredStore extends StoreAround {
  readonly #metrics: Metrics;

  constructor(store: StorePort, metrics: Metrics) {
    super(store);
    this.#metrics = metrics;
  }

  override async read(wants: Wants): Promise<Found> {
    const began = this.#metrics.elapsedMs();
    const found = await this.store.read(wants);
    this.#metrics.observe('read', (this.#metrics.elapsedMs() - began) / 1000);
    return found;
  }

  override async commit(items: readonly CommitItem[], how?: CommitHow): Promise<readonly CommitOutcome[]> {
    const began = this.#metrics.elapsedMs();
    try {
      const outcomes = await this.store.commit(items, how);
      this.#metrics.count('commit', 'done');
      this.#metrics.observe('commit', (this.#metrics.elapsedMs() - began) / 1000);
      this.#metrics.observe('commit items', items.length);
      return outcomes;
    } catch (error) {
      this.#metrics.count('commit', error instanceof PosError ? error.code : 'INVARIANT');
      throw error;
    }
  }
}
