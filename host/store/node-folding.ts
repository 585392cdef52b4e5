/** The log's folding on this machine. An adapter: what is folded when is log-folding.ts's. */
import { open } from 'node:fs/promises';
import { PosError } from '../../protocol/index.ts';
import { type DatabaseFile, FoldingDriver, type LogLengths } from './log-folding.ts';
import { openSqlite, type SqlDriver } from './sqlite-driver.ts';

/**
 * The database of a connection, with its log folded beside it. The connection is the driver's from then on.
 * @throws STORE_FAILED; then the connection is as it was
 */
export async function foldBeside(writer: SqlDriver, path: string, lengths?: LogLengths): Promise<SqlDriver> {
  const folder = await openSqlite(path);
  try {
    return new FoldingDriver({ writer, folder, file: await databaseFile(path) }, lengths);
  } catch (cause) {
    await folder.close();
    throw new PosError(
      'STORE_FAILED',
      `${path}: ${(cause as NodeJS.ErrnoException).code ?? 'it cannot be opened'}`,
      { cause },
    );
  }
}

/**
 * To be closed when SQLite's connections are: closing any descriptor of a file drops all locks that the process has
 * on it (fcntl(2)).
 */
async function databaseFile(path: string): Promise<DatabaseFile> {
  const file = await open(path, 'r');
  return { sync: () => file.datasync(), close: () => file.close() };
}
