/**
 * One file of a simulated disk: what programs read (the page cache), what the platter certainly holds, and
 * every effect between the two, in order.
 *
 * When the power goes, each sector of 512 bytes that was written since the last sync holds either what the
 * platter had, or what the page cache had after one of the writes to it. Sectors do not wait for each other, and
 * lengths do not wait for contents. That is harsher than ext4 where POSIX allows it.
 */
import { PagedBytes } from './paged-bytes.ts';

export const SECTOR_BYTES = 512;

/** The smallest piece that a file system gives to a file, in bytes: what is left of it is written to when the disk is full. */
const BLOCK_BYTES = 4_096;

/** Chances. `next(limit)` is a whole number from 0 to `limit` − 1. */
export interface DiskDice {
  next(limit: number): number;
}

/**
 * What a later sync does for an effect.
 *   'waiting'  the next sync brings it to the platter
 *   'doubtful' a sync failed over it: no sync brings it any more, a power cut decides
 *   'certain'  a sync brought it; it stays listed only because something doubtful is before it
 */
type Standing = 'waiting' | 'doubtful' | 'certain';

type Effect =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Buffer; standing: Standing }
  | { readonly kind: 'truncate'; readonly length: number; standing: Standing };

/** Which part of an effect has reached the platter: of a write, some of its sectors; perhaps its length alone. */
interface Fate {
  /** The sector of the file, counted from 0: kept or not. */
  readonly keeps: (sector: number) => boolean;
  readonly keepsLength: boolean;
}

const LOST: Fate = { keeps: () => false, keepsLength: false };
const KEPT: Fate = { keeps: () => true, keepsLength: true };

export class DiskFile {
  #seen: PagedBytes;
  #platter: PagedBytes;
  #effects: Effect[];

  constructor(seen = PagedBytes.empty(), platter = PagedBytes.empty(), effects: readonly Effect[] = []) {
    this.#seen = seen;
    this.#platter = platter;
    this.#effects = effects.map((effect) => ({ ...effect }));
  }

  /** The same file on another disk: same bytes, same effects still open. */
  copy(): DiskFile {
    return new DiskFile(this.#seen.copy(), this.#platter.copy(), this.#effects);
  }

  get size(): number {
    return this.#seen.length;
  }

  read(into: Uint8Array, offset: number): number {
    return this.#seen.read(into, offset);
  }

  toBuffer(): Buffer {
    return this.#seen.toBuffer();
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#seen.write(offset, bytes);
    this.#effects.push({ kind: 'write', offset, bytes: Buffer.from(bytes), standing: 'waiting' });
  }

  /** What a full disk takes of a write at the end of the file: what fits into the last block that the file has. */
  fitting(offset: number, bytes: Uint8Array): Uint8Array {
    const blockEnd = Math.ceil(this.size / BLOCK_BYTES) * BLOCK_BYTES;
    return offset < this.size ? bytes.subarray(0, 0) : bytes.subarray(0, Math.max(0, blockEnd - offset));
  }

  truncate(length: number): void {
    this.#seen.truncate(length);
    this.#effects.push({ kind: 'truncate', length, standing: 'waiting' });
  }

  sync(): void {
    for (const effect of this.#effects) if (effect.standing === 'waiting') effect.standing = 'certain';
    if (this.#effects.some(({ standing }) => standing === 'doubtful')) return;
    if (this.#effects.length === 0) return;
    this.#effects = [];
    this.#platter = this.#seen.copy();
  }

  /** As Linux does it: the pages count as clean from now on, though nobody knows whether they are on the platter. */
  failSync(): void {
    for (const effect of this.#effects) if (effect.standing === 'waiting') effect.standing = 'doubtful';
  }

  /** The power was cut: what is on the platter now is all there is. */
  loseUnsynced(): void {
    this.#settle(() => LOST);
  }

  keepUnsynced(): void {
    this.#settle(() => KEPT);
  }

  tear(dice: DiskDice): void {
    this.#settle((effect) => drawnFate(effect, dice));
  }

  #settle(fateOf: (effect: Effect) => Fate): void {
    if (this.#effects.length > 0)
      settle(
        this.#platter,
        this.#effects,
        this.#effects.map((effect) => (effect.standing === 'certain' ? KEPT : fateOf(effect))),
      );
    this.#effects = [];
    this.#seen = this.#platter.copy();
  }
}

function drawnFate(effect: Effect, dice: DiskDice): Fate {
  if (effect.kind === 'truncate') return dice.next(2) === 0 ? LOST : KEPT;
  switch (dice.next(4)) {
    case 0:
      return LOST;
    case 1:
      return KEPT;
    default: {
      const kept = new Set<number>();
      for (const sector of sectorsOf(effect)) if (dice.next(2) === 1) kept.add(sector);
      return { keeps: (sector) => kept.has(sector), keepsLength: dice.next(2) === 1 };
    }
  }
}

/**
 * Brings onto `platter` what its fate says of each effect. A sector goes to the platter as the page cache had it
 * after the last of its writes that is kept: so writes before that one come along in this sector.
 */
function settle(platter: PagedBytes, effects: readonly Effect[], fates: readonly Fate[]): void {
  const lastKept = new Map<number, number>();
  for (const [number, effect] of effects.entries()) {
    if (effect.kind !== 'write') continue;
    for (const sector of sectorsOf(effect)) if (fates[number]?.keeps(sector)) lastKept.set(sector, number);
  }
  for (const [number, effect] of effects.entries()) {
    const keepsLength = fates[number]?.keepsLength === true;
    if (effect.kind === 'truncate') {
      if (keepsLength) platter.truncate(effect.length);
      continue;
    }
    const end = effect.offset + effect.bytes.length;
    for (const sector of sectorsOf(effect)) {
      if ((lastKept.get(sector) ?? -1) < number) continue;
      const from = Math.max(effect.offset, sector * SECTOR_BYTES);
      const to = Math.min(end, (sector + 1) * SECTOR_BYTES);
      platter.write(from, effect.bytes.subarray(from - effect.offset, to - effect.offset));
    }
    if (keepsLength && end > platter.length) platter.truncate(end);
  }
}

function* sectorsOf(write: { readonly offset: number; readonly bytes: Buffer }): Iterable<number> {
  const end = write.offset + write.bytes.length;
  for (let sector = Math.floor(write.offset / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector += 1)
    yield sector;
}
