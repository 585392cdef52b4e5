/**
 * Rows that were read together, or decided together, under all names that a decision asks for them by. A snapshot
 * looks through several: what was decided lies over what was read. A row's names never change.
 */
import type { Changes, Found } from '../store/port.ts';
import type {
  AccountRow,
  BatchRow,
  CardRow,
  IdentityRow,
  LotRow,
  OwedReversalRow,
  TerminalRow,
  TransactionRow,
  UploadRow,
} from '../store/rows.ts';
import { authKey, batchKey, traceKey } from './row-names.ts';

/** The names of transactions that several may share. */
export type TransactionName = 'rrn' | 'trace' | 'auth' | 'batch';

export class Layer {
  readonly identities = new Map<string, IdentityRow>();
  readonly transactions = new Map<string, TransactionRow>();
  readonly transactionsByUt = new Map<string, TransactionRow>();
  /** By the hash of their number. */
  readonly cards = new Map<string, CardRow>();
  readonly accounts = new Map<string, AccountRow>();
  readonly terminals = new Map<string, TerminalRow>();
  readonly batches = new Map<string, BatchRow>();
  /** By account, then by their own id. */
  readonly lots = new Groups<LotRow>();
  /** By batch, then by trace. */
  readonly uploads = new Groups<UploadRow>();
  /** By place, then by UT. */
  readonly owed = new Groups<OwedReversalRow>();
  /** Absolute values, so that reading twice counts once. */
  readonly counters = new Map<string, number>();

  readonly #byRrn = new Groups<TransactionRow>();
  readonly #byTrace = new Groups<TransactionRow>();
  readonly #byAuth = new Groups<TransactionRow>();
  readonly #byBatch = new Groups<TransactionRow>();
  /** Put in since the names were last asked: hardly ever. */
  #unnamed: TransactionRow[] = [];

  /**
   * What was found. An account and its lots belong together: of one that another host changed since it was found before,
   * the lots of then are none any more.
   */
  putFound(found: Found): void {
    for (const { accountId, version } of found.accounts) {
      const before = this.accounts.get(accountId);
      if (before !== undefined && before.version !== version) this.lots.delete(accountId);
    }
    this.#put(found, found.counters);
  }

  /**
   * What was decided. With an account go all its lots, not only the changed ones: who finds it here, because what it was found
   * by was decided in this layer too, must find them.
   * @param view what it was decided on
   */
  putDecided(
    changes: Changes,
    counters: ReadonlyMap<string, number>,
    view: { lots(accountId: string): readonly LotRow[] },
  ): void {
    for (const { accountId } of changes.accounts ?? [])
      for (const lot of view.lots(accountId)) this.lots.set(accountId, lot.lotId, lot);
    this.#put(changes, counters);
  }

  /** A row that is there already under its key is replaced. */
  #put(rows: Changes, counters: ReadonlyMap<string, number>): void {
    for (const row of rows.identities ?? []) this.identities.set(row.key, row);
    for (const row of rows.transactions ?? []) this.#putTransaction(row);
    for (const row of rows.cards ?? []) this.cards.set(row.panHash, row);
    for (const row of rows.accounts ?? []) this.accounts.set(row.accountId, row);
    for (const row of rows.lots ?? []) this.lots.set(row.accountId, row.lotId, row);
    for (const row of rows.terminals ?? []) this.terminals.set(row.terminalId, row);
    for (const row of rows.batches ?? []) this.batches.set(batchKey(row.terminalId, row.batch), row);
    for (const row of rows.uploads ?? [])
      this.uploads.set(batchKey(row.terminalId, row.batch), row.trace, row);
    for (const row of rows.owedReversals ?? [])
      this.owed.set(traceKey(row.terminalId, row.batch, row.trace), row.ut, row);
    for (const [counter, value] of counters) this.counters.set(counter, value);
  }

  #putTransaction(row: TransactionRow): void {
    this.transactions.set(row.transactionId, row);
    if (row.ut !== null) this.transactionsByUt.set(row.ut, row);
    this.#unnamed.push(row);
  }

  /** Transactions by a name that several may share. */
  named(name: TransactionName): Groups<TransactionRow> {
    for (const row of this.#unnamed) {
      const id = row.transactionId;
      this.#byTrace.set(traceKey(row.terminalId, row.batch, row.trace), id, row);
      this.#byBatch.set(batchKey(row.terminalId, row.batch), id, row);
      if (row.rrn !== '') this.#byRrn.set(row.rrn, id, row);
      if (row.auth !== null) this.#byAuth.set(authKey(row.merchantId, row.auth), id, row);
    }
    this.#unnamed = [];
    switch (name) {
      case 'rrn':
        return this.#byRrn;
      case 'trace':
        return this.#byTrace;
      case 'auth':
        return this.#byAuth;
      case 'batch':
        return this.#byBatch;
    }
  }
}

/** The newest of a row in layers, oldest first. */
export function newestIn<Row>(
  layers: readonly Layer[],
  rowsOf: (layer: Layer) => ReadonlyMap<string, Row>,
  key: string,
): Row | undefined {
  for (let at = layers.length - 1; at >= 0; at -= 1) {
    const row = rowsOf(layers[at] as Layer).get(key);
    if (row !== undefined) return row;
  }
  return undefined;
}

/**
 * All rows of a group, of each the newest.
 * @param under the group as it is below these layers, oldest first
 */
export function groupIn<Row>(
  layers: readonly Layer[],
  groupsOf: (layer: Layer) => Groups<Row>,
  name: string,
  under?: ReadonlyMap<string, Row>,
): readonly Row[] {
  let only = under;
  let joined: Map<string, Row> | undefined;
  for (const layer of layers) {
    const group = groupsOf(layer).get(name);
    if (group === undefined) continue;
    if (only === undefined) only = group;
    else {
      joined ??= new Map(only);
      for (const [key, row] of group) joined.set(key, row);
    }
  }
  const rows = joined ?? only;
  return rows === undefined ? [] : [...rows.values()];
}

/** Rows in groups, each found by its key in its group. */
export class Groups<Row> {
  readonly #groups = new Map<string, Map<string, Row>>();

  set(group: string, key: string, row: Row): void {
    const rows = this.#groups.get(group);
    if (rows === undefined) this.#groups.set(group, new Map([[key, row]]));
    else rows.set(key, row);
  }

  delete(group: string): void {
    this.#groups.delete(group);
  }

  get(group: string): ReadonlyMap<string, Row> | undefined {
    return this.#groups.get(group);
  }
}
