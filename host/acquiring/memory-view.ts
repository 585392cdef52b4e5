/**
 * What a decision sees where nothing need be read: the rows that the store keeps in memory, and over them every row that
 * was decided before it and may not be committed yet. What is not certain here is not "none": it is read, and decided then.
 */
import type { Kept, Wants } from '../store/port.ts';
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
import { groupIn, type Layer, newestIn } from './layer.ts';
import { NotRead, type View } from './view.ts';

/** Good for one turn of the event loop, as `StorePort.kept` is. All its answers throw NotRead where a read must tell. */
export class MemoryView implements View {
  readonly #kept: Kept;
  /** Oldest first. */
  readonly #decided: readonly Layer[];

  /** @param decided oldest first; they may grow while this is used */
  constructor(kept: Kept, decided: readonly Layer[]) {
    this.#kept = kept;
    this.#decided = decided;
  }

  #newest<Row>(rowsOf: (layer: Layer) => ReadonlyMap<string, Row>, key: string): Row | undefined {
    return newestIn(this.#decided, rowsOf, key);
  }

  get day(): DayRow {
    return this.#kept.day ?? beyond({});
  }
  identity(key: string): IdentityRow | undefined {
    const row = this.#newest((layer) => layer.identities, key);
    if (row === undefined && !this.#kept.isNew(key)) return beyond({ identities: [key] });
    return row;
  }
  transaction(transactionId: string): TransactionRow {
    return (
      this.#newest((layer) => layer.transactions, transactionId) ??
      beyond({ transactionIds: [transactionId] })
    );
  }
  transactionsByRrn(rrn: string): never {
    return beyond({ rrns: [rrn] });
  }
  transactionsByUt(ut: string): readonly TransactionRow[] {
    const row = this.#newest((layer) => layer.transactionsByUt, ut);
    if (row !== undefined) return [row];
    return this.#kept.isUnused(ut) ? [] : beyond({ uts: [ut] });
  }
  transactionsByTrace(key: string): never {
    return beyond({ traces: [key] });
  }
  transactionsByAuth(key: string): never {
    return beyond({ auths: [key] });
  }
  card(panHash: string): CardRow {
    const row = this.#newest((layer) => layer.cards, panHash) ?? this.#kept.card(panHash);
    return row ?? beyond({ panHashes: [panHash] });
  }
  hasAsked(panHash: string): boolean {
    return this.#kept.card(panHash) !== undefined;
  }
  account(accountId: string): AccountRow {
    const row = this.#newest((layer) => layer.accounts, accountId) ?? this.#kept.account(accountId);
    return row ?? beyond({ accountIds: [accountId] });
  }
  lots(accountId: string): readonly LotRow[] {
    const open = this.#kept.openLots(accountId) ?? beyond({ accountIds: [accountId] });
    return groupIn(this.#decided, (layer) => layer.lots, accountId, open);
  }
  terminal(terminalId: string): TerminalRow {
    const row = this.#newest((layer) => layer.terminals, terminalId) ?? this.#kept.terminal(terminalId);
    return row ?? beyond({ terminalIds: [terminalId] });
  }
  batch(key: string): BatchRow {
    const row = this.#newest((layer) => layer.batches, key) ?? this.#kept.batch(key);
    return row ?? beyond({ batches: [{ key, withTransactions: false }] });
  }
  batchTransactions(key: string): never {
    return beyond({ batches: [{ key, withTransactions: true }] });
  }
  uploads(key: string): readonly UploadRow[] {
    return this.batchTransactions(key);
  }
  owedAt(key: string): readonly OwedReversalRow[] {
    return beyond({ owed: [key] });
  }
  hasCounter(name: string): boolean {
    return this.#counter(name) !== undefined;
  }
  counter(name: string): number {
    return this.#counter(name) ?? beyond({ counters: [name] });
  }
  #counter(name: string): number | undefined {
    return this.#newest((layer) => layer.counters, name) ?? this.#kept.counter(name);
  }
}

function beyond(wants: Wants): never {
  throw new NotRead('not kept in memory', wants);
}
