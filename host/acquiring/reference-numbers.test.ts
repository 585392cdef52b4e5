import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeTime, isValid } from 'ulid';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeClock } from '../node-clock.ts';
import { nodeRandom } from '../node-random.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { authorisationCode, openReferenceNumbers } from './reference-numbers.ts';

const numbers = suite('DE37 is never used twice');

/** Several stores on one database file, as several processes would have them. */
async function onOneDatabase<T>(
  count: number,
  act: (stores: Awaited<ReturnType<typeof openSqliteStore>>[]) => Promise<T>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-rrn-'));
  const stores = [];
  try {
    for (let index = 0; index < count; index += 1) {
      stores.push(
        await openSqliteStore({
          driver: await openSqlite(join(folder, 'host.sqlite')),
          stream: `host-0${index}`,
          clock: nodeClock,
          initialBusinessDate: '20261122',
        }),
      );
    }
    return await act(stores);
  } finally {
    for (const store of stores) await store.close();
    await rm(folder, { recursive: true });
  }
}

numbers('by two processes that were given the same stream by mistake', async () => {
  await onOneDatabase(3, async (stores) => {
    const hosts = await Promise.all(stores.map((store) => openReferenceNumbers(store, '01', nodeRandom)));
    const given = hosts.flatMap((host) => Array.from({ length: 50 }, () => host.next()));
    assert.is(new Set(given).size, given.length);
    for (const rrn of given) assert.match(rrn, /^01\d{10}$/);
  });
});

numbers('after a restart that skips the rest of a block', async () => {
  await onOneDatabase(1, async ([store]) => {
    if (store === undefined) throw new Error('no store');
    const before = (await openReferenceNumbers(store, '07', nodeRandom)).next();
    const after = (await openReferenceNumbers(store, '07', nodeRandom)).next();
    assert.ok(after > before, `${after} after ${before}`);
  });
});

numbers.run();

const ids = suite('an identifier of a transaction or entry is a ULID that sorts behind those before it');

/** @param tails the random parts, 20 hexadecimal digits each, in the order in which they are drawn */
async function idsDrawnAs(tails: readonly string[], nows: readonly number[]): Promise<string[]> {
  return onOneDatabase(1, async ([store]) => {
    if (store === undefined) throw new Error('no store');
    const bytes = (count: number) => Buffer.concat([Buffer.from(tails.join(''), 'hex')], count);
    const { nextId } = await openReferenceNumbers(store, '01', { bytes });
    return nows.map(nextId);
  });
}

ids('within a millisecond, in a later one, and when the clock goes back', async () => {
  const given = await idsDrawnAs(
    ['00000000000000000000', 'ffffffffff00000003e0'],
    [1_000, 1_000, 1_001, 1_001, 999],
  );
  assert.equal(
    given,
    [
      ['00000000Z8', '0000000000000000'],
      ['00000000Z8', '0000000000000001'],
      ['00000000Z9', 'ZZZZZZZZ000000Z0'],
      ['00000000Z9', 'ZZZZZZZZ000000Z1'],
      ['00000000Z9', 'ZZZZZZZZ000000Z2'],
    ].map(([time, tail]) => `${time}${tail}`),
  );
});

ids('over the middle of its random part', async () => {
  const [before = '', after = ''] = await idsDrawnAs(['0000000001ffffffffff'], [1_000, 1_000]);
  assert.equal([before.slice(10), after.slice(10)], ['00000001ZZZZZZZZ', '0000000200000000']);
});

ids('until a millisecond has no more', async () => {
  try {
    await idsDrawnAs(['ffffffffffffffffffff'], [1_000, 1_000]);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /no more ULIDs/);
  }
});

ids('as the package reads it, by ten thousand', async () => {
  await onOneDatabase(1, async ([store]) => {
    if (store === undefined) throw new Error('no store');
    const { nextId } = await openReferenceNumbers(store, '01', nodeRandom);
    let before = '';
    for (let count = 0; count < 10_000; count += 1) {
      const now = 1_795_320_000_000 + (count >> 2);
      const id = nextId(now);
      assert.ok(isValid(id) && id > before && decodeTime(id) === now, id);
      before = id;
    }
  });
});

ids.run();

const codes = suite('DE38 is the count of DE37 in six digits of Crockford base 32');

// Expected: Python, the count modulo 2^30, divided by 32 six times.
// biome-ignore format: a table is read by column
for (const [rrn, code] of [
  ['010000000001', '000001'],
  ['010000000031', '00000Z'],
  ['990000000032', '000010'],
  ['010001234567', '015NM7'],
  ['011073741823', 'ZZZZZZ'],
  ['011073741824', '000000'],
  ['019999999999', 'A0QRZZ'],
] as const) {
  codes(`${rrn}: ${code}`, () => assert.is(authorisationCode(rrn), code));
}

codes.run();
