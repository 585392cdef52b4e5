/**
 * The disk of one simulated computer. It outlives the computer's power cuts.
 *
 * A write is seen at once and is on the platter when the file was synced; a name, when its directory was synced
 * (the strict reading of POSIX: a file's own sync does not keep its name). Every effect asks its machine first,
 * so that the power can go before any of them.
 */
import { DiskDoor, type DiskEffectKind, type DiskFault } from './disk-door.ts';
import type { DiskDice } from './disk-file.ts';
import { DiskNames } from './disk-names.ts';

export { type DiskDoor, type DiskEffectKind, DiskError, type DiskFault, PowerIsOff } from './disk-door.ts';
export type { DiskDice } from './disk-file.ts';

/** What a disk asks of the machine that it is part of. */
export interface DiskHooks {
  /** Called before each effect. False: the power is off, the effect must not happen. */
  mayHappen(kind: DiskEffectKind, detail: string): boolean;
  /** False: even reads find nothing any more. */
  readonly isOn: boolean;
}

/** What a power cut leaves of what was not synced. */
export type AfterCut = 'dice' | 'lose everything un-synced' | 'keep everything';

/** Everything on a disk at one moment, synced or not, from which any number of disks begin. Never changes. */
export interface DiskSnapshot {
  readonly names: DiskNames;
}

export class WorldDisk {
  readonly #names: DiskNames;
  readonly #faults = new Map<DiskEffectKind, { readonly how: DiskFault; readonly isOnce: boolean }>();
  #cuts = 0;
  /** False: the disk says that it synced, and does nothing. For proofs that a check would see it. */
  obeysSync = true;

  constructor(names = new DiskNames()) {
    this.#names = names;
  }

  static from(snapshot: DiskSnapshot): WorldDisk {
    return new WorldDisk(snapshot.names.copy());
  }

  /** Pages of files are shared with the snapshot, so that both this and `from` are cheap. */
  snapshot(): DiskSnapshot {
    return { names: this.#names.copy() };
  }

  /**
   * The disk as one life of a computer holds it. The door is dead from the next power cut on, whatever `hooks`
   * say later, and so are the files that were opened through it.
   */
  mount(hooks: DiskHooks): DiskDoor {
    const cuts = this.#cuts;
    return new DiskDoor({
      names: this.#names,
      isAlive: () => hooks.isOn && this.#cuts === cuts,
      mayHappen: (kind, detail) => hooks.mayHappen(kind, detail),
      fault: (kind) => this.#takeFault(kind),
      obeysSync: () => this.obeysSync,
    });
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
   * on the platter, and every door and open file is dead. Armed faults stay armed.
   */
  powerCut(how: DiskDice | Exclude<AfterCut, 'dice'>): void {
    this.#cuts += 1;
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
