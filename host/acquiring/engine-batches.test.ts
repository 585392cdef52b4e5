/** Which works ride in one commit, and when they are decided. */
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

engines.run();
