import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import type { SqlDriver } from './driver.ts';
import { checksum, MIGRATIONS, type Migration, migrate } from './migrations.ts';
import { BUSINESS_DATE } from './sample-rows.ts';
import { keptOf, specOf, TABLE_NAMES } from './schema.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { storedNames } from './statements.ts';

const LATER: Migration = {
  number: MIGRATIONS.length + 1,
  name: 'a later one',
  sql: 'CREATE TABLE "later" ("a" TEXT) STRICT;',
};
/** SHA-256 of each migration's text, as it ran for the first time. A new migration adds a line. */
const CHECKSUMS = [
  'b51ca608874744d22248fc2b8de356deda9505db6bf5d322512c5f84c0140d2b',
  'eb727ec2ea3fde377b9dc6b0c4e67c42ae6f8ab134badb2751bc4653c29333b2',
  '14b03b09cd3460a5a9c9d06cc7d1eae2870c32198199aacd8123ee7f5b44dd3a',
];
const isSchemaError = (error: unknown) => error instanceof PosError && error.code === 'STORE_SCHEMA';

async function withDriver(act: (driver: SqlDriver) => Promise<void>): Promise<void> {
  const driver = await openSqlite(':memory:');
  try {
    await act(driver);
  } finally {
    await driver.close();
  }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const migrating = suite('migrations');

migrating('are numbered from 1 without gaps', () => {
  assert.equal(
    MIGRATIONS.map(({ number }) => number),
    MIGRATIONS.map((_, index) => index + 1),
  );
});

migrating('are never edited: each has the text with which it ran first', () => {
  assert.equal(MIGRATIONS.map(checksum), CHECKSUMS);
});

migrating('run once, and only those that are due', () =>
  withDriver(async (driver) => {
    await migrate(driver, 1);
    await migrate(driver, 2, [...MIGRATIONS, LATER]);
    await migrate(driver, 3, [...MIGRATIONS, LATER]);
    const rows = await driver.all('SELECT "number", "at" FROM "migrations" ORDER BY "number"', []);
    assert.equal(
      rows.map(({ at }) => at),
      [...MIGRATIONS.map(() => 1), 2],
    );
  }),
);

migrating('refuse a database of a newer version and leave it as it is', () =>
  withDriver(async (driver) => {
    await migrate(driver, 1, [...MIGRATIONS, LATER]);
    const clock = nodeClock;
    assert.ok(
      isSchemaError(
        await rejection(openSqliteStore({ driver, stream: 's', clock, initialBusinessDate: BUSINESS_DATE })),
      ),
    );
    assert.is((await driver.all('SELECT * FROM "days"', [])).length, 0);
  }),
);

migrating('refuse a database whose migration ran with another text', () =>
  withDriver(async (driver) => {
    await migrate(driver, 1, [...MIGRATIONS, LATER]);
    assert.ok(
      isSchemaError(await rejection(migrate(driver, 2, [...MIGRATIONS, { ...LATER, sql: `${LATER.sql} ` }]))),
    );
  }),
);

migrating('leave nothing of a migration that fails', () =>
  withDriver(async (driver) => {
    const broken = { ...LATER, sql: 'CREATE TABLE "half" ("a" TEXT); CREATE TABLE "half" ("a" TEXT);' };
    assert.ok(await rejection(migrate(driver, 1, [...MIGRATIONS, broken])));
    assert.equal(
      await driver.all(
        `SELECT "name" FROM sqlite_schema WHERE "name" IN ('half', 'accounts', 'migrations')`,
        [],
      ),
      [],
    );
  }),
);

migrating('tell why they failed, not that a full disk had rolled back already', () =>
  withDriver(async (driver) => {
    const full: SqlDriver = {
      exec: (sql) => driver.exec(sql),
      all: (sql, params) => driver.all(sql, params),
      close: () => driver.close(),
      async run(sql, params) {
        if (sql !== 'COMMIT') return driver.run(sql, params);
        await driver.run('ROLLBACK', []);
        throw new PosError('STORE_FAILED', 'SQLITE_FULL');
      },
    };
    const error = await rejection(migrate(full, 1));
    assert.ok(error instanceof PosError && error.detail === 'SQLITE_FULL', String(error));
  }),
);

migrating.run();

const guarded = suite('the database refuses by itself');

/** A row of any table, made from its column kinds. */
function insertSql(table: (typeof TABLE_NAMES)[number]): string {
  const columns = keptOf(table);
  const values = columns.map(([name, kind]) => {
    if (kind.endsWith('?')) return 'NULL';
    if (name === 'version' || kind === 'flag') return '1';
    return kind === 'text' ? `'x'` : '5';
  });
  const names = storedNames(table).map((name) => `"${name}"`);
  return `INSERT INTO "${table}" (${names.join(', ')}) VALUES (${[...values, `'[]'`, '5'].join(', ')})`;
}

async function refusalOf(driver: SqlDriver, sql: string): Promise<string> {
  const error = await rejection(driver.run(sql, []));
  return error instanceof PosError ? `${error.code} ${error.detail}` : 'done';
}

guarded('to change or delete a row that only grows, and to delete any other', () =>
  withDriver(async (driver) => {
    await migrate(driver, 1);
    await driver.exec('PRAGMA foreign_keys = OFF');
    await driver.run(
      `INSERT INTO "journal" VALUES ('x', 1, 'x', '${'0'.repeat(64)}', '${'0'.repeat(64)}')`,
      [],
    );
    assert.match(await refusalOf(driver, `DELETE FROM "journal"`), /^STORE_REFUSED .*never deleted/);
    assert.match(
      await refusalOf(driver, `UPDATE "journal" SET "body" = 'y'`),
      /^STORE_REFUSED .*never changed/,
    );
    for (const table of TABLE_NAMES) {
      await driver.run(insertSql(table), []);
      const { guard, key } = specOf(table);
      assert.match(
        await refusalOf(driver, `DELETE FROM "${table}"`),
        /^STORE_REFUSED .*never deleted/,
        table,
      );
      const update = await refusalOf(driver, `UPDATE "${table}" SET "${key[0]}" = "${key[0]}"`);
      if (guard === 'grows') assert.match(update, /never changed/, table);
      if (guard === 'versioned') assert.match(update, /version must grow by one/, table);
    }
    assert.match(
      await refusalOf(driver, `UPDATE "lots" SET "body" = '[6]'`),
      /only remaining, expiresOn, registered may change/,
    );
    assert.is(await refusalOf(driver, `UPDATE "lots" SET "remaining" = 4`), 'done');
    const change = (what: string) => refusalOf(driver, `UPDATE "transactions" SET "version" = 2, ${what}`);
    assert.match(await change(`"trace" = 'y'`), /what it is found by stays/);
    assert.match(await change(`"body" = '["another identity"]'`), /what it is found by stays/);
    assert.is(await change(`"cardId" = 'y'`), 'done');
  }),
);

guarded.run();
