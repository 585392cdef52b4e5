import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readHostConfig } from './config.ts';
import { databaseOf } from './node-store.ts';

const file = suite('the database of one machine: a file in the data folder');

function failed(error: unknown): never {
  throw error;
}

/** What this process has open of a folder. */
function openIn(folder: string): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(folder) ? [target] : [];
    } catch {
      return [];
    }
  });
}

file('has a connection for looks beside the one that writes, and leaves nothing open behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-node-store-'));
  try {
    const database = databaseOf(readHostConfig({ env: {} }), (name) => join(folder, name));
    const { driver } = await database.open(failed);
    assert.ok('exec' in driver, 'a driver of a file');
    await driver.exec('CREATE TABLE "t" ("n" INTEGER); INSERT INTO "t" VALUES (1);');
    await driver.run('BEGIN IMMEDIATE', []);
    await driver.run('INSERT INTO "t" VALUES (2)', []);
    assert.equal(await driver.look?.('SELECT "n" FROM "t"', []), [{ n: 1 }], 'beside the transaction');
    await driver.run('COMMIT', []);
    // Three connections and the file that is synced.
    assert.is(openIn(folder).filter((name) => name.endsWith('host.sqlite')).length, 4);
    await driver.close();
    assert.equal(openIn(folder), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

file.run();
