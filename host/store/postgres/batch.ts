/**
 * A batch as PostgreSQL takes it. Pure.
 *
 * `PostgresRows` gathers the rows of accepted items. `assume` makes a batch of one round trip: it takes for granted
 * that every guard holds, decides on that, and names what the database must find when it has locked it. When it
 * finds something else it writes nothing, and the batch is decided again on what there is.
 */
import { PosError } from '../../../protocol/index.ts';
import type { GuardAnswers, PreparedItem } from '../guards.ts';
import { isFaithful } from '../json-bytes.ts';
import type { CommitItem, Guard } from '../port.ts';
import { valuesOf } from '../row-shape.ts';
import type { JournalRow, TableName } from '../rows.ts';
import { keyOf, keyParts, specOf, TABLE_NAMES } from '../schema.ts';
import { COUNTER_MARK, GUARDED_TABLES, type GuardedTable, UT_MARK } from '../statements.ts';
import { isListed, listText, ROW_LISTS, type RowList } from './lists.ts';
import { DAYS_SHARED, isLockedByChange, type LockList } from './statements.ts';

interface Sorted {
  readonly order: string;
  readonly values: readonly unknown[];
}

/** A row of an item as it will be written. */
interface SpelledRow extends Sorted {
  readonly table: TableName;
  readonly key: string;
}
export type SpelledRows = readonly SpelledRow[];

/** @throws STORE_REFUSED when a value has no faithful form in the database */
export function spelledRows({ changes }: CommitItem): SpelledRows {
  const spelled: SpelledRow[] = [];
  for (const [table, rows] of Object.entries(changes) as [TableName, readonly object[]][]) {
    const { writeOrder } = specOf(table);
    for (const row of rows) {
      const key = keyOf(table, row);
      const order = writeOrder === undefined ? key : String((row as Record<string, unknown>)[writeOrder]);
      spelled.push({ table, key, order, values: valuesOf(table, row) });
    }
  }
  return spelled;
}

/** The rows of accepted items: a table is a list of waves, and in a wave each key stands once, in key order. */
export class PostgresRows {
  readonly #waves = new Map<TableName, Sorted[][]>();
  readonly #seen = new Map<string, number>();
  readonly #journal: (readonly unknown[])[] = [];

  add(rows: SpelledRows, records: readonly JournalRow[]): void {
    for (const row of rows) this.#put(row);
    for (const { stream, sequence, body, leaf, head } of records)
      this.#journal.push([stream, sequence, body, leaf, head]);
  }

  #put(row: SpelledRow): void {
    const { table, key } = row;
    // A row that only grows is refused when it comes twice, so that it needs no second wave.
    const place = specOf(table).guard === 'grows' ? 0 : (this.#seen.get(`${table} ${key}`) ?? 0);
    this.#seen.set(`${table} ${key}`, place + 1);
    const waves = this.#waves.get(table) ?? [];
    this.#waves.set(table, waves);
    const wave = waves[place] ?? [];
    waves[place] = wave;
    wave.push(row);
  }

  /** One JSON text of all. @throws STORE_REFUSED when a text has no faithful form in the database */
  json(): string {
    return this.#json(TABLE_NAMES, this.#journal) ?? '{}';
  }

  /**
   * What stands in no list as one JSON text, then the texts of ROW_LISTS; null where there is nothing.
   * @throws STORE_REFUSED when a text has no faithful form in the database, or none in a list
   */
  parameters(): readonly (string | null)[] {
    return [this.#json(UNLISTED, []), ...ROW_LISTS.map((list) => listText(list, this.#wavesOf(list)))];
  }

  #json(names: readonly TableName[], journal: readonly unknown[]): string | null {
    const tables: Record<string, unknown> = {};
    let any = journal.length > 0;
    for (const table of names) {
      const waves = this.#waves.get(table);
      if (waves === undefined || waves[0]?.length === 0) continue;
      tables[table] = waves.map((wave) => wave.sort(byOrder).map(({ values }) => values));
      any = true;
    }
    if (!any) return null;
    if (journal.length > 0) tables['journal'] = journal;
    const text = JSON.stringify(tables);
    if (!isFaithful(text)) throw unfaithful();
    return text;
  }

  #wavesOf({ table, has, columns }: RowList): readonly (readonly (readonly unknown[])[])[] {
    if (table === 'journal') {
      for (const [, , body] of this.#journal) if (!isFaithfulText(body as string)) throw unfaithful();
      return [this.#journal];
    }
    const waves = (this.#waves.get(table) ?? []).map((wave) =>
      wave.sort(byOrder).map(({ values }) => values),
    );
    const version = columns.findIndex(({ name }) => name === 'version');
    if (version < 0) return waves;
    // Of two new rows with one key the second is refused: they need no wave each.
    if (has === 'new') return [waves.flat().filter((values) => values[version] === 1)];
    return waves.map((wave) => wave.filter((values) => values[version] !== 1));
  }
}

/** Tables that are written seldom. */
const UNLISTED = TABLE_NAMES.filter((table) => !isListed(table));

const isFaithfulText = (text: string) => !text.includes('\0') && text.isWellFormed();

function unfaithful(): PosError {
  return new PosError('STORE_REFUSED', 'a text holds a NUL or half a surrogate pair');
}

function byOrder(a: { readonly order: string }, b: { readonly order: string }): number {
  return a.order < b.order ? -1 : Number(a.order > b.order);
}

/** What is locked: rows by table in key order, each with the version that it must have, or null. */
export class Locks {
  readonly #lists = new Map<GuardedTable, Map<string, number | null>>();
  /** How many rows of a table need no lock, because their change takes it and proves their version. */
  readonly #changed = new Map<GuardedTable, number>();

  add(table: GuardedTable, key: string, version: number | null): void {
    const list = this.#lists.get(table) ?? new Map<string, number | null>();
    this.#lists.set(table, list);
    if ((list.get(key) ?? null) === null) list.set(key, version);
  }

  /**
   * The row is changed from the version that it must have to the next one. Once a row.
   * Where a table's rows are all changed none is locked before; else all are, in one order.
   */
  addChanged(table: GuardedTable): void {
    this.#changed.set(table, (this.#changed.get(table) ?? 0) + 1);
  }

  *#needed(): Iterable<readonly [GuardedTable, ReadonlyMap<string, number | null>]> {
    for (const [table, list] of this.#lists) if (this.#changed.get(table) !== list.size) yield [table, list];
  }

  /** @param writesDays a day that is only looked at is shared with all others who look at it */
  json(writesDays: boolean): string {
    const lists: Partial<Record<LockList, unknown>> = {};
    for (const [table, list] of this.#needed()) {
      const name = table === 'days' && !writesDays ? DAYS_SHARED : table;
      lists[name] = [...list]
        .map(([key, version]) => ({ order: key, values: [...keyParts(table, key), version] }))
        .sort(byOrder)
        .map(({ values }) => values);
    }
    return JSON.stringify(lists);
  }

  /** How many of the rows must be found at their version. */
  get wanted(): number {
    let wanted = 0;
    for (const [, list] of this.#needed())
      for (const version of list.values()) if (version !== null) wanted += 1;
    return wanted;
  }
}

export function writesDays(items: readonly PreparedItem[]): boolean {
  return items.some(({ item }) => (item.changes.days ?? []).length > 0);
}

/** Whether some item promises that a UT is used by nobody, not even by itself: no other commit may run beside it. */
export function promisesUnused(items: readonly PreparedItem[]): boolean {
  return items.some(({ item }) =>
    item.guards.some((guard) => guard.kind === 'unused' && !usesItself(item, guard.ut)),
  );
}

/** A UT that the item writes is proven to be new by its unique key. */
function usesItself({ changes }: CommitItem, ut: string): boolean {
  return changes.transactions?.some((row) => row.ut === ut) ?? false;
}

/** Everything that a batch guards or writes and that is there before it, to be locked before it is looked at. */
export function locksOf(items: readonly PreparedItem[]): Locks {
  const locks = new Locks();
  for (const { item, written, failure } of items) {
    if (failure !== null) continue;
    for (const guard of item.guards) if ('table' in guard) locks.add(guard.table, guard.key, null);
    for (const { mark, key } of written) {
      const table = GUARDED_TABLES[mark];
      if (table !== undefined && specOf(table).guard === 'versioned') locks.add(table, key, null);
    }
  }
  return locks;
}

export function countersOf(items: readonly PreparedItem[]): readonly string[] {
  const names = new Set<string>();
  for (const { item } of items)
    for (const guard of item.guards) if (guard.kind === 'counter') names.add(guard.counter);
  return [...names].sort();
}

/** What a batch takes for granted. */
export interface Assumed {
  /** To be decided on. Counters count from zero here: the database adds. */
  readonly answers: GuardAnswers;
  readonly locks: Locks;
  /** Identities that must not be there and that the batch does not write itself; null when there are none. */
  readonly absences: readonly string[] | null;
  /** `[counter, addition, most that it may hold before]`, by name; null when there are none. */
  readonly additions: readonly (readonly [string, number, number])[] | null;
}

/**
 * What must be there so that every guard of these items holds; null when that cannot be said beforehand: an item
 * that is malformed, a promise that something that the batch does not write stays absent, a row that it makes and changes.
 */
export function assume(items: readonly PreparedItem[]): Assumed | null {
  const answers = Array.from({ length: UT_MARK + 1 }, () => new Map<string, number>());
  const locks = new Locks();
  const laid = new Set<string>();
  const changed = new Set<string>();
  const made = new Set<string>();
  const absent = new Map<string, readonly [GuardedTable, string]>();
  const added = new Map<string, { sum: number; atMost: number }>();
  for (const { item, written, failure } of items) {
    if (failure !== null) return null;
    for (const guard of item.guards) {
      if (guard.kind === 'unused') {
        if (!usesItself(item, guard.ut)) return null;
      } else if (guard.kind === 'counter') count(added, guard);
      else take(guard, { answers, locks, laid, absent });
    }
    for (const { mark, key, version } of written) {
      const table = GUARDED_TABLES[mark];
      if (table === undefined) continue;
      const name = `${table} ${key}`;
      // Rows are changed before new ones are inserted: one that is made and changed here would not be found.
      if (version > 1 && made.has(name)) return null;
      if (version === 1) made.add(name);
      absent.delete(name);
      if (!laid.has(name)) {
        laid.add(name);
        // Written without a guard: the row is locked in its turn, and the table's trigger judges the version.
        if (specOf(table).guard === 'versioned') locks.add(table, key, null);
      }
      if (changed.has(name) || !isLockedByChange(table)) continue;
      changed.add(name);
      const from = answers[mark]?.get(key);
      // No row is at version 0: to write its version 1 would not prove that one was there.
      if (from === undefined || (from > 0 && version === from + 1)) locks.addChanged(table);
    }
  }
  const absences: string[] = [];
  for (const [table, key] of absent.values()) {
    if (table !== 'identities') return null;
    absences.push(key);
  }
  for (const counter of added.keys()) answers[COUNTER_MARK]?.set(counter, 0);
  const additions = [...added].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    answers,
    locks,
    absences: absences.length === 0 ? null : absences,
    additions:
      additions.length === 0 ? null : additions.map(([counter, { sum, atMost }]) => [counter, sum, atMost]),
  };
}

interface Taken {
  readonly answers: readonly Map<string, number>[];
  readonly locks: Locks;
  readonly laid: Set<string>;
  readonly absent: Map<string, readonly [GuardedTable, string]>;
}

function take(guard: Extract<Guard, { kind: 'absent' | 'version' }>, taken: Taken): void {
  const { table, key } = guard;
  const name = `${table} ${key}`;
  // A row that the batch itself has named before is judged by what stands there now.
  if (taken.laid.has(name)) return;
  if (guard.kind === 'absent') {
    taken.absent.set(name, [table, key]);
    return;
  }
  taken.laid.add(name);
  taken.answers[GUARDED_TABLES.indexOf(table)]?.set(key, guard.version);
  taken.locks.add(table, key, guard.version);
}

/** `atMost`: what the counter may hold before the batch, so that no addition in it passes its maximum. */
function count(
  added: Map<string, { sum: number; atMost: number }>,
  { counter, add, max }: Extract<Guard, { kind: 'counter' }>,
): void {
  const before = added.get(counter) ?? { sum: 0, atMost: Number.MAX_SAFE_INTEGER };
  const sum = before.sum + add;
  const atMost = add <= 0 || max === null ? before.atMost : Math.min(before.atMost, max - sum);
  added.set(counter, { sum, atMost });
}
