/**
 * A year that leaves the books: its partitions are detached, not dropped, and stay as tables that nobody may change;
 * what they came to is carried forward by one entry, in a partition of its own at their place.
 */
import { quoted } from '../ddl.ts';
import { fieldSql, REFUSED_STATE, refusal } from './ddl.ts';
import { untruncated } from './partitions.ts';

/** Attached partitions of a table, by name. $1 the table. */
export const ATTACHED_SQL = `SELECT c.relname AS "name" FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(quote_ident($1)) ORDER BY 1`;

/** Two numbers that change with any row: how many there are, and the sum of their sums. */
export function sealSql(partition: string): string {
  return `SELECT count(*)::text || ' ' || coalesce(sum("sum"), 0)::text AS "seal" FROM ${quoted(partition)}`;
}

/**
 * Business dates of a table before a year. $1 the year.
 * @param table `entries` or `transactions`
 */
export function datesSql(table: string): string {
  return `SELECT DISTINCT "businessDate" AS "date" FROM ${quoted(table)} WHERE "businessDate" < $1 ORDER BY 1`;
}

/**
 * What keeps a year: the first of each kind that names what would leave from further than the next year, and a hold that
 * is open in it. $1 the year after it, $2 the year after that one.
 */
export const DEPENDS_SQL = `(SELECT 'entry ' || x."entryId" AS "what" FROM "entries" AS x
  JOIN "names" AS k ON k."name" = 'entry ' || (${fieldSql('entries', 'corrects', 'x')}) WHERE x."businessDate" >= $2 AND k."businessDate" < $1 LIMIT 1)
UNION ALL (SELECT 'transaction ' || x."transactionId" FROM "transactions" AS x
  JOIN "names" AS k ON k."name" = 'id ' || x."originalId" WHERE x."businessDate" >= $2 AND k."businessDate" < $1 LIMIT 1)
UNION ALL (SELECT 'hold ' || x."transactionId" FROM "transactions" AS x WHERE x."businessDate" < $1 AND ${fieldSql('transactions', 'kind', 'x')} = 'preAuthorisation' AND ${fieldSql('transactions', 'state', 'x')} = 'approved' LIMIT 1)`;

export interface Leaving {
  readonly table: 'entries' | 'transactions';
  readonly partition: string;
  /** As `sealSql` gave it when the partition was exported. */
  readonly seal: string;
}

/** What runs in the transaction that also writes what is carried forward, in order. @param year the last that leaves */
export function leaveSql(year: string, leaving: readonly Leaving[]): readonly string[] {
  const carried = `entries_${year}_carried`;
  return [
    ...leaving.flatMap(({ table, partition, seal }) => [
      `ALTER TABLE ${quoted(table)} DETACH PARTITION ${quoted(partition)}`,
      `DO $same$ BEGIN IF (${sealSql(partition)}) <> '${seal}' THEN
RAISE EXCEPTION USING ERRCODE = '${REFUSED_STATE}', MESSAGE = '${partition}: changed while it was archived'; END IF; END $same$`,
      // What it had by its parent went with it.
      refusal(partition, 'BEFORE UPDATE', '', 'a row of an archived year is never changed'),
      refusal(partition, 'BEFORE DELETE', '', 'a row is never deleted'),
    ]),
    `CREATE TABLE ${quoted(carried)} PARTITION OF "entries" FOR VALUES FROM ('${year}') TO ('${Number(year) + 1}')`,
    untruncated(carried),
  ];
}
