import { rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import type { SqlDriver } from './driver.ts';
import { FoldingDriver } from './log-folding.ts';
import { openFolding } from './node-folding.ts';
import type { StorePort } from './port.ts';
import { BUSINESS_DATE, provisioned, saleItem } from './sample-rows.ts';
import { storeSuite } from './shared-suite.ts';
import { SETTLE_SQL } from './sqlite-commit.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { WRITE_SQL } from './statements.ts';

const folder = mkdtempSync(join(tmpdir(), 'zunka-looks-'));
process.once('exit', () => rmSync(folder, { recursive: true }));
let files = 0;

/** A path for a database of its own. */
function newPath(): string {
  files += 1;
  return join(folder, `${files}.db`);
}

const openStore = (driver: SqlDriver): Promise<StorePort> =>
  openSqliteStore({ driver, stream: 'test', clock: nodeClock, initialBusinessDate: BUSINESS_DATE });

storeSuite('SQLite with a connection for looks', async () => {
  const path = newPath();
  return openStore(await openFolding({ writer: await openSqlite(path), failed, path }));
});

function failed(error: unknown): never {
  throw error;
}

const looks = suite('SQLite: looks beside the commits');

interface Scene {
  readonly store: StorePort;
  /** What the two connections were asked: `commit`, `settle`, `look`. */
  readonly asked: string[];
  /** The next look does not begin before it is released. */
  hold(): () => void;
  /** The next commit says that it failed. */
  failCommit(): void;
}

const NAMES: Readonly<Record<string, string>> = { [WRITE_SQL]: 'commit', [SETTLE_SQL]: 'settle' };

/** A store on a file with account A1 in it, both of whose connections are watched. */
async function withScene(act: (scene: Scene) => Promise<void>): Promise<void> {
  const path = newPath();
  const writer = await openSqlite(path);
  const reader = await openSqlite(path, 'to read');
  const asked: string[] = [];
  let held: Promise<void> = Promise.resolve();
  let isFailing = false;
  const watched: SqlDriver = {
    exec: (sql) => writer.exec(sql),
    all: (sql, params) => writer.all(sql, params),
    close: () => writer.close(),
    async run(sql, params) {
      const name = NAMES[sql];
      if (name !== undefined) asked.push(name);
      const fails = isFailing && name === 'commit';
      if (fails) isFailing = false;
      const done = await writer.run(sql, params);
      if (fails) throw new PosError('STORE_FAILED', 'a fault of the test');
      return done;
    },
  };
  const looking: SqlDriver = {
    ...watched,
    async all(sql: string, params: readonly unknown[]) {
      asked.push('look');
      await held;
      return reader.all(sql, params);
    },
    close: () => reader.close(),
  };
  const folder = await openSqlite(path);
  const file = { sync: async () => undefined, close: async () => undefined };
  const store = await openStore(
    new FoldingDriver({ writer: watched, folder, reader: looking, file, failed }),
  );
  try {
    await store.commit([provisioned('A1')]);
    asked.length = 0;
    await act({
      ...{ store, asked },
      hold() {
        let release = () => {};
        held = new Promise((resolve) => {
          release = resolve;
        });
        return release;
      },
      failCommit() {
        isFailing = true;
      },
    });
  } finally {
    await store.close();
  }
}

const sale = (serial: number) => saleItem(serial, 'A1', serial + 1, fen(100_000 - serial));

/** Every way to look at what is committed, and how many sales it sees. */
const WAYS: Readonly<Record<string, (store: StorePort) => Promise<number>>> = {
  'a page of a table': async (store) => {
    let rows = 0;
    for await (const page of store.scan('transactions')) rows += page.length;
    return rows;
  },
  'the journal': async (store) => {
    let rows = 0;
    for await (const page of store.scanJournal()) rows += page.length;
    return rows;
  },
  balances: async (store) => {
    const owed = (await store.balances()).find(({ account }) => account.startsWith('payable:merchant:'));
    return (owed?.sum ?? 0) / -10_240;
  },
};

for (const [way, seen] of Object.entries(WAYS)) {
  looks(`no commit waits for ${way}`, () =>
    withScene(async ({ store, hold, asked }) => {
      const release = hold();
      const look = seen(store).finally(() => asked.push('seen'));
      // A commit that waits for the look after all is let go, and comes behind it.
      const late = setTimeout(release, 2_000);
      const [outcome] = await store.commit([sale(1)]);
      assert.ok(outcome?.committed);
      assert.equal(asked, ['look', 'commit']);
      clearTimeout(late);
      release();
      await look;
    }),
  );

  looks(`${way}: what was committed is seen`, () =>
    withScene(async ({ store }) => {
      const before = await seen(store);
      await store.commit([sale(1)]);
      assert.is(await seen(store), before + 1);
    }),
  );
}

looks('sees all of a transaction that is being made, or nothing', async () => {
  const path = newPath();
  const writer = await openSqlite(path);
  const driver = await openFolding({ writer, failed, path });
  await driver.exec('CREATE TABLE "t" ("n" INTEGER)');
  const count = async () => (await driver.look('SELECT count(*) AS "n" FROM "t"', []))[0]?.['n'];
  await driver.run('BEGIN IMMEDIATE', []);
  await driver.run('INSERT INTO "t" VALUES (1)', []);
  assert.is(await count(), 0);
  await driver.run('INSERT INTO "t" VALUES (2)', []);
  await driver.run('COMMIT', []);
  assert.is(await count(), 2);
  await driver.close();
});

looks('after a commit of unknown outcome comes the small commit first, then the look', () =>
  withScene(async ({ store, failCommit, asked }) => {
    await store.commit([sale(1)]);
    failCommit();
    await rejects(store.commit([sale(2)]), /STORE_UNKNOWN/);
    await WAYS['the journal']?.(store);
    assert.equal(asked, ['commit', 'commit', 'settle', 'look']);
  }),
);

looks('where the journal stands is told though a look is under way: a mark may wait for it', () =>
  withScene(async ({ store, hold, asked }) => {
    await store.commit([sale(1)]);
    asked.length = 0;
    const release = hold();
    const look = WAYS['balances']?.(store).finally(() => asked.push('seen'));
    const late = setTimeout(release, 2_000);
    assert.is((await store.journalHeads())[0]?.sequence, 1);
    assert.equal(asked, ['look']);
    clearTimeout(late);
    release();
    await look;
  }),
);

looks.run();
