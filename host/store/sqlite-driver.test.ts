import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { openSqlite } from './sqlite-driver.ts';

const driving = suite('npm sqlite3 behind the narrow driver');

async function withFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-driver-'));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof PosError ? error.code : 'no PosError'),
  );
}

driving('keeps every commit on the disk: WAL, synchronous FULL, foreign keys on', () =>
  withFolder(async (folder) => {
    const driver = await openSqlite(join(folder, 'a.db'));
    const setting = async (name: string) =>
      Object.values((await driver.all(`PRAGMA ${name}`, []))[0] ?? {})[0];
    assert.is(await setting('journal_mode'), 'wal');
    assert.is(await setting('synchronous'), 2);
    assert.is(await setting('foreign_keys'), 1);
    assert.is(await setting('busy_timeout'), 5_000);
    assert.is(await setting('secure_delete'), 1);
    await driver.close();
  }),
);

driving('runs calls in the order of asking, though nobody waits for them', async () => {
  const driver = await openSqlite(':memory:');
  const calls: Promise<unknown>[] = [driver.exec('CREATE TABLE "t" ("n" INTEGER)')];
  for (let n = 0; n < 50; n += 1) {
    calls.push(
      driver.run('BEGIN', []),
      driver.run('INSERT INTO "t" VALUES (?)', [n]),
      driver.run('COMMIT', []),
    );
  }
  await Promise.all(calls);
  const rows = await driver.all('SELECT "n" FROM "t" ORDER BY rowid', []);
  assert.equal(
    rows.map(({ n }) => n),
    Array.from({ length: 50 }, (_, n) => n),
  );
  await driver.close();
});

driving('leaves no read open: the log is folded in while rows are read and written', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.db');
    const driver = await openSqlite(path);
    await driver.exec('CREATE TABLE "t" ("n" INTEGER, "text" TEXT)');
    for (let n = 0; n < 400; n += 1) {
      await driver.run('INSERT INTO "t" VALUES (?, ?)', [n, 'x'.repeat(40_000)]);
      await driver.all('SELECT * FROM "t" LIMIT 1', []);
    }
    // 16 MB were written. A read that stayed open would keep all of it in the log.
    assert.ok(statSync(`${path}-wal`).size < 8_000_000);
    await driver.close();
  }),
);

driving('tells a refused statement, a held database and a failure apart', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.db');
    const [one, two] = [await openSqlite(path), await openSqlite(path)];
    await two.exec('PRAGMA busy_timeout = 20');
    await one.exec('CREATE TABLE "t" ("n" INTEGER PRIMARY KEY, "m" INTEGER NOT NULL) STRICT');
    await one.run('BEGIN IMMEDIATE', []);
    assert.is(await codeOf(one.run('INSERT INTO "t" VALUES (1, NULL)', [])), 'STORE_REFUSED');
    assert.is(await codeOf(one.run('INSERT INTO "t" VALUES (1, 1)', [])), 'done');
    assert.is(await codeOf(two.run('BEGIN IMMEDIATE', [])), 'STORE_BUSY');
    await one.run('COMMIT', []);
    assert.is(await codeOf(two.all('SELECT * FROM "absent"', [])), 'STORE_FAILED');
    assert.equal(await two.all('SELECT * FROM "t"', []), [{ n: 1, m: 1 }]);
    await one.close();
    await two.close();
    assert.is(await codeOf(one.run('BEGIN', [])), 'STORE_FAILED');
  }),
);

driving('refuses a file that is not a database, and a folder that is not there', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.db');
    writeFileSync(
      path,
      'this is a settlement file, and long enough to be read as a header of a database file by mistake\n'.repeat(
        3,
      ),
    );
    assert.is(await codeOf(openSqlite(path)), 'STORE_DAMAGED');
    assert.is(await codeOf(openSqlite(join(folder, 'absent', 'a.db'))), 'STORE_FAILED');
  }),
);

driving('changes nothing of a database that it opens to read, nor of its log', () =>
  withFolder(async (folder) => {
    const [path, copy] = [join(folder, 'a.db'), join(folder, 'copy.db')];
    const writer = await openSqlite(path);
    await writer.exec('CREATE TABLE "t" ("n" INTEGER); INSERT INTO "t" VALUES (1)');
    // As a killed writer leaves it: all that was committed is in the log only.
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, copy + suffix);
    await writer.close();
    const lying = () => ['', '-wal'].map((suffix) => readFileSync(copy + suffix));
    const before = lying();
    const reader = await openSqlite(copy, 'to read');
    assert.equal(await reader.all('SELECT "n" FROM "t"', []), [{ n: 1 }]);
    assert.is(await codeOf(reader.run('INSERT INTO "t" VALUES (2)', [])), 'STORE_FAILED');
    await reader.close();
    assert.equal(lying(), before);
  }),
);

driving('makes room among its prepared statements and goes on', async () => {
  const driver = await openSqlite(':memory:');
  for (let n = 0; n < 600; n += 1) {
    const rows = await driver.all(`SELECT ${n} AS "n"`, []);
    assert.equal(rows, [{ n }]);
  }
  await driver.close();
});

driving.run();
