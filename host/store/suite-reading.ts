/** What a read promises. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import type { CommitItem, StorePort, Wants } from './port.ts';
import type { IdentityRow, TableName, Tables, TransactionRow } from './rows.ts';
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

const byId = (a: TransactionRow, b: TransactionRow) => (a.transactionId < b.transactionId ? -1 : 1);
const ids = (rows: readonly TransactionRow[]) => rows.map(({ transactionId }) => transactionId).sort();

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
    'finds transactions by a list of ids, each once, and what is committed right before',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'));
      for (const id of ['X1', 'X2', 'X3'])
        await committed(
          store,
          sample.item({
            transactions: [sample.transactionRow(id, { ut: null, rrn: `00000000000${id[1]}` })],
          }),
        );
      const found = await store.transactions(['X3', 'nobody', 'X1', 'X3']);
      assert.equal(ids(found), ['X1', 'X3']);
      const { transactions } = await store.read({ transactionIds: ['X1', 'X3'] });
      assert.equal([...found].sort(byId), [...transactions].sort(byId));
      assert.equal(await store.transactions([]), []);
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
    'finds by place what was there and nothing else: under every merchant of the terminal, with a UT or without, with an identity or none',
    withStore(open, async (store) => {
      const at = (
        id: string,
        terminalId: string,
        batch: number,
        trace: string,
        ut: string | null,
        more = {},
      ) => sample.transactionRow(id, { terminalId, batch, trace, ut, ...more });
      const moved = { merchantId: 'M00000000000002' };
      const rows = [
        at('X1', 'T0000001', 1, '000042', 'U1'),
        at('X2', 'T0000001', 1, '000042', null),
        at('X3', 'T0000001', 1, '000042', 'U3', moved),
        at('X4', 'T0000001', 1, '000043', 'U4'),
        at('X5', 'T0000001', 10, '000042', 'U5', moved),
        at('X6', 'T0000001', 100_000, '000042', 'U6', { merchantId: 'M00000000000003' }),
        at('X7', 'T0000010', 1, '000042', 'U7'),
        at('X8', 'T000000', 1, '000042', 'U8'),
        at('X9', 'T0000001', 10, '000044', null),
      ];
      const burnt = [
        sample.identityRow('T0000001|M00000000000001|000001|000042|0400|000000'),
        sample.identityRow('ut|T0000001|1|000042'),
      ];
      await committed(
        store,
        sample.provisioned('A1'),
        sample.item({ transactions: rows }),
        sample.item({ identities: burnt }),
      );
      const found = async (wants: Wants) => ids((await store.read(wants)).transactions);
      const whole = (key: string) => ({ batches: [{ key, withTransactions: true }] });
      assert.equal(await found({ traces: ['T0000001|1|000042'] }), ['X1', 'X2', 'X3']);
      assert.equal(await found({ traces: ['T0000001|10|000042', 'T0000001|1|000043'] }), ['X4', 'X5']);
      assert.equal(await found({ traces: ['T0000001|100000|000042', 'T0000001|2|000042'] }), ['X6']);
      assert.equal(await found({ traces: ['T0000010|1|000042', 'T0000099|1|000042'] }), ['X7']);
      assert.equal(await found(whole('T0000001|1')), ['X1', 'X2', 'X3', 'X4']);
      assert.equal(await found(whole('T0000001|10')), ['X5', 'X9']);
      assert.equal(await found(whole('T000000|1')), ['X8']);
      const scanned = async (where: Parameters<StorePort['scan']>[1]) =>
        ids((await all(store, 'transactions', where)) as readonly TransactionRow[]);
      assert.equal(await scanned({ terminalId: 'T0000001' }), ['X1', 'X2', 'X3', 'X4', 'X5', 'X6', 'X9']);
      assert.equal(await scanned({ terminalId: 'T0000001', batch: 10 }), ['X5', 'X9']);
      assert.equal(await scanned({ batch: 1, terminalId: 'T0000010' }), ['X7']);
      assert.equal(await scanned({ terminalId: 'T0000001', batch: 1, trace: '000042' }), ['X1', 'X2', 'X3']);
      assert.equal(await scanned({ terminalId: 'T0000001', businessDate: '20000101' }), []);
    }),
  );

  reading(
    'goes through a table, or what is wanted of it, from behind a key on, whether a row has that key or not',
    withStore(open, async (store) => {
      const batches = [1, 2, 9, 10, 300].map((batch) => sample.batchRow('T0000001', batch));
      const others = [sample.batchRow('T0000000', 7), sample.batchRow('T0000002', 1)];
      await committed(store, sample.item({ batches: [...batches, ...others] }));
      const behind = async (key: readonly [string, number] | readonly [], where = {}) =>
        (await all(store, 'batches', where, key)).map(({ terminalId, batch }) => [terminalId, batch]);
      const ofOne = { terminalId: 'T0000001' };
      assert.is((await behind([])).length, 7);
      assert.equal(await behind(['T0000001', 9], ofOne), [
        ['T0000001', 10],
        ['T0000001', 300],
      ]);
      assert.equal(await behind(['T0000001', 11]), [
        ['T0000001', 300],
        ['T0000002', 1],
      ]);
      assert.equal(await behind(['T0000001', 300], ofOne), []);
      assert.equal(await behind(['T0000001', 9], { terminalId: 'T0000001', batch: 9 }), []);
      for (const wrong of [['T0000000', 7] as const, ['T0000002', 1] as const])
        assert.match(String(await behind(wrong, ofOne).catch(String)), 'INVARIANT');
    }),
  );

  reading(
    'finds the open holds, all or those of an account, by pages; one that is completed is none any more',
    withStore(open, async (store) => {
      const hold = { kind: 'preAuthorisation', state: 'approved' } as const;
      const number = (at: number) => `X${String(at).padStart(4, '0')}`;
      const rows = Array.from({ length: 1_203 }, (_, at) =>
        sample.transactionRow(number(at), { kind: hold.kind, accountId: at % 401 === 0 ? 'A2' : 'A1' }),
      );
      const others = [
        sample.transactionRow('Y1'),
        sample.transactionRow('Y2', { kind: hold.kind, state: 'released' }),
      ];
      await committed(
        store,
        ...[sample.provisioned('A1'), sample.provisioned('A2')],
        sample.item({ transactions: [...rows, ...others] }),
      );
      const held = async (where = {}) =>
        ids((await all(store, 'transactions', { ...hold, ...where })) as readonly TransactionRow[]);
      assert.equal(
        await held(),
        rows.map(({ transactionId }) => transactionId),
      );
      assert.equal(await held({ accountId: 'A2' }), [number(0), number(401), number(802)]);
      assert.equal(await held({ accountId: 'A2', terminalId: 'T0000002' }), []);
      const [first] = rows;
      assert.ok(first !== undefined);
      await committed(store, sample.item({ transactions: [{ ...first, version: 2, state: 'completed' }] }));
      assert.equal(await held({ accountId: 'A2' }), [number(401), number(802)]);
    }),
  );

  reading(
    'refuses a transaction with a UT whose place no identity would lead to, alone',
    withStore(open, async (store) => {
      const row = sample.transactionRow('X1', { ut: 'U1' });
      const led = sample.identityRow(row.identity, { transactionId: 'X1' });
      const burnt = { terminalId: 'ut', identity: row.identity.replace('T0000001', 'ut') };
      const split = { terminalId: 'T|000001', identity: 'T|000001|M00000000000001|000001|000001|0200|X1' };
      const bare = (transaction: TransactionRow, ...identities: readonly IdentityRow[]): CommitItem => ({
        guards: [],
        changes: { transactions: [transaction], identities },
        journal: [],
      });
      await committed(store, sample.provisioned('A1'));
      for (const [what, bad] of [
        ['none', bare(row)],
        ['another’s', bare(row, { ...led, transactionId: 'X2' })],
        ['of another trace', bare({ ...row, trace: '000002' }, led)],
        ['of another batch', bare({ ...row, batch: 2 }, led)],
        ['of another merchant', bare({ ...row, merchantId: 'M00000000000002' }, led)],
        ['of another terminal', bare({ ...row, terminalId: 'T0000002' }, led)],
        ['that reads as a burnt UT', bare({ ...row, ...burnt }, { ...led, key: burnt.identity })],
        ['whose parts cannot be told apart', bare({ ...row, ...split }, { ...led, key: split.identity })],
      ] as const) {
        const [outcome, next] = await store.commit([bad, sample.item({ documents: [documentRow(what)] })]);
        assert.ok(outcome?.committed === false && outcome.failure?.code === 'STORE_REFUSED', what);
        assert.is(next?.committed, true, what);
      }
      assert.equal(await all(store, 'transactions'), []);
      await committed(store, bare(row, led), bare({ ...row, version: 2, state: 'voided' }));
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
