/** What guards promise, and that one bad item never fails the batch. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import type { CommitItem } from './port.ts';
import * as sample from './sample-rows.ts';
import { all, chainsHold, committed, conflictOf, journal, type OpenStore, withStore } from './suite-scene.ts';

export function guardSuite(name: string, open: OpenStore): void {
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
    'what was decided on a refused item is refused too, also where the row has come to that version by another way',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'), sample.saleItem(1, 'A1', 2, fen(90_000)));
      const stale = sample.saleItem(2, 'A1', 2, fen(80_000));
      const onStale = sample.saleItem(3, 'A1', 3, fen(70_000));
      const outcomes = await store.commit([stale, onStale]);
      assert.equal(conflictOf(outcomes[0]), { kind: 'version', table: 'accounts', key: 'A1', version: 1 });
      assert.equal(conflictOf(outcomes[1]), { kind: 'version', table: 'accounts', key: 'A1', version: 2 });
      assert.is((await store.read({ accountIds: ['A1'] })).lots[0]?.remaining, 90_000);
      const [fresh] = await store.commit([sample.saleItem(4, 'A1', 3, fen(60_000))]);
      assert.is(fresh?.committed, true);
    }),
  );

  guards(
    'who uses a UT and guards that it is unused is told so when it is not, in the batch or before it, and harms nobody',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'));
      const guard = { kind: 'unused', ut: 'U1' } as const;
      const using = (id: string, ut: string) =>
        sample.item(
          { transactions: [sample.transactionRow(id, { ut })] },
          { guards: [{ kind: 'unused', ut }] },
        );
      const [first, twin, other] = await store.commit([
        using('X1', 'U1'),
        using('X2', 'U1'),
        using('X3', 'U3'),
      ]);
      assert.equal([first?.committed, conflictOf(twin), other?.committed], [true, guard, true]);
      const [late, fresh] = await store.commit([using('X4', 'U1'), using('X5', 'U5')]);
      assert.equal([conflictOf(late), fresh?.committed], [guard, true]);
      assert.equal(
        (await all(store, 'transactions')).map(({ transactionId }) => transactionId),
        ['X1', 'X3', 'X5'],
      );
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
    'chained: behind an item that is not written none is, also where nothing of theirs is guarded',
    withStore(open, async (store) => {
      await committed(store, sample.provisioned('A1'));
      const twice = sample.item({ identities: [sample.identityRow('I1')] });
      const guarded = sample.item(
        { identities: [sample.identityRow('I1')] },
        { guards: [{ kind: 'absent', table: 'identities', key: 'I1' }] },
      );
      const free = (key: string) => sample.item({ identities: [sample.identityRow(key)] });
      const behind = { committed: false, conflict: null, failure: null };
      // By a guard, and by the database itself.
      for (const [round, refused] of [guarded, twice].entries()) {
        const [before, first, second, third] = [`B${round}`, `C${round}`, `D${round}`, `E${round}`];
        if (round === 0) await committed(store, twice);
        const outcomes = await store.commit([free(before), refused, free(first), free(second)], {
          chained: true,
        });
        assert.equal([outcomes[0]?.committed, outcomes[1]?.committed], [true, false]);
        assert.equal([outcomes[2], outcomes[3]], [behind, behind]);
        // Unchained they harm nobody, and what stood behind can be written.
        const [, ...written] = await store.commit([refused, free(first), free(second), free(third)]);
        assert.equal(
          written.map(({ committed }) => committed),
          [true, true, true],
        );
      }
      await chainsHold(store);
    }),
  );

  guards(
    '"unused" holds until a transaction has the UT, also one of the same batch, and asks for no other',
    withStore(open, async (store) => {
      const guard = { kind: 'unused', ut: 'U1' } as const;
      const burning = (key: string) =>
        sample.item({ identities: [sample.identityRow(key)] }, { guards: [guard] });
      await committed(store, sample.provisioned('A1'), burning('I1'));
      const using = sample.item({
        transactions: [sample.transactionRow('X1', { ut: 'U1' }), sample.transactionRow('X2', { ut: null })],
      });
      const outcomes = await store.commit([burning('I2'), using, burning('I3')]);
      assert.equal(
        outcomes.map((outcome) => outcome.committed),
        [true, true, false],
      );
      assert.equal(conflictOf(outcomes[2]), guard);
      assert.equal(conflictOf((await store.commit([burning('I4')]))[0]), guard);
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

export function refusalSuite(name: string, open: OpenStore): void {
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
