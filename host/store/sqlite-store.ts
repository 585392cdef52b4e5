/**
 * The store over an SQL database of SQLite's dialect, behind the narrow driver. Nothing here knows which
 * driver it is.
 *
 * How a batch is committed stands in sqlite-commit.ts.
 *
 * A read asks the database only for what is not kept in memory: where all is kept, it waits for no commit. Looks at what
 * is committed (pages of a table, of the journal, sums) go beside the commits, where the driver has a connection for them.
 */
import { isBusinessDate, PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { type LoneWork, NamesHeld } from './alone.ts';
import {
  addedUp,
  type EntryPlace,
  type JournalHead,
  journalPages,
  placeOf,
  scanPages,
  stretches,
  type Where,
} from './answers.ts';
import { readRows } from './damaged-row.ts';
import { quotedList } from './ddl.ts';
import type { RowReader, SqlDriver } from './driver.ts';
import { BATCHES_LEARNT_MAX, UTS_LEARNT } from './known-names.ts';
import { migrate } from './migrations.ts';
import type {
  Balance,
  BalanceOptions,
  CommitHow,
  CommitItem,
  CommitOutcome,
  Found,
  Kept,
  KeyValues,
  PartialSum,
  StorePort,
  Wants,
} from './port.ts';
import { foundOf, READ_SQL, READ_TABLES, readParameters } from './read-statement.ts';
import { RowCache, together } from './row-cache.ts';
import { rowOf, valuesOf } from './row-shape.ts';
import type { DayRow, JournalRow, TableName, Tables, TransactionRow } from './rows.ts';
import { OPEN_HOLD } from './schema.ts';
import { SqliteCommits } from './sqlite-commit.ts';
import * as sql from './statements.ts';
import { Turns } from './turns.ts';

const INITIAL_DAY_SQL = `INSERT INTO "days" (${quotedList(sql.storedNames('days'))})
SELECT ${sql
  .storedNames('days')
  .map((_, place) => `?${place + 1}`)
  .join(', ')} WHERE NOT EXISTS (SELECT 1 FROM "days")`;

/**
 * Opens the store: brings the schema up to date, opens the first business day when there is none, and
 * takes up the journal stream where it stands.
 *
 * @param options.keptMax rows of each kind that are kept in memory; default 50,000
 * @param options.stream this process's journal stream: two processes never share one
 * @param options.initialBusinessDate YYYYMMDD, used only in an empty database
 * @throws STORE_SCHEMA for a database of a newer version, DATE_BAD, STORE_BUSY, STORE_FAILED
 */
export async function openSqliteStore(options: {
  readonly driver: SqlDriver;
  readonly keptMax?: number;
  readonly stream: string;
  readonly clock: Clock;
  readonly initialBusinessDate: string;
}): Promise<StorePort> {
  const { driver, stream, clock, initialBusinessDate } = options;
  if (!isBusinessDate(initialBusinessDate))
    throw new PosError('DATE_BAD', 'the first business date is not YYYYMMDD');
  await migrate(driver, clock.now());
  await driver.exec(sql.writeViewSql(await listFunctionOf(driver)));
  const day: DayRow = {
    businessDate: initialBusinessDate,
    version: 1,
    state: 'open',
    openedAt: clock.now(),
    closedAt: null,
  };
  await driver.run(INITIAL_DAY_SQL, valuesOf('days', day));
  const store = new SqliteStore(driver, stream, new RowCache(() => clock.now(), options.keptMax));
  await store.begin();
  return store;
}

/** What this engine of SQLite has: only asking tells. */
async function listFunctionOf(driver: SqlDriver): Promise<sql.ListFunction> {
  try {
    await driver.all(`SELECT 1 FROM jsonb_each('[]')`, []);
    return 'jsonb_each';
  } catch (error) {
    if (error instanceof PosError && error.message.includes('no such table')) return 'json_each';
    throw error;
  }
}

class SqliteStore implements StorePort {
  readonly #driver: SqlDriver;
  /** For looks beside the commits; null where they take turns with them. */
  readonly #beside: RowReader | null;
  readonly #cache: RowCache;
  readonly #commits: SqliteCommits;
  /** Reads and commits share one connection: one at a time, or a read would see half a batch. */
  readonly #turns = new Turns();
  readonly #held = new NamesHeld();

  constructor(driver: SqlDriver, stream: string, cache: RowCache) {
    this.#driver = driver;
    const { look } = driver;
    this.#beside = look === undefined ? null : { all: (text, params) => look.call(driver, text, params) };
    this.#cache = cache;
    this.#commits = new SqliteCommits(driver, stream, cache);
  }

  /** Takes up the journal stream where it stands. */
  async begin(): Promise<void> {
    await this.#commits.readHead();
  }

  async read(wants: Wants): Promise<Found> {
    const kept = this.#commits.isInDoubt ? null : this.#cache.whole(wants);
    if (kept !== null) return kept;
    return this.#take(async () => {
      await this.#learnNames(wants);
      // What was kept may have changed while this waited for its turn; in its turn nothing does.
      const whole = this.#cache.whole(wants);
      if (whole !== null) return whole;
      const lacking = this.#cache.lacking(wants);
      const known = this.#cache.kept(wants);
      const found = foundOf(
        lacking,
        await readRows(this.#driver, READ_SQL, readParameters(lacking), READ_TABLES),
      );
      this.#cache.keep(lacking, found);
      return together(wants, known, found);
    });
  }

  kept(wants: Wants): Kept | null {
    return !this.#commits.isInDoubt && this.#cache.knows(wants) ? this.#cache : null;
  }

  /** What is learnt once saves asking for every request of a batch whether it is a new one. */
  async #learnNames(wants: Wants): Promise<void> {
    const { names } = this.#cache;
    const { batches, utsBelow } = names.unknown(wants);
    if (utsBelow !== null) {
      const highest = async (text: string) => namesOf(await this.#driver.all(text, [utsBelow, UTS_LEARNT]));
      names.learnUts(utsBelow, await highest(sql.HIGHEST_UTS_SQL), await highest(sql.HIGHEST_BURNT_SQL));
    }
    if (batches.length === 0) return;
    // Of many new batches some now, the others with the next reads.
    const some = JSON.stringify(batches.slice(0, BATCHES_LEARNT_MAX));
    const found = await this.#driver.all(sql.HIGHEST_IDENTITIES_SQL, [some]);
    names.learnBatches(found.map(({ batch, highest }) => [batch as string, highest as string | null]));
  }

  ready(item: CommitItem): CommitItem {
    return this.#commits.ready(item).spelled();
  }

  commit(items: readonly CommitItem[], how: CommitHow = {}): Promise<readonly CommitOutcome[]> {
    if (items.length === 0) return Promise.resolve([]);
    return this.#take(() => this.#commit(items, how));
  }

  async #commit(items: readonly CommitItem[], how: CommitHow): Promise<readonly CommitOutcome[]> {
    const { outcomes, counters } = await this.#commits.commit(
      items.map((item) => this.#commits.ready(item)),
      how,
    );
    outcomes.forEach(({ committed }, at) => {
      if (committed) this.#cache.committed(items[at] as CommitItem);
    });
    this.#cache.counted(counters);
    return outcomes;
  }

  #take<T>(act: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      if (this.#commits.isInDoubt) await this.#commits.settle();
      return act();
    });
  }

  scan<T extends TableName>(
    table: T,
    where: Where<T> = {},
    behind: KeyValues = [],
  ): AsyncIterable<readonly Tables[T][]> {
    const { kind, state, ...others } = where as Where<'transactions'>;
    const isHolds = table === 'transactions' && kind === OPEN_HOLD.kind && state === OPEN_HOLD.state;
    return scanPages(table, isHolds ? (others as Where<T>) : where, behind, (names, values, after) => {
      const text = sql.scanSql(table, names, after.length > 0, isHolds ? 'open holds' : 'all');
      return this.#look((driver) => readRows(driver, text, [...values, ...after], [table]));
    });
  }

  async transactions(transactionIds: readonly string[]): Promise<readonly TransactionRow[]> {
    if (transactionIds.length === 0) return [];
    const params = [JSON.stringify(transactionIds)];
    const rows = await this.#look((driver) =>
      readRows(driver, sql.TRANSACTIONS_SQL, params, ['transactions']),
    );
    return rows.map(({ kept, body }) => rowOf('transactions', kept as string, body as string));
  }

  scanJournal(stream?: string, afterSequence = 0): AsyncIterable<readonly JournalRow[]> {
    const text = stream === undefined ? sql.SCAN_JOURNAL_SQL : sql.SCAN_STREAM_SQL;
    return journalPages([stream ?? '', afterSequence], (after) => this.#all(text, after));
  }

  async journalHeads(): Promise<readonly JournalHead[]> {
    // In turn: some look-ups, for which the mark waits after a commit of unknown outcome, and no look may hold that up.
    const rows = await this.#take(() => this.#driver.all(sql.HEADS_SQL, []));
    return rows as unknown as readonly JournalHead[];
  }

  balances(options?: BalanceOptions): Promise<readonly Balance[]> {
    return addedUp(this.sums(options));
  }

  sums(options: BalanceOptions = {}): AsyncIterable<readonly PartialSum[]> {
    const text = sql.stretchSumsSql(options.byLot === true);
    const ask = (sqlText: string, after: EntryPlace, upTo: EntryPlace) =>
      this.#look((driver) => readRows(driver, sqlText, [...after, ...upTo], ['entries']));
    return stretches(options, {
      end: async (after, upTo) => placeOf(await ask(sql.STRETCH_END_SQL, after, upTo)),
      sums: async (after, upTo) => (await ask(text, after, upTo)) as unknown as readonly PartialSum[],
    });
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
      await this.#driver.close();
    });
  }

  /** Looks at what is committed: beside the commits where it can be. */
  async #look<T>(act: (driver: RowReader) => Promise<T>): Promise<T> {
    if (this.#beside === null) return this.#take(() => act(this.#driver));
    // After a commit of unknown outcome a turn begins with the small commit that decides what became of it.
    if (this.#commits.isInDoubt) await this.#take(() => Promise.resolve());
    return act(this.#beside);
  }

  #all(text: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return this.#look((driver) => driver.all(text, params));
  }
}

const namesOf = (rows: readonly Record<string, unknown>[]) => rows.map(({ name }) => name as string);
