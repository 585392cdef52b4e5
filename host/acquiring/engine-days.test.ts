/**
 * Days of random works on the engine, over a store and a mark that fail, lag, hang and are interfered with: what is told
 * is what is in the books, in order, once, and marked before.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fen, PosError } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import { Metrics } from '../operations/metrics.ts';
import { MarkedStore, type MarkSlots } from '../store/commit-mark.ts';
import type {
  CommitHow,
  CommitItem,
  CommitOutcome,
  Found,
  Guard,
  Kept,
  StorePort,
  Wants,
} from '../store/port.ts';
import type { AccountRow, IdentityRow } from '../store/rows.ts';
import { accountRow, identityRow } from '../store/sample-rows.ts';
import { Engine } from './engine.ts';
import type { View } from './view.ts';
import type { Decision, Work } from './work.ts';

const days = suite('random days of the commit engine');

/** Numbers that look random and come again with their seed. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  /** 0 up to, but not, `count`. */
  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }
  falls(chance: number): boolean {
    return this.below(1_000) < chance * 1_000;
  }
  async turns(most: number): Promise<void> {
    for (let left = this.below(most + 1); left > 0; left -= 1) await nextTurn();
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** An account as it stood at a version: who wrote it, and in which record of ours, 0 for others. */
interface Standing {
  readonly row: AccountRow;
  readonly sequence: number;
}

/** Accounts under versions and identities under their keys, with all that ever stood; and the mark beside them. */
class Books {
  readonly #dice: Dice;
  /** How likely anything goes wrong. */
  readonly #evil: number;
  readonly identities = new Map<string, IdentityRow>();
  readonly #accounts = new Map<string, Standing[]>();
  /** Records that no mark need vouch for: the store said of their commit that it is not known. */
  readonly #doubted = new Set<number>();
  readonly #ready = new Set<CommitItem>();
  #sequence = 0;
  #marked = 0;
  #isCommitting = false;
  #markGate: Promise<void> | null = null;
  letMarksGo: () => void = () => undefined;

  constructor(dice: Dice, evil: number, accounts: readonly string[]) {
    this.#dice = dice;
    this.#evil = evil;
    for (const id of accounts)
      this.#accounts.set(id, [{ row: accountRow(id, { owed: 100 as Fen }), sequence: 0 }]);
  }

  #history(accountId: string): Standing[] {
    return this.#accounts.get(accountId) as Standing[];
  }
  #now(accountId: string): AccountRow {
    return (this.#history(accountId).at(-1) as Standing).row;
  }

  /** What stood there at the row's version. */
  standing({ accountId, version }: AccountRow): Standing | undefined {
    return this.#history(accountId).find(({ row }) => row.version === version);
  }
  isMarked(sequence: number): boolean {
    return sequence <= this.#marked || this.#doubted.has(sequence);
  }
  writtenBy(name: string): number {
    const all = [...this.#accounts.values()].flat();
    return all.filter(({ row }) => row.salePointId === name).length;
  }

  store(): StorePort {
    const ready = (item: CommitItem) => {
      const made = { ...item };
      this.#ready.add(made);
      return made;
    };
    const kept = () => (this.#dice.falls(0.5) ? this.#kept() : null);
    const store = { ready, kept, read: this.#read.bind(this), commit: this.#commit.bind(this) };
    const slots: MarkSlots = { read: async () => null, write: (_slot, bytes) => this.#mark(bytes) };
    const port = store as unknown as StorePort;
    return new MarkedStore({ store: port, stream: 's', slots, failed: () => undefined });
  }

  /** All accounts as they stand, and which identities are not there. */
  #kept(): Kept {
    const nothing = () => undefined;
    return {
      ...{ day: undefined, card: nothing, terminal: nothing, batch: nothing, counter: nothing },
      account: (id) => this.#now(id),
      openLots: () => new Map(),
      isNew: (key) => !this.identities.has(key),
      isUnused: () => false,
    };
  }

  async #read(wants: Wants): Promise<Found> {
    await this.#dice.turns(2);
    if (this.#dice.falls(this.#evil / 4)) throw new PosError('STORE_FAILED', 'not read');
    return {
      identities: (wants.identities ?? []).flatMap((key) => this.identities.get(key) ?? []),
      accounts: (wants.accountIds ?? []).map((id) => this.#now(id)),
      ...{ transactions: [], cards: [], lots: [], terminals: [], batches: [], uploads: [] },
      ...{ owedReversals: [], counters: new Map() },
    } as unknown as Found;
  }

  async #commit(items: readonly CommitItem[], how?: CommitHow): Promise<readonly CommitOutcome[]> {
    assert.ok(how?.chained === true && !this.#isCommitting && items.every((item) => this.#ready.has(item)));
    this.#isCommitting = true;
    try {
      await this.#dice.turns(4);
      if (this.#dice.falls(this.#evil)) this.#interfere();
      const fault = this.#dice.falls(this.#evil) ? this.#dice.below(3) : null;
      if (fault === 0) throw new PosError('STORE_FAILED', 'surely not done');
      if (fault === 1) throw new PosError('STORE_UNKNOWN', 'not done');
      const before = this.#sequence;
      const outcomes = this.#write(items);
      if (fault === null) return outcomes;
      for (let record = before + 1; record <= this.#sequence; record += 1) this.#doubted.add(record);
      throw new PosError('STORE_UNKNOWN', 'done');
    } finally {
      this.#isCommitting = false;
    }
  }

  /** Another host writes. */
  #interfere(): void {
    const accounts = [...this.#accounts.values()];
    const history = accounts[this.#dice.below(accounts.length)] as Standing[];
    const { row } = history.at(-1) as Standing;
    history.push({ row: { ...row, version: row.version + 1, salePointId: 'another host' }, sequence: 0 });
  }

  #write(items: readonly CommitItem[]): readonly CommitOutcome[] {
    let isBroken = false;
    return items.map((item): CommitOutcome => {
      if (isBroken) return { committed: false, conflict: null, failure: null };
      const conflict = item.guards.find((guard) => !this.#holds(guard)) ?? null;
      const isRefused = this.#dice.falls(this.#evil / 2);
      isBroken = conflict !== null || isRefused;
      if (conflict !== null) return { committed: false, conflict, failure: null };
      if (isRefused)
        return { committed: false, conflict: null, failure: new PosError('STORE_REFUSED', 'it alone') };
      this.#sequence += item.journal.length;
      for (const row of item.changes.accounts ?? [])
        this.#history(row.accountId).push({ row, sequence: this.#sequence });
      for (const row of item.changes.identities ?? []) this.identities.set(row.key, row);
      return { committed: true, head: headOf(this.#sequence), sequence: this.#sequence };
    });
  }

  #holds(guard: Guard): boolean {
    if (guard.kind === 'absent') return !this.identities.has(guard.key);
    return guard.kind === 'version' && this.#now(guard.key).version === guard.version;
  }

  /** Now and then it hangs until it is let go. One that fails is told of elsewhere, and what it was for is answered. */
  async #mark(bytes: Buffer): Promise<void> {
    if (this.#dice.falls(this.#evil / 4))
      this.#markGate = new Promise((resolve) => {
        this.letMarksGo = resolve;
      });
    await this.#markGate;
    await this.#dice.turns(8);
    this.#marked = Math.max(this.#marked, Number(bytes.toString().split(' ')[1]));
    if (this.#dice.falls(this.#evil)) throw new Error('the mark is not written');
  }
}

const headOf = (sequence: number) => String(sequence).padStart(64, '0');

/** The works of a day, and what they were told. */
class Day {
  readonly #books: Books;
  #decisions = 0;
  #lastAnswered = 0;
  #lastHead = headOf(0);
  /** The highest version of each account that anybody was told of. */
  readonly #told = new Map<string, number>();

  constructor(books: Books) {
    this.#books = books;
  }

  /** Adds to one account and takes as much from another, once; of accounts that are the same it only tells. */
  work(name: string, key: string, [from, to]: readonly [string, string], amount: number): Work<string> {
    return {
      wants: { identities: [key], accountIds: [from, to] },
      recognisesItself: true,
      decide: (view) => this.#decide(view, { name, key, from, to, amount }),
    };
  }

  #decide(
    view: View,
    { name, key, from, to, amount }: { name: string; key: string; from: string; to: string; amount: number },
  ): Decision<string> {
    this.#decisions += 1;
    const seen = [from, to].map((id) => view.account(id) as AccountRow);
    const at = this.#decisions;
    const tells = (what: string, wrote: readonly AccountRow[]) => ({
      answer: ({ head }: { readonly head: string | null }) => {
        this.#prove({ at, seen, wrote, head });
        return what;
      },
    });
    if (view.identity(key) !== undefined) return { item: null, ...tells('known', []) };
    if (from === to || seen.some(({ owed }) => owed < amount)) return { item: null, ...tells('nothing', []) };
    const [less, more] = seen.map((row, place) => ({
      ...row,
      version: row.version + 1,
      owed: (row.owed + (place === 0 ? -amount : amount)) as Fen,
      salePointId: name,
    })) as [AccountRow, AccountRow];
    const guards: Guard[] = [{ kind: 'absent', table: 'identities', key }];
    for (const row of seen)
      guards.push({ kind: 'version', table: 'accounts', key: row.accountId, version: row.version });
    const changes = { accounts: [less, more], identities: [identityRow(key)] };
    return { item: { guards, changes, journal: [{ body: '1' }] }, ...tells('done', [less, more]) };
  }

  /** Held against the books when it is told. */
  #prove(told: {
    readonly at: number;
    readonly seen: readonly AccountRow[];
    readonly wrote: readonly AccountRow[];
    readonly head: string | null;
  }): void {
    assert.ok(told.at > this.#lastAnswered, 'told in the order in which it was decided, once');
    this.#lastAnswered = told.at;
    for (const row of [...told.seen, ...told.wrote]) {
      const stood = this.#books.standing(row);
      assert.equal(stood?.row, row, 'what it tells of was');
      assert.ok(this.#books.isMarked(stood?.sequence ?? 0), 'what it tells of is marked');
      assert.ok(row.version >= (this.#told.get(row.accountId) ?? 1), 'nobody sees what was before');
      this.#told.set(row.accountId, row.version);
      if (told.wrote.includes(row)) assert.is(told.head, headOf(stood?.sequence ?? 0));
    }
    if (told.head === null) return;
    assert.ok(told.head >= this.#lastHead && this.#books.isMarked(Number(told.head)), 'so is the head');
    this.#lastHead = told.head;
  }
}

/** Both accounts or none, by what was told; else none. One that is known may be known by itself. */
const ROWS_WRITTEN: Readonly<Record<string, readonly number[]>> = {
  done: [2],
  known: [0, 2],
  STORE_UNKNOWN: [0, 2],
};

/** @returns how many works were told that they are done */
async function liveThrough(seed: number): Promise<number> {
  const dice = new Dice(seed);
  const accounts = ['A1', 'A2', 'A3', 'A4'].slice(0, 2 + dice.below(3));
  const books = new Books(dice, dice.falls(0.3) ? 0 : dice.below(250) / 1_000, accounts);
  const faults: unknown[] = [];
  const log = { error: ({ err }: { err?: unknown }) => void (err instanceof PosError || faults.push(err)) };
  const clock = dice.falls(0.5) ? nodeClock : { now: nodeClock.now, after: nodeClock.after };
  const batchMax = dice.falls(0.5) ? 8 : 256;
  const engine = new Engine({ store: books.store(), metrics: new Metrics(), log, clock, batchMax });
  const day = new Day(books);
  const account = () => accounts[dice.below(accounts.length)] as string;
  let done = 0;
  const open = new Set<string>();
  const submit = async (serial: number) => {
    const name = `w${serial}`;
    const key = `k${dice.falls(0.2) ? dice.below(serial + 1) : serial}`;
    open.add(name);
    const work = day.work(name, key, [account(), account()], dice.below(60));
    const told = await engine.submit(work).catch((error: unknown) => (error as PosError).code);
    open.delete(name);
    if (told === 'done') done += 1;
    const rows = books.writtenBy(name);
    assert.ok((ROWS_WRITTEN[told] ?? [0]).includes(rows), `${name} was told ${told} and wrote ${rows} rows`);
  };
  const all: Promise<void>[] = [];
  const attend = (work: Promise<void>) =>
    void all.push(work.catch((error: unknown) => void faults.push(error)));
  for (let serial = 0; serial < 80; serial += 1) {
    attend(submit(serial));
    if (dice.falls(0.4)) await dice.turns(6);
    if (dice.falls(0.05)) books.letMarksGo();
    if (dice.falls(0.03)) {
      const then = [...open];
      const drained = async () => {
        await engine.drain();
        await nextTurn();
        assert.equal(
          then.filter((name) => open.has(name)),
          [],
          'drained when they are told',
        );
      };
      attend(drained());
    }
  }
  let isOver = false;
  const over = Promise.all(all).then(() => {
    isOver = true;
  });
  while (!isOver) {
    books.letMarksGo();
    await nextTurn();
  }
  await over;
  if (faults.length > 0) throw faults[0];
  return done;
}

days('nothing is lost, done twice, told before it is marked, or told that never was', async () => {
  let done = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
      done += await liveThrough(seed);
    }),
    { numRuns: 400, includeErrorInReport: true },
  );
  assert.ok(done > 2_000);
});

days.run();
