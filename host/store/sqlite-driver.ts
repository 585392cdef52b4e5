/**
 * npm `sqlite3` behind the narrow driver.
 *
 * Two of its traps shape this file. `db.serialize` does not order calls on prepared statements, so the
 * order is kept here, by a chain of promises. And a prepared `.get()` that found a row stays un-reset
 * and pins its snapshot, so that the WAL grows without end: rows are only read by `.all()`.
 */
import sqlite3 from 'sqlite3';
import type { PosError } from '../../protocol/index.ts';
import type { SqlDriver } from './driver.ts';
import { READ_SETTINGS, SQLITE_SETTINGS, STATEMENTS_MAX, sqliteFailure } from './sqlite-settings.ts';

export type { SqlDriver };

/**
 * Opens a database file, making it when it is not there.
 * @param path a file path, or `:memory:`
 * @param how `to read`: it must be there, and neither it nor its log is changed, not even by closing
 * @throws STORE_FAILED when the file cannot be opened, STORE_DAMAGED when it is not a database
 */
export async function openSqlite(path: string, how: 'to write' | 'to read' = 'to write'): Promise<SqlDriver> {
  const flags = how === 'to read' ? sqlite3.OPEN_READONLY : sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE;
  const driver = new SqliteDriver(await opened(path, flags));
  try {
    await driver.exec(how === 'to read' ? READ_SETTINGS : SQLITE_SETTINGS);
  } catch (error) {
    await driver.close();
    throw error;
  }
  return driver;
}

/** Held until it is released or its process ends, however it ends. */
export interface FileLock {
  release(): Promise<void>;
}

/**
 * Takes a lock that one process at a time can have: SQLite's own, on a file that stays empty. Node has no other that
 * the kernel takes back when a process is killed.
 * @param path a file of its own, made where it is not there
 * @throws STORE_BUSY at once when somebody holds it, STORE_FAILED when the file cannot be opened
 */
export async function takeFileLock(path: string): Promise<FileLock> {
  const driver = new SqliteDriver(await opened(path, sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE));
  try {
    await driver.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE;');
  } catch (error) {
    await driver.close();
    throw error;
  }
  return { release: () => driver.close() };
}

function opened(path: string, flags: number): Promise<sqlite3.Database> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(path, flags, (error) =>
      error === null ? resolve(database) : reject(failure(error)),
    );
  });
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

function failure(error: Error): PosError {
  const code = (error as Error & { readonly code?: string }).code ?? '';
  return sqliteFailure(code, error.message, { cause: error });
}
