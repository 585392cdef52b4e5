/** Settlement files in a folder: written whole under their name or not at all, and never overwritten. */
import { posix } from 'node:path';
import { PosError } from '../../protocol/index.ts';
import type { Random } from '../clock.ts';
import { checkFileName, type FilePort } from './file-port.ts';
import type { SettlementFiles } from './file-system.ts';

/** Names of unfinished files begin so; `list` leaves them out and the next start removes them. */
const UNFINISHED = '.writing-';

/**
 * Opens the folder, making it when it is not there.
 *
 * A file is written under another name, synced, then linked to its own: the link fails when the name is
 * taken, so that two writers cannot overwrite each other, and a power loss leaves the whole file or none.
 * A name that is shown is on the disk: who finds a file may rely on it as if he had written it himself.
 *
 * @param random for the names of unfinished files
 */
export async function folderFiles(files: SettlementFiles, folder: string, random: Random): Promise<FilePort> {
  await files.makeDirectory(folder);
  const opened = new FolderFiles(files, folder, random);
  await opened.removeUnfinished();
  return opened;
}

class FolderFiles implements FilePort {
  readonly #files: SettlementFiles;
  readonly #folder: string;
  readonly #random: Random;
  /** Changes of names so far; the first stands for what a process left that ended before its sync. */
  #changes = 1;
  /** So many of them are on the disk. */
  #kept = 0;

  constructor(files: SettlementFiles, folder: string, random: Random) {
    this.#files = files;
    this.#folder = folder;
    this.#random = random;
  }

  async removeUnfinished(): Promise<void> {
    for (const name of await this.#files.list(this.#folder)) {
      if (name.startsWith(UNFINISHED)) await this.#files.unlink(this.#at(name));
    }
    await this.#settleNames();
  }

  async write(name: string, bytes: Buffer): Promise<void> {
    checkFileName(name);
    const unfinished = this.#at(UNFINISHED + this.#random.bytes(8).toString('hex'));
    try {
      await this.#writeWhole(unfinished, bytes);
      // Counted before and after: a sync of another's that runs at this moment may miss the name.
      this.#changes += 1;
      await this.#files.link(unfinished, this.#at(name));
      this.#changes += 1;
    } catch (error) {
      // It says nothing of the file under its name; what cannot be removed now is at the next start.
      await this.#files.unlink(unfinished).catch(() => undefined);
      if (hasCode(error, 'EEXIST')) throw new PosError('FILE_EXISTS', name);
      throw error;
    }
    await this.#files.unlink(unfinished);
    await this.#settleNames();
  }

  async read(name: string): Promise<Buffer | undefined> {
    checkFileName(name);
    await this.#settleNames();
    try {
      return await this.#files.read(this.#at(name));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async list(): Promise<readonly string[]> {
    await this.#settleNames();
    const names = await this.#files.list(this.#folder);
    return names.filter((name) => !name.startsWith('.')).sort();
  }

  async #writeWhole(path: string, bytes: Buffer): Promise<void> {
    const file = await this.#files.open(path, 'new');
    try {
      await file.write(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #settleNames(): Promise<void> {
    const changes = this.#changes;
    if (this.#kept >= changes) return;
    await this.#files.syncDirectory(this.#folder);
    this.#kept = Math.max(this.#kept, changes);
  }

  #at(name: string): string {
    return posix.join(this.#folder, name);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
