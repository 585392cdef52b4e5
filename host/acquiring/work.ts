/** A piece of work as the engine sees it: what it wants to see, what it decides on that, and what it answers. */
import type { CommitItem, Wants } from '../store/port.ts';
import { NotRead, type View } from './view.ts';

export interface Work<T> {
  readonly wants: Wants;
  /**
   * What else must be read, once the first read is known. Asked until it gives null, three times at most; not at all where
   * everything is decided from memory, which says by itself what it lacks.
   */
  more?(view: View): Wants | null;
  /** True when `decide` recognises its own earlier write, by an identity. */
  readonly recognisesItself?: boolean;
  /** Pure but for reference numbers and keys: it may be called again on another view. */
  decide(view: View): Decision<T>;
}

export interface Decision<T> {
  /** What to write; null when nothing is. */
  readonly item: CommitItem | null;
  /** Builds the answer after the commit. `head`: the journal head after this item's last record, or the last one known. */
  answer(outcome: { readonly head: string | null }): T;
}

/** What the work must have read beside what it wants, as far as it can tell. */
export function moreOf(work: Work<unknown>, view: View): readonly Wants[] {
  try {
    const more = work.more?.(view) ?? null;
    return more === null ? [] : [more];
  } catch (error) {
    // What else goes wrong comes again in `decide`, where it fails its own item only.
    return error instanceof NotRead ? [error.wants] : [];
  }
}

/** The counters after this item, as absolute values. */
export function counterValues(item: CommitItem | null, view: View): Map<string, number> {
  const values = new Map<string, number>();
  for (const guard of item?.guards ?? []) {
    if (guard.kind !== 'counter') continue;
    values.set(guard.counter, (values.get(guard.counter) ?? view.counter(guard.counter)) + guard.add);
  }
  return values;
}
