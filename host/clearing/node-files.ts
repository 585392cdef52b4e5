/** Settlement files in a folder of this machine. An adapter: the only place of clearing that touches a disk. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PosError } from '../../protocol/index.ts';
import { checkFileName, type FilePort } from './file-port.ts';

/** Names of unfinished files begin so; `list` leaves them out and the next start removes them. */
const UNFINISHED = '.writing-';

/**
 * Opens the folder, making it when it is not there.
 *
 * A file is written under another name, synced, then linked to its own: the link fails when the name is
 * taken, so that two writers cannot overwrite each other, and a power loss leaves the whole file or none.
 */
export async function nodeFiles(folder: string): Promise<FilePort> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    if (name.startsWith(UNFINISHED)) await unlink(join(folder, name));
  }
  return {
    write: (name, bytes) => writeNew(folder, name, bytes),
    async read(name) {
      checkFileName(name);
      try {
        return await readFile(join(folder, name));
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return undefined;
        throw error;
      }
    },
    async list() {
      const names = await readdir(folder);
      return names.filter((name) => !name.startsWith('.')).sort();
    },
  };
}

async function writeNew(folder: string, name: string, bytes: Buffer): Promise<void> {
  checkFileName(name);
  const unfinished = join(folder, UNFINISHED + randomBytes(8).toString('hex'));
  const file = await open(unfinished, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(unfinished, join(folder, name));
  } catch (error) {
    if (isErrno(error, 'EEXIST')) throw new PosError('FILE_EXISTS', name);
    throw error;
  } finally {
    await unlink(unfinished);
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
