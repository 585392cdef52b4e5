import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import type { SqlDriver } from './driver.ts';
import type { CommitItem, StorePort } from './port.ts';
import { BUSINESS_DATE, identityRow, item, provisioned, saleItem } from './sample-rows.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { WRITE_SQL } from './statements.ts';

/** A driver that fails once, at a chosen statement, before or after the database has done it. */
function faulty(driver: SqlDriver) {
  let plan: { readonly sql: string; readonly when: 'before' | 'after'; readonly error: PosError } | null =
    null;
  const run: SqlDriver['run'] = async (sql, params) => {
    if (plan?.sql !== sql) return driver.run(sql, params);
    const { when, error } = plan;
    plan = null;
    if (when === 'after') await driver.run(sql, params);
    throw error;
  };
  const fail = (
    sql: string,
    when: 'before' | 'after',
    code: 'STORE_FAILED' | 'STORE_BUSY' = 'STORE_FAILED',
  ) => {
    plan = { sql, when, error: new PosError(code, 'a fault of the test') };
  };
  return { driver: { ...bound(driver), run }, fail };
}

function bound(driver: SqlDriver): SqlDriver {
  return {
    exec: (sql) => driver.exec(sql),
    run: (sql, params) => driver.run(sql, params),
    all: (sql, params) => driver.all(sql, params),
    close: () => driver.close(),
  };
}

async function openFaulty() {
  const { driver, fail } = faulty(await openSqlite(':memory:'));
  const store = await openSqliteStore({
    driver,
    stream: 'host-1',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
  await store.commit([provisioned('A1')]);
  return { store, fail };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => (error instanceof PosError ? error.code : 'no PosError'),
  );
}

const sale = (serial: number, version: number): CommitItem =>
  saleItem(serial, 'A1', version, fen(100_000 - serial));

async function versionOf(store: StorePort): Promise<number | undefined> {
  return (await store.read({ accountIds: ['A1'] })).accounts[0]?.version;
}

const failures = suite('a commit that fails');

// biome-ignore format: a table is read by column
for (const [what, sql, when, fault, code, done] of [
  ['before it begins',                'BEGIN IMMEDIATE', 'before', 'STORE_FAILED', 'STORE_FAILED',  false],
  ['because another process writes',  'BEGIN IMMEDIATE', 'before', 'STORE_BUSY',   'STORE_FAILED',  false],
  ['while it writes',                 WRITE_SQL,         'after',  'STORE_FAILED', 'STORE_FAILED',  false],
  ['at COMMIT, held up by another',   'COMMIT',          'before', 'STORE_BUSY',   'STORE_FAILED',  false],
  ['at COMMIT, which was not done',   'COMMIT',          'before', 'STORE_FAILED', 'STORE_UNKNOWN', false],
  ['at COMMIT, which was done',       'COMMIT',          'after',  'STORE_FAILED', 'STORE_UNKNOWN', true],
] as const) {
  failures(`${what} says ${code}, and the next commit continues from what is there`, async () => {
    const { store, fail } = await openFaulty();
    await store.commit([sale(1, 2)]);
    fail(sql, when, fault);
    assert.is(await codeOf(store.commit([sale(2, 3), sale(3, 4)])), code);
    assert.is(await versionOf(store), done ? 4 : 2);
    const [again] = await store.commit([sale(4, done ? 5 : 3)]);
    assert.is(again?.committed && again.sequence, done ? 4 : 2);
    await store.close();
  });
}

failures('leaves nothing to be read until another commit is on the disk', async () => {
  const { store, fail } = await openFaulty();
  fail('COMMIT', 'before');
  assert.is(await codeOf(store.commit([sale(1, 2)])), 'STORE_UNKNOWN');
  fail('COMMIT', 'before');
  assert.is(await codeOf(versionOf(store)), 'STORE_FAILED');
  fail('COMMIT', 'before');
  assert.is(await codeOf(store.commit([sale(1, 2)])), 'STORE_FAILED');
  assert.is(await versionOf(store), 1);
  await store.close();
});

failures('is not tried at all when every item conflicts', async () => {
  const { store, fail } = await openFaulty();
  fail('COMMIT', 'before');
  const [outcome] = await store.commit([sale(1, 9)]);
  assert.is(outcome?.committed, false);
  await store.close();
});

failures.run();

const together = suite('one file, two processes');

async function withFile(act: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-store-'));
  try {
    await act(join(folder, 'host.db'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function openFile(path: string, stream: string): Promise<StorePort> {
  return openSqliteStore({
    driver: await openSqlite(path),
    stream,
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
}

together('each with its stream see each other’s commits under their guards', () =>
  withFile(async (path) => {
    const one = await openFile(path, 'host-1');
    const two = await openFile(path, 'host-2');
    await one.commit([provisioned('A1')]);
    const outcomes = await Promise.all([one.commit([sale(1, 2)]), two.commit([sale(2, 2)])]);
    assert.equal(
      outcomes
        .flat()
        .map(({ committed }) => committed)
        .sort(),
      [false, true],
    );
    assert.is(await versionOf(one), 2);
    await one.close();
    await two.close();
  }),
);

together('that share a stream by mistake leave no gap and no fork in it', () =>
  withFile(async (path) => {
    const one = await openFile(path, 'host-1');
    const two = await openFile(path, 'host-1');
    const noted = (key: string) =>
      item({ identities: [identityRow(key)] }, { journal: [{ body: `"${key}"` }] });
    for (const key of ['a', 'b', 'c']) {
      const [first] = await one.commit([noted(`1${key}`)]);
      const [second] = await two.commit([noted(`2${key}`)]);
      assert.ok(first?.committed && second?.committed);
    }
    const sequences: number[] = [];
    for await (const page of one.scanJournal()) sequences.push(...page.map(({ sequence }) => sequence));
    assert.equal(sequences, [1, 2, 3, 4, 5, 6]);
    await one.close();
    await two.close();
  }),
);

together('each with its own stream: either tells where both stand', () =>
  withFile(async (path) => {
    const one = await openFile(path, 'host-1');
    const two = await openFile(path, 'host-2');
    const three = await openFile(path, 'host-3');
    for (const store of [one, two, two, three]) await store.commit([item({}, { journal: [{ body: '1' }] })]);
    assert.equal(
      (await one.journalHeads()).map(({ stream, sequence }) => `${stream} ${sequence}`),
      ['host-1 1', 'host-2 2', 'host-3 1'],
    );
    await Promise.all([one.close(), two.close(), three.close()]);
  }),
);

together.run();
