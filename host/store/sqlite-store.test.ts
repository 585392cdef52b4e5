import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import type { SqlDriver } from './driver.ts';
import type { StorePort, Wants } from './port.ts';
import * as sample from './sample-rows.ts';
import { BUSINESS_DATE } from './sample-rows.ts';
import { storeSuite } from './shared-suite.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';

storeSuite('SQLite', async () =>
  openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'test',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  }),
);

const asking = suite('SQLite: a request of a batch that is known');

/** A store whose reads are counted. */
async function withCounted(act: (store: StorePort, reads: () => number) => Promise<void>): Promise<void> {
  const driver = await openSqlite(':memory:');
  let reads = 0;
  const counted: SqlDriver = {
    exec: (text) => driver.exec(text),
    run: (text, params) => driver.run(text, params),
    all(text, params) {
      reads += 1;
      return driver.all(text, params);
    },
    close: () => driver.close(),
  };
  const store = await openSqliteStore({
    driver: counted,
    stream: 'test',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
  try {
    await act(store, () => reads);
  } finally {
    await store.close();
  }
}

const wantsOf = (serial: number): Wants => ({
  identities: [sample.saleKey(serial), `ut|${sample.saleUt(serial)}`],
  uts: [sample.saleUt(serial)],
  counters: ['budget:D10'],
});

asking('is told from memory when it is new, and read when it came before', () =>
  withCounted(async (store, reads) => {
    await store.commit([sample.provisioned('A1')]);
    await store.read(wantsOf(1));
    const before = reads();
    for (let serial = 1; serial <= 5; serial += 1) {
      const found = await store.read(wantsOf(serial));
      assert.equal([found.identities, found.transactions], [[], []]);
      const [outcome] = await store.commit([sample.saleItem(serial, 'A1', serial + 1, fen(100))]);
      assert.ok(outcome?.committed);
    }
    assert.is(reads(), before, 'neither a read nor a commit asked the database anything');
    const again = await store.read(wantsOf(3));
    assert.equal(
      again.identities.map(({ key }) => key),
      [sample.saleKey(3)],
    );
    assert.is(reads(), before + 1);
  }),
);

asking('is learnt with its batch also where many batches come at once', () =>
  withCounted(async (store, reads) => {
    const all = Array.from({ length: 64 }, (_, at) => ({
      identities: [`T${String(at).padStart(7, '0')}|M00000000000001|000001|000001|0200|000000`],
    }));
    for (let round = 0; round < 4; round += 1)
      await store.read({ identities: all.flatMap(({ identities }) => identities) });
    const before = reads();
    for (const wants of all) assert.equal((await store.read(wants)).identities, []);
    assert.is(reads(), before);
  }),
);

asking('is asked for again after a commit that was not as it was thought', () =>
  withCounted(async (store, reads) => {
    await store.commit([sample.provisioned('A1')]);
    await store.read(wantsOf(1));
    const [stale] = await store.commit([sample.saleItem(1, 'A1', 7, fen(100))]);
    assert.ok(stale?.committed === false && stale.conflict !== null);
    const before = reads();
    await store.read(wantsOf(1));
    assert.ok(reads() > before);
  }),
);

asking(
  'and a batch that makes a row and guards it is written without a question, and nothing is forgotten',
  () =>
    withCounted(async (store, reads) => {
      await store.commit([sample.provisioned('A1')]);
      await store.read({ accountIds: ['A1'] });
      const before = reads();
      const sale = sample.transactionRow('01JZ0000000000000000000001', { state: 'declined', ut: null });
      const undone = sample.item(
        { identities: [sample.identityRow('K1')] },
        {
          guards: [
            { kind: 'version', table: 'transactions', key: sale.transactionId, version: 1 },
            { kind: 'absent', table: 'identities', key: 'K1' },
          ],
        },
      );
      const outcomes = await store.commit([sample.item({ transactions: [sale] }), undone]);
      assert.ok(outcomes.every(({ committed }) => committed));
      assert.is(reads(), before);
      assert.is.not(store.kept?.({ accountIds: ['A1'] }) ?? null, null);
    }),
);

asking.run();
