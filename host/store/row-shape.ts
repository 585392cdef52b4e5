/**
 * Rows as the database holds them: some columns of their own, all else as one JSON list, and a sum over both. How
 * they travel to and from it.
 */
import { crc32 } from 'node:zlib';
import { FEN_MAX, PosError } from '../../protocol/index.ts';
import type { Posting } from '../ledger/model.ts';
import { JsonBytes } from './json-bytes.ts';
import type { JournalRow, TableName, Tables } from './rows.ts';
import { bodyOf, type ColumnKind, columnsOf, keptOf, specOf, TABLE_NAMES } from './schema.ts';

type Base = ColumnKind extends infer K ? (K extends `${infer B}?` ? B : K) : never;

interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  /** The kind without its `?`. */
  readonly base: Base;
  readonly isNullable: boolean;
}

interface Shape {
  readonly kept: readonly Column[];
  readonly body: readonly Column[];
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
    kept: kept.map(columnOf),
    body: body.map(columnOf),
    names: columnsOf(table).map(([name]) => name),
    places: columnsOf(table).map(([name]) => placeOf(name)),
    kinds: columnsOf(table).map(([, kind]) => kind),
  };
}

function columnOf([name, kind]: readonly [string, ColumnKind]): Column {
  const isNullable = kind.endsWith('?');
  return { name, kind, base: (isNullable ? kind.slice(0, -1) : kind) as Base, isNullable };
}

/** A row as it rests, in bytes: its table's name, its own columns as a JSON list, all else as a JSON list. */
export interface PackedRow {
  readonly table: TableName;
  /** Where its own columns begin. */
  readonly own: number;
  /** Where its body begins, and its own columns end. */
  readonly body: number;
  /** Where it ends. */
  readonly end: number;
  /** CRC-32 of all of it. */
  readonly sum: number;
}

/**
 * Writes a row.
 * @throws STORE_REFUSED when a value is not of its column's kind, or a text has no faithful form in the database
 */
export function packRow(table: TableName, row: object, into: JsonBytes): PackedRow {
  const shape = SHAPES[table];
  const start = into.length;
  into.plain(table);
  const own = into.length;
  packList(table, shape.kept, row, into, OWN_FLAGS);
  const body = into.length;
  packList(table, shape.body, row, into, BODY_FLAGS);
  const end = into.length;
  return { table, own, body, end, sum: crc32(into.between(start, end)) };
}

/**
 * A row's values in the order of `storedNames` in statements.ts: its own columns, its body, its sum.
 * @throws STORE_REFUSED as `packRow`
 */
export function valuesOf(table: TableName, row: object): readonly unknown[] {
  const bytes = new JsonBytes(ROW_BYTES);
  const { body, end, sum } = packRow(table, row, bytes);
  const values: unknown[] = [];
  for (const { name } of SHAPES[table].kept) {
    const value = (row as Readonly<Record<string, unknown>>)[name] ?? null;
    values.push(typeof value === 'boolean' ? Number(value) : value);
  }
  values.push(bytes.between(body, end).toString(), sum);
  return values;
}

/** What most rows take. */
const ROW_BYTES = 1_024;
/** How false and true are written: a column of SQLite's has numbers. */
const OWN_FLAGS = ['0', '1'] as const;
const BODY_FLAGS = ['false', 'true'] as const;

const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;

function packList(
  table: TableName,
  columns: readonly Column[],
  row: object,
  into: JsonBytes,
  flags: readonly [string, string],
): void {
  const { unfaithful } = into;
  into.mark(OPEN);
  for (let at = 0; at < columns.length; at += 1) {
    const column = columns[at] as Column;
    if (at > 0) into.mark(COMMA);
    const value = (row as Readonly<Record<string, unknown>>)[column.name] ?? null;
    let fits: boolean;
    try {
      fits = packValue(column, value, into, flags);
    } catch (cause) {
      throw new PosError('STORE_REFUSED', `${table}: a value has no JSON form`, { cause });
    }
    if (!fits)
      throw new PosError('STORE_REFUSED', `${table}.${column.name}: not a value of kind ${column.kind}`);
  }
  into.mark(CLOSE);
  if (into.unfaithful !== unfaithful)
    throw new PosError('STORE_REFUSED', `${table}: a text holds a NUL or half a surrogate pair`);
}

/** Writes a value; false when it is not of the column's kind. */
function packValue(
  { base, isNullable }: Column,
  value: unknown,
  into: JsonBytes,
  flags: readonly [string, string],
): boolean {
  if (value === null) {
    if (isNullable) into.plain('null');
    return isNullable;
  }
  switch (base) {
    case 'text':
      if (typeof value !== 'string') return false;
      into.text(value);
      return true;
    case 'int':
      if (!Number.isSafeInteger(value)) return false;
      into.whole(value as number);
      return true;
    case 'fen':
      if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > FEN_MAX) return false;
      into.whole(value as number);
      return true;
    case 'flag':
      if (typeof value !== 'boolean') return false;
      into.plain(flags[Number(value)] as string);
      return true;
    case 'postings':
      if (!Array.isArray(value)) return false;
      packPostings(value as readonly Posting[], into);
      return true;
    case 'json':
      into.value(value);
      return true;
  }
}

function packPostings(postings: readonly Posting[], into: JsonBytes): void {
  into.mark(OPEN);
  for (let at = 0; at < postings.length; at += 1) {
    const { account, lot, unit, amount } = postings[at] as Posting;
    if (at > 0) into.mark(COMMA);
    into.mark(OPEN);
    into.value(account);
    into.mark(COMMA);
    into.value(lot);
    into.mark(COMMA);
    into.value(unit);
    into.mark(COMMA);
    into.value(amount);
    into.mark(CLOSE);
  }
  into.mark(CLOSE);
}

/**
 * What a row's values come to: the CRC-32 of their one spelling. It is written beside them and compared whenever
 * the row is read, since SQLite does not notice when a byte of a value goes bad. It is no seal: whoever can write
 * into the database can make it anew.
 */
function rowSum(table: TableName, kept: string, body: string): number {
  return crc32(`${table}${kept}${body}`);
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
  const key = specOf(table).key.map((name) => String(own[kept.findIndex((column) => column.name === name)]));
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
