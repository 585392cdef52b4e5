/** Which database the host runs on, by one setting: a file in its data folder, or a PostgreSQL server. */
import { access, chmod } from 'node:fs/promises';
import type { HostConfig } from './config.ts';
import type { HostOutside } from './open-host.ts';
import type { MarkSlots } from './store/commit-mark.ts';
import { proveDatabase } from './store/node-database.ts';
import { connect } from './store/postgres/node-connections.ts';
import { hasBooks } from './store/postgres/postgres-store.ts';
import { DEPTHS, type Depth } from './store/soundness.ts';
import { openSqlite } from './store/sqlite-driver.ts';
import { cacheSettings } from './store/sqlite-settings.ts';

export interface HostDatabase {
  /** As metrics name it. */
  readonly name: 'sqlite' | 'postgres';
  /** Whether a host has worked on it before: then its keys must be there too. */
  hasBooks(): Promise<boolean>;
  /**
   * Looks at it as it lies there, before anything can change it.
   * @returns `unmarked`: nothing says how far it should go
   */
  prove(marks: MarkSlots): Promise<'new' | 'marked' | 'unmarked'>;
  /** What the host is given; its own from then on. */
  open(): Promise<Pick<HostOutside, 'driver' | 'reader' | 'depth'>>;
}

/** @param path of the file, where no server is named */
export function databaseOf(config: HostConfig, path: string): HostDatabase {
  return config.storeUrl === '' ? fileDatabase(config, path) : serverDatabase(config);
}

/** The setting is one of them: it was judged when it was read. */
function depthOf(config: HostConfig): Depth {
  return DEPTHS.find((depth) => depth === config.databaseCheck) ?? 'full';
}

function fileDatabase(config: HostConfig, path: string): HostDatabase {
  return {
    name: 'sqlite',
    hasBooks: () =>
      access(path).then(
        () => true,
        () => false,
      ),
    prove: (marks) => proveDatabase(path, { depth: depthOf(config), marks }),
    // One connection that writes, and one that reads while it does.
    async open() {
      const driver = await openSqlite(path);
      try {
        await chmod(path, 0o600);
        await driver.exec(cacheSettings(config.databaseCacheMiB));
        return { driver, reader: await openSqlite(path, 'to read') };
      } catch (error) {
        await driver.close();
        throw error;
      }
    },
  };
}

/** A server proves its pages itself; what it holds is proven when the store is open (`proveContents`). */
function serverDatabase(config: HostConfig): HostDatabase {
  return {
    name: 'postgres',
    async hasBooks() {
      const connections = connect(config.storeUrl);
      try {
        return await hasBooks(connections);
      } finally {
        await connections.close();
      }
    },
    prove: async () => 'marked',
    open: async () => ({ driver: connect(config.storeUrl), depth: depthOf(config) }),
  };
}
