/** What only a line of memory can show: who reads when, and what a delay of the clock does. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Acquirer, type AcquirerLimits, startAcquirer } from './acquirer.ts';
import { MemoryListener } from './memory-line.fixture.ts';
import { balanceFrame, type Fixture, openFixture, SHOP, saleFrame } from './node-acquiring.fixture.ts';
import { buildBody, withLength, wrap } from './wire-terminal.fixture.ts';

const lines = suite('the acquirer on lines of memory');

async function onMemory(
  limits: Partial<AcquirerLimits>,
  run: (host: Fixture, listener: MemoryListener, acquirer: Acquirer) => Promise<void>,
): Promise<void> {
  const host = await openFixture();
  const listener = new MemoryListener();
  const acquirer = await startAcquirer(host.deps, listener, limits);
  try {
    await run(host, listener, acquirer);
  } finally {
    await acquirer.stop();
    await host.close();
  }
}
const echo = (host: Fixture) =>
  withLength(
    wrap(buildBody('0820', { 11: host.shop.nextTrace(), 41: host.shop.id, 42: SHOP, 60: '00000001301' })),
  );
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
};
const closings = (host: Fixture, reason: string) => host.deps.metrics.value('closed connection', reason);

lines('a peer that does not read its answers is not read either, until it does', async () => {
  await onMemory({}, async (host, listener) => {
    const line = listener.connect();
    line.reads = false;
    line.send(echo(host));
    await until(() => line.written.length === 1);
    await host.deps.engine.drain();
    assert.ok(line.isPaused);
    line.drained();
    assert.not.ok(line.isPaused);
    line.send(echo(host));
    await until(() => line.written.length === 2);
  });
});

lines('a stop that is done late still writes what one commit answers on one line', async () => {
  let release: () => void = () => undefined;
  let held: Promise<void> | null = null;
  const host = await openFixture((store) => {
    const commit = store.commit.bind(store);
    store.commit = async (...what) => {
      const outcomes = await commit(...what);
      await held;
      return outcomes;
    };
    return store;
  });
  for (const terminal of [host.shop, host.second, host.hotel]) await host.signIn(terminal);
  const card = await host.card();
  const listener = new MemoryListener();
  const acquirer = await startAcquirer(host.deps, listener, { drainMs: 50 });
  const line = listener.connect();
  held = new Promise((resolve) => {
    release = resolve;
  });
  const sold = [host.shop, host.second, host.hotel].map((terminal) => saleFrame(terminal, card, 1_00));
  line.send(Buffer.concat(sold.map(withLength)));
  const stopped = acquirer.stop();
  await until(() => host.deps.engine.waiting === 0);
  host.clock.pass(50);
  await new Promise((resolve) => setImmediate(resolve));
  release();
  await stopped;
  assert.is(line.answers().length, 3);
  assert.is((await host.rows('transactions')).length, 3);
  await host.close();
});

lines('is read no further at so many requests in flight, and goes on with the first answer', async () => {
  await onMemory({ inFlightMax: 2 }, async (host, listener) => {
    const line = listener.connect();
    line.send(echo(host));
    assert.not.ok(line.isPaused);
    line.send(echo(host));
    assert.ok(line.isPaused);
    await until(() => line.answers().length === 2);
    assert.equal(line.calls, ['pause', 'resume']);
  });
});

lines('what one commit answers on one line leaves in one write, in the order in which it came', async () => {
  await onMemory({}, async (host, listener) => {
    for (const terminal of [host.shop, host.second, host.hotel]) await host.signIn(terminal);
    const card = await host.card();
    const sales = [host.shop, host.second, host.hotel, host.shop].map((terminal) =>
      withLength(saleFrame(terminal, card, 1_00)),
    );
    const line = listener.connect();
    line.send(Buffer.concat(sales));
    await until(() => line.answers().length === sales.length);
    assert.is(host.deps.metrics.value('engine', 'commits'), 4);
    assert.is(line.written.length, 1);
    assert.equal(
      line.answers().map(({ fields }) => [fields[39], fields[41]]),
      [host.shop, host.second, host.hotel, host.shop].map(({ id }) => ['00', id]),
    );
  });
});

lines('a line that goes between a commit and its write takes nothing with it', async () => {
  await onMemory({}, async (host, listener) => {
    await host.signIn(host.shop);
    const card = await host.card();
    const line = listener.connect();
    line.send(Buffer.concat([1, 2].map(() => withLength(saleFrame(host.shop, card, 1_00)))));
    line.isWritable = false;
    await host.deps.engine.drain();
    await until(() => host.deps.metrics.value('answered', '00') >= 2);
    assert.equal(line.written, []);
    assert.is((await host.rows('transactions')).length, 2);
    line.closed();
  });
});

lines(
  'a frame that drips in has the time of a half frame from its first byte, to the millisecond',
  async () => {
    await onMemory({ halfFrameMs: 30_000 }, async (host, listener) => {
      const line = listener.connect();
      const frame = echo(host);
      line.send(frame.subarray(0, 1));
      host.clock.pass(15_000);
      line.send(frame.subarray(1, 2));
      host.clock.pass(14_999);
      assert.equal(line.calls, []);
      host.clock.pass(1);
      assert.equal(line.calls, ['close']);
      assert.is(closings(host, 'half frame timed out'), 1);
    });
  },
);

lines('a frame whose rest we do not read ourselves is not timed out', async () => {
  await onMemory({ halfFrameMs: 30_000, inFlightMax: 1 }, async (host, listener) => {
    const line = listener.connect();
    const frame = echo(host);
    line.send(Buffer.concat([frame, frame.subarray(0, 10)]));
    host.clock.pass(30_000);
    assert.is(closings(host, 'half frame timed out'), 0);
    await until(() => line.written.length === 1);
    line.send(frame.subarray(10));
    await until(() => line.written.length === 2);
  });
});

lines('what comes after the acquirer has closed is not judged', async () => {
  await onMemory({ idleMs: 600_000 }, async (host, listener) => {
    await host.signIn(host.shop);
    const card = await host.card({ pin: null });
    const line = listener.connect();
    line.reads = false;
    line.send(echo(host));
    await until(() => line.written.length === 1);
    line.isPaused = false;
    host.clock.pass(600_000);
    assert.is(closings(host, 'idle'), 1);
    line.send(withLength(saleFrame(host.shop, card, 1_00)));
    await host.deps.engine.drain();
    assert.equal(await host.rows('transactions'), []);
    line.drained();
  });
});

lines('a closed connection whose peer never reads the rest is given up after the drain time', async () => {
  await onMemory({ idleMs: 600_000, drainMs: 10_000, connectionsMax: 1 }, async (host, listener) => {
    const line = listener.connect();
    line.reads = false;
    line.send(echo(host));
    await until(() => line.written.length === 1);
    host.clock.pass(600_000);
    assert.is(line.calls.at(-1), 'close');
    host.clock.pass(10_000);
    assert.is(line.calls.at(-1), 'abort');
    // Its place is free again.
    const next = listener.connect();
    next.send(echo(host));
    await until(() => next.written.length === 1);
  });
});

lines('an answer is not written to a line that has gone, and what it asked for is done', async () => {
  await onMemory({}, async (host, listener) => {
    await host.signIn(host.shop);
    const card = await host.card({ pin: null });
    const line = listener.connect();
    line.send(withLength(saleFrame(host.shop, card, 1_00)));
    line.closed(new Error('reset by the peer'));
    await host.deps.engine.drain();
    assert.equal(line.written, []);
    assert.is((await host.rows('transactions')).length, 1);
    assert.ok(host.log.some(({ text }) => text === 'a connection broke'));
  });
});

lines('a stop reads no further, even from a peer that begins to read again', async () => {
  await onMemory({}, async (host, listener, acquirer) => {
    await host.signIn(host.shop);
    const card = await host.card();
    const line = listener.connect();
    line.reads = false;
    line.send(Buffer.concat([echo(host), withLength(balanceFrame(host.shop, card))]));
    const stopped = acquirer.stop();
    assert.not.ok(listener.isOpen);
    await until(() => line.calls.includes('close'));
    line.drained();
    await stopped;
    assert.equal(
      line.answers().map(({ fields }) => fields[39]),
      ['00', '00'],
    );
    assert.not.ok(line.calls.includes('resume'));
  });
});

lines('once nothing is open and all is answered, no delay is left with the clock', async () => {
  await onMemory({}, async (host, listener, acquirer) => {
    const line = listener.connect();
    line.send(echo(host));
    await until(() => line.written.length === 1);
    await acquirer.stop();
    assert.is(host.clock.waiting, 0);
  });
});

lines.run();
