/**
 * The database's files on this machine, proven before they are opened for writing: SQLite would make a new
 * database where one is lost, and drop what follows a bad frame of its log.
 */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { PosError } from '../../protocol/index.ts';
import { type Mark, type MarkSlots, markedRecord, readMark } from './commit-mark.ts';
import { proveSchema } from './node-schema.ts';
import { type Depth, damaged, headsOf, proveSound } from './soundness.ts';
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
  const record = markedRecord(mark);
  const log = `${path}-wal`;
  if ((await sizeOf(path)) === 0) {
    if (record !== null || (await sizeOf(log)) > 0) throw lost(path, record);
    return 'new';
  }
  const { soundFrames, damage } = await readWal(bytesOf(log));
  if (damage !== null) {
    const { frame, offset, commitsBehind } = damage;
    const behind = commitsBehind === null ? '' : `, 其后至少 at least ${commitsBehind} commits behind it`;
    throw damaged(
      `预写日志 write-ahead log ${log}: 第 ${frame} 帧, 字节 ${offset} frame ${frame} at byte ${offset}${behind}`,
      `主库文件及日志前 ${soundFrames} 帧 the database file, and the log's first ${soundFrames} frames`,
    );
  }
  // Before SQLite opens the file: closing a second descriptor would drop the locks of the first.
  const header = await headerOf(path);
  const hasRecords = await proveReadOnly(path, { depth, mark: record, file: () => proveFormat(header) });
  // A mark that was made before there was a record says nothing of a database that has some: it was put here, or killed
  // before its first mark.
  return mark === null || (record === null && hasRecords) ? 'unmarked' : 'marked';
}

/** Whether its journal has a record. */
async function proveReadOnly(
  path: string,
  options: Pick<Parameters<typeof proveSound>[1], 'depth' | 'mark' | 'file'>,
): Promise<boolean> {
  const driver = await openSqlite(path, 'to read').catch((error: unknown) => {
    if (!(error instanceof PosError) || error.code !== 'STORE_DAMAGED') throw error;
    throw damaged(`${path}: ${error.detail}`, '无法读取 it cannot be read', error);
  });
  try {
    await proveSound(driver, { ...options, schema: proveSchema });
    return (await headsOf(driver)).length > 0;
  } finally {
    await driver.close();
  }
}

/**
 * The header's format versions: 1 rollback journal, 2 write-ahead log. SQLite writes nothing else; of a higher
 * write version it only reads, and no integrity check says so: the host would fail at its first commit.
 * Source: the SQLite file format, "File format version numbers".
 */
const FORMAT_VERSIONS = [
  { at: 18, name: '写格式 write version' },
  { at: 19, name: '读格式 read version' },
] as const;
const HEADER_BYTES = 100;
/** Of a log. */
const CHUNK_BYTES = 2 ** 20;
const VERSIONS_KNOWN: readonly (number | undefined)[] = [1, 2];

/** @throws STORE_DAMAGED naming the byte */
function proveFormat(header: Buffer): void {
  for (const { at, name } of FORMAT_VERSIONS)
    if (!VERSIONS_KNOWN.includes(header[at]))
      throw new PosError(
        'STORE_DAMAGED',
        `文件头 header, 字节 byte ${at}: ${name} ${header[at] ?? ''}, 应为 must be 1, 2`,
      );
}

async function headerOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer;
  } finally {
    await file.close();
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

/** The file in chunks, however long it is; none where there is no file. */
async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  if ((await sizeOf(path)) === 0) return;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) yield chunk as Buffer;
}

function noneWhenAbsent<T>(none: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT') return none;
    throw error;
  };
}
