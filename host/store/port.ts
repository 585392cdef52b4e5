/**
 * The port to a database: set-based reads, guarded set-based writes. SQLite and PostgreSQL serve it;
 * `shared-suite.ts` says what an implementation promises.
 */
import type { PosError } from '../../protocol/index.ts';
import type { LoneWork } from './alone.ts';
import type {
  AccountRow,
  BatchRow,
  CardRow,
  DayRow,
  IdentityRow,
  JournalRow,
  LotRow,
  OwedReversalRow,
  TableName,
  Tables,
  TerminalRow,
  TransactionRow,
} from './rows.ts';

/** What one batch wants to see before it decides. All lists may be empty; duplicates are allowed. */
export interface Wants {
  readonly identities?: readonly string[];
  readonly panHashes?: readonly string[];
  readonly accountIds?: readonly string[];
  readonly transactionIds?: readonly string[];
  readonly rrns?: readonly string[];
  readonly uts?: readonly string[];
  /** `terminalId|batch|trace` */
  readonly traces?: readonly string[];
  /** `merchantId|auth` */
  readonly auths?: readonly string[];
  readonly terminalIds?: readonly string[];
  /** `terminalId|batch`: the batch row and, when `withTransactions`, all its transactions. */
  readonly batches?: readonly { readonly key: string; readonly withTransactions: boolean }[];
  readonly counters?: readonly string[];
  /** `terminalId|batch|trace`: what was told as owed at this place. */
  readonly owed?: readonly string[];
}

/**
 * What was found. Reading a transaction or a card also brings its account, that account's open lots
 * and the lots that the transaction's money names.
 */
export interface Found {
  readonly identities: readonly IdentityRow[];
  readonly transactions: readonly TransactionRow[];
  readonly cards: readonly CardRow[];
  readonly accounts: readonly AccountRow[];
  readonly lots: readonly LotRow[];
  readonly terminals: readonly TerminalRow[];
  readonly batches: readonly BatchRow[];
  /** Uploaded items of the wanted batches that are asked with their transactions. */
  readonly uploads: readonly Tables['uploads'][];
  readonly counters: ReadonlyMap<string, number>;
  readonly owedReversals: readonly OwedReversalRow[];
  /** The open business day. */
  readonly day: DayRow;
}

/**
 * The rows that a store keeps in memory, as they were last committed: looked at, not copied. What is undefined, or false,
 * is not known here; it may be in the database.
 */
export interface Kept {
  /** The open business day. */
  readonly day: DayRow | undefined;
  card(panHash: string): CardRow | undefined;
  account(accountId: string): AccountRow | undefined;
  /** By lot: all of the account with something in them. */
  openLots(accountId: string): ReadonlyMap<string, LotRow> | undefined;
  terminal(terminalId: string): TerminalRow | undefined;
  /** @param key `terminalId|batch` */
  batch(key: string): BatchRow | undefined;
  counter(name: string): number | undefined;
  /** Certainly no such identity is there. */
  isNew(identity: string): boolean;
  /** Certainly no transaction has this UT, and it is not burnt. */
  isUnused(ut: string): boolean;
}

/**
 * What must hold when the item is written. `key` is the row's key columns joined by `|`, as in
 * `terminalId|batch`, `runId|step`, `kind|id|version` (schema.ts lists them).
 */
export type Guard =
  /** The identity, or another row's key, is not there yet. */
  | {
      readonly kind: 'absent';
      readonly table:
        | 'identities'
        | 'cards'
        | 'accounts'
        | 'terminals'
        | 'batches'
        | 'files'
        | 'steps'
        | 'documents'
        | 'days'
        | 'salts'
        | 'owedReversals';
      readonly key: string;
    }
  /** The row is there at this version. Reading under a guard without writing is allowed. */
  | {
      readonly kind: 'version';
      readonly table:
        | 'terminals'
        | 'batches'
        | 'transactions'
        | 'cards'
        | 'accounts'
        | 'days'
        | 'salts'
        | 'owedReversals';
      readonly key: string;
      readonly version: number;
    }
  /** No transaction has this UT: what a new one takes for granted, and a burnt one promises. */
  | { readonly kind: 'unused'; readonly ut: string }
  /** Adds to a counter; fails when the sum would pass `max`. Giving back (`add` below zero) never fails. */
  | { readonly kind: 'counter'; readonly counter: string; readonly add: number; readonly max: number | null };

/** Full rows by table. A mutable row carries its new version; the store writes it as it is. */
export type Changes = { readonly [T in TableName]?: readonly Tables[T][] };

/** A journal record before it is sealed: canonical bytes (UTF-8 JSON without sequence or head). */
export interface JournalDraft {
  readonly body: string;
}

export interface CommitItem {
  readonly guards: readonly Guard[];
  readonly changes: Changes;
  readonly journal: readonly JournalDraft[];
}

export type CommitOutcome =
  /** `head` is the journal head after this item's last record, 64 hex. */
  | { readonly committed: true; readonly head: string; readonly sequence: number }
  /** A guard failed. Nothing of this item was written; it is decided again. */
  | { readonly committed: false; readonly conflict: Guard; readonly failure: null }
  /**
   * The database refused this item alone (STORE_REFUSED: a constraint, a value that does not fit;
   * BOOKS_UNBALANCED: an entry that does not sum to zero). Nothing of it was written, and deciding it
   * again on the same facts would fail again.
   */
  | { readonly committed: false; readonly conflict: null; readonly failure: PosError }
  /** Chained behind one that was not written, and not looked at. It is decided again. */
  | { readonly committed: false; readonly conflict: null; readonly failure: null };

export interface CommitHow {
  /**
   * Each item was decided over all before it, also where it guards nothing of theirs (a refusal for want of money): behind
   * one that is not written, none is.
   */
  readonly chained?: boolean;
  /**
   * Told what it came to as soon as the next may be committed behind it: that stands then, but who asked may be told only when
   * `commit` resolves.
   */
  readonly landed?: (outcomes: readonly CommitOutcome[]) => void;
}

/** Which postings are summed, and how finely. */
export interface BalanceOptions {
  readonly byLot?: boolean;
  /** The entries of this business date and before. */
  readonly upToBusinessDate?: string;
  /** Only what came after this business date, found without reading what was before. */
  readonly afterBusinessDate?: string;
}

/** What postings come to on an account, debit positive. */
export interface Balance {
  readonly account: string;
  /** Null where no lot was asked for, or the postings name none. */
  readonly lot: string | null;
  /** `fen` or `points`. */
  readonly unit: string;
  readonly sum: number;
}

/** What the postings of some entries come to. */
export interface PartialSum extends Balance {
  /** How many they are. */
  readonly postings: number;
}

/** The values of a row's key columns, in their order (schema.ts). */
export type KeyValues = readonly (string | number)[];

export interface StorePort {
  /**
   * Set where a commit costs much however little is in it: a batch smaller than it could be is not taken before nothing came
   * for so long.
   */
  readonly momentMs?: number | undefined;
  /** One consistent snapshot of all that is wanted. */
  read(wants: Wants): Promise<Found>;
  /**
   * For who decides at once: what a read of these wants would find, where no read is needed. It is good until the turn of the
   * event loop ends: a commit changes it.
   * @returns null where it takes a read
   */
  kept?(wants: Wants): Kept | null;
  /**
   * Does what a commit of this item needs and that need not wait for its turn, while another commit is under way perhaps.
   * @returns what may be given to `commit` in its place; neither changes any more
   */
  ready?(item: CommitItem): CommitItem;
  /**
   * Commits, durably, each item whose guards hold, in order, in one transaction: a guard sees the
   * items before it. Rejects with STORE_FAILED when nothing was committed, STORE_UNKNOWN when that
   * is not certain.
   */
  commit(items: readonly CommitItem[], how?: CommitHow): Promise<readonly CommitOutcome[]>;
  /**
   * All rows of a table in key order, by pages: for the directory, clearing, proofs and exports.
   * @param where of transactions by `rrn`: never those without one
   * @param after the values of a key, behind which it begins, whether there is such a row or not; empty or not given: from
   *   the first row. INVARIANT where it is not the key of what is wanted
   */
  scan<T extends TableName>(
    table: T,
    where?: Partial<Record<keyof Tables[T] & string, string | number>>,
    after?: KeyValues,
  ): AsyncIterable<readonly Tables[T][]>;
  /** Those of these transactions that are there, each once, in no order: for looks at many, which wait for no commit. */
  transactions(transactionIds: readonly string[]): Promise<readonly TransactionRow[]>;
  /** The journal by stream and sequence, by pages; of one stream also after a sequence. */
  scanJournal(stream?: string, afterSequence?: number): AsyncIterable<readonly JournalRow[]>;
  /** Where each journal stream stands, by stream: the last record of each, found without reading the others. */
  journalHeads(): Promise<
    readonly { readonly stream: string; readonly sequence: number; readonly head: string }[]
  >;
  /**
   * Sums of all postings, by account (and lot), in their order: computed from the entries, not from a cache. What comes
   * meanwhile may be missed, an entry as a whole (see `sums`).
   */
  balances(options?: BalanceOptions): Promise<readonly Balance[]>;
  /**
   * The same in parts, a stretch of entries each, in the order of their days: what the parts say of an account is to be
   * added up. An entry is in them whole or not at all; one that comes meanwhile may be missed.
   */
  sums(options?: BalanceOptions): AsyncIterable<readonly PartialSum[]>;
  /**
   * Does the work while nobody else on this database does work of that name, at whichever host: a lease that ends with
   * the work, or with the process that did it. What must not happen twice is guarded all the same: a server that is
   * exchanged forgets its leases.
   * @throws NOT_ALLOWED_NOW when somebody does it already; nothing was begun then
   */
  alone<T>(name: string, work: LoneWork<T>): Promise<T>;
  /** Largest numbers in use, for making the next: reference numbers, auth codes. */
  highest(): Promise<{ readonly rrn: string | null }>;
  close(): Promise<void>;
}
