/**
 * Ledger units a second: one unit is a whole sale (identity, transaction, account, lot, entry with six
 * postings, one journal record), committed durably to a file, at 64 units a commit. Its anchor, in the
 * same run: the same rows by BEGIN, one prepared statement a row, COMMIT.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensure, fen } from '../../protocol/index.ts';
import { genesisHead } from '../journal/record.ts';
import { type StreamHead, seal } from '../journal/seal.ts';
import { nodeClock } from '../node-clock.ts';
import { quoted, quotedList } from './ddl.ts';
import type { SqlDriver } from './driver.ts';
import { prepareItem } from './guards.ts';
import type { CommitItem } from './port.ts';
import { valuesOf } from './row-shape.ts';
import type { TableName } from './rows.ts';
import { BUSINESS_DATE, provisioned, saleItem } from './sample-rows.ts';
import { specOf } from './schema.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { storedNames } from './statements.ts';

interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const BATCH = 64;
const ACCOUNTS = 4_096;
/** Both sides are measured in turns of this length, so that a noisy machine disturbs both alike. */
const ROUND_MS = 1_500;
const ROUNDS = 4;

export async function bench(): Promise<Metric[]> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-bench-'));
  try {
    const batched = await openBatched(join(folder, 'batched.db'));
    const naive = await openNaive(join(folder, 'naive.db'));
    const rates = { batched: [] as number[], naive: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      rates.naive.push(await unitsPerSecond(naive.commit, 1));
      rates.batched.push(await unitsPerSecond(batched.commit, BATCH));
    }
    // Only what is there after the run counts.
    ensure((await batched.entries()) === batched.sold(), 'every batched unit is in the books');
    ensure((await naive.entries()) === naive.sold(), 'every naive unit is in the books');
    await batched.close();
    await naive.close();
    const [fast, slow] = [median(rates.batched), median(rates.naive)];
    return [
      { name: 'ledger units, batch 64, SQLite', value: Math.round(fast), unit: 'units/s' },
      { name: 'ledger units, naive, SQLite', value: Math.round(slow), unit: 'units/s' },
      {
        name: 'ledger units, batch 64 to naive',
        value: Math.round((100 * fast) / slow) / 100,
        unit: 'ratio',
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Side {
  readonly commit: (count: number) => Promise<void>;
  readonly sold: () => number;
  readonly entries: () => Promise<number>;
  readonly close: () => Promise<void>;
}

async function unitsPerSecond(commit: Side['commit'], batch: number): Promise<number> {
  const start = performance.now();
  let units = 0;
  while (performance.now() - start < ROUND_MS) {
    await commit(batch);
    units += batch;
  }
  return (units / (performance.now() - start)) * 1_000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

/** Sales over all accounts in turn, each with the version that follows. */
function seller(): { readonly next: () => CommitItem; readonly sold: () => number } {
  let serial = 0;
  const next = () => {
    const version = 2 + Math.floor(serial / ACCOUNTS);
    const item = saleItem(serial, `A${serial % ACCOUNTS}`, version, fen(100_000 - version));
    serial += 1;
    return item;
  };
  return { next, sold: () => serial };
}

async function openStore(driver: SqlDriver) {
  const store = await openSqliteStore({
    driver,
    stream: 'bench',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
  const accounts = Array.from({ length: ACCOUNTS }, (_, index) => provisioned(`A${index}`));
  for (const outcome of await store.commit(accounts)) ensure(outcome.committed, 'the accounts are there');
  return store;
}

async function entriesIn(driver: SqlDriver): Promise<number> {
  const [row] = await driver.all('SELECT count(*) AS "count" FROM "entries"', []);
  return Number(row?.['count']);
}

async function openBatched(path: string): Promise<Side> {
  const driver = await openSqlite(path);
  const store = await openStore(driver);
  const { next, sold } = seller();
  const commit = async (count: number) => {
    const outcomes = await store.commit(Array.from({ length: count }, next));
    for (const outcome of outcomes) ensure(outcome.committed, 'no unit conflicts');
  };
  return { commit, sold, entries: () => entriesIn(driver), close: () => store.close() };
}

async function openNaive(path: string): Promise<Side> {
  const driver = await openSqlite(path);
  await openStore(driver);
  const { next, sold } = seller();
  let head: StreamHead = { sequence: 0, head: genesisHead('bench') };
  const commit = async () => {
    const { item, records } = prepareItem(next());
    await driver.run('BEGIN IMMEDIATE', []);
    for (const guard of item.guards) await checkNaively(driver, guard);
    for (const [table, rows] of Object.entries(item.changes) as [TableName, readonly object[]][]) {
      for (const row of rows) await driver.run(upsertSql(table), valuesOf(table, row));
    }
    const sealed = seal('bench', head, records);
    for (const { stream, sequence, body, leaf, head: after } of sealed.rows) {
      await driver.run('INSERT INTO "journal" VALUES (?, ?, ?, ?, ?)', [stream, sequence, body, leaf, after]);
    }
    await driver.run('COMMIT', []);
    head = sealed.after;
  };
  return { commit, sold, entries: () => entriesIn(driver), close: () => driver.close() };
}

async function checkNaively(driver: SqlDriver, guard: CommitItem['guards'][number]): Promise<void> {
  if (guard.kind === 'counter') {
    await driver.run(
      'INSERT INTO "counters" VALUES (?1, ?2) ON CONFLICT ("counter") DO UPDATE SET "value" = "value" + ?2',
      [guard.counter, guard.add],
    );
    return;
  }
  ensure(guard.kind !== 'unused', 'a sale burns nothing');
  const key = specOf(guard.table).key[0] as string;
  const version = guard.kind === 'version' ? '"version"' : '1';
  const [row] = await driver.all(
    `SELECT ${version} AS "version" FROM ${quoted(guard.table)} WHERE ${quoted(key)} = ?`,
    [guard.key],
  );
  ensure(
    guard.kind === 'version' ? row?.['version'] === guard.version : row === undefined,
    'no unit conflicts',
  );
}

const UPSERTS = new Map<string, string>();

function upsertSql(table: TableName): string {
  const known = UPSERTS.get(table);
  if (known !== undefined) return known;
  const { key, guard } = specOf(table);
  const names = storedNames(table);
  const insert = `INSERT INTO ${quoted(table)} (${quotedList(names)}) VALUES (${names.map(() => '?').join(', ')})`;
  const changes = names
    .filter((name) => !key.includes(name))
    .map((name) => `${quoted(name)} = excluded.${quoted(name)}`);
  const text =
    guard === 'grows'
      ? insert
      : `${insert} ON CONFLICT (${quotedList(key)}) DO UPDATE SET ${changes.join(', ')}`;
  UPSERTS.set(table, text);
  return text;
}
