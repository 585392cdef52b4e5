/**
 * Does the file still hold the schema that our migrations made? SQLite looks at the text of a trigger or an
 * index only when it is used, and its integrity check does not read it.
 */
import { PosError } from '../../protocol/index.ts';
import type { SqlDriver } from './driver.ts';
import { MIGRATIONS, migrate } from './migrations.ts';
import { openSqlite } from './sqlite-driver.ts';

/** Without SQLite's own statistics. Root pages differ from file to file. */
const SCHEMA_SQL = `SELECT "type", "name", "tbl_name", "sql" FROM sqlite_master
  WHERE "name" NOT LIKE 'sqlite_stat%' ORDER BY "type", "name"`;

/**
 * Compares with a database in memory that the same migrations made; costs some milliseconds.
 *
 * A database of an older version is compared as it was then; one of a newer version is left to `migrate`.
 * @throws STORE_DAMAGED naming the first table, index or trigger that is another
 */
export async function proveSchema(driver: SqlDriver): Promise<void> {
  const here = await driver.all(SCHEMA_SQL, []);
  // A first start that was killed before its migrations were committed.
  if (here.length === 0) return;
  const [applied] = await driver.all('SELECT count(*) AS "n" FROM "migrations"', []);
  const count = Number(applied?.['n']);
  if (count > MIGRATIONS.length) return;
  const reference = await openSqlite(':memory:');
  try {
    await migrate(reference, 0, MIGRATIONS.slice(0, count));
    const made = await reference.all(SCHEMA_SQL, []);
    const other = (these: typeof made, those: typeof made) => {
      const texts = new Set(those.map((row) => JSON.stringify(row)));
      return these.find((row) => !texts.has(JSON.stringify(row)));
    };
    const wrong = other(made, here) ?? other(here, made);
    if (wrong === undefined) return;
    const name = `${String(wrong['type'])} ${String(wrong['name'])}`;
    throw new PosError(
      'STORE_DAMAGED',
      `结构 schema: ${name} 与迁移所建不同 is not as the migrations made it`,
    );
  } finally {
    await reference.close();
  }
}
