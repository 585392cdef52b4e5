import type { StorePort } from './port.ts';

/** A store's methods as a plain object, so that a test can replace some of them. */
export function bound(store: StorePort): StorePort {
  return {
    read: (wants) => store.read(wants),
    commit: (items, how) => store.commit(items, how),
    scan: (table, where) => store.scan(table, where),
    transactions: (ids) => store.transactions(ids),
    scanJournal: (stream, after) => store.scanJournal(stream, after),
    journalHeads: () => store.journalHeads(),
    balances: (options) => store.balances(options),
    sums: (options) => store.sums(options),
    alone: (name, work) => store.alone(name, work),
    highest: () => store.highest(),
    close: () => store.close(),
  };
}
