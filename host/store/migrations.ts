/**
 * The history of the schema. Each migration is applied once, in order, in one transaction with the
 * others that are due, and recorded with the checksum of its text.
 */
import { hash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { foundStaysSql, narrowSql, openHoldsIndexSql, ownTablesSql, tableSql } from './ddl.ts';
import type { SqlDriver } from './driver.ts';
import { TABLE_NAMES } from './schema.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** Numbered from 1 without gaps. One that has run somewhere is never edited: a change is the next one. */
export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'the first tables', sql: [...TABLE_NAMES.map(tableSql), ownTablesSql()].join('\n') },
  { number: 2, name: 'a place is found by its identities', sql: [narrowSql(), foundStaysSql()].join('\n') },
  { number: 3, name: 'open holds are found without a walk', sql: openHoldsIndexSql() },
];

/** How a database spells what `migrate` does. */
export interface MigrationDialect {
  /** Begins a transaction that no other migration runs beside. */
  readonly begin: string;
  readonly history: string;
  /** Parameters: number, name, checksum, time. */
  readonly insert: string;
}

const SQLITE_DIALECT: MigrationDialect = {
  begin: 'BEGIN IMMEDIATE',
  history: `CREATE TABLE IF NOT EXISTS "migrations" (
  "number" INTEGER NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "checksum" TEXT NOT NULL, "at" INTEGER NOT NULL
) STRICT`,
  insert: 'INSERT INTO "migrations" VALUES (?, ?, ?, ?)',
};

/** SHA-256 of the text, 64 hex digits. */
export function checksum({ sql }: Migration): string {
  return hash('sha256', sql, 'hex');
}

/**
 * Brings the database to this version's schema.
 * @param now UTC milliseconds, recorded with what is applied
 * @throws STORE_SCHEMA when the database knows a migration that we do not, or one of another text;
 *   nothing is changed then
 */
export async function migrate(
  driver: SqlDriver,
  now: number,
  migrations: readonly Migration[] = MIGRATIONS,
  dialect: MigrationDialect = SQLITE_DIALECT,
): Promise<void> {
  await driver.exec(dialect.begin);
  try {
    await driver.run(dialect.history, []);
    const applied = await driver.all('SELECT "number", "checksum" FROM "migrations" ORDER BY "number"', []);
    checkHistory(applied, migrations);
    for (const migration of migrations.slice(applied.length)) {
      await driver.exec(migration.sql);
      await driver.run(dialect.insert, [migration.number, migration.name, checksum(migration), now]);
    }
    await driver.run('COMMIT', []);
  } catch (error) {
    // A disk that is full has rolled back by itself: what it cannot do twice hides nothing.
    await driver.run('ROLLBACK', []).catch(() => undefined);
    throw error;
  }
}

function checkHistory(applied: readonly Record<string, unknown>[], migrations: readonly Migration[]): void {
  applied.forEach((row, index) => {
    const known = migrations[index];
    if (known === undefined || known.number !== row['number']) {
      throw new PosError(
        'STORE_SCHEMA',
        `the database has migration ${Number(row['number'])}, which this version does not know`,
      );
    }
    if (checksum(known) !== row['checksum']) {
      throw new PosError(
        'STORE_SCHEMA',
        `migration ${known.number} ran with another text than this version's`,
      );
    }
  });
}
