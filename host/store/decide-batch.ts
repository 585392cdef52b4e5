/** A batch decided item by item, the same in every SQL store: whose guards hold, what is sealed, what each is told. */
import { type StreamHead, seal } from '../journal/seal.ts';
import { refusalOf } from './answers.ts';
import type { GuardState, PreparedItem } from './guards.ts';
import type { CommitOutcome } from './port.ts';
import type { JournalRow } from './rows.ts';

export interface DecidedBatch<Item extends PreparedItem> {
  /** One for each item, in order. */
  readonly outcomes: readonly CommitOutcome[];
  readonly accepted: readonly Item[];
  /** Where the stream stands after the batch. */
  readonly after: StreamHead;
  /** The counters that were moved, with their last values. */
  readonly counters: ReadonlyMap<string, number>;
}

/** An item that may be written, sealed behind what stands before it; or why it is not written. */
export type Sealed =
  | { readonly refused: CommitOutcome }
  | {
      readonly refused: null;
      readonly records: readonly JournalRow[];
      readonly after: StreamHead;
      /** The counters that it moves, with their values after it. */
      readonly counters: ReadonlyMap<string, number>;
      readonly outcome: CommitOutcome;
    };

/** Decides one item; whoever writes it then tells `state` whether it was accepted. */
export function sealItem(
  prepared: PreparedItem,
  on: { readonly state: GuardState; readonly stream: string; readonly head: StreamHead },
): Sealed {
  const refused = refusalOf(prepared, on.state);
  if (refused !== null) return { refused };
  const { rows, after } = seal(on.stream, on.head, prepared.records);
  return {
    refused: null,
    records: rows,
    after,
    counters: on.state.countersAfter(prepared),
    outcome: { committed: true, head: after.head, sequence: after.sequence },
  };
}

/**
 * Decides items that are written together.
 * @param on.state what the guards are held against; changed by what is accepted and refused
 * @param on.take told of each accepted item, with its sealed records; what it throws ends the deciding
 */
export function decideBatch<Item extends PreparedItem>(
  items: readonly Item[],
  on: {
    readonly state: GuardState;
    readonly stream: string;
    readonly head: StreamHead;
    readonly take: (item: Item, records: readonly JournalRow[]) => void;
  },
): DecidedBatch<Item> {
  const { state, stream, take } = on;
  const outcomes: CommitOutcome[] = [];
  const accepted: Item[] = [];
  const counters = new Map<string, number>();
  let head = on.head;
  for (const prepared of items) {
    const sealed = sealItem(prepared, { state, stream, head });
    if (sealed.refused !== null) {
      outcomes.push(sealed.refused);
      continue;
    }
    take(prepared, sealed.records);
    for (const [counter, value] of sealed.counters) counters.set(counter, value);
    state.accept(prepared);
    accepted.push(prepared);
    head = sealed.after;
    outcomes.push(sealed.outcome);
  }
  return { outcomes, accepted, after: head, counters };
}
