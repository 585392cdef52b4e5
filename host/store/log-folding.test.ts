import { rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import type { SqlDriver } from './driver.ts';
import { type DatabaseFile, FoldingDriver, LOG_SETTINGS } from './log-folding.ts';
import { openFolding } from './node-folding.ts';
import { openSqlite } from './sqlite-driver.ts';

const folding = suite("SQLite's log is folded beside the commits");

/** Three connections and a file that note what they are asked, over a log of so many pages that are not folded. */
function noting(log: {
  pages: number;
  failure?: PosError;
  writerFailure?: PosError;
  syncFailure?: Error;
  held?: Promise<void>;
  lookHeld?: Promise<void>;
  unclosed?: string;
}) {
  const asked: string[] = [];
  const connection = (name: string): SqlDriver => ({
    exec: async (sql) => void asked.push(`${name} ${sql}`),
    async run(sql) {
      asked.push(`${name} ${sql}`);
      return { changes: 1 };
    },
    async all(sql) {
      asked.push(`${name} ${sql}`);
      if (sql.includes('PASSIVE')) await log.held;
      if (name === 'reader') await log.lookHeld;
      if (log.failure !== undefined) throw log.failure;
      if (name === 'writer' && log.writerFailure !== undefined) throw log.writerFailure;
      return [{ busy: 0, log: log.pages, checkpointed: 0 }];
    },
    async close() {
      if (log.unclosed === name) throw new PosError('STORE_FAILED', 'not closed');
      asked.push(`${name} closed`);
    },
  });
  const file: DatabaseFile = {
    async sync() {
      asked.push('file synced');
      if (log.syncFailure !== undefined) throw log.syncFailure;
    },
    close: async () => void asked.push('file closed'),
  };
  const told: unknown[] = [];
  const failed = (error: unknown) => void told.push(error);
  const [writer, folder, reader] = [connection('writer'), connection('folder'), connection('reader')];
  const parts = { writer, folder, reader, file, failed };
  return { driver: new FoldingDriver(parts), asked, told };
}

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-folding-'));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function write(driver: SqlDriver, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await driver.run('a write', []);
  // What follows from the last write has only promises to wait for.
  await new Promise((resolve) => setImmediate(resolve));
}

const notWrites = (asked: readonly string[]) => asked.filter((line) => line !== 'writer a write');

folding('only after some writes is it looked at, and a short one is left alone', async () => {
  const { driver, asked } = noting({ pages: 5_999 });
  await write(driver, 7);
  assert.equal(notWrites(asked), []);
  await write(driver, 1);
  assert.equal(notWrites(asked), ['folder PRAGMA wal_checkpoint(NOOP)']);
});

folding('a long one is folded and synced beside the writes, none of which waits for it', async () => {
  for (const pages of [6_000, 15_999]) {
    const { driver, asked } = noting({ pages });
    await write(driver, 8);
    assert.equal(notWrites(asked), [
      'folder PRAGMA wal_checkpoint(NOOP)',
      'folder PRAGMA wal_checkpoint(PASSIVE)',
      'file synced',
    ]);
  }
});

folding(
  "of a very long one what came in meanwhile is folded and synced, too, and the rest in the writer's turn",
  async () => {
    const { driver, asked } = noting({ pages: 16_000 });
    await write(driver, 8);
    assert.equal(notWrites(asked), [
      'folder PRAGMA wal_checkpoint(NOOP)',
      'folder PRAGMA wal_checkpoint(PASSIVE)',
      'file synced',
      'folder PRAGMA wal_checkpoint(PASSIVE)',
      'file synced',
      'writer PRAGMA wal_checkpoint(PASSIVE)',
    ]);
  },
);

folding('no write waits for it, no second one begins beside it, and closing waits for it', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { driver, asked } = noting({ pages: 6_000, held });
  await write(driver, 40);
  assert.is(asked.filter((line) => line === 'writer a write').length, 40);
  assert.is(notWrites(asked).length, 2);
  const closed = driver.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.not.ok(asked.includes('folder closed'));
  release();
  await closed;
  assert.equal(asked.slice(-4), ['reader closed', 'folder closed', 'writer closed', 'file closed']);
});

folding('looks have a connection: no write waits for one, and no look for a folding', async () => {
  let release: () => void = () => undefined;
  const lookHeld = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { driver, asked } = noting({ pages: 6_000, lookHeld });
  const look = driver.look('a look', []);
  await write(driver, 8);
  assert.equal(notWrites(asked), [
    'reader a look',
    'folder PRAGMA wal_checkpoint(NOOP)',
    'folder PRAGMA wal_checkpoint(PASSIVE)',
    'file synced',
  ]);
  release();
  await look;
});

folding('but the log begins anew between two looks: one under way would keep it from that', async () => {
  let release: () => void = () => undefined;
  const lookHeld = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { driver, asked } = noting({ pages: 16_000, lookHeld });
  const first = driver.look('a look', []);
  await write(driver, 8);
  const second = driver.look('another look', []);
  await write(driver, 1);
  const restart = 'writer PRAGMA wal_checkpoint(PASSIVE)';
  assert.not.ok(asked.includes(restart) || asked.includes('reader another look'));
  release();
  await Promise.all([first, second]);
  assert.ok(asked.indexOf(restart) > 0);
  assert.ok(asked.indexOf(restart) < asked.indexOf('reader another look'));
});

folding('what was asked for before the close is still looked at', async () => {
  let release: () => void = () => undefined;
  const lookHeld = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { driver, asked } = noting({ pages: 1, lookHeld });
  const looks = [driver.look('a look', []), driver.look('another look', [])];
  const closed = driver.close();
  release();
  await Promise.all([...looks, closed]);
  assert.ok(asked.indexOf('reader another look') < asked.indexOf('reader closed'), asked.join(', '));
});

folding('one that fails fails no write, is told once, and is tried again', async () => {
  const failure = new PosError('STORE_FAILED', 'the disk');
  const log: Parameters<typeof noting>[0] = { pages: 6_000, failure };
  const { driver, asked, told } = noting(log);
  await write(driver, 16);
  assert.is(notWrites(asked).length, 2);
  assert.equal(told, [failure]);
  delete log.failure;
  await write(driver, 8);
  log.failure = failure;
  await write(driver, 8);
  assert.is(told.length, 2, 'it had gone well in between');
  await driver.close();
});

folding("one that fails in the writer's turn alone is told once, too", async () => {
  const log: Parameters<typeof noting>[0] = {
    pages: 16_000,
    writerFailure: new PosError('STORE_FAILED', ''),
  };
  const { driver, told } = noting(log);
  await write(driver, 24);
  assert.is(told.length, 1);
});

folding(
  'one that finds the database busy is tried again without a word, and forgets no failure',
  async () => {
    const busy = new PosError('STORE_BUSY', 'locked');
    const failure = new PosError('STORE_FAILED', 'the disk');
    const log: Parameters<typeof noting>[0] = { pages: 6_000, failure: busy };
    const { driver, asked, told } = noting(log);
    await write(driver, 16);
    assert.is(notWrites(asked).length, 2);
    assert.equal(told, []);
    for (const now of [failure, busy, failure]) {
      log.failure = now;
      await write(driver, 8);
    }
    assert.equal(told, [failure]);
  },
);

folding('after a sync that failed the log does not begin anew until one went well', async () => {
  const syncFailure = new Error('EIO');
  const log: Parameters<typeof noting>[0] = { pages: 16_000, syncFailure };
  const { driver, asked, told } = noting(log);
  await write(driver, 8);
  assert.equal(notWrites(asked), [
    'folder PRAGMA wal_checkpoint(NOOP)',
    'folder PRAGMA wal_checkpoint(PASSIVE)',
    'file synced',
  ]);
  assert.equal(told, [syncFailure]);
  delete log.syncFailure;
  await write(driver, 8);
  assert.is(asked.at(-1), 'writer PRAGMA wal_checkpoint(PASSIVE)');
});

folding('while a connection is open the file is, too: closing it would drop the locks', async () => {
  for (const unclosed of ['reader', 'folder', 'writer']) {
    const { driver, asked } = noting({ pages: 6_000, unclosed });
    await write(driver, 8);
    await rejects(driver.close(), { code: 'STORE_FAILED' });
    assert.not.ok(asked.includes('file closed'), unclosed);
    assert.is(asked.filter((line) => line.endsWith(' closed')).length, 2, 'the others are closed');
  }
});

folding('a log that was folded begins anew with the next write, and nothing of it is lost', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'folded.sqlite');
    const writer = await openSqlite(path);
    await writer.exec(`${LOG_SETTINGS} CREATE TABLE "things" ("thing" INTEGER PRIMARY KEY, "bytes" BLOB);`);
    const driver = await openFolding({ writer, failed: fail, path });
    // 2,080 pages a write: at the first look the log is long enough, at 48,000 a commit itself would fold it.
    const bytes = Buffer.alloc(8_480_000, 1);
    const put = (thing: number) => driver.run('INSERT INTO "things" VALUES (?1, ?2)', [thing, bytes]);
    const log = async () => (await driver.all('PRAGMA wal_checkpoint(NOOP)', []))[0] ?? {};
    for (let thing = 1; thing <= 8; thing += 1) await put(thing);
    for (let { log: all, checkpointed } = await log(); checkpointed !== all; ) {
      ({ log: all, checkpointed } = await log());
    }
    await put(9);
    assert.ok(Number((await log())['log']) < 2_400, 'it began anew');
    await driver.close();
    const reader = await openSqlite(path, 'to read');
    assert.equal(
      await reader.all('SELECT count(*) AS "n", sum(length("bytes")) AS "sum" FROM "things"', []),
      [{ n: 9, sum: 9 * 8_480_000 }],
    );
    await reader.close();
  }),
);

/** As SQLite has it, `SHARED_FIRST` in os.h: locked to read while a connection to a database with a log is open. */
const SHARED_FIRST = 1_073_741_826;

folding('SQLite keeps its lock: another process that comes and goes does not think itself alone', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'locked.sqlite');
    const writer = await openSqlite(path);
    await writer.exec(`${LOG_SETTINGS} CREATE TABLE "things" ("thing" INTEGER PRIMARY KEY);`);
    const lengths = { folded: 2, restarted: 1_000 };
    const driver = await openFolding({ writer, failed: fail, path }, lengths);
    let folded = 0;
    // The second folding begins when the first is through, its sync too.
    let foldings = 0;
    for (let thing = 1; foldings < 2; thing += 1) {
      assert.ok(thing < 100_000, 'it was folded');
      await driver.run('INSERT INTO "things" VALUES (?1)', [thing]);
      const [standing] = await driver.all('PRAGMA wal_checkpoint(NOOP)', []);
      const pages = Number(standing?.['checkpointed']);
      if (pages > folded) foldings += 1;
      folded = pages;
    }
    const locks = readFileSync('/proc/locks', 'utf8').split('\n');
    const ofFile = new RegExp(` READ +${process.pid} \\S+:${statSync(path).ino} ${SHARED_FIRST} `);
    assert.is(locks.filter((line) => ofFile.test(line)).length, 1);
    await driver.close();
  }),
);

function fail(error: unknown): never {
  throw error;
}

folding.run();
