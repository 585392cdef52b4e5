/** The tokens file on this machine's disk: made at the first start, readable by its owner only. */
import { open, readFile, stat } from 'node:fs/promises';
import { PosError } from '../../protocol/index.ts';
import type { Random } from '../clock.ts';
import { firstTokens, parseTokens, type Token } from './tokens.ts';

/**
 * Reads the file, or makes it with one admin token.
 *
 * @throws CONFIG_BAD when others than the owner may read it, or its content is wrong
 */
export async function openTokens(
  path: string,
  random: Random,
): Promise<{ readonly tokens: readonly Token[]; readonly made: boolean }> {
  const made = await makeFirst(path, random);
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new PosError(
      'CONFIG_BAD',
      `${path}: 权限应为 0600 its mode must be 0600, it is ${(mode & 0o777).toString(8)}`,
    );
  }
  return { tokens: parseTokens(await readFile(path, 'utf8'), path), made };
}

async function makeFirst(path: string, random: Random): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(firstTokens(random), null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
