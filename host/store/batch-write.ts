/** The rows of accepted items, gathered into the parameters of `WRITE_SQL`. Each row is spelled once. */
import { PosError } from '../../protocol/index.ts';
import type { GuardChecks } from './guards.ts';
import { isFaithful, JsonBytes } from './json-bytes.ts';
import type { CommitItem } from './port.ts';
import { type PackedRow, packRow } from './row-shape.ts';
import type { JournalRow, TableName } from './rows.ts';
import { isOftenChecked, SELDOM_WRITTEN, WRITE_PARAMETERS } from './statements.ts';

const COMMA = 0x2c;
const CLOSE = 0x5d;

/** All rows of an item, as they will rest: one behind the other, among those of other items. */
export interface PackedRows {
  readonly rows: readonly PackedRow[];
  readonly bytes: JsonBytes;
  /** Where in `bytes` they begin and end. */
  readonly from: number;
  readonly to: number;
}

/** What some dozens of items take: memory asked for anew for each would cost more than to write them. */
const PACKED_BYTES = 131_072;

/** Packs the rows of items, those of many into one piece of memory. */
export class RowPacker {
  #bytes = new JsonBytes(PACKED_BYTES);

  /** @throws STORE_REFUSED when a value does not fit its column, or a text has no faithful form in the database */
  packed({ changes }: CommitItem): PackedRows {
    if (this.#bytes.length > PACKED_BYTES / 2) this.#bytes = new JsonBytes(PACKED_BYTES);
    const bytes = this.#bytes;
    const from = bytes.length;
    const packed: PackedRow[] = [];
    for (const name in changes) {
      const table = name as TableName;
      const rows: readonly object[] = changes[table] ?? [];
      for (const row of rows) packed.push(packRow(table, row, bytes));
    }
    return { rows: packed, bytes, from, to: bytes.length };
  }
}

/** What a few sales take. */
const BODIES_BYTES = 16_384;
const LIST_BYTES = 2_048;

export class BatchWrite {
  /** The rows of each list, each as JSON and with a comma before it. */
  readonly #lists = new Map<TableName | 'journal', JsonBytes>();
  readonly #bodies = new JsonBytes(BODIES_BYTES);

  /** @throws STORE_REFUSED when a record has no faithful form in the database */
  add({ rows, bytes, from, to }: PackedRows, records: readonly JournalRow[]): void {
    // What lies there of a row beside its body is less than it would cost to leave it out.
    const moved = this.#bodies.length - from;
    this.#bodies.copy(bytes, from, to);
    for (const { table, own, body, end, sum } of rows) {
      const list = this.#list(table);
      list.mark(COMMA);
      list.copy(bytes, own, body - 1);
      list.mark(COMMA);
      list.whole(moved + body + 1);
      list.mark(COMMA);
      list.whole(end - body);
      list.mark(COMMA);
      list.whole(sum);
      list.mark(CLOSE);
    }
    for (const record of records) this.#addRecord(record);
  }

  #addRecord({ stream, sequence, body, leaf, head }: JournalRow): void {
    if (body.includes('\0') || !body.isWellFormed()) throw unfaithful('journal');
    const journal = this.#list('journal');
    const at = this.#bodies.length;
    this.#bodies.raw(body);
    journal.raw(
      `,[${JSON.stringify(stream)},${sequence},${at + 1},${this.#bodies.length - at},"${leaf}","${head}"]`,
    );
  }

  #list(table: TableName | 'journal'): JsonBytes {
    const known = this.#lists.get(table);
    if (known !== undefined) return known;
    const made = new JsonBytes(LIST_BYTES);
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
          return this.#bodies.length === 0 ? null : this.#bodies.between(0, this.#bodies.length);
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
          return rows === undefined ? null : listText(rows);
        }
      }
    });
  }

  /** The lists of tables that are written seldom, by table; null when there is none. */
  #seldomText(): string | null {
    const members: string[] = [];
    for (const table of SELDOM_WRITTEN) {
      const rows = this.#lists.get(table);
      if (rows !== undefined) members.push(`"${table}":${listText(rows)}`);
    }
    return members.length === 0 ? null : `{${members.join(',')}}`;
  }
}

/** @param rows see `#lists` */
function listText(rows: JsonBytes): string {
  return `[${rows.between(1, rows.length).toString()}]`;
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
