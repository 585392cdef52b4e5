/** Files in memory that know what is on the disk, end or fail at a chosen effect, and lose what a cut may take. */
import { dirname } from 'node:path/posix';
import type { SettlementFile, SettlementFiles } from './file-system.ts';

/** What a power cut makes of bytes and names that were not synced. */
export interface Aftermath {
  readonly data: 'lost' | 'kept' | 'torn';
  readonly names: 'lost' | 'kept' | 'last kept';
}
export const AFTERMATHS: readonly Aftermath[] = (['lost', 'kept', 'torn'] as const).flatMap((data) =>
  (['lost', 'kept', 'last kept'] as const).map((names) => ({ data, names })),
);

export type Fault =
  | { readonly kind: 'none' }
  /** Effect `at` still happens, and nothing answers from then on. */
  | { readonly kind: 'cut'; readonly at: number }
  /** Effect `at` alone is refused. */
  | { readonly kind: 'fails'; readonly at: number };

interface Inode {
  bytes: Buffer;
  durable: Buffer;
}

export class FaultyFiles implements SettlementFiles {
  #fault: Fault;
  readonly #names = new Map<string, Inode>();
  readonly #durable = new Map<string, Inode>();
  readonly #directories = new Set<string>();
  /** Changes of names since their directory was synced; null: removed. */
  #changes: { readonly path: string; readonly inode: Inode | null }[] = [];
  #effects = 0;
  #isCut = false;

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  /** No fault comes from now on. True when it has come already. */
  mend(): boolean {
    const hasCome = this.#fault.kind !== 'none' && this.#effects >= this.#fault.at;
    this.#fault = { kind: 'none' };
    return hasCome;
  }

  /** What a machine finds that is started after the power came back, on a disk without faults. */
  afterCut({ data, names }: Aftermath): FaultyFiles {
    const after = new FaultyFiles({ kind: 'none' });
    for (const directory of this.#directories) after.#directories.add(directory);
    const kept = new Map(this.#durable);
    const changes = names === 'kept' ? this.#changes : names === 'lost' ? [] : this.#changes.slice(-1);
    for (const { path, inode } of changes) {
      if (inode === null) kept.delete(path);
      else kept.set(path, inode);
    }
    for (const [path, inode] of kept) {
      const torn = Buffer.from(inode.bytes).fill(
        0,
        inode.durable.length,
        Math.min(inode.durable.length + 4, inode.bytes.length),
      );
      const bytes = data === 'lost' ? inode.durable : data === 'kept' ? inode.bytes : torn;
      const found = { bytes, durable: bytes };
      after.#names.set(path, found);
      after.#durable.set(path, found);
    }
    return after;
  }

  namesIn(directory: string): readonly string[] {
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.slice(directory.length + 1));
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#effect(() => void this.#directories.add(directory));
  }
  list(directory: string): Promise<readonly string[]> {
    return this.#look(() => this.namesIn(directory));
  }
  read(path: string): Promise<Buffer> {
    return this.#look(() => Buffer.from(this.#inode(path).bytes));
  }
  open(path: string): Promise<SettlementFile> {
    return this.#effect(() => {
      if (!this.#directories.has(dirname(path))) throw failure('ENOENT');
      const inode: Inode = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
      this.#rename(path, inode);
      return {
        write: (bytes) =>
          this.#effect(() => {
            inode.bytes = Buffer.concat([inode.bytes, bytes]);
          }),
        sync: () =>
          this.#effect(() => {
            inode.durable = Buffer.from(inode.bytes);
          }),
        close: () => this.#look(() => undefined),
      };
    });
  }
  link(from: string, to: string): Promise<void> {
    return this.#effect(() => this.#rename(to, this.#inode(from)));
  }
  unlink(path: string): Promise<void> {
    return this.#effect(() => {
      this.#inode(path);
      this.#names.delete(path);
      this.#changes.push({ path, inode: null });
    });
  }
  syncDirectory(directory: string): Promise<void> {
    return this.#effect(() => {
      for (const { path, inode } of this.#changes.filter((change) => dirname(change.path) === directory)) {
        if (inode === null) this.#durable.delete(path);
        else this.#durable.set(path, inode);
      }
      this.#changes = this.#changes.filter((change) => dirname(change.path) !== directory);
    });
  }

  #rename(path: string, inode: Inode): void {
    if (this.#names.has(path)) throw failure('EEXIST');
    this.#names.set(path, inode);
    this.#changes.push({ path, inode });
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw failure('ENOENT');
    return inode;
  }

  async #effect<T>(act: () => T): Promise<T> {
    if (this.#isCut) return never();
    this.#effects += 1;
    const isNow = this.#fault.kind !== 'none' && this.#effects === this.#fault.at;
    if (isNow && this.#fault.kind === 'fails') throw failure('EIO');
    const done = act();
    if (!isNow) return done;
    this.#isCut = true;
    return never();
  }

  async #look<T>(act: () => T): Promise<T> {
    return this.#isCut ? never() : act();
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
