import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fixture, openFixture } from '../acquiring/node-acquiring.fixture.ts';
import {
  type Debt,
  de57Of,
  debtReversalFrame,
  lostSale,
  owedItem,
  owedRows,
  statusFrame,
  utOf,
} from '../acquiring/owed-frames.fixture.ts';
import { balanceFrame, NO_SIDE, settleFrame } from '../acquiring/request-frames.fixture.ts';
import type { TestCard } from '../acquiring/wire-terminal.fixture.ts';
import type { Directory } from '../programme/directory.ts';
import type { Documents } from '../programme/model.ts';
import { cutOver } from './cut-over.ts';
import { memoryFiles } from './memory-files.ts';
import { readBack } from './read-back.ts';
import { runClearing } from './run.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const who = { person: '李结算', reason: '日终' };
const HOURS_24 = 86_400_000;

const owing = suite('a clearing names the reversals that are owed, until they are closed');
let host: Fixture;
let card: TestCard;
let files: ReturnType<typeof memoryFiles>;
owing.before.each(async () => {
  host = await openFixture();
  files = memoryFiles();
  await host.signIn(host.shop, 'TEST 1');
  card = await host.card();
});
owing.after.each(() => host.close());

function clear(businessDate: string, correction: boolean) {
  const { store } = host.deps;
  const all = <K extends keyof Documents>(kind: K) =>
    (kind === 'merchant' ? [...host.merchants.values()] : []) as Documents[K][];
  const directory: Directory = { ...host.deps.directory, programme: host.deps.directory.programme, all };
  return runClearing(
    { store, clock: host.clock, directory, files, log },
    { businessDate, correction, ...who },
  );
}

/** Closes the open day and clears it: how many are owed, and the names in its difference file. */
async function endOfDay() {
  host.clock.pass(HOURS_24);
  const { closed } = await cutOver({ store: host.deps.store, clock: host.clock }, who);
  const { owedReversals, proof } = await clear(closed, false);
  assert.ok(proof.every(({ ok }) => ok));
  const bytes = (await files.read(`${closed}-differences-01.csv`)) ?? Buffer.alloc(0);
  const named = readBack('d.csv', bytes).rows.map(({ text }) => [
    text['类别'],
    text['凭证号'],
    text['Cause'],
  ]);
  return { owedReversals, named };
}

const tell = (debt: Debt) => host.answer(balanceFrame(host.shop, card, de57Of([debt])));

owing('on each day that it stands open, with what the books hold of it', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await tell(debt);
  const name = [
    '未结冲正 owed-reversal',
    debt.trace,
    'the terminal owes its reversal since 20261122; the original: stands',
  ];
  assert.equal(await endOfDay(), { owedReversals: 1, named: [name] });
  const second = await endOfDay();
  assert.equal(second.owedReversals, 1);
  assert.equal(
    second.named.filter(([kind]) => kind === name[0]),
    [name],
  );
  await host.answer(debtReversalFrame(host.shop, debt));
  const third = await endOfDay();
  assert.equal([third.owedReversals, third.named], [0, []]);
});

owing('not twice on the day whose settlement has named it', async () => {
  const debt = { trace: '000777', ut: utOf(2), amount: 5_00 };
  await tell(debt);
  assert.is((await host.answer(settleFrame(host.shop, NO_SIDE, [owedItem(debt)]))).fields[39], '00');
  const { owedReversals, named } = await endOfDay();
  assert.is(owedReversals, 1);
  assert.equal(
    named.map(([kind, trace]) => [kind, trace]),
    [['状态不符 status', '000777']],
  );
  assert.equal(
    (await endOfDay()).named.map(([kind, trace]) => [kind, trace]),
    [['未结冲正 owed-reversal', '000777']],
  );
});

owing('no more once two people closed it', async () => {
  const debt = { trace: '000777', ut: utOf(2), amount: 5_00 };
  await tell(debt);
  const [row] = await owedRows(host);
  if (row === undefined) throw new Error('it is listed');
  const closed = { ...row, version: 2, state: 'closed', closedBy: 'people', closedAt: 1 } as const;
  await host.deps.store.commit([{ guards: [], changes: { owedReversals: [closed] }, journal: [] }]);
  assert.equal(await endOfDay(), { owedReversals: 0, named: [] });
});

owing('one that was only told without a MAC as just that', async () => {
  await host.answer(statusFrame(host.shop, [{ trace: '000777', ut: utOf(2), amount: 5_00 }]));
  const { named } = await endOfDay();
  assert.match(String(named[0]?.[2]), /never came, told without a MAC$/);
});

owing('in a correction of the same day it is not named again', async () => {
  await tell(await lostSale(host, card, utOf(1), 66_00));
  await endOfDay();
  const before = (await host.rows('differences')).length;
  await clear('20261122', true);
  assert.is((await host.rows('differences')).length, before);
});

owing.run();
