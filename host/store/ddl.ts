/**
 * What rests in the database, written as SQL from the tables of `schema.ts`: tables, indexes and the
 * triggers that refuse what may never happen. Each function gives statements ended by `;`.
 */
import { FEN_MAX, PosError } from '../../protocol/index.ts';
import type { TableName } from './rows.ts';
import {
  bodyOf,
  type ColumnKind,
  columnsOf,
  FOUND_BY,
  type IndexSpec,
  keptOf,
  OPEN_HOLD,
  specOf,
  TABLE_NAMES,
} from './schema.ts';

/** Quotes a name: our column names keep their capitals, and `key`, `at` and `cause` are no words of SQL. */
export function quoted(name: string): string {
  return `"${name}"`;
}
export function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(', ');
}

/** Behind a row's columns: what its values came to when they were written (row-shape.ts). */
export const SUM_COLUMN = 'sum';
/** All of a row that is no column of its own, as a JSON list. */
export const BODY_COLUMN = 'body';

/** Column kind to SQL type. STRICT tables hold to it: a fraction in an INTEGER column is refused. */
// biome-ignore format: a table is read by column
const SQL_TYPES: Partial<Record<ColumnKind, string>> = {
  text: 'TEXT NOT NULL',    'text?': 'TEXT',
  int:  'INTEGER NOT NULL', 'int?':  'INTEGER',
  fen:  'INTEGER NOT NULL', 'fen?':  'INTEGER',
  flag: 'INTEGER NOT NULL', 'flag?': 'INTEGER',
};

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
    `${quoted(BODY_COLUMN)} TEXT NOT NULL`,
    `${quoted(SUM_COLUMN)} INTEGER NOT NULL`,
    `PRIMARY KEY (${quotedList(spec.key)})`,
  );
  if (spec.parent !== undefined) {
    lines.push(`FOREIGN KEY (${quoted(spec.parent.column)}) REFERENCES ${quoted(spec.parent.table)}`);
  }
  return [
    `CREATE TABLE ${quoted(table)} (\n  ${lines.join(',\n  ')}\n) STRICT;`,
    ...spec.indexes.map((index) => indexSql(table, index)),
    ...guardSql(table),
    viewSql(table),
  ].join('\n');
}

/** A field as an expression, wherever it rests. @param alias the table's alias */
export function fieldSql(table: TableName, name: string, alias: string): string {
  const place = bodyOf(table).findIndex(([other]) => other === name);
  if (place < 0) return `${alias}.${quoted(name)}`;
  const arrow = isNested(bodyOf(table)[place]?.[1]) ? '->' : '->>';
  return `(${alias}.${quoted(BODY_COLUMN)} ${arrow} ${place})`;
}

/** For those who look into the file by hand: every field under its name. The store itself does not use it. */
function viewSql(table: TableName): string {
  const fields = columnsOf(table).map(([name]) => `${fieldSql(table, name, 'x')} AS ${quoted(name)}`);
  return `CREATE VIEW ${quoted(`read_${table}`)} AS SELECT ${fields.join(', ')} FROM ${quoted(table)} AS x;`;
}

function isNested(kind: ColumnKind | undefined): boolean {
  return kind === 'json' || kind === 'json?' || kind === 'postings' || kind === 'postings?';
}

function checkOf(name: string, kind: ColumnKind): string {
  if (kind === 'fen' || kind === 'fen?') return ` CHECK (${quoted(name)} BETWEEN 0 AND ${FEN_MAX})`;
  if (kind === 'flag' || kind === 'flag?') return ` CHECK (${quoted(name)} IN (0, 1))`;
  return '';
}

/** Makes those indexes of all tables partial that were made over all rows. */
export function narrowSql(): string {
  return TABLE_NAMES.flatMap((table) =>
    specOf(table).indexes.flatMap(({ columns, narrowedTo }) =>
      narrowedTo === undefined
        ? []
        : [`DROP INDEX ${indexName(table, columns)};`, indexSql(table, { columns, where: narrowedTo })],
    ),
  ).join('\n');
}

function indexName(table: string, columns: readonly string[]): string {
  return quoted(`${table}_${columns.join('_')}`);
}

function indexSql(table: string, index: IndexSpec): string {
  const name = indexName(table, index.columns);
  const unique = index.unique === true ? 'UNIQUE ' : '';
  const where = index.where === undefined ? '' : ` WHERE ${index.where}`;
  return `CREATE ${unique}INDEX ${name} ON ${quoted(table)} (${quotedList(index.columns)})${where};`;
}

function guardSql(table: TableName): readonly string[] {
  const { guard, may } = specOf(table);
  if (guard === 'grows') return growsSql(table);
  const noDelete = refusal(table, 'BEFORE DELETE', '', 'a row is never deleted');
  if (guard === 'versioned') {
    return [
      noDelete,
      refusal(table, 'BEFORE UPDATE', 'NEW."version" <> OLD."version" + 1', 'the version must grow by one'),
      // After, not before: a BEFORE INSERT trigger also fires for an upsert that becomes an update.
      refusal(table, 'AFTER INSERT', 'NEW."version" <> 1', 'a new row starts at version 1'),
    ];
  }
  const fixed = keptOf(table).filter(([name]) => !(may ?? []).includes(name));
  const changed = [...fixed.map(([name]) => name), BODY_COLUMN]
    .map((name) => `NEW.${quoted(name)} IS NOT OLD.${quoted(name)}`)
    .join(' OR ');
  return [noDelete, refusal(table, 'BEFORE UPDATE', changed, `only ${(may ?? []).join(', ')} may change`)];
}

function growsSql(table: string): readonly string[] {
  return [
    refusal(table, 'BEFORE UPDATE', '', 'a row is never changed'),
    refusal(table, 'BEFORE DELETE', '', 'a row is never deleted'),
  ];
}

/** Of a transaction: what leads to it, its identity too, is made with it. */
export function foundStaysSql(): string {
  const changed = [...FOUND_BY, 'identity'].map(
    (name) => `${fieldSql('transactions', name, 'NEW')} IS NOT ${fieldSql('transactions', name, 'OLD')}`,
  );
  const refused = refusal('transactions', 'BEFORE UPDATE', changed.join(' OR '), 'what it is found by stays');
  return refused.replace('"transactions_before_update"', '"transactions_found_by"');
}

const OPEN_HOLDS = quoted('transactions_open_holds');

/** Holds have an index of their own. Its condition is judged for each row that is written: less than 1 µs of a sale. */
export function openHoldsIndexSql(): string {
  // An index's condition names its columns without a table.
  const condition = openHoldSql('x').replaceAll('x.', '');
  return `CREATE INDEX ${OPEN_HOLDS} ON "transactions" ("transactionId") WHERE ${condition};`;
}

/** How that index is named behind a table in FROM, so that no other is taken. */
export const BY_OPEN_HOLDS = `INDEXED BY ${OPEN_HOLDS}`;

/** Spelled as the index has it, or it would not be used. @param alias the table's alias */
export function openHoldSql(alias: string): string {
  return Object.entries(OPEN_HOLD)
    .map(([name, value]) => `${fieldSql('transactions', name, alias)} = '${value}'`)
    .join(' AND ');
}

/** A trigger that refuses. The message holds names only, never a value of the row. */
function refusal(table: string, moment: string, when: string, why: string): string {
  const name = quoted(`${table}_${moment.toLowerCase().replace(' ', '_')}`);
  const condition = when === '' ? '' : ` WHEN ${when}`;
  return `CREATE TRIGGER ${name} ${moment} ON ${quoted(table)}${condition} BEGIN SELECT RAISE(ABORT, '${table}: ${why}'); END;`;
}

/** The lines of an entry `x`, each `p`: in the order of `Posting`. */
const POSTING_FIELDS = `x."entryId", p."key" AS "line", x."businessDate", p."value" ->> 0 AS "account", p."value" ->> 1 AS "lot", p."value" ->> 2 AS "unit", p."value" ->> 3 AS "amount"`;

/**
 * What the store keeps beside the rows of the port: the journal and the counters, and a view of the lines of all
 * entries. A counter's value is replaced; the guards that added to it are its history.
 */
export function ownTablesSql(): string {
  return [
    `CREATE TABLE "journal" (
  "stream" TEXT NOT NULL, "sequence" INTEGER NOT NULL CHECK ("sequence" >= 1), "body" TEXT NOT NULL,
  "leaf" TEXT NOT NULL CHECK (length("leaf") = 64), "head" TEXT NOT NULL CHECK (length("head") = 64),
  PRIMARY KEY ("stream", "sequence")
) STRICT;`,
    ...growsSql('journal'),
    'CREATE TABLE "counters" ("counter" TEXT NOT NULL PRIMARY KEY, "value" INTEGER NOT NULL) STRICT, WITHOUT ROWID;',
    `CREATE VIEW "read_postings" AS SELECT ${POSTING_FIELDS} FROM "entries" AS x, json_each(${fieldSql('entries', 'postings', 'x')}) AS p;`,
  ].join('\n');
}
