/**
 * The store's driver in a world: real SQLite in WAL on a simulated disk, by microtasks only. It answers nothing
 * any more once the power is off.
 */
import { type Clock, SQLITE_SETTINGS, type SqlDriver } from '../../../host/index.ts';
import { PosError } from '../../../protocol/index.ts';
import type { DiskDice, DiskDoor } from '../disk/disk.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { randomState } from './sqlite-wasm.ts';

/** What befalls a database besides its disk. Each strikes once. */
export type StoreFault =
  /** The next call takes longer. */
  | 'slow'
  /** The next call, except ROLLBACK, is told that another process holds the database. */
  | 'busy'
  /** The next commit is done and fails all the same. */
  | 'commit answer lost, done'
  /** The next commit is not done and fails. */
  | 'commit answer lost, not done';

export class StoreFaults {
  readonly #armed = new Map<StoreFault, number>();

  /** @param ms for `slow`, how much longer, in milliseconds */
  arm(fault: StoreFault, ms = 0): void {
    this.#armed.set(fault, ms);
  }

  clear(): void {
    this.#armed.clear();
  }

  /** @returns the milliseconds of an armed fault, which is armed no more; null when it is not armed */
  take(fault: StoreFault): number | null {
    const ms = this.#armed.get(fault);
    this.#armed.delete(fault);
    return ms ?? null;
  }
}

export interface WorldSqlite extends SqlDriver {
  /** The power is off: frees the memory of the dead connection. A call that is open, or comes later, never ends. */
  abandon(): void;
}

export interface SqliteSurroundings {
  readonly clock: Clock;
  readonly dice: DiskDice;
  readonly faults?: StoreFaults;
}

/**
 * Opens a database file, making it when it is not there. Without shared memory a second connection cannot be:
 * it holds the database for itself alone.
 * @throws STORE_FAILED when it is no database or the disk fails, STORE_BUSY by `faults`
 */
export async function openWorldSqlite(
  door: DiskDoor,
  path: string,
  { clock, dice, faults = new StoreFaults() }: SqliteSurroundings,
): Promise<WorldSqlite> {
  const inside = { now: () => clock.now(), random: randomState(dice) };
  let connection: SqliteConnection;
  try {
    connection = new SqliteConnection(door, path, inside);
  } catch (error) {
    if (!door.isAlive) return never();
    throw error;
  }
  const driver = new WorldDriver(connection, door, { clock, faults });
  try {
    await driver.exec(`PRAGMA locking_mode = EXCLUSIVE;${SQLITE_SETTINGS}`);
  } catch (error) {
    await driver.close();
    throw error;
  }
  return driver;
}

type DriverState = 'open' | 'closed' | 'dead';

class WorldDriver implements WorldSqlite {
  readonly #connection: SqliteConnection;
  readonly #door: DiskDoor;
  readonly #clock: Clock;
  readonly #faults: StoreFaults;
  #state: DriverState = 'open';
  /** The engine is working: a power cut that meets it there is dealt with when it comes out. */
  #isInside = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    connection: SqliteConnection,
    door: DiskDoor,
    world: { readonly clock: Clock; readonly faults: StoreFaults },
  ) {
    this.#connection = connection;
    this.#door = door;
    this.#clock = world.clock;
    this.#faults = world.faults;
  }

  exec(sql: string): Promise<void> {
    return this.#call(sql, (connection) => connection.exec(sql));
  }

  run(sql: string, params: readonly unknown[]): Promise<{ readonly changes: number }> {
    const act = (connection: SqliteConnection) => connection.run(sql, params);
    return this.#call(sql, act, () => this.#commits(sql));
  }

  all(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return this.#call(sql, (connection) => connection.all(sql, params));
  }

  close(): Promise<void> {
    return this.#inTurn(() =>
      this.#alive((connection) => {
        this.#state = 'closed';
        connection.close();
      }),
    );
  }

  abandon(): void {
    if (this.#state === 'open') this.#state = 'dead';
    if (!this.#isInside) this.#connection.abandon();
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act, act);
    this.#last = turn;
    return turn;
  }

  /** @param commits whether the call is one that commits, asked when its turn comes */
  #call<T>(
    sql: string,
    act: (connection: SqliteConnection) => T,
    commits: () => boolean = () => false,
  ): Promise<T> {
    return this.#inTurn(async () => {
      const ms = this.#faults.take('slow');
      if (ms !== null) await new Promise<void>((resolve) => void this.#clock.after(ms, resolve));
      if (sql !== 'ROLLBACK' && this.#faults.take('busy') !== null)
        throw new PosError('STORE_BUSY', 'another process holds the database, says the world');
      return commits() ? this.#commit(act) : this.#alive(act);
    });
  }

  /** COMMIT, and a statement that changes something outside of a transaction: it commits by itself. */
  #commits(sql: string): boolean {
    if (this.#state !== 'open' || sql === 'ROLLBACK' || sql.startsWith('BEGIN')) return false;
    return sql === 'COMMIT' || !this.#connection.isInTransaction;
  }

  async #commit<T>(act: (connection: SqliteConnection) => T): Promise<T> {
    const isNotDone = this.#faults.take('commit answer lost, not done') !== null;
    const isLost = this.#faults.take('commit answer lost, done') !== null || isNotDone;
    if (!isLost) return this.#alive(act);
    if (!isNotDone) await this.#alive(act);
    throw new PosError('STORE_FAILED', 'the answer to a commit was lost, says the world');
  }

  /** What happens without power is not answered: neither that it was done nor that it failed. */
  #alive<T>(act: (connection: SqliteConnection) => T): Promise<T> {
    if (this.#state === 'closed')
      return Promise.reject(new PosError('STORE_FAILED', 'the database is closed'));
    if (this.#state === 'dead') return never();
    this.#isInside = true;
    let answer: Promise<T>;
    try {
      answer = Promise.resolve(act(this.#connection));
    } catch (error) {
      answer = Promise.reject(error instanceof PosError ? error : unexpected(error));
    }
    this.#isInside = false;
    if (this.#door.isAlive && this.#state !== ('dead' as DriverState)) return answer;
    answer.catch(() => undefined);
    this.abandon();
    return never();
  }
}

function unexpected(cause: unknown): PosError {
  return new PosError('STORE_FAILED', 'SQLite itself failed', { cause });
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
