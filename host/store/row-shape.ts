/**
 * Rows as lists of values in the order of their columns: how they travel to and from the database as
 * JSON, without repeating the names in every row.
 */
import type { Entry, Posting } from '../ledger/model.ts';
import type { JournalRow, TableName, Tables } from './rows.ts';
import { type ColumnKind, columnsOf, TABLE_NAMES } from './schema.ts';

/** One posting as it travels: entry, line from 0, business date, account, lot, unit, amount. */
type PostingValues = readonly [string, number, string, string, string | null, string, number];

const NAMES = shapes((name) => name);
const KINDS = shapes((_, kind) => kind);

function shapes<V>(pick: (name: string, kind: ColumnKind) => V): Readonly<Record<TableName, readonly V[]>> {
  const all = TABLE_NAMES.map(
    (table) => [table, columnsOf(table).map(([name, kind]) => pick(name, kind))] as const,
  );
  return Object.fromEntries(all) as unknown as Record<TableName, readonly V[]>;
}

/** A row's values. Postings are left out (null): `postingValues` carries them. */
export function valuesOf(table: TableName, row: object): readonly unknown[] {
  const fields = row as Record<string, unknown>;
  const kinds = KINDS[table];
  return NAMES[table].map((name, index) => (kinds[index] === 'postings' ? null : fields[name]));
}

export function postingValues(entry: Entry): readonly PostingValues[] {
  return entry.postings.map((posting, line) => [
    entry.entryId,
    line,
    entry.businessDate,
    posting.account,
    posting.lot,
    posting.unit,
    posting.amount,
  ]);
}

/** The row again, from what `rowSql` in statements.ts selected. */
export function rowOf<T extends TableName>(table: T, text: string): Tables[T] {
  const values = JSON.parse(text) as unknown[];
  const names = NAMES[table];
  const kinds = KINDS[table];
  const row: Record<string, unknown> = {};
  for (let index = 0; index < names.length; index += 1) {
    row[names[index] as string] = fieldOf(kinds[index] as ColumnKind, values[index]);
  }
  return row as unknown as Tables[T];
}

function fieldOf(kind: ColumnKind, value: unknown): unknown {
  if (kind === 'flag') return value === 1;
  if (kind === 'postings') return (value as [string, string | null, string, number][]).map(postingOf);
  return value;
}

function postingOf([account, lot, unit, amount]: readonly [string, string | null, string, number]): Posting {
  return { account, lot, unit, amount } as Posting;
}

/** A journal row, from the columns of its table. */
export function journalRowOf(row: Readonly<Record<string, unknown>>): JournalRow {
  const { stream, sequence, body, leaf, head } = row as unknown as JournalRow;
  return { stream, sequence, body, leaf, head };
}
