/**
 * The store over an SQL database of SQLite's dialect, behind the narrow driver. Nothing here knows which
 * driver it is.
 *
 * A batch is three calls: BEGIN IMMEDIATE, one write that also proves what the guards presume, COMMIT. When the
 * write is refused, the same transaction asks the guards' questions and, if need be, goes on item by item; the
 * items that are to blame are returned.
 *
 * A read asks the database only for what is not kept in memory, and first, on a connection of its own where there is
 * one, which identities are there: it need not wait for a commit.
 */
import { isBusinessDate, PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { type StreamHead, seal, startOf } from '../journal/seal.ts';
import { type LoneWork, NamesHeld } from './alone.ts';
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
} from './answers.ts';
import { BatchWrite } from './batch-write.ts';
import { readRows } from './damaged-row.ts';
import { quotedList } from './ddl.ts';
import type { SqlDriver } from './driver.ts';
import {
  type GuardAnswers,
  GuardQuestions,
  GuardState,
  type PreparedItem,
  Presumption,
  prepareItem,
} from './guards.ts';
import { migrate } from './migrations.ts';
import type { CommitItem, CommitOutcome, Found, StorePort, Wants } from './port.ts';
import { foundOf, READ_SQL, READ_TABLES, readParameters } from './read-statement.ts';
import { RowCache, together } from './row-cache.ts';
import { valuesOf } from './row-shape.ts';
import type { DayRow, JournalRow, TableName, Tables } from './rows.ts';
import * as sql from './statements.ts';
import { Turns } from './turns.ts';

const INITIAL_DAY_SQL = `INSERT INTO "days" (${quotedList(sql.storedNames('days'))})
SELECT ${sql
  .storedNames('days')
  .map((_, place) => `?${place + 1}`)
  .join(', ')} WHERE NOT EXISTS (SELECT 1 FROM "days")`;

/** Changes a page of the database whenever it runs; how often it did is told by the counter. */
const SETTLE_SQL = `INSERT INTO "counters" ("counter", "value") VALUES ('store:doubts', 1)
ON CONFLICT ("counter") DO UPDATE SET "value" = "value" + 1`;

/**
 * Opens the store: brings the schema up to date, opens the first business day when there is none, and
 * takes up the journal stream where it stands.
 *
 * @param options.reader a second connection to the same database, for reading; the store's from now on, as `driver` is
 * @param options.keptMax rows of each kind that are kept in memory; default 50,000
 * @param options.stream this process's journal stream: two processes never share one
 * @param options.initialBusinessDate YYYYMMDD, used only in an empty database
 * @throws STORE_SCHEMA for a database of a newer version, DATE_BAD, STORE_BUSY, STORE_FAILED
 */
export async function openSqliteStore(options: {
  readonly driver: SqlDriver;
  readonly reader?: SqlDriver;
  readonly keptMax?: number;
  readonly stream: string;
  readonly clock: Clock;
  readonly initialBusinessDate: string;
}): Promise<StorePort> {
  const { driver, stream, clock, initialBusinessDate } = options;
  if (!isBusinessDate(initialBusinessDate))
    throw new PosError('DATE_BAD', 'the first business date is not YYYYMMDD');
  await migrate(driver, clock.now());
  await driver.exec(sql.WRITE_VIEW_SQL);
  const day: DayRow = {
    businessDate: initialBusinessDate,
    version: 1,
    state: 'open',
    openedAt: clock.now(),
    closedAt: null,
  };
  await driver.run(INITIAL_DAY_SQL, valuesOf('days', day));
  const store = new SqliteStore(driver, options.reader ?? null, stream, options.keptMax);
  await store.readHead();
  return store;
}

class SqliteStore implements StorePort {
  readonly #driver: SqlDriver;
  readonly #reader: SqlDriver | null;
  readonly #stream: string;
  readonly #cache: RowCache;
  /** Reads and commits share one connection: one at a time, or a read would see half a batch. */
  readonly #turns = new Turns();
  readonly #held = new NamesHeld();
  /** Where our stream stands; undefined when a commit's outcome is unknown: read again before the next. */
  #head: StreamHead | undefined;
  /** A COMMIT failed: what it wrote may be in the log, though it is not seen. */
  #isInDoubt = false;

  constructor(driver: SqlDriver, reader: SqlDriver | null, stream: string, keptMax?: number) {
    this.#cache = new RowCache(keptMax);
    this.#driver = driver;
    this.#reader = reader;
    this.#stream = stream;
  }

  async readHead(): Promise<StreamHead> {
    const [row] = await this.#driver.all(sql.HEAD_SQL, [this.#stream]);
    this.#head = row === undefined ? startOf(this.#stream) : (row as unknown as StreamHead);
    return this.#head;
  }

  async read(wants: Wants): Promise<Found> {
    const kept = this.#reader === null || this.#isInDoubt ? null : await this.#served(this.#reader, wants);
    if (kept !== null) return kept;
    return this.#take(async () => {
      if (this.#reader === null) {
        const served = await this.#served(this.#driver, wants);
        if (served !== null) return served;
      }
      // What was kept may have changed while this waited for its turn; in its turn nothing does.
      const lacking = this.#cache.lacking(wants) ?? {};
      const known = this.#cache.kept(wants);
      const found = foundOf(
        lacking,
        await readRows(this.#driver, READ_SQL, readParameters(lacking), READ_TABLES),
      );
      this.#cache.keep(lacking, found);
      return together(wants, known, found);
    });
  }

  /** All that is wanted, when it is kept and none of the wanted identities and UTs is there; else null. */
  async #served(driver: SqlDriver, wants: Wants): Promise<Found | null> {
    const { identities = [], uts = [] } = wants;
    const rest = { ...wants, identities: [], uts: [] };
    if (this.#cache.lacking(rest) !== null) return null;
    if (identities.length > 0 || uts.length > 0) {
      const lists = [identities, uts].map((list) => (list.length === 0 ? null : JSON.stringify(list)));
      if ((await driver.all(sql.PROBE_SQL, lists)).length > 0) return null;
    }
    // Looked at and taken in one go: in the meantime a row may have made room for another, or all be forgotten.
    return this.#cache.lacking(rest) === null ? this.#cache.kept(wants) : null;
  }

  commit(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    if (items.length === 0) return Promise.resolve([]);
    return this.#take(() => this.#commit(items.map(prepareItem)));
  }

  async #commit(items: readonly PreparedItem[]): Promise<readonly CommitOutcome[]> {
    let written: Written;
    try {
      await this.#driver.run('BEGIN IMMEDIATE', []);
      written = await this.#write(items);
    } catch (cause) {
      await this.#rollBack();
      throw new PosError('STORE_FAILED', `before the commit: ${reasonOf(cause)}`, { cause });
    }
    // Nothing is written when no item was accepted, and then there is nothing to sync either.
    if (!written.outcomes.some(({ committed }) => committed)) {
      await this.#rollBack();
      return written.outcomes;
    }
    try {
      await this.#driver.run('COMMIT', []);
    } catch (cause) {
      await this.#rollBack();
      const certain = cause instanceof PosError && cause.code === 'STORE_BUSY';
      this.#isInDoubt = !certain;
      throw new PosError(certain ? 'STORE_FAILED' : 'STORE_UNKNOWN', `in the commit: ${reasonOf(cause)}`, {
        cause,
      });
    }
    this.#head = written.after;
    written.outcomes.forEach(({ committed }, at) => {
      if (committed) this.#cache.committed((items[at] as PreparedItem).item);
    });
    this.#cache.counted(written.counters);
    return written.outcomes;
  }

  /** SQLite may have rolled back by itself (disk full, input or output error): a second time does no harm. */
  async #rollBack(): Promise<void> {
    this.#head = undefined;
    this.#cache.clear();
    await this.#driver.run('ROLLBACK', []).catch(() => undefined);
  }

  #take<T>(act: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      if (this.#isInDoubt) await this.#settle();
      return act();
    });
  }

  /**
   * When the sync in a COMMIT fails, SQLite goes back, but the log may hold the commit whole: it would count again
   * after a power cut, although it was read as not done. A small commit takes its place in the log and is synced;
   * what is read after that stays.
   */
  async #settle(): Promise<void> {
    try {
      await this.#driver.run('BEGIN IMMEDIATE', []);
      await this.#driver.run(SETTLE_SQL, []);
      await this.#driver.run('COMMIT', []);
    } catch (cause) {
      await this.#rollBack();
      throw new PosError('STORE_FAILED', `after a commit of unknown outcome: ${reasonOf(cause)}`, { cause });
    }
    this.#isInDoubt = false;
  }

  async #write(items: readonly PreparedItem[]): Promise<Written> {
    const presumed = Presumption.of(items, (counter) => this.#cache.counter(counter));
    if (presumed !== null) {
      const written = await this.#writePresuming(items, presumed);
      if (written !== null) return written;
      // Something is not as it was presumed: another process may have written too.
      this.#cache.clear();
    }
    const questions = new GuardQuestions(items);
    const answers = questions.answers(await this.#driver.all(sql.GUARD_SQL, questions.parameters));
    try {
      return await this.#writeTogether(items, answers, this.#head ?? (await this.readHead()));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    // The refusal undid the whole write. The head is read again: it may be another process that has
    // taken our stream's next number.
    return this.#writeOneByOne(items, answers, await this.readHead());
  }

  /** Null when the write was refused, which undid it whole. */
  async #writePresuming(items: readonly PreparedItem[], presumed: Presumption): Promise<Written | null> {
    try {
      const head = this.#head ?? (await this.readHead());
      return await this.#writeTogether(items, presumed.answers, head, (accepted) =>
        presumed.checks(accepted),
      );
    } catch (error) {
      if (isRefusal(error)) return null;
      throw error;
    }
  }

  async #writeTogether(
    items: readonly PreparedItem[],
    answers: GuardAnswers,
    head: StreamHead,
    checks: (accepted: readonly PreparedItem[]) => string | null = () => null,
  ): Promise<Written> {
    const state = new GuardState(answers);
    const batch = new BatchWrite();
    const outcomes: CommitOutcome[] = [];
    const accepted: PreparedItem[] = [];
    let after = head;
    for (const prepared of items) {
      const refused = refusalOf(prepared, state);
      if (refused !== null) {
        outcomes.push(refused);
        continue;
      }
      const sealed = seal(this.#stream, after, prepared.records);
      batch.add(prepared.item, sealed.rows, state.countersAfter(prepared));
      state.accept(prepared);
      accepted.push(prepared);
      after = sealed.after;
      outcomes.push({ committed: true, ...after });
    }
    // A conflict is told only as the database has it: what was presumed is proven, even when nothing is written.
    const guards = checks(accepted);
    if (accepted.length > 0 || guards !== null)
      await this.#driver.run(sql.WRITE_SQL, batch.parameters(guards));
    return { outcomes, after, counters: batch.counters };
  }

  async #writeOneByOne(
    items: readonly PreparedItem[],
    answers: GuardAnswers,
    head: StreamHead,
  ): Promise<Written> {
    const state = new GuardState(answers);
    const outcomes: CommitOutcome[] = [];
    const counters = new Map<string, number>();
    let after = head;
    for (const prepared of items) {
      const refused = refusalOf(prepared, state);
      if (refused !== null) {
        outcomes.push(refused);
        continue;
      }
      const sealed = seal(this.#stream, after, prepared.records);
      const one = new BatchWrite();
      try {
        one.add(prepared.item, sealed.rows, state.countersAfter(prepared));
        // One statement: refused, it leaves nothing behind, as if it had a savepoint of its own.
        await this.#driver.run(sql.WRITE_SQL, one.parameters());
      } catch (error) {
        if (!isRefusal(error)) throw error;
        state.refuse(prepared);
        outcomes.push({ committed: false, conflict: null, failure: error });
        continue;
      }
      for (const [counter, value] of one.counters) counters.set(counter, value);
      state.accept(prepared);
      after = sealed.after;
      outcomes.push({ committed: true, ...after });
    }
    return { outcomes, after, counters };
  }

  scan<T extends TableName>(table: T, where: Where<T> = {}): AsyncIterable<readonly Tables[T][]> {
    return scanPages(table, where, (names, values, after) =>
      this.#take(() =>
        readRows(this.#driver, sql.scanSql(table, names, after.length > 0), [...values, ...after], [table]),
      ),
    );
  }

  scanJournal(stream?: string, afterSequence = 0): AsyncIterable<readonly JournalRow[]> {
    const text = stream === undefined ? sql.SCAN_JOURNAL_SQL : sql.SCAN_STREAM_SQL;
    return journalPages([stream ?? '', afterSequence], (after) => this.#all(text, after));
  }

  async journalHeads(): Promise<readonly JournalHead[]> {
    return (await this.#all(sql.HEADS_SQL, [])) as unknown as readonly JournalHead[];
  }

  async balances(
    options: { readonly byLot?: boolean; readonly upToBusinessDate?: string } = {},
  ): Promise<readonly Balance[]> {
    const text = sql.balancesSql(options.byLot === true);
    const upTo = [options.upToBusinessDate ?? null];
    const rows = await this.#take(() => readRows(this.#driver, text, upTo, ['entries']));
    return (rows as unknown as readonly Balance[]).map(balanceOf);
  }

  /** The file has one process: what it does not do itself, nobody does. */
  alone<T>(name: string, work: LoneWork<T>): Promise<T> {
    return this.#held.hold(name, () => work(() => Promise.resolve()));
  }

  async highest(): Promise<{ readonly rrn: string | null }> {
    const [row] = await this.#all(sql.HIGHEST_RRN_SQL, []);
    return { rrn: (row?.['rrn'] as string | null | undefined) ?? null };
  }

  close(): Promise<void> {
    return this.#turns.take(async () => {
      await this.#reader?.close();
      await this.#driver.close();
    });
  }

  #all(text: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return this.#take(() => this.#driver.all(text, params));
  }
}

interface Written {
  readonly outcomes: readonly CommitOutcome[];
  readonly after: StreamHead;
  /** The counters that were moved, as they are now. */
  readonly counters: ReadonlyMap<string, number>;
}
