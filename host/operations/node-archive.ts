/**
 * A year leaves the books of a PostgreSQL store: exported, read again, compared, and only then detached, in one
 * transaction with the entry that carries its sums forward and the journal's record of who did it. Nothing is deleted:
 * the detached tables stay, and dropping them is nobody's command here.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PosError } from '../../protocol/index.ts';
import { actRecord } from '../journal/act-record.ts';
import type { Entry } from '../ledger/model.ts';
import { provenBooks } from '../ledger/proofs.ts';
import { nodeClock } from '../node-clock.ts';
import type { StorePort } from '../store/port.ts';
import {
  ATTACHED_SQL,
  DEPENDS_SQL,
  datesSql,
  type Leaving,
  leaveSql,
  sealSql,
} from '../store/postgres/leave-year.ts';
import { connect } from '../store/postgres/node-connections.ts';
import { openPostgresStore, type PostgresConnections } from '../store/postgres/postgres-store.ts';
import { synced } from './node-synced.ts';
import { type ArchivedFile, type ArchiveManifest, Carried, carriedEntry, checkAge } from './year-archive.ts';

const TABLES = ['entries', 'transactions'] as const;
/** Its records have a stream of their own, so that it may run beside any host. */
const STREAM = 'archive';

/**
 * @param options.to a folder that is not there yet; it appears under its name when all in it is proven and on the disk
 * @throws ALREADY_EXISTS, INPUT_BAD, NOT_FOUND when the year is not attached, NOT_ALLOWED_NOW when it is too young, an
 *   older one is still there, something that stays names it, or another archiving runs; STORE_DAMAGED, BOOKS_UNBALANCED,
 *   FILE_DAMAGED. Nothing has left the books then
 */
export async function archiveYear(options: {
  readonly storeUrl: string;
  readonly to: string;
  readonly year: string;
  readonly person: string;
  readonly reason: string;
}): Promise<ArchiveManifest> {
  const connections = connect(options.storeUrl);
  const store = await openPostgresStore({
    connections,
    stream: STREAM,
    clock: nodeClock,
    initialBusinessDate: '20000101',
  }).catch(async (error: unknown) => {
    await connections.close();
    throw error;
  });
  try {
    return await store.alone('archive', async () => {
      const { year, to } = options;
      const { day } = await store.read({});
      checkAge(year, day.businessDate);
      const leaving = await leavingOf(connections, year);
      await provenBooks(store);
      const partial = `${to}.partial`;
      await makeFolder(to, partial);
      try {
        const at = nodeClock.now();
        const { files, carried } = await exported(store, connections, year, partial);
        const manifest: ArchiveManifest = {
          format: 'zunka archive 1',
          ...{
            year,
            at,
            files,
            detached: leaving.map(({ partition }) => partition),
            carried: carried.length,
          },
        };
        await writeFile(join(partial, 'archive.json'), `${JSON.stringify(manifest, null, 2)}\n`, {
          mode: 0o600,
        });
        for (const name of ['archive.json', '.']) await synced(join(partial, name));
        const { person, reason } = options;
        const act = actRecord({
          ...{
            person,
            reason,
            at,
            businessDate: day.businessDate,
            role: 'admin',
            before: null,
            after: manifest,
          },
          act: 'books.archive',
          subject: `year:${year}`,
        });
        const entries = [carriedEntry(year, at, carried)];
        const item = { guards: [], changes: { entries }, journal: [act] };
        const [outcome] = await store.commitAlong([item], leaveSql(year, leaving));
        if (outcome?.committed !== true)
          throw outcome?.failure ?? new PosError('STORE_FAILED', `${year} did not leave`);
        await rename(partial, to);
        await synced(dirname(to));
        await provenBooks(store);
        return manifest;
      } catch (error) {
        // Of an outcome that is not known the export is kept: it may be all that is at hand of the year.
        if (!(error instanceof PosError) || error.code !== 'STORE_UNKNOWN')
          await rm(partial, { recursive: true, force: true });
        throw error;
      }
    });
  } finally {
    await store.close();
  }
}

/** The year's partitions, and what was carried before it. */
async function leavingOf({ wide }: PostgresConnections, year: string): Promise<readonly Leaving[]> {
  const leaving: Leaving[] = [];
  for (const table of TABLES) {
    const names = (await wide.ask(ATTACHED_SQL, [table])).map((row) => String(row['name']));
    const yearOf = (name: string) => name.slice(table.length + 1);
    const older = names.find((name) => /^\d{4}$/.test(yearOf(name)) && yearOf(name) < year);
    if (older !== undefined)
      throw new PosError('NOT_ALLOWED_NOW', `${older}: 请先归档更早的年度 an older year leaves first`);
    const going = names.filter((name) => yearOf(name).slice(0, 4) < year || yearOf(name) === year);
    if (!going.includes(`${table}_${year}`))
      throw new PosError('NOT_FOUND', `${table}_${year}: 未挂接 is not attached`);
    for (const partition of going) {
      const [row] = await wide.ask(sealSql(partition), []);
      leaving.push({ table, partition, seal: String(row?.['seal']) });
    }
  }
  const [depends] = await wide.ask(DEPENDS_SQL, [after(year), after(after(year))]);
  if (depends !== undefined)
    throw new PosError(
      'NOT_ALLOWED_NOW',
      `${String(depends['what'])} 仍引用该年度或未了结 still names that year, or is open in it`,
    );
  return leaving;
}

const after = (year: string) => String(Number(year) + 1);

async function makeFolder(to: string, partial: string): Promise<void> {
  const there = await open(to, 'r').then(
    async (folder) => {
      await folder.close();
      return true;
    },
    () => false,
  );
  if (there) throw new PosError('ALREADY_EXISTS', `${to}: 已存在 is there already`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
}

/** Every row is read through its sum, written, and the file is read again; the sums come from what was read again. */
async function exported(store: StorePort, { wide }: PostgresConnections, year: string, folder: string) {
  const files: ArchivedFile[] = [];
  const carried = new Carried();
  for (const table of TABLES) {
    const name = `${table}-${year}.ndjson`;
    const path = join(folder, name);
    const dates = (await wide.ask(datesSql(table), [after(year)])).map((row) => String(row['date']));
    const file = await open(path, 'wx', 0o600);
    const written = createHash('sha256');
    let rows = 0;
    let bytes = 0;
    try {
      for (const businessDate of dates)
        for await (const page of store.scan(table, { businessDate })) {
          const text = Buffer.from(page.map((row) => `${JSON.stringify(row)}\n`).join(''), 'utf8');
          await file.appendFile(text);
          written.update(text);
          rows += page.length;
          bytes += text.length;
        }
      await file.sync();
    } finally {
      await file.close();
    }
    const sha256 = written.digest('hex');
    await readAgain(path, { rows, sha256 }, (line) => {
      if (table === 'entries') carried.add(JSON.parse(line) as Entry);
    });
    files.push({ name, table, rows, bytes, sha256 });
  }
  return { files, carried: carried.postings };
}

/** @throws FILE_DAMAGED when the file does not hold what was written */
async function readAgain(
  path: string,
  wanted: { readonly rows: number; readonly sha256: string },
  take: (line: string) => void,
): Promise<void> {
  let rows = 0;
  const read = createHash('sha256');
  const bytes = createReadStream(path);
  bytes.on('data', (chunk) => read.update(chunk));
  for await (const line of createInterface({ input: bytes })) {
    rows += 1;
    take(line);
  }
  if (rows !== wanted.rows || read.digest('hex') !== wanted.sha256)
    throw new PosError('FILE_DAMAGED', `${path}: 读回与写入不同 does not hold what was written`);
}
