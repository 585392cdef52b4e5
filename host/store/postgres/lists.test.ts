/** Rows that travel as lists are found as they were written, whatever their texts hold. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../../protocol/index.ts';
import * as sample from '../sample-rows.ts';
import { all, committed } from '../suite-scene.ts';
import { listText, ROW_LISTS } from './lists.ts';
import { emptyStore } from './node-database.fixture.ts';
import { startPostgres } from './node-server.fixture.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const RUNS = 25;

const server = await startPostgres();
server.leave();

const lists = suite(`PostgreSQL: rows as lists, seed ${SEED} (SEED)`);

/** Separators of the lists, what JSON and SQL escape, characters of two to four bytes; and nothing at all. */
const PIECES = ['', 'a', '\x1d', '\x1e', '\x1f', '"', '\\', "'", '\n', '{}', 'é', '客', '😀', ','];
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 4 }).map((pieces) => pieces.join(''));
const found = fc.record({
  trace: text,
  rrn: text,
  ut: fc.option(text),
  auth: fc.option(text),
  cardId: fc.option(text),
  responseCode: text,
});

lists('every value of a column and of a body comes back, alone in its batch or not', async () => {
  let serial = 0;
  const store = await emptyStore(server, 'test');
  try {
    await committed(store, sample.provisioned('A1'));
    const written: unknown[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(found, { minLength: 1, maxLength: 3 }), async (cases) => {
        const rows = cases.map(({ rrn, ut, ...rest }) => {
          serial += 1;
          // What must be unique is made so.
          return sample.transactionRow(`X${String(serial).padStart(6, '0')}`, {
            ...rest,
            rrn: rrn === '' ? '' : `${rrn}${serial}`,
            ut: ut === null ? null : `${ut}${serial}`,
          });
        });
        await committed(store, ...rows.map((row) => sample.item({ transactions: [row] })));
        written.push(...rows);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    assert.equal(await all(store, 'transactions'), written);
  } finally {
    await store.close();
  }
});

lists('an empty text is not the same as none', async () => {
  const store = await emptyStore(server, 'test');
  try {
    const row = sample.transactionRow('X1', { ut: '', auth: null, cardId: '', accountId: null });
    await committed(store, sample.item({ transactions: [row] }));
    assert.equal(await all(store, 'transactions'), [row]);
  } finally {
    await store.close();
  }
});

lists('a batch may make a row and change it, change what is there and bring a new lot', async () => {
  const store = await emptyStore(server, 'test');
  try {
    await committed(store, sample.provisioned('A1'));
    const lot = (lotId: string, remaining: number) =>
      sample.lotRow(lotId, 'A1', { remaining: fen(remaining) });
    await committed(
      store,
      sample.item({
        accounts: [sample.accountRow('A1', { version: 2 })],
        lots: [lot('L-A1', 7), lot('L-B', 5)],
      }),
      sample.item({ accounts: [sample.accountRow('A2')] }),
      sample.item({
        accounts: [sample.accountRow('A2', { version: 2, owed: fen(3) })],
        lots: [lot('L-B', 4)],
      }),
    );
    assert.equal(await all(store, 'lots'), [lot('L-A1', 7), lot('L-B', 4)]);
    assert.equal(
      (await all(store, 'accounts')).map(({ accountId, version, owed }) => [accountId, version, owed]),
      [
        ['A1', 2, 0],
        ['A2', 2, 3],
      ],
    );
  } finally {
    await store.close();
  }
});

lists('a row that would change and is not there is refused, alone', async () => {
  const store = await emptyStore(server, 'test');
  try {
    const outcomes = await store.commit([
      sample.item({ accounts: [sample.accountRow('A1')] }),
      sample.item({ accounts: [sample.accountRow('A2', { version: 2 })] }),
    ]);
    assert.equal(
      outcomes.map((outcome) => outcome.committed || outcome.failure?.code),
      [true, 'STORE_REFUSED'],
    );
    assert.equal(
      (await all(store, 'accounts')).map(({ accountId }) => accountId),
      ['A1'],
    );
  } finally {
    await store.close();
  }
});

lists('a text that holds a separator is no list', () => {
  const identities = ROW_LISTS.find(({ table }) => table === 'identities');
  assert.ok(identities !== undefined);
  const row = (key: string) => [[[key, null, '[]', 1]]];
  assert.equal(listText(identities, row('K')), 'K\x1f\x1d\x1f[]\x1f1');
  for (const separator of ['\x1d', '\x1e', '\x1f'])
    assert.throws(() => listText(identities, row(`K${separator}`)), /separator/);
});

lists.run();
