/** Two hosts on one database, at the same moment: who promises that a row is absent, who does what is done once. */
import { rejects } from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import pg from 'pg';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../../protocol/index.ts';
import { runClearing } from '../../clearing/run.ts';
import { FIRST_DAY } from '../../clearing/sample-day.ts';
import { clear, closedDay, codeIs, log, who } from '../../clearing/scene.fixture.ts';
import { openDirectory } from '../../programme/directory.ts';
import type { CommitItem, Guard, StorePort } from '../port.ts';
import type { TableName } from '../rows.ts';
import * as sample from '../sample-rows.ts';
import { keyOf } from '../schema.ts';
import { all, chainsHold, committed, conflictOf, journal, oneRowEach } from '../suite-scene.ts';
import { connect } from './node-connections.ts';
import { emptySchema, storeOn } from './node-database.fixture.ts';
import { startPostgres } from './node-server.fixture.ts';
import { PgDriver } from './pg-driver.ts';
import { postgresFiles } from './postgres-files.ts';
import { openPostgresStore } from './postgres-store.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const RUNS = Number(process.env['RUNS'] ?? 12);
const server = await startPostgres({ track_commit_timestamp: 'on' });
server.leave();

type Pair = readonly [StorePort, StorePort];

function onTwo(act: (hosts: Pair, schema: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const schema = await emptySchema(server);
    const hosts: Pair = [await storeOn(server, schema, 'host-01'), await storeOn(server, schema, 'host-02')];
    try {
      await act(hosts, schema);
    } finally {
      for (const host of hosts) await host.close();
    }
  };
}

const DEADLOCKS_SQL = 'SELECT sum(deadlocks)::int AS "n" FROM pg_stat_database';
/** A server process tells what it counted a second later. */
const COUNTED_MS = 1_200;
const HELD_UP_MS = 300;

/** Resolves when so many sessions wait for a lock. */
async function waiting(sessions: number): Promise<void> {
  const text = `SELECT count(*)::int AS "n" FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;
  while (((await server.query(text))[0]?.['n'] as number) < sessions) await pause(10);
}

async function deadlocks(): Promise<number> {
  await pause(COUNTED_MS);
  return (await server.query(DEADLOCKS_SQL))[0]?.['n'] as number;
}

const absent = suite(`PostgreSQL: two hosts that promise absence at the same moment, seed ${SEED} (SEED)`);

type AbsentTable = Extract<Guard, { kind: 'absent' }>['table'];
const ABSENT_TABLES: readonly AbsentTable[] = [
  ...(['identities', 'cards', 'accounts', 'terminals', 'batches', 'files'] as const),
  ...(['steps', 'documents', 'days', 'salts', 'owedReversals'] as const),
];

for (const table of ABSENT_TABLES) {
  absent(
    `${table}: the row is written by one of them, and the other is told which guard failed`,
    onTwo(async (hosts) => {
      await committed(hosts[0], sample.provisioned('A2'), sample.provisioned('A3'));
      const [given] = oneRowEach()[table] ?? [];
      assert.ok(given !== undefined);
      const row = table === 'accounts' ? sample.accountRow('A9') : given;
      const guard = { kind: 'absent', table, key: keyOf(table, row) } as const;
      const writing = (body: string) =>
        sample.item({ [table]: [row] }, { guards: [guard], journal: [{ body }] });
      const both = await Promise.all([
        hosts[0].commit([writing('"first"')]),
        hosts[1].commit([writing('"second"')]),
      ]);
      const outcomes = both.flat();
      assert.is(outcomes.filter((outcome) => outcome.committed).length, 1);
      assert.equal(conflictOf(outcomes.find((outcome) => !outcome.committed)), guard);
      const rows: readonly object[] = await all(hosts[0], table as TableName);
      assert.is(rows.filter((one) => keyOf(table, one) === guard.key).length, 1);
      assert.is((await journal(hosts[0])).length, 1);
      await chainsHold(hosts[0]);
    }),
  );
}

absent(
  'a UT that is used is not burnt any more, whoever is faster',
  onTwo(async (hosts, schema) => {
    await committed(hosts[0], sample.provisioned('A1'));
    for (let round = 1; round <= 10; round += 1) {
      const ut = `U${round}`;
      const using = sample.item({ transactions: [sample.transactionRow(`X${round}`, { ut })] });
      const burning = sample.item(
        { identities: [sample.identityRow(`I${round}`)] },
        { guards: [{ kind: 'unused', ut }] },
      );
      const [[used], [burnt]] = await Promise.all([hosts[0].commit([using]), hosts[1].commit([burning])]);
      assert.is(used?.committed, true, 'who uses it has promised nothing');
      if (burnt?.committed !== true) {
        assert.equal(conflictOf(burnt), { kind: 'unused', ut });
        continue;
      }
      // Used after it was burnt is what the sale's own identity guard is for; burnt after it was used must not be.
      const [order] = await server.query(
        `SELECT pg_xact_commit_timestamp(i.xmin) < pg_xact_commit_timestamp(t.xmin) AS "first"
         FROM "${schema}"."identities" AS i, "${schema}"."transactions" AS t WHERE i."key" = 'I${round}' AND t."ut" = '${ut}'`,
      );
      assert.is(order?.['first'], true, `round ${round}: burnt before it was used`);
    }
  }),
);

absent('batches with the same keys in any order: each key once, no deadlock reaches the caller', async () => {
  const keys = fc.uniqueArray(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(keys, keys, async (first, second) => {
      await onTwo(async (hosts) => {
        const both = await Promise.all([hosts[0].commit(first.map(once)), hosts[1].commit(second.map(once))]);
        const written = [first, second].flatMap((wanted, host) =>
          wanted.filter((_, at) => both[host]?.[at]?.committed === true),
        );
        assert.equal(
          written.toSorted((a, b) => a - b),
          [...new Set([...first, ...second])].sort((a, b) => a - b),
        );
        for (const outcome of both.flat())
          assert.ok(outcome.committed || outcome.conflict !== null, 'a guard that failed, and nothing else');
        assert.is((await journal(hosts[0])).length, written.length);
        await chainsHold(hosts[1]);
      })();
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

/** An identity and a step of that number, promised absent in another order than they are written in. */
function once(number: number): CommitItem {
  const key = `I${number}`;
  const step = { runId: `R${99 - number}`, step: 'price', output: number, at: sample.AT };
  return sample.item(
    { identities: [sample.identityRow(key)], steps: [step] },
    {
      guards: [
        { kind: 'absent', table: 'steps', key: `${step.runId}|price` },
        { kind: 'absent', table: 'identities', key },
      ],
      journal: [{ body: String(number) }],
    },
  );
}

absent(
  'the short way and the long one write in one order: one request at two hosts is no deadlock',
  onTwo(async ([first, second], schema) => {
    await committed(first, sample.provisioned('A1'));
    const same = (id: string) =>
      sample.item(
        {
          transactions: [sample.transactionRow(id, { ut: 'U1', trace: '000001' })],
          identities: [sample.identityRow('K1', { ut: 'U1', transactionId: id })],
        },
        {
          guards: [
            { kind: 'absent', table: 'identities', key: 'K1' },
            { kind: 'unused', ut: 'U1' },
          ],
          journal: [{ body: `"${id}"` }],
        },
      );
    // An item that is refused sends its batch the long way.
    const refused = sample.item(
      { identities: [sample.identityRow('K9')] },
      { guards: [{ kind: 'version', table: 'accounts', key: 'A1', version: 77 }] },
    );
    const before = await deadlocks();
    const other = new pg.Client({ connectionString: server.url });
    await other.connect();
    await other.query(`SET search_path = ${schema}`);
    await other.query('BEGIN');
    // Holds the first up between its transaction and its identity.
    await other.query(
      `INSERT INTO places ("terminalId", "batch", "trace", "transactionId", "businessDate") VALUES ('T0000001', 1, '000001', 'XA', '${sample.BUSINESS_DATE}')`,
    );
    const long = first.commit([same('XA'), refused]);
    await waiting(1);
    const short = second.commit([same('XB')]);
    // It need not wait for the first; where it did, both would have stood still now.
    await Promise.race([short, pause(HELD_UP_MS)]);
    await other.query('ROLLBACK');
    await other.end();
    const outcomes = [...(await long).slice(0, 1), ...(await short)];
    assert.is(outcomes.filter((outcome) => outcome.committed).length, 1);
    assert.is(await deadlocks(), before);
  }),
);

absent.run();

const leases = suite('PostgreSQL: what is done by one host at a time');
const refused = (error: unknown) => error instanceof PosError && error.code === 'NOT_ALLOWED_NOW';

/** Work that lasts until it is let go. */
function lasting() {
  let letGo = () => {};
  let begun = () => {};
  const isOver = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let still: () => Promise<void> = () => Promise.reject(new Error('not begun'));
  const work = async (asking: () => Promise<void>) => {
    still = asking;
    begun();
    await isOver;
  };
  return { work, hasBegun, letGo: () => letGo(), still: () => still() };
}

const atOnce = () => Promise.resolve('done');

leases(
  'is refused to everybody else until it is over, and only under its name',
  onTwo(async (hosts) => {
    const { work, hasBegun, letGo, still } = lasting();
    const first = hosts[0].alone('one', work);
    await hasBegun;
    await rejects(hosts[0].alone('one', atOnce), refused);
    await rejects(hosts[1].alone('one', atOnce), refused);
    assert.is(await hosts[1].alone('two', atOnce), 'done');
    await still();
    letGo();
    await first;
    assert.is(await hosts[1].alone('one', atOnce), 'done');
    await rejects(
      hosts[0].alone('one', () => Promise.reject(new Error('it failed'))),
      /it failed/,
    );
    assert.is(await hosts[1].alone('one', atOnce), 'done');
  }),
);

/** Ends the sessions that hold a lease, as when their host dies. */
const killHolders = () =>
  server.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1`,
  );

leases(
  'is free again when the host that did it dies, and that host notices before its next step',
  onTwo(async (hosts) => {
    const [dying, heir] = [lasting(), lasting()];
    const first = hosts[0].alone('one', dying.work);
    await dying.hasBegun;
    await killHolders();
    const second = hosts[1].alone('one', heir.work);
    await heir.hasBegun;
    await rejects(dying.still(), refused);
    await heir.still();
    dying.letGo();
    await first;
    await rejects(hosts[0].alone('one', atOnce), refused);
    heir.letGo();
    await second;
  }),
);

leases(
  'goes on when its connection was lost and nobody else came',
  onTwo(async (hosts) => {
    const { work, hasBegun, letGo, still } = lasting();
    const first = hosts[0].alone('one', work);
    await hasBegun;
    await killHolders();
    await still();
    await rejects(hosts[1].alone('one', atOnce), refused);
    letGo();
    await first;
  }),
);

leases.run();

const shared = suite('PostgreSQL: settlement files that every host serves');

/** @returns one door for each host */
async function withFiles(
  act: (doors: readonly ReturnType<typeof postgresFiles>[], schema: string) => Promise<void>,
) {
  const schema = await emptySchema(server);
  await (await storeOn(server, schema, 'host-01')).close();
  const drivers = [1, 2].map(() => new PgDriver({ url: server.url, settings: { search_path: schema } }));
  try {
    await act(drivers.map(postgresFiles), schema);
  } finally {
    for (const driver of drivers) await driver.close();
  }
}

shared('are whole, never overwritten, and read at the other host', () =>
  withFiles(async ([one, two]) => {
    assert.ok(one !== undefined && two !== undefined);
    const bytes = Buffer.from([0, 1, 0xff, 0x0d, 0x0a]);
    await one.write('b.csv', bytes);
    await rejects(two.write('b.csv', Buffer.from('other')), codeIs('FILE_EXISTS', 'b.csv'));
    assert.equal(await two.read('b.csv'), bytes);
    assert.is(await two.read('a.csv'), undefined);
    await two.write('a.csv', Buffer.alloc(0));
    assert.equal(await one.list(), ['a.csv', 'b.csv']);
    assert.equal(await one.read('a.csv'), Buffer.alloc(0));
    await rejects(two.read('../x'), codeIs('REQUEST_BAD'));
  }),
);

shared('are written by one of two hosts that write at the same time', () =>
  withFiles(async (doors) => {
    const both = await Promise.allSettled(doors.map((door, n) => door.write('a.csv', Buffer.from(`${n}`))));
    assert.equal(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const winner = both.findIndex(({ status }) => status === 'fulfilled');
    for (const door of doors) assert.equal(await door.read('a.csv'), Buffer.from(`${winner}`));
  }),
);

shared('are changed and deleted by nobody', () =>
  withFiles(async ([one], schema) => {
    await one?.write('a.csv', Buffer.from('one'));
    const table = `"${schema}"."settlementBytes"`;
    for (const act of [`UPDATE ${table} SET "bytes" = ''`, `DELETE FROM ${table}`, `TRUNCATE ${table}`])
      await rejects(server.query(act), /settlementBytes: a row is never/);
  }),
);

shared.run();

const clearing = suite('PostgreSQL: a day is cleared once, at whichever host');

clearing(
  'by one of two that are asked at the same moment; the other has the same result and the same files',
  async () => {
    const schema = await emptySchema(server);
    const scene = await closedDay((clock) =>
      openPostgresStore({
        connections: connect(server.url, { search_path: schema }),
        stream: 'host-01',
        clock,
        initialBusinessDate: FIRST_DAY,
      }),
    );
    const store = await storeOn(server, schema, 'host-02');
    const drivers = [1, 2].map(() => new PgDriver({ url: server.url, settings: { search_path: schema } }));
    try {
      const [ours, theirs] = drivers.map(postgresFiles);
      assert.ok(ours !== undefined && theirs !== undefined);
      const second = {
        store,
        directory: await openDirectory(store),
        clock: scene.world.clock,
        files: theirs,
        log,
      };
      const clearSecond = () => runClearing(second, { businessDate: FIRST_DAY, ...who });
      const both = await Promise.allSettled([clear(scene, { files: ours }), clearSecond()]);
      const failed = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as PosError] : []));
      assert.equal(
        failed.map(({ code }) => code),
        ['NOT_ALLOWED_NOW'],
      );
      const again = [await clear(scene, { files: ours }), await clearSecond()];
      assert.equal(again[0]?.files, again[1]?.files);
      assert.is(again[0]?.files.length, 9);
      for (const { name } of again[0]?.files ?? [])
        assert.equal(await theirs.read(name), await ours.read(name));
      const steps = await all(store, 'steps');
      const records = (await journal(store)).filter(({ body }) => body.includes('"clearing-step"'));
      // And one row of sums.
      assert.is(steps.length, 12);
      assert.is(records.length, 11);
      // The same bytes as on SQLite with files in memory.
      const reference = await closedDay();
      await clear(reference);
      for (const [name, bytes] of reference.files.snapshot())
        assert.equal(await theirs.read(name), bytes, name);
    } finally {
      for (const driver of drivers) await driver.close();
      await store.close();
      await scene.world.store.close();
    }
  },
);

clearing.run();
