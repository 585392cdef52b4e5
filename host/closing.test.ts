import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { TestClock } from './acquiring/node-acquiring.fixture.ts';
import { Closing } from './closing.ts';

const closing = suite('what was opened is closed');

function noting(...names: string[]) {
  const parts = new Closing();
  const closed: string[] = [];
  for (const name of names) parts.add(name, () => void closed.push(name));
  return { parts, closed };
}

closing('what was opened last first, and once', async () => {
  const { parts, closed } = noting('keys', 'database', 'door');
  await Promise.all([parts.all(), parts.all()]);
  assert.equal(closed, ['door', 'database', 'keys']);
});

closing('in time, and no delay is left behind', async () => {
  const { parts, closed } = noting('keys', 'database');
  const clock = new TestClock();
  await parts.allWithin(clock, 5_000);
  assert.equal(closed, ['database', 'keys']);
  assert.is(clock.waiting, 0);
});

closing('up to what hangs, which is named; what stands behind it is not touched', async () => {
  const { parts, closed } = noting('keys');
  parts.add('the database', () => new Promise(() => undefined));
  parts.add('the door', () => void closed.push('door'));
  const clock = new TestClock();
  const late = rejects(
    parts.allWithin(clock, 5_000),
    (error) =>
      error instanceof PosError && error.code === 'STOP_LATE' && /5 s; .*: the database$/.test(error.detail),
  );
  await new Promise((resolve) => setTimeout(resolve, 0));
  clock.pass(5_000);
  await late;
  assert.equal(closed, ['door']);
});

closing.run();
