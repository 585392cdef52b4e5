/**
 * Group commit. While one batch is being committed the next is decided, in pieces: over rows kept in memory, or a read for
 * those who need one, in arrival order over what was decided before them and may not be committed yet, one durable write for all whose guards
 * tell what came in between. An answer leaves only after the commit that it depends on; the next commit need not wait
 * for the answers.
 *
 * What may go wrong, and what happens:
 * - a guard fails: that work, and all that was decided after it, is decided again: it was decided over what never was;
 * - a decision throws: that work alone is rejected with the error, nothing of it was written;
 * - the commit fails and surely wrote nothing: what was decided is dropped, all of it is decided again,
 *   and after some attempts rejected with the store's error;
 * - the outcome is unknown: work with an identity is decided again on what the database then has, which finds
 *   the identity when it was written; other work is rejected with STORE_UNKNOWN, and so is all of it
 *   when the fresh read fails.
 *
 * A rejection other than STORE_UNKNOWN means: nothing of this work was committed.
 */
import { PosError } from '../../protocol/index.ts';
import { type Clock, turnEnd } from '../clock.ts';
import type { Metrics } from '../operations/metrics.ts';
import type { CommitItem, CommitOutcome, Kept, StorePort, Wants } from '../store/port.ts';
import { Gathering, WORTH_A_BATCH } from './gathering.ts';
import { Layer } from './layer.ts';
import { MemoryView } from './memory-view.ts';
import { mergeWants, NotRead, Snapshot, type View } from './view.ts';
import { counterValues, type Decision, moreOf, type Work } from './work.ts';

export interface EngineOptions {
  readonly store: StorePort;
  readonly metrics: Metrics;
  readonly log: { error(about: object, text: string): void };
  /** Works in one commit. */
  readonly batchMax?: number;
  /** Works that may wait; the next one is refused with HOST_BUSY. */
  readonly queueMax?: number;
  /** Measures the moments of a store whose commits are dear (`StorePort.momentMs`). */
  readonly clock: Clock;
}

const ATTEMPTS_MAX = 6;
const READ_ROUNDS_MAX = 3;

interface Item {
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  attempts: number;
  /** What to read before it is decided: what it wants, and what a decision asked for. */
  wants: readonly Wants[];
  /** An earlier commit of it ended with an unknown outcome. */
  unknown: boolean;
}
interface Decided {
  readonly item: Item;
  readonly decision: Decision<unknown>;
  /** What it writes, as the store made it ready; null when that is nothing. */
  readonly ready: CommitItem | null;
}
/** What rides in one commit. */
interface Batch {
  readonly decided: Decided[];
  /** What it writes, for those that are decided after it. */
  readonly layer: Layer;
}
/**
 * A batch that is being committed. It has landed when the database has it and those before it are answered; its own answers
 * may leave some time later, once they are marked. So one batch may be in the database and unanswered, not many: where
 * marks hang, nothing more is committed, and the queue fills.
 */
interface Flight {
  readonly items: readonly Item[];
  readonly layer: Layer;
  isUp: boolean;
  readonly landed: Promise<readonly Fate[]>;
}
/** What became of a work. */
type Fate =
  | { readonly kind: 'answered'; readonly head: string | null }
  | { readonly kind: 'rejected'; readonly error: unknown }
  /** It is decided again. */
  | { readonly kind: 'again' };

export class Engine {
  readonly #store: StorePort;
  readonly #metrics: Metrics;
  readonly #log: EngineOptions['log'];
  readonly #clock: Clock;
  readonly #batchMax: number;
  readonly #queueMax: number;
  readonly #gathering: Gathering;
  #queue: Item[] = [];
  #running = false;
  #lastHead: string | null = null;
  #idle: (() => void)[] = [];
  /** When the answers of all that was committed have left. */
  #answered: Promise<void> = Promise.resolve();

  constructor(options: EngineOptions) {
    this.#store = options.store;
    this.#metrics = options.metrics;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#batchMax = options.batchMax ?? 256;
    this.#queueMax = options.queueMax ?? 4096;
    this.#gathering = new Gathering(options.clock, () => options.store.momentMs);
  }

  /** Rejects with HOST_BUSY at once when the queue is full; see above for all other rejections. */
  submit<T>(work: Work<T>): Promise<T> {
    if (this.#queue.length >= this.#queueMax) {
      this.#metrics.count('engine', 'queue full');
      return Promise.reject(new PosError('HOST_BUSY', `${this.#queueMax} requests are waiting`));
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({
        work,
        resolve: resolve as (value: unknown) => void,
        reject,
        attempts: 0,
        wants: [work.wants],
        unknown: false,
      });
      this.#gathering.arrived(this.#queue.length);
      if (!this.#running) this.#start();
    });
  }

  /** Works that wait for the next commit. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves when nothing waits, nothing is being committed and every answer has left. */
  async drain(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#answered;
  }

  #start(): void {
    this.#running = true;
    this.#run().catch((error: unknown) => {
      // Only a defect of this file comes here; nobody may be left waiting for an answer.
      this.#log.error({ err: error }, 'the commit engine failed');
      for (const item of this.#queue.splice(0)) item.reject(unknownOutcome(error));
      this.#stop();
    });
  }

  /** In the same turn as the look at the empty queue: work that comes after it starts the engine again. */
  #stop(): void {
    this.#running = false;
    for (const idle of this.#idle.splice(0)) idle();
  }

  async #run(): Promise<void> {
    // What arrives in the same turn of the event loop rides in the first batch.
    await turnEnd(this.#clock);
    let flight: Flight | null = null;
    while (this.#queue.length > 0 || flight !== null) {
      const batch = await this.#decideBatch(flight);
      if (flight !== null) {
        const fates = await flight.landed;
        this.#gathering.awaitAfter(flight.items.length, batch.decided.length + this.#queue.length);
        if (!fates.every(({ kind }) => kind === 'answered')) {
          // What was decided on a layer that did not hold goes back, behind what failed.
          for (const { item } of batch.decided) item.attempts -= 1;
          const failed = flight.items.filter((_, at) => fates[at]?.kind === 'again');
          this.#queue.unshift(...failed, ...batch.decided.map(({ item }) => item));
          flight = null;
          continue;
        }
      }
      flight = batch.decided.length > 0 ? this.#launch(batch) : null;
    }
    this.#stop();
  }

  /**
   * What comes while a batch is being committed is decided meanwhile and rides together in the next. A piece of it is what
   * one turn of the event loop brings: the more there is to do, the more that is.
   */
  async #decideBatch(flight: Flight | null): Promise<Batch> {
    const batch: Batch = { decided: [], layer: new Layer() };
    if (flight === null) {
      await this.#gathering.gathered(() => this.#queue.length);
      await this.#decidePiece(batch, [batch.layer], Math.min(this.#batchMax, this.#firstPiece));
      return batch;
    }
    const layers = [flight.layer, batch.layer];
    while (flight.isUp && batch.decided.length < this.#batchMax) {
      if (this.#queue.length < this.#gathering.awaited) {
        await this.#gathering.enough();
        if (flight.isUp) await turnEnd(this.#clock);
      } else await this.#decidePiece(batch, layers, this.#batchMax - batch.decided.length);
    }
    return batch;
  }

  /**
   * While nothing is being committed, a long queue is taken in halves: the second is decided while the first is
   * committed. Taken whole, those who wait for each other's answers would all be decided, then all be committed, and
   * either thread would wait for the other.
   */
  get #firstPiece(): number {
    return Math.max(WORTH_A_BATCH, this.#gathering.awaited, Math.ceil(this.#queue.length / 2));
  }

  /** Takes those who wait longest, so many at the most, and decides them over what came before. */
  async #decidePiece(batch: Batch, layers: readonly Layer[], most: number): Promise<void> {
    const items = this.#queue.splice(0, most);
    const known = this.#decideKnown(items, layers, batch);
    if (known === items.length) return;
    const others = items.slice(known);
    const snapshot = await this.#readAll(others, layers);
    if (snapshot !== null) this.#decideRead(others, snapshot, batch);
  }

  /** Decides in arrival order until one needs something read. How many it were. */
  #decideKnown(items: readonly Item[], layers: readonly Layer[], batch: Batch): number {
    let at = 0;
    for (const item of items) {
      const kept = this.#keptFor(item);
      if (kept === null) break;
      if (this.#decideOne(item, new MemoryView(kept, layers), batch) === 'read again') {
        item.attempts -= 1;
        break;
      }
      at += 1;
    }
    return at;
  }

  #keptFor({ wants }: Item): Kept | null {
    let kept: Kept | null = null;
    for (const some of wants) {
      kept = this.#store.kept?.(some) ?? null;
      if (kept === null) return null;
    }
    return kept;
  }

  /** Decides in arrival order, each over all before it. */
  #decideRead(items: readonly Item[], snapshot: Snapshot, batch: Batch): void {
    for (let at = 0; at < items.length; at += 1) {
      if (this.#decideOne(items[at] as Item, snapshot, batch) !== 'read again') continue;
      // With all behind it: nobody is decided before one who came first.
      this.#queue.unshift(...items.slice(at));
      return;
    }
  }

  /** One that fails alone is told so, and is not in the batch. */
  #decideOne(item: Item, view: View, { decided, layer }: Batch): 'done' | 'read again' {
    try {
      item.attempts += 1;
      const decision = item.work.decide(view);
      const { item: writes } = decision;
      const counters = counterValues(writes, view);
      const ready = writes && (this.#store.ready?.(writes) ?? writes);
      if (writes !== null) layer.putDecided(writes.changes, counters, view);
      decided.push({ item, decision, ready });
    } catch (error) {
      // What memory lacks is always read; of that no attempt is counted.
      if (error instanceof NotRead && (view instanceof MemoryView || item.attempts < ATTEMPTS_MAX)) {
        item.wants = [...item.wants, error.wants];
        this.#metrics.count('engine', 'read again');
        return 'read again';
      }
      this.#metrics.count('engine', 'decision threw');
      item.reject(item.unknown ? unknownOutcome(error) : error);
    }
    return 'done';
  }

  /** One read for all items, and what they want further. Null when it failed: all are rejected. */
  async #readAll(items: readonly Item[], layers: readonly Layer[]): Promise<Snapshot | null> {
    try {
      return await this.#snapshot(items, layers);
    } catch (error) {
      this.#metrics.count('engine', 'read failed');
      for (const item of items) item.reject(item.unknown ? unknownOutcome(error) : error);
      return null;
    }
  }

  async #snapshot(items: readonly Item[], layers: readonly Layer[]): Promise<Snapshot> {
    const snapshot = new Snapshot(layers);
    let wants = mergeWants(items.flatMap(({ wants }) => wants));
    for (let round = 0; round < READ_ROUNDS_MAX; round += 1) {
      snapshot.read(wants, await this.#store.read(wants));
      const further = items.flatMap(({ work }) => moreOf(work, snapshot));
      if (further.length === 0) break;
      wants = mergeWants(further);
    }
    return snapshot;
  }

  #launch({ decided, layer }: Batch): Flight {
    const before = this.#answered;
    let land: (fates: readonly Fate[]) => void = () => undefined;
    const landed = new Promise<readonly Fate[]>((resolve) => {
      land = resolve;
    });
    const flight: Flight = {
      items: decided.map(({ item }) => item),
      layer,
      isUp: true,
      landed: landed.then(async (fates) => {
        await before;
        flight.isUp = false;
        this.#gathering.wake();
        return fates;
      }),
    };
    this.#answered = this.#commit(decided, land).then(async (fates) => {
      land(fates);
      // What is told may tell of an earlier commit.
      await before;
      this.#tell(decided, fates);
    });
    return flight;
  }

  /** What became of each: told to `land` when the database has them, given when they may be told. Never rejects. */
  async #commit(
    decided: readonly Decided[],
    land: (fates: readonly Fate[]) => void,
  ): Promise<readonly Fate[]> {
    const items = decided.flatMap(({ ready }) => (ready === null ? [] : [ready]));
    let fates: readonly Fate[] | null = null;
    const landed = (outcomes: readonly CommitOutcome[]): readonly Fate[] => {
      fates ??= this.#fatesOf(decided, outcomes);
      land(fates);
      return fates;
    };
    try {
      const outcomes = items.length === 0 ? [] : await this.#store.commit(items, { chained: true, landed });
      return landed(outcomes);
    } catch (error) {
      return this.#fatesOfFailure(decided, error, fates);
    }
  }

  #fatesOf(decided: readonly Decided[], outcomes: readonly CommitOutcome[]): readonly Fate[] {
    this.#metrics.count('engine', 'commits');
    this.#metrics.count('engine', 'committed items', outcomes.filter(({ committed }) => committed).length);
    const clean = outcomes.every(({ committed }) => committed);
    let next = 0;
    return decided.map(({ item, ready }): Fate => {
      const outcome = ready === null ? null : outcomes[next++];
      if (outcome?.committed === true) {
        this.#lastHead = outcome.head;
        return { kind: 'answered', head: outcome.head };
      }
      if (outcome?.committed === false && outcome.failure !== null) {
        this.#metrics.count('engine', 'refused by the store');
        return rejected(item, outcome.failure);
      }
      if (outcome === null && clean) return { kind: 'answered', head: this.#lastHead };
      // It has not failed itself: what stands before it has. That costs it no attempt.
      if (outcome === null || outcome?.conflict === null) item.attempts -= 1;
      return this.#again(item, new PosError('STORE_CONFLICT', 'others kept changing the same rows'));
    });
  }

  /** @param landed what had become of them when the failure came; null where nothing had */
  #fatesOfFailure(
    decided: readonly Decided[],
    error: unknown,
    landed: readonly Fate[] | null,
  ): readonly Fate[] {
    const certain =
      error instanceof PosError && (error.code === 'STORE_FAILED' || error.code === 'STORE_CONFLICT');
    this.#metrics.count('engine', certain ? 'commit failed' : 'commit outcome unknown');
    this.#log.error({ err: error }, certain ? 'a commit failed' : 'the outcome of a commit is unknown');
    if (!certain) this.#lastHead = null;
    return decided.map(({ item, ready }, at): Fate => {
      // Who goes on already is decided again; of all others it is not known any more whether they may be told.
      if (landed !== null)
        return landed[at]?.kind === 'again'
          ? { kind: 'again' }
          : { kind: 'rejected', error: unknownOutcome(error) };
      if (!certain && ready !== null) {
        if (item.work.recognisesItself !== true) return { kind: 'rejected', error: unknownOutcome(error) };
        item.unknown = true;
      }
      return this.#again(item, error);
    });
  }

  /** Again, or rejected after too many attempts. */
  #again(item: Item, error: unknown): Fate {
    if (item.attempts >= ATTEMPTS_MAX) return rejected(item, error);
    this.#metrics.count('engine', 'decided again');
    return { kind: 'again' };
  }

  #tell(decided: readonly Decided[], fates: readonly Fate[]): void {
    decided.forEach(({ item, decision }, at) => {
      const fate = fates[at];
      if (fate?.kind === 'answered') this.#answer(item, decision, fate.head);
      else if (fate?.kind === 'rejected') item.reject(fate.error);
    });
  }

  #answer(item: Item, decision: Decision<unknown>, head: string | null): void {
    try {
      item.resolve(decision.answer({ head }));
    } catch (error) {
      // It is committed: a refusal would be a lie, silence is not.
      this.#log.error({ err: error }, 'a committed decision could not be answered');
      item.reject(unknownOutcome(error));
    }
  }
}

/** A refusal that is none where an earlier commit of it may have been done. */
const rejected = (item: Item, error: unknown): Fate => ({
  kind: 'rejected',
  error: item.unknown ? unknownOutcome(error) : error,
});

const unknownOutcome = (cause: unknown) =>
  new PosError('STORE_UNKNOWN', 'it is not known whether this was committed', { cause });
