/**
 * Settlement files in the database that all hosts share: whichever host wrote one, every host serves it, and a backup
 * of the books has them. The same promises as a folder's (`../../clearing/folder-files.ts`).
 */
import { PosError } from '../../../protocol/index.ts';
import { checkFileName, type FilePort } from '../../clearing/file-port.ts';
import type { PgDriver } from './pg-driver.ts';

/** Grows only, as every table of the books: it has a trigger that refuses to change or delete. */
export const FILE_BYTES_TABLE = 'settlementBytes';

const WRITE_SQL = `INSERT INTO "${FILE_BYTES_TABLE}" ("name", "bytes") VALUES ($1, $2) ON CONFLICT ("name") DO NOTHING`;
const READ_SQL = `SELECT "bytes" FROM "${FILE_BYTES_TABLE}" WHERE "name" = $1`;
const LIST_SQL = `SELECT "name" FROM "${FILE_BYTES_TABLE}" ORDER BY "name"`;

/**
 * @param connection the files' own; stays the caller's to close
 * Every act rejects with STORE_FAILED when no server takes writes, `write` also with STORE_UNKNOWN when its answer never
 * came: then the file is there whole or not at all, and the next run of the clearing looks.
 */
export function postgresFiles(connection: PgDriver): FilePort {
  return {
    async write(name, bytes) {
      checkFileName(name);
      const { changes } = await connection.run(WRITE_SQL, [name, bytes]);
      if (changes === 0) throw new PosError('FILE_EXISTS', name);
    },
    async read(name) {
      checkFileName(name);
      const [row] = await connection.ask(READ_SQL, [name]);
      return row?.['bytes'] as Buffer | undefined;
    },
    async list() {
      const rows = await connection.ask(LIST_SQL, []);
      return rows.map((row) => row['name'] as string);
    },
  };
}
