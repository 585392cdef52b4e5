import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, fenDelta } from '../../protocol/index.ts';
import type { Changes, StorePort } from '../store/port.ts';
import type { LotRow } from '../store/rows.ts';
import { sampleBooks } from './books.fixture.ts';
import type { Entry } from './model.ts';
import { proveBooks } from './proofs.ts';
import type { BooksStore } from './reading.ts';

const sound = suite('the books of two days are proven');

sound('every proof of the design page holds, with its figures', async () => {
  const { store, entries } = await sampleBooks();
  const proof = await proveBooks(store);
  assert.equal(
    proof.checks.filter((check) => !check.ok),
    [],
  );
  assert.ok(proof.ok);
  assert.is(proof.entries, entries.length);
  assert.is(
    proof.postings,
    entries.reduce((sum, entry) => sum + entry.postings.length, 0),
  );
  assert.ok(proof.checks.length >= 10);
  await store.close();
});

sound('the cover lists what bonus and discounts cost as due from operator funds', async () => {
  const { store } = await sampleBooks();
  const { cover } = await proveBooks(store);
  // 1,000.00 was received: 900.00 arrived, less 60.00 paid out, plus the operator's 50.00; 100.00 is still owed.
  assert.equal([cover.custody, cover.inTransit, cover.receivables], [890_00, 0, 100_00]);
  assert.is(cover.owed, cover.purses + cover.holds + cover.payables);
  assert.is(cover.dueFromOperator, cover.owed - cover.assets);
  assert.ok(cover.dueFromOperator > 0, "the bonus of 100.00 alone exceeds the operator's 50.00");
  await store.close();
});

sound('empty books are proven too', async () => {
  const proof = await proveBooks({ scan: () => pages([]), sums: () => pages([]) });
  assert.ok(proof.ok);
  assert.is(proof.cover.dueFromOperator, 0);
});

sound.run();

const falsified = suite('a proof fails when the books are falsified');

const lotTimes = (change: (lot: LotRow) => LotRow) => (store: StorePort) =>
  withRows(store, 'lots', (lot) => [change(lot)]);

// Each plants one falsehood and names the proofs that must see it.
// biome-ignore format: a table is read by column
for (const [plant, seen, sentence] of [
  [lotTimes((lot) => lot.lotId === 'P1' ? { ...lot, remaining: fen(lot.remaining + 1) } : lot), ['lot', 'purse'], 'a lot row that says a fen more'],
  [(store: StorePort) => withRows(store, 'lots', (lot) => (lot.lotId === 'P1' ? [] : [lot])), ['lot', 'purse'], 'a lot row that is gone'],
  [entryTimes(({ event }) => event === 'sale', (entry) => ({ ...entry, postings: entry.postings.slice(1) })), ['balances per unit', 'sum to zero'], 'an entry that lost a posting'],
  [entryTimes(({ event }) => event === 'sale', (entry) => ({ ...entry, postings: entry.postings.map((p) => (p.account === 'payable:merchant:M1' ? { ...p, account: 'payable:merchant' } : p)) })), ['balances per unit'], 'a posting on an account that is none of ours'],
  [entryTimes(({ event }) => event === 'void', (entry) => ({ ...entry, corrects: 'nowhere' })), ['correction'], 'a correction of an entry that is not there'],
  [(store: StorePort) => withRows(store, 'entries', (entry) => (entry.event === 'refund' ? [] : [entry])), ['fold of its postings'], 'an entry that is gone'],
  [entryTimes(({ event }) => event === 'payout-paid', (entry) => ({ ...entry, postings: entry.postings.map((p) => ({ ...p, amount: fenDelta(p.amount * 2) })) })), ['fold of its postings', 'yesterday'], 'an entry with other amounts than the store sums'],
] as const) {
  falsified(sentence, async () => {
    const { store } = await sampleBooks();
    const proof = await proveBooks(plant(store));
    assert.not.ok(proof.ok);
    const failing = proof.checks.filter((check) => !check.ok).map((check) => check.nameEn);
    for (const word of seen) assert.ok(failing.some((name) => name.includes(word)), `${word} not in: ${failing.join(' | ')}`);
    await store.close();
  });
}

falsified('a lot that is overdrawn in balanced entries', async () => {
  const overdrawn = (amount: number): Entry => ({
    entryId: 'X1',
    businessDate: '20261122',
    event: 'adjustment',
    cause: { kind: 'approval', id: 'AP9' },
    at: 0,
    corrects: null,
    branchId: null,
    terminalId: null,
    postings: [
      { account: 'purse:principal:A9', lot: 'P9', unit: 'fen', amount: fenDelta(amount) },
      { account: 'income:fee', lot: null, unit: 'fen', amount: fenDelta(-amount) },
    ],
  });
  const { store } = await sampleBooks();
  await store.commit([{ guards: [], changes: { entries: [overdrawn(5)] }, journal: [] }]);
  const failing = (await proveBooks(store)).checks.filter((check) => !check.ok).map((check) => check.nameEn);
  assert.ok(
    failing.some((name) => name.includes('below zero')),
    failing.join(),
  );
  await store.close();
});

falsified.run();

const trading = suite('a proof beside trading');

trading('reads again what moved, and leaves out only what moved every time', async () => {
  const { store } = await sampleBooks();
  let looks = 0;
  const busy: BooksStore = {
    scan: (table, where) => store.scan(table, where),
    async *sums(options) {
      looks += 1;
      yield* store.sums(options);
      // The fee account changes at every look, as it would under constant traffic.
      if (options?.upToBusinessDate === undefined)
        yield [{ account: 'income:fee', lot: null, unit: 'fen', sum: looks, postings: 1 }];
    },
  };
  const proof = await proveBooks(busy);
  assert.equal(
    proof.checks.filter((check) => !check.ok),
    [],
  );
  assert.ok(proof.checks.some((check) => check.detail.includes('1 accounts moved meanwhile')));
  await store.close();
});

trading('an undoing that lands between two looks is read again, not reported as a fault', async () => {
  const { store } = await sampleBooks();
  let scans = 0;
  const passing: BooksStore = {
    sums: (options) => store.sums(options),
    // The first scan went by just before the void was committed.
    scan(table, where) {
      if ((table as string) === 'entries') scans += 1;
      const late = withRows(store, 'entries', (entry) => (entry.event === 'void' ? [] : [entry]));
      return (scans === 1 ? late : store).scan(table, where);
    },
  };
  const proof = await proveBooks(passing);
  assert.equal(
    proof.checks.filter((check) => !check.ok),
    [],
  );
  await store.close();
});

trading('a sale and its reversal on a quiet account, in each reading, leave sound books sound', async () => {
  const { store } = await sampleBooks();
  const put = await quietOffice(store);
  let readings = 0;
  const live: BooksStore = {
    sums: (options) => store.sums(options),
    // Entries have been read when lots are: the sale comes before them, the reversal before the last look.
    async *scan(table, where) {
      const name = (table as string) === 'lots' && where === undefined ? QUIET[readings] : undefined;
      if (name !== undefined) {
        readings += 1;
        await put.all({
          entries: [quietEntry(`sale-${name}`, put.today, name, 100)],
          lots: [quietLot(name, 900)],
        });
      }
      yield* store.scan(table, where);
      if (name !== undefined)
        await put.all({
          entries: [quietEntry(`undone-${name}`, put.today, name, -100)],
          lots: [quietLot(name, 1_000)],
        });
    },
  };
  const proof = await proveBooks(live);
  assert.is(readings, 3);
  assert.equal(
    proof.checks.filter((check) => !check.ok),
    [],
  );
  assert.ok((await proveBooks(store)).ok);
  await store.close();
});

trading(
  'lots of which very many rows are gone are a fault, and few of them are looked for by themselves',
  async () => {
    const { store } = await sampleBooks();
    const postings = Array.from({ length: 3_000 }, (_, at) => [
      { account: `purse:bonus:W${at}`, lot: `W${at}`, unit: 'fen', amount: fenDelta(-1) } as const,
      { account: 'income:fee', lot: null, unit: 'fen', amount: fenDelta(1) } as const,
    ]).flat();
    const wiped: Entry = {
      ...{
        entryId: 'W',
        businessDate: '20261122',
        event: 'adjustment',
        cause: { kind: 'approval', id: 'W' },
        at: 0,
      },
      ...{ corrects: null, branchId: null, terminalId: null, postings },
    };
    await store.commit([{ guards: [], changes: { entries: [wiped] }, journal: [] }]);
    let lookedFor = 0;
    const watched: BooksStore = {
      sums: (options) => store.sums(options),
      scan(table, where) {
        if ((table as string) === 'lots' && where !== undefined) lookedFor += 1;
        return store.scan(table, where);
      },
    };
    const { checks } = await proveBooks(watched);
    assert.ok(
      checks.some(({ ok, detail }) => !ok && detail.includes('2997 more')),
      JSON.stringify(checks),
    );
    assert.ok(lookedFor <= 3 * 1_000, String(lookedFor));
    await store.close();
  },
);

trading('what was spent from a credit that a proof had passed by is not called overdrawn', async () => {
  const { store } = await sampleBooks();
  const put = await quietOffice(store);
  const filling = Array.from({ length: 250 }, (_, at) =>
    quietEntry(`n-${String(at).padStart(4, '0')}`, put.today, 'Q1', 0),
  );
  // More than a page, so that the first is gone by when the rest is read.
  await put.all({ entries: filling });
  let readings = 0;
  const live: BooksStore = {
    sums: (options) => store.sums(options),
    async *scan(table, where) {
      let isFirst = true;
      for await (const page of store.scan(table, where)) {
        yield page;
        const name = (table as string) === 'entries' && isFirst ? QUIET[readings] : undefined;
        isFirst = false;
        if (name === undefined) continue;
        readings += 1;
        await put.all({ entries: [quietEntry(`a-${name}`, put.today, name, -100)] });
        await put.all({
          entries: [quietEntry(`z-${name}`, put.today, name, 1_100)],
          lots: [quietLot(name, 0)],
        });
      }
    },
  };
  const proof = await proveBooks(live);
  assert.is(readings, 3);
  assert.equal(
    proof.checks.filter((check) => !check.ok),
    [],
  );
  assert.ok((await proveBooks(store)).ok);
  await store.close();
});

trading.run();

/** Accounts on which nothing happens but what a test makes happen. */
const QUIET = ['Q1', 'Q2', 'Q3'];

const quietLot = (accountId: string, remaining: number): LotRow => ({
  ...{ lotId: `L-${accountId}`, accountId, purse: 'principal', salePointId: 'S1', loadedOn: '20261121' },
  ...{ expiresOn: null, registered: true, loaded: fen(1_000), remaining: fen(remaining) },
});

const quietEntry = (entryId: string, businessDate: string, accountId: string, amount: number): Entry => ({
  ...{ entryId, businessDate, event: 'adjustment', cause: { kind: 'approval', id: entryId }, at: 0 },
  ...{ corrects: null, branchId: null, terminalId: null },
  postings: [
    { account: `purse:principal:${accountId}`, lot: `L-${accountId}`, unit: 'fen', amount: fenDelta(amount) },
    { account: 'income:fee', lot: null, unit: 'fen', amount: fenDelta(-amount) },
  ],
});

/** Loads them; and what puts rows into the store then, on its open day. */
async function quietOffice(store: StorePort) {
  const found = await store.read({ accountIds: ['A1'] });
  const [account] = found.accounts;
  assert.ok(account !== undefined);
  const all = async (changes: Changes) => {
    const [outcome] = await store.commit([{ guards: [], changes, journal: [] }]);
    assert.ok(outcome?.committed, JSON.stringify(outcome));
  };
  for (const name of QUIET)
    await all({
      accounts: [{ ...account, accountId: name, version: 1, owed: fen(0) }],
      entries: [quietEntry(`m-load-${name}`, '20261121', name, -1_000)],
      lots: [quietLot(name, 1_000)],
    });
  return { all, today: found.day.businessDate };
}

function entryTimes(which: (entry: Entry) => boolean, change: (entry: Entry) => Entry) {
  return (store: StorePort) => withRows(store, 'entries', (entry) => [which(entry) ? change(entry) : entry]);
}

/** The store as a reader finds it whose table was tampered with. */
function withRows<T extends 'lots' | 'entries'>(
  store: StorePort,
  tampered: T,
  change: (row: T extends 'lots' ? LotRow : Entry) => readonly unknown[],
): BooksStore {
  return {
    sums: (options) => store.sums(options),
    async *scan(table, where) {
      for await (const page of store.scan(table, where)) {
        if ((table as string) !== tampered) yield page;
        else yield page.flatMap((row) => change(row as never)) as unknown as typeof page;
      }
    },
  };
}

async function* pages<T>(rows: readonly T[]): AsyncIterable<readonly T[]> {
  await Promise.resolve();
  yield rows;
}
