/**
 * The disk of one simulated computer. It outlives the computer's power cuts.
 *
 * A write is seen at once and is on the platter when the file was synced; a name, when its directory was synced
 * (the strict reading of POSIX: a file's own sync does not keep its name). Every effect asks its machine first,
 * so that the power can go before any of them.
 */
import { DiskDoor, type DiskEffectKind, type DiskFault } from './disk-door.ts';
import type { DiskDice } from './disk-file.ts';
import { diskFiles, type FileSystem, type OpenFile } from './disk-files.ts';
import { DiskNames } from './disk-names.ts';

export { DiskDoor, type DiskEffectKind, DiskError, type DiskFault, PowerIsOff } from './disk-door.ts';
export type { DiskDice } from './disk-file.ts';
export type { FileSystem, OpenFile } from './disk-files.ts';

/** What a disk asks of the machine that it is part of. */
export interface DiskHooks {
  /** Called before each effect. False: the power is off, the effect must not happen. */
  mayHappen(kind: DiskEffectKind, detail: string): boolean;
  /** False: even reads find nothing any more. When it is left out, reads go on until an effect was refused. */
  readonly isOn?: boolean;
}

/** What a power cut leaves of what was not synced. */
export type AfterCut = 'dice' | 'lose everything un-synced' | 'keep everything';

/** Everything on a disk at one moment, synced or not, from which any number of disks begin. Never changes. */
export interface DiskSnapshot {
  readonly names: DiskNames;
}

/** The calls of `FileSystem` never end when the power is off; `door` throws instead. */
export class WorldDisk implements FileSystem {
  readonly #hooks: DiskHooks;
  readonly #names: DiskNames;
  readonly #faults = new Map<DiskEffectKind, { readonly how: DiskFault; readonly isOnce: boolean }>();
  #door: DiskDoor;
  #files: FileSystem;
  /** False: the disk says that it synced, and does nothing. For proofs that a check would see it. */
  obeysSync = true;

  constructor(hooks: DiskHooks, names = new DiskNames()) {
    this.#hooks = hooks;
    this.#names = names;
    this.#door = this.#newDoor();
    this.#files = diskFiles(this.#door);
  }

  static from(snapshot: DiskSnapshot, hooks: DiskHooks): WorldDisk {
    return new WorldDisk(hooks, snapshot.names.copy());
  }

  /** Pages of files are shared with the snapshot, so that both this and `from` are cheap. */
  snapshot(): DiskSnapshot {
    return { names: this.#names.copy() };
  }

  /** The synchronous door of this life: dead from the next power cut on, and so are the files opened through it. */
  get door(): DiskDoor {
    return this.#door;
  }

  /**
   * Lets effects of a kind fail: the next one, or all until `mend`. A failed write to the end of a file may leave
   * a part of it; a failed sync leaves in doubt what it should have kept, and no later sync brings it.
   */
  fail(kind: DiskEffectKind, how: DiskFault, until: 'once' | 'mended' = 'once'): void {
    this.#faults.set(kind, { how, isOnce: until === 'once' });
  }

  mend(): void {
    this.#faults.clear();
  }

  /**
   * The power goes. What was not synced is lost, kept or torn as `how` decides; then everything that is there is
   * on the platter, and every file that was open is dead. Armed faults stay armed.
   */
  powerCut(how: DiskDice | Exclude<AfterCut, 'dice'>): void {
    this.#door = this.#newDoor();
    this.#files = diskFiles(this.#door);
    const drawn = typeof how === 'string' ? how : drawnCut(how);
    if (typeof drawn !== 'string') {
      for (const file of this.#names.settle(() => drawn.next(2) === 1)) file.tear(drawn);
      return;
    }
    const keeps = drawn === 'keep everything';
    for (const file of this.#names.settle(() => keeps)) {
      if (keeps) file.keepUnsynced();
      else file.loseUnsynced();
    }
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#files.list(directory);
  }

  read(path: string): Promise<Buffer> {
    return this.#files.read(path);
  }

  open(path: string, mode: Parameters<FileSystem['open']>[1]): Promise<OpenFile> {
    return this.#files.open(path, mode);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#files.rename(from, to);
  }

  link(from: string, to: string): Promise<void> {
    return this.#files.link(from, to);
  }

  unlink(path: string): Promise<void> {
    return this.#files.unlink(path);
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#files.syncDirectory(directory);
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#files.makeDirectory(directory);
  }

  #newDoor(): DiskDoor {
    let isOff = false;
    const door: DiskDoor = new DiskDoor({
      names: this.#names,
      isAlive: () => !isOff && this.#door === door && this.#hooks.isOn !== false,
      mayHappen: (kind, detail) => {
        isOff ||= !this.#hooks.mayHappen(kind, detail);
        return !isOff;
      },
      fault: (kind) => this.#takeFault(kind),
      obeysSync: () => this.obeysSync,
    });
    return door;
  }

  #takeFault(kind: DiskEffectKind): DiskFault | null {
    const fault = this.#faults.get(kind);
    if (fault === undefined) return null;
    if (fault.isOnce) this.#faults.delete(kind);
    return fault.how;
  }
}

/** A third of the cuts are the plain ones: with many effects open, chance alone would never find them. */
function drawnCut(dice: DiskDice): DiskDice | Exclude<AfterCut, 'dice'> {
  switch (dice.next(6)) {
    case 0:
      return 'lose everything un-synced';
    case 1:
      return 'keep everything';
    default:
      return dice;
  }
}
