/**
 * Folds SQLite's write-ahead log into the database beside the commits, on a connection of its own.
 *
 * SQLite folds by itself inside of the commit that makes the log long: pages read, written and synced while a sale
 * waits, at low rates in every fortieth commit. Here most of it is done while commits go on. What they add meanwhile
 * is little and is folded in the writer's turn: only when nothing is left does the log begin anew, and stay short.
 */
import type { SqlDriver } from './driver.ts';

/** A log of so many pages is folded: 8 MB of 4 KiB. Pages written again and again meanwhile are folded once. */
const FOLDED_PAGES = 2_000;
/** After so many writes the log is looked at. A sale alone is some 25 pages, a full batch some hundreds. */
const LOOKED_AT_WRITES = 8;

/** So long it gets when folding lags behind or fails: then the commit itself folds, and waits. */
const PAGES_MAX = 8_000;

/** For the connection that writes. */
export const LOG_SETTINGS = `PRAGMA wal_autocheckpoint = ${PAGES_MAX};`;

const LOOK_SQL = 'PRAGMA wal_checkpoint(NOOP)';
const FOLD_SQL = 'PRAGMA wal_checkpoint(PASSIVE)';

/** A database of two connections: one for all that is asked, one that only folds. Both are its own from now on. */
export class FoldingDriver implements SqlDriver {
  readonly #writer: SqlDriver;
  readonly #folder: SqlDriver;
  readonly #foldedPages: number;
  #writes = 0;
  #folding: Promise<void> | null = null;

  /** @param foldedPages a log of so many pages is folded */
  constructor(writer: SqlDriver, folder: SqlDriver, foldedPages = FOLDED_PAGES) {
    this.#writer = writer;
    this.#folder = folder;
    this.#foldedPages = foldedPages;
  }

  exec(sql: string): Promise<void> {
    return this.#writer.exec(sql);
  }

  all(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return this.#writer.all(sql, params);
  }

  async run(sql: string, params: readonly unknown[]): Promise<{ readonly changes: number }> {
    const done = await this.#writer.run(sql, params);
    this.#writes += 1;
    if (this.#writes >= LOOKED_AT_WRITES && this.#folding === null) {
      this.#writes = 0;
      this.#folding = this.#fold();
    }
    return done;
  }

  async close(): Promise<void> {
    await this.#folding;
    try {
      await this.#folder.close();
    } finally {
      await this.#writer.close();
    }
  }

  /** Never rejects: a log that is not folded is only longer, and all that is in it is on the disk. */
  async #fold(): Promise<void> {
    try {
      const [standing] = await this.#folder.all(LOOK_SQL, []);
      if (pagesLeft(standing) < this.#foldedPages) return;
      await this.#folder.all(FOLD_SQL, []);
      await this.#writer.all(FOLD_SQL, []);
    } catch {
      // Busy, or amid a transaction of the writer's, or the disk failed: the next look comes soon, and at PAGES_MAX
      // a commit folds. SQLite itself does not tell of a folding that failed either.
    } finally {
      this.#folding = null;
    }
  }
}

/** Of the row that a checkpoint gives: https://www.sqlite.org/pragma.html#pragma_wal_checkpoint */
function pagesLeft(standing: Record<string, unknown> | undefined): number {
  return Number(standing?.['log'] ?? 0) - Number(standing?.['checkpointed'] ?? 0);
}
