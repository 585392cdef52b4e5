/**
 * How what grows without end is cut up, so that years of history do not slow today.
 *
 * `transactions` and `entries` have a partition for each year of business dates, made when the first row of a year
 * comes: the pages that today works on are today's, and a year leaves as a whole. A unique key of a partitioned table
 * must hold the column that it is cut by, and most of what a transaction is found by does not tell its date. So names
 * rest in tables of their own, cut by a hash of what is looked for, each with the date that leads to the row:
 *
 *   names      one transaction each, ever: its id, DE37, UT; and the ids of entries, which say only that they are used
 *   places     terminal, batch, trace
 *   approvals  merchant, DE38
 *
 * They are written with a transaction's first version and never change; nor may what they were made from.
 */
import { quoted, quotedList } from '../ddl.ts';
import type { PreparedItem } from '../guards.ts';
import type { TableName } from '../rows.ts';
import type { RowSource } from './lists.ts';

const YEARLY = ['transactions', 'entries'] as const satisfies readonly TableName[];
type YearlyTable = (typeof YEARLY)[number];
/** The column by which they are cut. */
export const YEARLY_COLUMN = 'businessDate';

export function isYearly(table: TableName): table is YearlyTable {
  return (YEARLY as readonly TableName[]).includes(table);
}

/** Cut by a hash of their whole key, which so stays unique. */
const HASHED = ['identities'] as const satisfies readonly TableName[];
export function isHashed(table: TableName): boolean {
  return (HASHED as readonly TableName[]).includes(table);
}

/** Parts of a table that is cut by a hash. Every statement that looks into it opens all of them: few are cheaper. */
const HASH_PARTS = 4;

/** What leads to a transaction: columns that are looked for, unique or not, and the column that the hash is of. */
interface Pointers {
  readonly table: string;
  readonly columns: string;
  readonly key: readonly string[];
  readonly hashed: string;
}

const NAMES: Pointers = {
  table: 'names',
  columns: '"name" TEXT COLLATE "C" NOT NULL, "transactionId" TEXT COLLATE "C"',
  key: ['name'],
  hashed: 'name',
};
const PLACES: Pointers = {
  table: 'places',
  columns:
    '"terminalId" TEXT COLLATE "C" NOT NULL, "batch" BIGINT NOT NULL, "trace" TEXT COLLATE "C" NOT NULL, "transactionId" TEXT COLLATE "C" NOT NULL',
  key: ['terminalId', 'batch', 'trace', 'transactionId'],
  hashed: 'terminalId',
};
const APPROVALS: Pointers = {
  table: 'approvals',
  columns:
    '"merchantId" TEXT COLLATE "C" NOT NULL, "auth" TEXT COLLATE "C" NOT NULL, "transactionId" TEXT COLLATE "C" NOT NULL',
  key: ['merchantId', 'auth', 'transactionId'],
  hashed: 'merchantId',
};
const POINTERS = [NAMES, PLACES, APPROVALS];

/** @param growing what makes a table grow only */
export function pointerTablesSql(growing: (table: string) => readonly string[]): string {
  return POINTERS.flatMap(({ table, columns, key, hashed }) => [
    `CREATE TABLE ${quoted(table)} (${columns}, ${quoted(YEARLY_COLUMN)} TEXT COLLATE "C" NOT NULL, PRIMARY KEY (${quotedList(key)})) PARTITION BY HASH (${quoted(hashed)});`,
    hashPartsSql(table),
    ...growing(table),
  ]).join('\n');
}

export function hashPartsSql(table: string): string {
  return Array.from(
    { length: HASH_PARTS },
    (_, part) =>
      `CREATE TABLE ${quoted(`${table}_${part}`)} PARTITION OF ${quoted(table)} FOR VALUES WITH (MODULUS ${HASH_PARTS}, REMAINDER ${part});\n${untruncated(`${table}_${part}`)}`,
  ).join('\n');
}

/** A statement's trigger is not handed down to partitions, as a row's is. */
export function untruncated(table: string): string {
  return `CREATE TRIGGER ${quoted(`${table}_before_truncate`)} BEFORE TRUNCATE ON ${quoted(table)} FOR EACH STATEMENT EXECUTE FUNCTION "refuse"('a row is never deleted');`;
}

/** Business dates that a year's partition takes. */
const YEAR = /^(?:19|2\d)\d\d/;

function yearIn(businessDate: unknown): string {
  return (typeof businessDate === 'string' ? YEAR.exec(businessDate)?.[0] : undefined) ?? '';
}

/** The years into which a batch writes. A date of no year is left to the database, which refuses it. */
export function yearsOf(items: readonly PreparedItem[]): ReadonlySet<string> {
  const years = new Set<string>();
  for (const { item, failure } of items) {
    if (failure !== null) continue;
    for (const table of YEARLY)
      for (const { businessDate } of item.changes[table] ?? []) years.add(yearIn(businessDate));
  }
  years.delete('');
  return years;
}

/** Any number that is ours: hosts that need the same year at once make it one after the other. */
const YEARS_LOCK = 8_583_0212;

/**
 * The partitions of a year, where they are not there: one text a table, each a transaction of its own, so that it
 * holds no table while it waits for another.
 * @param year four digits
 */
export function yearSql(year: string): readonly string[] {
  return YEARLY.map((table) => {
    const name = `${table}_${year}`;
    // Rows of entries never change and need no room in their page.
    const storage = table === 'entries' ? '' : ' WITH (fillfactor = 80)';
    return `DO $year$ BEGIN
PERFORM pg_advisory_xact_lock(${YEARS_LOCK});
IF to_regclass('${quoted(name)}') IS NULL THEN
CREATE TABLE ${quoted(name)} PARTITION OF ${quoted(table)} FOR VALUES FROM ('${year}') TO ('${Number(year) + 1}')${storage};
${untruncated(name)}
END IF;
END $year$`;
  });
}

/** How a row is joined as `x` whose pointer is joined as `k`. */
const BY_POINTER = `JOIN "transactions" AS x ON x."transactionId" = k."transactionId" AND x."${YEARLY_COLUMN}" = k."${YEARLY_COLUMN}"`;

/** The transaction whose id is this expression, as `x`. */
export function byIdSql(id: string): string {
  return `JOIN "names" AS k ON k."name" = 'id ' || (${id}) ${BY_POINTER}`;
}

/** The names of these rows of `transactions` or `entries`, as rows of `names`; null for any other table. */
export function namesSql(table: TableName, { from, value }: RowSource): string | null {
  if (table === 'entries')
    return `SELECT 'entry ' || ${value('entryId')}, NULL, ${value(YEARLY_COLUMN)} FROM ${from}`;
  if (table !== 'transactions') return null;
  const names = `('id ' || ${value('transactionId')}), ('rrn ' || NULLIF(${value('rrn')}, '')), ('ut ' || ${value('ut')})`;
  return `SELECT n."name", ${value('transactionId')}, ${value(YEARLY_COLUMN)} FROM ${from} CROSS JOIN LATERAL (VALUES ${names}) AS n ("name") WHERE ${value('version')} = 1 AND n."name" IS NOT NULL`;
}

/** @param names what `namesSql` gave, of one table or of several */
export function insertNamesSql(names: readonly string[]): string {
  return `INSERT INTO "names" ("name", "transactionId", ${quoted(YEARLY_COLUMN)}) ${names.join(' UNION ALL ')} ORDER BY 1;`;
}

/** What else leads to these rows of `transactions`. */
export function placesSql({ from, value }: RowSource): string {
  // Every new row starts at version 1, and no other row has it: triggers see to both.
  const insert = ({ table, key }: Pointers, where = '') => {
    const columns = [...key, YEARLY_COLUMN];
    return `INSERT INTO ${quoted(table)} (${quotedList(columns)}) SELECT ${columns.map(value).join(', ')} FROM ${from} WHERE ${value('version')} = 1${where} ORDER BY ${columns.map((_, at) => at + 1).join(', ')};`;
  };
  return `${insert(PLACES)}
    ${insert(APPROVALS, ` AND ${value('auth')} IS NOT NULL`)}`;
}
