/** The mark's two slots in a file of this machine. An adapter: what stands in them is commit-mark.ts's. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensure } from '../../protocol/index.ts';
import { type MarkSlots, SLOT_BYTES } from './commit-mark.ts';

export interface NodeMarkSlots extends MarkSlots {
  close(): Promise<void>;
}

/** The file is made at the first write, so that a start that is refused leaves nothing behind. */
export function nodeMarkSlots(path: string): NodeMarkSlots {
  let opened: Promise<FileHandle> | undefined;
  return {
    async read(slot) {
      let file: FileHandle;
      try {
        file = await open(path, 'r');
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return null;
        throw error;
      }
      try {
        const { buffer, bytesRead } = await file.read(
          Buffer.alloc(SLOT_BYTES),
          0,
          SLOT_BYTES,
          slot * SLOT_BYTES,
        );
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
    async write(slot, bytes) {
      opened ??= openToWrite(path);
      // What could not be opened now is tried again at the next write.
      opened.catch(() => {
        opened = undefined;
      });
      const file = await opened;
      await file.write(bytes, 0, bytes.length, slot * SLOT_BYTES);
    },
    async close() {
      await (await opened)?.close();
      opened = undefined;
    },
  };
}

/**
 * A write is on the disk when it returns, as with fdatasync behind it (open(2), O_DSYNC): one call instead of two.
 * Linux and macOS have it; where it is missing nothing may pretend to write through.
 */
const WRITES_THROUGH = constants.O_RDWR | writesThrough(constants.O_DSYNC as number | undefined);

function writesThrough(flag: number | undefined): number {
  ensure(flag !== undefined, 'this system cannot write through (O_DSYNC)');
  return flag;
}

/** Made at its full size, and its name synced: a later write changes one sector of data and nothing else. */
async function openToWrite(path: string): Promise<FileHandle> {
  try {
    return await open(path, WRITES_THROUGH);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  const file = await open(path, WRITES_THROUGH | constants.O_CREAT | constants.O_EXCL, 0o600);
  await file.write(Buffer.alloc(2 * SLOT_BYTES), 0, 2 * SLOT_BYTES, 0);
  await file.sync();
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return file;
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
