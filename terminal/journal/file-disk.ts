/**
 * The journal's disk over files: in which order written, synced and named, so that a resolved call is
 * durable and a rejected one has done nothing that a restart would misread.
 */
import type { JournalDisk } from './disk.ts';
import type { JournalFile, JournalFiles } from './file-system.ts';

/** @param directory it must be there; everything in it is the journal's. */
export function fileDisk(files: JournalFiles, directory: string): JournalDisk {
  const pathOf = (name: string) => `${directory}/${name}`;
  return {
    release: () => Promise.resolve(),
    list: () => files.list(directory),
    read: (name) => files.read(pathOf(name)),
    append: async (name, bytes) => {
      const file = await files.open(pathOf(name), 'append');
      const wasEmpty = await closing(file, async () => {
        const size = await file.size();
        await file.write(bytes);
        await file.sync();
        return size === 0;
      });
      // A new name is on the disk only once its directory is; one that a cut left empty may not be there yet.
      if (wasEmpty) await files.syncDirectory(directory);
    },
    place: async (name, bytes) => {
      const temporary = pathOf(`${name}.new`);
      const file = await files.open(temporary, 'replace');
      await closing(file, async () => {
        await file.write(bytes);
        await file.sync();
      });
      // Synced before it is named: the name never stands for half a file.
      await files.rename(temporary, pathOf(name));
      await files.syncDirectory(directory);
    },
    note: async (name, bytes) => {
      const file = await files.open(pathOf(name), 'replace');
      await closing(file, () => file.write(bytes));
    },
  };
}

async function closing<T>(file: JournalFile, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } finally {
    await file.close();
  }
}
