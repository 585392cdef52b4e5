import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSqliteStore } from '../../../host/index.ts';
import { sampleRows, storeSuite } from '../../../host/store/shared-suite.ts';
import { PosError } from '../../../protocol/index.ts';
import { Dice } from '../dice.ts';
import { WorldDisk } from '../disk/disk.ts';
import { openWorldSqlite, type SqliteSurroundings, type WorldSqlite } from './sqlite-engine.ts';
import {
  computer,
  DATABASE,
  nothingTold,
  openOn,
  preparedDisk,
  provesWhole,
  provision,
  sell,
  testClock,
  untilDark,
} from './sqlite-scene.fixture.ts';
import { sqlite } from './sqlite-wasm.ts';

/** Connections that are opened and abandoned, one after the other. */
const OPENED = 2_000;

const { clock } = testClock();

storeSuite('SQLite in a world', async () =>
  openSqliteStore({
    driver: await opened(),
    stream: 'test',
    clock,
    initialBusinessDate: sampleRows.BUSINESS_DATE,
  }),
);

function opened(changes: Partial<SqliteSurroundings> & { readonly disk?: WorldDisk } = {}) {
  const { disk = new WorldDisk(), ...rest } = changes;
  return openWorldSqlite(disk.mount(computer().hooks), DATABASE, { clock, dice: new Dice('test'), ...rest });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof PosError ? error.code : 'no PosError'),
  );
}

const driving = suite('SQLite in a world, behind the narrow driver');

driving('has the settings of the real driver, and the database for itself alone', async () => {
  const driver = await opened();
  const setting = async (name: string) => Object.values((await driver.all(`PRAGMA ${name}`, []))[0] ?? {})[0];
  assert.is(await setting('journal_mode'), 'wal');
  assert.is(await setting('synchronous'), 2);
  assert.is(await setting('foreign_keys'), 1);
  assert.is(await setting('secure_delete'), 1);
  assert.is(await setting('locking_mode'), 'exclusive');
  await driver.close();
});

driving('runs calls in the order of asking, though nobody waits for them', async () => {
  const driver = await opened();
  const calls: Promise<unknown>[] = [driver.exec('CREATE TABLE "t" ("n" INTEGER)')];
  for (let n = 0; n < 50; n += 1)
    calls.push(
      driver.run('BEGIN', []),
      driver.run('INSERT INTO "t" VALUES (?)', [n]),
      driver.run('COMMIT', []),
    );
  await Promise.all(calls);
  const rows = await driver.all('SELECT "n" FROM "t" ORDER BY rowid', []);
  assert.equal(
    rows.map(({ n }) => n),
    Array.from({ length: 50 }, (_, n) => n),
  );
  await driver.close();
});

driving('gives back what was bound: numbers, texts, nothing, bytes', async () => {
  const driver = await opened();
  const values = [
    0,
    -1,
    2 ** 31,
    -(2 ** 31),
    sampleRows.AT,
    1.5,
    '',
    '客户返点 \u0000 𠮷',
    null,
    Buffer.from([0, 255]),
    Buffer.alloc(0),
  ];
  for (const value of values) {
    const [row] = await driver.all('SELECT ?1 AS "value"', [value]);
    assert.equal(row?.['value'], value);
  }
  assert.equal(
    await driver.all('SELECT ?1 + 0 AS "n", typeof(?2) AS "small", typeof(?3) AS "large"', [7, 5, 2 ** 40]),
    [{ n: 7, small: 'integer', large: 'real' }],
  );
  await driver.close();
});

driving('tells a refused statement and a failure apart, and is closed once', async () => {
  const driver = await opened();
  await driver.exec('CREATE TABLE "t" ("n" INTEGER PRIMARY KEY, "m" INTEGER NOT NULL) STRICT');
  await driver.run('BEGIN IMMEDIATE', []);
  assert.is(await codeOf(driver.run('INSERT INTO "t" VALUES (1, NULL)', [])), 'STORE_REFUSED');
  assert.is(await codeOf(driver.run(`INSERT INTO "t" VALUES (1, 'x')`, [])), 'STORE_REFUSED');
  assert.is(await codeOf(driver.run('INSERT INTO "t" VALUES (1, 1)', [])), 'done');
  await driver.run('COMMIT', []);
  assert.is(await codeOf(driver.all('SELECT * FROM "absent"', [])), 'STORE_FAILED');
  assert.is(await codeOf(driver.run('INSERT INTO "t" VALUES (2, ?)', [{}])), 'STORE_REFUSED');
  await driver.close();
  assert.is(await codeOf(driver.run('BEGIN', [])), 'STORE_FAILED');
});

driving('makes room among its prepared statements and goes on', async () => {
  const driver = await opened();
  for (let n = 0; n < 600; n += 1) assert.equal(await driver.all(`SELECT ${n} AS "n"`, []), [{ n }]);
  await driver.close();
});

driving('refuses a file that is no database, and a folder that is not there', async () => {
  const disk = new WorldDisk();
  disk.mount(computer().hooks).create(DATABASE).write(0, Buffer.alloc(4_096, 'no database '));
  assert.is(await codeOf(opened({ disk })), 'STORE_DAMAGED');
  const nowhere = new WorldDisk().mount(computer().hooks);
  assert.is(
    await codeOf(openWorldSqlite(nowhere, 'absent/a', { clock, dice: new Dice('a') })),
    'STORE_FAILED',
  );
});

driving('has its time from the world’s clock and its chance from the world’s dice', async () => {
  const chance = 'SELECT unixepoch(\'now\') AS "at", hex(randomblob(8)) AS "random"';
  const drivers = await Promise.all(['a', 'a', 'b'].map((seed) => opened({ dice: new Dice(seed) })));
  const drawn = drivers.map(() => [] as unknown[]);
  // Turn by turn: what one draws moves nothing of the others.
  for (let turn = 0; turn < 40; turn += 1)
    for (const [index, driver] of drivers.entries()) {
      const [row] = await driver.all(chance, []);
      assert.is(row?.['at'], sampleRows.AT / 1_000);
      drawn[index]?.push(row?.['random']);
    }
  const [first, same, other] = drawn;
  assert.equal(first, same);
  assert.not.equal(first?.[0], other?.[0]);
  assert.is(new Set(first).size, 40);
  for (const driver of drivers) await driver.close();
});

driving('leaves the same bytes on the disk by the same effects, whenever it runs', async () => {
  const runs = [];
  for (let run = 0; run < 2; run += 1) {
    const disk = new WorldDisk();
    const { hooks, effects } = computer();
    const { store, driver } = await openOn(disk, hooks);
    await provision(store, nothingTold());
    await sell(store, nothingTold(), 5);
    const wal = disk.mount(hooks).open(`${DATABASE}-wal`).toBuffer();
    runs.push({ effects: [...effects], wal: wal.toString('base64') });
    driver.abandon();
  }
  assert.equal(runs[0]?.effects, runs[1]?.effects);
  assert.is(runs[0]?.wal, runs[1]?.wal);
});

driving.run();

const faults = suite('a database that fails in a world');

async function sellingStore() {
  const disk = new WorldDisk();
  const scene = await openOn(disk, computer().hooks);
  const told = nothingTold();
  await provision(scene.store, told);
  await sell(scene.store, told, 1);
  const versionOf = async () => (await scene.store.read({ accountIds: ['A1'] })).accounts[0]?.version;
  return { ...scene, disk, told, versionOf };
}

// biome-ignore format: a table is read by column
for (const [fault, code, isDone] of [
  ['busy',                          'STORE_FAILED',  false],
  ['commit answer lost, done',      'STORE_UNKNOWN', true],
  ['commit answer lost, not done',  'STORE_UNKNOWN', false],
] as const) {
  faults(`${fault}: the store says ${code} and goes on from what is there`, async () => {
    const { store, told, faults: armed, versionOf, disk, driver } = await sellingStore();
    armed.arm(fault);
    assert.is(await codeOf(sell(store, told, 2)), code);
    assert.is(await versionOf(), isDone ? 4 : 2);
    if (isDone) told.sales += 2;
    await sell(store, told, 1);
    driver.abandon();
    disk.powerCut('lose everything un-synced');
    await provesWhole(disk, told, 0);
  });
}

faults('slow: the next call waits for the clock, and those behind it wait too', async () => {
  const { clock: slowClock, waiting } = testClock();
  const { driver, faults: armed } = await openOn(new WorldDisk(), computer().hooks, slowClock);
  armed.arm('slow', 30_000);
  let done = '';
  const calls = ['SELECT 1', 'SELECT 2'].map((sql) => driver.all(sql, []).then(() => (done += sql)));
  assert.is(await untilDark(async () => void (await Promise.all(calls))), false);
  assert.is(done, '');
  assert.equal(
    waiting.map(({ ms }) => ms),
    [30_000],
  );
  waiting[0]?.act();
  await Promise.all(calls);
  assert.is(done, 'SELECT 1SELECT 2');
  await driver.close();
});

// biome-ignore format: a table is read by column
for (const [kind, how, code] of [
  ['disk write', 'full', 'STORE_UNKNOWN'],
  ['disk write', 'io',   'STORE_UNKNOWN'],
  ['disk sync',  'io',   'STORE_UNKNOWN'],
] as const) {
  faults(`${kind} fails (${how}): ${code}, nothing half, and it goes on when the disk is mended`, async () => {
    const { store, told, versionOf, disk, driver } = await sellingStore();
    disk.fail(kind, how, 'mended');
    const before = told.sales;
    assert.is(await codeOf(sell(store, told, 2)), code);
    disk.mend();
    assert.is(await versionOf(), before + 1);
    await sell(store, told, 1);
    driver.abandon();
    disk.powerCut('lose everything un-synced');
    await provesWhole(disk, told, 0);
  });
}

faults('a commit whose sync failed: what was read after it is what is there after a power cut', async () => {
  for (let seed = 0; seed < 12; seed += 1) {
    const { store, told, versionOf, disk, driver } = await sellingStore();
    disk.fail('disk sync', 'io');
    assert.is(await codeOf(sell(store, told, 2)), 'STORE_UNKNOWN');
    assert.is(await versionOf(), 2);
    driver.abandon();
    disk.powerCut(seed === 0 ? 'keep everything' : new Dice(`doubt ${seed}`));
    await provesWhole(disk, told, 0);
  }
});

faults('a commit whose sync failed is not read until another one is on the disk', async () => {
  const { store, told, versionOf, disk } = await sellingStore();
  disk.fail('disk sync', 'io', 'mended');
  assert.is(await codeOf(sell(store, told, 2)), 'STORE_UNKNOWN');
  assert.is(await codeOf(versionOf()), 'STORE_FAILED');
  assert.is(await codeOf(sell(store, told, 2)), 'STORE_FAILED');
  disk.mend();
  assert.is(await versionOf(), 2);
  await store.close();
});

faults.run();

const power = suite('a database without power');

power('answers nothing any more: neither the call that met the cut nor those behind it', async () => {
  const { snapshot } = await preparedDisk(1);
  const { hooks } = computer(1);
  const { driver } = await openOn(WorldDisk.from(snapshot), hooks);
  const answers: string[] = [];
  const calls = [
    driver.run('UPDATE "counters" SET "value" = "value" + 1', []),
    driver.all('SELECT 1', []),
    driver.close(),
  ];
  for (const call of calls) void call.finally(() => answers.push('answered'));
  assert.is(await untilDark(async () => void (await Promise.race(calls))), false);
  driver.abandon();
  assert.is(await untilDark(async () => void (await driver.all('SELECT 1', []))), false);
  assert.equal(answers, []);
});

power(`gives back its memory: ${OPENED} lives, one after the other`, async () => {
  const first = await lives(50, (driver) => driver.abandon());
  assert.is(await lives(OPENED, (driver) => driver.abandon()), first);
});

power('would be seen to keep its memory: as many lives that nobody takes apart', async () => {
  const first = await lives(1, () => undefined);
  assert.ok((await lives(OPENED, () => undefined)) > first);
});

power.run();

/** Lives on one small database, every other one cut in the middle of a write. @returns SQLite's memory after them, in bytes */
async function lives(count: number, atTheEnd: (driver: WorldSqlite) => void): Promise<number> {
  const disk = new WorldDisk();
  const first = await opened({ disk });
  await first.exec('CREATE TABLE "t" ("text" TEXT) STRICT');
  await first.close();
  const snapshot = disk.snapshot();
  for (let life = 0; life < count; life += 1) {
    const { hooks } = computer(life % 2 === 0 ? 12 : undefined);
    const mount = WorldDisk.from(snapshot).mount(hooks);
    const driver = await openWorldSqlite(mount, DATABASE, { clock, dice: new Dice('life') });
    const insert = () => driver.run('INSERT INTO "t" VALUES (?)', ['x'.repeat(9_000)]);
    const isDone = await untilDark(async () => {
      for (let write = 0; write < 3; write += 1) await insert();
    });
    assert.is(isDone, life % 2 === 1);
    hooks.isOn = false;
    atTheEnd(driver);
  }
  return sqlite.HEAPU8.length;
}
