import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { Metrics } from '../operations/metrics.ts';
import type { CommitItem, CommitOutcome, Found, Guard, StorePort, Wants } from '../store/port.ts';
import { BUSINESS_DATE, identityRow } from '../store/sample-rows.ts';
import { type Decision, Engine, type Work } from './engine.ts';
import { TestClock } from './node-acquiring.fixture.ts';
import type { View } from './view.ts';

const engines = suite('group commit');

/** A store in memory: identities and one counter; `before` may fail or hold up a commit. */
function fakeStore({ queueMax = 300, momentMs }: { queueMax?: number; momentMs?: number } = {}) {
  const identities = new Map<string, ReturnType<typeof identityRow>>();
  const counters = new Map<string, number>();
  const commits: number[] = [];
  const fake = {
    identities,
    counters,
    commits,
    reads: 0,
    before: async (_items: readonly CommitItem[]): Promise<void> => undefined,
    after: async (): Promise<void> => undefined,
    beforeRead: async (): Promise<void> => undefined,
  };
  const holds = (guard: Guard) =>
    guard.kind === 'absent'
      ? !identities.has(guard.key)
      : guard.kind === 'counter'
        ? guard.max === null || (counters.get(guard.counter) ?? 0) + guard.add <= guard.max
        : true;
  const store = {
    momentMs,
    async read(wants: Wants): Promise<Found> {
      await fake.beforeRead();
      fake.reads += 1;
      const none: never[] = [];
      return {
        identities: (wants.identities ?? []).flatMap((key) => identities.get(key) ?? []),
        counters: new Map(
          (wants.counters ?? []).flatMap((name) =>
            counters.has(name) ? [[name, counters.get(name) ?? 0]] : [],
          ),
        ),
        transactions: none,
        cards: none,
        accounts: none,
        lots: none,
        terminals: none,
        batches: none,
        uploads: none,
        owedReversals: none,
        day: { businessDate: BUSINESS_DATE, version: 1, state: 'open', openedAt: 0, closedAt: null },
      };
    },
    async commit(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
      await fake.before(items);
      commits.push(items.length);
      const outcomes = items.map((item): CommitOutcome => {
        const conflict = item.guards.find((guard) => !holds(guard));
        if (conflict !== undefined) return { committed: false, conflict, failure: null };
        for (const row of item.changes.identities ?? []) identities.set(row.key, row);
        for (const guard of item.guards)
          if (guard.kind === 'counter')
            counters.set(guard.counter, (counters.get(guard.counter) ?? 0) + guard.add);
        return { committed: true, head: 'f'.repeat(64), sequence: commits.length };
      });
      await fake.after();
      return outcomes;
    },
  } as unknown as StorePort;
  const metrics = new Metrics();
  const clock = new TestClock();
  const engine = new Engine({ store, metrics, log: { error: () => undefined }, queueMax, clock });
  return { ...fake, fake, store, metrics, engine, clock };
}

/** Takes the next number of a counter and remembers it under a name; a name that is there gives its old number. */
function take(name: string, onDecide: (view: View) => void = () => undefined): Work<string> {
  return {
    wants: { identities: [name], counters: ['n'] },
    recognisesItself: true,
    decide(view): Decision<string> {
      onDecide(view);
      const known = view.identity(name);
      if (known !== undefined) return { item: null, answer: () => `${name} again ${known.fingerprint}` };
      const value = String(view.counter('n') + 1);
      return {
        item: {
          guards: [
            { kind: 'absent', table: 'identities', key: name },
            { kind: 'counter', counter: 'n', add: 1, max: null },
          ],
          changes: { identities: [identityRow(name, { fingerprint: value })] },
          journal: [],
        },
        answer: ({ head }) => `${name} ${value} ${head?.length ?? 0}`,
      };
    },
  };
}

engines('what arrives while one commit runs rides in the next, decided in arrival order', async () => {
  const { engine, commits } = fakeStore();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => engine.submit(take(`w${index}`))),
  );
  assert.equal(
    answers,
    Array.from({ length: 20 }, (_, index) => `w${index} ${index + 1} 64`),
  );
  assert.equal(commits, [20]);
});

engines(
  'a long queue is taken in halves when nothing is being committed, and answered in order',
  async () => {
    const { engine, commits } = fakeStore();
    const names = Array.from({ length: 100 }, (_, index) => `w${index}`);
    const answers = await Promise.all(names.map((name) => engine.submit(take(name))));
    assert.equal(
      answers,
      names.map((name, index) => `${name} ${index + 1} 64`),
    );
    assert.equal(commits, [50, 50]);
  },
);

engines(
  'what comes while a batch is being committed is decided meanwhile, in pieces, and rides in one commit',
  async () => {
    const { engine, fake, commits } = fakeStore();
    const waiting: (() => void)[] = [];
    fake.before = () => new Promise((resolve) => waiting.push(resolve));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const decided: string[] = [];
    const submit = (name: string) => engine.submit(take(name, () => decided.push(name)));
    const answers = [submit('a')];
    await turn();
    for (const name of ['b', 'c', 'd']) {
      answers.push(submit(name));
      await turn();
    }
    assert.equal(decided, ['a', 'b', 'c', 'd'], 'none waits with its decision for the commit');
    assert.is(waiting.length, 1, 'they wait for it with theirs');
    waiting.shift()?.();
    while (waiting.length === 0) await turn();
    waiting.shift()?.();
    assert.equal(await Promise.all(answers), ['a 1 64', 'b 2 64', 'c 3 64', 'd 4 64']);
    assert.equal(commits, [1, 3]);
  },
);

engines(
  'of those who wait for answers most are awaited before they are decided: they come back in step',
  async () => {
    const { engine, fake, commits } = fakeStore();
    const held: (() => void)[] = [];
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    let rounds = 0;
    const decided: number[] = [];
    const submit = (name: string) => engine.submit(take(name, () => decided.push(rounds)));
    // Two batches of eight, one of which is always being committed.
    fake.before = () => new Promise((resolve) => held.push(resolve));
    const first = Array.from({ length: 8 }, (_, index) => submit(`a${index}`));
    await turn();
    const second = Array.from({ length: 8 }, (_, index) => submit(`b${index}`));
    await turn();
    held.shift()?.();
    await Promise.all(first);
    await turn();
    decided.length = 0;
    const third: Promise<string>[] = [];
    for (rounds = 1; rounds <= 8; rounds += 1) {
      third.push(submit(`c${rounds}`));
      await turn();
    }
    assert.equal(
      decided,
      [6, 6, 6, 6, 6, 6],
      'six of eight are decided together, the rest when the commit is through',
    );
    fake.before = async () => undefined;
    held.shift()?.();
    await Promise.all([...second, ...third]);
    assert.equal(commits, [8, 8, 6, 2]);
  },
);

/** A store whose commits are dear and end when they are told to; all is done that can be done when `turn` resolves. */
function dearStore() {
  const fakes = fakeStore({ momentMs: 1 });
  const held: (() => void)[] = [];
  fakes.fake.before = () => new Promise((resolve) => held.push(resolve));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  let names = 0;
  const submit = (count: number) => {
    for (let one = 0; one < count; one += 1) {
      names += 1;
      void fakes.engine.submit(take(`w${names}`));
    }
  };
  const end = async () => {
    held.shift()?.();
    await turn();
  };
  return { ...fakes, held, turn, submit, end };
}

engines('where commits are dear, who waits alone waits for nobody', async () => {
  const { submit, turn, held } = dearStore();
  submit(1);
  await turn();
  assert.is(held.length, 1);
});

engines(
  'where commits are dear, two batches that took turns become one: those just answered are awaited',
  async () => {
    const { submit, turn, end, held, commits } = dearStore();
    submit(14);
    await turn();
    submit(16);
    await turn();
    await end();
    submit(14);
    await turn();
    await end();
    assert.is(held.length, 0, 'fourteen wait for the sixteen that were answered');
    submit(15);
    await turn();
    assert.is(held.length, 0);
    submit(1);
    await turn();
    await end();
    assert.equal(commits, [14, 16, 30]);
  },
);

engines(
  'where commits are dear, who is awaited and does not come holds nobody longer than a moment',
  async () => {
    const { submit, turn, end, held, commits, clock } = dearStore();
    submit(26);
    await turn();
    await end();
    submit(1);
    await turn();
    submit(1);
    clock.pass(1);
    await turn();
    assert.is(held.length, 0, 'one more came within the moment');
    clock.pass(1);
    await turn();
    await end();
    assert.equal(commits, [26, 2]);
  },
);

engines('where commits are dear, few are not awaited: they are no batch, also together', async () => {
  const { submit, turn, end, held } = dearStore();
  submit(15);
  await turn();
  await end();
  submit(1);
  await turn();
  assert.is(held.length, 1);
});

engines('where commits are dear, half of many are decided while the other half is committed', async () => {
  const { submit, turn, end, held, commits } = dearStore();
  submit(100);
  await turn();
  await end();
  submit(49);
  await turn();
  await end();
  assert.is(held.length, 0);
  submit(1);
  await turn();
  await end();
  assert.equal(commits, [50, 50, 50]);
});

engines('keeps the order of arrival when decisions must read further first', async () => {
  const { engine, metrics } = fakeStore();
  // What it looks at is not among what it wanted: it is decided again after a read.
  const reading = (name: string) => take(name, (view) => void view.counter(`of ${name}`));
  const works = [take('a'), reading('b'), reading('c'), take('d'), reading('e'), take('f')];
  const answers = await Promise.all(works.map((work) => engine.submit(work)));
  assert.equal(
    answers.map((answer) => answer.slice(0, 3)),
    ['a 1', 'b 2', 'c 3', 'd 4', 'e 5', 'f 6'],
  );
  assert.ok(metrics.value('engine', 'read again') > 0);
});

engines('a commit holds at most 256 works', async () => {
  const { commits, engine } = fakeStore({ queueMax: 600 });
  await Promise.all(Array.from({ length: 600 }, (_, index) => engine.submit(take(`w${index}`))));
  assert.equal(commits, [256, 256, 88]);
});

engines(
  'the next batch sees what is decided and not yet committed, and waits for it with its answer',
  async () => {
    const { engine, fake } = fakeStore();
    const order: string[] = [];
    let release: (value?: unknown) => void = () => undefined;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    fake.before = async () => {
      if (fake.commits.length === 0) await held;
    };
    const first = engine.submit(take('a')).then((answer) => order.push(answer));
    await new Promise((resolve) => setImmediate(resolve));
    const second = engine.submit(take('a')).then((answer) => order.push(answer));
    const third = engine.submit(take('b')).then((answer) => order.push(answer));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(order, [], 'no answer leaves before the commit that it depends on');
    release();
    await Promise.all([first, second, third]);
    assert.equal(order, ['a 1 64', 'a again 1', 'b 2 64']);
  },
);

engines('a decision that throws fails only itself', async () => {
  const { engine } = fakeStore();
  const bad: Work<string> = {
    wants: {},
    decide: () => {
      throw new PosError('RULE_BAD', 'R1');
    },
  };
  const [before, failed, after] = await Promise.allSettled([
    engine.submit(take('a')),
    engine.submit(bad),
    engine.submit(take('b')),
  ]);
  assert.equal([before?.status, failed?.status, after?.status], ['fulfilled', 'rejected', 'fulfilled']);
});

engines('items whose guards fail are decided again, with what came in between', async () => {
  const { engine, fake, identities } = fakeStore();
  fake.before = async () => {
    if (fake.commits.length === 0) identities.set('b', identityRow('b', { fingerprint: 'other host' }));
  };
  const answers = await Promise.all([
    engine.submit(take('a')),
    engine.submit(take('b')),
    engine.submit(take('c')),
  ]);
  assert.is(answers[1], 'b again other host');
  assert.is(answers[0], 'a 1 64');
});

engines('a failed commit that wrote nothing is decided again on a fresh read', async () => {
  const { engine, fake, metrics } = fakeStore();
  let failures = 2;
  fake.before = async () => {
    failures -= 1;
    if (failures >= 0) throw new PosError('STORE_FAILED', 'disk full');
  };
  assert.is(await engine.submit(take('a')), 'a 1 64');
  assert.is(metrics.value('engine', 'commit failed'), 2);
});

engines('a database that keeps failing rejects with its own error: nothing was committed', async () => {
  const { engine, fake } = fakeStore();
  fake.before = async () => {
    throw new PosError('STORE_FAILED', 'disk full');
  };
  await rejects(engine.submit(take('a')), (error: PosError) => error.code === 'STORE_FAILED');
});

engines('an unknown outcome that was committed is found again by its identity', async () => {
  const { engine, fake } = fakeStore();
  let once = true;
  fake.after = async () => {
    if (once) {
      once = false;
      throw new PosError('STORE_UNKNOWN', 'the connection broke');
    }
  };
  assert.is(await engine.submit(take('a')), 'a again 1');
});

engines('an unknown outcome that was not committed is decided anew', async () => {
  const { engine, fake } = fakeStore();
  let once = true;
  fake.before = async () => {
    if (once) {
      once = false;
      throw new PosError('STORE_UNKNOWN', 'the connection broke');
    }
  };
  assert.is(await engine.submit(take('a')), 'a 1 64');
});

engines(
  'an unknown outcome that cannot be read back rejects with STORE_UNKNOWN: the host stays silent',
  async () => {
    const { engine, fake } = fakeStore();
    fake.after = async () => {
      fake.beforeRead = async () => {
        throw new PosError('STORE_FAILED', 'the database is gone');
      };
      throw new PosError('STORE_UNKNOWN', 'the connection broke');
    };
    await rejects(engine.submit(take('a')), (error: PosError) => error.code === 'STORE_UNKNOWN');
  },
);

engines('work that cannot recognise itself is not tried again after an unknown outcome', async () => {
  const { engine, fake, counters } = fakeStore();
  fake.after = async () => {
    throw new PosError('STORE_UNKNOWN', 'the connection broke');
  };
  const { recognisesItself: _, ...work } = take('a');
  await rejects(engine.submit(work), (error: PosError) => error.code === 'STORE_UNKNOWN');
  assert.is(counters.get('n'), 1);
});

engines('an item that the database refuses alone is rejected alone', async () => {
  const { store, engine } = fakeStore();
  const commit = store.commit.bind(store);
  store.commit = async (items) => {
    const refused = items.findIndex((item) => item.changes.identities?.[0]?.key === 'b');
    const outcomes = [...(await commit(items.filter((_, index) => index !== refused)))];
    if (refused >= 0)
      outcomes.splice(refused, 0, {
        committed: false,
        conflict: null,
        failure: new PosError('STORE_REFUSED', 'a constraint'),
      });
    return outcomes;
  };
  const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map((name) => engine.submit(take(name))));
  assert.equal([a?.status, b?.status, c?.status], ['fulfilled', 'rejected', 'fulfilled']);
});

engines('a full queue refuses at once, counted', async () => {
  const { engine, metrics } = fakeStore();
  const all = await Promise.allSettled(
    Array.from({ length: 301 }, (_, index) => engine.submit(take(`w${index}`))),
  );
  const refused = all.filter((result) => result.status === 'rejected');
  assert.is(refused.length, 1);
  const reason: unknown = refused[0]?.reason;
  assert.ok(reason instanceof PosError && reason.code === 'HOST_BUSY');
  assert.is(metrics.value('engine', 'queue full'), 1);
});

engines('what a decision asks for and nobody read is read, then it is decided again', async () => {
  const { engine, counters } = fakeStore();
  counters.set('late', 41);
  const work: Work<number> = {
    wants: {},
    decide(view) {
      const value = view.counter('late');
      return { item: null, answer: () => value };
    },
  };
  assert.is(await engine.submit(work), 41);
});

engines('drain waits for everything, and the engine goes on afterwards', async () => {
  const { engine, identities } = fakeStore();
  void engine.submit(take('a'));
  await engine.drain();
  assert.ok(identities.has('a'));
  assert.is(await engine.submit(take('b')), 'b 2 64');
  await engine.drain();
});

engines.run();
