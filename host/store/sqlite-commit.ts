/**
 * How the SQLite store commits a batch, and what it knows after a commit that failed.
 *
 * Nearly always a batch is one call: a single statement that writes all rows and proves what the guards presume. Outside
 * of a transaction it is one by itself, with its own commit. When it is refused it has written nothing; then a
 * transaction asks the guards' questions, writes, and if need be goes on item by item: the items that are to blame are
 * returned.
 */
import { PosError } from '../../protocol/index.ts';
import { type StreamHead, startOf } from '../journal/seal.ts';
import { isRefusal, reasonOf } from './answers.ts';
import { BatchWrite, type PackedRows, RowPacker } from './batch-write.ts';
import { type DecidedBatch, decideBatch, sealItem } from './decide-batch.ts';
import type { SqlDriver } from './driver.ts';
import { Fates, GuardQuestions, GuardState, Presumption } from './guards.ts';
import type { CommitHow, CommitItem, CommitOutcome } from './port.ts';
import { ReadyItem } from './ready-item.ts';
import * as sql from './statements.ts';

/** Changes a page of the database whenever it runs; how often it did is told by the counter. */
export const SETTLE_SQL = `INSERT INTO "counters" ("counter", "value") VALUES ('store:doubts', 1)
ON CONFLICT ("counter") DO UPDATE SET "value" = "value" + 1`;

export interface Written {
  readonly outcomes: readonly CommitOutcome[];
  /** Where the stream stands after the batch. */
  readonly after: StreamHead;
  /** The counters that were moved, as they are now. */
  readonly counters: ReadonlyMap<string, number>;
}

/** What the store remembers of the rows: asked for counters, and told when it may be wrong. */
export interface Memory {
  counter(name: string): number | undefined;
  clear(): void;
}

type Item = ReadyItem<PackedRows>;

/** A batch as it was decided, not written yet. */
interface Decided extends DecidedBatch<Item> {
  readonly batch: BatchWrite;
}

export class SqliteCommits {
  readonly #driver: SqlDriver;
  readonly #stream: string;
  readonly #memory: Memory;
  /** Where our stream stands; undefined when a commit's outcome is unknown: read again before the next. */
  #head: StreamHead | undefined;
  #isInDoubt = false;
  readonly #packer = new RowPacker();
  readonly #pack = (item: CommitItem) => this.#packer.packed(item);

  constructor(driver: SqlDriver, stream: string, memory: Memory) {
    this.#driver = driver;
    this.#stream = stream;
    this.#memory = memory;
  }

  /** A commit failed: what it wrote may be in the log, though it is not seen. Nothing is read before `settle`. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** The item for SQLite; one that is ready is itself. */
  ready(item: CommitItem): Item {
    return item instanceof ReadyItem ? (item as Item) : new ReadyItem(item, this.#pack);
  }

  async readHead(): Promise<StreamHead> {
    const [row] = await this.#driver.all(sql.HEAD_SQL, [this.#stream]);
    this.#head = row === undefined ? startOf(this.#stream) : (row as unknown as StreamHead);
    return this.#head;
  }

  /**
   * Commits the batch; when it resolves, what is accepted is on the disk.
   * @throws STORE_FAILED when surely nothing was written, STORE_UNKNOWN
   */
  async commit(items: readonly Item[], how: CommitHow): Promise<Written> {
    const presumed = Presumption.of(items, (counter) => this.#memory.counter(counter));
    const written =
      (presumed === null ? null : await this.#commitPresuming(items, presumed, how)) ??
      (await this.#commitAsking(items, how));
    this.#head = written.after;
    return written;
  }

  /**
   * When the sync in a commit fails, SQLite goes back, but the log may hold the commit whole: it would count again
   * after a power cut, although it was read as not done. A small commit takes its place in the log and is synced;
   * what is read after that stays.
   */
  async settle(): Promise<void> {
    try {
      await this.#driver.run(SETTLE_SQL, []);
    } catch (cause) {
      this.#forget();
      throw new PosError('STORE_FAILED', `after a commit of unknown outcome: ${reasonOf(cause)}`, { cause });
    }
    this.#isInDoubt = false;
  }

  /** Null when the one statement was refused: something is not as it was presumed, another process may have written. */
  async #commitPresuming(
    items: readonly Item[],
    presumed: Presumption,
    how: CommitHow,
  ): Promise<Written | null> {
    let mayBeDone = false;
    try {
      const state = new GuardState(presumed.answers, new Fates(how));
      const decided = this.#decide(items, state, this.#head ?? (await this.readHead()));
      // A conflict is told only as the database has it: what was presumed is proven, even when nothing is written.
      const guards = presumed.checks(state);
      const isAnyAccepted = decided.accepted.length > 0;
      if (!isAnyAccepted && guards === null) return decided;
      const parameters = decided.batch.parameters(decided.counters, guards);
      mayBeDone = isAnyAccepted;
      await this.#driver.run(sql.WRITE_SQL, parameters);
      return decided;
    } catch (cause) {
      this.#forget();
      if (isRefusal(cause)) return null;
      throw this.#failure(cause, mayBeDone);
    }
  }

  async #commitAsking(items: readonly Item[], how: CommitHow): Promise<Written> {
    let mayBeDone = false;
    try {
      await this.#driver.run('BEGIN IMMEDIATE', []);
      const written = await this.#writeAsking(items, how);
      // Nothing is written when no item was accepted, and then there is nothing to sync either.
      mayBeDone = written.outcomes.some(({ committed }) => committed);
      await this.#driver.run(mayBeDone ? 'COMMIT' : 'ROLLBACK', []);
      // What is remembered was not looked at here: it may be what led to the conflict.
      if (written.outcomes.some(({ committed }) => !committed)) this.#memory.clear();
      return written;
    } catch (cause) {
      this.#forget();
      // SQLite may have rolled back by itself (disk full, input or output error): a second time does no harm.
      await this.#driver.run('ROLLBACK', []).catch(() => undefined);
      throw this.#failure(cause, mayBeDone);
    }
  }

  /** @param mayBeDone the call that failed was to commit */
  #failure(cause: unknown, mayBeDone: boolean): PosError {
    const isCertain = !mayBeDone || (cause instanceof PosError && cause.code === NOTHING_DONE);
    this.#isInDoubt ||= !isCertain;
    return isCertain
      ? new PosError('STORE_FAILED', `before the commit: ${reasonOf(cause)}`, { cause })
      : new PosError('STORE_UNKNOWN', `in the commit: ${reasonOf(cause)}`, { cause });
  }

  #forget(): void {
    this.#head = undefined;
    this.#memory.clear();
  }

  async #writeAsking(items: readonly Item[], how: CommitHow): Promise<Written> {
    const questions = new GuardQuestions(items);
    const found = await this.#driver.all(sql.GUARD_SQL, questions.parameters);
    try {
      const state = new GuardState(questions.answers(found), new Fates(how));
      const decided = this.#decide(items, state, this.#head ?? (await this.readHead()));
      if (decided.accepted.length > 0)
        await this.#driver.run(sql.WRITE_SQL, decided.batch.parameters(decided.counters));
      return decided;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    // The refusal undid the whole write. The head is read again: it may be another process that has
    // taken our stream's next number.
    const state = new GuardState(questions.answers(found), new Fates(how));
    return this.#writeOneByOne(items, state, await this.readHead());
  }

  #decide(items: readonly Item[], state: GuardState, head: StreamHead): Decided {
    const batch = new BatchWrite();
    const decided = decideBatch(items, {
      state,
      stream: this.#stream,
      head,
      take: (item, records) => batch.add(item.rows, records),
    });
    return { ...decided, batch };
  }

  async #writeOneByOne(items: readonly Item[], state: GuardState, head: StreamHead): Promise<Written> {
    const outcomes: CommitOutcome[] = [];
    const counters = new Map<string, number>();
    let after = head;
    for (const prepared of items) {
      const sealed = sealItem(prepared, { state, stream: this.#stream, head: after });
      if (sealed.refused !== null) {
        outcomes.push(sealed.refused);
        continue;
      }
      const one = new BatchWrite();
      try {
        one.add(prepared.rows, sealed.records);
        // One statement: refused, it leaves nothing behind, as if it had a savepoint of its own.
        await this.#driver.run(sql.WRITE_SQL, one.parameters(sealed.counters));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        state.refuse(prepared);
        outcomes.push({ committed: false, conflict: null, failure: error });
        continue;
      }
      for (const [counter, value] of sealed.counters) counters.set(counter, value);
      state.accept(prepared);
      after = sealed.after;
      outcomes.push(sealed.outcome);
    }
    return { outcomes, after, counters };
  }
}

/**
 * The failure of a call that commits after which surely nothing is in the log: the lock was not had. Refused: damage
 * too. SQLite says so also when the log's index (-shm) is broken, and then the commit is in the log whole, and synced.
 */
const NOTHING_DONE = 'STORE_BUSY';
