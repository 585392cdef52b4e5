/**
 * What a decision sees: the rows that its batch read, and over them every row that was decided
 * before it and may not be committed yet. Rows are found by key or by one of their other names; a
 * row decided later replaces the one read.
 */
import { PosError } from '../../protocol/index.ts';
import type { Changes, Found, Wants } from '../store/port.ts';
import type {
  AccountRow,
  BatchRow,
  CardRow,
  DayRow,
  IdentityRow,
  LotRow,
  OwedReversalRow,
  TerminalRow,
  TransactionRow,
  UploadRow,
} from '../store/rows.ts';

export interface View {
  /** The open business day. */
  readonly day: DayRow;
  identity(key: string): IdentityRow | undefined;
  transaction(transactionId: string): TransactionRow | undefined;
  transactionsByRrn(rrn: string): readonly TransactionRow[];
  transactionsByUt(ut: string): readonly TransactionRow[];
  /** @param key see `traceKey` */
  transactionsByTrace(key: string): readonly TransactionRow[];
  /** @param key see `authKey` */
  transactionsByAuth(key: string): readonly TransactionRow[];
  card(panHash: string): CardRow | undefined;
  /** Whether the store was asked for this card, found or not. */
  hasAsked(panHash: string): boolean;
  account(accountId: string): AccountRow | undefined;
  /** The account's lots that are open or that a read transaction's money names. */
  lots(accountId: string): readonly LotRow[];
  terminal(terminalId: string): TerminalRow | undefined;
  /** @param key see `batchKey` */
  batch(key: string): BatchRow | undefined;
  /** All transactions of a batch that was wanted with its transactions, oldest first. */
  batchTransactions(key: string): readonly TransactionRow[];
  uploads(key: string): readonly UploadRow[];
  /** What was told as owed at a place that was wanted. @param key see `traceKey` */
  owedAt(key: string): readonly OwedReversalRow[];
  /** Use so far of a counter that was wanted; zero when it was never used. */
  counter(name: string): number;
  hasCounter(name: string): boolean;
}

/** A batch as the store's guards and wants name it. */
export const batchKey = (terminalId: string, batch: number) => `${terminalId}|${batch}`;
/** A transaction by its place: the batch as a number, the trace as six digits. */
export const traceKey = (terminalId: string, batch: number, trace: string) =>
  `${terminalId}|${batch}|${trace}`;
/** A transaction by its authorisation code at one merchant. */
export const authKey = (merchantId: string, auth: string) => `${merchantId}|${auth}`;

/** What one decision adds to counters: absolute values, so that reading twice counts once. */
export type CounterValues = ReadonlyMap<string, number>;

/** Rows decided in one batch, in order: laid over what the next batch reads. */
export interface Layer {
  readonly changes: Changes[];
  readonly counters: Map<string, number>;
}

export const emptyLayer = (): Layer => ({ changes: [], counters: new Map() });

/** A grouping of transactions by one of their names. */
class Index {
  readonly #ids = new Map<string, Set<string>>();

  add(name: string, transactionId: string): void {
    const ids = this.#ids.get(name);
    if (ids === undefined) this.#ids.set(name, new Set([transactionId]));
    else ids.add(transactionId);
  }

  ids(name: string): Iterable<string> {
    return this.#ids.get(name) ?? [];
  }
}

export class Snapshot implements View {
  #day: DayRow | undefined;
  readonly #identities = new Map<string, IdentityRow>();
  readonly #transactions = new Map<string, TransactionRow>();
  readonly #byRrn = new Index();
  readonly #byUt = new Index();
  readonly #byTrace = new Index();
  readonly #byAuth = new Index();
  readonly #byBatch = new Index();
  /** Read or laid since the indexes were last asked; by UT all are found at once, every sale asks that. */
  #unindexed: TransactionRow[] = [];
  readonly #cards = new Map<string, CardRow>();
  readonly #accounts = new Map<string, AccountRow>();
  readonly #lots = new Map<string, Map<string, LotRow>>();
  readonly #terminals = new Map<string, TerminalRow>();
  readonly #batches = new Map<string, BatchRow>();
  readonly #uploads = new Map<string, Map<string, UploadRow>>();
  readonly #owed = new Map<string, Map<string, OwedReversalRow>>();
  readonly #counters = new Map<string, number>();
  /** What was asked of the store: only that may be answered with "there is none". */
  readonly #wanted = {
    counters: new Set<string>(),
    wholeBatches: new Set<string>(),
    cards: new Set<string>(),
  };

  /** Takes in what the store found for these wants. */
  read(wants: Wants, found: Found): void {
    this.#day = found.day;
    for (const counter of wants.counters ?? []) this.#wanted.counters.add(counter);
    for (const hash of wants.panHashes ?? []) this.#wanted.cards.add(hash);
    for (const batch of wants.batches ?? []) {
      if (batch.withTransactions) this.#wanted.wholeBatches.add(batch.key);
    }
    this.#put(found);
    for (const [counter, value] of found.counters) this.#counters.set(counter, value);
  }

  /** Lays decided rows over what was read. */
  lay(layer: Layer): void {
    for (const changes of layer.changes) this.#put(changes);
    for (const [counter, value] of layer.counters) this.#counters.set(counter, value);
  }

  /** Lays one decision over the rest. */
  layChanges(changes: Changes, counters: CounterValues): void {
    this.#put(changes);
    for (const [counter, value] of counters) this.#counters.set(counter, value);
  }

  #put(rows: Changes | Found): void {
    for (const row of rows.identities ?? []) this.#identities.set(row.key, row);
    for (const row of rows.transactions ?? []) this.#putTransaction(row);
    for (const row of rows.cards ?? []) this.#cards.set(row.panHash, row);
    for (const row of rows.accounts ?? []) this.#accounts.set(row.accountId, row);
    for (const row of rows.lots ?? []) inner(this.#lots, row.accountId).set(row.lotId, row);
    for (const row of rows.terminals ?? []) this.#terminals.set(row.terminalId, row);
    for (const row of rows.batches ?? []) {
      this.#batches.set(batchKey(row.terminalId, row.batch), row);
    }
    for (const row of rows.uploads ?? []) {
      inner(this.#uploads, batchKey(row.terminalId, row.batch)).set(row.trace, row);
    }
    for (const row of rows.owedReversals ?? []) {
      inner(this.#owed, traceKey(row.terminalId, row.batch, row.trace)).set(row.ut, row);
    }
  }

  #putTransaction(row: TransactionRow): void {
    this.#transactions.set(row.transactionId, row);
    if (row.ut !== null) this.#byUt.add(row.ut, row.transactionId);
    this.#unindexed.push(row);
  }

  /** An index that has all rows. */
  #whole(index: Index): Index {
    for (const row of this.#unindexed) {
      this.#byTrace.add(traceKey(row.terminalId, row.batch, row.trace), row.transactionId);
      this.#byBatch.add(batchKey(row.terminalId, row.batch), row.transactionId);
      if (row.rrn !== '') this.#byRrn.add(row.rrn, row.transactionId);
      if (row.auth !== null) this.#byAuth.add(authKey(row.merchantId, row.auth), row.transactionId);
    }
    this.#unindexed = [];
    return index;
  }

  #rows(ids: Iterable<string>): readonly TransactionRow[] {
    const rows: TransactionRow[] = [];
    for (const id of ids) {
      const row = this.#transactions.get(id);
      if (row !== undefined) rows.push(row);
    }
    return rows.length < 2 ? rows : rows.sort((a, b) => (a.transactionId < b.transactionId ? -1 : 1));
  }

  get day(): DayRow {
    if (this.#day === undefined) throw new PosError('INVARIANT', 'no business day was read');
    return this.#day;
  }
  identity(key: string): IdentityRow | undefined {
    return this.#identities.get(key);
  }
  transaction(transactionId: string): TransactionRow | undefined {
    return this.#transactions.get(transactionId);
  }
  transactionsByRrn(rrn: string): readonly TransactionRow[] {
    return this.#rows(this.#whole(this.#byRrn).ids(rrn));
  }
  transactionsByUt(ut: string): readonly TransactionRow[] {
    return this.#rows(this.#byUt.ids(ut));
  }
  transactionsByTrace(key: string): readonly TransactionRow[] {
    return this.#rows(this.#whole(this.#byTrace).ids(key));
  }
  transactionsByAuth(key: string): readonly TransactionRow[] {
    return this.#rows(this.#whole(this.#byAuth).ids(key));
  }
  card(panHash: string): CardRow | undefined {
    return this.#cards.get(panHash);
  }
  hasAsked(panHash: string): boolean {
    return this.#wanted.cards.has(panHash);
  }
  account(accountId: string): AccountRow | undefined {
    return this.#accounts.get(accountId);
  }
  lots(accountId: string): readonly LotRow[] {
    return [...(this.#lots.get(accountId)?.values() ?? [])];
  }
  terminal(terminalId: string): TerminalRow | undefined {
    return this.#terminals.get(terminalId);
  }
  batch(key: string): BatchRow | undefined {
    return this.#batches.get(key);
  }
  batchTransactions(key: string): readonly TransactionRow[] {
    this.#wholeBatch(key);
    return this.#rows(this.#whole(this.#byBatch).ids(key));
  }
  uploads(key: string): readonly UploadRow[] {
    this.#wholeBatch(key);
    return [...(this.#uploads.get(key)?.values() ?? [])];
  }
  owedAt(key: string): readonly OwedReversalRow[] {
    return [...(this.#owed.get(key)?.values() ?? [])];
  }
  hasCounter(name: string): boolean {
    return this.#counters.has(name) || this.#wanted.counters.has(name);
  }
  #wholeBatch(key: string): void {
    if (this.#wanted.wholeBatches.has(key)) return;
    throw new NotRead(`the batch ${key}`, { batches: [{ key, withTransactions: true }] });
  }
  counter(name: string): number {
    const value = this.#counters.get(name);
    if (value === undefined && !this.#wanted.counters.has(name)) {
      throw new NotRead(`the counter ${name}`, { counters: [name] });
    }
    return value ?? 0;
  }
}

/** A decision asked for something that its batch had not read: it is read, then decided again. */
export class NotRead extends Error {
  readonly wants: Wants;
  constructor(what: string, wants: Wants = {}) {
    super(`not read before it was asked for: ${what}`);
    this.name = 'NotRead';
    this.wants = wants;
  }
}

function inner<Row>(map: Map<string, Map<string, Row>>, key: string): Map<string, Row> {
  let rows = map.get(key);
  if (rows === undefined) {
    rows = new Map();
    map.set(key, rows);
  }
  return rows;
}

/** All that several decisions want, as one read. Duplicates are left to the store. */
export function mergeWants(all: readonly Wants[]): Wants {
  const [first] = all;
  if (all.length === 1 && first !== undefined) return first;
  const merged: { [N in WantedNames]: string[] } = {
    identities: [],
    panHashes: [],
    accountIds: [],
    transactionIds: [],
    rrns: [],
    uts: [],
    traces: [],
    auths: [],
    terminalIds: [],
    counters: [],
    owed: [],
  };
  const batches = new Map<string, { readonly key: string; readonly withTransactions: boolean }>();
  // Once for every request and once for every batch: what is not wanted, most of the list, costs a look and no more.
  for (const wants of all) {
    for (const name in wants) {
      if (name === 'batches') {
        for (const batch of wants.batches ?? [])
          if (batch.withTransactions || !batches.has(batch.key)) batches.set(batch.key, batch);
      } else merged[name as WantedNames].push(...(wants[name as WantedNames] ?? []));
    }
  }
  return { ...merged, batches: [...batches.values()] };
}

type WantedNames = Exclude<keyof Wants, 'batches'>;
