/**
 * npm `sqlite3` behind the narrow driver.
 *
 * Two of its traps shape this file. `db.serialize` does not order calls on prepared statements, so the
 * order is kept here, by a chain of promises. And a prepared `.get()` that found a row stays un-reset
 * and pins its snapshot, so that the WAL grows without end: rows are only read by `.all()`.
 */
import sqlite3 from 'sqlite3';
import { type FailureCode, PosError } from '../../protocol/index.ts';
import type { SqlDriver } from './driver.ts';

export type { SqlDriver };

/** How long a call waits for another process that holds the database, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;
/** Prepared statements that are kept. The store uses some dozens. */
const STATEMENTS_MAX = 256;

// A commit is on the disk when it returns: FULL syncs the WAL at every commit. The page cache is in KiB
// when negative. secure_delete wipes what is overwritten, so that a destroyed salt is gone.
const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
PRAGMA cache_size = -65536;
PRAGMA temp_store = MEMORY;
PRAGMA secure_delete = ON;`;

/** SQLite's primary result codes that say something else than "the database failed". */
// biome-ignore format: a table is read by column
const CODES: Readonly<Record<string, FailureCode>> = {
  SQLITE_CONSTRAINT: 'STORE_REFUSED',   // a key, a CHECK, a foreign key, a trigger's RAISE
  SQLITE_MISMATCH:   'STORE_REFUSED',   // a value of another type than its column
  SQLITE_TOOBIG:     'STORE_REFUSED',   // a text above the length limit
  SQLITE_BUSY:       'STORE_BUSY',
  SQLITE_LOCKED:     'STORE_BUSY',
};

/**
 * Opens a database file, making it when it is not there.
 * @param path a file path, or `:memory:`
 * @throws STORE_FAILED when the file cannot be opened or is not a database
 */
export async function openSqlite(path: string): Promise<SqlDriver> {
  const database = await new Promise<sqlite3.Database>((resolve, reject) => {
    const opened = new sqlite3.Database(path, (error) =>
      error === null ? resolve(opened) : reject(failure(error)),
    );
  });
  const driver = new SqliteDriver(database);
  try {
    await driver.exec(SETTINGS);
  } catch (error) {
    await driver.close();
    throw error;
  }
  return driver;
}

class SqliteDriver implements SqlDriver {
  readonly #database: sqlite3.Database;
  /** Prepared once by text; the oldest makes room. */
  readonly #statements = new Map<string, sqlite3.Statement>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: sqlite3.Database) {
    this.#database = database;
  }

  exec(sql: string): Promise<void> {
    return this.#inTurn(
      () =>
        new Promise<void>((resolve, reject) => {
          this.#database.exec(sql, (error) => (error === null ? resolve() : reject(failure(error))));
        }),
    );
  }

  run(sql: string, params: readonly unknown[]): Promise<{ readonly changes: number }> {
    return this.#inTurn(async () => {
      const statement = await this.#prepared(sql);
      return new Promise((resolve, reject) => {
        statement.run(params, function done(error) {
          if (error === null) resolve({ changes: this.changes });
          else reject(failure(error));
        });
      });
    });
  }

  all(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return this.#inTurn(async () => {
      const statement = await this.#prepared(sql);
      return new Promise((resolve, reject) => {
        statement.all<Record<string, unknown>>(params, (error, rows) => {
          if (error === null) resolve(rows);
          else reject(failure(error));
        });
      });
    });
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      for (const statement of this.#statements.values()) await finalised(statement);
      this.#statements.clear();
      await new Promise<void>((resolve, reject) => {
        this.#database.close((error) => (error === null ? resolve() : reject(failure(error))));
      });
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act, act);
    this.#last = turn;
    return turn;
  }

  async #prepared(sql: string): Promise<sqlite3.Statement> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const [oldest] = this.#statements;
    if (this.#statements.size >= STATEMENTS_MAX && oldest !== undefined) {
      this.#statements.delete(oldest[0]);
      await finalised(oldest[1]);
    }
    const statement = await new Promise<sqlite3.Statement>((resolve, reject) => {
      const made = this.#database.prepare(sql, (error: Error | null) =>
        error === null ? resolve(made) : reject(failure(error)),
      );
    });
    this.#statements.set(sql, statement);
    return statement;
  }
}

function finalised(statement: sqlite3.Statement): Promise<void> {
  return new Promise((resolve) => statement.finalize(() => resolve()));
}

/** SQLite's messages name tables, columns and our triggers' texts, never a value. */
function failure(error: Error): PosError {
  const code = (error as Error & { readonly code?: string }).code ?? '';
  return new PosError(CODES[code] ?? 'STORE_FAILED', error.message, { cause: error });
}
