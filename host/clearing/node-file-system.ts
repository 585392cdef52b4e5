/** The files of this machine. An adapter: what is written when stands in folder-files.ts. */
import { link, mkdir, open, readdir, readFile, realpath, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SettlementFile, SettlementFiles } from './file-system.ts';

/** Only the host's own account reads what merchants are paid. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export const nodeSettlementFiles: SettlementFiles = {
  makeDirectory,
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  open: openNew,
  link: (from, to) => link(from, to),
  unlink: (path) => unlink(path),
  syncDirectory,
};

async function openNew(path: string): Promise<SettlementFile> {
  const handle = await open(path, 'wx', FILE_MODE);
  return {
    // All of them: a write that the system cut short is gone on with.
    write: (bytes) => handle.appendFile(bytes),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

/** A directory whose own name was never synced could vanish in a power cut, with the files in it. */
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
