/**
 * SQLite's files on a simulated disk: what SQLite's own code for Unix does, with the disk's effects in place of
 * system calls. One connection has each database, so locks are always granted and there is no shared memory.
 */
import * as code from 'wa-sqlite/src/sqlite-constants.js';
import { type DiskDoor, DiskError, PowerIsOff } from '../disk/disk.ts';
import type { DoorFile } from '../disk/disk-door.ts';

/** The names under which SQLite knows the database and its companions; the disk's names begin with `path`. */
export const VFS_NAME = 'world';
export const DATABASE_NAME = 'd';

/** As SQLite's Unix code has it on Linux, which decides how the WAL is padded. */
const SECTOR_BYTES = 4_096;
/** New journals: their name is synced with their first content. */
const JOURNALS = code.SQLITE_OPEN_MAIN_JOURNAL | code.SQLITE_OPEN_SUPER_JOURNAL | code.SQLITE_OPEN_WAL;

/** The disk of one connection. */
export interface VfsDisk {
  readonly door: DiskDoor;
  /** The database file. */
  readonly path: string;
  /** True: nothing is read or written any more, so that the connection can be taken apart. */
  readonly isAbandoned: boolean;
}

interface VfsFile {
  readonly disk: VfsDisk;
  readonly file: DoorFile;
  readonly path: string;
  needsNameSync: boolean;
}

/** Serves every connection. `disk` is that of the connection that is inside SQLite at the moment. */
export class WorldVfs {
  readonly name = VFS_NAME;
  disk: VfsDisk | null = null;
  readonly #files = new Map<number, VfsFile>();

  xOpen(name: string | null, id: number, flags: number, outFlags: DataView): number {
    return this.#onDisk(code.SQLITE_CANTOPEN, (disk) => {
      // Temporary files stay in memory by our settings: a file without a name would be a mistake.
      if (name === null) return code.SQLITE_CANTOPEN;
      const path = pathOf(disk, name);
      const mayCreate = (flags & code.SQLITE_OPEN_CREATE) !== 0;
      const file = mayCreate && !disk.door.exists(path) ? disk.door.create(path) : disk.door.open(path);
      this.#files.set(id, { disk, file, path, needsNameSync: mayCreate && (flags & JOURNALS) !== 0 });
      outFlags.setInt32(0, flags, true);
      return code.SQLITE_OK;
    });
  }

  xClose(id: number): number {
    this.#files.delete(id);
    return code.SQLITE_OK;
  }

  xRead(id: number, into: Uint8Array, offset: number): number {
    return this.#onFile(id, code.SQLITE_IOERR_READ, ({ file }) => {
      const count = file.read(into, offset);
      if (count === into.length) return code.SQLITE_OK;
      into.fill(0, count);
      return code.SQLITE_IOERR_SHORT_READ;
    });
  }

  xWrite(id: number, bytes: Uint8Array, offset: number): number {
    return this.#onFile(id, code.SQLITE_IOERR_WRITE, ({ file }) => {
      try {
        file.write(offset, bytes);
      } catch (error) {
        if (error instanceof DiskError && error.code === 'ENOSPC') return code.SQLITE_FULL;
        throw error;
      }
      return code.SQLITE_OK;
    });
  }

  xTruncate(id: number, length: number): number {
    return this.#onFile(id, code.SQLITE_IOERR_TRUNCATE, ({ file }) => {
      file.truncate(length);
      return code.SQLITE_OK;
    });
  }

  xSync(id: number, _flags: number): number {
    return this.#onFile(id, code.SQLITE_IOERR_FSYNC, (open) => {
      open.file.sync();
      if (open.needsNameSync) {
        open.needsNameSync = false;
        // SQLite's Unix code does not look at the outcome of this sync either.
        attempted(code.SQLITE_OK, () => {
          open.disk.door.syncDirectory(directoryOf(open.path));
          return code.SQLITE_OK;
        });
      }
      return code.SQLITE_OK;
    });
  }

  xFileSize(id: number, out: DataView): number {
    return this.#onFile(id, code.SQLITE_IOERR_FSTAT, ({ file }) => {
      out.setBigInt64(0, BigInt(file.size), true);
      return code.SQLITE_OK;
    });
  }

  xDelete(name: string, syncDirectory: number): number {
    return this.#onDisk(code.SQLITE_IOERR_DELETE, (disk) => {
      const path = pathOf(disk, name);
      if (!disk.door.exists(path)) return code.SQLITE_IOERR_DELETE_NOENT;
      disk.door.unlink(path);
      if (syncDirectory === 0) return code.SQLITE_OK;
      return attempted(code.SQLITE_IOERR_DIR_FSYNC, () => {
        disk.door.syncDirectory(directoryOf(path));
        return code.SQLITE_OK;
      });
    });
  }

  xAccess(name: string, _flags: number, out: DataView): number {
    return this.#onDisk(code.SQLITE_IOERR_ACCESS, (disk) => {
      out.setInt32(0, disk.door.exists(pathOf(disk, name)) ? 1 : 0, true);
      return code.SQLITE_OK;
    });
  }

  xLock(): number {
    return code.SQLITE_OK;
  }

  xUnlock(): number {
    return code.SQLITE_OK;
  }

  xCheckReservedLock(_id: number, out: DataView): number {
    out.setInt32(0, 0, true);
    return code.SQLITE_OK;
  }

  xFileControl(): number {
    return code.SQLITE_NOTFOUND;
  }

  xSectorSize(): number {
    return SECTOR_BYTES;
  }

  xDeviceCharacteristics(): number {
    return code.SQLITE_IOCAP_POWERSAFE_OVERWRITE;
  }

  #onDisk(failure: number, act: (disk: VfsDisk) => number): number {
    const { disk } = this;
    return disk === null || disk.isAbandoned ? code.SQLITE_IOERR : attempted(failure, () => act(disk));
  }

  #onFile(id: number, failure: number, act: (open: VfsFile) => number): number {
    const open = this.#files.get(id);
    return open === undefined || open.disk.isAbandoned
      ? code.SQLITE_IOERR
      : attempted(failure, () => act(open));
  }
}

/** The disk's refusals are answered as SQLite's Unix code answers errors of the system; only mistakes of ours go on. */
function attempted(failure: number, act: () => number): number {
  try {
    return act();
  } catch (error) {
    if (error instanceof PowerIsOff || error instanceof DiskError) return failure;
    throw error;
  }
}

function pathOf(disk: VfsDisk, name: string): string {
  return disk.path + name.slice(DATABASE_NAME.length);
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1) || '.';
}
