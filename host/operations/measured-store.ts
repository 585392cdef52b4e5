/** A store whose reads and commits are timed and counted; what they do is the store's own. */
import { PosError } from '../../protocol/index.ts';
import type { LoneWork } from '../store/alone.ts';
import type { CommitItem, CommitOutcome, Found, StorePort, Wants } from '../store/port.ts';
import type { JournalRow, TableName, Tables } from '../store/rows.ts';
import type { Metrics } from './metrics.ts';

export class MeasuredStore implements StorePort {
  readonly #store: StorePort;
  readonly #metrics: Metrics;

  constructor(store: StorePort, metrics: Metrics) {
    this.#store = store;
    this.#metrics = metrics;
  }

  async read(wants: Wants): Promise<Found> {
    const began = this.#metrics.elapsedMs();
    const found = await this.#store.read(wants);
    this.#metrics.observe('read', (this.#metrics.elapsedMs() - began) / 1000);
    return found;
  }

  async commit(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    const began = this.#metrics.elapsedMs();
    try {
      const outcomes = await this.#store.commit(items);
      this.#metrics.count('commit', 'done');
      this.#metrics.observe('commit', (this.#metrics.elapsedMs() - began) / 1000);
      this.#metrics.observe('commit items', items.length);
      return outcomes;
    } catch (error) {
      this.#metrics.count('commit', error instanceof PosError ? error.code : 'INVARIANT');
      throw error;
    }
  }

  scan<T extends TableName>(
    table: T,
    where?: Partial<Record<keyof Tables[T] & string, string | number>>,
  ): AsyncIterable<readonly Tables[T][]> {
    return this.#store.scan(table, where);
  }
  scanJournal(stream?: string, afterSequence?: number): AsyncIterable<readonly JournalRow[]> {
    return this.#store.scanJournal(stream, afterSequence);
  }
  journalHeads(): ReturnType<StorePort['journalHeads']> {
    return this.#store.journalHeads();
  }
  balances(options?: Parameters<StorePort['balances']>[0]): ReturnType<StorePort['balances']> {
    return this.#store.balances(options);
  }
  alone<T>(name: string, work: LoneWork<T>): Promise<T> {
    return this.#store.alone(name, work);
  }
  highest(): ReturnType<StorePort['highest']> {
    return this.#store.highest();
  }
  close(): Promise<void> {
    return this.#store.close();
  }
}
