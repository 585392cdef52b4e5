/**
 * Rows as the database holds them: some columns of their own, all else as one JSON list, and a sum over both. How
 * they travel to and from it.
 */
import { crc32 } from 'node:zlib';
import { FEN_MAX, PosError } from '../../protocol/index.ts';
import type { Posting } from '../ledger/model.ts';
import type { JournalRow, TableName, Tables } from './rows.ts';
import { bodyOf, type ColumnKind, columnsOf, keptOf, specOf, TABLE_NAMES } from './schema.ts';

interface Shape {
  readonly kept: readonly string[];
  readonly keptKinds: readonly ColumnKind[];
  readonly body: readonly string[];
  readonly bodyKinds: readonly ColumnKind[];
  /** Every field in its order, and where it rests: its place in `kept`, or in `body` counted from −1 downwards. */
  readonly names: readonly string[];
  readonly places: readonly number[];
  readonly kinds: readonly ColumnKind[];
}

const SHAPES = Object.fromEntries(TABLE_NAMES.map((table) => [table, shapeOf(table)])) as Readonly<
  Record<TableName, Shape>
>;

function shapeOf(table: TableName): Shape {
  const [kept, body] = [keptOf(table), bodyOf(table)];
  const placeOf = (name: string) => {
    const at = kept.findIndex(([other]) => other === name);
    return at >= 0 ? at : -1 - body.findIndex(([other]) => other === name);
  };
  return {
    kept: kept.map(([name]) => name),
    keptKinds: kept.map(([, kind]) => kind),
    body: body.map(([name]) => name),
    bodyKinds: body.map(([, kind]) => kind),
    names: columnsOf(table).map(([name]) => name),
    places: columnsOf(table).map(([name]) => placeOf(name)),
    kinds: columnsOf(table).map(([, kind]) => kind),
  };
}

/** A row as it rests. */
export interface PackedRow {
  readonly table: TableName;
  /** Its own columns as a JSON list. */
  readonly kept: string;
  /** All else as a JSON list. */
  readonly body: string;
  readonly sum: number;
}

/** @throws STORE_REFUSED when a value is not of its column's kind, or a text has no faithful form in the database */
export function packedRow(table: TableName, row: object): PackedRow {
  const kept = listText(table, ownValues(table, row));
  const body = bodyText(table, row);
  return { table, kept, body, sum: rowSum(table, kept, body) };
}

/**
 * A row's values in the order of `storedNames` in statements.ts: its own columns, its body, its sum.
 * @throws STORE_REFUSED as `packedRow`
 */
export function valuesOf(table: TableName, row: object): readonly unknown[] {
  const own = ownValues(table, row);
  const body = bodyText(table, row);
  return [...own, body, rowSum(table, listText(table, own), body)];
}

function ownValues(table: TableName, row: object): readonly unknown[] {
  const fields = row as Readonly<Record<string, unknown>>;
  const { kept, keptKinds } = SHAPES[table];
  const values: unknown[] = [];
  for (let at = 0; at < kept.length; at += 1) {
    const value = checked(table, kept[at] as string, keptKinds[at] as ColumnKind, fields);
    values.push(typeof value === 'boolean' ? Number(value) : value);
  }
  return values;
}

function bodyText(table: TableName, row: object): string {
  const fields = row as Readonly<Record<string, unknown>>;
  const { body, bodyKinds } = SHAPES[table];
  const values: unknown[] = [];
  for (let at = 0; at < body.length; at += 1)
    values.push(checked(table, body[at] as string, bodyKinds[at] as ColumnKind, fields));
  return listText(table, values);
}

function checked(
  table: TableName,
  name: string,
  kind: ColumnKind,
  fields: Readonly<Record<string, unknown>>,
): unknown {
  const value = fields[name] ?? null;
  if (!fits(kind, value))
    throw new PosError('STORE_REFUSED', `${table}.${name}: not a value of kind ${kind}`);
  return kind === 'postings' ? (value as readonly Posting[]).map(postingValues) : value;
}

function fits(kind: ColumnKind, value: unknown): boolean {
  if (value === null) return kind.endsWith('?');
  switch (kind) {
    case 'text':
    case 'text?':
      return typeof value === 'string';
    case 'int':
    case 'int?':
      return Number.isSafeInteger(value);
    case 'fen':
    case 'fen?':
      return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= FEN_MAX;
    case 'flag':
    case 'flag?':
      return typeof value === 'boolean';
    case 'postings':
    case 'postings?':
      return Array.isArray(value);
    case 'json':
    case 'json?':
      return true;
  }
}

function listText(table: TableName, values: readonly unknown[]): string {
  let text: string;
  try {
    text = JSON.stringify(values);
  } catch (cause) {
    throw new PosError('STORE_REFUSED', `${table}: a value has no JSON form`, { cause });
  }
  if (!isFaithful(text)) {
    throw new PosError('STORE_REFUSED', `${table}: a text holds a NUL or half a surrogate pair`);
  }
  return text;
}

// JSON.stringify writes NUL and half surrogate pairs as escapes; an even number of backslashes before
// them is escaped text, not an escape.
const UNFAITHFUL = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** Whether a database keeps every text in this JSON as it is: neither a NUL nor half a surrogate pair is in it. */
export function isFaithful(json: string): boolean {
  return !(json.includes('\\u') && UNFAITHFUL.test(json));
}

/**
 * What a row's values come to: the CRC-32 of their one spelling. It is written beside them and compared whenever
 * the row is read, since SQLite does not notice when a byte of a value goes bad. It is no seal: whoever can write
 * into the database can make it anew.
 */
function rowSum(table: TableName, kept: string, body: string): number {
  return crc32(`${table}${kept}${body}`);
}

function postingValues({ account, lot, unit, amount }: Posting) {
  return [account, lot, unit, amount] as const;
}

/**
 * The row again, from what `rowSql` in statements.ts selected.
 * @param kept its own columns and its sum, as a JSON list
 * @throws STORE_DAMAGED when its values are not those that were written
 */
export function rowOf<T extends TableName>(table: T, kept: string, body: string): Tables[T] {
  const shape = SHAPES[table];
  const own = JSON.parse(kept) as unknown[];
  const sum = own.pop();
  if (sum !== rowSum(table, JSON.stringify(own), body)) throw changed(table, own);
  // The sum is right: what was written is what is here, and it was a list.
  const rest = JSON.parse(body) as unknown[];
  const row: Record<string, unknown> = {};
  for (let at = 0; at < shape.names.length; at += 1) {
    const place = shape.places[at] as number;
    const value = place >= 0 ? own[place] : rest[-1 - place];
    row[shape.names[at] as string] = fieldOf(shape.kinds[at] as ColumnKind, value);
  }
  return row as unknown as Tables[T];
}

function changed(table: TableName, own: readonly unknown[]): PosError {
  const { kept } = SHAPES[table];
  const key = specOf(table).key.map((name) => String(own[kept.indexOf(name)]));
  return new PosError(
    'STORE_DAMAGED',
    `${table} ${key.join('|')}: 内容已变 its values are not those that were written`,
  );
}

function fieldOf(kind: ColumnKind, value: unknown): unknown {
  if (kind === 'flag') return value === true || value === 1;
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
