/**
 * Which identities and UTs are there, as far as it is known without asking. Nearly every request is new, and that it is
 * new must be certain: here it is, for the batches and the times that were asked about once, because every change
 * comes through the store that this belongs to.
 *
 * Of a batch that is kept the highest identity is known: traces ascend, so nearly every request is above it, and what is
 * above it is not there. What is below may be there: a repeat is, and is read. UTs are known by the time that they begin with: of
 * those between two, all are. What is in neither is not known, and the database is asked; so a terminal whose clock is
 * far off, or whose traces do not ascend, costs a question for each of its requests.
 */
import { encodeTime } from 'ulid';
import type { CommitItem, Wants } from './port.ts';

/** UTs of which the newest are learnt at once, as a start or a doubt needs them. */
export const UTS_LEARNT = 4_096;
/** Learnt at once, at the most: commits wait for it. */
export const BATCHES_LEARNT_MAX = 256;

/** Terminal, merchant and batch stand first in an identity: see `identityKey` of the acquirer. */
const BATCH_PARTS = 3;
/** What burns a UT is an identity too: see `burntUtKey` there. */
const BURNT = 'ut|';
const SAMPLES = 64;
/** UTs are known so far ahead; more is learnt for those half as far ahead, so not more than twice an hour. */
const AHEAD_MS = 3_600_000;
const TIME_CHARACTERS = 10;

export interface Unknown {
  /** What the identities of these batches begin with. */
  readonly batches: readonly string[];
  /** The highest UTs below this one; null when no more need be known of UTs. */
  readonly utsBelow: string | null;
}

/** All UTs in between are known, neither end among them. */
interface Span {
  readonly floor: string;
  readonly ceiling: string;
}

export class KnownNames {
  /** The highest identity by batch, empty for one that has none yet. Both sort as the database does: they are BMP text. */
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  #youngUts = new Set<string>();
  #oldUts = new Set<string>();
  /** Null until they were learnt. */
  #span: Span | null = null;
  readonly #now: () => number;
  readonly #max: number;

  /**
   * @param now milliseconds since 1970
   * @param max batches, and UTs, in each of two generations: some 170 bytes a batch and 80 a UT, so 60 MB at the most for
   *   100,000, with UTs that stay on
   */
  constructor(now: () => number, max: number) {
    this.#now = now;
    this.#max = max;
  }

  /** Whether it is certain that none of the wanted identities and UTs is there. */
  areAbsent({ identities = [], uts = [] }: Wants): boolean {
    for (const key of identities) if (!this.isNew(key)) return false;
    for (const ut of uts) if (!this.isUnused(ut)) return false;
    return true;
  }

  /** Whether it is certain that this identity is not there. */
  isNew(key: string): boolean {
    return key.startsWith(BURNT) ? this.isUnused(key.slice(BURNT.length)) : this.#isAbove(key);
  }

  /** Whether it is certain that this UT neither is a transaction's nor was burnt. */
  isUnused(ut: string): boolean {
    return this.#isKnown(ut) && !this.#youngUts.has(ut) && !this.#oldUts.has(ut);
  }

  /** What must be learnt before more can be said of these. */
  unknown({ identities = [], uts = [] }: Wants): Unknown {
    const batches = new Set<string>();
    const wanted = [...uts];
    for (const key of identities) {
      if (key.startsWith(BURNT)) wanted.push(key.slice(BURNT.length));
      else {
        const batch = batchOf(key);
        if (batch !== '' && this.#highest(batch) === undefined) batches.add(batch);
      }
    }
    const before = this.#span?.ceiling ?? '';
    const beyond = wanted.filter((ut) => ut >= before);
    const isMoreToKnow = beyond.length > 0 && beyond.some((ut) => ut < this.#ahead(AHEAD_MS / 2));
    return { batches: [...batches], utsBelow: isMoreToKnow ? this.#ahead(AHEAD_MS) : null };
  }

  /** What UTs of that time begin with. */
  #ahead(ms: number): string {
    return encodeTime(this.#now() + ms, TIME_CHARACTERS);
  }

  /** @param found batches with their highest identity, null where there is none */
  learnBatches(found: Iterable<readonly [batch: string, highest: string | null]>): void {
    for (const [batch, highest] of found) this.#put(batch, highest ?? '');
  }

  /**
   * @param below see `Unknown`
   * @param lists the highest below it that are used, and those that are burnt: from above, each whole or UTS_LEARNT long
   */
  learnUts(below: string, ...lists: readonly (readonly string[])[]): void {
    let floor = '';
    for (const list of lists) {
      const last = list.length < UTS_LEARNT ? '' : (list.at(-1) ?? '');
      if (last > floor) floor = last;
    }
    // What was known before goes on where the new begins, or there is a gap between the two.
    const goesOn = this.#span !== null && floor < this.#span.ceiling;
    this.#span = { floor: goesOn ? (this.#span as Span).floor : floor, ceiling: below };
    for (const ut of lists.flat()) this.#addUt(ut);
  }

  /** Takes over what an item has just committed. */
  committed({ changes }: CommitItem): void {
    for (const { key } of changes.identities ?? []) {
      if (key.startsWith(BURNT)) this.#addUt(key.slice(BURNT.length));
      else this.#addIdentity(key);
    }
    for (const { ut } of changes.transactions ?? []) if (ut !== null) this.#addUt(ut);
  }

  clear(): void {
    for (const kept of [this.#young, this.#old, this.#youngUts, this.#oldUts]) kept.clear();
    this.#span = null;
  }

  #isKnown(ut: string): boolean {
    return this.#span !== null && ut > this.#span.floor && ut < this.#span.ceiling;
  }

  #isAbove(key: string): boolean {
    const highest = this.#highest(batchOf(key));
    return highest !== undefined && key > highest;
  }

  /** Of a batch; undefined when it is not kept. */
  #highest(batch: string): string | undefined {
    const young = this.#young.get(batch);
    if (young !== undefined) return young;
    const old = this.#old.get(batch);
    if (old !== undefined) this.#put(batch, old);
    return old;
  }

  #put(batch: string, highest: string): void {
    // A name that is there already stays.
    this.#young.set(this.#young.has(batch) ? batch : ownText(batch), ownText(highest));
    if (this.#young.size <= this.#max) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  #addIdentity(key: string): void {
    const batch = batchOf(key);
    const highest = this.#highest(batch);
    // Of a batch that is not kept, one identity alone says too little.
    if (highest !== undefined && key > highest) this.#put(batch, key);
  }

  #addUt(ut: string): void {
    if (!this.#isKnown(ut)) return;
    this.#youngUts.add(ownText(ut));
    if (this.#youngUts.size <= this.#max) return;
    const going = this.#oldUts;
    this.#oldUts = this.#youngUts;
    this.#youngUts = new Set();
    this.#letGo(going);
  }

  /**
   * What goes lifts the floor above it. What is as high as those that stay goes not, unless that is too much: a terminal
   * whose clock is ahead would take the floor with it, and of everybody else nothing would be known.
   */
  #letGo(going: ReadonlySet<string>): void {
    const low = lowOf(this.#oldUts);
    const high: string[] = [];
    for (const ut of going) if (ut > low) high.push(ut);
    if (high.length * 2 <= this.#max) for (const ut of high) this.#oldUts.add(ut);
    if (this.#span === null) return;
    let { floor } = this.#span;
    for (const ut of going) if (ut > floor && !this.#oldUts.has(ut)) floor = ut;
    this.#span = { ...this.#span, floor };
  }
}

/** Below it are some few in a hundred. */
function lowOf(uts: ReadonlySet<string>): string {
  const every = Math.ceil(uts.size / SAMPLES);
  const samples: string[] = [];
  let at = 0;
  for (const ut of uts) {
    if (at % every === 0) samples.push(ut);
    at += 1;
  }
  return samples.sort()[SAMPLES >> 4] ?? '';
}

/** What the identities of its batch begin with; empty for a key that is no request's. */
function batchOf(key: string): string {
  let end = -1;
  for (let part = 0; part < BATCH_PARTS; part += 1) {
    end = key.indexOf('|', end + 1);
    if (end < 0) return '';
  }
  return key.slice(0, end + 1);
}

/**
 * The same characters, and nothing else: a text that was cut out of a message holds the whole message, with card number and
 * track, and what is kept here is kept for hours.
 */
function ownText(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
