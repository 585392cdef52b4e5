/** The host put together over memory: no disk, no socket, a clock that stands. */
import { rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSoftVault } from '../keys/index.ts';
import { PosError } from '../protocol/index.ts';
import { MemoryListener } from './acquiring/memory-line.fixture.ts';
import { TestClock } from './acquiring/node-acquiring.fixture.ts';
import { buildBody, withLength, wrap } from './acquiring/wire-terminal.fixture.ts';
import { memoryFiles } from './clearing/memory-files.ts';
import { makeHostKeys } from './host-keys.ts';
import { type HostOutside, openHost } from './open-host.ts';
import { slotOf } from './store/commit-mark.ts';
import { openSqlite } from './store/sqlite-driver.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ECHO = withLength(
  wrap(buildBody('0820', { 11: '000001', 41: '10000001', 42: '62778812345A001', 60: '00000001301' })),
);

async function outsideOf(changes: Partial<HostOutside> = {}) {
  const vault = await openSoftVault({ random: randomBytes });
  await makeHostKeys(vault, false);
  const listener = new MemoryListener();
  const driver = await openSqlite(':memory:');
  let closed = 0;
  const clock = new TestClock();
  const outside: HostOutside = {
    clock,
    random: { bytes: randomBytes },
    vault,
    driver: {
      exec: (sql) => driver.exec(sql),
      run: (sql, params) => driver.run(sql, params),
      all: (sql, params) => driver.all(sql, params),
      close: () => {
        closed += 1;
        return driver.close();
      },
    },
    listener,
    files: memoryFiles(),
    log: silent,
    stream: '01',
    initialBusinessDate: '',
    ...changes,
  };
  return { outside, listener, clock, closings: () => closed };
}
const answered = async (listener: MemoryListener) => {
  const line = listener.connect();
  line.send(ECHO);
  while (line.written.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  return line.answers()[0]?.fields[39];
};

const opening = suite('the host put together from what is outside of it');

opening(
  "answers, begins with the clock's day, and closes what it was given when it stops, once",
  async () => {
    const { outside, listener, clock, closings } = await outsideOf();
    const host = await openHost(outside);
    assert.is(await answered(listener), '96', 'without a programme nothing is judged');
    assert.is((await host.deps.store.read({})).day.businessDate, '20261122');
    await Promise.all([host.stop(), host.stop()]);
    assert.is(closings(), 1);
    assert.not.ok(listener.isOpen);
    assert.is(clock.waiting, 0);
  },
);

opening('closes the database again when it cannot open, whatever the cause', async () => {
  for (const changes of [
    { listener: { open: () => Promise.reject(new Error('the port is taken')) } },
    { stream: 'x' },
    { initialBusinessDate: '20261399' },
    {
      marks: {
        read: async () => slotOf({ stream: 'host-01', sequence: 1, head: '' }),
        write: async () => undefined,
      },
    },
  ]) {
    const { outside, closings } = await outsideOf(changes);
    await rejects(openHost(outside));
    assert.is(closings(), 1, Object.keys(changes).join());
  }
});

opening('refuses a database that does not reach the mark, wherever it lies', async () => {
  const mark = slotOf({ stream: 'host-01', sequence: 7, head: 'ab'.repeat(32) });
  const marks = { read: async () => mark, write: async () => undefined };
  const { outside, listener } = await outsideOf({ marks });
  await rejects(openHost(outside), (error) => error instanceof PosError && error.code === 'STORE_DAMAGED');
  assert.not.ok(listener.isOpen);
});

opening('does nothing by itself when it is abandoned: only its lines wait with the clock', async () => {
  const { outside, listener, clock } = await outsideOf();
  const host = await openHost(outside);
  assert.is(clock.waiting, 0);
  const line = listener.connect();
  assert.is(clock.waiting, 1);
  line.closed();
  assert.is(clock.waiting, 0);
  await host.stop();
});

opening('does not make the keys of cards anew beside books', async () => {
  const vault = await openSoftVault({ random: randomBytes });
  await rejects(makeHostKeys(vault, true), /lookup, data, pvk, cvk/);
  assert.is((await makeHostKeys(vault, false)).length, 5);
  assert.equal(await makeHostKeys(vault, true), []);
});

opening.run();
