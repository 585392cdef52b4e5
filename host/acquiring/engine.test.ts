import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { identityRow } from '../store/sample-rows.ts';
import { fakeStore, take } from './engine.fixture.ts';
import type { Work } from './work.ts';

const engines = suite('group commit');

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
