/**
 * One connection to a database on a simulated disk: SQLite's calls, synchronous. Failures are those of the
 * store's narrow driver.
 */
import * as code from 'wa-sqlite/src/sqlite-constants.js';
import { STATEMENTS_MAX, sqliteFailure } from '../../../host/index.ts';
import { ensure, type PosError } from '../../../protocol/index.ts';
import type { DiskDoor } from '../disk/disk.ts';
import { DATABASE_NAME, VFS_NAME, type VfsDisk, WorldVfs } from './sqlite-vfs.ts';
import { heapBuffer, type Inside, putBytes, SLOT, sqlite, within, withText } from './sqlite-wasm.ts';

type Row = Record<string, unknown>;

const PRIMARY_RESULT = 0xff;

const vfs = new WorldVfs();
ensure(sqlite.registerVFS(vfs, false) === code.SQLITE_OK, 'SQLite takes the simulated disk');

export class SqliteConnection {
  readonly #inside: Inside;
  readonly #disk: VfsDisk & { isAbandoned: boolean };
  /** Prepared once by text; the oldest makes room. */
  readonly #statements = new Map<string, number>();
  /** Zero when closed. */
  #database = 0;

  /** @throws STORE_FAILED when the database cannot be opened */
  constructor(door: DiskDoor, path: string, inside: Inside) {
    this.#inside = inside;
    this.#disk = { door, path, isAbandoned: false };
    this.#within(() => {
      const flags = code.SQLITE_OPEN_READWRITE | code.SQLITE_OPEN_CREATE;
      const result = withText(DATABASE_NAME, (name) =>
        withText(VFS_NAME, (on) => sqlite._sqlite3_open_v2(name, SLOT, flags, on)),
      );
      this.#database = sqlite.HEAP32[SLOT >> 2] ?? 0;
      if (result === code.SQLITE_OK) return;
      const failure = this.#failure(result);
      this.#close();
      throw failure;
    });
  }

  get isOpen(): boolean {
    return this.#database !== 0;
  }

  /** A transaction was begun and has not ended. */
  get isInTransaction(): boolean {
    return sqlite._sqlite3_get_autocommit(this.#database) === 0;
  }

  exec(sql: string): void {
    this.#within(() => {
      const result = withText(sql, (text) => sqlite._sqlite3_exec(this.#database, text, 0, 0, 0));
      if (result !== code.SQLITE_OK) throw this.#failure(result);
    });
  }

  run(sql: string, params: readonly unknown[]): { readonly changes: number } {
    this.#step(sql, params, () => undefined);
    return { changes: sqlite._sqlite3_changes(this.#database) };
  }

  all(sql: string, params: readonly unknown[]): readonly Row[] {
    const rows: Row[] = [];
    let names: readonly string[] | null = null;
    this.#step(sql, params, (statement) => {
      names ??= namesOf(statement);
      rows.push(rowOf(statement, names));
    });
    return rows;
  }

  /** Brings the WAL into the database and lets go of both. Closing twice does nothing. */
  close(): void {
    this.#within(() => this.#close());
  }

  /** The computer is dead: frees what SQLite holds in memory, and touches the disk no more. */
  abandon(): void {
    this.#disk.isAbandoned = true;
    this.close();
  }

  #within<T>(act: () => T): T {
    return within(this.#inside, () => {
      vfs.disk = this.#disk;
      return act();
    });
  }

  #step(sql: string, params: readonly unknown[], onRow: (statement: number) => void): void {
    this.#within(() => {
      const statement = this.#prepared(sql);
      try {
        for (const [index, value] of params.entries()) this.#bind(statement, index + 1, value);
        let result = sqlite._sqlite3_step(statement);
        for (; result === code.SQLITE_ROW; result = sqlite._sqlite3_step(statement)) onRow(statement);
        if (result !== code.SQLITE_DONE) throw this.#failure(result);
      } finally {
        sqlite._sqlite3_reset(statement);
        sqlite._sqlite3_clear_bindings(statement);
      }
    });
  }

  #prepared(sql: string): number {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const [oldest] = this.#statements;
    if (this.#statements.size >= STATEMENTS_MAX && oldest !== undefined) {
      this.#statements.delete(oldest[0]);
      sqlite._sqlite3_finalize(oldest[1]);
    }
    const result = withText(sql, (text) => sqlite._sqlite3_prepare_v2(this.#database, text, -1, SLOT, 0));
    if (result !== code.SQLITE_OK) throw this.#failure(result);
    const statement = sqlite.HEAP32[SLOT >> 2] ?? 0;
    this.#statements.set(sql, statement);
    return statement;
  }

  #bind(statement: number, index: number, value: unknown): void {
    const result = bound(statement, index, value);
    if (result !== code.SQLITE_OK) throw this.#failure(result);
  }

  #close(): void {
    if (this.#database === 0) return;
    for (const statement of this.#statements.values()) sqlite._sqlite3_finalize(statement);
    this.#statements.clear();
    const result = sqlite._sqlite3_close(this.#database);
    ensure(result === code.SQLITE_OK, 'SQLite closes a connection without statements');
    this.#database = 0;
  }

  #failure(result: number): PosError {
    const message = sqlite.UTF8ToString(sqlite._sqlite3_errmsg(this.#database));
    return sqliteFailure(result & PRIMARY_RESULT, `SQLite ${result}: ${message}`);
  }
}

/** As npm sqlite3 binds: a whole number of 32 bits as an integer, any other as a double. */
function bound(statement: number, index: number, value: unknown): number {
  if (value === null || value === undefined) return sqlite._sqlite3_bind_null(statement, index);
  if (typeof value === 'number')
    return value === Math.trunc(value) && Math.abs(value) < 2 ** 31
      ? sqlite._sqlite3_bind_int(statement, index, value)
      : sqlite._sqlite3_bind_double(statement, index, value);
  const free = sqlite._getSqliteFree();
  if (typeof value === 'string') {
    const { pointer, bytes } = putBytes(Buffer.from(value));
    return sqlite._sqlite3_bind_text(statement, index, pointer, bytes, free);
  }
  if (value instanceof Uint8Array) {
    const { pointer, bytes } = putBytes(value);
    return sqlite._sqlite3_bind_blob(statement, index, pointer, bytes, free);
  }
  return code.SQLITE_MISMATCH;
}

function namesOf(statement: number): readonly string[] {
  return Array.from({ length: sqlite._sqlite3_column_count(statement) }, (_, column) =>
    sqlite.UTF8ToString(sqlite._sqlite3_column_name(statement, column)),
  );
}

function rowOf(statement: number, names: readonly string[]): Row {
  const row: Row = {};
  for (const [column, name] of names.entries()) row[name] = cell(statement, column);
  return row;
}

/** An integer beyond 2^53 loses its last digits, as with npm sqlite3. */
function cell(statement: number, column: number): unknown {
  switch (sqlite._sqlite3_column_type(statement, column)) {
    case code.SQLITE_NULL:
      return null;
    case code.SQLITE_INTEGER:
    case code.SQLITE_FLOAT:
      return sqlite._sqlite3_column_double(statement, column);
    case code.SQLITE_BLOB: {
      const pointer = sqlite._sqlite3_column_blob(statement, column);
      const bytes = sqlite._sqlite3_column_bytes(statement, column);
      return Buffer.from(heapBuffer().subarray(pointer, pointer + bytes));
    }
    default: {
      const pointer = sqlite._sqlite3_column_text(statement, column);
      const bytes = sqlite._sqlite3_column_bytes(statement, column);
      return heapBuffer().toString('utf8', pointer, pointer + bytes);
    }
  }
}
