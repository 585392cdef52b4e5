/**
 * Folds SQLite's write-ahead log into the database beside the commits, on a connection of its own.
 *
 * SQLite folds by itself inside of the commit that makes the log long: pages read, written and synced while a sale
 * waits, at low rates in every fortieth commit. Here it is done while commits go on. What they add meanwhile is folded
 * with the next, but for once in a while: only when nothing is left, in the writer's turn, does the log begin anew.
 *
 * Commits wait for that turn, so as little as can be is left to it. SQLite syncs the database's file only where a
 * folding has come to the log's end, which under load is this one: all that was folded since the log began, 20 ms
 * of a disk's work. So the file is synced after each folding, and what came in during a long one is folded and synced
 * once more before: 7 ms are left.
 *
 * Looks have a connection, too, and no commit waits for one. But where a look is under way the log cannot begin anew, and
 * one after the other they would keep it from that for ever: so that turn of the writer's is a turn of theirs as well.
 */
import { PosError } from '../../protocol/index.ts';
import type { SqlDriver } from './driver.ts';
import { Turns } from './turns.ts';

/** How long a log may get, in pages of 4 KiB. */
export interface LogLengths {
  /** So many that are not folded yet are folded. Pages written again and again meanwhile are folded once. */
  readonly folded: number;
  /** So many in all: it begins anew. */
  readonly restarted: number;
}
const LENGTHS: LogLengths = { folded: 6_000, restarted: 16_000 };

/** After so many writes the log is looked at. A sale alone is some 25 pages, a full batch some hundreds. */
const LOOKED_AT_WRITES = 8;

/** So long it gets when folding lags behind or fails: then the commit itself folds, and waits. */
const PAGES_MAX = 48_000;

const FRAME_BYTES = 24 + 4_096;

/** For the connection that writes. A log that a reader kept from being folded (a backup) is cut when it begins anew. */
export const LOG_SETTINGS = `PRAGMA wal_autocheckpoint = ${PAGES_MAX}; PRAGMA journal_size_limit = ${PAGES_MAX * FRAME_BYTES};`;

/** The file that is folded into, beside SQLite's own descriptors of it. */
export interface DatabaseFile {
  /** Resolves when what was written to it by then is on the disk. SQLite's own syncs come all the same, and find less to do. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const LOOK_SQL = 'PRAGMA wal_checkpoint(NOOP)';
const FOLD_SQL = 'PRAGMA wal_checkpoint(PASSIVE)';

/** A database's three connections, and its file: the driver's from then on. */
export interface FoldingParts {
  /** For all that is asked, but for looks. */
  readonly writer: SqlDriver;
  /** Only folds. */
  readonly folder: SqlDriver;
  /** Only looks. */
  readonly reader: SqlDriver;
  readonly file: DatabaseFile;
  /** Told of the first folding or sync that fails, and again once one went well in between. Must not throw. */
  readonly failed: (error: unknown) => void;
}

export class FoldingDriver implements SqlDriver {
  readonly #writer: SqlDriver;
  readonly #folder: SqlDriver;
  readonly #reader: SqlDriver;
  readonly #looks = new Turns();
  readonly #file: DatabaseFile;
  readonly #failed: FoldingParts['failed'];
  readonly #lengths: LogLengths;
  #writes = 0;
  #folding: Promise<void> | null = null;
  #isFailing = false;

  constructor({ writer, folder, reader, file, failed }: FoldingParts, lengths = LENGTHS) {
    this.#writer = writer;
    this.#folder = folder;
    this.#reader = reader;
    this.#file = file;
    this.#failed = failed;
    this.#lengths = lengths;
  }

  exec(sql: string): Promise<void> {
    return this.#writer.exec(sql);
  }

  all(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return this.#writer.all(sql, params);
  }

  look(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return this.#looks.take(() => this.#reader.all(sql, params));
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
    // The one that writes last: it folds the log.
    let [failure, isWhole]: [unknown, boolean] = [undefined, true];
    const closings = [
      () => this.#looks.take(() => this.#reader.close()),
      () => this.#folder.close(),
      () => this.#writer.close(),
    ];
    for (const close of closings) {
      await close().catch((error: unknown) => {
        failure ??= error;
        isWhole = false;
      });
    }
    // Where one of them did not close, SQLite's locks may still be needed: this would drop them.
    if (!isWhole) throw failure;
    await this.#file.close();
  }

  /** Never rejects: a log that is not folded is only longer, and all that is in it is on the disk. */
  async #fold(): Promise<void> {
    try {
      const [standing] = await this.#folder.all(LOOK_SQL, []);
      if (pagesIn(standing) - pagesFolded(standing) < this.#lengths.folded) return;
      if ((await this.#foldAndSync()) >= this.#lengths.restarted)
        await this.#looks.take(async () => {
          await this.#foldAndSync();
          await this.#writer.all(FOLD_SQL, []);
        });
      this.#isFailing = false;
    } catch (error) {
      // Busy, or amid a transaction of the writer's: the next look comes soon. So it does after a disk that failed, and
      // at PAGES_MAX a commit folds.
      if (error instanceof PosError && error.code === 'STORE_BUSY') return;
      if (!this.#isFailing) this.#failed(error);
      this.#isFailing = true;
    } finally {
      this.#folding = null;
    }
  }

  /** Folds while commits go on. How many pages the log has. */
  async #foldAndSync(): Promise<number> {
    const [folded] = await this.#folder.all(FOLD_SQL, []);
    await this.#file.sync();
    return pagesIn(folded);
  }
}

/** The row that a checkpoint gives: https://www.sqlite.org/pragma.html#pragma_wal_checkpoint */
type Standing = Record<string, unknown> | undefined;

const pagesIn = (standing: Standing) => Number(standing?.['log'] ?? 0);
const pagesFolded = (standing: Standing) => Number(standing?.['checkpointed'] ?? 0);
