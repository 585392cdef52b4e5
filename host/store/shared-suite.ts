/**
 * What every store promises, as tests: `storeSuite(name, open)` runs them against one implementation.
 * An implementation's own traps (crash, driver faults) are tested beside it.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import { chainHead, genesisHead, leafHash } from '../journal/record.ts';
import type { CommitItem, CommitOutcome, StorePort } from './port.ts';
import type { TableName, Tables } from './rows.ts';
import * as sample from './sample-rows.ts';

/** Opens a store on an empty database whose first day is `sample.BUSINESS_DATE`, with stream `test`. */
export type OpenStore = () => Promise<StorePort>;

export function storeSuite(name: string, open: OpenStore): void {
  readSuite(name, open);
  guardSuite(name, open);
  refusalSuite(name, open);
  growthSuite(name, open);
  journalSuite(name, open);
  booksSuite(name, open);
}

/** One test with a store of its own, closed whatever happens. */
function withStore(open: OpenStore, act: (store: StorePort) => Promise<void>): () => Promise<void> {
  return async () => {
    const store = await open();
    try {
      await act(store);
    } finally {
      await store.close();
    }
  };
}

function readSuite(name: string, open: OpenStore): void {
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

function guardSuite(name: string, open: OpenStore): void {
  const guards = suite(`${name}: guards`);

  guards(
    '"absent" holds once: of two equal identities in one batch the second conflicts',
    withStore(open, async (store) => {
      const guard = { kind: 'absent', table: 'identities', key: 'I1' } as const;
      const twin = sample.item({ identities: [sample.identityRow('I1')] }, { guards: [guard] });
      const [first, second] = await store.commit([twin, twin]);
      assert.is(first?.committed, true);
      assert.equal(second, { committed: false, conflict: guard, failure: null });
      assert.equal(conflictOf((await store.commit([twin]))[0]), guard);
    }),
  );

  guards(
    '"version" sees the items before it: a chain of sales on one account rides in one batch',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'));
      const sale = (serial: number, version: number) =>
        sample.saleItem(serial, 'A1', version, fen(100_000 - 11_520 * (version - 1)));
      const outcomes = await store.commit([sale(1, 2), sale(2, 3), sale(3, 3), sale(4, 4)]);
      assert.equal(
        outcomes.map(({ committed }) => committed),
        [true, true, false, true],
      );
      assert.equal(conflictOf(outcomes[2]), { kind: 'version', table: 'accounts', key: 'A1', version: 2 });
      const { accounts, lots } = await store.read({ accountIds: ['A1'] });
      assert.is(accounts[0]?.version, 4);
      assert.is(lots[0]?.remaining, 100_000 - 3 * 11_520);
    }),
  );

  guards(
    '"version" on a row that is not there fails',
    withStore(open, async (store) => {
      const guard = { kind: 'version', table: 'batches', key: 'T0000001|1', version: 1 } as const;
      assert.equal(conflictOf((await store.commit([sample.item({}, { guards: [guard] })]))[0]), guard);
    }),
  );

  guards(
    'a row may be guarded that the item does not write',
    withStore(open, async (store) => {
      const { day } = await store.read({});
      const guard = { kind: 'version', table: 'days', key: day.businessDate, version: 1 } as const;
      const [outcome] = await store.commit([
        sample.item({ identities: [sample.identityRow('I1')] }, { guards: [guard] }),
      ]);
      assert.is(outcome?.committed, true);
    }),
  );

  guards(
    'a counter stops at its maximum, counts a batch in order, and gives back',
    withStore(open, async (store) => {
      const add = (amount: number, max: number | null = 100) =>
        sample.item({}, { guards: [{ kind: 'counter', counter: 'C1', add: amount, max }] });
      const outcomes = await store.commit([add(60), add(41), add(40), add(1), add(-30), add(30)]);
      assert.equal(
        outcomes.map(({ committed }) => committed),
        [true, false, true, false, true, true],
      );
      assert.is((await store.read({ counters: ['C1'] })).counters.get('C1'), 100);
      const [over, back] = await store.commit([add(5, null), add(-1, 50)]);
      assert.is(over?.committed && back?.committed, true);
      assert.is((await store.read({ counters: ['C1'] })).counters.get('C1'), 104);
    }),
  );

  guards(
    'one item that adds twice to a counter is judged by the sum',
    withStore(open, async (store) => {
      const twice = { kind: 'counter', counter: 'C1', add: 60, max: 100 } as const;
      const [outcome] = await store.commit([sample.item({}, { guards: [twice, twice] })]);
      assert.equal(conflictOf(outcome), twice);
      assert.is((await store.read({ counters: ['C1'] })).counters.get('C1'), 0);
    }),
  );

  guards(
    'an item with a conflict leaves nothing behind, neither rows nor records nor counts',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'));
      const sale = sample.saleItem(1, 'A1', 5, fen(1));
      const [outcome] = await store.commit([sale]);
      assert.is(conflictOf(outcome)?.kind, 'version');
      for (const table of ['identities', 'transactions', 'entries'] as const)
        assert.equal(await all(store, table), []);
      assert.equal(await journal(store), []);
      assert.equal(await store.balances(), []);
      assert.is((await store.read({ counters: ['budget:D10'] })).counters.get('budget:D10'), 0);
    }),
  );

  guards(
    'the day changes by one item: the old closed, the new opened, whatever their order',
    withStore(open, async (store) => {
      const { day } = await store.read({});
      const closed = { ...day, version: 2, state: 'closed', closedAt: sample.AT } as const;
      const opened = { ...day, businessDate: '20261123', openedAt: sample.AT } as const;
      await committed(
        store,
        sample.item(
          { days: [opened, closed] },
          {
            guards: [
              { kind: 'version', table: 'days', key: day.businessDate, version: 1 },
              { kind: 'absent', table: 'days', key: '20261123' },
            ],
          },
        ),
      );
      assert.is((await store.read({})).day.businessDate, '20261123');
    }),
  );

  guards.run();
}

function refusalSuite(name: string, open: OpenStore): void {
  const refusals = suite(`${name}: one bad item never fails the batch`);

  const used = () => sample.transactionRow('X0', { rrn: '000000000001', ut: 'U1' });
  const unbalanced = () =>
    sample.entryRow('E9', 'A1', { postings: sample.entryRow('E9', 'A1').postings.slice(1) });
  const unfit = (changes: object) => sample.item({ accounts: [{ ...sample.accountRow('A9'), ...changes }] });
  // biome-ignore format: a table is read by column
  const BAD_ITEMS: readonly (readonly [what: string, code: string, bad: () => CommitItem])[] = [
    ['a reference number that is used',      'STORE_REFUSED',    () => sample.item({ transactions: [sample.transactionRow('X9', { rrn: '000000000001' })] })],
    ['a UT that is used',                    'STORE_REFUSED',    () => sample.item({ transactions: [sample.transactionRow('X9', { ut: 'U1' })] })],
    ['a card number that another card has',  'STORE_REFUSED',    () => sample.item({ cards: [sample.cardRow('K9', 'A1', { panHash: 'hash-of-K-A1' })] })],
    ['a lot of an account that is not',      'STORE_REFUSED',    () => sample.item({ lots: [sample.lotRow('L9', 'nobody')] })],
    ['a lot that changes its account',       'STORE_REFUSED',    () => sample.item({ lots: [sample.lotRow('L-A1', 'A2')] })],
    ['a lot below zero',                     'STORE_REFUSED',    () => sample.item({ lots: [{ ...sample.lotRow('L9', 'A1'), remaining: -1 as never }] })],
    ['a fraction of a fen',                  'STORE_REFUSED',    () => sample.item({ lots: [{ ...sample.lotRow('L9', 'A1'), loaded: 0.5 as never }] })],
    ['a version that does not grow by one',  'STORE_REFUSED',    () => sample.item({ accounts: [sample.accountRow('A1', { version: 9 })] })],
    ['a new row that starts at version 2',   'STORE_REFUSED',    () => unfit({ version: 2 })],
    ['a missing field',                      'STORE_REFUSED',    () => unfit({ tier: undefined })],
    ['a number that JSON cannot say',        'STORE_REFUSED',    () => unfit({ version: Number.NaN })],
    ['a value that JSON cannot say',         'STORE_REFUSED',    () => unfit({ tier: 1n })],
    ['a text with a NUL',                    'STORE_REFUSED',    () => unfit({ tier: 'a\u0000b' })],
    ['a text with half a surrogate pair',    'STORE_REFUSED',    () => unfit({ tier: '\\\udc00' })],
    ['a second open day',                    'STORE_REFUSED',    () => sample.item({ days: [{ businessDate: '20261130', version: 1, state: 'open', openedAt: 0, closedAt: null }] })],
    ['an entry that does not sum to zero',   'BOOKS_UNBALANCED', () => sample.item({ entries: [unbalanced()] })],
    ['an entry that exists',                 'STORE_REFUSED',    () => sample.item({ entries: [sample.entryRow('E1', 'A1')] })],
    ['an identity that exists, unguarded',   'STORE_REFUSED',    () => sample.item({ identities: [sample.identityRow('I0')] })],
    ['a guard whose key has too few parts',  'STORE_REFUSED',    () => sample.item({}, { guards: [{ kind: 'absent', table: 'batches', key: 'T0000001' }] })],
    ['a record that is no text',             'STORE_REFUSED',    () => sample.item({}, { journal: [{ body: 5 as never }] })],
  ];

  for (const [what, code, bad] of BAD_ITEMS) {
    refusals(
      `${what} fails alone, in the midst of good ones`,
      withStore(open, async (store) => {
        await committed(
          store,
          sample.provisioned('A1'),
          sample.provisioned('A2'),
          sample.item({
            transactions: [used()],
            identities: [sample.identityRow('I0')],
            entries: [sample.entryRow('E1', 'A1')],
          }),
        );
        const good = (serial: number, version: number) =>
          sample.saleItem(serial, 'A1', version, fen(100_000 - version));
        const marked = { ...bad(), journal: [...bad().journal, { body: '"bad"' }] };
        const [before, failed, after] = await store.commit([good(11, 2), marked, good(12, 3)]);
        assert.is(before?.committed, true);
        assert.is(after?.committed, true);
        assert.is(failed?.committed, false);
        assert.ok(failed?.committed === false && failed.failure instanceof PosError);
        assert.is(failed.failure.code, code);
        assert.equal(
          (await journal(store)).map(({ sequence }) => sequence),
          [1, 2],
        );
        assert.not.ok((await journal(store)).some(({ body }) => body === '"bad"'));
        assert.is((await store.read({ accountIds: ['A1'] })).accounts[0]?.version, 3);
      }),
    );
  }

  refusals(
    'an item that was built on the bad one conflicts, as if the bad one had never come',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'));
      const bad = sample.saleItem(1, 'A1', 2, -5 as never);
      const next = sample.saleItem(2, 'A1', 3, fen(5));
      const fresh = sample.saleItem(3, 'A1', 2, fen(7));
      const [first, second, third] = await store.commit([bad, next, fresh]);
      assert.ok(first?.committed === false && first.failure !== null);
      assert.equal(conflictOf(second), { kind: 'version', table: 'accounts', key: 'A1', version: 2 });
      assert.is(third?.committed, true);
      assert.is((await store.read({ counters: ['budget:D10'] })).counters.get('budget:D10'), 1_280);
    }),
  );

  refusals(
    'texts that look like escapes are kept as they are',
    withStore(open, async (store) => {
      for (const [index, tier] of ['\\u0000', '\\\\ud800', '"\u2028返😀', ''].entries()) {
        await committed(store, sample.item({ accounts: [sample.accountRow(`A${index}`, { tier })] }));
        assert.is((await store.read({ accountIds: [`A${index}`] })).accounts[0]?.tier, tier);
      }
    }),
  );

  refusals.run();
}

function growthSuite(name: string, open: OpenStore): void {
  const growth = suite(`${name}: what only grows`);

  growth(
    'a row that only grows cannot be written again with other content',
    withStore(open, async (store) => {
      const rows = oneRowEach();
      await committed(store, sample.provisioned('A1'), sample.item(rows));
      for (const table of [
        'identities',
        'entries',
        'uploads',
        'differences',
        'documents',
        'steps',
        'files',
      ] as const) {
        const changed = { ...rows[table]?.[0], at: 1 };
        const [outcome] = await store.commit([sample.item({ [table]: [changed] })]);
        assert.ok(outcome?.committed === false && outcome.failure?.code === 'STORE_REFUSED', table);
        assert.equal((await all(store, table)).at(-1), rows[table]?.[0]);
      }
    }),
  );

  growth(
    'a salt can be destroyed, and the row says when',
    withStore(open, async (store) => {
      const salt = { subject: 'account:A1', version: 1, salt: 'a'.repeat(64), at: 1 };
      await committed(
        store,
        sample.item({ salts: [salt] }, { guards: [{ kind: 'absent', table: 'salts', key: salt.subject }] }),
      );
      await committed(
        store,
        sample.item(
          { salts: [{ ...salt, version: 2, salt: null, at: 2 }] },
          {
            guards: [{ kind: 'version', table: 'salts', key: salt.subject, version: 1 }],
          },
        ),
      );
      assert.equal(await all(store, 'salts'), [{ ...salt, version: 2, salt: null, at: 2 }]);
    }),
  );

  growth.run();
}

function journalSuite(name: string, open: OpenStore): void {
  const sealing = suite(`${name}: the journal`);

  sealing(
    'numbers the records of accepted items without gaps and gives each item the head after its last',
    withStore(open, async (store) => {
      const guard = { kind: 'version', table: 'accounts', key: 'nobody', version: 1 } as const;
      const outcomes = await store.commit([
        sample.item({}, { journal: [{ body: '"one"' }, { body: '"two"' }] }),
        sample.item({}, { journal: [{ body: '"lost"' }], guards: [guard] }),
        sample.item({}),
        sample.item({}, { journal: [{ body: '"客"' }] }),
      ]);
      const heads = chainOf('test', ['"one"', '"two"', '"客"']);
      assert.equal(outcomes, [
        { committed: true, sequence: 2, head: heads[1] },
        { committed: false, conflict: guard, failure: null },
        { committed: true, sequence: 2, head: heads[1] },
        { committed: true, sequence: 3, head: heads[2] },
      ]);
      assert.equal(
        (await journal(store)).map(({ head }) => head),
        heads,
      );
      const [last] = await store.commit([sample.item({}, { journal: [{ body: '4' }] })]);
      assert.is(last?.committed && last.sequence, 4);
    }),
  );

  sealing(
    'tells where each stream stands',
    withStore(open, async (store) => {
      assert.equal(await store.journalHeads(), [], 'a stream without a record stands nowhere');
      const bodies = ['"one"', '"two"', '"three"'];
      await committed(store, sample.item({}, { journal: bodies.map((body) => ({ body })) }));
      const [, , head = ''] = chainOf('test', bodies);
      assert.equal(await store.journalHeads(), [{ stream: 'test', sequence: 3, head }]);
    }),
  );

  sealing(
    'is read by stream, and after a sequence',
    withStore(open, async (store) => {
      const records = Array.from({ length: 2_100 }, (_, index) => ({ body: String(index) }));
      await committed(store, sample.item({}, { journal: records }));
      assert.equal(
        (await journal(store)).map(({ body }) => body),
        records.map(({ body }) => body),
      );
      assert.equal(
        (await journal(store, 'test', 2_098)).map(({ sequence }) => sequence),
        [2_099, 2_100],
      );
      assert.equal(await journal(store, 'other'), []);
    }),
  );

  sealing.run();
}

function booksSuite(name: string, open: OpenStore): void {
  const books = suite(`${name}: balances are computed from postings`);

  books(
    'by account, by lot, and up to a business date',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'), sample.saleItem(1, 'A1', 2, fen(88_480)));
      await committed(
        store,
        sample.item({ entries: [sample.entryRow('E2', 'A1', { businessDate: '20261123' })] }),
      );
      const purse = async (options?: Parameters<StorePort['balances']>[0]) =>
        (await store.balances(options)).filter(({ account }) => account === 'purse:principal:A1');
      assert.equal(await purse(), [{ account: 'purse:principal:A1', lot: null, unit: 'fen', sum: 23_040 }]);
      assert.equal(await purse({ byLot: true }), [
        { account: 'purse:principal:A1', lot: 'L-A1', unit: 'fen', sum: 23_040 },
      ]);
      assert.equal(await purse({ upToBusinessDate: sample.BUSINESS_DATE }), [
        { account: 'purse:principal:A1', lot: null, unit: 'fen', sum: 11_520 },
      ]);
      assert.is(
        (await store.balances()).reduce((sum, row) => sum + row.sum, 0),
        0,
      );
    }),
  );

  books(
    'the highest reference number is told',
    withStore(open, async (store) => {
      assert.equal(await store.highest(), { rrn: null });
      await committed(
        store,
        sample.item({
          transactions: [
            sample.transactionRow('X1', { rrn: '000000000012', accountId: null }),
            sample.transactionRow('X2', { rrn: '000000000002', accountId: null }),
            sample.transactionRow('X3', { rrn: '', accountId: null }),
          ],
        }),
      );
      assert.equal(await store.highest(), { rrn: '000000000012' });
    }),
  );

  books.run();
}

/** One row of every table; all belong to what `sample.provisioned('A1')` makes. */
function oneRowEach(): { readonly [T in TableName]?: readonly Tables[T][] } {
  return {
    accounts: [sample.accountRow('A2', { registered: false })],
    cards: [sample.cardRow('K2', 'A2', { pin: null })],
    terminals: [
      sample.terminalRow('T0000001', {
        previousKeysUntil: 5,
        previousKeys: { mode: '005', pik: 'a', mak: 'b', tdk: 'c' },
      }),
    ],
    days: [{ businessDate: '20261121', version: 1, state: 'closed', openedAt: 1, closedAt: 2 }],
    batches: [
      sample.batchRow('T0000001', 7, { state: 'closed', closedAt: 3, closedBy: 'settlement', result: 1 }),
    ],
    lots: [sample.lotRow('L-A2', 'A2', { purse: 'bonus', expiresOn: '20271122' })],
    transactions: [
      sample.transactionRow('X1', {
        ut: 'U1',
        rrn: '000000000009',
        auth: 'ABC123',
        taken: moneyFrom('L-A2'),
      }),
    ],
    identities: [sample.identityRow('I1', { answer: null })],
    entries: [sample.entryRow('E1', 'A1', { corrects: 'E0', branchId: null })],
    uploads: [uploadRow()],
    differences: [
      {
        differenceId: 'D1',
        businessDate: sample.BUSINESS_DATE,
        kind: 'amount',
        terminalId: 'T0000001',
        batch: 1,
        trace: '000001',
        transactionId: null,
        theirs: fen(1),
        ours: fen(2),
        causeZh: '金额不符',
        causeEn: 'amounts differ',
        at: sample.AT,
      },
    ],
    documents: [documentRow()],
    steps: [{ runId: 'R1', step: 'price', output: [1, { a: '返点' }, null], at: sample.AT }],
    files: [
      {
        name: 'M1-20261122-1.csv',
        runId: 'R1',
        kind: 'detail',
        sha256: '0'.repeat(64),
        bytes: 299,
        at: sample.AT,
      },
    ],
    salts: [{ subject: 'account:A1', version: 1, salt: 'b'.repeat(64), at: sample.AT }],
  };
}

function documentRow(): Tables['documents'] {
  return {
    kind: 'rule',
    id: 'D10',
    version: 1,
    body: { nameZh: '九折', list: [] },
    person: 'wang',
    reason: '促销',
    at: sample.AT,
  };
}

function uploadRow(): Tables['uploads'] {
  return {
    terminalId: 'T0000001',
    batch: 1,
    trace: '000001',
    panHash: 'h',
    panMasked: '627788******1234',
    amount: fen(12_800),
    cardClass: '00',
    at: sample.AT,
  };
}

function moneyFrom(lotId: string): Tables['transactions']['money'] {
  const { money } = sample.transactionRow('X0');
  return money === null ? null : { ...money, lots: [{ lotId, purse: 'bonus', amount: money.paid }] };
}

async function committed(store: StorePort, ...items: readonly CommitItem[]): Promise<void> {
  for (const outcome of await store.commit(items)) {
    const why = outcome.committed ? '' : (outcome.failure?.detail ?? JSON.stringify(outcome.conflict));
    assert.is(outcome.committed, true, why);
  }
}

function conflictOf(outcome: CommitOutcome | undefined) {
  return outcome?.committed === false ? outcome.conflict : null;
}

async function all<T extends TableName>(
  store: StorePort,
  table: T,
  where?: Parameters<StorePort['scan']>[1],
): Promise<Tables[T][]> {
  const rows: Tables[T][] = [];
  for await (const page of store.scan(table, where as never)) rows.push(...page);
  return rows;
}

async function journal(store: StorePort, stream?: string, after?: number) {
  const rows = [];
  for await (const page of store.scanJournal(stream, after)) rows.push(...page);
  return rows;
}

function chainOf(stream: string, bodies: readonly string[]): readonly string[] {
  let head = genesisHead(stream);
  return bodies.map((body) => {
    head = chainHead(head, leafHash(body));
    return head;
  });
}
