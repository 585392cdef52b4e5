/**
 * Rows as lists of values in the order of their columns: how they travel to and from the database as
 * JSON, without repeating the names in every row.
 */
import { hash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import type { Entry, Posting } from '../ledger/model.ts';
import type { JournalRow, TableName, Tables } from './rows.ts';
import { type ColumnKind, columnsOf, specOf, TABLE_NAMES } from './schema.ts';

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

/**
 * A row's values, and its sum behind them. Postings are left out (null): `postingValues` carries them.
 * @throws STORE_REFUSED when a value has no JSON form
 */
export function valuesOf(table: TableName, row: object): readonly unknown[] {
  const fields = row as Record<string, unknown>;
  const kinds = KINDS[table];
  const values = NAMES[table].map((name, index) => (kinds[index] === 'postings' ? null : fields[name]));
  return [...values, rowSum(table, fields)];
}

/**
 * What a row's values come to: 48 bits of their SHA-256. It is written beside them and compared whenever the
 * row is read, since SQLite does not notice when a byte of a value goes bad. It is no seal: whoever can write
 * into the database can make it anew.
 */
function rowSum(table: TableName, row: Readonly<Record<string, unknown>>): number {
  const kinds = KINDS[table];
  const values = NAMES[table].map((name, index) => summedValue(kinds[index] as ColumnKind, row[name]));
  let text: string;
  try {
    text = JSON.stringify([table, values]);
  } catch (cause) {
    throw new PosError('STORE_REFUSED', `${table}: a value has no JSON form`, { cause });
  }
  return Number.parseInt(hash('sha256', text, 'hex').slice(0, 12), 16);
}

/** In one spelling, whichever way it travelled: a missing value is null, a flag a number, a posting a list. */
function summedValue(kind: ColumnKind, value: unknown): unknown {
  if (kind === 'postings') return (value as readonly Posting[]).map(postingParts);
  return typeof value === 'boolean' ? Number(value) : (value ?? null);
}

export function postingValues(entry: Entry): readonly PostingValues[] {
  return entry.postings.map((posting, line) => [
    entry.entryId,
    line,
    entry.businessDate,
    ...postingParts(posting),
  ]);
}

function postingParts({ account, lot, unit, amount }: Posting) {
  return [account, lot, unit, amount] as const;
}

/**
 * The row again, from what `rowSql` in statements.ts selected.
 * @throws STORE_DAMAGED when its values are not those that were written
 */
export function rowOf<T extends TableName>(table: T, text: string): Tables[T] {
  const values = JSON.parse(text) as unknown[];
  const names = NAMES[table];
  const kinds = KINDS[table];
  const row: Record<string, unknown> = {};
  for (let index = 0; index < names.length; index += 1) {
    row[names[index] as string] = fieldOf(kinds[index] as ColumnKind, values[index]);
  }
  if (values[names.length] !== rowSum(table, row)) {
    const key = specOf(table).key.map((name) => String(row[name]));
    throw new PosError(
      'STORE_DAMAGED',
      `${table} ${key.join('|')}: 内容已变 its values are not those that were written`,
    );
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
