/**
 * Rows as one text, for the tables that a financial transaction writes: column behind column, in a column value behind
 * value, set apart by the separators that ASCII has for it. The server takes such a text apart by looking for one
 * byte; of JSON it had to read every byte, make every number a NUMERIC and every text a copy, three times each.
 * The writing and the reading of it stand here side by side.
 */
import { PosError } from '../../../protocol/index.ts';
import { BODY_COLUMN, quoted, SUM_COLUMN } from '../ddl.ts';
import type { TableName } from '../rows.ts';
import { type ColumnKind, keptOf, specOf } from '../schema.ts';
import { storedNames } from '../statements.ts';
import { castOf } from './ddl.ts';

const COLUMN_END = '\x1e';
const VALUE_END = '\x1f';
const NULL_MARK = '\x1d';
const SEPARATORS = new RegExp(`[${COLUMN_END}${VALUE_END}${NULL_MARK}]`);

const LISTED = ['accounts', 'batches', 'lots', 'transactions', 'identities', 'entries'] as const;
export function isListed(table: TableName): boolean {
  return LISTED.some((listed) => listed === table);
}

/** A parameter of the call. New rows are inserted, changed ones updated; in a wave each key stands once. */
export interface RowList {
  readonly table: TableName | 'journal';
  readonly has: 'new' | 'changed';
  /** The parameter's name. */
  readonly name: string;
  readonly columns: readonly ListedColumn[];
}
interface ListedColumn {
  readonly name: string;
  readonly type: 'text' | 'bigint';
  readonly mayBeNull: boolean;
}

const JOURNAL_COLUMNS: readonly ListedColumn[] = ['stream', 'sequence', 'body', 'leaf', 'head'].map(
  (name) => ({ name, type: name === 'sequence' ? 'bigint' : 'text', mayBeNull: false }),
);

function listedColumns(table: TableName): readonly ListedColumn[] {
  const kinds = new Map<string, ColumnKind>([...keptOf(table), [BODY_COLUMN, 'text'], [SUM_COLUMN, 'int']]);
  return storedNames(table).map((name) => ({
    name,
    type: castOf(kinds.get(name)) as 'text' | 'bigint',
    mayBeNull: kinds.get(name)?.endsWith('?') === true,
  }));
}

function listOf(table: TableName, has: RowList['has']): RowList {
  return { table, has, name: `${table}_${has}`, columns: listedColumns(table) };
}

/** In the order of the call's parameters, which is the order of writing. */
export const ROW_LISTS: readonly RowList[] = [
  ...LISTED.flatMap((table) => {
    const { guard } = specOf(table);
    // Of a row that follows its account nobody says whether it is new: the server looks.
    if (guard === 'follows') return [listOf(table, 'changed')];
    return guard === 'grows' ? [listOf(table, 'new')] : [listOf(table, 'new'), listOf(table, 'changed')];
  }),
  { table: 'journal', has: 'new', name: 'journal_new', columns: JOURNAL_COLUMNS },
];

type Row = readonly unknown[];

/**
 * @param waves each a list of rows, a row its values in the order of the columns
 * @throws STORE_REFUSED when a text holds a separator: it goes the long way, as JSON
 */
export function listText({ columns }: RowList, waves: readonly (readonly Row[])[]): string | null {
  const texts: string[] = [];
  for (const wave of waves) {
    if (wave.length === 0) continue;
    for (let at = 0; at < columns.length; at += 1)
      texts.push(columnText(wave, at, (columns[at] as ListedColumn).type === 'text'));
  }
  return texts.length === 0 ? null : texts.join(COLUMN_END);
}

function columnText(rows: readonly Row[], at: number, isText: boolean): string {
  let text = '';
  let end = '';
  for (const row of rows) {
    const value = row[at] as string | number | null;
    if (isText && value !== null && SEPARATORS.test(value as string))
      throw new PosError('STORE_REFUSED', 'a text holds a separator of lists');
    text += end + (value === null ? NULL_MARK : value);
    end = VALUE_END;
  }
  return text;
}

/** Rows in SQL: what they are taken from, and how a column of theirs is named. */
export interface RowSource {
  readonly from: string;
  value(name: string): string;
}

/** The server's spelling of a control character. */
const escaped = (character: string) => `E'\\x${character.charCodeAt(0).toString(16)}'`;

/** A list's parameter as its columns; what `listSource` then takes from the variable `parts`. */
export const partsSql = ({ name }: RowList) => `string_to_array("${name}", ${escaped(COLUMN_END)})`;

/** The rows of the wave whose first column is at `wave_at` in `parts`. @param names only these columns */
export function listSource(
  list: RowList,
  names: readonly string[] = list.columns.map(({ name }) => name),
): RowSource {
  const arrays = names.map((name) => {
    const at = list.columns.findIndex((column) => column.name === name);
    return arraySql(`parts[wave_at + ${at}]`, list.columns[at] as ListedColumn);
  });
  return {
    from: `unnest(${arrays.join(', ')}) AS j (${names.map(quoted).join(', ')})`,
    value: (name) => `j.${quoted(name)}`,
  };
}

function arraySql(part: string, { type, mayBeNull }: ListedColumn): string {
  const values = `string_to_array(${part}, ${escaped(VALUE_END)}${mayBeNull ? `, ${escaped(NULL_MARK)}` : ''})`;
  // Taken apart, an empty text has no parts at all: here it is one row whose value is empty.
  return type === 'bigint'
    ? `${values}::bigint[]`
    : `CASE WHEN ${part} = '' THEN ARRAY[''] ELSE ${values} END`;
}

/** How many rows the wave has. */
export const WAVE_ROWS_SQL = `cardinality(string_to_array(parts[wave_at], ${escaped(VALUE_END)}))`;
