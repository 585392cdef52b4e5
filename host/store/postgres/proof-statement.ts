/**
 * The one statement that proves rows kept in memory: whether all of them rest so in this snapshot, with nothing more that
 * belongs to them, and none of the wanted identities and UTs is there. Other hosts write too, so nothing kept is
 * believed unasked; but to compare sums costs the server, the line and this process a fraction of a row.
 */
import { isRefusal } from '../answers.ts';
import { quoted, SUM_COLUMN } from '../ddl.ts';
import type { Found, Wants } from '../port.ts';
import { packedRow } from '../row-shape.ts';
import type { TableName } from '../rows.ts';
import { type ListedColumn, listSourceOf, valuesText } from './lists.ts';

const text = (name: string): ListedColumn => ({ name, type: 'text', mayBeNull: false });
const int = (name: string): ListedColumn => ({ name, type: 'bigint', mayBeNull: false });

/**
 * What is compared of a kept row: its key and the sum over all that it holds. A version would not do: a server that took
 * over without our last commits may have the same version of other content.
 */
const COMPARED = {
  cards: [text('cardId'), int(SUM_COLUMN)],
  accounts: [text('accountId'), int(SUM_COLUMN)],
  terminals: [text('terminalId'), int(SUM_COLUMN)],
  batches: [text('terminalId'), int('batch'), int(SUM_COLUMN)],
  lots: [text('lotId'), int(SUM_COLUMN)],
  days: [text('businessDate'), int(SUM_COLUMN)],
} satisfies Partial<Record<TableName, readonly ListedColumn[]>>;
type ComparedTable = keyof typeof COMPARED;
const COMPARED_TABLES = Object.keys(COMPARED) as readonly ComparedTable[];

const NAMES = { identities: [text('key')], uts: [text('ut')], counters: [text('counter')] };

/** What a proof names: rows of these tables, and with them, or not, the names that must not be there. */
interface Proof {
  readonly text: string;
  readonly tables: readonly ComparedTable[];
  readonly names: readonly (keyof typeof NAMES)[];
}

/** Numbers the parameters in the order of tables, then of names. */
function proofOf(tables: readonly ComparedTable[], names: Proof['names']): Proof {
  let used = 0;
  const from = (columns: readonly ListedColumn[]) =>
    listSourceOf(
      columns,
      columns.map(() => {
        used += 1;
        return `$${used}::text`;
      }),
    ).from;
  const same = tables.map((table) => sameSql(table, from(COMPARED[table])));
  const selected = [`(${same.join('\n + ')})::int AS "same"`];
  if (tables.includes('lots')) {
    const ids = `$${tables.slice(0, tables.indexOf('accounts')).flatMap((table) => COMPARED[table]).length + 1}::text`;
    const { from: accounts } = listSourceOf([text('accountId')], [ids]);
    selected.push(
      `(SELECT count(*) FROM ${accounts} JOIN "lots" AS x ON x."accountId" = j."accountId" AND x."remaining" > 0)::int AS "openLots"`,
    );
  }
  for (const name of names) selected.push(NAMED_SQL[name](from(NAMES[name])));
  return { text: `SELECT ${selected.join(',\n')}`, tables, names };
}

/** How many of the kept rows rest so. */
function sameSql(table: ComparedTable, from: string): string {
  const isSame = COMPARED[table].map(({ name }) => `x.${quoted(name)} = j.${quoted(name)}`);
  const isOpen = table === 'days' ? ` AND x."state" = 'open'` : '';
  return `(SELECT count(*) FROM ${from} JOIN ${quoted(table)} AS x ON ${isSame.join(' AND ')}${isOpen})`;
}

const NAMED_SQL = {
  identities: (from: string) =>
    `EXISTS (SELECT 1 FROM ${from} JOIN "identities" AS x ON x."key" = j."key") AS "isRepeat"`,
  uts: (from: string) =>
    `EXISTS (SELECT 1 FROM ${from} JOIN "names" AS x ON x."name" = 'ut ' || j."ut") AS "isUsed"`,
  counters: (from: string) =>
    `(SELECT json_agg(COALESCE(x."value", 0) ORDER BY j."n") FROM (SELECT j."counter", row_number() OVER () AS "n" FROM ${from}) AS j LEFT JOIN "counters" AS x ON x."counter" = j."counter") AS "values"`,
};

const WHOLE = proofOf(COMPARED_TABLES, ['identities', 'uts', 'counters']);
/** A second look for counters alone: a statement prepares for all that it names, wanted or not. */
const OF_COUNTERS = proofOf(['days'], ['counters']);

/** Null when a key holds a separator of lists: then the rows are read. */
export function proofFor(
  wants: Wants,
  kept: Found,
): { readonly text: string; readonly parameters: readonly (string | null)[] } | null {
  const { terminals, cards, accounts, batches } = kept;
  const isOfRows = [terminals, cards, accounts, batches, wants.identities ?? [], wants.uts ?? []].some(
    (list) => list.length > 0,
  );
  const proof = isOfRows ? WHOLE : OF_COUNTERS;
  try {
    return { text: proof.text, parameters: parametersOf(proof, wants, kept) };
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

function parametersOf({ tables, names }: Proof, wants: Wants, kept: Found): readonly (string | null)[] {
  const { day, cards, accounts, terminals, batches, lots } = kept;
  const rows: Readonly<Record<ComparedTable, readonly object[]>> = {
    cards,
    accounts,
    terminals,
    batches,
    lots,
    days: [day],
  };
  return [
    ...tables.flatMap((table) =>
      COMPARED[table].map((column) =>
        valuesText(
          column,
          rows[table].map((row) => restingValue(table, row, column)),
        ),
      ),
    ),
    ...names.map((name) => valuesText(NAMES[name][0] as ListedColumn, wants[name] ?? [])),
  ];
}

/** As it rests. */
function restingValue(table: ComparedTable, row: object, { name }: ListedColumn): string | number | null {
  if (name === SUM_COLUMN) return sumOf(table, row);
  return (row as Readonly<Record<string, string | number>>)[name] ?? null;
}

/** A kept row is compared again and again. */
const SUMS = new WeakMap<object, number>();

function sumOf(table: ComparedTable, row: object): number {
  const known = SUMS.get(row);
  if (known !== undefined) return known;
  const { sum } = packedRow(table, row);
  SUMS.set(row, sum);
  return sum;
}

/**
 * What was kept, with the counters as they are now; null when something of it is not so any more.
 * @param proof the row of the statement
 */
export function provenOf(
  wants: Wants,
  kept: Found,
  proof: Readonly<Record<string, unknown>> | undefined,
): Found | null {
  const { cards, accounts, terminals, batches, lots } = kept;
  const wanted = cards.length + accounts.length + terminals.length + batches.length + lots.length + 1;
  if (
    proof === undefined ||
    proof['same'] !== wanted ||
    proof['isRepeat'] === true ||
    proof['isUsed'] === true
  )
    return null;
  if (accounts.length > 0 && proof['openLots'] !== lots.length) return null;
  const values = proof['values'] as readonly number[] | null;
  return { ...kept, counters: new Map((wants.counters ?? []).map((name, at) => [name, values?.[at] ?? 0])) };
}
