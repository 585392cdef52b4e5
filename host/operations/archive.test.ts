/** Years that leave the books of a PostgreSQL store: exported, detached, carried forward, and nothing lost. */
import { rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FenDelta, fen } from '../../protocol/index.ts';
import { codeIs } from '../clearing/scene.fixture.ts';
import { loadEntry, remittanceSentEntry } from '../ledger/entries.ts';
import type { Entry } from '../ledger/model.ts';
import { proveBooks } from '../ledger/proofs.ts';
import { nodeClock } from '../node-clock.ts';
import type { CommitItem, StorePort } from '../store/port.ts';
import { connect } from '../store/postgres/node-connections.ts';
import { type PostgresServer, startPostgres } from '../store/postgres/node-server.fixture.ts';
import { openPostgresStore } from '../store/postgres/postgres-store.ts';
import * as sample from '../store/sample-rows.ts';
import { all, committed, journal } from '../store/suite-scene.ts';
import { archiveYear } from './node-archive.ts';
import { startChild } from './node-child-host.fixture.ts';
import type { ArchiveManifest } from './year-archive.ts';

const server: PostgresServer = await startPostgres();
server.leave();
let databases = 0;

const BY = { person: '赵档案', reason: '保存期满 kept long enough' };

const stamp = (entryId: string, businessDate: string, corrects: string | null = null) => ({
  ...{ entryId, businessDate, corrects, at: sample.AT, branchId: null, terminalId: null },
  cause: { kind: 'approval', id: `AP-${entryId}` } as const,
});

/** A card loaded with 1000.00 in that year, of which the sale point sent 300.00; and a transaction of it. */
function year(year: string): CommitItem {
  const accountId = `A${year}`;
  const lotId = `L-${accountId}`;
  const load = loadEntry(stamp(`load-${year}`, `${year}0630`), {
    ...{ accountId, salePointId: 'S1', principal: fen(100_000), principalLotId: lotId },
    ...{ bonus: fen(0), bonusLotId: null },
  });
  return sample.item({
    accounts: [sample.accountRow(accountId)],
    lots: [sample.lotRow(lotId, accountId)],
    entries: [load, remittanceSentEntry(stamp(`sent-${year}`, `${year}1230`), 'S1', fen(30_000))],
    transactions: [
      sample.transactionRow(`X${year}`, {
        businessDate: `${year}0630`,
        ut: `U${year}`,
        rrn: `01000000${year}`,
        accountId,
      }),
    ],
  });
}

interface Scene {
  readonly store: StorePort;
  readonly folder: string;
  readonly storeUrl: string;
  readonly database: string;
  archive(year: string, to?: string): Promise<ArchiveManifest>;
}

/** Books of 2019 to 2021 and of this year, 2026. */
async function withYears(act: (scene: Scene) => Promise<void>): Promise<void> {
  databases += 1;
  const database = `archive${databases}`;
  await server.query(`CREATE DATABASE "${database}"`);
  const storeUrl = server.urlOf(database);
  const folder = mkdtempSync(join(tmpdir(), 'zunka-archive-'));
  const store = await openPostgresStore({
    connections: connect(storeUrl),
    stream: 'host-01',
    clock: nodeClock,
    initialBusinessDate: sample.BUSINESS_DATE,
  });
  try {
    await committed(store, ...['2019', '2020', '2021', '2026'].map(year));
    const archive = (of: string, to = join(folder, of)) => archiveYear({ ...BY, storeUrl, year: of, to });
    await act({ store, folder, storeUrl, database, archive });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

const archive = suite('a year leaves the books');

archive('with every balance as it was, its rows in files and in tables that nobody may change', () =>
  withYears(async ({ store, folder, database, archive }) => {
    const balances = await store.balances({ byLot: true });
    const leaving = (await all(store, 'entries')).filter(({ businessDate }) => businessDate < '2020');
    const manifest = await archive('2019');

    // The files hold the rows, as the manifest says.
    const lines = manifest.files.map(({ name, sha256, rows }) => {
      const bytes = readFileSync(join(folder, '2019', name));
      assert.is(createHash('sha256').update(bytes).digest('hex'), sha256);
      const read = bytes.toString('utf8').trimEnd().split('\n');
      assert.is(read.length, rows);
      return read.map((line) => JSON.parse(line) as { transactionId?: string });
    });
    assert.equal(lines[0], leaving);
    assert.equal(
      lines[1]?.map(({ transactionId }) => transactionId),
      ['X2019'],
    );
    assert.equal(JSON.parse(readFileSync(join(folder, '2019', 'archive.json'), 'utf8')), manifest);

    // The books are what they were; one entry stands where those were.
    assert.equal(await store.balances({ byLot: true }), balances);
    assert.ok((await proveBooks(store)).ok);
    const carried = (await all(store, 'entries')).filter(({ businessDate }) => businessDate < '2020');
    assert.equal(
      carried.map(({ entryId, event, businessDate }) => [entryId, event, businessDate]),
      [['carried-2019', 'carried-forward', '20191231']],
    );
    // By hand: the lot, what the sale point owes still, and what is on its way.
    assert.equal(amounts(carried[0]), [-100_000, 30_000, 70_000]);

    // What was unique stays taken; what has left is found no more.
    assert.equal((await store.read({ uts: ['U2019'] })).transactions, []);
    const again = sample.transactionRow('X9', { ut: 'U2019' });
    const [used] = await store.commit([sample.item({ transactions: [again] })]);
    assert.is(used?.committed === false && used.failure?.code, 'STORE_REFUSED');

    // The tables are there, and stay as they are.
    assert.equal(manifest.detached, ['entries_2019', 'transactions_2019']);
    for (const table of manifest.detached) {
      const [row] = await server.query(`SELECT count(*)::int AS "n" FROM "${table}"`, database);
      assert.ok(Number(row?.['n']) > 0);
      for (const act of [`DELETE FROM "${table}"`, `TRUNCATE "${table}"`, `UPDATE "${table}" SET "sum" = 0`])
        await rejects(server.query(act, database), /never/, act);
    }
    const [act] = await journal(store, 'archive');
    assert.is((JSON.parse(act?.body ?? '{}') as Record<string, unknown>)['act'], 'books.archive');
  }),
);

function amounts(entry: Entry | undefined): readonly FenDelta[] {
  return (entry?.postings ?? []).map(({ amount }) => amount).sort((a, b) => a - b);
}

archive('one after the other, each taking up what was carried before it, while hosts trade', () =>
  withYears(async ({ store, archive }) => {
    let isOver = false;
    const trading = (async () => {
      for (let n = 0; !isOver; n += 1)
        await committed(
          store,
          sample.item({
            identities: [sample.identityRow(`I${n}`)],
            transactions: [sample.transactionRow(`Y${n}`)],
          }),
        );
    })();
    const balances = await store.balances({ byLot: true });
    await rejects(archive('2020'), codeIs('NOT_ALLOWED_NOW', '2019'));
    await archive('2019');
    const manifest = await archive('2020');
    isOver = true;
    await trading;
    assert.equal(manifest.detached, ['entries_2019_carried', 'entries_2020', 'transactions_2020']);
    assert.equal(await store.balances({ byLot: true }), balances);
    assert.ok((await proveBooks(store)).ok);
    assert.equal((await all(store, 'entries')).map(({ entryId }) => entryId).sort(), [
      'carried-2020',
      'load-2021',
      'load-2026',
      'sent-2021',
      'sent-2026',
    ]);
  }),
);

archive('not before five whole years are over, not twice, and not over a folder that is there', () =>
  withYears(async ({ folder, archive }) => {
    await rejects(archive('2021'), codeIs('NOT_ALLOWED_NOW', 'up to 2020'));
    await rejects(archive('someday'), codeIs('INPUT_BAD'));
    await rejects(archive('2018'), codeIs('NOT_FOUND', 'entries_2018'));
    await rejects(archive('2019', folder), codeIs('ALREADY_EXISTS'));
    await archive('2019');
    await rejects(archive('2019', join(folder, 'again')), codeIs('NOT_FOUND'));
    assert.not.ok(existsSync(join(folder, 'again.partial')));
  }),
);

archive('not while a hold is open in it, or what stays names it from further than the next year', () =>
  withYears(async ({ store, archive }) => {
    const naming = (id: string, date: string) => {
      const entry = remittanceSentEntry(stamp(id, date, 'sent-2019'), 'S1', fen(1));
      return sample.item({ entries: [entry] });
    };
    const hold = sample.transactionRow('H1', { businessDate: '20190701', kind: 'preAuthorisation' });
    await committed(store, naming('next', '20200102'), sample.item({ transactions: [hold] }));
    await rejects(archive('2019'), codeIs('NOT_ALLOWED_NOW', 'hold H1'));
    await committed(store, sample.item({ transactions: [{ ...hold, version: 2, state: 'released' }] }));
    await archive('2019');
    assert.ok((await proveBooks(store)).ok, 'one of the next year may name what left');
    await committed(
      store,
      sample.item({ entries: [remittanceSentEntry(stamp('far', '20221002', 'sent-2020'), 'S1', fen(1))] }),
    );
    await rejects(archive('2020'), codeIs('NOT_ALLOWED_NOW', 'entry far'));
  }),
);

archive('not with a row that is not what was written, and then nothing has left', () =>
  withYears(async ({ store, folder, database, archive }) => {
    const balances = await store.balances();
    await server.query(
      `SET session_replication_role = replica; UPDATE "transactions_2019" SET "body" = replace("body", '12800', '12801')`,
      database,
    );
    await rejects(archive('2019'), codeIs('STORE_DAMAGED', 'transactions'));
    assert.not.ok(existsSync(join(folder, '2019')) || existsSync(join(folder, '2019.partial')));
    assert.equal(await store.balances(), balances);
    assert.is((await all(store, 'entries')).length, 8);
  }),
);

archive('by one command', () =>
  withYears(async ({ folder, storeUrl }) => {
    const to = join(folder, 'out');
    const words = ['archive', to, '--year', '2019'];
    const nameless = startChild(folder, words, { STORE_URL: storeUrl });
    assert.is(await nameless.ended, 1);
    assert.match(nameless.text(), '--person');
    const child = startChild(folder, [...words, '--person', BY.person, '--reason', BY.reason], {
      STORE_URL: storeUrl,
    });
    assert.is(await child.ended, 0, child.text());
    assert.match(child.text(), 'entries-2019.ndjson 2 rows');
    assert.ok(existsSync(join(to, 'archive.json')));
  }),
);

archive.run();
