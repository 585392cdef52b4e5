/**
 * Backup and restore of the SQLite store on this machine's disk.
 *
 * `VACUUM INTO` from a connection of its own: one read transaction, so that the copy is one moment of the books; in
 * WAL mode it holds no writer up; pages that are free are not copied, so nothing that was wiped or deleted comes
 * along. Refused: SQLite's backup API (npm `sqlite3`, `db.backup`), which begins anew whenever another process has
 * written, so that a busy host's backup never ends, or holds everything up when it is taken in one step; copying
 * the files, which tears.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PosError } from '../../protocol/index.ts';
import { provenBooks } from '../ledger/proofs.ts';
import { nodeClock } from '../node-clock.ts';
import { type MarkSlots, slotOf } from '../store/commit-mark.ts';
import { proveDatabase } from '../store/node-database.ts';
import { nodeMarkSlots } from '../store/node-mark-slots.ts';
import type { StorePort } from '../store/port.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { type BackupManifest, processOf, readManifest, restoreItem } from './backup.ts';
import { synced } from './node-synced.ts';

const DATABASE = 'host.sqlite';
const KEYS = 'keys.sealed';
/** What was done to keys; where keys are in a token too. */
const KEY_LOG = 'keys.log';
/** A master key that is changed saves once for each key: some hundreds of milliseconds. */
const KEY_COPIES_MAX = 100;
const MANIFEST = 'backup.json';
const NO_MARKS: MarkSlots = { read: async () => null, write: async () => undefined };

/**
 * Copies database and key file while the host serves, and proves the copy: pages, rows, journal from its first
 * record, books. The folder appears under its name when all of that is done and on the disk.
 *
 * The key file is read after the database: what the database needs is in it, keys entered meanwhile too. It is
 * sealed; its passphrase is never part of a backup.
 *
 * @param to must not be there yet
 * @throws ALREADY_EXISTS, NOT_FOUND without a database, STORE_DAMAGED, BOOKS_UNBALANCED; nothing is left behind then
 */
export async function backUp(options: {
  readonly dataFolder: string;
  readonly to: string;
  readonly stream: string;
  /** The host's keys are in a token: there is no key file to copy. */
  readonly keysInToken?: boolean;
}): Promise<BackupManifest> {
  const { dataFolder, to } = options;
  if (await isThere(to)) throw new PosError('ALREADY_EXISTS', `${to}: 已存在 is there already`);
  if (!(await isThere(join(dataFolder, DATABASE))))
    throw new PosError('NOT_FOUND', `${join(dataFolder, DATABASE)}: 无数据库 no database`);
  const partial = `${to}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  try {
    const path = join(partial, DATABASE);
    await vacuumInto(join(dataFolder, DATABASE), path);
    await copyKeys(dataFolder, partial, options.keysInToken === true);
    const proven = await provenWith(path, options.stream, async () => undefined);
    const manifest: BackupManifest = {
      format: 'zunka backup 1',
      at: nodeClock.now(),
      ...proven,
      keys: options.keysInToken === true ? 'token' : 'file',
      sha256: await sha256Of(path),
      bytes: (await stat(path)).size,
    };
    await writeFile(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    for (const name of await readdir(partial)) await synced(join(partial, name));
    await synced(partial);
    await rename(partial, to);
    await synced(dirname(to));
    return manifest;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Puts a backup into a data folder without a database, proves it as it lies there, writes into its journal who
 * restored it, and marks its end, so that the next start proves it again and serves.
 *
 * @throws ALREADY_EXISTS when the folder still holds a database or a mark: they may be evidence, so nothing is
 *   overwritten; FILE_DAMAGED when the copy is not what the manifest says; STORE_DAMAGED, BOOKS_UNBALANCED
 */
export async function restoreBackup(options: {
  readonly from: string;
  readonly dataFolder: string;
  readonly stream: string;
  readonly person: string;
  readonly reason: string;
}): Promise<{ readonly manifest: BackupManifest; readonly keysKept: boolean }> {
  const { from, dataFolder } = options;
  const manifest = readManifest(await readFile(join(from, MANIFEST), 'utf8'), join(from, MANIFEST));
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await refuseRemains(dataFolder);
  const path = join(dataFolder, `${DATABASE}.restoring`);
  for (const end of ['', '-wal', '-shm']) await rm(`${path}${end}`, { force: true });
  if ((await sha256Of(join(from, DATABASE))) !== manifest.sha256)
    throw new PosError('FILE_DAMAGED', `${join(from, DATABASE)}: 与清单不符 is not what the manifest says`);
  await copyFile(join(from, DATABASE), path);
  await chmod(path, 0o600);
  const { person, reason } = options;
  const { journal } = await provenWith(path, options.stream, async (store) => {
    const { day } = await store.read({});
    const by = { person, reason, at: nodeClock.now(), businessDate: day.businessDate };
    const subject = `backup:${new Date(manifest.at).toISOString()}`;
    const from = { subject, facts: manifest, journal: manifest.journal };
    const [outcome] = await store.commit([restoreItem(from, by)]);
    if (outcome?.committed !== true) throw new PosError('STORE_FAILED', 'the restore could not be noted');
  });
  const keysKept = await isThere(join(dataFolder, KEYS));
  if (!keysKept && manifest.keys !== 'token') await copyPrivately(KEYS, from, dataFolder);
  // One that is there tells of the time between backup and loss: it is never put back to an older one.
  if (!(await isThere(join(dataFolder, KEY_LOG))) && (await isThere(join(from, KEY_LOG))))
    await copyPrivately(KEY_LOG, from, dataFolder);
  await synced(path);
  await rename(path, join(dataFolder, DATABASE));
  await synced(dataFolder);
  // A cut before this leaves an unmarked database, which the start says; a mark without its database would refuse.
  for (const head of journal) {
    const slots = nodeMarkSlots(join(dataFolder, `acknowledged-${processOf(head.stream)}.mark`));
    await slots.write(0, slotOf(head));
    await slots.close();
  }
  return { manifest, keysKept };
}

async function vacuumInto(from: string, to: string): Promise<void> {
  const driver = await openSqlite(from, 'to read');
  try {
    // Whoever may only query may still copy; the copy is another file.
    await driver.exec('PRAGMA query_only = OFF');
    await driver.run('VACUUM INTO ?', [to]);
  } finally {
    await driver.close();
  }
  await chmod(to, 0o600);
}

/** Proves a database file by reading all of it, lets `act` change it, and says where it then ends. */
async function provenWith(path: string, stream: string, act: (store: StorePort) => Promise<void>) {
  await proveDatabase(path, { depth: 'full', marks: NO_MARKS });
  const store = await openSqliteStore({
    driver: await openSqlite(path),
    stream: `host-${stream}`,
    clock: nodeClock,
    initialBusinessDate: '20000101',
  });
  try {
    const proof = await provenBooks(store);
    await act(store);
    const { day } = await store.read({});
    const journal = await store.journalHeads();
    return { businessDate: day.businessDate, journal, entries: proof.entries };
  } finally {
    await store.close();
  }
}

async function refuseRemains(folder: string): Promise<void> {
  const found = (await readdir(folder)).filter((name) => /^host\.sqlite(-wal|-shm)?$|\.mark$/.test(name));
  if (found.length === 0) return;
  throw new PosError(
    'ALREADY_EXISTS',
    `${folder}: ${found.join(', ')} 请先将整个数据目录移到别处 move the whole data folder elsewhere first: it may be evidence`,
  );
}

async function sha256Of(path: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(path), sum);
  return sum.digest('hex');
}

/**
 * Key file and log as they were at one moment: a log that is newer than its key file would be refused when it is put
 * back. The log comes behind the key file, which names a record of it; both again where keys were changed meanwhile.
 */
async function copyKeys(from: string, to: string, keysInToken: boolean): Promise<void> {
  for (let attempt = 0; attempt < KEY_COPIES_MAX; attempt += 1) {
    if (!keysInToken) await copyPrivately(KEYS, from, to);
    if (await isThere(join(from, KEY_LOG))) await copyPrivately(KEY_LOG, from, to);
    if (keysInToken || (await sha256Of(join(from, KEYS))) === (await sha256Of(join(to, KEYS)))) return;
  }
  throw new PosError(
    'STORE_BUSY',
    `${join(from, KEYS)}: 密钥一直在变,请稍后再备份 keys keep changing, try later`,
  );
}

/** Copies a file of one folder to another, for its owner alone. @throws NOT_FOUND */
async function copyPrivately(name: string, from: string, to: string): Promise<void> {
  if (!(await isThere(join(from, name))))
    throw new PosError('NOT_FOUND', `${join(from, name)}: 无此文件 no such file`);
  await copyFile(join(from, name), join(to, name));
  await chmod(join(to, name), 0o600);
  await synced(join(to, name));
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
