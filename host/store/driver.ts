/**
 * The narrow door to an SQL database that speaks SQLite's dialect: npm `sqlite3` (`sqlite-driver.ts`)
 * now, wa-sqlite later. One connection; a call starts when the call before it is done. Looks have another.
 *
 * Every call rejects with a PosError only:
 *   STORE_REFUSED  this statement broke a constraint or a guard; nothing of it stays, an open
 *                  transaction goes on
 *   STORE_BUSY     another process holds the database; nothing of the statement stays, an open
 *                  transaction goes on
 *   STORE_DAMAGED  the file is no database, or a page of it is broken
 *   STORE_FAILED   anything else: the disk, the file, the SQL, a closed connection
 */
export interface SqlDriver {
  /** Runs several statements without parameters: schema and settings. */
  exec(sql: string): Promise<void>;
  /** Runs one statement that returns no rows. The text is kept prepared. */
  run(sql: string, params: readonly unknown[]): Promise<{ readonly changes: number }>;
  /** Runs one statement and returns all its rows. The text is kept prepared. */
  all(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /**
   * As `all`, for a statement that changes nothing: beside the other calls, none of which waits for it. It sees what was
   * committed when it was asked for, perhaps more, and of a transaction all or nothing. Absent where there is one connection.
   */
  look?(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** What reads rows, on whichever connection. */
export type RowReader = Pick<SqlDriver, 'all'>;
