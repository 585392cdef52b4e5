/**
 * The names of a simulated disk. A change of names is seen at once and is on the platter when its directory was
 * synced. A power cut keeps or loses each change by itself: a rename as a whole, but not two renames together.
 */
import { posix } from 'node:path';
import type { DiskFile } from './disk-file.ts';

/** What a name stands for. */
export type Entry = DiskFile | 'directory';

/** One act on names: these names stand for these things afterwards; null for nothing. */
interface Change {
  readonly directories: ReadonlySet<string>;
  readonly sets: readonly (readonly [path: string, entry: Entry | null])[];
}

export const ROOT = '/';

/** Paths are written with `/`; `.` and a missing first slash mean the root. */
export function absolute(path: string): string {
  return posix.resolve(ROOT, path);
}

export class DiskNames {
  #seen: Map<string, Entry>;
  #platter: Map<string, Entry>;
  #changes: Change[];

  constructor(
    seen: Map<string, Entry> = new Map([[ROOT, 'directory']]),
    platter: Map<string, Entry> = new Map(seen),
    changes: Change[] = [],
  ) {
    this.#seen = seen;
    this.#platter = platter;
    this.#changes = changes;
  }

  copy(): DiskNames {
    const copies = new Map<DiskFile, DiskFile>();
    const copied = (entry: Entry): Entry => {
      if (entry === 'directory') return entry;
      const copy = copies.get(entry) ?? entry.copy();
      copies.set(entry, copy);
      return copy;
    };
    const copiedAll = (names: Map<string, Entry>) =>
      new Map([...names].map(([path, entry]) => [path, copied(entry)] as const));
    const changes = this.#changes.map(({ directories, sets }) => ({
      directories,
      sets: sets.map(([path, entry]) => [path, entry === null ? null : copied(entry)] as const),
    }));
    return new DiskNames(copiedAll(this.#seen), copiedAll(this.#platter), changes);
  }

  get(path: string): Entry | undefined {
    return this.#seen.get(path);
  }

  /** The names in a directory, without their path, in no promised order. */
  in(directory: string): readonly string[] {
    return [...this.#seen.keys()]
      .filter((path) => path !== ROOT && posix.dirname(path) === directory)
      .map((path) => posix.basename(path));
  }

  /** One act: all of these names change together. */
  change(...sets: Change['sets']): void {
    apply(this.#seen, sets);
    this.#changes.push({ directories: new Set(sets.map(([path]) => posix.dirname(path))), sets });
  }

  /** Brings to the platter every change that touched this directory. */
  sync(directory: string): void {
    const rest: Change[] = [];
    for (const change of this.#changes) {
      if (change.directories.has(directory)) apply(this.#platter, change.sets);
      else rest.push(change);
    }
    this.#changes = rest;
  }

  /** The power was cut: each change is kept or lost. @returns every file that still has a name */
  settle(isKept: () => boolean): Iterable<DiskFile> {
    for (const { sets } of this.#changes) if (isKept()) apply(this.#platter, sets);
    this.#changes = [];
    dropUnreachable(this.#platter);
    this.#seen = new Map(this.#platter);
    return new Set([...this.#seen.values()].filter((entry) => entry !== 'directory'));
  }
}

function apply(names: Map<string, Entry>, sets: Change['sets']): void {
  for (const [path, entry] of sets) {
    if (entry === null) names.delete(path);
    else names.set(path, entry);
  }
}

/** What lies in a directory whose own name was lost cannot be reached any more. */
function dropUnreachable(names: Map<string, Entry>): void {
  const isReachable = (path: string): boolean => {
    if (path === ROOT) return true;
    const directory = posix.dirname(path);
    return names.get(directory) === 'directory' && isReachable(directory);
  };
  for (const path of [...names.keys()]) if (!isReachable(path)) names.delete(path);
}
