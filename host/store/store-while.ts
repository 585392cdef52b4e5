/**
 * A store for work that may take long and may be given up: between two pages, and before a commit, it asks whether anybody
 * still wants it. What is given up was not begun, so nothing is half done.
 */
import { addedUp, type Where } from './answers.ts';
import type {
  Balance,
  BalanceOptions,
  CommitHow,
  CommitItem,
  CommitOutcome,
  KeyValues,
  StorePort,
} from './port.ts';
import type { TableName, Tables } from './rows.ts';
import { StoreAround } from './store-around.ts';

export class StoreWhile extends StoreAround {
  readonly #demand: () => void;

  /** @param demand throws when it is wanted no longer: with that, pages and commits end */
  constructor(store: StorePort, demand: () => void) {
    super(store);
    this.#demand = demand;
  }

  override async commit(items: readonly CommitItem[], how?: CommitHow): Promise<readonly CommitOutcome[]> {
    this.#demand();
    return super.commit(items, how);
  }
  override scan<T extends TableName>(
    table: T,
    where?: Where<T>,
    after?: KeyValues,
  ): AsyncIterable<readonly Tables[T][]> {
    return this.#while(super.scan(table, where, after));
  }
  override async transactions(
    transactionIds: readonly string[],
  ): Promise<Awaited<ReturnType<StorePort['transactions']>>> {
    this.#demand();
    return super.transactions(transactionIds);
  }
  override scanJournal(stream?: string, afterSequence?: number): ReturnType<StorePort['scanJournal']> {
    return this.#while(super.scanJournal(stream, afterSequence));
  }
  override sums(options?: BalanceOptions): ReturnType<StorePort['sums']> {
    return this.#while(super.sums(options));
  }
  override balances(options?: BalanceOptions): Promise<readonly Balance[]> {
    return addedUp(this.sums(options));
  }

  async *#while<Page>(pages: AsyncIterable<Page>): AsyncIterable<Page> {
    for await (const page of pages) {
      this.#demand();
      yield page;
    }
  }
}
