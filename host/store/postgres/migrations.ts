/** The history of the tables on PostgreSQL, and what of it that server spells its own way. */
import type { MigrationDialect } from '../migrations.ts';
import { TABLE_NAMES } from '../schema.ts';
import { firstSql, ownTablesSql, tableSql } from './ddl.ts';

/** Numbered as `../migrations.ts` numbers its own; the same rules hold. */
export const POSTGRES_MIGRATIONS = [
  {
    number: 1,
    name: 'the first tables',
    sql: [firstSql(), ...TABLE_NAMES.map(tableSql), ownTablesSql()].join('\n'),
  },
] as const;

/** Any number that is ours: hosts that start at once bring the schema up to date one after another. */
const SCHEMA_LOCK = 8_583_0210;

export const POSTGRES_DIALECT: MigrationDialect = {
  begin: `BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`,
  history: `CREATE TABLE IF NOT EXISTS "migrations" (
  "number" BIGINT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "checksum" TEXT NOT NULL, "at" BIGINT NOT NULL
)`,
  insert: 'INSERT INTO "migrations" VALUES ($1, $2, $3, $4)',
};
