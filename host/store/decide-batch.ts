/** A batch decided item by item, the same in every SQL store: whose guards hold, what is sealed, what each is told. */
import { type StreamHead, seal } from '../journal/seal.ts';
import { refusalOf } from './answers.ts';
import type { GuardState, PreparedItem } from './guards.ts';
import type { CommitItem, CommitOutcome } from './port.ts';
import type { JournalRow } from './rows.ts';

export interface DecidedBatch {
  /** One for each item, in order. */
  readonly outcomes: readonly CommitOutcome[];
  readonly accepted: readonly PreparedItem[];
  /** Where the stream stands after the batch. */
  readonly after: StreamHead;
  /** The counters that were moved, with their last values. */
  readonly counters: ReadonlyMap<string, number>;
}

/**
 * @param on.state what the guards are held against; changed by what is accepted and refused
 * @param on.take told of each accepted item, with its sealed records; what it throws ends the deciding
 */
export function decideBatch(
  items: readonly PreparedItem[],
  on: {
    readonly state: GuardState;
    readonly stream: string;
    readonly head: StreamHead;
    readonly take: (item: CommitItem, records: readonly JournalRow[]) => void;
  },
): DecidedBatch {
  const { state, stream, head, take } = on;
  const outcomes: CommitOutcome[] = [];
  const accepted: PreparedItem[] = [];
  const counters = new Map<string, number>();
  let after = head;
  for (const prepared of items) {
    const refused = refusalOf(prepared, state);
    if (refused !== null) {
      outcomes.push(refused);
      continue;
    }
    const sealed = seal(stream, after, prepared.records);
    take(prepared.item, sealed.rows);
    for (const [counter, value] of state.countersAfter(prepared)) counters.set(counter, value);
    state.accept(prepared);
    accepted.push(prepared);
    after = sealed.after;
    outcomes.push({ committed: true, head: after.head, sequence: after.sequence });
  }
  return { outcomes, accepted, after, counters };
}
