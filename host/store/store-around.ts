/**
 * A store that hands everything on to another one: what stands around a store changes only what it is there for. One that
 * changes what `read` finds changes `kept` too.
 */
import type { LoneWork } from './alone.ts';
import type {
  CommitHow,
  CommitItem,
  CommitOutcome,
  Found,
  Kept,
  KeyValues,
  StorePort,
  Wants,
} from './port.ts';
import type { JournalRow, TableName, Tables } from './rows.ts';

export abstract class StoreAround implements StorePort {
  protected readonly store: StorePort;

  constructor(store: StorePort) {
    this.store = store;
  }

  get momentMs(): number | undefined {
    return this.store.momentMs;
  }
  read(wants: Wants): Promise<Found> {
    return this.store.read(wants);
  }
  kept(wants: Wants): Kept | null {
    return this.store.kept?.(wants) ?? null;
  }
  ready(item: CommitItem): CommitItem {
    return this.store.ready?.(item) ?? item;
  }
  commit(items: readonly CommitItem[], how?: CommitHow): Promise<readonly CommitOutcome[]> {
    return this.store.commit(items, how);
  }
  scan<T extends TableName>(
    table: T,
    where?: Partial<Record<keyof Tables[T] & string, string | number>>,
    after?: KeyValues,
  ): AsyncIterable<readonly Tables[T][]> {
    return this.store.scan(table, where, after);
  }
  transactions(transactionIds: readonly string[]): ReturnType<StorePort['transactions']> {
    return this.store.transactions(transactionIds);
  }
  scanJournal(stream?: string, afterSequence?: number): AsyncIterable<readonly JournalRow[]> {
    return this.store.scanJournal(stream, afterSequence);
  }
  journalHeads(): ReturnType<StorePort['journalHeads']> {
    return this.store.journalHeads();
  }
  balances(options?: Parameters<StorePort['balances']>[0]): ReturnType<StorePort['balances']> {
    return this.store.balances(options);
  }
  sums(options?: Parameters<StorePort['sums']>[0]): ReturnType<StorePort['sums']> {
    return this.store.sums(options);
  }
  alone<T>(name: string, work: LoneWork<T>): Promise<T> {
    return this.store.alone(name, work);
  }
  highest(): ReturnType<StorePort['highest']> {
    return this.store.highest();
  }
  close(): Promise<void> {
    return this.store.close();
  }
}
