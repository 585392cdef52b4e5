/** A proof that begins from proven sums is held against one that begins with the first entry. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addDays, ensure, type Fen, fenDelta } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import type { AccountRow, LotRow, Tables } from '../store/rows.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { FIRST_DAY } from './books.fixture.ts';
import { type Act, actions, Desk } from './desk.fixture.ts';
import type { Entry } from './model.ts';
import { proveUpTo } from './proofs.ts';
import type { BooksStore, KeyedSum, ProvenSums } from './reading.ts';

const DAYS = 5;
const RUNS = 12;
/** The days of a history; the last is open. */
const dayAt = (index: number) => addDays(FIRST_DAY, index);
const CLOSED = dayAt(DAYS - 2);

/** What a desk did on a few days, in a database, and the sums that were proven at the end of each closed day. */
interface History {
  readonly store: StorePort;
  readonly entries: readonly Entry[];
  readonly proven: readonly ProvenSums[];
  /** More on the open day. */
  trade(acts: readonly Act[]): Promise<void>;
  cutOver(): Promise<void>;
}

async function withHistory(acts: readonly Act[], look: (history: History) => Promise<void>): Promise<void> {
  const store = await openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'host-01',
    clock: { now: () => Date.UTC(2026, 10, 22, 2, 0), after: () => ({ cancel: () => undefined }) },
    initialBusinessDate: FIRST_DAY,
  });
  try {
    const desk = new Desk();
    const proven: ProvenSums[] = [];
    let account: AccountRow | undefined;
    let made = 0;
    // The desk loads all lots on one day.
    const loadedOn = new Map<string, string>();
    let today = FIRST_DAY;
    const trade = async (some: readonly Act[]) => {
      desk.businessDate = today;
      for (const act of some) desk.play(act);
      account = { ...ACCOUNT, owed: desk.owed, version: (account?.version ?? 0) + 1 };
      for (const { lotId } of desk.lots) if (!loadedOn.has(lotId)) loadedOn.set(lotId, today);
      const lots = desk.lots.map((lot) => ({ ...lot, loadedOn: loadedOn.get(lot.lotId) ?? '' }));
      await committed(store, { accounts: [account], lots, entries: desk.made.slice(made) });
      made = desk.made.length;
    };
    const cutOver = async () => {
      today = addDays(today, 1);
      const { day } = await store.read({});
      const next = { ...day, businessDate: today, version: 1 };
      await committed(store, {
        days: [{ ...day, version: day.version + 1, state: 'closed', closedAt: 1 }, next],
      });
    };
    for (let index = 0; index < DAYS; index += 1) {
      const from = Math.floor((acts.length * index) / DAYS);
      await trade(acts.slice(from, Math.floor((acts.length * (index + 1)) / DAYS)));
      if (index === DAYS - 1) break;
      await cutOver();
      const { proof, sums } = await proveUpTo(store, { since: proven.at(-1) });
      assert.ok(proof.ok, JSON.stringify(proof.checks));
      proven.push(sums);
    }
    await look({ store, entries: desk.made, proven, trade, cutOver });
  } finally {
    await store.close();
  }
}

const ACCOUNT: AccountRow = {
  ...{ accountId: 'A1', version: 1, state: 'active', owed: 0 as Fen, tier: 'green', registered: true },
  ...{ productId: 'reloadable', salePointId: 'S1' },
};

async function committed(store: StorePort, changes: Parameters<StorePort['commit']>[0][0]['changes']) {
  const [outcome] = await store.commit([{ guards: [], changes, journal: [] }]);
  ensure(outcome?.committed === true, `committed: ${JSON.stringify(outcome)}`);
}

async function allOf(sums: ProvenSums | undefined): Promise<readonly KeyedSum[]> {
  const all: KeyedSum[] = [];
  if (sums !== undefined) for await (const part of sums.parts()) all.push(...part);
  return all;
}

const forAll = (look: (history: History, pick: number) => Promise<void>) =>
  fc.assert(
    fc.asyncProperty(actions, fc.nat(1_000_000), (acts, pick) =>
      withHistory(acts, (history) => look(history, pick)),
    ),
    { numRuns: RUNS },
  );

const equal = suite('a proof from proven sums');

equal('comes to what the proof of all entries comes to, from whichever day it begins', () =>
  forAll(async ({ store, proven, entries }) => {
    const whole = await proveUpTo(store, { closed: CLOSED });
    assert.ok(whole.proof.ok, JSON.stringify(whole.proof.checks));
    assert.is(whole.proof.entries, entries.length);
    for (const since of proven) {
      const { proof, sums } = await proveUpTo(store, { since, closed: CLOSED });
      assert.ok(proof.ok, JSON.stringify(proof.checks));
      assert.equal(await allOf(sums), await allOf(whole.sums));
      for (const [key, sum] of await allOf(sums)) assert.is(whole.sums.sumOf(key), sum, key);
      assert.equal(proof.cover, whole.proof.cover);
      assert.is(proof.entries, entries.filter(({ businessDate }) => businessDate > since.upTo).length);
    }
  }),
);

equal('reads no entry of the days before', async () => {
  await fc.assert(
    fc.asyncProperty(actions, (acts) =>
      withHistory(acts, async ({ store, proven }) => {
        const since = proven.at(-1);
        const asked: unknown[] = [];
        const watched: BooksStore = {
          scan(table, where) {
            if ((table as string) === 'entries') asked.push(where);
            return store.scan(table, where);
          },
          sums(options) {
            assert.ok((options?.afterBusinessDate ?? '') >= CLOSED, JSON.stringify(options));
            return store.sums(options);
          },
        };
        await proveUpTo(watched, { since, closed: CLOSED });
        // And what a correction names, each by its key.
        for (const where of asked as Partial<Entry>[])
          assert.ok(
            where?.businessDate === dayAt(DAYS - 1) || where?.entryId !== undefined,
            JSON.stringify(where),
          );
      }),
    ),
    { numRuns: 10 },
  );
});

equal('is not misled by days that open and are traded on while it looks', () =>
  forAll(async ({ store, proven, trade, cutOver }) => {
    let isAsked = false;
    const busy: BooksStore = {
      scan(table, where) {
        if ((table as string) === 'days') isAsked = true;
        return store.scan(table, where);
      },
      async *sums(options) {
        // As soon as it has asked which days there are.
        if (isAsked && options?.upToBusinessDate === undefined) {
          isAsked = false;
          await cutOver();
          await trade([{ kind: 'load', size: 100, pick: 1 }]);
        }
        yield* store.sums(options);
      },
    };
    const { proof } = await proveUpTo(busy, { since: proven.at(-1), closed: CLOSED });
    assert.ok(proof.ok, JSON.stringify(proof.checks));
  }),
);

equal.run();

type Rows = { readonly [T in 'entries' | 'lots' | 'accounts']: Tables[T] };
type Plant = { [T in keyof Rows]: { table: T; change: (row: Rows[T]) => readonly Rows[T][] } }[keyof Rows];
const plant = <T extends keyof Rows>(table: T, change: (row: Rows[T]) => readonly Rows[T][]) =>
  ({ table, change }) as unknown as Plant;
const postings = (entry: Entry, change: (all: Entry['postings']) => Entry['postings']) =>
  plant('entries', (row) => [{ ...row, postings: change(entry.postings) }]);
const more = (lot: LotRow, by: number) => ({ ...lot, remaining: (lot.remaining + by) as Fen });

// What may befall a row: of an entry, of a lot, of an account.
// biome-ignore format: a table is read by column
const OF_AN_ENTRY: readonly (readonly [what: string, plant: (entry: Entry) => Plant])[] = [
  ['is gone',                         () => plant('entries', () => [])],
  ['is there twice',                  () => plant('entries', (row) => [row, row])],
  ['lost a posting',                  (entry) => postings(entry, (all) => all.slice(1))],
  ['has other amounts',               (entry) => postings(entry, (all) => all.map((p) => ({ ...p, amount: fenDelta(p.amount * 2) })))],
  ['has one other amount',            (entry) => postings(entry, (all) => all.map((p, at) => (at === 0 ? { ...p, amount: fenDelta(p.amount + 1) } : p)))],
  ['is on an account of nobody',      (entry) => postings(entry, (all) => all.map((p, at) => (at === 0 ? { ...p, account: 'nobody' } : p)))],
  ['is on another’s account',         (entry) => postings(entry, (all) => all.map((p) => ({ ...p, account: p.account.replace('A1', 'A2').replace('M1', 'M2') })))],
  ['names a lot that is not there',   (entry) => postings(entry, (all) => all.map((p) => (p.lot === null ? p : { ...p, lot: 'no-such-lot' })))],
  ['is in another unit',              (entry) => postings(entry, (all) => all.map((p) => ({ ...p, unit: 'points' as const })))],
  ['corrects what is not there',      () => plant('entries', (row) => [{ ...row, corrects: 'nowhere' }])],
];
// biome-ignore format: a table is read by column
const OF_A_LOT: readonly (readonly [what: string, plant: (lot: LotRow) => Plant])[] = [
  ['is gone',             () => plant('lots', () => [])],
  ['has a fen more',      () => plant('lots', (lot) => [more(lot, 1)])],
  ['has a fen less',      () => plant('lots', (lot) => [more(lot, -1)])],
  ['is in another purse', () => plant('lots', (lot) => [{ ...lot, purse: lot.purse === 'bonus' ? 'principal' : 'bonus' }])],
  ['is another’s',        () => plant('lots', (lot) => [{ ...lot, accountId: 'A2' }])],
  ['is in a purse that there is not', () => plant('lots', (lot) => [{ ...lot, purse: 'gift' as LotRow['purse'] }])],
  ['is of nobody',        () => plant('lots', (lot) => [{ ...lot, accountId: '' }])],
  ['has half a fen',      () => plant('lots', (lot) => [more(lot, 0.5)])],
];

/** The store as a reader finds it in which one row is another. */
function damaged(store: StorePort, { table, change }: Plant, key: string): BooksStore {
  const keyOf = (row: { entryId?: string; lotId?: string; accountId?: string }) =>
    row.entryId ?? row.lotId ?? row.accountId;
  return {
    sums: (options) => store.sums(options),
    async *scan(asked, where) {
      for await (const page of store.scan(asked, where))
        yield (asked as string) === table
          ? (page.flatMap((row) =>
              keyOf(row as object) === key ? (change as (one: unknown) => readonly unknown[])(row) : [row],
            ) as unknown as typeof page)
          : page;
    },
  };
}

const seen = suite('a proof from proven sums sees what the proof of all entries sees');
const failing = ({ proof }: Awaited<ReturnType<typeof proveUpTo>>) => proof.checks.filter(({ ok }) => !ok);

for (const [what, plantOn] of OF_AN_ENTRY)
  seen(`an entry since then that ${what}`, async () => {
    let times = 0;
    await forAll(async ({ store, proven, entries }, pick) => {
      const since = proven[pick % proven.length];
      const late = entries.filter(
        ({ businessDate, postings: all }) => businessDate > (since?.upTo ?? '') && all.length > 0,
      );
      const entry = late[pick % late.length];
      if (entry === undefined || since === undefined) return;
      const bad = damaged(store, plantOn(entry), entry.entryId);
      const whole = await proveUpTo(bad, { closed: CLOSED });
      const short = await proveUpTo(bad, { since, closed: CLOSED });
      assert.is(
        short.proof.ok,
        whole.proof.ok,
        `${JSON.stringify(failing(whole))} / ${JSON.stringify(failing(short))}`,
      );
      if (!whole.proof.ok) times += 1;
    });
    assert.ok(times > 0, 'it was damage at least once');
  });

for (const [what, plantOn] of OF_A_LOT)
  seen(`a lot, however old, that ${what}`, async () => {
    let times = 0;
    await forAll(async ({ store, proven }, pick) => {
      const lots: LotRow[] = [];
      for await (const page of store.scan('lots')) lots.push(...page);
      const [lot, since] = [lots[pick % lots.length], proven[pick % proven.length]];
      if (lot === undefined || since === undefined) return;
      const bad = damaged(store, plantOn(lot), lot.lotId);
      // An empty lot in another purse is no damage.
      if ((await proveUpTo(bad, { closed: CLOSED })).proof.ok) return;
      assert.not.ok((await proveUpTo(bad, { since, closed: CLOSED })).proof.ok, what);
      times += 1;
    });
    assert.ok(times > 0, 'it was damage at least once');
  });

seen('a lot that was empty already and is gone', async () => {
  let times = 0;
  await forAll(async ({ store, proven }) => {
    const [since] = proven.slice(-1);
    const held = new Set((await allOf(since)).map(([key]) => key.split(' ')[2]));
    for await (const page of store.scan('lots'))
      for (const { lotId, loadedOn, remaining } of page) {
        if (remaining > 0 || held.has(lotId) || loadedOn > CLOSED) continue;
        const bad = damaged(
          store,
          plant('lots', () => []),
          lotId,
        );
        // One that never had a posting is missed by neither.
        if ((await proveUpTo(bad, { closed: CLOSED })).proof.ok) continue;
        assert.not.ok((await proveUpTo(bad, { since, closed: CLOSED })).proof.ok);
        times += 1;
      }
  });
  assert.ok(times > 0, 'there was such a lot');
});

seen('an account that owes a fen more', () =>
  forAll(async ({ store, proven }) => {
    const owes = plant('accounts', (row) => [{ ...row, owed: (row.owed + 1) as Fen }]);
    const bad = damaged(store, owes, 'A1');
    for (const since of proven) assert.not.ok((await proveUpTo(bad, { since, closed: CLOSED })).proof.ok);
  }),
);

seen('and a database that sums otherwise since then', () =>
  forAll(async ({ store, proven }) => {
    const wrong: BooksStore = {
      scan: (table, where) => store.scan(table, where),
      async *sums(options) {
        yield* store.sums(options);
        if (options?.afterBusinessDate === dayAt(DAYS - 3))
          yield [{ account: 'income:fee', lot: null, unit: 'fen', sum: 1, postings: 1 }];
      },
    };
    for (const since of proven.slice(0, -1))
      assert.not.ok((await proveUpTo(wrong, { since, closed: CLOSED })).proof.ok);
  }),
);

seen('but not an entry of the days before that moved no purse: the proof of all entries does', async () => {
  let times = 0;
  await forAll(async ({ store, proven, entries }) => {
    const since = proven.at(-1);
    const early = entries.find(({ businessDate, postings: all }) => businessDate <= CLOSED && all.length > 0);
    if (early === undefined) return;
    const bad = damaged(
      store,
      plant('entries', () => []),
      early.entryId,
    );
    assert.ok((await proveUpTo(bad, { since, closed: CLOSED })).proof.ok);
    assert.not.ok((await proveUpTo(bad, { closed: CLOSED })).proof.ok);
    times += 1;
  });
  assert.ok(times > 0);
});

seen.run();
