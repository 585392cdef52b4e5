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
import { SETTLE_SQL } from './sqlite-commit.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { GUARD_SQL, WRITE_SQL } from './statements.ts';

interface Plan {
  readonly sql: string;
  readonly when: 'before' | 'after';
  readonly error: PosError;
  /** Not before a transaction has begun. */
  readonly isWithin: boolean;
}

/** A driver that fails once, at a chosen statement, before or after the database has done it. */
function faulty(driver: SqlDriver) {
  let plan: Plan | null = null;
  let hasBegun = false;
  const call = async <T>(sql: string, act: () => Promise<T>): Promise<T> => {
    hasBegun ||= sql === 'BEGIN IMMEDIATE';
    if (plan?.sql !== sql || (plan.isWithin && !hasBegun)) return act();
    const { when, error } = plan;
    plan = null;
    if (when === 'after') await act();
    throw error;
  };
  const fail = (
    sql: string,
    when: 'before' | 'after',
    code: 'STORE_FAILED' | 'STORE_BUSY' | 'STORE_DAMAGED' = 'STORE_FAILED',
    where: 'anywhere' | 'within a transaction' = 'anywhere',
  ) => {
    plan = { sql, when, error: new PosError(code, 'a fault of the test'), isWithin: where !== 'anywhere' };
    hasBegun = false;
  };
  const faulted: SqlDriver = {
    exec: (sql) => driver.exec(sql),
    run: (sql, params) => call(sql, () => driver.run(sql, params)),
    all: (sql, params) => call(sql, () => driver.all(sql, params)),
    close: () => driver.close(),
  };
  return { driver: faulted, fail };
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

const sale = (serial: number, version: number, accountId = 'A1'): CommitItem =>
  saleItem(serial, accountId, version, fen(100_000 - serial));

async function versionOf(store: StorePort): Promise<number | undefined> {
  return (await store.read({ accountIds: ['A1'] })).accounts[0]?.version;
}

const failures = suite('a commit that fails');

// One statement is the whole commit.
// biome-ignore format: a table is read by column
for (const [what, when, fault, code, done] of [
  ['because another process writes', 'before', 'STORE_BUSY',    'STORE_FAILED',  false],
  ['on a page that is broken',       'before', 'STORE_DAMAGED', 'STORE_UNKNOWN', false],
  ['on a broken index of the log',   'after',  'STORE_DAMAGED', 'STORE_UNKNOWN', true],
  ['and was not done',               'before', 'STORE_FAILED',  'STORE_UNKNOWN', false],
  ['and was done',                   'after',  'STORE_FAILED',  'STORE_UNKNOWN', true],
] as const) {
  failures(`${what} says ${code}, and the next commit continues from what is there`, async () => {
    const { store, fail } = await openFaulty();
    await store.commit([sale(1, 2)]);
    fail(WRITE_SQL, when, fault);
    assert.is(await codeOf(store.commit([sale(2, 3), sale(3, 4)])), code);
    assert.is(await versionOf(store), done ? 4 : 2);
    const [again] = await store.commit([sale(4, done ? 5 : 3)]);
    assert.is(again?.committed && again.sequence, done ? 4 : 2);
    await store.close();
  });
}

// A commit whose one statement was refused is a transaction of several.
// biome-ignore format: a table is read by column
for (const [what, sql, when, fault, code, done] of [
  ['before it begins',               'BEGIN IMMEDIATE', 'before', 'STORE_FAILED', 'STORE_FAILED',  false],
  ['because another process writes', 'BEGIN IMMEDIATE', 'before', 'STORE_BUSY',   'STORE_FAILED',  false],
  ['while it asks',                  GUARD_SQL,         'before', 'STORE_FAILED', 'STORE_FAILED',  false],
  ['while it writes',                WRITE_SQL,         'after',  'STORE_FAILED', 'STORE_FAILED',  false],
  ['at COMMIT, held up by another',  'COMMIT',          'before', 'STORE_BUSY',   'STORE_FAILED',  false],
  ['at COMMIT, which was not done',  'COMMIT',          'before', 'STORE_FAILED', 'STORE_UNKNOWN', false],
  ['at COMMIT, which was done',      'COMMIT',          'after',  'STORE_FAILED', 'STORE_UNKNOWN', true],
] as const) {
  failures(`after a refusal, ${what}, says ${code}; the next commit continues from what is there`, async () => {
    const { store, fail } = await openFaulty();
    await store.commit([sale(1, 2)]);
    fail(sql, when, fault, 'within a transaction');
    // The second item's guard does not hold: what was presumed is refused, and asked.
    assert.is(await codeOf(store.commit([sale(2, 3), sale(3, 9, 'A2')])), code);
    assert.is(await versionOf(store), done ? 3 : 2);
    const [again] = await store.commit([sale(4, done ? 4 : 3)]);
    assert.is(again?.committed && again.sequence, done ? 3 : 2);
    await store.close();
  });
}

failures('leaves nothing to be read until another commit is on the disk', async () => {
  const { store, fail } = await openFaulty();
  await store.commit([sale(1, 2)]);
  fail(WRITE_SQL, 'before');
  assert.is(await codeOf(store.commit([sale(2, 3)])), 'STORE_UNKNOWN');
  fail(SETTLE_SQL, 'before');
  assert.is(await codeOf(versionOf(store)), 'STORE_FAILED');
  fail(SETTLE_SQL, 'before');
  assert.is(await codeOf(store.commit([sale(2, 3)])), 'STORE_FAILED');
  assert.is(await versionOf(store), 2);
  await store.close();
});

failures('is not tried at all when every item conflicts', async () => {
  const { store, fail } = await openFaulty();
  fail('COMMIT', 'before');
  const [outcome] = await store.commit([sale(1, 9)]);
  assert.is(outcome?.committed, false);
  await store.close();
});

failures('with nothing to write is never of unknown outcome', async () => {
  const { store, fail } = await openFaulty();
  // The first guard is presumed and proven, the second contradicts it.
  const guard = { kind: 'version', table: 'accounts', key: 'A1' } as const;
  const impossible = item(
    {},
    {
      guards: [
        { ...guard, version: 1 },
        { ...guard, version: 2 },
      ],
    },
  );
  fail(WRITE_SQL, 'before');
  assert.is(await codeOf(store.commit([impossible])), 'STORE_FAILED');
  const [outcome] = await store.commit([impossible]);
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
