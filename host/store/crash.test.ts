import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { verifyJournal } from '../journal/verify.ts';
import { nodeClock } from '../node-clock.ts';
import type { StorePort } from './port.ts';
import { accountRow, BUSINESS_DATE, item, lotRow } from './sample-rows.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';

const KILLS = 5;
/** What `lotRow` loads. Each sale of the writer takes one fen. */
const LOADED = 100_000;

const crash = suite('a process that is killed while it commits');

async function opened(path: string): Promise<StorePort> {
  return openSqliteStore({
    driver: await openSqlite(path),
    stream: 'host-1',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
}

/** Runs the writer until it has acknowledged `acknowledgedMin` items, kills it, gives what it printed. */
function killedWriter(path: string, acknowledgedMin: number): Promise<readonly string[]> {
  const script = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, path, 'host-1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.split('\n').length > acknowledgedMin) child.kill('SIGKILL');
    });
    child.stdout.on('close', () => {
      // A last line without its end was cut by the kill: its item may or may not be there.
      resolve(text.split('\n').slice(0, -1));
    });
  });
}

crash(
  'has every acknowledged item when it is opened again, whole, in order, and the journal proves right',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zunka-crash-'));
    try {
      const path = join(folder, 'host.db');
      const first = await opened(path);
      await first.commit([
        item({
          accounts: [accountRow('A1')],
          lots: [lotRow('L-A1', 'A1')],
        }),
      ]);
      await first.close();
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const acknowledged = (await killedWriter(path, 37 * kill)).map((line) => line.split(' '));
        assert.ok(acknowledged.length >= 37 * kill);
        const store = await opened(path);
        await provesWhole(store, acknowledged);
        await store.close();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

async function provesWhole(store: StorePort, acknowledged: readonly string[][]): Promise<void> {
  const heads = new Map<number, string>();
  const verdict = await verifyJournal(watched());
  assert.ok(verdict.ok, JSON.stringify(verdict));
  for (const [serial, sequence, head] of acknowledged) {
    assert.is(heads.get(Number(sequence)), head, `sale ${serial}`);
  }
  // All or nothing: as many entries, identities and transactions as records, and the lot tells the same.
  const { accounts, lots } = await store.read({ accountIds: ['A1'] });
  const sales = heads.size;
  assert.ok(sales >= Number(acknowledged.at(-1)?.[0]) - 1);
  assert.is(accounts[0]?.version, sales + 1);
  assert.is(lots[0]?.remaining, LOADED - sales);
  for (const table of ['identities', 'transactions', 'entries'] as const) {
    let count = 0;
    for await (const page of store.scan(table)) count += page.length;
    assert.is(count, sales, table);
  }
  const balances = await store.balances();
  assert.is(balances.find(({ account }) => account === 'purse:principal:A1')?.sum, sales * 11_520);

  async function* watched() {
    for await (const page of store.scanJournal()) {
      for (const row of page) heads.set(row.sequence, row.head);
      yield page;
    }
  }
}

crash.run();
