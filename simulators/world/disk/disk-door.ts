/**
 * What one life of a computer holds of its disk: the synchronous door, and files opened through it. It dies with
 * the power, whatever the machine does later.
 */
import { posix } from 'node:path';
import { DiskFile } from './disk-file.ts';
import { absolute, type DiskNames } from './disk-names.ts';

/** The kinds of effects. Syncing a directory is a sync; making, renaming, linking and unlinking are names. */
export type DiskEffectKind = 'disk write' | 'disk sync' | 'disk name';

/** How a disk refuses an effect: no space left, or an input or output error. */
export type DiskFault = 'full' | 'io';

/** The power is off: this call never ended. Programs must not see it; who calls the synchronous door ends there. */
export class PowerIsOff extends Error {
  constructor() {
    super('the power is off');
    this.name = 'PowerIsOff';
  }
}

/** What a file system answers, with the code that Node gives it. */
export class DiskError extends Error {
  readonly code: 'ENOENT' | 'EEXIST' | 'EISDIR' | 'ENOTDIR' | 'ENOSPC' | 'EIO' | 'EBADF' | 'ENOTSUP';

  constructor(code: DiskError['code'], act: string, path: string) {
    super(`${code}: ${act} '${path}'`);
    this.name = 'DiskError';
    this.code = code;
  }
}

/** What a door opens onto, and whom it asks. */
export interface DiskLife {
  readonly names: DiskNames;
  readonly isAlive: () => boolean;
  /** Called before each effect. False: the power is off, the effect must not happen. */
  readonly mayHappen: (kind: DiskEffectKind, detail: string) => boolean;
  readonly fault: (kind: DiskEffectKind) => DiskFault | null;
  readonly obeysSync: () => boolean;
}

/**
 * The synchronous door. Each call is one effect at most, happens before it returns or not at all, and throws
 * PowerIsOff when the power is off, DiskError when the disk refuses.
 */
export class DiskDoor {
  readonly #life: DiskLife;
  #wasRefused = false;

  constructor(life: DiskLife) {
    this.#life = life;
  }

  get isAlive(): boolean {
    return !this.#wasRefused && this.#life.isAlive();
  }

  exists(path: string): boolean {
    return this.#names().get(absolute(path)) !== undefined;
  }

  /** The names in a directory, without their path, in no promised order. */
  list(directory: string): readonly string[] {
    this.#directory(absolute(directory), 'list');
    return this.#names().in(absolute(directory));
  }

  /** @throws ENOENT when there is no such file */
  open(path: string): DoorFile {
    const entry = this.#names().get(absolute(path));
    if (entry === undefined) throw new DiskError('ENOENT', 'open', path);
    if (entry === 'directory') throw new DiskError('EISDIR', 'open', path);
    return this.#opened(entry, path);
  }

  /** @throws EEXIST when the name is taken, ENOENT when its directory is not there */
  create(path: string): DoorFile {
    const at = absolute(path);
    this.#free(at, 'create');
    this.begin('disk name', 'create', path);
    const file = new DiskFile();
    this.#names().change([at, file]);
    return this.#opened(file, path);
  }

  /** What was at `to` is replaced. Renaming directories is not simulated. */
  rename(from: string, to: string): void {
    const [source, target] = [absolute(from), absolute(to)];
    const entry = this.#file(source, 'rename');
    this.#directory(posix.dirname(target), 'rename');
    if (this.#names().get(target) === 'directory') throw new DiskError('EISDIR', 'rename', to);
    this.begin('disk name', 'rename', `${from} to ${to}`);
    if (source !== target) this.#names().change([source, null], [target, entry]);
  }

  link(from: string, to: string): void {
    const entry = this.#file(absolute(from), 'link');
    this.#free(absolute(to), 'link');
    this.begin('disk name', 'link', `${from} to ${to}`);
    this.#names().change([absolute(to), entry]);
  }

  unlink(path: string): void {
    this.#file(absolute(path), 'unlink');
    this.begin('disk name', 'unlink', path);
    this.#names().change([absolute(path), null]);
  }

  /** With all directories above it; what is there already stays. */
  makeDirectory(path: string): void {
    const at = absolute(path);
    const entry = this.#names().get(at);
    if (entry === 'directory') return;
    if (entry !== undefined) throw new DiskError('EEXIST', 'make directory', path);
    this.makeDirectory(posix.dirname(at));
    this.begin('disk name', 'make directory', path);
    this.#names().change([at, 'directory']);
  }

  syncDirectory(path: string): void {
    this.#directory(absolute(path), 'sync');
    this.begin('disk sync', 'sync directory', path);
    if (this.#life.obeysSync()) this.#names().sync(absolute(path));
  }

  /** Announces an effect. @throws PowerIsOff, or the fault that is armed for it */
  begin(kind: DiskEffectKind, act: string, what: string): void {
    const fault = this.announce(kind, act, what);
    if (fault !== null) throw faultError(fault, act, what);
  }

  /** Announces an effect whose fault leaves something behind. @throws PowerIsOff */
  announce(kind: DiskEffectKind, act: string, what: string): DiskFault | null {
    if (!this.isAlive) throw new PowerIsOff();
    this.#wasRefused = !this.#life.mayHappen(kind, `${act} ${what}`);
    if (this.#wasRefused) throw new PowerIsOff();
    return this.#life.fault(kind);
  }

  #names(): DiskNames {
    if (!this.isAlive) throw new PowerIsOff();
    return this.#life.names;
  }

  #opened(file: DiskFile, path: string): DoorFile {
    return new DoorFile(this, file, path, this.#life.obeysSync);
  }

  #file(path: string, act: string): DiskFile {
    const entry = this.#names().get(path);
    if (entry === undefined) throw new DiskError('ENOENT', act, path);
    if (entry === 'directory') throw new DiskError('ENOTSUP', `${act} directory`, path);
    return entry;
  }

  #directory(path: string, act: string): void {
    const entry = this.#names().get(path);
    if (entry === undefined) throw new DiskError('ENOENT', act, path);
    if (entry !== 'directory') throw new DiskError('ENOTDIR', act, path);
  }

  #free(path: string, act: string): void {
    this.#directory(posix.dirname(path), act);
    if (this.#names().get(path) !== undefined) throw new DiskError('EEXIST', act, path);
  }
}

/** An open file, by position. It stays usable when its name is gone, and dies with the power. */
export class DoorFile {
  readonly #door: DiskDoor;
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #obeysSync: () => boolean;

  constructor(door: DiskDoor, file: DiskFile, path: string, obeysSync: () => boolean) {
    this.#door = door;
    this.#file = file;
    this.#path = path;
    this.#obeysSync = obeysSync;
  }

  /** In bytes. */
  get size(): number {
    return this.#alive().size;
  }

  /** Fills `into` from `offset` on. @returns how many bytes there were; what is behind them is left alone */
  read(into: Uint8Array, offset: number): number {
    return this.#alive().read(into, offset);
  }

  /** The whole content, copied. */
  toBuffer(): Buffer {
    return this.#alive().toBuffer();
  }

  /** The bytes are copied. */
  write(offset: number, bytes: Uint8Array): void {
    const act = 'write';
    const what = `${bytes.length} bytes at ${offset} of ${this.#path}`;
    const fault = this.#door.announce('disk write', act, what);
    if (fault === 'full') {
      const fitting = this.#file.fitting(offset, bytes);
      if (fitting.length > 0) this.#file.write(offset, fitting);
    }
    if (fault !== null) throw faultError(fault, act, what);
    this.#file.write(offset, bytes);
  }

  truncate(length: number): void {
    this.#door.begin('disk write', 'truncate', `${this.#path} to ${length}`);
    this.#file.truncate(length);
  }

  sync(): void {
    const fault = this.#door.announce('disk sync', 'sync', this.#path);
    if (fault !== null) {
      this.#file.failSync();
      throw faultError(fault, 'sync', this.#path);
    }
    if (this.#obeysSync()) this.#file.sync();
  }

  #alive(): DiskFile {
    if (!this.#door.isAlive) throw new PowerIsOff();
    return this.#file;
  }
}

function faultError(fault: DiskFault, act: string, what: string): DiskError {
  return new DiskError(fault === 'full' ? 'ENOSPC' : 'EIO', act, what);
}
