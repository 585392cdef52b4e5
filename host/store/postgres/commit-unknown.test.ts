/** The connection is cut at every point of a commit: what the store says of it, and what is in the database then. */
import { rejects } from 'node:assert/strict';
import { hash } from 'node:crypto';
import pg from 'pg';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../../protocol/index.ts';
import type { CommitItem, StorePort } from '../port.ts';
import * as sample from '../sample-rows.ts';
import { all, chainOf, committed, journal } from '../suite-scene.ts';
import { emptySchema, storeOn } from './node-database.fixture.ts';
import { FaultyLine } from './node-line.fixture.ts';
import { startPostgres } from './node-server.fixture.ts';

const server = await startPostgres();
server.leave();

const unknown = suite('PostgreSQL: a commit whose answer never comes');

interface Scene {
  readonly line: FaultyLine;
  readonly schema: string;
  /** Behind the line. */
  readonly store: StorePort;
}

/** One record is there before anything goes wrong. */
function onLine(act: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const schema = await emptySchema(server);
    const line = await FaultyLine.open(server.port);
    const store = await storeOn(line, schema, 'test');
    try {
      await committed(store, marked('before'));
      await act({ line, schema, store });
    } finally {
      await store.close();
      await line.close();
    }
  };
}

/** An item that can be told on the wire: its identity, and a record of the same name. */
function marked(key: string, guards: CommitItem['guards'] = []): CommitItem {
  return sample.item(
    { identities: [sample.identityRow(key)] },
    {
      guards: [{ kind: 'absent', table: 'identities', key }, ...guards],
      journal: [{ body: JSON.stringify(key) }],
    },
  );
}

const saying = (text: string) => (request: Buffer) => request.includes(text);
const codeIs = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;
/** As the driver names a prepared statement of this text. */
const COMMIT = `zunka_${hash('sha256', 'COMMIT', 'hex').slice(0, 32)}`;
/** A promise that the long way is gone for. */
const BURNING = [{ kind: 'unused', ut: 'nobody has it' }] as const;

/** The identities that are there, and that the journal has a record of each and no other, in one chain. */
async function thereIs(store: StorePort, keys: readonly string[]): Promise<void> {
  assert.equal((await all(store, 'identities')).map(({ key }) => key).sort(), [...keys].sort());
  const rows = await journal(store);
  assert.equal(
    rows.map(({ head }) => head),
    chainOf(
      'test',
      keys.map((key) => JSON.stringify(key)),
    ),
  );
}

unknown(
  'is unknown when the answer is lost; then it is read as done, and the journal goes on behind it',
  onLine(async ({ line, store }) => {
    void line.plan('unanswered', saying('one'));
    await rejects(store.commit([marked('one')]), codeIs('STORE_UNKNOWN'));
    assert.is((await store.read({ identities: ['one'] })).identities.length, 1);
    await committed(store, marked('two'));
    await thereIs(store, ['before', 'one', 'two']);
  }),
);

unknown(
  'is unknown when the request is lost; then it is read as not done, and can be done again',
  onLine(async ({ line, store }) => {
    void line.plan('lost', saying('one'));
    await rejects(store.commit([marked('one')]), codeIs('STORE_UNKNOWN'));
    assert.equal((await store.read({ identities: ['one'] })).identities, []);
    await committed(store, marked('one'));
    await thereIs(store, ['before', 'one']);
  }),
);

unknown(
  'does nothing when it arrives after it was read as not done',
  onLine(async ({ line, store }) => {
    void line.plan('late', saying('one'));
    await rejects(store.commit([marked('one')]), codeIs('STORE_UNKNOWN'));
    assert.equal((await store.read({ identities: ['one'] })).identities, []);
    assert.ok((await line.letGo()).includes('fenced'), 'the server ran it, and it was shut out');
    await thereIs(store, ['before']);
    await committed(store, marked('one'));
    await thereIs(store, ['before', 'one']);
  }),
);

unknown(
  'is waited for while the server is still at it, before anything is read',
  onLine(async ({ line, schema, store }) => {
    await committed(store, sample.provisioned('A1'));
    const other = await blocker(schema, 'A1');
    const met = line.plan('running', saying('one'));
    const committing = store.commit([
      marked('one', [{ kind: 'version', table: 'accounts', key: 'A1', version: 1 }]),
    ]);
    await met;
    await rejects(committing, codeIs('STORE_UNKNOWN'));
    await other.untilWaitedFor();
    let isRead = false;
    const reading = store.read({ identities: ['one'] }).then((found) => {
      isRead = true;
      return found;
    });
    await other.untilWaitedFor(2);
    assert.not.ok(isRead, 'nothing is read while the commit may still come');
    await other.letGo();
    assert.is((await reading).identities.length, 1);
    await thereIs(store, ['before', 'one']);
  }),
);

unknown(
  'is unknown too when it went the long way and the answer to its COMMIT is lost',
  onLine(async ({ line, store }) => {
    void line.plan('unanswered', saying(COMMIT));
    await rejects(store.commit([marked('one', BURNING)]), codeIs('STORE_UNKNOWN'));
    assert.is((await store.read({ identities: ['one'] })).identities.length, 1);
    await committed(store, marked('two', BURNING));
    await thereIs(store, ['before', 'one', 'two']);
  }),
);

unknown(
  'went back for certain when the connection was lost before the COMMIT',
  onLine(async ({ line, store }) => {
    void line.plan('unanswered', saying('one'));
    await rejects(store.commit([marked('one', BURNING)]), codeIs('STORE_FAILED'));
    assert.equal((await store.read({ identities: ['one'] })).identities, []);
    await committed(store, marked('one', BURNING));
    await thereIs(store, ['before', 'one']);
  }),
);

unknown(
  'stays unknown while no server can be asked, and nothing is read meanwhile',
  onLine(async ({ line, store }) => {
    void line.plan('unanswered', saying('one'));
    await rejects(store.commit([marked('one')]), codeIs('STORE_UNKNOWN'));
    void line.plan('lost', () => true);
    await rejects(store.read({ identities: ['one'] }), codeIs('STORE_FAILED'));
    assert.is((await store.read({ identities: ['one'] })).identities.length, 1);
    await thereIs(store, ['before', 'one']);
  }),
);

/** A session that holds an account's row until it is told to let go. */
async function blocker(schema: string, accountId: string) {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`SET search_path TO "${schema}"`);
  await client.query('BEGIN');
  await client.query('SELECT 1 FROM "accounts" WHERE "accountId" = $1 FOR UPDATE', [accountId]);
  return {
    /** Until so many sessions wait for a lock. */
    async untilWaitedFor(sessions = 1): Promise<void> {
      const waiting = `SELECT count(*)::int AS "n" FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;
      for (let n = 0; n < sessions; ) n = (await server.query(waiting))[0]?.['n'] as number;
    },
    async letGo(): Promise<void> {
      await client.query('ROLLBACK');
      await client.end();
    },
  };
}

unknown.run();
