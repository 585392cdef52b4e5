/** What every engine of SQLite runs with, and what its result codes mean to the store: one text, one table. */
import { type FailureCode, PosError } from '../../protocol/index.ts';

/** How long a call waits for another process that holds the database, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/** Prepared statements that a driver keeps. The store uses some dozens. */
export const STATEMENTS_MAX = 256;

const CACHE_MIB = 64;

/** How many MiB of pages a connection keeps at most. In KiB when negative. */
export const cacheSettings = (mib: number) => `PRAGMA cache_size = -${mib * 1024};`;

// A commit is on the disk when it returns: FULL syncs the WAL at every commit. secure_delete wipes what is
// overwritten, so that a destroyed salt is gone.
export const SQLITE_SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
${cacheSettings(CACHE_MIB)}
PRAGMA temp_store = MEMORY;
PRAGMA secure_delete = ON;`;

/** For a connection that changes nothing. What it sorts stays in memory: rows have no business in a folder for temporary files. */
export const READ_SETTINGS = `PRAGMA query_only = ON; PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA temp_store = MEMORY;`;

/** Of a connection for looks: pages are read once and in order, sums are sorted in it. */
export const LOOK_SETTINGS = cacheSettings(16);

/** SQLite's primary result codes, name and number, that say something else than "the database failed". */
// biome-ignore format: a table is read by column
const RESULTS: readonly { readonly name: string; readonly number: number; readonly failure: FailureCode }[] = [
  { name: 'SQLITE_BUSY',       number:  5, failure: 'STORE_BUSY' },
  { name: 'SQLITE_LOCKED',     number:  6, failure: 'STORE_BUSY' },
  { name: 'SQLITE_CORRUPT',    number: 11, failure: 'STORE_DAMAGED' }, // a page that cannot be what it should be
  { name: 'SQLITE_TOOBIG',     number: 18, failure: 'STORE_REFUSED' }, // a text above the length limit
  { name: 'SQLITE_CONSTRAINT', number: 19, failure: 'STORE_REFUSED' }, // a key, a CHECK, a foreign key, a trigger's RAISE
  { name: 'SQLITE_MISMATCH',   number: 20, failure: 'STORE_REFUSED' }, // a value of another type than its column
  { name: 'SQLITE_NOTADB',     number: 26, failure: 'STORE_DAMAGED' }, // the first page is no database's
];

/**
 * A failure of SQLite as the store's contract has it.
 * @param result the primary result code, by name or by number
 * @param message SQLite's: it names tables, columns and our triggers' texts, never a value
 */
export function sqliteFailure(result: string | number, message: string, options?: ErrorOptions): PosError {
  const row = RESULTS.find(({ name, number }) => name === result || number === result);
  return new PosError(row?.failure ?? 'STORE_FAILED', message, options);
}
