/** What only grows: entries, identities, the journal; balances come from postings. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fen, fen } from '../../protocol/index.ts';
import type { CommitItem, StorePort } from './port.ts';
import type { TransactionRow } from './rows.ts';
import * as sample from './sample-rows.ts';
import { all, chainOf, committed, journal, type OpenStore, oneRowEach, withStore } from './suite-scene.ts';

export function growthSuite(name: string, open: OpenStore): void {
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
    'what a transaction is found by stays as it was, and what became of it changes',
    withStore(open, async (store) => {
      const [row] = oneRowEach().transactions ?? [];
      assert.ok(row !== undefined);
      await committed(store, sample.provisioned('A1'), sample.item({ transactions: [row] }));
      const changed = (change: Partial<TransactionRow>) =>
        sample.item({ transactions: [{ ...row, ...change, version: 2 }] });
      for (const change of [
        ...[{ ut: 'other' }, { ut: null }, { rrn: '000000000001' }, { auth: null }, { merchantId: 'M2' }],
        ...[{ terminalId: 'T0000002' }, { batch: 9 }, { trace: '999999' }, { businessDate: '20261123' }],
      ]) {
        const [outcome] = await store.commit([changed(change)]);
        const code = outcome?.committed === false && outcome.failure?.code;
        assert.is(code, 'STORE_REFUSED', JSON.stringify(change));
      }
      await committed(store, changed({ state: 'voided' }));
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

export function journalSuite(name: string, open: OpenStore): void {
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
    'commits an item that was made ready before as it commits the item itself',
    withStore(open, async (store) => {
      const ready = (item: CommitItem) => store.ready?.(item) ?? item;
      await committed(store, ready(sample.provisioned('A1')));
      const malformed = sample.item({ lots: [sample.lotRow('L9', 'A1', { remaining: 0.5 as Fen })] });
      const [sold, refused, late] = [
        sample.saleItem(1, 'A1', 2, fen(90)),
        malformed,
        sample.saleItem(2, 'A1', 2, fen(80)),
      ].map(ready);
      assert.ok(sold !== undefined && refused !== undefined && late !== undefined);
      const outcomes = await store.commit([sold, refused, late]);
      assert.ok(outcomes[0]?.committed);
      assert.ok(outcomes[1]?.committed === false && outcomes[1].failure?.code === 'STORE_REFUSED');
      assert.ok(outcomes[2]?.committed === false && outcomes[2].conflict?.kind === 'version');
      // Made ready once, it may be committed again: its guards are asked anew.
      const [again] = await store.commit([sold]);
      assert.ok(again?.committed === false && again.conflict !== null);
      assert.is((await all(store, 'transactions')).length, 1);
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

export function booksSuite(name: string, open: OpenStore): void {
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
      await committed(
        store,
        sample.item({ entries: [sample.entryRow('E3', 'A1', { businessDate: '20270101' })] }),
      );
      const [first, second] = [sample.BUSINESS_DATE, '20261123'];
      for (const [after, upTo, entries] of [
        ['', first, 1],
        ['', undefined, 3],
        [first, undefined, 2],
        [first, second, 1],
        [second, undefined, 1],
        [second, second, 0],
        ['20270101', undefined, 0],
      ] as const) {
        const range = upTo === undefined ? {} : { upToBusinessDate: upTo };
        const sums = await purse({ byLot: true, afterBusinessDate: after, ...range });
        assert.is(sums[0]?.sum ?? 0, entries * 11_520, `after ${after} up to ${upTo}`);
      }
      assert.is(
        (await store.balances()).reduce((sum, row) => sum + row.sum, 0),
        0,
      );
    }),
  );

  books(
    'in parts, a stretch of entries each, none of them twice and none left out',
    withStore(open, async (store) => {
      const days = ['20261122', '20261123', '20270101'] as const;
      // Of each day more than one stretch and less than two.
      const entries = Array.from({ length: 2_100 }, (_, at) =>
        sample.entryRow(`E${String(at).padStart(5, '0')}`, `A${at % 7}`, {
          businessDate: days[at % 3] ?? '',
        }),
      );
      for (let at = 0; at < entries.length; at += 300)
        await committed(store, sample.item({ entries: entries.slice(at, at + 300) }));
      for (const [after, upTo, first, last, least] of [
        [undefined, undefined, 0, 2, 5],
        [undefined, days[0], 0, 0, 2],
        [days[0], undefined, 1, 2, 3],
        [days[0], days[1], 1, 1, 2],
        [days[1], days[2], 2, 2, 2],
        [days[2], undefined, 3, 2, 1],
      ] as const) {
        const options = {
          byLot: true,
          ...(after !== undefined && { afterBusinessDate: after }),
          ...(upTo !== undefined && { upToBusinessDate: upTo }),
        };
        let [parts, found] = [0, 0];
        for await (const part of store.sums(options)) {
          parts += 1;
          for (const { account, lot, sum } of part)
            if (account.startsWith('purse:') && lot !== null) found += sum;
        }
        const wanted = entries.filter((_, at) => at % 3 >= first && at % 3 <= last).length * 11_520;
        const about = `after ${after} up to ${upTo}`;
        assert.is(found, wanted, about);
        assert.ok(parts >= least, about);
        const balances = await store.balances(options);
        const purses = balances.filter(({ account }) => account.startsWith('purse:'));
        assert.is(
          purses.reduce((all, { sum }) => all + sum, 0),
          wanted,
          about,
        );
        assert.is(new Set(purses.map(({ account, lot }) => `${account} ${lot}`)).size, purses.length, about);
      }
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
