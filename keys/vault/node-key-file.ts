/** The key file on a real disk: replaced as a whole, durable before `write` resolves. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PosError } from '../../protocol/index.ts';
import type { KeyFilePort } from './vault.ts';

/** Nobody but the owner reads or writes it. */
const MODE = 0o600;

/**
 * Temporary file, fsync, rename, fsync of the folder: a crash at any point leaves the old file or the
 * new one. The temporary file lies in the same folder, which must exist.
 *
 * One file serves one vault at a time. Before it is replaced it is looked at once more: when another process
 * has written it since, its keys would be lost, so the write is refused.
 *
 * @throws KEY_FILE the disk refused, or another process changed the file; the old file stands
 */
export function nodeKeyFile(path: string): KeyFilePort {
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  // What stood in the file when this port saw it last; null before the first look.
  let seen: Buffer | 'no file' | null = null;

  async function look(): Promise<Buffer | undefined> {
    try {
      return await readFile(path);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw refused('cannot be read', error);
    }
  }

  return {
    async read() {
      const bytes = await look();
      seen = bytes ?? 'no file';
      return bytes;
    },
    async write(bytes) {
      if (seen !== null && !isSame(seen, await look())) throw changedByAnother();
      try {
        await rm(temporary, { force: true });
        const file = await open(temporary, 'wx', MODE);
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
        const folder = await open(dirname(path), 'r');
        try {
          await folder.sync();
        } finally {
          await folder.close();
        }
        seen = Buffer.from(bytes);
      } catch (error) {
        throw refused('cannot be written', error);
      }
    },
  };
}

function isSame(seen: Buffer | 'no file', now: Buffer | undefined): boolean {
  return seen === 'no file' ? now === undefined : now?.equals(seen) === true;
}

function changedByAnother(): PosError {
  return new PosError(
    'KEY_FILE',
    'key file: another process changed it since it was read: end the other one, start again, repeat the act',
  );
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function refused(what: string, cause: unknown): PosError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new PosError(
    'KEY_FILE',
    `key file: it ${what} (${code}): check the folder, its owner and its space`,
    { cause },
  );
}
