/**
 * What a decision sees: the rows that were read for it, and over them every row that was decided
 * before it and may not be committed yet. Rows are found by key or by one of their other names; a
 * row decided later hides the one read.
 */
import { PosError } from '../../protocol/index.ts';
import type { Found, Wants } from '../store/port.ts';
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
import { type Groups, groupIn, Layer, newestIn, type TransactionName } from './layer.ts';

export interface View {
  /** The open business day. */
  readonly day: DayRow;
  identity(key: string): IdentityRow | undefined;
  transaction(transactionId: string): TransactionRow | undefined;
  transactionsByRrn(rrn: string): readonly TransactionRow[];
  /** One at the most. */
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

/**
 * What was read for some requests, and over it the layers that were decided before them: the batch that is being
 * committed, the one that is being decided. They may grow while the snapshot is used.
 */
export class Snapshot implements View {
  #day: DayRow | undefined;
  readonly #found = new Layer();
  /** Oldest first. */
  readonly #layers: readonly Layer[];
  /** What was asked of the store: only that may be answered with "there is none". */
  readonly #wanted = {
    counters: new Set<string>(),
    wholeBatches: new Set<string>(),
    cards: new Set<string>(),
  };

  /** @param decided oldest first */
  constructor(decided: readonly Layer[]) {
    this.#layers = [this.#found, ...decided];
  }

  /** Takes in what the store found for these wants. */
  read(wants: Wants, found: Found): void {
    this.#day = found.day;
    for (const counter of wants.counters ?? []) this.#wanted.counters.add(counter);
    for (const hash of wants.panHashes ?? []) this.#wanted.cards.add(hash);
    for (const batch of wants.batches ?? []) {
      if (batch.withTransactions) this.#wanted.wholeBatches.add(batch.key);
    }
    this.#found.putFound(found);
  }

  #newest<Row>(rowsOf: (layer: Layer) => ReadonlyMap<string, Row>, key: string): Row | undefined {
    return newestIn(this.#layers, rowsOf, key);
  }
  #group<Row>(groupsOf: (layer: Layer) => Groups<Row>, name: string): readonly Row[] {
    return groupIn(this.#layers, groupsOf, name);
  }

  /** Oldest first. */
  #transactions(by: TransactionName, name: string): readonly TransactionRow[] {
    const rows = this.#group((layer) => layer.named(by), name);
    return rows.length < 2 ? rows : rows.toSorted((a, b) => (a.transactionId < b.transactionId ? -1 : 1));
  }

  get day(): DayRow {
    if (this.#day === undefined) throw new PosError('INVARIANT', 'no business day was read');
    return this.#day;
  }
  identity(key: string): IdentityRow | undefined {
    return this.#newest((layer) => layer.identities, key);
  }
  transaction(transactionId: string): TransactionRow | undefined {
    return this.#newest((layer) => layer.transactions, transactionId);
  }
  transactionsByRrn(rrn: string): readonly TransactionRow[] {
    return this.#transactions('rrn', rrn);
  }
  transactionsByUt(ut: string): readonly TransactionRow[] {
    const row = this.#newest((layer) => layer.transactionsByUt, ut);
    return row === undefined ? [] : [row];
  }
  transactionsByTrace(key: string): readonly TransactionRow[] {
    return this.#transactions('trace', key);
  }
  transactionsByAuth(key: string): readonly TransactionRow[] {
    return this.#transactions('auth', key);
  }
  card(panHash: string): CardRow | undefined {
    return this.#newest((layer) => layer.cards, panHash);
  }
  hasAsked(panHash: string): boolean {
    return this.#wanted.cards.has(panHash);
  }
  account(accountId: string): AccountRow | undefined {
    return this.#newest((layer) => layer.accounts, accountId);
  }
  lots(accountId: string): readonly LotRow[] {
    return this.#group((layer) => layer.lots, accountId);
  }
  terminal(terminalId: string): TerminalRow | undefined {
    return this.#newest((layer) => layer.terminals, terminalId);
  }
  batch(key: string): BatchRow | undefined {
    return this.#newest((layer) => layer.batches, key);
  }
  batchTransactions(key: string): readonly TransactionRow[] {
    this.#wholeBatch(key);
    return this.#transactions('batch', key);
  }
  uploads(key: string): readonly UploadRow[] {
    this.#wholeBatch(key);
    return this.#group((layer) => layer.uploads, key);
  }
  owedAt(key: string): readonly OwedReversalRow[] {
    return this.#group((layer) => layer.owed, key);
  }
  hasCounter(name: string): boolean {
    return this.#counter(name) !== undefined || this.#wanted.counters.has(name);
  }
  #counter(name: string): number | undefined {
    return this.#newest((layer) => layer.counters, name);
  }
  #wholeBatch(key: string): void {
    if (this.#wanted.wholeBatches.has(key)) return;
    throw new NotRead(`the batch ${key}`, { batches: [{ key, withTransactions: true }] });
  }
  counter(name: string): number {
    const value = this.#counter(name);
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
