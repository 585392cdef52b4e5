import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalDisk } from './disk.ts';
import { lockDirectory } from './node-lock.ts';

/** The journal's directory, for this process alone. It is made when it is not there. @throws NOT_ALLOWED_NOW */
export async function openNodeDisk(directory: string): Promise<JournalDisk> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const release = await lockDirectory(directory);
  return { ...nodeDisk(directory), release };
}

/** The same without the lock, for somebody who only reads. */
export function nodeDisk(directory: string): JournalDisk {
  return {
    release: () => Promise.resolve(),
    list: async () => readdir(directory),
    read: async (name) => readFile(join(directory, name)),
    append: async (name, bytes) => {
      const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
      const file = await open(join(directory, name), flags, 0o600);
      let isNew = false;
      try {
        isNew = (await file.stat()).size === 0;
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      // A new name is on the disk only once its directory is.
      if (isNew) await syncDirectory(directory);
    },
    truncate: async (name, length) => {
      const file = await open(join(directory, name), 'r+');
      try {
        await file.truncate(length);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    place: async (name, bytes) => {
      const temporary = join(directory, `${name}.new`);
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(directory, name));
      await syncDirectory(directory);
    },
  };
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
