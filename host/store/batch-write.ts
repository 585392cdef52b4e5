/** The rows of accepted items, gathered into the parameters of `WRITE_SQL`. */
import { PosError } from '../../protocol/index.ts';
import type { CommitItem } from './port.ts';
import { isFaithful, valuesOf } from './row-shape.ts';
import type { JournalRow, TableName } from './rows.ts';
import { WRITE_PARAMETERS, type WriteParameter } from './statements.ts';

export class BatchWrite {
  readonly #lists = new Map<WriteParameter, unknown[]>();
  readonly #counters = new Map<string, number>();

  /** The counters that were moved, with their last values. */
  get counters(): ReadonlyMap<string, number> {
    return this.#counters;
  }

  add(item: CommitItem, records: readonly JournalRow[], counters: ReadonlyMap<string, number>): void {
    for (const [table, rows] of Object.entries(item.changes) as [TableName, readonly object[]][]) {
      const list = this.#list(table);
      for (const row of rows) list.push(valuesOf(table, row));
    }
    const journal = this.#list('journal');
    for (const { stream, sequence, body, leaf, head } of records)
      journal.push([stream, sequence, body, leaf, head]);
    // A counter that several items move is written once, with its last value.
    for (const [counter, value] of counters) this.#counters.set(counter, value);
  }

  #list(parameter: WriteParameter): unknown[] {
    const known = this.#lists.get(parameter);
    if (known !== undefined) return known;
    const made: unknown[] = [];
    this.#lists.set(parameter, made);
    return made;
  }

  /**
   * One JSON text a list, null where there is nothing to write.
   * @param guards what the write checks first, see `Presumption.checks`
   * @throws STORE_REFUSED when a text has no faithful form in the database
   */
  parameters(guards: string | null = null): readonly (string | null)[] {
    return WRITE_PARAMETERS.map((parameter) => {
      if (parameter === 'guards') return guards;
      const list = parameter === 'counters' ? [...this.#counters] : (this.#lists.get(parameter) ?? []);
      return list.length === 0 ? null : jsonText(parameter, list);
    });
  }
}

function jsonText(parameter: WriteParameter, list: readonly unknown[]): string {
  const text = JSON.stringify(list);
  if (!isFaithful(text)) {
    throw new PosError('STORE_REFUSED', `${parameter}: a text holds a NUL or half a surrogate pair`);
  }
  return text;
}
