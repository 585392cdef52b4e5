/**
 * What rests in PostgreSQL, written as SQL from the tables of `schema.ts`: the same columns, keys, indexes and
 * protections as `../ddl.ts` writes for SQLite, what grows in partitions (`partitions.ts`). Texts compare by their bytes (`COLLATE "C"`), as SQLite's do.
 */
import { FEN_MAX, PosError } from '../../../protocol/index.ts';
import { BODY_COLUMN, quoted, quotedList, SUM_COLUMN } from '../ddl.ts';
import type { TableName } from '../rows.ts';
import { bodyOf, type ColumnKind, columnsOf, FOUND_BY, type IndexSpec, keptOf, specOf } from '../schema.ts';
import { hashPartsSql, isHashed, isYearly, pointerTablesSql, YEARLY_COLUMN } from './partitions.ts';
import { FILE_BYTES_TABLE } from './postgres-files.ts';

/** Column kind to SQL type. */
// biome-ignore format: a table is read by column
const SQL_TYPES: Partial<Record<ColumnKind, string>> = {
  text: 'TEXT COLLATE "C" NOT NULL', 'text?': 'TEXT COLLATE "C"',
  int:  'BIGINT NOT NULL',           'int?':  'BIGINT',
  fen:  'BIGINT NOT NULL',           'fen?':  'BIGINT',
  flag: 'BIGINT NOT NULL',           'flag?': 'BIGINT',
};

/** The type that a value out of a JSON list is cast to. */
export function castOf(kind: ColumnKind | undefined): string {
  return kind === undefined || kind.startsWith('text') ? 'text' : 'bigint';
}

/** Rows that change keep room in their page, so that a new version needs no new index entries. */
const FILLFACTOR = 80;

/** One table of `schema.ts` with its indexes, its guards and the view that names every field. */
export function tableSql(table: TableName): string {
  const spec = specOf(table);
  const lines = keptOf(table).map(([name, kind]) => {
    const type = SQL_TYPES[kind];
    if (type === undefined)
      throw new PosError('INVARIANT', `${table}.${name}: ${kind} is no column of its own`);
    return `${quoted(name)} ${type}${checkOf(name, kind)}`;
  });
  lines.push(
    `${quoted(BODY_COLUMN)} TEXT COLLATE "C" NOT NULL`,
    `${quoted(SUM_COLUMN)} BIGINT NOT NULL`,
    `PRIMARY KEY (${quotedList(primaryKeyOf(table))})`,
  );
  if (spec.parent !== undefined) {
    lines.push(`FOREIGN KEY (${quoted(spec.parent.column)}) REFERENCES ${quoted(spec.parent.table)}`);
  }
  return [
    `CREATE TABLE ${quoted(table)} (\n  ${lines.join(',\n  ')}\n)${restsSql(table)};`,
    ...(isHashed(table) ? [hashPartsSql(table)] : []),
    ...indexesOf(table).map((index) => indexSql(table, index)),
    ...guardSql(table),
    viewSql(table),
  ].join('\n');
}

/** A unique key holds the column that the table is cut by. */
export function primaryKeyOf(table: TableName): readonly string[] {
  const { key } = specOf(table);
  return isYearly(table) ? [...key, YEARLY_COLUMN] : key;
}

/** What a transaction is found by rests in tables of pointers, but for its date. */
function indexesOf(table: TableName): readonly IndexSpec[] {
  const { indexes } = specOf(table);
  return isYearly(table) ? indexes.filter(({ columns }) => columns.includes(YEARLY_COLUMN)) : indexes;
}

function restsSql(table: TableName): string {
  const { guard, key } = specOf(table);
  if (isYearly(table)) return ` PARTITION BY RANGE (${quoted(YEARLY_COLUMN)})`;
  if (isHashed(table)) return ` PARTITION BY HASH (${quotedList(key)})`;
  return guard === 'grows' ? '' : ` WITH (fillfactor = ${FILLFACTOR})`;
}

/** A field as an expression, wherever it rests; out of the body it is text. @param alias the table's alias */
export function fieldSql(table: TableName, name: string, alias: string): string {
  const place = bodyOf(table).findIndex(([other]) => other === name);
  return place < 0
    ? `${alias}.${quoted(name)}`
    : `(${alias}.${quoted(BODY_COLUMN)}::json ->> ${place}) COLLATE "C"`;
}

/** A nested field of the body, as JSON. */
export function nestedSql(table: TableName, name: string, alias: string): string {
  const place = bodyOf(table).findIndex(([other]) => other === name);
  return `(${alias}.${quoted(BODY_COLUMN)}::json -> ${place})`;
}

/** For those who look into the database by hand: every field under its name. The store itself does not use it. */
function viewSql(table: TableName): string {
  const fields = columnsOf(table).map(([name]) => `${fieldSql(table, name, 'x')} AS ${quoted(name)}`);
  return `CREATE VIEW ${quoted(`read_${table}`)} AS SELECT ${fields.join(', ')} FROM ${quoted(table)} AS x;`;
}

function checkOf(name: string, kind: ColumnKind): string {
  if (kind === 'fen' || kind === 'fen?') return ` CHECK (${quoted(name)} BETWEEN 0 AND ${FEN_MAX})`;
  if (kind === 'flag' || kind === 'flag?') return ` CHECK (${quoted(name)} IN (0, 1))`;
  return '';
}

/** Only a unique index is partial: a column that an index's condition names could not change in place. */
function indexSql(table: string, index: IndexSpec): string {
  const name = quoted(`${table}_${index.columns.join('_')}`);
  const unique = index.unique === true ? 'UNIQUE ' : '';
  const where = index.unique !== true || index.where === undefined ? '' : ` WHERE ${index.where}`;
  return `CREATE ${unique}INDEX ${name} ON ${quoted(table)} (${quotedList(index.columns)})${where};`;
}

function guardSql(table: TableName): readonly string[] {
  const { guard, may } = specOf(table);
  if (guard === 'grows') return growsSql(table);
  const never = [
    refusal(table, 'BEFORE DELETE', '', 'a row is never deleted'),
    refusal(table, 'BEFORE TRUNCATE', '', 'a row is never deleted'),
  ];
  if (guard === 'versioned') {
    return [
      ...never,
      ...(table === 'transactions' ? [pointedStays()] : []),
      refusal(table, 'BEFORE UPDATE', 'NEW."version" <> OLD."version" + 1', 'the version must grow by one'),
      // After, not before: a BEFORE INSERT trigger also fires for an upsert that becomes an update.
      refusal(table, 'AFTER INSERT', 'NEW."version" <> 1', 'a new row starts at version 1'),
    ];
  }
  const fixed = keptOf(table).filter(([name]) => !(may ?? []).includes(name));
  const changed = [...fixed.map(([name]) => name), BODY_COLUMN]
    .map((name) => `NEW.${quoted(name)} IS DISTINCT FROM OLD.${quoted(name)}`)
    .join(' OR ');
  return [...never, refusal(table, 'BEFORE UPDATE', changed, `only ${(may ?? []).join(', ')} may change`)];
}

function growsSql(table: string): readonly string[] {
  return [
    refusal(table, 'BEFORE UPDATE', '', 'a row is never changed'),
    refusal(table, 'BEFORE DELETE', '', 'a row is never deleted'),
    refusal(table, 'BEFORE TRUNCATE', '', 'a row is never deleted'),
  ];
}

/** The SQLSTATE of what our triggers and functions refuse. */
export const REFUSED_STATE = 'ZU001';

const REFUSE_SQL = `CREATE FUNCTION "refuse"() RETURNS trigger LANGUAGE plpgsql AS $refuse$
BEGIN RAISE EXCEPTION USING ERRCODE = '${REFUSED_STATE}', MESSAGE = TG_TABLE_NAME || ': ' || TG_ARGV[0]; END $refuse$;`;

function pointedStays(): string {
  const changed = FOUND_BY.map((name) => `NEW.${quoted(name)} IS DISTINCT FROM OLD.${quoted(name)}`);
  const refused = refusal('transactions', 'BEFORE UPDATE', changed.join(' OR '), 'what it is found by stays');
  return refused.replace('"transactions_before_update"', '"transactions_pointed"');
}

/** A trigger that refuses. The condition is judged before the function is called; the message holds names only. */
export function refusal(table: string, moment: string, when: string, why: string): string {
  const name = quoted(`${table}_${moment.toLowerCase().replace(' ', '_')}`);
  const each = moment.endsWith('TRUNCATE') ? 'STATEMENT' : 'ROW';
  const condition = when === '' ? '' : ` WHEN (${when})`;
  return `CREATE TRIGGER ${name} ${moment} ON ${quoted(table)} FOR EACH ${each}${condition} EXECUTE FUNCTION "refuse"('${why}');`;
}

/** What the tables' triggers call: it comes first. */
export function firstSql(): string {
  return REFUSE_SQL;
}

/**
 * What the store keeps beside the rows of the port: the journal, the counters, the bytes of settlement files, the view of all entries' lines, and
 * a row a stream, which every commit of that stream holds while it runs. Its `epoch` grows when a commit's outcome
 * became unknown: what was sent before and may still arrive then finds another epoch and does nothing.
 */
export function ownTablesSql(): string {
  const postings = nestedSql('entries', 'postings', 'x');
  return [
    `CREATE TABLE "journal" (
  "stream" TEXT COLLATE "C" NOT NULL, "sequence" BIGINT NOT NULL CHECK ("sequence" >= 1), "body" TEXT COLLATE "C" NOT NULL,
  "leaf" TEXT COLLATE "C" NOT NULL CHECK (length("leaf") = 64), "head" TEXT COLLATE "C" NOT NULL CHECK (length("head") = 64),
  PRIMARY KEY ("stream", "sequence")
);`,
    ...growsSql('journal'),
    pointerTablesSql(growsSql),
    `CREATE TABLE "counters" ("counter" TEXT COLLATE "C" NOT NULL PRIMARY KEY, "value" BIGINT NOT NULL) WITH (fillfactor = ${FILLFACTOR});`,
    `CREATE TABLE "${FILE_BYTES_TABLE}" ("name" TEXT COLLATE "C" NOT NULL PRIMARY KEY, "bytes" BYTEA NOT NULL);`,
    ...growsSql(FILE_BYTES_TABLE),
    'CREATE TABLE "streams" ("stream" TEXT COLLATE "C" NOT NULL PRIMARY KEY, "epoch" BIGINT NOT NULL) WITH (fillfactor = 10);',
    `CREATE VIEW "read_postings" AS SELECT x."entryId", p."line", x."businessDate", p."value" ->> 0 AS "account", p."value" ->> 1 AS "lot", p."value" ->> 2 AS "unit", (p."value" ->> 3)::bigint AS "amount" FROM "entries" AS x CROSS JOIN LATERAL json_array_elements(${postings}) WITH ORDINALITY AS p ("value", "line");`,
  ].join('\n');
}
