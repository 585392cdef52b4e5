/** What a read promises. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import type { TableName, Tables } from './rows.ts';
import * as sample from './sample-rows.ts';
import {
  all,
  committed,
  documentRow,
  moneyFrom,
  type OpenStore,
  oneRowEach,
  uploadRow,
  withStore,
} from './suite-scene.ts';

export function readSuite(name: string, open: OpenStore): void {
  const reading = suite(`${name}: reading`);

  reading(
    'opens the first business day in an empty database',
    withStore(open, async (store) => {
      const { day } = await store.read({});
      assert.is(day.businessDate, sample.BUSINESS_DATE);
      assert.is(day.state, 'open');
      assert.is(day.version, 1);
    }),
  );

  reading(
    'gives every row back as it was written, table by table',
    withStore(open, async (store) => {
      const rows = oneRowEach();
      await committed(store, sample.provisioned('A1'), sample.item(rows));
      for (const table of Object.keys(rows) as TableName[]) {
        const found = (await all(store, table)).filter(
          (row) => table !== 'days' || (row as Tables['days']).state === 'closed',
        );
        assert.equal(found.at(-1), rows[table]?.[0], table);
      }
    }),
  );

  reading(
    'finds a transaction by id, reference number, UT, trace, approval code, identity and batch',
    withStore(open, async (store) => {
      const row = sample.transactionRow('X1', {
        rrn: '000000000001',
        ut: 'U1',
        auth: '123456',
        trace: '000042',
      });
      await committed(
        store,
        sample.provisioned('A1'),
        sample.item({
          transactions: [row],
          identities: [sample.identityRow('I1', { transactionId: 'X1' })],
          batches: [sample.batchRow('T0000001', 1)],
        }),
      );
      for (const wants of [
        { transactionIds: ['X1'] },
        { rrns: ['000000000001', '', '999999999999'] },
        { uts: ['U1'] },
        { traces: ['T0000001|1|000042'] },
        { auths: ['M00000000000001|123456'] },
        { identities: ['I1'] },
        { batches: [{ key: 'T0000001|1', withTransactions: true }] },
      ]) {
        const found = await store.read(wants);
        assert.equal(found.transactions, [row], Object.keys(wants)[0]);
        assert.equal(
          found.accounts.map((account) => account.accountId),
          ['A1'],
        );
        assert.equal(
          found.lots.map((lot) => lot.lotId),
          ['L-A1'],
        );
      }
      const plain = await store.read({ batches: [{ key: 'T0000001|1', withTransactions: false }] });
      assert.is(plain.batches.length, 1);
      assert.is(plain.transactions.length, 0);
    }),
  );

  reading(
    'brings, with a transaction, what it voids or completes, to the first of the line',
    withStore(open, async (store) => {
      await committed(
        store,
        sample.provisioned('A1'),
        sample.item({
          transactions: [
            sample.transactionRow('X1', { kind: 'preAuthorisation' }),
            sample.transactionRow('X2', { kind: 'completion', originalId: 'X1' }),
            sample.transactionRow('X3', { kind: 'completionVoid', originalId: 'X2' }),
            sample.transactionRow('X4'),
          ],
        }),
      );
      const found = await store.read({ transactionIds: ['X3', 'X3'] });
      assert.equal(found.transactions.map((row) => row.transactionId).sort(), ['X1', 'X2', 'X3']);
    }),
  );

  reading(
    'brings, with a card, its account and the open lots; a spent lot only when a transaction names it',
    withStore(open, async (store) => {
      await committed(
        store,
        sample.provisioned('A1'),
        sample.item({
          lots: [
            sample.lotRow('L-spent', 'A1', { remaining: fen(0) }),
            sample.lotRow('L-other', 'A1', { remaining: fen(0) }),
          ],
          transactions: [
            { ...sample.transactionRow('X1'), money: moneyFrom('L-spent') },
            sample.transactionRow('X2', { accountId: null, money: null }),
          ],
        }),
      );
      const byCard = await store.read({ panHashes: ['hash-of-K-A1', 'nobody'] });
      assert.equal(
        byCard.cards.map((card) => card.cardId),
        ['K-A1'],
      );
      assert.equal(
        byCard.accounts.map((account) => account.accountId),
        ['A1'],
      );
      assert.equal(
        byCard.lots.map((lot) => lot.lotId),
        ['L-A1'],
      );
      const bySale = await store.read({ transactionIds: ['X1', 'X2'] });
      assert.equal(bySale.lots.map((lot) => lot.lotId).sort(), ['L-A1', 'L-spent']);
    }),
  );

  reading(
    'finds terminals, uploads of a whole batch and counters, zero where none is',
    withStore(open, async (store) => {
      const uploads = ['000001', '000002'].map((trace) => ({ ...uploadRow(), trace }));
      await committed(
        store,
        sample.item(
          { terminals: [sample.terminalRow('T0000001')], batches: [sample.batchRow('T0000001', 1)], uploads },
          { guards: [{ kind: 'counter', counter: 'C1', add: 7, max: null }] },
        ),
      );
      const found = await store.read({
        terminalIds: ['T0000001', 'T9999999'],
        counters: ['C1', 'C2'],
        batches: [
          { key: 'T0000001|1', withTransactions: true },
          { key: 'T0000001|2', withTransactions: false },
        ],
      });
      assert.equal(found.terminals, [sample.terminalRow('T0000001')]);
      assert.equal(found.uploads.map(({ trace }) => trace).sort(), ['000001', '000002']);
      assert.equal(
        [...found.counters],
        [
          ['C1', 7],
          ['C2', 0],
        ],
      );
      assert.is(found.batches.length, 1);
    }),
  );

  reading(
    'finds what a terminal told as owed by its place, every claim on it, and no other place',
    withStore(open, async (store) => {
      const claims = [
        sample.owedRow('000042'),
        sample.owedRow('000042', { ut: '01JD9Q4C7N5W8R2Z6X3V1T0ABD', state: 'closed' }),
      ];
      await committed(
        store,
        sample.item({
          owedReversals: [...claims, sample.owedRow('000043'), sample.owedRow('000042', { batch: 11 })],
        }),
      );
      const found = await store.read({ owed: ['T0000001|1|000042', 'T0000001|1|000099'] });
      assert.equal([...found.owedReversals].sort(byUt), claims);
      assert.equal((await store.read({})).owedReversals, []);
    }),
  );

  reading(
    'pages through a table in key order and filters by column',
    withStore(open, async (store) => {
      const rows = Array.from({ length: 2_345 }, (_, index) => ({
        ...documentRow(),
        id: `D${String((index * 8) % 2_345).padStart(5, '0')}`,
        person: index % 2 === 0 ? 'even' : 'odd',
      }));
      await committed(store, sample.item({ documents: rows }));
      const ids = (await all(store, 'documents')).map(({ id }) => id);
      assert.equal(ids, rows.map(({ id }) => id).sort());
      assert.is((await all(store, 'documents', { person: 'odd', kind: 'rule' })).length, 1_172);
    }),
  );

  reading.run();
}

const byUt = (a: { readonly ut: string }, b: { readonly ut: string }) => (a.ut < b.ut ? -1 : 1);
