/** Which database the host runs on, by one setting: a file in its data folder, or a PostgreSQL server. */
import { access, chmod, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PosError } from '../protocol/index.ts';
import type { FilePort } from './clearing/file-port.ts';
import { folderFiles } from './clearing/folder-files.ts';
import { nodeSettlementFiles } from './clearing/node-file-system.ts';
import type { HostConfig } from './config.ts';
import { nodeRandom } from './node-random.ts';
import type { HostOutside } from './open-host.ts';
import type { MarkSlots } from './store/commit-mark.ts';
import { type FoldingParts, LOG_SETTINGS } from './store/log-folding.ts';
import { proveDatabase } from './store/node-database.ts';
import { openFolding } from './store/node-folding.ts';
import { connect } from './store/postgres/node-connections.ts';
import { PgDriver } from './store/postgres/pg-driver.ts';
import { postgresFiles } from './store/postgres/postgres-files.ts';
import { hasBooks } from './store/postgres/postgres-store.ts';
import { DEPTHS, type Depth } from './store/soundness.ts';
import { openSqlite, takeFileLock } from './store/sqlite-driver.ts';
import { cacheSettings } from './store/sqlite-settings.ts';

export interface HostDatabase {
  /** As metrics name it. */
  readonly name: 'sqlite' | 'postgres';
  /**
   * Takes it for this process alone where it can have one host only; before anything of it is looked at.
   * @throws STORE_BUSY naming the folder when a host works in it
   */
  take(): Promise<{ release(): Promise<void> }>;
  /** Whether a host has worked on it before: then its keys must be there too. */
  hasBooks(): Promise<boolean>;
  /**
   * Looks at it as it lies there, before anything can change it.
   * @returns `unmarked`: nothing says how far it should go; how thoroughly it was looked at
   */
  prove(
    marks: MarkSlots,
  ): Promise<{ readonly standing: 'new' | 'marked' | 'unmarked'; readonly depth: Depth }>;
  /** Where settlement files go, as a person is told it, and the door to them; the caller closes it. */
  settlementFiles(): Promise<{
    readonly place: string;
    readonly files: FilePort;
    close(): Promise<void>;
  }>;
  /**
   * What the host is given; its own from then on.
   * @param failed told when the log of a file grows, see `FoldingParts.failed`
   */
  open(failed: FoldingParts['failed']): Promise<Pick<HostOutside, 'driver' | 'depth' | 'logBytes'>>;
}

/** @param place a name in the data folder as a path: of the database and the settlement files where no server is named */
export function databaseOf(config: HostConfig, place: (name: string) => string): HostDatabase {
  return config.storeUrl === '' ? fileDatabase(config, place) : serverDatabase(config);
}

/** Up to here the pages take some five seconds. Above, a start would take minutes; every backup reads all of its copy. */
const AUTO_PAGES_BYTES_MAX = 512 * 2 ** 20;

/** @param bytes what a look at every page would have to read */
function depthOf(config: HostConfig, bytes: number): Depth {
  const auto = bytes <= AUTO_PAGES_BYTES_MAX ? 'pages' : 'journal';
  // The setting is one of them, or `auto`: it was judged when it was read.
  return DEPTHS.find((depth) => depth === config.databaseCheck) ?? auto;
}

function fileDatabase(config: HostConfig, place: (name: string) => string): HostDatabase {
  const path = place('host.sqlite');
  const folder = place('settlement');
  return {
    name: 'sqlite',
    take: () => takeFolder(place('host.lock')),
    hasBooks: () =>
      access(path).then(
        () => true,
        () => false,
      ),
    async prove(marks) {
      const size = await stat(path).then(
        ({ size: bytes }) => bytes,
        () => 0,
      );
      const depth = depthOf(config, size);
      return { standing: await proveDatabase(path, { depth, marks }), depth };
    },
    async settlementFiles() {
      const files = await folderFiles(nodeSettlementFiles, folder, nodeRandom);
      return { place: folder, files, close: () => Promise.resolve() };
    },
    // One connection that reads and writes; one that folds the log meanwhile, and the file that it is folded into; one for
    // looks, for which no sale waits.
    async open(failed) {
      const writer = await openSqlite(path);
      try {
        await chmod(path, 0o600);
        await writer.exec(`${cacheSettings(config.databaseCacheMiB)} ${LOG_SETTINGS}`);
        const driver = await openFolding({ writer, failed, path });
        return { driver, logBytes: async () => (await stat(`${path}-wal`)).size };
      } catch (error) {
        await writer.close();
        throw error;
      }
    },
  };
}

/** A second host would keep rows in memory that the first one changes, and prove a log that is being written. */
async function takeFolder(lock: string): Promise<{ release(): Promise<void> }> {
  try {
    const taken = await takeFileLock(lock);
    await chmod(lock, 0o600);
    return taken;
  } catch (cause) {
    if (!(cause instanceof PosError)) throw cause;
    const folder = dirname(lock);
    if (cause.code !== 'STORE_BUSY')
      throw new PosError(
        'CONFIG_BAD',
        `dataFolder: ${folder}: 数据目录不可写(权限、只读或磁盘已满) the data folder cannot be written: permissions, read-only, or a full disk (${cause.detail})`,
        { cause },
      );
    throw new PosError(
      'STORE_BUSY',
      `${folder}: 另一主机进程正在使用该数据目录,请先停止它,或另设 dataFolder another host works in this data folder: stop it first, or give this one a dataFolder of its own`,
      { cause },
    );
  }
}

/** A server proves its pages itself; what it holds is proven when the store is open (`proveContents`). */
function serverDatabase(config: HostConfig): HostDatabase {
  return {
    name: 'postgres',
    take: async () => ({ release: async () => undefined }),
    async hasBooks() {
      const connections = connect(config.storeUrl);
      try {
        return await hasBooks(connections);
      } finally {
        await connections.close();
      }
    },
    prove: async () => ({ standing: 'marked', depth: depthOf(config, 0) }),
    async settlementFiles() {
      const connection = new PgDriver({ url: config.storeUrl, unhurried: true });
      return {
        place: '数据库中 in the database: GET /v1/files',
        files: postgresFiles(connection),
        close: () => connection.close(),
      };
    },
    open: async () => ({ driver: connect(config.storeUrl), depth: depthOf(config, 0) }),
  };
}
