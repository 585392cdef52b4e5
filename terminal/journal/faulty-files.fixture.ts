/**
 * For the journal's tests: files in memory that know what is on the disk and what only the machine's
 * memory holds, that fail or end at a chosen effect, and that lose after a power cut what a real disk may.
 */
import type { JournalFile, JournalFiles } from './file-system.ts';

/** Small, so that a record covers several. What was durable in a sector stays whatever happens to the rest. */
const SECTOR_BYTES = 64;

/** What a power cut makes of bytes that were written and not synced; zeros where a sector never came. */
export const DATA_AFTER_CUT = ['lost', 'kept', 'first half', 'last sector', 'first and last sector'] as const;
/** What it makes of names that were made or changed and not synced: none of them, the first, all. */
export const NAMES_AFTER_CUT = ['lost', 'first kept', 'kept'] as const;

export interface Aftermath {
  readonly data: (typeof DATA_AFTER_CUT)[number];
  readonly names: (typeof NAMES_AFTER_CUT)[number];
}

interface Inode {
  /** What a reader sees while the machine runs. */
  cached: Buffer;
  durable: Buffer;
  /** A sync of it failed: the system took its pages for clean and never writes them again. */
  forgotten: boolean;
}

interface NameChange {
  readonly set: string;
  readonly inode: Inode;
  readonly remove: string | null;
}

export type Fault =
  | { readonly kind: 'none' }
  /** From effect `at` on nothing answers any more; `at` itself still happened. */
  | { readonly kind: 'cut'; readonly at: number }
  /** Effect `at` alone is refused; half of what it should write is written. */
  | { readonly kind: 'fails'; readonly at: number; readonly code: 'ENOSPC' | 'EIO' };

export class FaultyFiles implements JournalFiles {
  readonly #cached: Map<string, Inode>;
  readonly #durable: Map<string, Inode>;
  readonly #changes: NameChange[] = [];
  #fault: Fault;
  #isCut = false;
  /** Effects so far: what changes a file, a name, or makes either durable. */
  effects = 0;

  constructor(fault: Fault, durable: ReadonlyMap<string, Buffer> = new Map<string, Buffer>()) {
    this.#fault = fault;
    const inodes = [...durable].map(([name, bytes]): [string, Inode] => [name, inodeOf(bytes)]);
    this.#durable = new Map(inodes);
    this.#cached = new Map(inodes);
  }

  /** True once the fault came; a test that never meets its fault has tried every one. */
  get met(): boolean {
    return this.#fault.kind !== 'none' && this.effects >= this.#fault.at;
  }

  /** The process ends, the machine goes on: the next one sees what memory holds. Optionally with a fault of its own. */
  restartProcess(fault: Fault = { kind: 'none' }): void {
    this.#fault = fault;
    this.effects = 0;
    this.#isCut = false;
  }

  /** What the disk holds after the power was cut now. */
  afterCut({ data, names }: Aftermath): Map<string, Buffer> {
    const kept = new Map(this.#durable);
    const changes = names === 'kept' ? this.#changes : this.#changes.slice(0, names === 'lost' ? 0 : 1);
    for (const { set, inode, remove } of changes) {
      kept.set(set, inode);
      if (remove !== null) kept.delete(remove);
    }
    return new Map([...kept].map(([name, inode]) => [name, dataAfterCut(inode, data)]));
  }

  async list(): Promise<readonly string[]> {
    this.#alive();
    return [...this.#cached.keys()].map(nameOf);
  }

  async read(path: string): Promise<Buffer> {
    this.#alive();
    return Buffer.from(this.#at(path).cached);
  }

  async open(path: string, mode: 'append' | 'replace'): Promise<JournalFile> {
    const known = this.#cached.get(path);
    if (known === undefined) {
      this.#act(() => this.#name({ set: path, inode: inodeOf(Buffer.alloc(0)), remove: null }));
    } else if (mode === 'replace') {
      this.#act(() => {
        known.cached = Buffer.alloc(0);
      });
    }
    const inode = this.#at(path);
    return {
      size: async () => inode.cached.length,
      write: async (bytes) => {
        const add = (part: Buffer) => {
          inode.cached = Buffer.concat([inode.cached, part]);
        };
        this.#act(
          () => add(bytes),
          () => add(bytes.subarray(0, bytes.length >> 1)),
        );
      },
      sync: async () =>
        this.#act(
          () => syncInode(inode),
          () => forget(inode),
        ),
      close: async () => this.#alive(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#act(() => this.#name({ set: to, inode: this.#at(from), remove: from }));
  }

  async syncDirectory(): Promise<void> {
    this.#act(() => {
      this.#durable.clear();
      for (const [name, inode] of this.#cached) this.#durable.set(name, inode);
      this.#changes.length = 0;
    });
  }

  #name(change: NameChange): void {
    this.#cached.set(change.set, change.inode);
    if (change.remove !== null) this.#cached.delete(change.remove);
    this.#changes.push(change);
  }

  #at(path: string): Inode {
    const inode = this.#cached.get(path);
    if (inode === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
    return inode;
  }

  #alive(): void {
    if (this.#isCut) throw new Error('the power is off');
  }

  #act(whole: () => void, half: () => void = () => undefined): void {
    this.#alive();
    this.effects += 1;
    const isHere = this.#fault.kind !== 'none' && this.effects === this.#fault.at;
    if (isHere && this.#fault.kind === 'fails') {
      half();
      throw Object.assign(new Error(this.#fault.code), { code: this.#fault.code });
    }
    whole();
    if (!isHere) return;
    this.#isCut = true;
    throw new Error('the power is off');
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function inodeOf(bytes: Buffer): Inode {
  return { cached: Buffer.from(bytes), durable: Buffer.from(bytes), forgotten: false };
}

/** Bytes that a failed sync forgot stay in memory only, however often they are synced later. */
function syncInode(inode: Inode): void {
  if (!inode.forgotten) inode.durable = Buffer.from(inode.cached);
}

function forget(inode: Inode): void {
  inode.forgotten = true;
}

function dataAfterCut(inode: Inode, data: Aftermath['data']): Buffer {
  const { cached, durable } = inode;
  // Emptied and filled anew: either the old file or the new one, which no name relies on before its sync.
  if (inode.forgotten || data === 'lost' || !cached.subarray(0, durable.length).equals(durable))
    return durable;
  const fresh = cached.length - durable.length;
  if (data === 'first half') return cached.subarray(0, durable.length + (fresh >> 1));
  const image = Buffer.from(cached);
  if (data === 'kept') return image;
  const lastSector = Math.floor((cached.length - 1) / SECTOR_BYTES) * SECTOR_BYTES;
  const firstEnd = (Math.floor(durable.length / SECTOR_BYTES) + 1) * SECTOR_BYTES;
  image.fill(
    0,
    data === 'last sector' ? durable.length : Math.min(firstEnd, image.length),
    Math.max(lastSector, durable.length),
  );
  return image;
}
