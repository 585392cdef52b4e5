/**
 * How the PostgreSQL store commits a batch, and what it does after a commit whose outcome it does not know.
 *
 * A batch is one call of one function and so one transaction: it locks what the guards name, compares, writes,
 * commits. When something is not as the batch took for granted it wrote nothing, and a transaction in several steps
 * locks first, asks, decides on what there is, and goes item by item where the database refuses one.
 */
import { PosError } from '../../../protocol/index.ts';
import { type StreamHead, startOf } from '../../journal/seal.ts';
import { isRefusal, reasonOf, refusalOf } from '../answers.ts';
import { decideBatch } from '../decide-batch.ts';
import { Fates, type GuardAnswers, GuardQuestions, GuardState } from '../guards.ts';
import type { CommitHow, CommitItem, CommitOutcome } from '../port.ts';
import { ReadyItem } from '../ready-item.ts';
import {
  assume,
  countersOf,
  locksOf,
  PostgresRows,
  promisesUnused,
  type SpelledRows,
  spelledRows,
  writesDays,
} from './batch.ts';
import { yearSql, yearsOf } from './partitions.ts';
import type { PgDriver } from './pg-driver.ts';
import * as sql from './statements.ts';

/** A deadlock or a serialization failure went back whole: the same batch is tried again, this often. */
const TRIES_MAX = 5;

type Item = ReadyItem<SpelledRows>;

interface Written {
  readonly outcomes: readonly CommitOutcome[];
  readonly after: StreamHead;
}

/** The commits of one journal stream, over the connection that is theirs: one at a time, or the stream would fork. */
export class PostgresCommits {
  readonly #ledger: PgDriver;
  readonly #stream: string;
  /** Where our stream stands; undefined when it must be read again before the next commit. */
  #head: StreamHead | undefined;
  #epoch = 0;
  /** Years whose partitions are there. */
  readonly #years = new Set<string>();
  /** A commit was sent and its answer never came: it may still be running. So may one of an earlier process. */
  #isInDoubt = true;
  #settling: Promise<void> | null = null;

  constructor(ledger: PgDriver, stream: string) {
    this.#ledger = ledger;
    this.#stream = stream;
  }

  /** The item for PostgreSQL; one that is ready is itself. */
  ready(item: CommitItem): Item {
    return item instanceof ReadyItem ? (item as Item) : new ReadyItem(item, spelledRows);
  }

  async readHead(): Promise<StreamHead> {
    const [row] = await this.#ledger.all(sql.HEAD_SQL, [this.#stream]);
    this.#head = row === undefined ? startOf(this.#stream) : (row as unknown as StreamHead);
    return this.#head;
  }

  /**
   * Commits the batch; when it resolves, what is accepted is on the server's disk.
   * @param along statements of the tables' keeper, in the same transaction, before anything is written
   * @throws STORE_FAILED when surely nothing was written, STORE_UNKNOWN
   */
  async commit(
    items: readonly Item[],
    along: readonly string[],
    how: CommitHow,
  ): Promise<readonly CommitOutcome[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#makeRoom(items);
        const assumed = along.length > 0 ? null : await this.#writeAssuming(items);
        const written = assumed ?? (await this.#writeAsking(items, along, how));
        this.#head = written.after;
        return written.outcomes;
      } catch (error) {
        this.#head = undefined;
        if (error instanceof PosError && error.code === 'STORE_CONFLICT' && tries < TRIES_MAX) continue;
        if (!(error instanceof PosError) || error.code !== 'STORE_UNKNOWN')
          throw new PosError('STORE_FAILED', `before the commit: ${reasonOf(error)}`, { cause: error });
        this.#isInDoubt = true;
        throw new PosError('STORE_UNKNOWN', `in the commit: ${reasonOf(error)}`, { cause: error });
      }
    }
  }

  async #makeRoom(items: readonly Item[]): Promise<void> {
    for (const year of yearsOf(items)) {
      if (this.#years.has(year)) continue;
      for (const text of yearSql(year)) await this.#ledger.exec(text);
      this.#years.add(year);
    }
  }

  /** One call. Null when nothing was written, because something is not as it was taken for granted. */
  async #writeAssuming(items: readonly Item[]): Promise<Written | null> {
    const assumed = assume(items);
    if (assumed === null) return null;
    const rows = new PostgresRows();
    const head = this.#head ?? (await this.readHead());
    try {
      const { outcomes, accepted, after } = decideBatch(items, {
        state: new GuardState(assumed.answers),
        stream: this.#stream,
        head,
        take: (item, records) => rows.add(item.rows, records),
      });
      if (accepted.length < items.length) return null;
      const [answer] = await this.#ledger.all(sql.COMMIT_SQL, [
        this.#stream,
        this.#epoch,
        assumed.locks.json(writesDays(items)),
        assumed.locks.wanted,
        assumed.absences === null ? null : JSON.stringify(assumed.absences),
        assumed.additions === null ? null : JSON.stringify(assumed.additions),
        ...rows.parameters(),
      ]);
      return answer?.['came'] === 'written' ? { outcomes, after } : null;
    } catch (error) {
      if (isRefusal(error)) return null;
      throw error;
    }
  }

  /** Locks, asks, decides, writes: one transaction in steps. */
  async #writeAsking(items: readonly Item[], along: readonly string[], how: CommitHow): Promise<Written> {
    let written: Written;
    try {
      await this.#ledger.run('BEGIN', []);
      await this.#lock(items);
      for (const text of along) await this.#ledger.exec(text);
      written = await this.#write(items, await this.readHead(), how);
    } catch (error) {
      await this.#rollBack();
      // The transaction had not come to its COMMIT: the server goes back when its connection is lost.
      if (error instanceof PosError && error.code !== 'STORE_UNKNOWN') throw error;
      throw new PosError('STORE_FAILED', reasonOf(error), { cause: error });
    }
    if (!written.outcomes.some(({ committed }) => committed)) {
      await this.#rollBack();
      return written;
    }
    await this.#ledger.run('COMMIT', []);
    return written;
  }

  async #rollBack(): Promise<void> {
    await this.#ledger.run('ROLLBACK', []).catch(() => undefined);
  }

  async #lock(items: readonly Item[]): Promise<void> {
    const allOut = promisesUnused(items);
    await this.#ledger.run(allOut ? sql.LOCK_ALL_OUT_SQL : sql.LOCK_TRANSACTIONS_SQL, []);
    const [row] = await this.#ledger.all(sql.LOCK_STREAM_SQL, [this.#stream]);
    this.#epoch = row?.['epoch'] as number;
    await this.#ledger.run(sql.LOCK_ROWS_SQL, [locksOf(items).json(writesDays(items))]);
    const counters = countersOf(items);
    if (counters.length > 0) await this.#ledger.run(sql.LOCK_COUNTERS_SQL, [JSON.stringify(counters)]);
  }

  async #write(items: readonly Item[], head: StreamHead, how: CommitHow): Promise<Written> {
    await this.#ledger.run('SAVEPOINT "together"', []);
    try {
      return await this.#writeTogether(items, head, new Fates(how));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    await this.#ledger.run('ROLLBACK TO SAVEPOINT "together"', []);
    const outcomes: CommitOutcome[] = [];
    const fates = new Fates(how);
    let after = head;
    for (const prepared of items) {
      const one = await this.#writeAlone(prepared, after, fates);
      outcomes.push(...one.outcomes);
      after = one.after;
    }
    return { outcomes, after };
  }

  async #writeTogether(items: readonly Item[], head: StreamHead, fates: Fates): Promise<Written> {
    const rows = new PostgresRows();
    const { outcomes, after, counters } = decideBatch(items, {
      state: new GuardState(await this.#answers(items), fates),
      stream: this.#stream,
      head,
      take: (item, records) => rows.add(item.rows, records),
    });
    if (outcomes.some(({ committed }) => committed))
      await this.#ledger.run(sql.WRITE_SQL, [rows.json(), JSON.stringify([...counters])]);
    return { outcomes, after };
  }

  /**
   * The database holds the items before this one. A refusal is looked at again: it may be a guard that another
   * process has made fail since, by a row that was not there to be locked.
   */
  async #writeAlone(prepared: Item, head: StreamHead, fates: Fates): Promise<Written> {
    await this.#ledger.run('SAVEPOINT "alone"', []);
    try {
      // What it is taken for before the database has spoken is forgotten with a refusal.
      const trial = fates.copy();
      const written = await this.#writeTogether([prepared], head, trial);
      fates.become(trial);
      return written;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.#ledger.run('ROLLBACK TO SAVEPOINT "alone"', []);
      const state = new GuardState(await this.#answers([prepared]), fates);
      const conflict = refusalOf(prepared, state);
      state.refuse(prepared);
      return {
        outcomes: [conflict ?? { committed: false, conflict: null, failure: error }],
        after: head,
      };
    }
  }

  async #answers(items: readonly Item[]): Promise<GuardAnswers> {
    const questions = new GuardQuestions(items);
    return questions.answers(await this.#ledger.all(sql.GUARD_SQL, questions.parameters));
  }

  /**
   * After a commit of unknown outcome: waits until the server is done with it, and shuts out what of it may still be
   * on its way. What is read afterwards stays, also on a synchronous standby: the new epoch is committed behind it.
   */
  settled(): Promise<void> {
    if (!this.#isInDoubt) return Promise.resolve();
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = null;
    });
    return this.#settling;
  }

  async #settle(): Promise<void> {
    try {
      const [row] = await this.#ledger.all(sql.NEXT_EPOCH_SQL, [this.#stream]);
      this.#epoch = row?.['epoch'] as number;
    } catch (cause) {
      throw new PosError('STORE_FAILED', `after a commit of unknown outcome: ${reasonOf(cause)}`, { cause });
    }
    this.#isInDoubt = false;
  }
}
