/** Rows that a host keeps are used as long as they rest so; what another host has changed since is seen at once. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../../protocol/index.ts';
import { nodeClock } from '../../node-clock.ts';
import type { CommitItem, Found, StorePort, Wants } from '../port.ts';
import { valuesOf } from '../row-shape.ts';
import * as sample from '../sample-rows.ts';
import { storedNames } from '../statements.ts';
import { committed } from '../suite-scene.ts';
import { connect } from './node-connections.ts';
import { emptySchema, storeOn } from './node-database.fixture.ts';
import { startPostgres } from './node-server.fixture.ts';
import type { PgDriver } from './pg-driver.ts';
import { openPostgresStore } from './postgres-store.ts';
import { READ_SQL } from './read-statement.ts';

const server = await startPostgres();
server.leave();

const WANTS: Wants = {
  identities: ['I-new'],
  uts: ['U-new'],
  panHashes: [sample.cardRow('K-A1', 'A1').panHash],
  accountIds: ['A2'],
  terminalIds: ['T0000001'],
  batches: [{ key: 'T0000001|1', withTransactions: false }],
  counters: ['budget'],
};
const DAY = {
  businessDate: sample.BUSINESS_DATE,
  version: 1,
  state: 'open',
  openedAt: 0,
  closedAt: null,
} as const;

/** What another host may do to any of it. */
const CHANGES: Readonly<Record<string, CommitItem>> = {
  'an account': sample.item({ accounts: [sample.accountRow('A2', { version: 2, owed: fen(5) })] }),
  'a card': sample.item({ cards: [sample.cardRow('K-A1', 'A1', { version: 2, state: 'frozen' })] }),
  'a terminal': sample.item({ terminals: [sample.terminalRow('T0000001', { version: 2, macFailures: 3 })] }),
  'a batch': sample.item({ batches: [sample.batchRow('T0000001', 1, { version: 2, state: 'closed' })] }),
  'what a lot still holds': sample.item({ lots: [sample.lotRow('L-A1', 'A1', { remaining: fen(1) })] }),
  'when a lot ends': sample.item({ lots: [sample.lotRow('L-A1', 'A1', { expiresOn: '20300101' })] }),
  'whose a lot is': sample.item({ lots: [sample.lotRow('L-A1', 'A1', { registered: false })] }),
  'a lot that is spent': sample.item({ lots: [sample.lotRow('L-A1', 'A1', { remaining: fen(0) })] }),
  'one more lot': sample.item({ lots: [sample.lotRow('L-more', 'A2')] }),
  'the day': sample.item({
    days: [
      { ...DAY, version: 2, state: 'closed', closedAt: 9 },
      { ...DAY, businessDate: '20261123' },
    ],
  }),
  'a counter': sample.item({}, { guards: [{ kind: 'counter', counter: 'budget', add: 7, max: null }] }),
  'an identity': sample.item({ identities: [sample.identityRow('I-new')] }),
  'a UT': sample.item({ transactions: [sample.transactionRow('X1', { ut: 'U-new' })] }),
};

/** A store that tells how often it has read whole rows. */
async function countingStore(schema: string): Promise<{ store: StorePort; reads(): number }> {
  const connections = connect(`postgres://zunka@127.0.0.1:${server.port}/postgres`, { search_path: schema });
  let reads = 0;
  const reader = new Proxy(connections.reader, {
    get(driver, name) {
      if (name === 'ask')
        return (text: string, params: readonly unknown[]) => {
          if (text === READ_SQL) reads += 1;
          return driver.ask(text, params);
        };
      const member: unknown = Reflect.get(driver, name, driver);
      return typeof member === 'function' ? (member as () => unknown).bind(driver) : member;
    },
  }) as PgDriver;
  const store = await openPostgresStore({
    connections: { ...connections, reader },
    stream: 'one',
    clock: nodeClock,
    initialBusinessDate: sample.BUSINESS_DATE,
  });
  return { store, reads: () => reads };
}

/** In an order that does not depend on who found it. */
function sorted({ counters, day, ...tables }: Found) {
  const texts = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
  return [Object.values(tables).map(texts), [...counters], JSON.stringify(day)];
}

async function scene(act: (on: { schema: string; store: StorePort; reads(): number }) => Promise<void>) {
  const schema = await emptySchema(server);
  const { store, reads } = await countingStore(schema);
  try {
    await committed(
      store,
      sample.provisioned('A1'),
      sample.provisioned('A2'),
      sample.item({ terminals: [sample.terminalRow('T0000001')], batches: [sample.batchRow('T0000001', 1)] }),
    );
    await act({ schema, store, reads });
  } finally {
    await store.close();
  }
}

/** What a host finds that keeps nothing. */
async function foundAnew(schema: string, wants: Wants): Promise<Found> {
  const store = await storeOn(server, schema, 'other');
  try {
    return await store.read(wants);
  } finally {
    await store.close();
  }
}

const kept = suite('PostgreSQL: rows that a host keeps');

kept('are read once, and then found as they rest', () =>
  scene(async ({ schema, store, reads }) => {
    const first = await store.read(WANTS);
    assert.is(reads(), 1);
    assert.equal(sorted(await store.read(WANTS)), sorted(first));
    assert.equal(
      sorted(await store.read({ counters: ['budget'] })),
      sorted(await foundAnew(schema, { counters: ['budget'] })),
    );
    assert.is(reads(), 1);
  }),
);

kept('follow what the host commits itself', () =>
  scene(async ({ schema, store, reads }) => {
    await store.read(WANTS);
    for (const what of ['an account', 'a batch', 'what a lot still holds', 'a counter'])
      await committed(store, CHANGES[what] as CommitItem);
    assert.equal(sorted(await store.read(WANTS)), sorted(await foundAnew(schema, WANTS)));
    assert.is(reads(), 1);
  }),
);

for (const [what, change] of Object.entries(CHANGES)) {
  kept(`are not believed when another host has changed ${what}`, () =>
    scene(async ({ schema, store }) => {
      const before = await store.read(WANTS);
      const other = await storeOn(server, schema, 'two');
      try {
        await committed(other, change);
      } finally {
        await other.close();
      }
      const after = await store.read(WANTS);
      assert.not.equal(sorted(after), sorted(before));
      assert.equal(sorted(after), sorted(await foundAnew(schema, WANTS)));
      assert.equal(sorted(await store.read(WANTS)), sorted(after));
    }),
  );
}

kept('are not believed when a server that took over has other content under the same version', () =>
  scene(async ({ schema, store }) => {
    await committed(store, CHANGES['an account'] as CommitItem);
    const [before] = (await store.read(WANTS)).accounts.filter(({ accountId }) => accountId === 'A2');
    const other = sample.accountRow('A2', { version: 2, tier: 'gold' });
    const names = storedNames('accounts').map((name, at) => `"${name}" = $${at + 1}`);
    const { wide, close } = connect(`postgres://zunka@127.0.0.1:${server.port}/postgres`, {
      search_path: schema,
      // The triggers that keep versions from being written twice are for those who write here.
      session_replication_role: 'replica',
    });
    await wide.run(
      `UPDATE "accounts" SET ${names.join(', ')} WHERE "accountId" = 'A2'`,
      valuesOf('accounts', other),
    );
    await close();
    const [after] = (await store.read(WANTS)).accounts.filter(({ accountId }) => accountId === 'A2');
    assert.equal([before?.version, before?.owed, before?.tier], [2, 5, sample.accountRow('A2').tier]);
    assert.equal(after, other);
  }),
);

kept('do without a proof what holds a separator of lists', () =>
  scene(async ({ schema, store }) => {
    const wants: Wants = { identities: ['I\x1f'], counters: ['a\x1eb'] };
    await committed(store, sample.item({ identities: [sample.identityRow('I\x1f')] }));
    await store.read(WANTS);
    assert.equal(sorted(await store.read(wants)), sorted(await foundAnew(schema, wants)));
    assert.is((await store.read(wants)).identities.length, 1);
  }),
);

kept.run();
