import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import {
  type Fixture,
  holdFrame,
  openFixture,
  preAuthorisationFrame,
  reversalFrame,
  saleFrame,
  TODAY,
  voidFrame,
} from '../acquiring/node-acquiring.fixture.ts';
import type { Parsed } from '../acquiring/wire-terminal.fixture.ts';
import { bound } from '../store/bound-store.fixture.ts';
import type { StorePort } from '../store/port.ts';
import { cutOver } from './cut-over.ts';
import type { LapsedHolds } from './lapse.ts';
import { memoryFiles } from './memory-files.ts';
import { runClearing, stepsOf } from './run.ts';
import { runIdOf } from './step-context.ts';

/** The programme's days, here two: a hold of the 22nd lapses when the 24th is cleared. */
const DAYS = 2;
const HOURS_24 = 86_400_000;
const who = { person: '李结算', reason: '日终' };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const SECOND = '20261123';
const THIRD = '20261124';

const lapses = suite('pre-authorisations lapse after their days');
let host: Fixture;
let files: ReturnType<typeof memoryFiles>;
lapses.before.each(async () => {
  host = await openFixture();
  files = memoryFiles();
  await host.signIn(host.hotel);
});
lapses.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

const nextDay = async () => {
  host.clock.pass(HOURS_24);
  await cutOver({ store: host.deps.store, clock: host.clock }, who);
};
const clear = (businessDate: string, store: StorePort = host.deps.store) => {
  const programme = { ...host.deps.directory.programme, preAuthorisationDays: DAYS };
  const all = () => [...host.merchants.values()] as never[];
  const none = () => [] as never[];
  const directory = {
    ...host.deps.directory,
    programme,
    all: (kind: string) => (kind === 'merchant' ? all() : none()),
  };
  return runClearing({ store, clock: host.clock, directory, files, log }, { businessDate, ...who });
};
const held = async (accountId: string) =>
  -((await host.deps.store.balances()).find(({ account }) => account === `holds:${accountId}`)?.sum ?? 0);
const stateOf = async (answer: Parsed) =>
  (await host.rows('transactions')).find((row) => row.rrn === answer.fields[37])?.state;
const lapsed = async (businessDate: string) => {
  const steps = await stepsOf(host.deps.store, runIdOf(businessDate, 1));
  return steps.find(({ step }) => step === 'lapse-holds')?.output as LapsedHolds | undefined;
};
const records = async () => {
  const found: { type: string; transactionId?: string }[] = [];
  for await (const page of host.deps.store.scanJournal())
    found.push(...page.map(({ body }) => JSON.parse(body) as { type: string }));
  return found.filter(({ type }) => type === 'hold-lapsed');
};

lapses(
  'a hold stands through its last day and is released by that day’s clearing; a later completion is 12',
  async () => {
    const card = await host.card();
    const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 400_00));
    await nextDay();
    await clear(TODAY);
    const young = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
    await nextDay();
    assert.is((await clear(SECOND)).lapsedHolds, 0);
    assert.equal([await stateOf(pre), await held(card.accountId)], ['approved', 500_00]);
    await nextDay();
    assert.is((await clear(THIRD)).lapsedHolds, 1);
    assert.equal([await stateOf(pre), await stateOf(young)], ['released', 'approved']);
    assert.equal([await host.available(card.accountId), await held(card.accountId)], [1_000_00, 100_00]);
    for (const kind of ['completion', 'void'] as const)
      assert.is((await host.answer(holdFrame(host.hotel, kind, pre, 400_00))).fields[39], '12', kind);
    const entry = (await host.rows('entries')).find(({ event }) => event === 'hold-released');
    assert.equal(
      [entry?.businessDate, entry?.cause],
      ['20261125', { kind: 'run', id: runIdOf(THIRD, 1) }],
      'posted in the day that is open: the closed one never changes',
    );
    assert.is((await records()).length, 1);
  },
);

lapses('what was completed, voided or reversed before is left alone', async () => {
  const card = await host.card();
  const ask = () => host.answer(preAuthorisationFrame(host.hotel, card, 50_00));
  const [first, second, third] = [await ask(), await ask(), await ask()];
  await host.answer(holdFrame(host.hotel, 'completion', first, 50_00));
  await host.answer(holdFrame(host.hotel, 'void', second, 50_00));
  const of = { de3: '030000', de25: '06', type: '10', amount: 50_00, trace: third.fields[11] ?? '' };
  await host.answer(reversalFrame(host.hotel, of));
  for (let day = 0; day <= DAYS; day += 1) await nextDay();
  assert.is((await clear(THIRD)).lapsedHolds, 0);
  assert.equal(
    [await stateOf(first), await stateOf(second), await stateOf(third)],
    ['completed', 'voided', 'reversed'],
  );
});

lapses('killed after any commit, the next run releases the rest once and tells the same', async () => {
  const card = await host.card();
  const holds: Parsed[] = [];
  for (const amount of [10_00, 20_00, 30_00])
    holds.push(await host.answer(preAuthorisationFrame(host.hotel, card, amount)));
  for (let day = 0; day <= DAYS; day += 1) await nextDay();
  let killed = 0;
  for (let commits = 0; ; commits += 1) {
    let left = commits === 0 ? 1 : commits % 2 === 0 ? 2 : 1;
    const store: StorePort = {
      ...bound(host.deps.store),
      commit: (items) => {
        left -= 1;
        if (left < 0) return Promise.reject(new PosError('STORE_FAILED', 'killed by the test'));
        return host.deps.store.commit(items);
      },
    };
    try {
      await clear(THIRD, store);
      break;
    } catch {
      killed += 1;
    }
  }
  assert.ok(killed > 3);
  const ids = (await host.rows('transactions')).map(({ transactionId }) => transactionId);
  assert.equal(await lapsed(THIRD), { released: ids, endedOtherwise: [], amount: 60_00 });
  assert.equal([await host.available(card.accountId), await held(card.accountId)], [1_100_00, 0]);
  assert.is((await records()).length, 3);
  assert.is((await clear(THIRD)).lapsedHolds, 3, 'a finished run tells the same');
});

lapses('a hold that is completed while the run goes on is not released as well', async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 10_00));
  for (let day = 0; day <= DAYS; day += 1) await nextDay();
  let completed = false;
  const store: StorePort = {
    ...bound(host.deps.store),
    async commit(items) {
      if (!completed && items.some(({ changes }) => changes.transactions !== undefined)) {
        completed = true;
        assert.is((await host.answer(holdFrame(host.hotel, 'completion', pre, 10_00))).fields[39], '00');
      }
      return host.deps.store.commit(items);
    },
  };
  assert.is((await clear(THIRD, store)).lapsedHolds, 0);
  const [{ transactionId } = { transactionId: '' }] = await host.rows('transactions');
  assert.equal(await lapsed(THIRD), { released: [], endedOtherwise: [transactionId], amount: 0 });
  assert.equal([await host.available(card.accountId), await held(card.accountId)], [1_090_00, 0]);
});

lapses('what comes back covers a debt of the holder first', async () => {
  const card = await host.card({ principal: 100_00, bonus: 0, pin: null });
  await host.answer(preAuthorisationFrame(host.hotel, card, 50_00));
  const sale = await host.answer(saleFrame(host.hotel, card, 40_00));
  const voided = await host.answer(voidFrame(host.hotel, sale));
  await host.answer(saleFrame(host.hotel, card, 45_00));
  const of = { de3: '200000', type: '23', amount: 40_00, trace: voided.fields[11] ?? '' };
  await host.answer(reversalFrame(host.hotel, of));
  const owed = async () => (await host.rows('accounts'))[0]?.owed;
  assert.is(await owed(), 35_00);
  for (let day = 0; day <= DAYS; day += 1) await nextDay();
  assert.is((await clear(THIRD)).lapsedHolds, 1);
  assert.equal([await host.available(card.accountId), await owed()], [15_00, 0]);
  assert.is((await records()).length, 2);
});

lapses.run();
