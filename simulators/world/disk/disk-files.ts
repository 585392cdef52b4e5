/**
 * The asynchronous door to a simulated disk: what the file ports of terminal and host ask for. An effect happens
 * when it is called; its promise is settled in a microtask, or never when the power is off.
 */
import { type DiskDoor, DiskError, type DoorFile, PowerIsOff } from './disk-door.ts';

export interface OpenFile {
  size(): Promise<number>;
  /** At the end of the file. */
  write(bytes: Buffer): Promise<void>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Rejects with an Error that has Node's `code`. Each call is one effect at most, except making several directories. */
export interface FileSystem {
  /** Names without their path, in no promised order. */
  list(directory: string): Promise<readonly string[]>;
  read(path: string): Promise<Buffer>;
  /** `append` makes what is not there; `new` insists on that; `replace` empties or makes; `update` insists that it is there. */
  open(path: string, mode: 'append' | 'new' | 'replace' | 'update'): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  makeDirectory(directory: string): Promise<void>;
}

export function diskFiles(door: DiskDoor): FileSystem {
  return {
    list: (directory) => settled(() => door.list(directory)),
    read: (path) => settled(() => door.open(path).toBuffer()),
    open: (path, mode) => settled(() => openFile(opened(door, path, mode), path)),
    rename: (from, to) => settled(() => door.rename(from, to)),
    link: (from, to) => settled(() => door.link(from, to)),
    unlink: (path) => settled(() => door.unlink(path)),
    syncDirectory: (directory) => settled(() => door.syncDirectory(directory)),
    makeDirectory: (directory) => settled(() => door.makeDirectory(directory)),
  };
}

function opened(door: DiskDoor, path: string, mode: 'append' | 'new' | 'replace' | 'update'): DoorFile {
  if (mode === 'new' || (mode !== 'update' && !door.exists(path))) return door.create(path);
  const file = door.open(path);
  if (mode === 'replace' && file.size > 0) file.truncate(0);
  return file;
}

function openFile(file: DoorFile, path: string): OpenFile {
  let isOpen = true;
  const whileOpen = <T>(act: string, perform: () => T): Promise<T> =>
    settled(() => {
      if (!isOpen) throw new DiskError('EBADF', act, path);
      return perform();
    });
  return {
    size: () => whileOpen('size', () => file.size),
    write: (bytes) => whileOpen('write', () => file.write(file.size, bytes)),
    truncate: (length) => whileOpen('truncate', () => file.truncate(length)),
    sync: () => whileOpen('sync', () => file.sync()),
    close: () =>
      whileOpen('close', () => {
        isOpen = false;
      }),
  };
}

function settled<T>(act: () => T): Promise<T> {
  try {
    return Promise.resolve(act());
  } catch (error) {
    if (error instanceof PowerIsOff) return new Promise(() => undefined);
    return Promise.reject(error instanceof Error ? error : new Error('the disk failed', { cause: error }));
  }
}
