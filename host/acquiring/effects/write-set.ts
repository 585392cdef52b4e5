/** What one decision writes: rows with their guards, and journal records. */
import type { CommitItem, Guard, JournalDraft } from '../../store/port.ts';
import type {
  AccountRow,
  BatchRow,
  CardRow,
  DayRow,
  OwedReversalRow,
  TableName,
  Tables,
  TerminalRow,
  TransactionRow,
} from '../../store/rows.ts';
import { keyOf } from '../../store/schema.ts';
import { batchKey } from '../row-names.ts';

/** The tables whose rows carry a version that this room changes, and their guard keys. */
interface Versioned {
  readonly terminals: TerminalRow;
  readonly batches: BatchRow;
  readonly transactions: TransactionRow;
  readonly cards: CardRow;
  readonly accounts: AccountRow;
  readonly owedReversals: OwedReversalRow;
}
const GUARD_KEY: { readonly [T in keyof Versioned]: (row: Versioned[T]) => string } = {
  terminals: (row) => row.terminalId,
  batches: (row) => batchKey(row.terminalId, row.batch),
  transactions: (row) => row.transactionId,
  cards: (row) => row.cardId,
  accounts: (row) => row.accountId,
  owedReversals: (row) => keyOf('owedReversals', row),
};

/** The next version of a row, its content as it is. What every sale writes is written field by field: see `applyToLots`. */
const NEXT: { readonly [T in keyof Versioned]: (row: Versioned[T]) => Versioned[T] } = {
  terminals: (row) => ({ ...row, version: row.version + 1 }),
  batches: (row) => ({
    terminalId: row.terminalId,
    batch: row.batch,
    version: row.version + 1,
    merchantId: row.merchantId,
    state: row.state,
    openedAt: row.openedAt,
    closedAt: row.closedAt,
    closedBy: row.closedBy,
    cause: row.cause,
    terminalTotals: row.terminalTotals,
    hostTotals: row.hostTotals,
    closingTotals: row.closingTotals,
    result: row.result,
  }),
  transactions: (row) => ({ ...row, version: row.version + 1 }),
  cards: (row) => ({ ...row, version: row.version + 1 }),
  accounts: (row) => ({
    accountId: row.accountId,
    version: row.version + 1,
    state: row.state,
    owed: row.owed,
    tier: row.tier,
    registered: row.registered,
    productId: row.productId,
    salePointId: row.salePointId,
  }),
  owedReversals: (row) => ({ ...row, version: row.version + 1 }),
};

type Lists = { [T in TableName]?: Tables[T][] };

export class WriteSet {
  readonly #guards: Guard[] = [];
  readonly #changes: Lists = {};
  readonly #journal: JournalDraft[] = [];

  /** Adds rows without a guard of their own: tables that only grow, and lots, which their account guards. */
  put<T extends TableName>(table: T, ...rows: readonly Tables[T][]): void {
    const before = this.#changes[table] as Tables[T][] | undefined;
    if (before === undefined) this.#changes[table] = rows as Lists[T];
    else before.push(...rows);
  }

  /** Adds a row that must not be there yet. */
  insert<T extends 'identities' | 'terminals' | 'batches' | 'owedReversals'>(
    table: T,
    key: string,
    row: Tables[T],
  ): void {
    this.#guards.push({ kind: 'absent', table, key });
    this.put(table, row);
  }

  /**
   * Replaces a row: the next version, under a guard on the one that was read. Changing a row twice in
   * one decision gives one new version.
   * @param changes null for a row whose content stays: what was decided on its old version elsewhere does not hold
   * @returns the new row
   */
  replace<T extends keyof Versioned>(
    table: T,
    row: Versioned[T],
    changes: Partial<Versioned[T]> | null,
  ): Versioned[T] {
    const guardKey = GUARD_KEY[table];
    const key = guardKey(row);
    const rows = this.#changes[table] as unknown as Versioned[T][] | undefined;
    const at = rows === undefined ? -1 : rows.findIndex((earlier) => guardKey(earlier) === key);
    if (rows !== undefined && at >= 0) {
      const earlier = rows[at] as Versioned[T];
      const again = { ...earlier, ...changes, version: earlier.version };
      rows[at] = again;
      return again;
    }
    this.#guards.push({ kind: 'version', table, key, version: row.version });
    const as = NEXT[table](row);
    const next = changes === null ? as : { ...as, ...changes, version: as.version };
    this.put(table, next as unknown as Tables[T]);
    return next;
  }

  /** Holds only while nothing is there under this key; nothing is written. */
  absent(table: 'identities', key: string): void {
    this.#guards.push({ kind: 'absent', table, key });
  }

  /** Holds only while no transaction has this UT. */
  unused(ut: string): void {
    this.#guards.push({ kind: 'unused', ut });
  }

  /** The decision holds only while this row stays as it was read; nothing is written. */
  unchanged(table: 'transactions', row: TransactionRow): void {
    this.#guards.push({ kind: 'version', table, key: GUARD_KEY[table](row), version: row.version });
  }

  /** The decision holds only while this business day stays open. */
  duringDay(day: DayRow): void {
    this.#guards.push({ kind: 'version', table: 'days', key: day.businessDate, version: day.version });
  }

  count(
    uses: readonly { readonly counter: string; readonly add: number; readonly max: number | null }[],
  ): void {
    for (const use of uses)
      this.#guards.push({ kind: 'counter', counter: use.counter, add: use.add, max: use.max });
  }

  journal(body: string): void {
    this.#journal.push({ body });
  }

  /** A record before all others: the last one of a commit stays what its answer's head covers. */
  journalFirst(body: string): void {
    this.#journal.unshift({ body });
  }

  get isEmpty(): boolean {
    return this.#guards.length === 0 && this.#journal.length === 0 && Object.keys(this.#changes).length === 0;
  }

  /** What the engine commits; null when nothing is written. */
  item(): CommitItem | null {
    if (this.isEmpty) return null;
    return { guards: this.#guards, changes: this.#changes, journal: this.#journal };
  }
}
