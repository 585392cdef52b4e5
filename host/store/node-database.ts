/**
 * The database's files on this machine, proven before they are opened for writing: SQLite would make a new
 * database where one is lost, and drop what follows a bad frame of its log.
 */
import { readFile, stat } from 'node:fs/promises';
import { PosError } from '../../protocol/index.ts';
import { type Mark, type MarkSlots, readMark } from './commit-mark.ts';
import { proveSchema } from './node-schema.ts';
import { type Depth, damaged, proveSound } from './soundness.ts';
import { openSqlite } from './sqlite-driver.ts';
import { readWal } from './wal.ts';

/**
 * Only reads: whatever is found, files and log are left as they are.
 *
 * @returns `new`: there is none; `unmarked`: sound as far as it goes, but nothing says how far it should go
 * @throws STORE_DAMAGED with the report; STORE_BUSY, STORE_FAILED when it cannot be opened now
 */
export async function proveDatabase(
  path: string,
  { depth, marks }: { readonly depth: Depth; readonly marks: MarkSlots },
): Promise<'new' | 'marked' | 'unmarked'> {
  const mark = await readMark(marks);
  const log = await bytesOf(`${path}-wal`);
  if ((await sizeOf(path)) === 0) {
    if (mark !== null || log.length > 0) throw lost(path, mark);
    return 'new';
  }
  const { soundFrames, damage } = readWal(log);
  if (damage !== null) {
    const { frame, offset, commitsBehind } = damage;
    const behind = commitsBehind === null ? '' : `, 其后至少 at least ${commitsBehind} commits behind it`;
    throw damaged(
      `预写日志 write-ahead log ${path}-wal: 第 ${frame} 帧, 字节 ${offset} frame ${frame} at byte ${offset}${behind}`,
      `主库文件及日志前 ${soundFrames} 帧 the database file, and the log's first ${soundFrames} frames`,
    );
  }
  await proveReadOnly(path, depth, mark);
  return mark === null ? 'unmarked' : 'marked';
}

async function proveReadOnly(path: string, depth: Depth, mark: Mark | null): Promise<void> {
  const driver = await openSqlite(path, 'to read').catch((error: unknown) => {
    if (!(error instanceof PosError) || error.code !== 'STORE_DAMAGED') throw error;
    throw damaged(`${path}: ${error.detail}`, '无法读取 it cannot be read', error);
  });
  try {
    await proveSound(driver, { depth, mark, schema: proveSchema });
  } finally {
    await driver.close();
  }
}

function lost(path: string, mark: Mark | null): PosError {
  const upTo =
    mark === null
      ? ''
      : `; 已确认至 acknowledged up to ${mark.stream} 第 ${mark.sequence} 条 record ${mark.sequence}`;
  return damaged(
    `数据库文件不存在或为空 the database file is missing or empty: ${path}${upTo}`,
    '无 nothing',
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(({ size }) => size, noneWhenAbsent(0));
}

async function bytesOf(path: string): Promise<Buffer> {
  return readFile(path).catch(noneWhenAbsent(Buffer.alloc(0)));
}

function noneWhenAbsent<T>(none: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT') return none;
    throw error;
  };
}
