/**
 * The guards of a batch, decided in order: what the database held when the transaction began, and over
 * it what the accepted items before this one change. Pure.
 */
import { PosError } from '../../protocol/index.ts';
import { leafHash } from '../journal/record.ts';
import type { HashedRecord } from '../journal/seal.ts';
import type { Entry } from '../ledger/model.ts';
import { checkFoundByPlace } from './places.ts';
import type { CommitHow, CommitItem, Guard, JournalDraft } from './port.ts';
import type { TableName } from './rows.ts';
import { checkKey, keyOf, keyParts } from './schema.ts';
import { COUNTER_MARK, GUARDED_TABLES, type GuardedTable, UT_MARK } from './statements.ts';

/** An item as the store looked through it. */
export interface PreparedItem {
  readonly item: CommitItem;
  readonly records: readonly HashedRecord[];
  /** The guarded rows that it writes: table mark, key, version; and the UTs that it uses, as version 1. */
  readonly written: readonly WrittenRow[];
  /** Why it cannot be written, whatever its guards say. */
  readonly failure: PosError | null;
}
interface WrittenRow {
  readonly mark: number;
  readonly key: string;
  readonly version: number;
}

const MARKS: ReadonlyMap<string, number> = new Map(GUARDED_TABLES.map((table, mark) => [table, mark]));

/**
 * Looks through an item before the database sees it: keys fit their tables, entries sum to zero in each
 * unit, transactions are found by their place, records can be hashed. Never throws: what is wrong is the item's own failure.
 */
export function prepareItem(item: CommitItem): PreparedItem {
  try {
    const records = item.journal.map(hashedRecord);
    for (const guard of item.guards) if ('table' in guard) checkKey(guard.table, guard.key);
    for (const entry of item.changes.entries ?? []) checkBalanced(entry);
    checkFoundByPlace(item.changes);
    return { item, records, written: writtenRows(item), failure: null };
  } catch (cause) {
    const failure =
      cause instanceof PosError ? cause : new PosError('STORE_REFUSED', 'the item is malformed', { cause });
    return { item, records: [], written: writtenOrNone(item), failure };
  }
}

/** Of an item that is malformed: what it meant to write is refused with it, as far as that can be told. */
function writtenOrNone(item: CommitItem): readonly WrittenRow[] {
  try {
    return writtenRows(item);
  } catch {
    return [];
  }
}

function hashedRecord({ body }: JournalDraft): HashedRecord {
  if (typeof body !== 'string') throw new PosError('STORE_REFUSED', 'a record is not a text');
  return { body, leaf: leafHash(body) };
}

function writtenRows(item: CommitItem): readonly WrittenRow[] {
  const written: WrittenRow[] = [];
  for (const name in item.changes) {
    const rows: readonly object[] = item.changes[name as TableName] ?? [];
    const mark = MARKS.get(name);
    for (const row of rows) {
      const key = keyOf(name as TableName, row);
      if (mark === undefined) continue;
      const { version = 1 } = row as { readonly version?: number };
      written.push({ mark, key, version });
    }
  }
  for (const { ut } of item.changes.transactions ?? []) {
    if (ut !== null) written.push({ mark: UT_MARK, key: ut, version: 1 });
  }
  return written;
}

function checkBalanced(entry: Entry): void {
  const sums = { fen: 0, points: 0 };
  for (const { unit, amount } of entry.postings) {
    if (!Number.isSafeInteger(amount)) throw unbalanced(entry, 'a posting is not a whole number');
    sums[unit] += amount;
  }
  if (sums.fen !== 0 || sums.points !== 0) throw unbalanced(entry, 'the postings do not sum to zero');
}

function unbalanced(entry: Entry, why: string): PosError {
  return new PosError('BOOKS_UNBALANCED', `entry ${entry.entryId} (${entry.event}): ${why}`);
}

/** What the guards of a batch name: the parameters of GUARD_SQL and, at the same places, the keys. */
export class GuardQuestions {
  readonly #keys: readonly Map<string, number>[] = Array.from({ length: UT_MARK + 1 }, () => new Map());

  constructor(items: Iterable<PreparedItem>) {
    for (const { item, failure } of items) {
      if (failure !== null) continue;
      for (const guard of item.guards) {
        const keys = this.#keys[markOf(guard)] as Map<string, number>;
        const key = guardKey(guard);
        if (!keys.has(key)) keys.set(key, keys.size);
      }
    }
  }

  get parameters(): readonly (string | null)[] {
    return this.#keys.map((keys, mark) => {
      if (keys.size === 0) return null;
      const table = GUARDED_TABLES[mark];
      return JSON.stringify(
        [...keys.keys()].map((key) => (table === undefined ? key : keyParts(table, key))),
      );
    });
  }

  /** @param rows the answer of GUARD_SQL */
  answers(rows: readonly Record<string, unknown>[]): GuardAnswers {
    const names = this.#keys.map((keys) => [...keys.keys()]);
    const answers = names.map(() => new Map<string, number>());
    for (const { mark, place, value } of rows as readonly { mark: number; place: number; value: number }[]) {
      answers[mark]?.set(names[mark]?.[place] ?? '', value);
    }
    return answers;
  }
}

/**
 * What the guards of a batch presume: that each row is as the first guard on it says. The write itself then proves
 * it: a row that the batch writes by its key, its version or a unique index, every other by `checks`.
 */
export class Presumption {
  readonly answers: GuardAnswers;
  readonly #named: readonly Presumed[];

  /** Null when the database must be asked: a counter's value is not known, or a guard names a version that cannot be. */
  static of(
    items: Iterable<PreparedItem>,
    counter: (name: string) => number | undefined,
  ): Presumption | null {
    const answers = Array.from({ length: UT_MARK + 1 }, () => new Map<string, number | undefined>());
    const presumed: Presumed[] = [];
    for (const { item, failure } of items) {
      if (failure !== null) continue;
      for (const guard of item.guards) {
        const mark = markOf(guard);
        const named = answers[mark] as Map<string, number | undefined>;
        const key = guardKey(guard);
        if (named.has(key)) continue;
        const value = guard.kind === 'counter' ? counter(guard.counter) : versionOf(guard);
        if (guard.kind === 'counter' && value === undefined) return null;
        // No row is at version 0: to write its version 1 would not prove that one was there.
        if (guard.kind === 'version' && guard.version < 1) return null;
        named.set(key, value);
        presumed.push({ mark, key, value });
      }
    }
    return new Presumption(answers, presumed);
  }

  private constructor(answers: readonly Map<string, number | undefined>[], named: readonly Presumed[]) {
    this.answers = answers as unknown as GuardAnswers;
    this.#named = named;
  }

  /**
   * What the write must check first: by mark, lists of the key's parts and the value presumed, null for a row that is
   * not there. Null when nothing is left to check.
   * @param after the state over these answers, once the items were decided: what they wrote proves itself
   */
  checks(after: GuardState): GuardChecks | null {
    const lists: unknown[][][] = Array.from({ length: UT_MARK + 1 }, () => []);
    let any = false;
    for (const { mark, key, value } of this.#named) {
      // A counter is written without a look at what it was.
      if (mark !== COUNTER_MARK && after.isWritten(mark, key, value)) continue;
      const table = GUARDED_TABLES[mark];
      lists[mark]?.push([...(table === undefined ? [key] : keyParts(table, key)), value ?? null]);
      any = true;
    }
    return any ? lists : null;
  }
}

/** The value that a guard's row has: its version, 1 for a UT, a counter's value; undefined when it is not there. */
interface Presumed {
  readonly mark: number;
  readonly key: string;
  readonly value: number | undefined;
}

/** By mark; see `Presumption.checks`. */
export type GuardChecks = readonly (readonly (readonly unknown[])[])[];

function versionOf(guard: Exclude<Guard, { kind: 'counter' }>): number | undefined {
  return guard.kind === 'version' ? guard.version : undefined;
}

/** By mark: the version of each named row, or UT, that is there; under COUNTER_MARK the counters' values. */
export type GuardAnswers = readonly Map<string, number>[];

/**
 * What became of the versions that the items of a batch meant to write. An item that guards a version of a refused one
 * was decided on what never happened, though another process may have brought the row to the same number with other
 * content. Nearly always nothing is refused, and nothing is looked up.
 */
export class Fates {
  readonly #isChained: boolean;
  #accepted: PreparedItem[] = [];
  #refused = new Set<string>();
  #isAnyRefused = false;

  constructor({ chained = false }: CommitHow = {}) {
    this.#isChained = chained;
  }

  /** Nothing further is written: the items are chained, and one was refused. */
  get isEnded(): boolean {
    return this.#isChained && this.#isAnyRefused;
  }

  copy(): Fates {
    return new Fates({ chained: this.#isChained }).become(this);
  }

  /** Takes on what another one has. */
  become(other: Fates): this {
    this.#accepted = [...other.#accepted];
    this.#refused = new Set(other.#refused);
    this.#isAnyRefused = other.#isAnyRefused;
    return this;
  }

  accept(prepared: PreparedItem): void {
    this.#accepted.push(prepared);
    if (this.#refused.size > 0) for (const row of prepared.written) this.#refused.delete(nameOf(row));
  }

  /** A version that an accepted item wrote stays accepted. */
  refuse({ written }: PreparedItem): void {
    this.#isAnyRefused = true;
    const accepted = new Set(this.#accepted.flatMap((one) => one.written.map(nameOf)));
    for (const row of written) if (!accepted.has(nameOf(row))) this.#refused.add(nameOf(row));
  }

  /** Whether an accepted item wrote some version of this row. */
  hasWritten(mark: number, key: string): boolean {
    return this.#accepted.some(({ written }) => written.some((row) => row.mark === mark && row.key === key));
  }

  isRefused(row: WrittenRow): boolean {
    return this.#refused.size > 0 && this.#refused.has(nameOf(row));
  }
}

function nameOf({ mark, key, version }: WrittenRow): string {
  return `${mark} ${key} ${version}`;
}

const NONE_MOVED: ReadonlyMap<string, number> = new Map();

/** What an item adds to counters; null while it added to none. */
interface Added {
  sums: Map<string, number> | null;
}

/** The answers with the accepted items laid over them. */
export class GuardState {
  readonly #now: GuardAnswers;
  readonly #fates: Fates;

  /**
   * @param answers are changed from now on
   * @param fates of the versions that the batch's items before these meant to write
   */
  constructor(answers: GuardAnswers, fates: Fates = new Fates()) {
    this.#now = answers;
    this.#fates = fates;
  }

  /** What stands there now, undefined for nothing. */
  value(mark: number, key: string): number | undefined {
    return this.#now[mark]?.get(key);
  }

  /** Whether an accepted item wrote this row, which stood at `before` when the first was decided. */
  isWritten(mark: number, key: string, before: number | undefined): boolean {
    if (this.value(mark, key) !== before) return true;
    // Made by one item and guarded by the next, it stands as that guard presumes.
    return before !== undefined && this.#fates.hasWritten(mark, key);
  }

  /** The first guard that does not hold now, or null. */
  firstFailing({ item }: PreparedItem): Guard | null {
    const added: Added = { sums: null };
    for (const guard of item.guards) {
      if (!this.#holds(guard, added)) return guard;
    }
    return null;
  }

  #holds(guard: Guard, added: Added): boolean {
    const now = this.value(markOf(guard), guardKey(guard));
    switch (guard.kind) {
      case 'absent':
      case 'unused':
        return now === undefined;
      case 'version':
        return (
          now === guard.version &&
          !this.#fates.isRefused({ mark: markOf(guard), key: guard.key, version: guard.version })
        );
      case 'counter': {
        added.sums ??= new Map();
        const sum = (now ?? 0) + (added.sums.get(guard.counter) ?? 0) + guard.add;
        added.sums.set(guard.counter, sum - (now ?? 0));
        return guard.add <= 0 || guard.max === null || sum <= guard.max;
      }
    }
  }

  /** The counters that an item moves, with their values after it. */
  countersAfter({ item }: PreparedItem): ReadonlyMap<string, number> {
    if (!item.guards.some(({ kind }) => kind === 'counter')) return NONE_MOVED;
    const now = this.#now[COUNTER_MARK];
    const moved = new Map<string, number>();
    for (const guard of item.guards) {
      if (guard.kind !== 'counter') continue;
      moved.set(guard.counter, (moved.get(guard.counter) ?? now?.get(guard.counter) ?? 0) + guard.add);
    }
    return moved;
  }

  /** Nothing further is written, see `Fates`. */
  get isEnded(): boolean {
    return this.#fates.isEnded;
  }

  /** What was decided on this item is refused too. */
  refuse(prepared: PreparedItem): void {
    this.#fates.refuse(prepared);
  }

  /** Lays an accepted item over the state. */
  accept(prepared: PreparedItem): void {
    for (const [counter, value] of this.countersAfter(prepared)) this.#now[COUNTER_MARK]?.set(counter, value);
    for (const { mark, key, version } of prepared.written) this.#now[mark]?.set(key, version);
    this.#fates.accept(prepared);
  }
}

function markOf(guard: Guard): number {
  if (guard.kind === 'counter') return COUNTER_MARK;
  return guard.kind === 'unused' ? UT_MARK : (MARKS.get(guard.table satisfies GuardedTable) as number);
}

function guardKey(guard: Guard): string {
  if (guard.kind === 'counter') return guard.counter;
  return guard.kind === 'unused' ? guard.ut : guard.key;
}
