/**
 * Which row is it? A value that is no JSON any more, or whose type went bad, makes SQLite refuse the whole
 * statement without saying where: then the tables are walked for the first such row, so that the failure names
 * it. Bad values that SQLite can read are found by the row's sum (row-shape.ts).
 */
import { PosError } from '../../protocol/index.ts';
import { BODY_COLUMN, quoted, SUM_COLUMN } from './ddl.ts';
import type { RowReader } from './driver.ts';
import type { TableName } from './rows.ts';
import { keptOf, specOf } from './schema.ts';

type Rows = Awaited<ReturnType<RowReader['all']>>;

/**
 * The rows of one reading statement.
 *
 * @param tables what the statement reads
 * @throws STORE_DAMAGED naming table and key when a row of theirs is the cause; else what the driver said
 */
export async function readRows(
  driver: RowReader,
  text: string,
  params: readonly unknown[],
  tables: readonly TableName[],
): Promise<Rows> {
  try {
    return await driver.all(text, params);
  } catch (cause) {
    if (!(cause instanceof PosError) || cause.code !== 'STORE_FAILED') throw cause;
    // A disk that fails refuses this too: then the first failure is the one that says why.
    const place = await firstUnreadable(driver, tables).catch(() => null);
    if (place === null) throw cause;
    throw new PosError(
      'STORE_DAMAGED',
      `${place}: 内容无法读取 a value of it cannot be read: ${cause.detail}`,
      {
        cause,
      },
    );
  }
}

async function firstUnreadable(driver: RowReader, tables: readonly TableName[]): Promise<string | null> {
  for (const table of tables) {
    const [row] = await driver.all(unreadableSql(table), []);
    if (row !== undefined) return `${table} ${Object.values(row).map(String).join('|')}`;
  }
  return null;
}

/** The key of the first row with a value that JSON cannot carry: its text is no JSON, or it has become bytes. */
function unreadableSql(table: TableName): string {
  const key = specOf(table).key.map((name) => `x.${quoted(name)}`);
  const own = [...keptOf(table).map(([name]) => name), BODY_COLUMN, SUM_COLUMN];
  const bad = own.map((name) => isBytes(`x.${quoted(name)}`));
  return `SELECT ${key.join(', ')} FROM ${quoted(table)} AS x WHERE ${bad.join(' OR ')} OR NOT json_valid(x.${quoted(BODY_COLUMN)}) LIMIT 1`;
}

function isBytes(column: string): string {
  return `typeof(${column}) = 'blob'`;
}
