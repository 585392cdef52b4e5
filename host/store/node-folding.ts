/** The log's folding on this machine. An adapter: what is folded when is log-folding.ts's. */
import { close, fdatasync, open as openFile } from 'node:fs';
import { promisify } from 'node:util';
import { PosError } from '../../protocol/index.ts';
import { type DatabaseFile, FoldingDriver, type FoldingParts, type LogLengths } from './log-folding.ts';
import { openSqlite, type SqlDriver } from './sqlite-driver.ts';
import { LOOK_SETTINGS } from './sqlite-settings.ts';

/**
 * The database of a connection, with its log folded and what is committed looked at beside it. The connection is the driver's
 * from then on.
 * @throws STORE_FAILED; then the connection is as it was
 */
export async function openFolding(
  parts: Pick<FoldingParts, 'writer' | 'failed'> & { readonly path: string },
  lengths?: LogLengths,
): Promise<FoldingDriver> {
  const { writer, failed, path } = parts;
  const opened: SqlDriver[] = [];
  const open = async (how: 'to write' | 'to read', settings = '') => {
    const connection = await openSqlite(path, how);
    opened.push(connection);
    await connection.exec(settings);
    return connection;
  };
  try {
    const [folder, reader] = [await open('to write'), await open('to read', LOOK_SETTINGS)];
    return new FoldingDriver({ writer, folder, reader, file: await databaseFile(path), failed }, lengths);
  } catch (cause) {
    for (const connection of opened) await connection.close();
    if (cause instanceof PosError) throw cause;
    throw new PosError('STORE_FAILED', `${path}: ${(cause as NodeJS.ErrnoException).code ?? ''}`, { cause });
  }
}

/**
 * To be closed when SQLite's connections are, and not before: closing any descriptor of a file drops all locks that the
 * process has on it (fcntl(2)). So it is a plain number: a FileHandle that nobody holds any more is closed by Node.
 */
async function databaseFile(path: string): Promise<DatabaseFile> {
  const file = await promisify(openFile)(path, 'r');
  return { sync: () => promisify(fdatasync)(file), close: () => promisify(close)(file) };
}
