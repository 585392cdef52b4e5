/** The rows of accepted items, gathered into the parameters of `WRITE_SQL`. Each row is spelled once. */
import { PosError } from '../../protocol/index.ts';
import type { GuardChecks } from './guards.ts';
import type { CommitItem } from './port.ts';
import { isFaithful, type PackedRow, packedRow } from './row-shape.ts';
import type { JournalRow, TableName } from './rows.ts';
import { isOftenChecked, SELDOM_WRITTEN, WRITE_PARAMETERS } from './statements.ts';

/** All rows of an item, as they will rest. */
export type PackedRows = readonly PackedRow[];

/** @throws STORE_REFUSED when a value does not fit its column, or a text has no faithful form in the database */
export function packedRows({ changes }: CommitItem): PackedRows {
  const packed: PackedRow[] = [];
  for (const name in changes) {
    const table = name as TableName;
    const rows: readonly object[] = changes[table] ?? [];
    for (const row of rows) packed.push(packedRow(table, row));
  }
  return packed;
}

/** What a few sales take. */
const BODIES_BYTES = 16_384;
/** The most that one UTF-16 unit takes in UTF-8. */
const UNIT_BYTES = 3;

export class BatchWrite {
  /** The rows of each list, each as JSON. */
  readonly #lists = new Map<TableName | 'journal', string[]>();
  #bodies: Buffer = Buffer.allocUnsafe(BODIES_BYTES);
  #bodiesBytes = 0;

  /** @throws STORE_REFUSED when a record has no faithful form in the database */
  add(rows: PackedRows, records: readonly JournalRow[]): void {
    for (const { table, kept, body, sum } of rows)
      this.#list(table).push(`${kept.slice(0, -1)},${this.#placeOf(body)},${sum}]`);
    const journal = this.#list('journal');
    for (const { stream, sequence, body, leaf, head } of records) {
      if (body.includes('\0') || !body.isWellFormed()) throw unfaithful('journal');
      journal.push(`[${JSON.stringify(stream)},${sequence},${this.#placeOf(body)},"${leaf}","${head}"]`);
    }
  }

  /** Where the body lies among all bodies: its first byte, counted from 1, and how many. */
  #placeOf(body: string): string {
    const at = this.#bodiesBytes;
    const needed = at + body.length * UNIT_BYTES;
    if (needed > this.#bodies.length) this.#bodies = grown(this.#bodies, at, needed);
    const bytes = this.#bodies.write(body, at);
    this.#bodiesBytes += bytes;
    return `${at + 1},${bytes}`;
  }

  #list(table: TableName | 'journal'): string[] {
    const known = this.#lists.get(table);
    if (known !== undefined) return known;
    const made: string[] = [];
    this.#lists.set(table, made);
    return made;
  }

  /**
   * Null where there is nothing to write.
   * @param counters that were moved: each is written once, with its last value
   * @param guards what the write checks first
   * @throws STORE_REFUSED when a counter's name has no faithful form in the database
   */
  parameters(
    counters: ReadonlyMap<string, number>,
    guards: GuardChecks | null = null,
  ): readonly (string | Buffer | null)[] {
    return WRITE_PARAMETERS.map((parameter) => {
      switch (parameter) {
        case 'bodies':
          return this.#bodiesBytes === 0 ? null : this.#bodies.subarray(0, this.#bodiesBytes);
        case 'counters':
          return counters.size === 0 ? null : countersText(counters);
        case 'guards':
          return checksText(guards, isOftenChecked);
        case 'seldomGuards':
          return checksText(guards, (mark) => !isOftenChecked(mark));
        case 'seldom':
          return this.#seldomText();
        default: {
          const rows = this.#lists.get(parameter);
          return rows === undefined ? null : `[${rows.join(',')}]`;
        }
      }
    });
  }

  /** The lists of tables that are written seldom, by table; null when there is none. */
  #seldomText(): string | null {
    const members: string[] = [];
    for (const table of SELDOM_WRITTEN) {
      const rows = this.#lists.get(table);
      if (rows !== undefined) members.push(`"${table}":[${rows.join(',')}]`);
    }
    return members.length === 0 ? null : `{${members.join(',')}}`;
  }
}

/** The same bytes with room for more. */
function grown(bytes: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(needed, bytes.length * 2));
  bytes.copy(larger, 0, 0, used);
  return larger;
}

function countersText(counters: ReadonlyMap<string, number>): string {
  const text = JSON.stringify([...counters]);
  if (!isFaithful(text)) throw unfaithful('counters');
  return text;
}

/** The checks of the wanted marks; null when there is none. */
function checksText(guards: GuardChecks | null, isWanted: (mark: number) => boolean): string | null {
  const lists = guards?.map((list, mark) => (isWanted(mark) ? list : [])) ?? [];
  return lists.some((list) => list.length > 0) ? JSON.stringify(lists) : null;
}

function unfaithful(what: string): PosError {
  return new PosError('STORE_REFUSED', `${what}: a text holds a NUL or half a surrogate pair`);
}
