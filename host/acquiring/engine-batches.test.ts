/** Which works ride in one commit, and when they are decided. */
import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fakeStore, take } from './engine.fixture.ts';

const engines = suite('the batches of group commit');

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

engines('what comes in one turn of the event loop is decided together', async () => {
  const { engine, fake, clock } = fakeStore();
  const turns: (() => void)[] = [];
  Object.assign(clock, { soon: (act: () => void) => turns.push(act) });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const endTurn = async () => {
    for (const act of turns.splice(0)) act();
    await settled();
  };
  const held: (() => void)[] = [];
  fake.before = () => new Promise((resolve) => held.push(resolve));
  const decided: string[] = [];
  const submit = async (name: string) => {
    const answer = engine.submit(take(name, () => decided.push(name)));
    await settled();
    return answer;
  };
  void submit('a');
  void submit('b');
  await settled();
  assert.equal(decided, [], 'more may come in the same turn');
  await endTurn();
  assert.equal(decided, ['a', 'b']);
  assert.is(fake.reads, 1);
  void submit('c');
  await settled();
  void submit('d');
  await settled();
  assert.equal(decided, ['a', 'b'], 'also while a batch is being committed');
  await endTurn();
  assert.equal(decided, ['a', 'b', 'c', 'd']);
  assert.is(fake.reads, 2);
});

engines('the next batch is committed while the answers of the one before are held up', async () => {
  const { engine, fake, store, commits } = fakeStore();
  const { commit } = store;
  const marks: (() => void)[] = [];
  // As a store that marks what it has committed before anybody may be told.
  store.commit = async (items, how) => {
    const outcomes = await commit(items);
    how?.landed?.(outcomes);
    await new Promise<void>((resolve) => marks.push(resolve));
    return outcomes;
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const told: string[] = [];
  const submit = (name: string) => void engine.submit(take(name)).then((answer) => told.push(answer));
  submit('a');
  await settled();
  submit('b');
  await settled();
  assert.equal(commits, [1, 1]);
  assert.equal(told, [], 'neither is marked');
  marks[1]?.();
  await settled();
  assert.equal(told, [], 'none is told before what it was decided over');
  submit('a');
  await settled();
  assert.equal(told, [], 'nor who asks again');
  let isDrained = false;
  void engine.drain().then(() => {
    isDrained = true;
  });
  await settled();
  assert.not(isDrained);
  marks[0]?.();
  await settled();
  assert.equal(told, ['a 1 64', 'b 2 64', 'a again 1']);
  assert.ok(isDrained);
  assert.is(fake.identities.size, 2);
});

engines('a mark that hangs holds everything up: one more batch is committed, and no third', async () => {
  const { engine, store, commits } = fakeStore({ queueMax: 300 });
  const { commit } = store;
  store.commit = async (items, how) => {
    how?.landed?.(await commit(items));
    return new Promise<never>(() => undefined);
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  let names = 0;
  const submit = async (count: number) => {
    for (let one = 0; one < count; one += 1) void engine.submit(take(`w${names++}`));
    await settled();
  };
  await submit(1);
  await submit(1);
  assert.equal(commits, [1, 1]);
  await submit(256);
  assert.is(engine.waiting, 0, 'as many as a batch has are decided');
  await submit(300);
  assert.equal(commits, [1, 1]);
  await rejects(engine.submit(take('one more')), /HOST_BUSY/);
});

engines('what a store takes back after it has landed is not told as done', async () => {
  const { engine, store } = fakeStore();
  const { commit } = store;
  store.commit = async (items, how) => {
    how?.landed?.(await commit(items));
    throw new Error('the mark is gone');
  };
  await rejects(engine.submit(take('a')), /STORE_UNKNOWN/);
  store.commit = commit;
  assert.is(await engine.submit(take('a')), 'a again 1');
});

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

engines.run();
