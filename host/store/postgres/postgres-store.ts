/**
 * The store over PostgreSQL: any number of host processes on one database.
 *
 * How a batch is committed stands in postgres-commit.ts. Reads have a connection of their own: they see what is
 * committed while a commit runs.
 */
import { isBusinessDate, PosError } from '../../../protocol/index.ts';
import type { Clock } from '../../clock.ts';
import { type LoneWork, NamesHeld } from '../alone.ts';
import {
  addedUp,
  type EntryPlace,
  type JournalHead,
  journalPages,
  placeOf,
  scanPages,
  stretches,
  type Where,
} from '../answers.ts';
import { quotedList } from '../ddl.ts';
import { migrate } from '../migrations.ts';
import type {
  Balance,
  BalanceOptions,
  CommitHow,
  CommitItem,
  CommitOutcome,
  Found,
  KeyValues,
  PartialSum,
  StorePort,
  Wants,
} from '../port.ts';
import { foundOf } from '../read-statement.ts';
import { rowOf, valuesOf } from '../row-shape.ts';
import type { DayRow, JournalRow, TableName, Tables, TransactionRow } from '../rows.ts';
import { placeColumnsOf, storedNames } from '../statements.ts';
import { Turns } from '../turns.ts';
import { underLease } from './lease.ts';
import { POSTGRES_DIALECT, POSTGRES_MIGRATIONS } from './migrations.ts';
import type { PgDriver } from './pg-driver.ts';
import { PostgresCommits } from './postgres-commit.ts';
import { readRows, TRANSACTIONS_SQL } from './read-statement.ts';
import * as sql from './statements.ts';

const INITIAL_DAY_SQL = `INSERT INTO "days" (${quotedList(storedNames('days'))})
SELECT ${storedNames('days')
  .map((name, place) => `$${place + 1}${name === 'version' || name === 'sum' ? '::bigint' : '::text'}`)
  .join(', ')} WHERE NOT EXISTS (SELECT 1 FROM "days") ON CONFLICT DO NOTHING`;

/** The connections of one store. They are the store's from then on. */
export interface PostgresConnections {
  /** Commits, one at a time. Settings: `KEYED`. */
  readonly ledger: PgDriver;
  /** Reads by key. Settings: `KEYED`. */
  readonly reader: PgDriver;
  /** Scans and sums. Unhurried. */
  readonly wide: PgDriver;
  /** Looks by key, at many, for which no sale may wait. Unhurried. Settings: `KEYED`. */
  readonly look: PgDriver;
  /** A new connection, for as long as one piece of work holds a lease: whoever asks for it closes it. */
  lease(): PgDriver;
  close(): Promise<void>;
}

export interface PostgresStorePort extends StorePort {
  /**
   * As `commit`, in one transaction with statements of the tables' keeper, which run before anything is written.
   * Nothing of either is done when one of the statements or all items are refused.
   */
  commitAlong(items: readonly CommitItem[], along: readonly string[]): Promise<readonly CommitOutcome[]>;
}

/**
 * Opens the store: brings the schema up to date, opens the first business day when there is none, and takes up the
 * journal stream where it stands.
 *
 * @param options.stream this process's journal stream: two processes never share one
 * @param options.initialBusinessDate YYYYMMDD, used only in an empty database
 * @throws STORE_SCHEMA for a database of a newer version, CONFIG_BAD for a server that does not keep what it commits,
 *   DATE_BAD, STORE_BUSY, STORE_FAILED
 */
export async function openPostgresStore(options: {
  readonly connections: PostgresConnections;
  readonly stream: string;
  readonly clock: Clock;
  readonly initialBusinessDate: string;
}): Promise<PostgresStorePort> {
  const { connections, stream, clock, initialBusinessDate } = options;
  const { ledger } = connections;
  if (!isBusinessDate(initialBusinessDate))
    throw new PosError('DATE_BAD', 'the first business date is not YYYYMMDD');
  await proveDurable(ledger);
  await migrate(ledger, clock.now(), POSTGRES_MIGRATIONS, POSTGRES_DIALECT);
  await makeFunctions(ledger);
  const day: DayRow = {
    businessDate: initialBusinessDate,
    version: 1,
    state: 'open',
    openedAt: clock.now(),
    closedAt: null,
  };
  await ledger.run(INITIAL_DAY_SQL, valuesOf('days', day));
  await ledger.run(sql.OPEN_STREAM_SQL, [stream]);
  const store = new PostgresStore(connections, stream);
  await store.begin();
  return store;
}

/** Whether a store was ever opened on this database: then there are books in it, and keys that belong to them. */
export async function hasBooks({ wide }: PostgresConnections): Promise<boolean> {
  const [row] = await wide.all(`SELECT to_regclass('"streams"') IS NOT NULL AS "there"`, []);
  return row?.['there'] === true;
}

/** A server that acknowledges what it may lose would make every answer of ours a lie. */
async function proveDurable(driver: PgDriver): Promise<void> {
  const wanted = { fsync: ['on'], synchronous_commit: ['on', 'remote_apply'], server_encoding: ['UTF8'] };
  for (const [name, allowed] of Object.entries(wanted)) {
    const [row] = await driver.all(`SHOW ${name}`, []);
    const value = String(row?.[name]);
    if (!allowed.includes(value))
      throw new PosError(
        'CONFIG_BAD',
        `the server's ${name} is ${value}; it must be ${allowed.join(' or ')}`,
      );
  }
}

async function makeFunctions(driver: PgDriver): Promise<void> {
  if ((await driver.all(sql.FUNCTION_EXISTS_SQL, [])).length > 0) return;
  await driver.exec(`${POSTGRES_DIALECT.begin}; ${sql.FUNCTIONS_SQL}; COMMIT`);
}

/** As a call costs a millisecond of processor before the first sale is in it, on either side together. */
const MOMENT_MS = 1;

class PostgresStore implements PostgresStorePort {
  readonly momentMs = MOMENT_MS;
  readonly #connections: PostgresConnections;
  readonly #reader: PgDriver;
  readonly #wide: PgDriver;
  readonly #look: PgDriver;
  readonly #commits: PostgresCommits;
  /** Commits go one at a time, or the stream would fork. */
  readonly #turns = new Turns();
  readonly #held = new NamesHeld();

  constructor(connections: PostgresConnections, stream: string) {
    const { ledger, reader, wide, look } = connections;
    this.#connections = connections;
    this.#reader = reader;
    this.#wide = wide;
    this.#look = look;
    this.#commits = new PostgresCommits(ledger, stream);
  }

  /** Shuts out whatever an earlier process of this stream may have left under way, and takes up its head. */
  async begin(): Promise<void> {
    await this.#commits.settled();
    await this.#commits.readHead();
  }

  async read(wants: Wants): Promise<Found> {
    return foundOf(wants, await readRows(wants, (text, values) => this.#ask(this.#reader, text, values)));
  }

  ready(item: CommitItem): CommitItem {
    return this.#commits.ready(item).spelled();
  }

  commit(items: readonly CommitItem[], how: CommitHow = {}): Promise<readonly CommitOutcome[]> {
    return items.length === 0 ? Promise.resolve([]) : this.commitAlong(items, [], how);
  }

  commitAlong(
    items: readonly CommitItem[],
    along: readonly string[],
    how: CommitHow = {},
  ): Promise<readonly CommitOutcome[]> {
    return this.#turns.take(async () => {
      await this.#commits.settled();
      return this.#commits.commit(
        items.map((item) => this.#commits.ready(item)),
        along,
        how,
      );
    });
  }

  scan<T extends TableName>(
    table: T,
    where: Where<T> = {},
    behind: KeyValues = [],
  ): AsyncIterable<readonly Tables[T][]> {
    return scanPages(table, where, behind, (names, values, after) => {
      const driver = placeColumnsOf(table, names) === null ? this.#wide : this.#look;
      return this.#ask(driver, sql.scanSql(table, names, after.length > 0), [...values, ...after]);
    });
  }

  async transactions(transactionIds: readonly string[]): Promise<readonly TransactionRow[]> {
    if (transactionIds.length === 0) return [];
    const rows = await this.#ask(this.#look, TRANSACTIONS_SQL, [JSON.stringify(transactionIds)]);
    return rows.map(({ kept, body }) => rowOf('transactions', kept as string, body as string));
  }

  scanJournal(stream?: string, afterSequence = 0): AsyncIterable<readonly JournalRow[]> {
    const text = stream === undefined ? sql.SCAN_JOURNAL_SQL : sql.SCAN_STREAM_SQL;
    return journalPages([stream ?? '', afterSequence], (after) => this.#ask(this.#wide, text, after));
  }

  async journalHeads(): Promise<readonly JournalHead[]> {
    return (await this.#ask(this.#reader, sql.HEADS_SQL, [])) as unknown as readonly JournalHead[];
  }

  balances(options?: BalanceOptions): Promise<readonly Balance[]> {
    return addedUp(this.sums(options));
  }

  sums(options: BalanceOptions = {}): AsyncIterable<readonly PartialSum[]> {
    const text = sql.stretchSumsSql(options.byLot === true);
    const ask = (sqlText: string, after: EntryPlace, upTo: EntryPlace) =>
      this.#ask(this.#wide, sqlText, [...after, ...upTo]);
    return stretches(options, {
      end: async (after, upTo) => placeOf(await ask(sql.STRETCH_END_SQL, after, upTo)),
      sums: async (after, upTo) =>
        (await ask(text, after, upTo)).map((row) => ({
          ...(row as unknown as PartialSum),
          sum: Number(row['sum']),
        })),
    });
  }

  /** In this process by name, among all by a lock that the server holds for one connection. */
  alone<T>(name: string, work: LoneWork<T>): Promise<T> {
    return this.#held.hold(name, () => underLease(this.#connections.lease(), name, work));
  }

  async highest(): Promise<{ readonly rrn: string | null }> {
    const [row] = await this.#ask(this.#wide, sql.HIGHEST_RRN_SQL, []);
    return { rrn: (row?.['rrn'] as string | null | undefined) ?? null };
  }

  /** Resolves when the commit that runs is through. */
  close(): Promise<void> {
    return this.#turns.take(() => this.#connections.close());
  }

  async #ask(driver: PgDriver, text: string, params: readonly unknown[]) {
    await this.#commits.settled();
    return driver.ask(text, params);
  }
}
