/**
 * Rows as one text, for the tables that a financial transaction writes: value behind value, row behind row, set apart
 * by the separators that ASCII has for it. The server takes such a text apart once, by looking for one byte, and every
 * statement that needs it names values by their places; of JSON it had to read every byte, make every number a NUMERIC
 * and every text a copy, three times each. The writing and the reading of it stand here side by side.
 */
import { PosError } from '../../../protocol/index.ts';
import { BODY_COLUMN, SUM_COLUMN } from '../ddl.ts';
import type { TableName } from '../rows.ts';
import { type ColumnKind, keptOf, specOf } from '../schema.ts';
import { storedNames } from '../statements.ts';
import { castOf } from './ddl.ts';

const WAVE_END = '\x1e';
const VALUE_END = '\x1f';
const NULL_MARK = '\x1d';
const SEPARATORS = new RegExp(`[${WAVE_END}${VALUE_END}${NULL_MARK}]`);

const LISTED = ['accounts', 'batches', 'lots', 'transactions', 'identities', 'entries'] as const;
export function isListed(table: TableName): boolean {
  return LISTED.some((listed) => listed === table);
}

/** A parameter of the call. New rows are inserted, changed ones updated; in a wave each key stands once. */
export interface RowList {
  readonly table: TableName | 'journal';
  /** New rows are one wave. */
  readonly has: 'new' | 'changed';
  /** The parameter's name. */
  readonly name: string;
  readonly columns: readonly ListedColumn[];
}
interface ListedColumn {
  readonly name: string;
  readonly type: 'text' | 'bigint';
  /** Our own JSON, in which a separator is an escape. */
  readonly isJson: boolean;
}

const JOURNAL_COLUMNS: readonly ListedColumn[] = ['stream', 'sequence', 'body', 'leaf', 'head'].map(
  (name) => ({ name, type: name === 'sequence' ? 'bigint' : 'text', isJson: false }),
);

function listedColumns(table: TableName): readonly ListedColumn[] {
  const kinds = new Map<string, ColumnKind>([...keptOf(table), [BODY_COLUMN, 'text'], [SUM_COLUMN, 'int']]);
  return storedNames(table).map((name) => ({
    name,
    type: castOf(kinds.get(name)) as 'text' | 'bigint',
    isJson: name === BODY_COLUMN,
  }));
}

function listOf(table: TableName, has: RowList['has']): RowList {
  return { table, has, name: `${table}_${has}`, columns: listedColumns(table) };
}

/** The order of the call's parameters. */
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
  const isFree = columns.map(({ type, isJson }) => type === 'text' && !isJson);
  let text = '';
  for (const wave of waves) {
    if (wave.length === 0) continue;
    let end = text === '' ? '' : WAVE_END;
    for (const row of wave)
      for (let at = 0; at < row.length; at += 1) {
        const value = row[at];
        if (isFree[at] === true && value !== null && SEPARATORS.test(value as string))
          throw new PosError('STORE_REFUSED', 'a text holds a separator of lists');
        text += end + (value === null ? NULL_MARK : (value as string | number));
        end = VALUE_END;
      }
  }
  return text === '' ? null : text;
}

/** Rows in SQL: what they are taken from, and how a column of theirs is named. */
export interface RowSource {
  readonly from: string;
  value(name: string): string;
}

/** The server's spelling of a control character. */
const escaped = (character: string) => `E'\\x${character.charCodeAt(0).toString(16)}'`;

/** A list's waves as texts. @param list an expression */
export const wavesSql = (list: string) => `string_to_array(${list}, ${escaped(WAVE_END)})`;
/** A wave's values as texts, to be kept in a variable: there the server counts them once. @param wave an expression */
export const valuesSql = (wave: string) =>
  `string_to_array(${wave}, ${escaped(VALUE_END)}, ${escaped(NULL_MARK)})`;

/** The rows whose values are in a variable. */
export function listSource({ columns }: RowList, variable: string): RowSource {
  return {
    from: `generate_series(1, cardinality(${variable}), ${columns.length}) AS j ("at")`,
    value: (name) => {
      const place = columns.findIndex((column) => column.name === name);
      const value = `${variable}[j."at" + ${place}]`;
      return columns[place]?.type === 'bigint' ? `${value}::bigint` : value;
    },
  };
}

/** How many rows they are. */
export const rowCountSql = ({ columns }: RowList, variable: string) =>
  `cardinality(${variable}) / ${columns.length}`;
