import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSoftVault } from '../../keys/index.ts';
import { businessDateOf, daysBetween, PosError } from '../../protocol/index.ts';
import { openFixture, type TestClock } from '../acquiring/node-acquiring.fixture.ts';
import { makeHostKeys } from '../host-keys.ts';
import { MarkedStore } from '../store/commit-mark.ts';
import type { StorePort } from '../store/port.ts';
import { Metrics } from './metrics.ts';
import { Standing } from './standing.ts';

const ready = suite('a host is ready');

// biome-ignore lint/correctness/useYield: it fails before the first page.
async function* failingPages(): AsyncIterable<readonly unknown[]> {
  throw new PosError('STORE_FAILED', 'the disk is gone');
}

type Trouble = 'none' | 'fails' | 'hangs';

async function withStanding(
  run: (parts: {
    readonly standing: Standing;
    readonly clock: TestClock;
    readonly metrics: Metrics;
    readonly trouble: { store: Trouble; mark: Trouble };
    commit(): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const trouble: { store: Trouble; mark: Trouble } = { store: 'none', mark: 'none' };
  const metrics = new Metrics();
  let marked: MarkedStore | undefined;
  const failure = () => Promise.reject(new PosError('STORE_FAILED', 'the disk is gone'));
  const host = await openFixture((store) => {
    const slots = {
      read: async () => null,
      async write() {
        if (trouble.mark === 'fails') await failure();
        if (trouble.mark === 'hangs') await new Promise(() => undefined);
      },
    };
    marked = new MarkedStore({ store, stream: 'host-1', slots, failed: () => undefined });
    return marked;
  }, metrics);
  const store = new Proxy(host.deps.store, {
    get(target, name) {
      if (trouble.store === 'fails' && name === 'read') return failure;
      if (trouble.store === 'fails' && name === 'scan') return failingPages;
      if (trouble.store === 'hangs' && name === 'read') return () => new Promise(() => undefined);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  }) as StorePort;
  const mark = () =>
    marked?.standing ?? { committed: 0, marked: 0, isFailing: true, settled: Promise.resolve() };
  const counts = { mark, waiting: () => 0, connections: () => 0, inFlight: () => 0 };
  const standing = new Standing({ ...host.deps, store, ...counts });
  try {
    await run({
      standing,
      clock: host.clock,
      metrics,
      trouble,
      async commit() {
        await host.deps.store.commit([{ guards: [], changes: {}, journal: [{ body: '{"type":"test"}' }] }]);
      },
    });
  } finally {
    await host.close();
  }
}
const wrong = async (standing: Standing) => {
  const { ready: isReady, checks } = await standing.readiness();
  const names = checks.filter(({ ok, reason }) => !ok && reason !== '').map(({ name }) => name);
  assert.is(isReady, names.length === 0);
  return names;
};

ready('when its store answers, its mark is written, its keys are there and nobody stops it', () =>
  withStanding(async ({ standing }) => {
    assert.equal(await wrong(standing), []);
    standing.drain();
    assert.equal(await wrong(standing), ['draining']);
  }),
);

ready('not while its store fails, or does not answer; alive it is all the same', () =>
  withStanding(async ({ standing, clock, trouble }) => {
    trouble.store = 'fails';
    assert.equal(await wrong(standing), ['store']);
    assert.is(await standing.businessDate(), null);
    trouble.store = 'hangs';
    const asked = wrong(standing);
    await new Promise((resolve) => setImmediate(resolve));
    clock.pass(2_000);
    assert.equal(await asked, ['store']);
    trouble.store = 'none';
    assert.equal(await wrong(standing), []);
    assert.is(clock.waiting, 0);
  }),
);

ready('not from a mark that could not be written until one is written again', () =>
  withStanding(async ({ standing, trouble, metrics, commit }) => {
    await commit();
    trouble.mark = 'fails';
    await commit();
    await commit();
    assert.equal(await wrong(standing), ['mark']);
    assert.match(await metrics.registry.metrics(), 'zunka_journal_unmarked_records 2');
    trouble.mark = 'none';
    await commit();
    assert.equal(await wrong(standing), []);
    assert.match(await metrics.registry.metrics(), 'zunka_journal_unmarked_records 0');
  }),
);

ready('not while a mark hangs: nobody is answered before it is written', () =>
  withStanding(async ({ standing, clock, trouble, commit }) => {
    await commit();
    trouble.mark = 'hangs';
    void commit();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const asked = wrong(standing);
    await new Promise((resolve) => setImmediate(resolve));
    clock.pass(2_000);
    assert.equal(await asked, ['mark']);
    assert.is(clock.waiting, 0);
  }),
);

ready('not without the keys of its own', async () => {
  const vault = await openSoftVault({ random: randomBytes });
  const host = await openFixture();
  try {
    const counts = { mark: null, waiting: () => 0, connections: () => 0, inFlight: () => 0 };
    const standing = new Standing({ ...host.deps, vault, metrics: new Metrics(), ...counts });
    assert.equal(await wrong(standing), ['keys']);
    await makeHostKeys(vault, false);
    assert.equal(await wrong(standing), []);
  } finally {
    await host.close();
  }
});

ready('and a figure that cannot be looked up is left out of the metrics, and counted', () =>
  withStanding(async ({ trouble, metrics, clock }) => {
    assert.match(await metrics.registry.metrics(), 'zunka_batches_open 0\n');
    trouble.store = 'fails';
    // Within a minute the last figure stands.
    clock.pass(59_999);
    assert.match(await metrics.registry.metrics(), 'zunka_batches_open 0\n');
    clock.pass(1);
    assert.not.match(await metrics.registry.metrics(), /^zunka_batches_open /m);
    assert.match(
      await metrics.registry.metrics(),
      /^zunka_scrape_failures_total\{what="batchesOpen"\} [12]$/m,
    );
    trouble.store = 'none';
    assert.match(await metrics.registry.metrics(), 'zunka_batches_open 0\n');
  }),
);

ready('and how far the business day is behind the calendar is told: a day that nobody closed', () =>
  withStanding(async ({ trouble, metrics, clock, standing }) => {
    const open = (await standing.businessDate()) ?? '';
    const behind = daysBetween(open, businessDateOf(clock.now()));
    assert.match(await metrics.registry.metrics(), `zunka_business_days_behind ${behind}\n`);
    clock.pass(2 * 24 * 3_600_000);
    assert.match(await metrics.registry.metrics(), `zunka_business_days_behind ${behind + 2}\n`);
    trouble.store = 'fails';
    assert.not.match(await metrics.registry.metrics(), /^zunka_business_days_behind /m);
  }),
);

ready.run();
