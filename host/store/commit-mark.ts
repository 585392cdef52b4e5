/**
 * How far the journal has been acknowledged, noted beside the database. Before a commit's answers go out its
 * journal head is on the disk a second time, in a file of its own: a database that has lost its end (a damaged
 * or lost write-ahead log, an old copy, an empty file) is noticed at the next start.
 *
 * Two slots are written in turn, so that a power cut tears at most the newer one. The mark never runs ahead
 * of the database: it is written after the commit. One that could not be written only proves less.
 */
import { hash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { type StreamHead, startOf } from '../journal/seal.ts';
import type { CommitHow, CommitItem, CommitOutcome, Found, Kept, StorePort, Wants } from './port.ts';
import { StoreAround } from './store-around.ts';
import { Turns } from './turns.ts';

/** Two places of `SLOT_BYTES` on a disk. */
export interface MarkSlots {
  /** What was written last, or less after a power cut; null when nothing ever was. */
  read(slot: 0 | 1): Promise<Buffer | null>;
  /** Replaces the slot; when it resolves the bytes are on the disk. The other slot is not touched. */
  write(slot: 0 | 1, bytes: Buffer): Promise<void>;
}

/** One sector. */
export const SLOT_BYTES = 512;

export interface Mark extends StreamHead {
  readonly stream: string;
}

/** How far the journal of this process is committed, and how far the mark vouches for it. */
export interface MarkStanding {
  readonly committed: number;
  readonly marked: number;
  /** The last write of the mark failed. */
  readonly isFailing: boolean;
  /** Resolves when every mark that was begun by now is written or has failed: a disk that hangs gives neither. */
  readonly settled: Promise<void>;
}

/** The newer of the marks that are whole; null when there is none. */
export async function readMark(slots: MarkSlots): Promise<Mark | null> {
  const [first, second] = [markIn(await slots.read(0)), markIn(await slots.read(1))];
  if (first === null || second === null) return first ?? second;
  return first.sequence > second.sequence ? first : second;
}

/** The record that the database must reach; null where none was there yet when the mark was made, or there is no mark. */
export function markedRecord(mark: Mark | null): Mark | null {
  return mark !== null && mark.sequence > 0 ? mark : null;
}

/** One line `stream sequence head checksum`, filled up with spaces. */
export function slotOf(mark: Mark): Buffer {
  const text = `${mark.stream} ${mark.sequence} ${mark.head}`;
  return Buffer.from(`${text} ${hash('sha256', text, 'hex')}\n`.padEnd(SLOT_BYTES), 'utf8');
}

function markIn(bytes: Buffer | null): Mark | null {
  const [stream = '', sequence = '', head = '', checksum] = bytes?.toString('utf8').trim().split(' ') ?? [];
  if (checksum !== hash('sha256', `${stream} ${sequence} ${head}`, 'hex')) return null;
  return { stream, sequence: Number(sequence), head };
}

/** The store, whose commits are acknowledged when they are marked. */
export class MarkedStore extends StoreAround {
  readonly #stream: string;
  readonly #slots: MarkSlots;
  readonly #failed: (error: unknown) => void;
  readonly #turns = new Turns();
  #committed = 0;
  /** Null before the first mark. */
  #marked: number | null = null;
  #isFailing = false;
  /** Commits of unknown outcome, and how many of them what was marked since covers. */
  #doubts = 0;
  #settledDoubts = 0;
  #slot: 0 | 1 = 0;

  /** @param parts.failed told when a mark could not be written: the commit stands, and is answered */
  constructor(parts: {
    readonly store: StorePort;
    readonly stream: string;
    readonly slots: MarkSlots;
    readonly failed: (error: unknown) => void;
  }) {
    super(parts.store);
    this.#stream = parts.stream;
    this.#slots = parts.slots;
    this.#failed = parts.failed;
  }

  /**
   * Marks where the stream stands now, also at its start: where no mark is found later, it was lost. Whichever slot
   * holds the newer mark, the other one is written first.
   */
  async begin(): Promise<void> {
    const [first, second] = [markIn(await this.#slots.read(0)), markIn(await this.#slots.read(1))];
    this.#slot = (first?.sequence ?? -1) > (second?.sequence ?? -1) ? 1 : 0;
    await this.#markStanding();
  }

  get standing(): MarkStanding {
    return {
      committed: this.#committed,
      marked: this.#marked ?? 0,
      isFailing: this.#isFailing,
      settled: this.#turns.take(async () => undefined),
    };
  }

  override async commit(items: readonly CommitItem[], how?: CommitHow): Promise<readonly CommitOutcome[]> {
    const outcomes = await this.store.commit(items, how).catch((error: unknown) => {
      if (!(error instanceof PosError && error.code === 'STORE_FAILED')) this.#doubts += 1;
      throw error;
    });
    // The next may be committed while this one is being marked.
    how?.landed?.(outcomes);
    const last = outcomes.findLast((outcome) => outcome.committed);
    if (last?.committed === true) await this.#mark(last);
    return outcomes;
  }

  /** After a commit of unknown outcome: what is read may tell of it, and is told only when it is marked. */
  override async read(wants: Wants): Promise<Found> {
    const found = await this.store.read(wants);
    if (this.#isInDoubt) await this.#markStanding();
    return found;
  }

  override kept(wants: Wants): Kept | null {
    return this.#isInDoubt ? null : super.kept(wants);
  }

  get #isInDoubt(): boolean {
    return this.#settledDoubts < this.#doubts;
  }

  async #markStanding(): Promise<void> {
    // One that comes while this is marked is not covered by it.
    const doubts = this.#doubts;
    const own = (await this.store.journalHeads()).find(({ stream }) => stream === this.#stream);
    await this.#mark(own ?? startOf(this.#stream));
    this.#settledDoubts = Math.max(this.#settledDoubts, doubts);
  }

  async #mark({ sequence, head }: StreamHead): Promise<void> {
    this.#committed = Math.max(this.#committed, sequence);
    await this.#turns.take(async () => {
      // A later commit may have been marked already: it vouches for this one.
      if (this.#marked !== null && sequence <= this.#marked) return;
      try {
        await this.#slots.write(this.#slot, slotOf({ stream: this.#stream, sequence, head }));
        this.#marked = sequence;
        this.#isFailing = false;
        this.#slot = this.#slot === 0 ? 1 : 0;
      } catch (error) {
        this.#isFailing = true;
        this.#failed(error);
      }
    });
  }
}
