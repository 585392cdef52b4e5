/** A PostgreSQL server brought back to a point in time, for real: base backup, archive of the log, recovery, proof. */
import { rejects } from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cutOver } from '../clearing/cut-over.ts';
import { memoryFiles } from '../clearing/memory-files.ts';
import { FIRST_DAY, playFirstDay, SECOND_DAY, sampleWorld } from '../clearing/sample-day.ts';
import { clear, codeIs, HOUR, who } from '../clearing/scene.fixture.ts';
import { nodeClock } from '../node-clock.ts';
import { MarkedStore, slotOf } from '../store/commit-mark.ts';
import { nodeMarkSlots } from '../store/node-mark-slots.ts';
import type { StorePort } from '../store/port.ts';
import { connect } from '../store/postgres/node-connections.ts';
import { freePort, newFolder, PostgresServer, startPostgres } from '../store/postgres/node-server.fixture.ts';
import { copyRunning, own } from '../store/postgres/node-standby.fixture.ts';
import { openPostgresStore } from '../store/postgres/postgres-store.ts';
import { all, journal } from '../store/suite-scene.ts';
import { RRN_SKIPPED } from './backup.ts';
import { startChild } from './node-child-host.fixture.ts';
import { takeUpServer } from './node-server-restore.ts';

const restore = suite('a PostgreSQL server that was brought back');
const BY = { stream: '01', person: '王运维', reason: '误操作 a mistake' };
const MARK = 'acknowledged-01.mark';

async function openStore(server: PostgresServer, stream = 'host-01'): Promise<StorePort> {
  return openPostgresStore({
    connections: connect(server.url),
    stream,
    clock: nodeClock,
    initialBusinessDate: FIRST_DAY,
  });
}

/** Resolves when the segment that is written now is in the archive. */
async function archived(server: PostgresServer): Promise<void> {
  const [row] = await server.query('SELECT pg_walfile_name(pg_switch_wal()) AS "segment"');
  const segment = String(row?.['segment']);
  for (let last = ''; last < segment; ) {
    const [archiver] = await server.query('SELECT last_archived_wal AS "last" FROM pg_stat_archiver');
    last = String(archiver?.['last'] ?? '');
  }
}

/** The manual's recovery to a named point, out of base backup and archive. */
async function broughtBack(base: string, archive: string, point: string): Promise<PostgresServer> {
  const server = new PostgresServer(base, await freePort(), {
    restore_command: `cp ${archive}/%f %p`,
    recovery_target_name: point,
    recovery_target_action: 'promote',
  });
  writeFileSync(join(server.data, 'recovery.signal'), '');
  own(server.data);
  await server.start();
  for (let isRecovering = true; isRecovering; )
    isRecovering = (await server.query('SELECT pg_is_in_recovery() AS "is"'))[0]?.['is'] === true;
  return server;
}

/** A host process on the server. @returns what it said when it did not start, or null after it served and stopped */
async function refusalOf(server: PostgresServer, data: string): Promise<string | null> {
  const host = startChild(data, [], { STORE_URL: server.url, ZUNKA_INITIAL_BUSINESS_DATE: FIRST_DAY });
  const code = await Promise.race([
    host.ended,
    host.until('the host is running').then(
      () => 'runs' as const,
      () => host.ended,
    ),
  ]);
  if (code !== 'runs') return host.text();
  assert.is((await host.get('/v1/ready')).status, 200);
  host.child.kill('SIGTERM');
  assert.is(await host.ended, 0);
  return null;
}

restore(
  'serves nobody before books and journal are proven; then what was before the point is there, and no more',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zunka-restore-'));
    const data = join(folder, 'data');
    const archive = await newFolder();
    const base = await newFolder();
    const primary = await startPostgres({ archive_mode: 'on', archive_command: `cp %p ${archive}/%f` });
    let restored: PostgresServer | null = null;
    try {
      // 1. A host makes its keys and the tables; a day is traded, and marked as acknowledged.
      assert.is(await refusalOf(primary, data), null);
      const slots = nodeMarkSlots(join(data, MARK));
      const world = await sampleWorld(async () => {
        const store = await openStore(primary);
        const marked = new MarkedStore({
          store,
          stream: 'host-01',
          slots,
          failed: (error) => assert.not.ok(error),
        });
        await marked.begin();
        return marked;
      });
      await playFirstDay(world);

      // 2. A base backup while it works; more work, the point, and what must not have happened.
      await copyRunning(primary, join(base, 'data'));
      world.pass(13 * HOUR);
      await cutOver(world, who);
      await primary.query(`SELECT pg_create_restore_point('before the mistake')`);
      const before = await journal(world.store);
      const lost = memoryFiles();
      await clear({ world, files: lost });
      await archived(primary);
      await world.store.close();
      await slots.close();
      await primary.kill();

      // 3. Back to the point. The host knows that it had acknowledged more, and refuses.
      restored = await broughtBack(base, archive, 'before the mistake');
      assert.match((await refusalOf(restored, data)) ?? '', /STORE_DAMAGED/);
      const taking = { ...BY, storeUrl: restored.url, dataFolder: data };
      await rejects(takeUpServer(taking), codeIs('ALREADY_EXISTS', MARK));
      renameSync(join(data, MARK), join(folder, MARK));
      const report = await takeUpServer(taking);
      assert.is(report.journal[0]?.sequence, before.length + 1);

      // 4. It serves again, with what was before the point.
      assert.is(await refusalOf(restored, data), null);
      const store = await openStore(restored, 'look');
      try {
        const records = await journal(store, 'host-01');
        assert.equal(records.slice(0, before.length), before);
        const act = JSON.parse(records[before.length]?.body ?? '{}') as Record<string, unknown>;
        assert.is(act['act'], 'store.restore');
        assert.is(act['person'], BY.person);
        assert.is((await store.read({})).day.businessDate, SECOND_DAY);
        assert.equal(await all(store, 'steps'), []);
        assert.ok(((await store.read({ counters: ['rrn:01'] })).counters.get('rrn:01') ?? 0) >= RRN_SKIPPED);
        // What was lost is done again, with the same bytes.
        const files = memoryFiles();
        await clear({ world: { ...world, store }, files });
        assert.equal(files.snapshot(), lost.snapshot());
      } finally {
        await store.close();
      }

      // 5. With nothing beside it that says how far it went, a host proves all of it, too: one flipped amount is found.
      rmSync(join(data, MARK));
      assert.is(await refusalOf(restored, data), null);
      rmSync(join(data, MARK));
      await restored.query(
        `SET session_replication_role = replica; UPDATE "entries" SET "body" = replace("body", '11520', '11521')`,
      );
      assert.match((await refusalOf(restored, data)) ?? '', /STORE_DAMAGED/);
      await rejects(takeUpServer(taking), codeIs('STORE_DAMAGED', 'entries'));
      // So does one whose mark was made for a database that was still empty.
      writeFileSync(join(data, MARK), slotOf({ stream: 'host-01', sequence: 0, head: '' }));
      assert.match((await refusalOf(restored, data)) ?? '', /STORE_DAMAGED/);
    } finally {
      await restored?.stop();
      await primary.stop();
      for (const path of [folder, archive, base]) rmSync(path, { recursive: true, force: true });
    }
  },
);

restore('is not taken up where there are no books', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-restore-'));
  const server = await startPostgres();
  try {
    await rejects(takeUpServer({ ...BY, storeUrl: server.url, dataFolder: folder }), codeIs('NOT_FOUND'));
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});

restore.run();
