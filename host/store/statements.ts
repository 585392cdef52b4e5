/**
 * What runs against the tables, written as SQL from `schema.ts`, each text made once. Every list of values is one
 * parameter, so that a batch of any size is the same prepared statement.
 */
import { BODY_COLUMN, BY_OPEN_HOLDS, fieldSql, openHoldSql, quoted, quotedList, SUM_COLUMN } from './ddl.ts';
import { PLACE_SQL, type PlaceColumns, placesSql } from './places.ts';
import type { TableName } from './rows.ts';
import { keptOf, specOf, TABLE_NAMES } from './schema.ts';

/** The tables that guards may name, in the order of the guard statement's parameters. */
export const GUARDED_TABLES = [
  'identities',
  'cards',
  'accounts',
  'terminals',
  'batches',
  'transactions',
  'files',
  'steps',
  'documents',
  'days',
  'salts',
  'owedReversals',
] as const satisfies readonly TableName[];
export type GuardedTable = (typeof GUARDED_TABLES)[number];

/** Where the guard statement marks a counter's row, after the tables. */
export const COUNTER_MARK = GUARDED_TABLES.length;
/** Where it marks a UT that a transaction has, after the counters. */
export const UT_MARK = COUNTER_MARK + 1;

/**
 * Which of the named rows are there, at which version: one parameter a guarded table (a list of key
 * values, each a list of its parts), then one with counters' names, then one with UTs. Rows: `mark` the
 * table, COUNTER_MARK or UT_MARK, `place` in the parameter's list, `value` the version (1 for tables that
 * only grow, and for a UT that is in use) or the counter's value.
 */
export const GUARD_SQL = [
  ...GUARDED_TABLES.map((table, mark) => {
    const { key, guard } = specOf(table);
    const version = guard === 'versioned' ? 'x."version"' : '1';
    const on = key.map((name, part) => `x.${quoted(name)} = j."value" ->> ${part}`).join(' AND ');
    // CROSS JOIN keeps the order: each wanted key is looked up, the table is never walked.
    return `SELECT ${mark} AS "mark", j."key" AS "place", ${version} AS "value" FROM json_each(?${mark + 1}) AS j CROSS JOIN ${quoted(table)} AS x ON ${on}`;
  }),
  `SELECT ${COUNTER_MARK}, j."key", x."value" FROM json_each(?${COUNTER_MARK + 1}) AS j CROSS JOIN "counters" AS x ON x."counter" = j."value"`,
  `SELECT ${UT_MARK}, j."key", 1 FROM json_each(?${UT_MARK + 1}) AS j CROSS JOIN "transactions" AS x ON x."ut" = j."value"`,
].join('\nUNION ALL ');

/** The UTs of transactions below a text, highest first, so many at the most. Rows: `name`. */
export const HIGHEST_UTS_SQL =
  'SELECT "ut" AS "name" FROM "transactions" WHERE "ut" < ?1 ORDER BY "ut" DESC LIMIT ?2';
/** The UTs that are burnt, as `HIGHEST_UTS_SQL` has those of transactions. */
export const HIGHEST_BURNT_SQL = `SELECT substr("key", 4) AS "name" FROM "identities"
WHERE "key" >= 'ut|' AND "key" < 'ut|' || ?1 ORDER BY "key" DESC LIMIT ?2`;
/** The highest identity of each of these batches, null where there is none: a list of what their keys begin with, `|` last. */
export const HIGHEST_IDENTITIES_SQL = `SELECT j."value" AS "batch", (SELECT x."key" FROM "identities" AS x
WHERE x."key" >= j."value" AND x."key" < substr(j."value", 1, length(j."value") - 1) || '}'
ORDER BY x."key" DESC LIMIT 1) AS "highest" FROM json_each(?1) AS j`;

/** What a financial transaction writes; all other tables are written seldom. */
const OFTEN_WRITTEN = [
  'accounts',
  'batches',
  'lots',
  'transactions',
  'identities',
  'entries',
] as const satisfies readonly TableName[];
const isOftenWritten = (table: TableName) => OFTEN_WRITTEN.some((often) => often === table);
export const SELDOM_WRITTEN: readonly TableName[] = TABLE_NAMES.filter((table) => !isOftenWritten(table));
const isSeldom = (table: string) => SELDOM_WRITTEN.some((seldom) => seldom === table);
/** What a financial transaction guards without writing it. */
const OFTEN_CHECKED: readonly number[] = (['identities', 'terminals', 'batches', 'days'] as const).map(
  (table) => GUARDED_TABLES.indexOf(table),
);

/** Whether the mark's checks are told in `guards`; else in `seldomGuards`. */
export function isOftenChecked(mark: number): boolean {
  return OFTEN_CHECKED.includes(mark);
}

/** The parameters of `WRITE_SQL`, in order. */
export const WRITE_PARAMETERS = [
  ...OFTEN_WRITTEN,
  'seldom',
  'journal',
  'counters',
  'guards',
  'seldomGuards',
  'bodies',
] as const;
export type WriteParameter = (typeof WRITE_PARAMETERS)[number];

/**
 * Writes all rows of a batch: one statement, so it happens as a whole or, when refused, not at all.
 *
 * Each table's parameter is a list of its rows, a row a list in the order of `storedNames`, but that in place of its
 * body it says where that lies in `bodies`: the first byte, counted from 1, and how many. `seldom` holds the lists of
 * all other tables by their names: each parameter costs the call its look, also where nothing is in it. `guards` and
 * `seldomGuards` are `Presumption.checks`, by mark.
 */
export const WRITE_SQL = `INSERT INTO "batch_write" (${quotedList(WRITE_PARAMETERS)}) VALUES (${WRITE_PARAMETERS.map((_, index) => `?${index + 1}`).join(', ')})`;

/**
 * The view that `WRITE_SQL` writes to, and its trigger, which spreads the lists over the tables. What is seldom there
 * is behind a view of its own: a statement prepares for all that its trigger names, and that was a tenth of a small
 * batch. The views are temporary: each connection makes them anew from this version's tables.
 */
export function writeViewSql(each: ListFunction): string {
  const written = (table: TableName) => writeTableSql(table, each);
  const often = spreadingView('batch_write', WRITE_PARAMETERS, [
    ...checksSql('guards', each, isOftenChecked),
    handedOn('seldom_checks', 'seldomGuards'),
    // Parents first, and no parent is written seldom.
    ...OFTEN_WRITTEN.map(written),
    `${spread('journal', ['stream', 'sequence', 'body', 'leaf', 'head'], each)};`,
    `${spread('counters', ['counter', 'value'], each)} ON CONFLICT ("counter") DO UPDATE SET "value" = excluded."value";`,
    handedOn('seldom_write', 'seldom', 'bodies'),
  ]);
  return [
    spreadingView(
      'seldom_checks',
      ['seldomGuards'],
      checksSql('seldomGuards', each, (mark) => !isOftenChecked(mark)),
    ),
    spreadingView('seldom_write', ['seldom', 'bodies'], SELDOM_WRITTEN.map(written)),
    often,
  ].join('\n');
}

/**
 * What gives the rows of a list. `jsonb_each`, from SQLite 3.51 on, gives each as it was parsed; `json_each` spells it
 * again, and it is parsed again for its columns: 5 µs a row of sixteen columns instead of 3.
 */
export type ListFunction = 'json_each' | 'jsonb_each';

/** A view whose insertion runs these statements, in order. */
function spreadingView(
  name: string,
  columns: readonly WriteParameter[],
  statements: readonly string[],
): string {
  return `CREATE TEMP VIEW ${quoted(name)} AS SELECT ${columns.map((column) => `NULL AS ${quoted(column)}`).join(', ')};
CREATE TEMP TRIGGER ${quoted(`${name}_insert`)} INSTEAD OF INSERT ON ${quoted(name)} BEGIN
${statements.join('\n')}
END;`;
}

/** Hands a column on to another such view where it holds something, and others along with it. */
function handedOn(view: string, column: WriteParameter, ...along: readonly WriteParameter[]): string {
  const news = [column, ...along].map((name) => `NEW.${quoted(name)}`);
  return `INSERT INTO ${quoted(view)} SELECT ${news.join(', ')} WHERE NEW.${quoted(column)} IS NOT NULL;`;
}

/** Refuses the whole write when a row or counter is not as it was presumed (`Presumption.checks`). */
function checksSql(
  parameter: WriteParameter,
  each: ListFunction,
  wanted: (mark: number) => boolean,
): readonly string[] {
  const check = (mark: number, table: string, on: string, now: string, parts: number) =>
    `SELECT RAISE(ABORT, 'a guard does not hold') FROM ${each}(NEW.${quoted(parameter)}, '$[${mark}]') AS j LEFT JOIN ${quoted(table)} AS x ON ${on} WHERE ${now} IS NOT j."value" ->> ${parts};`;
  const rows = GUARDED_TABLES.map((table, mark) => {
    const { key, guard } = specOf(table);
    const on = key.map((name, part) => `x.${quoted(name)} = j."value" ->> ${part}`).join(' AND ');
    const now = guard === 'versioned' ? 'x."version"' : `iif(x.${quoted(key[0] as string)} IS NULL, NULL, 1)`;
    return check(mark, table, on, now, key.length);
  });
  return [
    ...rows,
    check(COUNTER_MARK, 'counters', 'x."counter" = j."value" ->> 0', 'coalesce(x."value", 0)', 1),
    check(UT_MARK, 'transactions', 'x."ut" = j."value" ->> 0', 'iif(x."ut" IS NULL, NULL, 1)', 1),
  ].filter((_, mark) => wanted(mark));
}

function writeTableSql(table: TableName, each: ListFunction): string {
  const { guard, key, writeOrder } = specOf(table);
  const names = storedNames(table);
  const order = writeOrder === undefined ? '' : ` ORDER BY "value" ->> ${names.indexOf(writeOrder)}`;
  const insert = `${spread(table, names, each)}${order}`;
  if (guard === 'grows') return `${insert};`;
  const changed = names
    .filter((name) => !key.includes(name))
    .map((name) => `${quoted(name)} = excluded.${quoted(name)}`);
  return `${insert} ON CONFLICT (${quotedList(key)}) DO UPDATE SET ${changed.join(', ')};`;
}

/** The columns of a table in the order in which `valuesOf` gives a row's values. */
export function storedNames(table: TableName): readonly string[] {
  return [...keptOf(table).map(([name]) => name), BODY_COLUMN, SUM_COLUMN];
}

/**
 * LIMIT −1 is no limit: it keeps SQLite from merging the inner query into the outer, where each column would write out
 * the whole element again. "WHERE true" tells its parser that an ON CONFLICT behind belongs to the INSERT, not to a join.
 */
function spread(
  table: TableName | 'journal' | 'counters',
  names: readonly string[],
  each: ListFunction,
): string {
  const body = names.indexOf(BODY_COLUMN);
  const values = names.map((_, place) => {
    if (body < 0 || place < body) return `"value" ->> ${place}`;
    // Two values stand for the body: what is behind it moves by one.
    return place > body
      ? `"value" ->> ${place + 1}`
      : `CAST(substr(NEW."bodies", "value" ->> ${place}, "value" ->> ${place + 1}) AS TEXT)`;
  });
  const list = isSeldom(table) ? `NEW."seldom", '$.${table}'` : `NEW.${quoted(table)}`;
  return `INSERT INTO ${quoted(table)} (${quotedList(names)}) SELECT ${values.join(', ')} FROM (SELECT "value" FROM ${each}(${list}) LIMIT -1) WHERE true`;
}

/**
 * The two columns that give one row for `rowOf`: `kept`, its own columns and its sum as a JSON list, and `body`.
 * @param alias the table's alias
 */
export function rowSql(table: TableName, alias: string): string {
  const kept = [...keptOf(table).map(([name]) => name), SUM_COLUMN].map((name) => `${alias}.${quoted(name)}`);
  return `json_array(${kept.join(', ')}) AS "kept", ${alias}.${quoted(BODY_COLUMN)} AS "body"`;
}

/**
 * One page of a table in key order.
 * @param where columns that must equal the first parameters
 * @param holds of `transactions`: open holds only (`OPEN_HOLD`)
 */
export function scanSql(
  table: TableName,
  where: readonly string[],
  continued: boolean,
  holds: 'open holds' | 'all' = 'all',
): string {
  const { key } = specOf(table);
  const conditions = where.map((name, index) => `${fieldSql(table, name, 'x')} = ?${index + 1}`);
  if (where.includes('rrn')) conditions.push(HAS_RRN);
  if (continued) {
    const open = openKeyOf(table, where);
    const after = open.map((_, index) => `?${where.length + index + 1}`);
    conditions.push(`(${open.map((name) => `x.${quoted(name)}`).join(', ')}) > (${after.join(', ')})`);
  }
  const order = key.map((name) => `x.${quoted(name)}`).join(', ');
  const isHeld = holds === 'open holds';
  if (isHeld) conditions.push(openHoldSql('x'));
  const columns = isHeld ? null : placeColumnsOf(table, where);
  const places = columns?.map((name) => `?${where.indexOf(name) + 1} AS ${quoted(name)}`).join(', ');
  if (columns !== null) conditions.push('x."transactionId" IN (SELECT "id" FROM "placed")');
  const having =
    columns === null ? '' : `WITH RECURSIVE ${placesSql('placed', columns, `SELECT ${places}`)} `;
  return `${having}SELECT ${rowSql(table, 'x')} FROM ${quoted(table)} AS x${isHeld ? ` ${BY_OPEN_HOLDS}` : ''}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`} ORDER BY ${order} LIMIT ${pageRowsOf(table, where)}`;
}

/** What the index of reference numbers is of: a search that does not say so goes through all transactions. */
export const HAS_RRN = `x."rrn" <> ''`;

/**
 * The columns of a key that a search leaves open: a page begins behind these alone. Compared with the others before them,
 * the database would begin at the first row of what is searched and walk to the page.
 */
export function openKeyOf(table: TableName, where: readonly string[]): readonly string[] {
  return specOf(table).key.filter((name) => !where.includes(name));
}

/** Transactions by their ids, a list. */
export const TRANSACTIONS_SQL = `SELECT ${rowSql('transactions', 'x')} FROM (SELECT DISTINCT j."value" AS "id" FROM json_each(?1) AS j) AS w
CROSS JOIN "transactions" AS x ON x."transactionId" = w."id"`;

/** By what of their place transactions are looked for; null where it is not asked, or another column leads to fewer rows. */
export function placeColumnsOf(table: TableName, where: readonly string[]): PlaceColumns | null {
  if (table !== 'transactions' || !where.includes('terminalId') || where.includes('rrn')) return null;
  if (where.includes('batch')) return ['terminalId', 'batch'];
  // A day of all terminals is less than all days of one.
  return where.includes('businessDate') ? null : ['terminalId'];
}

const IDENTITY = fieldSql('transactions', 'identity', 'x');
/**
 * A transaction with a UT to whose place no identity leads: there is none in a sound database. Rows: `transactionId`.
 */
export const ASTRAY_SQL = `SELECT x."transactionId" FROM "transactions" AS x LEFT JOIN "identities" AS i ON i."key" = ${IDENTITY}
WHERE x."ut" IS NOT NULL AND (i."transactionId" IS NOT x."transactionId" OR instr(${IDENTITY}, ${PLACE_SQL}) <> 1) LIMIT 1`;

/**
 * Rows of one page: a short read, so that the log of a busy database can be folded in between, and short work for this
 * thread, which the sales share: 2 ms, where 1,000 rows took 10.
 */
export const PAGE_ROWS = 200;

/** Where each page looks through all identities of a terminal, there are fewer of them. */
const PAGE_ROWS_OF_TERMINAL = 1_000;

/** What a step leaves, the sums of the books among it, may be 50 KB a row: 200 of them held sales up for 25 ms. */
const PAGE_ROWS_OF_STEPS = 40;

/**
 * Rows of one page of a table.
 * @param where as for `scanSql`
 */
export function pageRowsOf(table: TableName, where: readonly string[]): number {
  if (table === 'steps') return PAGE_ROWS_OF_STEPS;
  const columns = placeColumnsOf(table, where);
  return columns?.length === 1 ? PAGE_ROWS_OF_TERMINAL : PAGE_ROWS;
}

/** One page of all streams: parameters are the place after which to go on. */
export const SCAN_JOURNAL_SQL = journalSql('("stream", "sequence") > (?1, ?2)');
/** One page of one stream: parameters are its name and the sequence after which to go on. */
export const SCAN_STREAM_SQL = journalSql('"stream" = ?1 AND "sequence" > ?2');

function journalSql(where: string): string {
  return `SELECT "stream", "sequence", "body", "leaf", "head" FROM "journal" WHERE ${where} ORDER BY "stream", "sequence" LIMIT ${PAGE_ROWS}`;
}

export const HEAD_SQL =
  'SELECT "sequence", "head" FROM "journal" WHERE "stream" = ?1 ORDER BY "sequence" DESC LIMIT 1';

/** The last record of every stream: a step from stream to stream, then one look-up each. */
export const HEADS_SQL = `WITH RECURSIVE "streams"("stream") AS (
  SELECT min("stream") FROM "journal"
  UNION ALL
  SELECT (SELECT min("stream") FROM "journal" WHERE "stream" > s."stream") FROM "streams" AS s WHERE s."stream" IS NOT NULL
)
SELECT j."stream", j."sequence", j."head" FROM "streams" AS s JOIN "journal" AS j
ON j."stream" = s."stream" AND j."sequence" = (SELECT max("sequence") FROM "journal" WHERE "stream" = s."stream")
ORDER BY j."stream"`;

export const HIGHEST_RRN_SQL = `SELECT max("rrn") AS "rrn" FROM "transactions" WHERE "rrn" <> ''`;

/** So many entries are summed in one statement: some milliseconds, for the database and for whoever takes the sums. */
export const STRETCH_ENTRIES = 500;

const BEHIND = `(x."businessDate", x."entryId") > (?1, ?2) AND (x."businessDate", x."entryId") <= (?3, ?4)`;

/** The last entry of a stretch: parameters are the places behind which it begins and up to which it may go. */
export const STRETCH_END_SQL = `SELECT x."businessDate", x."entryId" FROM "entries" AS x WHERE ${BEHIND}
ORDER BY x."businessDate", x."entryId" LIMIT 1 OFFSET ${STRETCH_ENTRIES - 1}`;

/** Sums of the postings of a stretch by account and, when asked, by lot: parameters as above. */
export function stretchSumsSql(byLot: boolean): string {
  const lot = byLot ? `p."value" ->> 1` : 'NULL';
  return `SELECT p."value" ->> 0 AS "account", ${lot} AS "lot", p."value" ->> 2 AS "unit", sum(p."value" ->> 3) AS "sum", count(*) AS "postings"
FROM "entries" AS x CROSS JOIN json_each(${fieldSql('entries', 'postings', 'x')}) AS p
WHERE ${BEHIND} GROUP BY 1, 2, 3`;
}
