/** What every SQL store says of an item, a balance or a page, whichever database gave the rows. */
import { PosError } from '../../protocol/index.ts';
import type { StreamHead } from '../journal/seal.ts';
import type { GuardState, PreparedItem } from './guards.ts';
import type { Balance, BalanceOptions, CommitOutcome, Guard, KeyValues, PartialSum } from './port.ts';
import { journalRowOf, rowOf } from './row-shape.ts';
import type { JournalRow, TableName, Tables } from './rows.ts';
import { columnsOf, specOf } from './schema.ts';
import { openKeyOf, PAGE_ROWS, pageRowsOf } from './statements.ts';

/**
 * Why an item is not written: its own failure, or the guard that does not hold after the items before. What is decided
 * on it is refused from then on.
 */
export function refusalOf(prepared: PreparedItem, state: GuardState): CommitOutcome | null {
  if (state.isEnded) return { committed: false, conflict: null, failure: null };
  const { failure } = prepared;
  const conflict = failure === null ? state.firstFailing(prepared) : null;
  if (failure === null && conflict === null) return null;
  state.refuse(prepared);
  return failure === null
    ? { committed: false, conflict: conflict as Guard, failure }
    : { committed: false, conflict: null, failure };
}

export function isRefusal(error: unknown): error is PosError {
  return error instanceof PosError && error.code === 'STORE_REFUSED';
}

export function reasonOf(error: unknown): string {
  return error instanceof PosError ? error.detail : 'an unexpected error';
}

export interface JournalHead extends StreamHead {
  readonly stream: string;
}

function checkSum({ account, sum }: Balance): void {
  if (!Number.isSafeInteger(sum))
    throw new PosError('INVARIANT', `the balance of ${account} is no safe integer`);
}

/** Where a stretch of entries begins, behind it, or ends, with it. */
export type EntryPlace = readonly [businessDate: string, entryId: string];

/** Behind every entry of a date, and before those of any later one. */
const behind = (businessDate: string): EntryPlace => [`${businessDate} `, ''];
/** Behind every entry: dates are digits. */
const END: EntryPlace = ['~', ''];
const BEGIN: EntryPlace = ['', ''];

/**
 * Sums of postings, a stretch of entries at a time.
 * @param ask.end the place of the last of `STRETCH_ENTRIES` entries behind a place and up to another; undefined when
 *   there are fewer
 * @param ask.sums of what stands behind the first place, up to the second
 */
export async function* stretches(
  { upToBusinessDate, afterBusinessDate }: BalanceOptions,
  ask: {
    readonly end: (after: EntryPlace, upTo: EntryPlace) => Promise<EntryPlace | undefined>;
    readonly sums: (after: EntryPlace, upTo: EntryPlace) => Promise<readonly PartialSum[]>;
  },
): AsyncIterable<readonly PartialSum[]> {
  const last = upToBusinessDate === undefined ? END : behind(upToBusinessDate);
  let after = afterBusinessDate === undefined ? BEGIN : behind(afterBusinessDate);
  for (;;) {
    const end = await ask.end(after, last);
    const sums = await ask.sums(after, end ?? last);
    sums.forEach(checkSum);
    yield sums;
    if (end === undefined) return;
    after = end;
  }
}

/** The place that a statement found, if it did. */
export function placeOf([row]: Rows): EntryPlace | undefined {
  return row === undefined ? undefined : [row['businessDate'] as string, row['entryId'] as string];
}

/** What the parts come to, by account, lot and unit. */
export async function addedUp(parts: AsyncIterable<readonly Balance[]>): Promise<readonly Balance[]> {
  const sums = new Map<string, Balance>();
  for await (const part of parts)
    for (const { account, lot, unit, sum } of part) {
      const key = [account, lot === null ? '' : `=${lot}`, unit].join('\0');
      const all = { account, lot, unit, sum: (sums.get(key)?.sum ?? 0) + sum };
      checkSum(all);
      sums.set(key, all);
    }
  // Without a function of its own: there may be millions, and all others wait.
  return [...sums.keys()].sort().map((key) => sums.get(key) as Balance);
}

type Rows = readonly Record<string, unknown>[];
export type Where<T extends TableName> = Partial<Record<keyof Tables[T] & string, string | number>>;

/**
 * A table in key order, page by page.
 * @param from the key behind which it begins; empty: from the first row
 * @param page asks for one page: rows whose columns `names` equal `values`, behind `after`, what `openKeyOf` names of a key
 *   (empty: from the first)
 */
export async function* scanPages<T extends TableName>(
  table: T,
  where: Where<T>,
  from: KeyValues,
  page: (names: readonly string[], values: readonly unknown[], after: readonly unknown[]) => Promise<Rows>,
): AsyncIterable<readonly Tables[T][]> {
  const columns = new Map(columnsOf(table));
  const wanted = Object.entries<string | number | undefined>(where).filter(
    ([, value]) => value !== undefined,
  );
  for (const [name] of wanted) {
    const kind = columns.get(name);
    if (kind === undefined || kind === 'postings')
      throw new PosError('INVARIANT', `${table} is not searched by ${name}`);
  }
  const names = wanted.map(([name]) => name);
  const values = wanted.map(([, value]) => value);
  const { key } = specOf(table);
  const open = openKeyOf(table, names);
  if (from.length > 0 && from.length !== key.length)
    throw new PosError('INVARIANT', `the key of ${table} has ${key.length} values`);
  for (const [place, name] of key.entries())
    if (from.length > 0 && !open.includes(name) && from[place] !== values[names.indexOf(name)])
      throw new PosError('INVARIANT', `${table}: behind a key of another ${name}`);
  if (from.length > 0 && open.length === 0) return;
  let after: readonly unknown[] = from.filter((_, place) => open.includes(key[place] ?? ''));
  for (;;) {
    const rows = (await page(names, values, after)).map(({ kept, body }) =>
      rowOf(table, kept as string, body as string),
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < pageRowsOf(table, names) || open.length === 0) return;
    after = open.map((name) => last[name as keyof Tables[T]]);
  }
}

/**
 * The journal by stream and sequence, page by page.
 * @param page asks for one page behind this place
 */
export async function* journalPages(
  from: readonly [stream: string, sequence: number],
  page: (after: readonly [stream: string, sequence: number]) => Promise<Rows>,
): AsyncIterable<readonly JournalRow[]> {
  let after = from;
  for (;;) {
    const rows = (await page(after)).map(journalRowOf);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < PAGE_ROWS) return;
    after = [last.stream, last.sequence];
  }
}
