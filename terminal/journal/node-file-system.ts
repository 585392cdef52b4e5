import { mkdir, open, readdir, readFile, realpath, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JournalDisk } from './disk.ts';
import { fileDisk } from './file-disk.ts';
import type { JournalFile, JournalFiles } from './file-system.ts';
import { lockDirectory } from './node-lock.ts';

/** Only the shop's own account reads the journal. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** How node names the modes. */
const FLAGS = { append: 'a', replace: 'w' } as const;

/** The files of this machine. */
export const nodeFileSystem: JournalFiles = {
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  open: openFile,
  rename: (from, to) => rename(from, to),
  syncDirectory,
};

/** The journal's directory, for this process alone. It is made when it is not there. @throws NOT_ALLOWED_NOW */
export async function openNodeDisk(directory: string): Promise<JournalDisk> {
  await makeDirectory(directory);
  const release = await lockDirectory(directory);
  return { ...fileDisk(nodeFileSystem, directory), release };
}

async function openFile(path: string, mode: keyof typeof FLAGS): Promise<JournalFile> {
  const handle = await open(path, FLAGS[mode], FILE_MODE);
  return {
    size: async () => (await handle.stat()).size,
    // All of them: a write that the system cut short is gone on with.
    write: (bytes) => handle.appendFile(bytes),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

/** A directory whose own name was never synced could vanish in a power cut, with the journal in it. */
async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  if (first === undefined) return;
  const top = dirname(await realpath(first));
  for (let made = dirname(await realpath(directory)); made.length >= top.length; made = dirname(made)) {
    await syncDirectory(made);
    if (made === top) return;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
