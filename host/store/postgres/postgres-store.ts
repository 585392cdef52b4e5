/**
 * The store over PostgreSQL: any number of host processes on one database.
 *
 * A batch is one call of one function and so one transaction: it locks what the guards name, compares, writes,
 * commits. When something is not as the batch took for granted it wrote nothing, and a transaction in several steps
 * locks first, asks, decides on what there is, and goes item by item where the database refuses one.
 *
 * Reads have a connection of their own: they see what is committed while a commit runs.
 */
import { isBusinessDate, PosError } from '../../../protocol/index.ts';
import type { Clock } from '../../clock.ts';
import { type StreamHead, startOf } from '../../journal/seal.ts';
import { type LoneWork, NamesHeld } from '../alone.ts';
import {
  type Balance,
  balanceOf,
  isRefusal,
  type JournalHead,
  journalPages,
  reasonOf,
  refusalOf,
  scanPages,
  type Where,
} from '../answers.ts';
import { quotedList } from '../ddl.ts';
import { decideBatch } from '../decide-batch.ts';
import { Fates, type GuardAnswers, GuardQuestions, GuardState } from '../guards.ts';
import { type MigrationDialect, migrate } from '../migrations.ts';
import type { CommitHow, CommitItem, CommitOutcome, Found, StorePort, Wants } from '../port.ts';
import { foundOf } from '../read-statement.ts';
import { ReadyItem } from '../ready-item.ts';
import { valuesOf } from '../row-shape.ts';
import type { DayRow, JournalRow, TableName, Tables } from '../rows.ts';
import { TABLE_NAMES } from '../schema.ts';
import { storedNames } from '../statements.ts';
import { Turns } from '../turns.ts';
import {
  assume,
  countersOf,
  locksOf,
  PostgresRows,
  promisesUnused,
  type SpelledRows,
  spelledRows,
  writesDays,
} from './batch.ts';
import { firstSql, ownTablesSql, tableSql } from './ddl.ts';
import { underLease } from './lease.ts';
import { yearSql, yearsOf } from './partitions.ts';
import type { PgDriver } from './pg-driver.ts';
import { readRows } from './read-statement.ts';
import * as sql from './statements.ts';

/** Numbered as `../migrations.ts` numbers its own; the same rules hold. */
export const POSTGRES_MIGRATIONS = [
  {
    number: 1,
    name: 'the first tables',
    sql: [firstSql(), ...TABLE_NAMES.map(tableSql), ownTablesSql()].join('\n'),
  },
] as const;

/** Any number that is ours: hosts that start at once bring the schema up to date one after another. */
const SCHEMA_LOCK = 8_583_0210;

export const POSTGRES_DIALECT: MigrationDialect = {
  begin: `BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`,
  history: `CREATE TABLE IF NOT EXISTS "migrations" (
  "number" BIGINT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "checksum" TEXT NOT NULL, "at" BIGINT NOT NULL
)`,
  insert: 'INSERT INTO "migrations" VALUES ($1, $2, $3, $4)',
};

const INITIAL_DAY_SQL = `INSERT INTO "days" (${quotedList(storedNames('days'))})
SELECT ${storedNames('days')
  .map((name, place) => `$${place + 1}${name === 'version' || name === 'sum' ? '::bigint' : '::text'}`)
  .join(', ')} WHERE NOT EXISTS (SELECT 1 FROM "days") ON CONFLICT DO NOTHING`;

/** A deadlock or a serialization failure went back whole: the same batch is tried again, this often. */
const TRIES_MAX = 5;

/** The connections of one store. They are the store's from then on. */
export interface PostgresConnections {
  /** Commits, one at a time. Settings: `KEYED`. */
  readonly ledger: PgDriver;
  /** Reads by key. Settings: `KEYED`. */
  readonly reader: PgDriver;
  /** Scans and sums. Unhurried. */
  readonly wide: PgDriver;
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
 * Every statement of the ledger and the reader looks up by key; a plan that walks a table is never right there, but
 * looks cheap on a table that was empty when it was planned. One plan serves every batch: the server would plan anew for each,
 * because it knows then how many rows there are.
 */
export const KEYED = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
};

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

type Item = ReadyItem<SpelledRows>;

/** The item for PostgreSQL; one that is ready is itself. */
function readyItem(item: CommitItem): Item {
  return item instanceof ReadyItem ? (item as Item) : new ReadyItem(item, spelledRows);
}

/** As a call costs a millisecond of processor before the first sale is in it, on either side together. */
const MOMENT_MS = 1;

class PostgresStore implements PostgresStorePort {
  readonly momentMs = MOMENT_MS;
  readonly #connections: PostgresConnections;
  readonly #ledger: PgDriver;
  readonly #reader: PgDriver;
  readonly #wide: PgDriver;
  readonly #stream: string;
  /** Commits go one at a time, or the stream would fork. */
  readonly #turns = new Turns();
  readonly #held = new NamesHeld();
  /** Where our stream stands; undefined when it must be read again before the next commit. */
  #head: StreamHead | undefined;
  #epoch = 0;
  /** Years whose partitions are there. */
  readonly #years = new Set<string>();
  /** A commit was sent and its answer never came: it may still be running. */
  #isInDoubt = false;
  #settling: Promise<void> | null = null;

  constructor(connections: PostgresConnections, stream: string) {
    const { ledger, reader, wide } = connections;
    this.#connections = connections;
    this.#ledger = ledger;
    this.#reader = reader;
    this.#wide = wide;
    this.#stream = stream;
  }

  /** Shuts out whatever an earlier process of this stream may have left under way, and takes up its head. */
  async begin(): Promise<void> {
    this.#isInDoubt = true;
    await this.#settled();
    await this.#readHead();
  }

  async #readHead(): Promise<StreamHead> {
    const [row] = await this.#ledger.all(sql.HEAD_SQL, [this.#stream]);
    this.#head = row === undefined ? startOf(this.#stream) : (row as unknown as StreamHead);
    return this.#head;
  }

  async read(wants: Wants): Promise<Found> {
    return foundOf(wants, await readRows(wants, (text, values) => this.#ask(this.#reader, text, values)));
  }

  ready(item: CommitItem): CommitItem {
    return readyItem(item).spelled();
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
      await this.#settled();
      return this.#commit(items.map(readyItem), along, how);
    });
  }

  async #commit(
    items: readonly Item[],
    along: readonly string[],
    how: CommitHow,
  ): Promise<readonly CommitOutcome[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#makeRoom(items);
        const assumed = along.length > 0 ? null : await this.#writeAssuming(items);
        const written = assumed ?? (await this.#writeAsking(items, along, how));
        this.#head = written.after;
        return written.outcomes;
      } catch (error) {
        this.#head = undefined;
        if (error instanceof PosError && error.code === 'STORE_CONFLICT' && tries < TRIES_MAX) continue;
        if (!(error instanceof PosError) || error.code !== 'STORE_UNKNOWN')
          throw new PosError('STORE_FAILED', `before the commit: ${reasonOf(error)}`, { cause: error });
        this.#isInDoubt = true;
        throw new PosError('STORE_UNKNOWN', `in the commit: ${reasonOf(error)}`, { cause: error });
      }
    }
  }

  async #makeRoom(items: readonly Item[]): Promise<void> {
    for (const year of yearsOf(items)) {
      if (this.#years.has(year)) continue;
      for (const text of yearSql(year)) await this.#ledger.exec(text);
      this.#years.add(year);
    }
  }

  /** One call. Null when nothing was written, because something is not as it was taken for granted. */
  async #writeAssuming(items: readonly Item[]): Promise<Written | null> {
    const assumed = assume(items);
    if (assumed === null) return null;
    const rows = new PostgresRows();
    const head = this.#head ?? (await this.#readHead());
    try {
      const { outcomes, accepted, after } = decideBatch(items, {
        state: new GuardState(assumed.answers),
        stream: this.#stream,
        head,
        take: (item, records) => rows.add(item.rows, records),
      });
      if (accepted.length < items.length) return null;
      const [answer] = await this.#ledger.all(sql.COMMIT_SQL, [
        this.#stream,
        this.#epoch,
        assumed.locks.json(writesDays(items)),
        assumed.locks.wanted,
        assumed.absences === null ? null : JSON.stringify(assumed.absences),
        assumed.additions === null ? null : JSON.stringify(assumed.additions),
        ...rows.parameters(),
      ]);
      return answer?.['came'] === 'written' ? { outcomes, after } : null;
    } catch (error) {
      if (isRefusal(error)) return null;
      throw error;
    }
  }

  /** Locks, asks, decides, writes: one transaction in steps. */
  async #writeAsking(items: readonly Item[], along: readonly string[], how: CommitHow): Promise<Written> {
    let written: Written;
    try {
      await this.#ledger.run('BEGIN', []);
      await this.#lock(items);
      for (const text of along) await this.#ledger.exec(text);
      written = await this.#write(items, await this.#readHead(), how);
    } catch (error) {
      await this.#rollBack();
      // The transaction had not come to its COMMIT: the server goes back when its connection is lost.
      if (error instanceof PosError && error.code !== 'STORE_UNKNOWN') throw error;
      throw new PosError('STORE_FAILED', reasonOf(error), { cause: error });
    }
    if (!written.outcomes.some(({ committed }) => committed)) {
      await this.#rollBack();
      return written;
    }
    await this.#ledger.run('COMMIT', []);
    return written;
  }

  async #rollBack(): Promise<void> {
    await this.#ledger.run('ROLLBACK', []).catch(() => undefined);
  }

  async #lock(items: readonly Item[]): Promise<void> {
    const allOut = promisesUnused(items);
    await this.#ledger.run(allOut ? sql.LOCK_ALL_OUT_SQL : sql.LOCK_TRANSACTIONS_SQL, []);
    const [row] = await this.#ledger.all(sql.LOCK_STREAM_SQL, [this.#stream]);
    this.#epoch = row?.['epoch'] as number;
    await this.#ledger.run(sql.LOCK_ROWS_SQL, [locksOf(items).json(writesDays(items))]);
    const counters = countersOf(items);
    if (counters.length > 0) await this.#ledger.run(sql.LOCK_COUNTERS_SQL, [JSON.stringify(counters)]);
  }

  async #write(items: readonly Item[], head: StreamHead, how: CommitHow): Promise<Written> {
    await this.#ledger.run('SAVEPOINT "together"', []);
    try {
      return await this.#writeTogether(items, head, new Fates(how));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    await this.#ledger.run('ROLLBACK TO SAVEPOINT "together"', []);
    const outcomes: CommitOutcome[] = [];
    const fates = new Fates(how);
    let after = head;
    for (const prepared of items) {
      const one = await this.#writeAlone(prepared, after, fates);
      outcomes.push(...one.outcomes);
      after = one.after;
    }
    return { outcomes, after };
  }

  async #writeTogether(items: readonly Item[], head: StreamHead, fates: Fates): Promise<Written> {
    const rows = new PostgresRows();
    const { outcomes, after, counters } = decideBatch(items, {
      state: new GuardState(await this.#answers(items), fates),
      stream: this.#stream,
      head,
      take: (item, records) => rows.add(item.rows, records),
    });
    if (outcomes.some(({ committed }) => committed))
      await this.#ledger.run(sql.WRITE_SQL, [rows.json(), JSON.stringify([...counters])]);
    return { outcomes, after };
  }

  /**
   * The database holds the items before this one. A refusal is looked at again: it may be a guard that another
   * process has made fail since, by a row that was not there to be locked.
   */
  async #writeAlone(prepared: Item, head: StreamHead, fates: Fates): Promise<Written> {
    await this.#ledger.run('SAVEPOINT "alone"', []);
    try {
      // What it is taken for before the database has spoken is forgotten with a refusal.
      const trial = fates.copy();
      const written = await this.#writeTogether([prepared], head, trial);
      fates.become(trial);
      return written;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.#ledger.run('ROLLBACK TO SAVEPOINT "alone"', []);
      const state = new GuardState(await this.#answers([prepared]), fates);
      const conflict = refusalOf(prepared, state);
      state.refuse(prepared);
      return {
        outcomes: [conflict ?? { committed: false, conflict: null, failure: error }],
        after: head,
      };
    }
  }

  async #answers(items: readonly Item[]): Promise<GuardAnswers> {
    const questions = new GuardQuestions(items);
    return questions.answers(await this.#ledger.all(sql.GUARD_SQL, questions.parameters));
  }

  /**
   * After a commit of unknown outcome: waits until the server is done with it, and shuts out what of it may still be
   * on its way. What is read afterwards stays, also on a synchronous standby: the new epoch is committed behind it.
   */
  #settled(): Promise<void> {
    if (!this.#isInDoubt) return Promise.resolve();
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = null;
    });
    return this.#settling;
  }

  async #settle(): Promise<void> {
    try {
      const [row] = await this.#ledger.all(sql.NEXT_EPOCH_SQL, [this.#stream]);
      this.#epoch = row?.['epoch'] as number;
    } catch (cause) {
      throw new PosError('STORE_FAILED', `after a commit of unknown outcome: ${reasonOf(cause)}`, { cause });
    }
    this.#isInDoubt = false;
  }

  scan<T extends TableName>(table: T, where: Where<T> = {}): AsyncIterable<readonly Tables[T][]> {
    return scanPages(table, where, (names, values, after) =>
      this.#ask(this.#wide, sql.scanSql(table, names, after.length > 0), [...values, ...after]),
    );
  }

  scanJournal(stream?: string, afterSequence = 0): AsyncIterable<readonly JournalRow[]> {
    const text = stream === undefined ? sql.SCAN_JOURNAL_SQL : sql.SCAN_STREAM_SQL;
    return journalPages([stream ?? '', afterSequence], (after) => this.#ask(this.#wide, text, after));
  }

  async journalHeads(): Promise<readonly JournalHead[]> {
    return (await this.#ask(this.#reader, sql.HEADS_SQL, [])) as unknown as readonly JournalHead[];
  }

  async balances(
    options: { readonly byLot?: boolean; readonly upToBusinessDate?: string } = {},
  ): Promise<readonly Balance[]> {
    const text = sql.balancesSql(options.byLot === true);
    const rows = await this.#ask(this.#wide, text, [options.upToBusinessDate ?? null]);
    return rows.map((row) => balanceOf({ ...(row as unknown as Balance), sum: Number(row['sum']) }));
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
    await this.#settled();
    return driver.ask(text, params);
  }
}

interface Written {
  readonly outcomes: readonly CommitOutcome[];
  readonly after: StreamHead;
}
