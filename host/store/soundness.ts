/**
 * Is this database sound, as far as it can be known at a start? Only reads. A damaged one is refused with what
 * is sound, what is not and what to do; nothing is ever repaired, cut or believed in part.
 */
import { PosError } from '../../protocol/index.ts';
import { verifyJournal } from '../journal/verify.ts';
import type { Mark } from './commit-mark.ts';
import { readRows } from './damaged-row.ts';
import type { SqlDriver } from './driver.ts';
import { journalRowOf, rowOf } from './row-shape.ts';
import type { JournalRow, Tables } from './rows.ts';
import { specOf, TABLE_NAMES } from './schema.ts';
import { ASTRAY_SQL, HEADS_SQL, PAGE_ROWS, SCAN_STREAM_SQL, scanSql } from './statements.ts';

/**
 * How thoroughly. `journal`: the end of the journal and the mark. `pages`: also SQLite's integrity_check, every
 * page and every index against its table. `full`: also every row against its sum, and the journal from its first
 * record on. Refused: quick_check, half as long, which leaves out the indexes: a known identity is found by one.
 */
export const DEPTHS = ['journal', 'pages', 'full'] as const;
export type Depth = (typeof DEPTHS)[number];

/** Records at the end of each stream that every start computes again. */
export const TAIL_RECORDS = 1_000;
const PROBLEMS_SHOWN = 5;

/** @throws STORE_DAMAGED with the report; STORE_BUSY when another process holds the database */
export async function proveSound(
  driver: SqlDriver,
  options: {
    readonly depth: Depth;
    readonly mark: Mark | null;
    /** Proves that tables, indexes and triggers are what they were made as; where the engine can make others to compare. */
    readonly schema?: (driver: SqlDriver) => Promise<void>;
    /** Proves what no statement shows; where there is a file. */
    readonly file?: () => void;
  },
): Promise<void> {
  try {
    await options.schema?.(driver);
    options.file?.();
    await provePages(driver, options.depth);
    if (options.depth === 'full') await proveRows(driver);
    await proveJournal(driver, options);
  } catch (error) {
    if (!(error instanceof PosError) || error.code === 'STORE_BUSY') throw error;
    throw damaged(error.detail, await soundStreams(driver), error);
  }
}

/**
 * The report, in one shape wherever the damage was found.
 *
 * @param what the first thing that is wrong, in both languages
 * @param sound what is known to be sound
 */
export function damaged(what: string, sound: string, cause?: unknown): PosError {
  return new PosError(
    'STORE_DAMAGED',
    `数据库受损,主机未启动,未作任何改动 the database is damaged; the host did not start and changed nothing\n` +
      `  问题 wrong: ${what}\n` +
      `  完好 sound: ${sound}\n` +
      '  处理 to do: 勿编辑或截短任何文件;先整体复制数据目录,再按 host/README.md「恢复」恢复备份 ' +
      'edit and cut nothing; copy the whole data folder, then restore the backup as host/README.md, "Restoring", says',
    { cause },
  );
}

async function provePages(driver: SqlDriver, depth: Depth): Promise<void> {
  if (depth === 'journal') return;
  const rows = await driver.all(`PRAGMA integrity_check(${PROBLEMS_SHOWN})`, []);
  const problems = rows.map((row) => String(Object.values(row)[0]));
  if (problems.length === 1 && problems[0] === 'ok') return;
  throw new PosError('STORE_DAMAGED', `数据库页 pages: ${problems.join('; ')}`);
}

/**
 * Every row of the port's tables is read: a value that cannot be is named, and `rowOf` compares its sum. And every place
 * can be found, also where an older version wrote it.
 */
async function proveRows(driver: SqlDriver): Promise<void> {
  if (!(await hasTables(driver))) return;
  for (const table of TABLE_NAMES) {
    const key = specOf(table).key as readonly (keyof Tables[typeof table])[];
    let after: readonly unknown[] = [];
    for (;;) {
      const page = await readRows(driver, scanSql(table, [], after.length > 0), after, [table]);
      const rows = page.map(({ kept, body }) => rowOf(table, kept as string, body as string));
      const last = rows.at(-1);
      if (last === undefined) break;
      after = key.map((name) => last[name]);
    }
  }
  const [astray] = await driver.all(ASTRAY_SQL, []);
  if (astray !== undefined)
    throw new PosError(
      'STORE_DAMAGED',
      `交易无标识可循 no identity leads to transaction ${String(astray['transactionId'])}`,
    );
}

async function proveJournal(
  driver: SqlDriver,
  { depth, mark }: { readonly depth: Depth; readonly mark: Mark | null },
): Promise<void> {
  const heads = await headsOf(driver);
  for (const { stream, sequence } of heads) {
    const from = depth === 'full' ? undefined : await recordOf(driver, stream, sequence - TAIL_RECORDS);
    const verdict = await verifyJournal(pagesOf(driver, stream, from?.sequence ?? 0), [], from ? [from] : []);
    const wrong = verdict.streams.find((each) => each.wrong !== null)?.wrong;
    if (wrong) throw wrongRecord(stream, wrong.sequence, wrong.why);
    const [counted] = await driver.all('SELECT count(*) AS "n" FROM "journal" WHERE "stream" = ?1', [stream]);
    if (counted?.['n'] !== sequence) {
      const there = Number(counted?.['n']);
      throw new PosError(
        'STORE_DAMAGED',
        `审计日志 journal ${stream}: ${there} 条,应为 records of ${sequence}`,
      );
    }
  }
  if (mark !== null) await proveMark(driver, mark, heads);
}

/** The mark is written after the commit: a database that does not reach it has lost what was acknowledged. */
async function proveMark(driver: SqlDriver, mark: Mark, heads: readonly Mark[]): Promise<void> {
  const marked = await recordOf(driver, mark.stream, mark.sequence);
  if (marked?.head === mark.head) return;
  const end = heads.find(({ stream }) => stream === mark.stream)?.sequence ?? 0;
  throw new PosError(
    'STORE_DAMAGED',
    marked === undefined
      ? `审计日志 journal ${mark.stream}: 已确认至第 ${mark.sequence} 条,库中止于第 ${end} 条,` +
          `缺 ${mark.sequence - end} 条 acknowledged up to record ${mark.sequence}, the database ends at ${end}: ` +
          `${mark.sequence - end} are lost`
      : `审计日志 journal ${mark.stream}: 第 ${mark.sequence} 条与已确认的不同 record ${mark.sequence} is not the one that was acknowledged`,
  );
}

function wrongRecord(stream: string, sequence: number, why: string): PosError {
  return new PosError(
    'STORE_DAMAGED',
    `审计日志 journal ${stream}: 第 ${sequence} 条 record ${sequence}: ${why}`,
  );
}

/** Every stream from its first record to its first wrong or unreadable one. */
async function soundStreams(driver: SqlDriver): Promise<string> {
  try {
    const told: string[] = [];
    for (const { stream } of await headsOf(driver)) {
      const verdict = await verifyJournal(untilUnreadable(pagesOf(driver, stream, 0)));
      const records = verdict.streams[0]?.records ?? 0;
      told.push(`${stream} 第 1 至 ${records} 条 records 1 to ${records}`);
    }
    return told.length === 0 ? '审计日志为空 the journal is empty' : `审计日志 journal ${told.join('; ')}`;
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    return `审计日志无法读取 the journal cannot be read (${error.detail})`;
  }
}

/** Ends where the database can no longer be read, instead of failing. */
async function* untilUnreadable(
  pages: AsyncIterable<readonly JournalRow[]>,
): AsyncIterable<readonly JournalRow[]> {
  try {
    yield* pages;
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
  }
}

/** Not in a database that nobody has opened before. */
async function hasTables(driver: SqlDriver): Promise<boolean> {
  return (await driver.all(`SELECT 1 FROM sqlite_master WHERE "name" = 'journal'`, [])).length > 0;
}

/** Where each stream stands; none in a database that nobody has opened before. */
export async function headsOf(driver: SqlDriver): Promise<readonly Mark[]> {
  if (!(await hasTables(driver))) return [];
  return (await driver.all(HEADS_SQL, [])) as unknown as readonly Mark[];
}

async function recordOf(driver: SqlDriver, stream: string, sequence: number): Promise<Mark | undefined> {
  if (sequence < 1 || !(await hasTables(driver))) return undefined;
  const [row] = await driver.all(
    'SELECT "stream", "sequence", "head" FROM "journal" WHERE "stream" = ?1 AND "sequence" = ?2',
    [stream, sequence],
  );
  return row as unknown as Mark | undefined;
}

async function* pagesOf(
  driver: SqlDriver,
  stream: string,
  afterSequence: number,
): AsyncIterable<readonly JournalRow[]> {
  let after = afterSequence;
  for (;;) {
    const rows = (await driver.all(SCAN_STREAM_SQL, [stream, after])).map(journalRowOf);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < PAGE_ROWS) return;
    after = last.sequence;
  }
}
