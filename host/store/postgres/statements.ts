/**
 * What runs against PostgreSQL's tables, written as SQL from `schema.ts`, each text made once. Lists of values are
 * JSON, as in `../statements.ts`.
 *
 * Locks are taken in one order by everybody: the table `transactions` as a whole, the stream's row, guarded rows by
 * table and key, counters by name, new rows by table and key. So no two batches wait for each other in a circle, but
 * for equal keys of a second unique index, which the server notices and which is tried again.
 */
import { hash } from 'node:crypto';
import { BODY_COLUMN, quoted, quotedList, SUM_COLUMN } from '../ddl.ts';
import type { TableName } from '../rows.ts';
import { type ColumnKind, columnsOf, keptOf, specOf, TABLE_NAMES } from '../schema.ts';
import {
  COUNTER_MARK,
  GUARDED_TABLES,
  type GuardedTable,
  HAS_RRN,
  openKeyOf,
  PAGE_ROWS,
  pageRowsOf,
  placeColumnsOf,
  STRETCH_ENTRIES,
  storedNames,
  UT_MARK,
} from '../statements.ts';
import { castOf, fieldSql, nestedSql, primaryKeyOf, REFUSED_STATE } from './ddl.ts';
import {
  isListed,
  listSource,
  ROW_LISTS,
  type RowList,
  type RowSource,
  rowCountSql,
  valuesSql,
  wavesSql,
} from './lists.ts';
import { byIdSql, insertNamesSql, namesSql, placesSql, YEARLY_COLUMN } from './partitions.ts';

const elements = (list: string) => `jsonb_array_elements(${list})`;

function kindOf(table: TableName, name: string): ColumnKind | undefined {
  if (name === BODY_COLUMN) return 'text';
  if (name === SUM_COLUMN) return 'int';
  return columnsOf(table).find(([other]) => other === name)?.[1];
}

/** The parts of a key in a JSON list `e`, as columns to compare with. */
function keyMatch(table: TableName, e: string): string {
  return specOf(table)
    .key.map((name, part) => `x.${quoted(name)} = (${e} ->> ${part})::${castOf(kindOf(table, name))}`)
    .join(' AND ');
}

/** The row of a key in a JSON list `e`, joined as `x`. */
function joinSql(table: TableName, e: string): string {
  return table === 'transactions'
    ? byIdSql(`${e} ->> 0`)
    : `JOIN ${quoted(table)} AS x ON ${keyMatch(table, e)}`;
}

/** Which of the named rows are there, at which version: parameters and rows as `GUARD_SQL` of `../statements.ts`. */
export const GUARD_SQL = [
  ...GUARDED_TABLES.map((table, mark) => {
    const version = specOf(table).guard === 'versioned' ? 'x."version"' : '1::bigint';
    return `SELECT ${mark} AS "mark", (j."n" - 1)::int AS "place", ${version} AS "value" FROM ${elements(`$${mark + 1}::jsonb`)} WITH ORDINALITY AS j ("e", "n") ${joinSql(table, 'j."e"')}`;
  }),
  `SELECT ${COUNTER_MARK}, (j."n" - 1)::int, x."value" FROM jsonb_array_elements_text($${COUNTER_MARK + 1}::jsonb) WITH ORDINALITY AS j ("e", "n") JOIN "counters" AS x ON x."counter" = j."e"`,
  `SELECT ${UT_MARK}, (j."n" - 1)::int, 1::bigint FROM jsonb_array_elements_text($${UT_MARK + 1}::jsonb) WITH ORDINALITY AS j ("e", "n") JOIN "names" AS x ON x."name" = 'ut ' || j."e"`,
].join('\nUNION ALL ');

/** How a list of locks is named: rows that are only looked at in a day are shared by all who trade in it. */
export const DAYS_SHARED = 'days:shared';
export type LockList = GuardedTable | typeof DAYS_SHARED;

/** Locks rows in the order of their list and counts those that stand at the wanted version. */
function lockSql(list: LockList): string {
  const table = list === DAYS_SHARED ? 'days' : list;
  const strength = list === DAYS_SHARED ? 'SHARE' : 'NO KEY UPDATE';
  const { key, guard } = specOf(table);
  const version = guard === 'versioned' ? 'x."version"' : '1';
  return `IF locks ? '${list}' THEN
  SELECT matched + count(*) INTO matched FROM (
    SELECT ${version} AS "now", (j."e" ->> ${key.length})::bigint AS "wanted" FROM ${elements(`locks -> '${list}'`)} WITH ORDINALITY AS j ("e", "n") ${joinSql(table, 'j."e"')} ORDER BY j."n" FOR ${strength} OF x
  ) AS q WHERE q."now" = q."wanted";
END IF;`;
}

/** Rows in a JSON list, each a list in the order of `storedNames`. */
function jsonSource(table: TableName, from: string): RowSource {
  const names = storedNames(table);
  return {
    from,
    value: (name) => `(j."e" ->> ${names.indexOf(name)})::${castOf(kindOf(table, name))}`,
  };
}

/** @param conflict an ON CONFLICT clause, or nothing */
function insertSql(
  table: string,
  names: readonly string[],
  { from, value }: RowSource,
  conflict = '',
): string {
  return `INSERT INTO ${quoted(table)} (${quotedList(names)}) SELECT ${names.map(value).join(', ')} FROM ${from}${conflict};`;
}

/** One list a wave: a row that a batch writes twice is in two waves, and the database sees both versions. */
function writeTableSql(table: TableName): string {
  const { guard } = specOf(table);
  const key = primaryKeyOf(table);
  const names = storedNames(table);
  const changed = names
    .filter((name) => !key.includes(name))
    .map((name) => `${quoted(name)} = excluded.${quoted(name)}`);
  const conflict =
    guard === 'grows' ? '' : ` ON CONFLICT (${quotedList(key)}) DO UPDATE SET ${changed.join(', ')}`;
  const source = jsonSource(table, `${elements('wave')} AS j ("e")`);
  return `IF rows ? '${table}' THEN
  FOR wave IN SELECT * FROM ${elements(`rows -> '${table}'`)} LOOP
    ${insertSql(table, names, source, conflict)}
    ${table === 'transactions' ? placesSql(source) : ''}
  END LOOP;
END IF;`;
}

/** What is new needs no look for what it might replace, what is changed no look for room. */
function insertListSql(list: RowList): string {
  const variable = VARIABLES.get(list.name) ?? 'parts';
  const source = listSource(list, variable);
  return `IF ${quoted(list.name)} IS NOT NULL THEN
  ${variable} := ${valuesSql(quoted(list.name))};
  ${insertSql(list.table, namesOf(list), source)}
  ${list.table === 'transactions' ? placesSql(source) : ''}
END IF;`;
}

/** Lists that are looked at once more, for their names, are kept. */
const VARIABLES: ReadonlyMap<string, string> = new Map([
  ['transactions_new', 'transaction_parts'],
  ['entries_new', 'entry_parts'],
]);

const LISTED_NAMES_SQL = insertNamesSql(
  ROW_LISTS.flatMap((list) => {
    const variable = VARIABLES.get(list.name);
    return variable === undefined
      ? []
      : (namesSql(list.table as TableName, listSource(list, variable)) ?? []);
  }),
);

const namesOf = ({ columns }: RowList) => columns.map(({ name }) => name);

function updateListSql(list: RowList): string {
  const table = list.table as TableName;
  const key = primaryKeyOf(table);
  const { from, value } = listSource(list, 'parts');
  const isSame = key.map((name) => `x.${quoted(name)} = ${value(name)}`).join(' AND ');
  const changes = namesOf(list)
    .filter((name) => !key.includes(name))
    .map((name) => `${quoted(name)} = ${value(name)}`);
  const lacking =
    specOf(table).guard === 'follows'
      ? insertSql(table, namesOf(list), {
          from: `${from} WHERE NOT EXISTS (SELECT 1 FROM ${quoted(table)} AS x WHERE ${isSame})`,
          value,
        })
      : refuseSql(`${table}: a row that would change is not there`);
  return `IF ${quoted(list.name)} IS NOT NULL THEN
  FOREACH changes IN ARRAY ${wavesSql(quoted(list.name))} LOOP
    parts := ${valuesSql('changes')};
    UPDATE ${quoted(table)} AS x SET ${changes.join(', ')} FROM ${from} WHERE ${isSame};
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done < ${rowCountSql(list, 'parts')} THEN ${lacking} END IF;
  END LOOP;
END IF;`;
}

/** Ends the call, of which then nothing stays. */
const refuseSql = (message: string) =>
  `RAISE EXCEPTION USING ERRCODE = '${REFUSED_STATE}', MESSAGE = '${message}';`;

const listsOf = (table: string, has: RowList['has']) =>
  ROW_LISTS.filter((list) => list.table === table && list.has === has);

/** Whether a changed row is locked by its change, which its version's trigger judges: it needs no lock before. */
export function isLockedByChange(table: TableName): boolean {
  return specOf(table).guard === 'versioned' && isListed(table);
}

const LOCK_LISTS: readonly LockList[] = [DAYS_SHARED, ...GUARDED_TABLES];
const LOCK_BODY = LOCK_LISTS.map(lockSql).join('\n');
/** The same order, in which rows of some tables are changed at once. */
const LOCK_OR_CHANGE_BODY = LOCK_LISTS.flatMap((list) => [
  lockSql(list),
  ...(list !== DAYS_SHARED && isLockedByChange(list) ? listsOf(list, 'changed').map(updateListSql) : []),
]).join('\n');
/** Names of new rows in all waves. */
function waveNamesSql(table: 'transactions' | 'entries'): string {
  const everyRow = `${elements(`rows -> '${table}'`)} AS w ("wave") CROSS JOIN ${elements('w."wave"')} AS j ("e")`;
  return namesSql(table, jsonSource(table, everyRow)) as string;
}

const LISTED_TABLES = TABLE_NAMES.filter(isListed);
const OTHER_TABLES = TABLE_NAMES.filter((table) => !isListed(table));
/**
 * What a financial transaction writes comes in lists, all else as JSON behind it; each table in its turn, parents first.
 * The long way writes in the same order: of two hosts that got one request, one may go either way.
 */
const WRITE_LISTS_BODY = [
  ...LISTED_TABLES.flatMap((table) => [
    ...listsOf(table, 'new').map(insertListSql),
    ...(isLockedByChange(table) ? [] : listsOf(table, 'changed').map(updateListSql)),
  ]),
  `IF transaction_parts IS NOT NULL OR entry_parts IS NOT NULL THEN ${LISTED_NAMES_SQL} END IF;`,
  ...listsOf('journal', 'new').map(insertListSql),
  'IF rows IS NOT NULL THEN',
  ...OTHER_TABLES.map(writeTableSql),
  'END IF;',
].join('\n');
const WRITE_BODY = [
  ...LISTED_TABLES.map(writeTableSql),
  insertNamesSql([waveNamesSql('transactions'), waveNamesSql('entries')]),
  `IF rows ? 'journal' THEN
  INSERT INTO "journal" ("stream", "sequence", "body", "leaf", "head")
  SELECT j."e" ->> 0, (j."e" ->> 1)::bigint, j."e" ->> 2, j."e" ->> 3, j."e" ->> 4 FROM ${elements(`rows -> 'journal'`)} AS j ("e");
END IF;`,
  ...OTHER_TABLES.map(writeTableSql),
].join('\n');

/**
 * The functions of this version of the program: their names end in a digest of their text, so that several versions
 * serve one database while hosts are exchanged one by one.
 */
function functionsSql(suffix: string): string {
  return `
CREATE OR REPLACE FUNCTION "lock_rows_${suffix}"(locks jsonb) RETURNS bigint LANGUAGE plpgsql AS $body$
DECLARE matched bigint := 0;
BEGIN
${LOCK_BODY}
RETURN matched;
END $body$;

CREATE OR REPLACE FUNCTION "lock_counters_${suffix}"(names jsonb) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO "counters" ("counter", "value") SELECT j."e", 0 FROM jsonb_array_elements_text(names) AS j ("e") ON CONFLICT ("counter") DO NOTHING;
  PERFORM 1 FROM jsonb_array_elements_text(names) WITH ORDINALITY AS j ("e", "n") JOIN "counters" AS x ON x."counter" = j."e" ORDER BY j."n" FOR NO KEY UPDATE OF x;
END $body$;

CREATE OR REPLACE FUNCTION "write_rows_${suffix}"(rows jsonb, counters jsonb) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE wave jsonb;
BEGIN
${WRITE_BODY}
INSERT INTO "counters" ("counter", "value") SELECT j."e" ->> 0, (j."e" ->> 1)::bigint FROM ${elements('counters')} AS j ("e") ON CONFLICT ("counter") DO UPDATE SET "value" = excluded."value";
END $body$;

CREATE OR REPLACE FUNCTION "commit_batch_${suffix}"(of_stream text, at_epoch bigint, locks jsonb, wanted bigint, absences jsonb, additions jsonb, rows jsonb, ${ROW_LISTS.map(({ name }) => `${quoted(name)} text`).join(', ')})
RETURNS text LANGUAGE plpgsql AS $body$
DECLARE matched bigint := 0; wave jsonb; changes text; parts text[]; ${[...VARIABLES.values()].map((name) => `${name} text[];`).join(' ')} done bigint; added bigint;
BEGIN
LOCK TABLE ONLY "transactions" IN ROW EXCLUSIVE MODE;
PERFORM 1 FROM "streams" WHERE "stream" = of_stream AND "epoch" = at_epoch FOR NO KEY UPDATE;
IF NOT FOUND THEN RETURN 'fenced'; END IF;
${LOCK_OR_CHANGE_BODY}
IF matched <> wanted THEN ${refuseSql('guards: a row is not at its version')} END IF;
IF absences IS NOT NULL AND EXISTS (SELECT 1 FROM jsonb_array_elements_text(absences) AS j ("e") JOIN "identities" AS x ON x."key" = j."e") THEN ${refuseSql('guards: an identity is there')} END IF;
IF additions IS NOT NULL THEN
  UPDATE "counters" AS c SET "value" = c."value" + (j."e" ->> 1)::bigint FROM ${elements('additions')} AS j ("e")
  WHERE c."counter" = j."e" ->> 0 AND c."value" <= (j."e" ->> 2)::bigint;
  GET DIAGNOSTICS done = ROW_COUNT;
  IF done < jsonb_array_length(additions) THEN
    INSERT INTO "counters" ("counter", "value") SELECT j."e" ->> 0, (j."e" ->> 1)::bigint FROM ${elements('additions')} AS j ("e")
    WHERE (j."e" ->> 2)::bigint >= 0 AND NOT EXISTS (SELECT 1 FROM "counters" AS c WHERE c."counter" = j."e" ->> 0);
    GET DIAGNOSTICS added = ROW_COUNT;
    IF done + added < jsonb_array_length(additions) THEN ${refuseSql('counters: a counter would pass its maximum')} END IF;
  END IF;
END IF;
${WRITE_LISTS_BODY}
RETURN 'written';
END $body$;`;
}

const SUFFIX = hash('sha256', functionsSql(''), 'hex').slice(0, 12);
export const FUNCTIONS_SQL = functionsSql(SUFFIX);
export const FUNCTION_EXISTS_SQL = `SELECT 1 FROM pg_proc WHERE proname = 'commit_batch_${SUFFIX}' AND pg_function_is_visible(oid)`;

/** $1 stream, $2 epoch, $3 locks, $4 how many of them are at the wanted version, $5 identities that must be absent, $6 additions to counters, $7 rows as JSON; then one for each of ROW_LISTS. */
export const COMMIT_SQL = `SELECT "commit_batch_${SUFFIX}"($1, $2, $3, $4, $5, $6, $7, ${ROW_LISTS.map((_, at) => `$${at + 8}`).join(', ')}) AS "came"`;
export const LOCK_ROWS_SQL = `SELECT "lock_rows_${SUFFIX}"($1)`;
export const LOCK_COUNTERS_SQL = `SELECT "lock_counters_${SUFFIX}"($1)`;
/** $1 rows, $2 counters with their new values. */
export const WRITE_SQL = `SELECT "write_rows_${SUFFIX}"($1, $2)`;

/** What every commit holds; whoever promises that a UT is used by nobody keeps all others out until its end. */
export const LOCK_TRANSACTIONS_SQL = 'LOCK TABLE ONLY "transactions" IN ROW EXCLUSIVE MODE';
export const LOCK_ALL_OUT_SQL = 'LOCK TABLE ONLY "transactions" IN SHARE ROW EXCLUSIVE MODE';

export const OPEN_STREAM_SQL =
  'INSERT INTO "streams" ("stream", "epoch") VALUES ($1, 1) ON CONFLICT ("stream") DO NOTHING';
export const LOCK_STREAM_SQL = 'SELECT "epoch" FROM "streams" WHERE "stream" = $1 FOR NO KEY UPDATE';
/** Waits for whatever an earlier connection of this stream is still doing, and shuts out what it sent since. */
export const NEXT_EPOCH_SQL =
  'UPDATE "streams" SET "epoch" = "epoch" + 1 WHERE "stream" = $1 RETURNING "epoch"';

/** The two columns that give one row for `rowOf`. @param alias the table's alias */
export function rowSql(table: TableName, alias: string): string {
  const kept = [...keptOf(table).map(([name]) => name), SUM_COLUMN].map((name) => `${alias}.${quoted(name)}`);
  return `json_build_array(${kept.join(', ')})::text AS "kept", ${alias}.${quoted(BODY_COLUMN)} AS "body"`;
}

/**
 * One page of a table in key order. Transactions of a terminal are found by its places (`placeColumnsOf`), by the connection for
 * look-ups by key.
 * @param where columns that must equal the first parameters
 */
export function scanSql(table: TableName, where: readonly string[], continued: boolean): string {
  const { key } = specOf(table);
  const placed = placeColumnsOf(table, where) ?? [];
  const conditions = where.flatMap((name, index) =>
    placed.some((column) => column === name) ? [] : [`${fieldSql(table, name, 'x')} = $${index + 1}`],
  );
  if (where.includes('rrn')) conditions.push(HAS_RRN);
  if (continued) {
    const open = openKeyOf(table, where);
    const after = open.map((name, index) => `$${where.length + index + 1}::${castOf(kindOf(table, name))}`);
    conditions.push(`(${open.map((name) => `x.${quoted(name)}`).join(', ')}) > (${after.join(', ')})`);
  }
  const order = key.map((name) => `x.${quoted(name)}`).join(', ');
  const from =
    placed.length === 0
      ? `${quoted(table)} AS x`
      : `"placed" JOIN ${quoted(table)} AS x ON x."transactionId" = "placed"."id" AND x.${quoted(YEARLY_COLUMN)} = "placed"."day"`;
  return `${placed.length === 0 ? '' : placedSql(placed, where)}SELECT ${rowSql(table, 'x')} FROM ${from}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`} ORDER BY ${order} LIMIT ${pageRowsOf(table, where)}`;
}

/** The ids at these places, each with the day that leads to its partition. */
function placedSql(columns: readonly string[], where: readonly string[]): string {
  const at = columns.map((column) => `k.${quoted(column)} = $${where.indexOf(column) + 1}`).join(' AND ');
  return `WITH "placed" ("id", "day") AS MATERIALIZED (SELECT k."transactionId", k.${quoted(YEARLY_COLUMN)} FROM "places" AS k WHERE ${at}) `;
}

export const SCAN_JOURNAL_SQL = journalSql('("stream", "sequence") > ($1::text, $2::bigint)');
export const SCAN_STREAM_SQL = journalSql('"stream" = $1 AND "sequence" > $2');

function journalSql(where: string): string {
  return `SELECT "stream", "sequence", "body", "leaf", "head" FROM "journal" WHERE ${where} ORDER BY "stream", "sequence" LIMIT ${PAGE_ROWS}`;
}

export const HEAD_SQL =
  'SELECT "sequence", "head" FROM "journal" WHERE "stream" = $1 ORDER BY "sequence" DESC LIMIT 1';

/** The last record of every stream: a step from stream to stream, then one look-up each. */
export const HEADS_SQL = `WITH RECURSIVE "names" ("stream") AS (
  SELECT min("stream") FROM "journal"
  UNION ALL
  SELECT (SELECT min("stream") FROM "journal" WHERE "stream" > s."stream") FROM "names" AS s WHERE s."stream" IS NOT NULL
)
SELECT j."stream", j."sequence", j."head" FROM "names" AS s JOIN LATERAL (
  SELECT "stream", "sequence", "head" FROM "journal" WHERE "stream" = s."stream" ORDER BY "sequence" DESC LIMIT 1
) AS j ON true ORDER BY j."stream"`;

export const HIGHEST_RRN_SQL = `SELECT substr(max("name"), 5) AS "rrn" FROM "names" WHERE "name" >= 'rrn ' AND "name" < 'rrn!'`;

/** The dates beside the places: they tell which years are opened. */
const BEHIND = `(x."businessDate", x."entryId") > ($1, $2) AND (x."businessDate", x."entryId") <= ($3, $4) AND x."businessDate" >= $1 AND x."businessDate" <= $3`;

/** The last entry of a stretch: parameters are the places behind which it begins and up to which it may go. */
export const STRETCH_END_SQL = `SELECT x."businessDate", x."entryId" FROM "entries" AS x WHERE ${BEHIND}
ORDER BY x."businessDate", x."entryId" LIMIT 1 OFFSET ${STRETCH_ENTRIES - 1}`;

/** Sums of the postings of a stretch by account and, when asked, by lot: parameters as above. */
export function stretchSumsSql(byLot: boolean): string {
  const lot = byLot ? `(p."value" ->> 1) COLLATE "C"` : 'NULL::text';
  return `SELECT (p."value" ->> 0) COLLATE "C" AS "account", ${lot} AS "lot", (p."value" ->> 2) COLLATE "C" AS "unit", sum((p."value" ->> 3)::bigint)::text AS "sum", count(*)::int AS "postings"
FROM "entries" AS x CROSS JOIN LATERAL json_array_elements(${nestedSql('entries', 'postings', 'x')}) AS p ("value")
WHERE ${BEHIND} GROUP BY 1, 2, 3`;
}
