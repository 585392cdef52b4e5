/**
 * An item with all of its commit that depends on nothing else: looked through, its records hashed, its rows spelled.
 * It goes for the item that it was made of.
 */
import { type PreparedItem, prepareItem } from './guards.ts';
import type { CommitItem } from './port.ts';

export class ReadyItem<Rows> implements CommitItem, PreparedItem {
  readonly item: CommitItem;
  readonly guards: CommitItem['guards'];
  readonly changes: CommitItem['changes'];
  readonly journal: CommitItem['journal'];
  readonly records: PreparedItem['records'];
  readonly written: PreparedItem['written'];
  readonly failure: PreparedItem['failure'];
  readonly #spell: (item: CommitItem) => Rows;
  #rows: Rows | undefined;

  /** @param spell gives the rows as the store writes them; throws STORE_REFUSED where one cannot be written */
  constructor(item: CommitItem, spell: (item: CommitItem) => Rows) {
    const { records, written, failure } = prepareItem(item);
    this.item = item;
    this.guards = item.guards;
    this.changes = item.changes;
    this.journal = item.journal;
    this.records = records;
    this.written = written;
    this.failure = failure;
    this.#spell = spell;
  }

  /** @throws STORE_REFUSED as `spell` does */
  get rows(): Rows {
    this.#rows ??= this.#spell(this.item);
    return this.#rows;
  }

  /** Spells the rows now. Rows that cannot be spelled fail their commit, not this. */
  spelled(): this {
    try {
      void this.rows;
    } catch {
      // The commit meets it again, and knows whom to tell.
    }
    return this;
  }
}
