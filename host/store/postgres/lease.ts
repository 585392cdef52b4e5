/**
 * A lease among all hosts on one database: an advisory lock, which the server holds for as long as one connection
 * lives. No clock is compared and nothing runs out: a host that dies gives it back by dying.
 */
import { PosError } from '../../../protocol/index.ts';
import { heldBySomebody, type LoneWork } from '../alone.ts';
import type { SqlDriver } from '../driver.ts';

/** Any number that is ours. Installations that share a database live in schemas of their own. */
const LEASE_CLASS = 8_583_0211;
const TAKE_SQL = `SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ' ' || $1, ${LEASE_CLASS})) AS "taken"`;

/**
 * @param connection the lease's own: closed here, which gives the lock back
 * @throws NOT_ALLOWED_NOW when another connection has the lock, STORE_FAILED when that cannot be asked
 */
export async function underLease<T>(connection: SqlDriver, name: string, work: LoneWork<T>): Promise<T> {
  const take = async () => {
    if (!(await asked(connection, name))) throw heldBySomebody(name);
  };
  try {
    await take();
    // A connection that was lost took the lock with it. Taking it once more does no harm to whoever has it still.
    return await work(take);
  } finally {
    await connection.close();
  }
}

/** A loss is noticed by the statement that meets it; the next one goes out on a new connection. */
async function asked(connection: SqlDriver, name: string): Promise<boolean> {
  for (let isSecond = false; ; isSecond = true) {
    try {
      const [row] = await connection.all(TAKE_SQL, [name]);
      return row?.['taken'] === true;
    } catch (error) {
      if (!(error instanceof PosError) || error.code !== 'STORE_UNKNOWN') throw error;
      if (isSecond) throw new PosError('STORE_FAILED', error.detail, { cause: error });
    }
  }
}
