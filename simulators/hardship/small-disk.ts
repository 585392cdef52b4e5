/** A file system of a few MiB in memory that can be filled and emptied: what disk-full is tried on. */
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILLER = 'filler';

/** Undefined: small disks can be made here. Otherwise why not. */
export function whyNoSmallDisk(): string | undefined {
  if (process.platform !== 'linux') return 'tmpfs is of Linux';
  if (process.getuid?.() !== 0) return 'mounting a tmpfs needs root';
  const { error, status } = spawnSync('unshare', [
    '--mount',
    'mount',
    '-t',
    'tmpfs',
    '-o',
    'size=64k',
    'tmpfs',
    '/mnt',
  ]);
  return error === undefined && status === 0 ? undefined : 'a tmpfs cannot be mounted here';
}

export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(folder: string, mebibytes: number): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true });
    run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  /** Leaves about so many bytes free; whole blocks, so that 0 is full. */
  async fill(leave: number): Promise<void> {
    await this.empty();
    const { bavail, bsize } = await statfs(this.folder);
    const blocks = Math.max(0, bavail - Math.floor(leave / bsize));
    try {
      await writeFile(join(this.folder, FILLER), Buffer.alloc(blocks * bsize));
    } catch (error) {
      // Somebody wrote in between and took a block of it: full is full.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  /** Space is made. */
  async empty(): Promise<void> {
    await rm(join(this.folder, FILLER), { force: true });
  }

  /** @param keep what lies on it goes into a folder beside it */
  remove(keep = false): void {
    if (keep)
      cpSync(this.folder, `${this.folder}.kept`, {
        recursive: true,
        filter: (path) => !path.endsWith(FILLER),
      });
    run('umount', ['--lazy', this.folder]);
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined || status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}
