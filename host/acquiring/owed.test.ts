import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UNPROVEN_MAX } from './effects/owed-list.ts';
import { balanceFrame, type Fixture, openFixture, refundFrame, saleFrame } from './node-acquiring.fixture.ts';
import {
  type Debt,
  de57Of,
  debtReversalFrame,
  lostSale,
  owedItem,
  owedRows,
  statusFrame,
  utOf,
} from './owed-frames.fixture.ts';
import { buildItems, type TestCard } from './wire-terminal.fixture.ts';

const owed = suite('OW: the host lists what a terminal owes');
let host: Fixture;
let card: TestCard;
owed.before.each(async () => {
  host = await openFixture();
  await host.signIn(host.shop, 'TEST 1');
  card = await host.card();
});
owed.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

/** A balance query that tells of these debts under a MAC. */
const tell = (...debts: readonly Debt[]) => host.answer(balanceFrame(host.shop, card, de57Of(debts)));
const states = async () => (await owedRows(host)).map(({ state, closedBy }) => `${state} ${closedBy}`);
const UNKNOWN: Debt = { trace: '000777', ut: utOf(7), amount: 5_00 };

owed('under a MAC: listed in the commit of the message that told it', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  assert.equal(await owedRows(host), []);
  assert.is((await tell(debt)).fields[39], '00');
  const [row, ...more] = await owedRows(host);
  assert.equal(more, []);
  const { batch, trace, ut, amount, state, proven, firstToldDate, lastToldDate, merchantId } = row ?? {};
  assert.equal(
    { batch, trace, ut, amount, state, proven, firstToldDate, lastToldDate, merchantId },
    {
      ...{ batch: 1, trace: debt.trace, ut: debt.ut, amount: 66_00, state: 'open', proven: true },
      ...{ firstToldDate: '20261122', lastToldDate: '20261122', merchantId: host.shop.merchantId },
    },
  );
});

owed('told again on the same day it costs no write; on the next day one', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await tell(debt);
  const items: number[] = [];
  const commit = host.deps.store.commit.bind(host.deps.store);
  const { store } = host.deps as { store: { commit: typeof commit } };
  store.commit = (list) => {
    items.push(list.filter(({ changes }) => (changes.owedReversals ?? []).length > 0).length);
    return commit(list);
  };
  const records = async () => (await host.deps.store.journalHeads())[0]?.sequence ?? 0;
  await tell(debt);
  await tell(debt, UNKNOWN);
  await tell(UNKNOWN, debt);
  assert.is(
    items.reduce((sum, one) => sum + one, 0),
    1,
    'only the one that was new',
  );
  const before = await records();
  await tell(debt);
  assert.is((await records()) - before, 1, 'the balance query, and nothing of the list');
  await host.deps.store.commit([await nextDay()]);
  host.clock.pass(86_400_000);
  await tell(debt);
  const row = (await owedRows(host)).find(({ ut }) => ut === debt.ut);
  assert.equal([row?.firstToldDate, row?.lastToldDate, row?.version], ['20261122', '20261123', 2]);
  assert.is(row?.lastToldAt, host.clock.now());
});

async function nextDay() {
  const { day } = await host.deps.store.read({});
  const closed = { ...day, version: day.version + 1, state: 'closed', closedAt: host.clock.now() } as const;
  const opened = { ...day, businessDate: '20261123', version: 1, openedAt: host.clock.now() };
  return { guards: [], changes: { days: [closed, opened] }, journal: [] };
}

owed('a request that is refused for another reason is believed: its MAC was right', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  const otherBatch = saleFrame(host.shop, card, 1_00, {
    60: host.shop.de60('22', '000', 9),
    ...de57Of([debt]),
  });
  assert.is((await host.answer(otherBatch)).fields[39], '77');
  const wrongPin = saleFrame(host.shop, card, 1_00, {
    ...host.shop.swipe(card, '000000'),
    ...de57Of([UNKNOWN]),
  });
  assert.is((await host.answer(wrongPin)).fields[39], '55');
  assert.equal(await states(), ['open null', 'open null']);
});

owed('without a right MAC where one belongs it tells nothing: A0', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  const frame = Buffer.from(balanceFrame(host.shop, card, de57Of([debt])));
  frame[frame.length - 1] = (frame[frame.length - 1] ?? 0) ^ 1;
  assert.is((await host.answer(frame)).fields[39], 'A0');
  assert.equal(await owedRows(host), []);
});

owed('in a message that has no MAC: listed as unproven, until it is told under one', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await host.answer(statusFrame(host.shop, [debt]));
  assert.equal(
    (await owedRows(host)).map(({ state, proven }) => [state, proven]),
    [['open', false]],
  );
  await tell(debt);
  assert.equal(
    (await owedRows(host)).map(({ proven, version }) => [proven, version]),
    [[true, 2]],
  );
});

owed('nobody’s word without a MAC changes what was told under one', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await tell(debt);
  const before = await owedRows(host);
  await host.answer(statusFrame(host.shop, [{ ...debt, amount: 1 }]));
  await host.deps.store.commit([await nextDay()]);
  await host.answer(statusFrame(host.shop, [debt]));
  assert.equal(await owedRows(host), before);
});

owed('a message without a MAC that is refused tells nothing', async () => {
  const profile = host.terminals.get(host.shop.id);
  if (profile === undefined) throw new Error('the shop has a profile');
  host.terminals.set(host.shop.id, { ...profile, state: 'suspended' });
  assert.is((await host.answer(statusFrame(host.shop, [UNKNOWN]))).fields[39], '58');
  assert.equal(await owedRows(host), []);
});

owed('nobody floods the list without a MAC, and what is told under one is always listed', async () => {
  const flood = (from: number) =>
    Array.from({ length: 15 }, (_, index) => ({
      ...{ trace: String(from + index).padStart(6, '0'), ut: utOf(from + index), amount: 1_00 },
    }));
  for (const from of [100, 120, 140, 160]) await host.answer(statusFrame(host.shop, flood(from)));
  assert.is((await owedRows(host)).length, UNPROVEN_MAX);
  await tell(...flood(200));
  assert.is((await owedRows(host)).length, UNPROVEN_MAX + 15);
  // Proven, or closed, one makes room for another.
  const [proven = UNKNOWN, paid = UNKNOWN] = flood(100);
  await tell(proven);
  await host.answer(debtReversalFrame(host.shop, paid));
  await host.answer(statusFrame(host.shop, flood(300)));
  assert.is((await owedRows(host)).filter((row) => !row.proven && row.state === 'open').length, UNPROVEN_MAX);
});

for (const [code, sentence] of [
  ['00', 'of an approved sale'],
  ['00', 'of a declined one'],
  ['12', 'of one that was undone otherwise'],
  ['25', 'of one that never came'],
] as const) {
  owed(`the 0400 ${sentence} is answered ${code}: closed by evidence, and not listed again`, async () => {
    const debt = await debtOf(sentence);
    await tell(debt);
    const answer = await host.answer(debtReversalFrame(host.shop, debt));
    assert.is(answer.fields[39], code);
    const closed = async () =>
      (await owedRows(host)).map(({ state, closedBy, evidence }) => [state, closedBy, evidence]);
    const expected = [['closed', 'evidence', { code, rrn: answer.fields[37], at: host.clock.now() }]];
    assert.equal(await closed(), expected);
    // The 0410 was lost: the terminal tells of it still, and repeats.
    await tell(debt);
    await host.answer(statusFrame(host.shop, [debt]));
    assert.is((await host.answer(debtReversalFrame(host.shop, debt))).fields[39], code);
    assert.equal(await closed(), expected);
  });
}

async function debtOf(sentence: string): Promise<Debt> {
  if (sentence === 'of one that never came') return UNKNOWN;
  if (sentence === 'of a declined one') {
    const sale = await host.answer(
      saleFrame(host.shop, card, 2_000_00, { 57: buildItems([['UT', utOf(1)]]) }),
    );
    assert.is(sale.fields[39], '51');
    return { trace: sale.fields[11] ?? '', ut: utOf(1), amount: 2_000_00 };
  }
  const debt = await lostSale(host, card, utOf(1), 66_00);
  if (sentence === 'of an approved sale') return debt;
  const { rrn = '', localDate = '' } =
    (await host.rows('transactions')).find(({ ut }) => ut === debt.ut) ?? {};
  const sale = { mti: '0210', header: '', tpdu: '', macData: null, fields: { 13: localDate, 37: rrn } };
  assert.is((await host.answer(refundFrame(host.shop, card, sale, 66_00))).fields[39], '00');
  return debt;
}

owed('a 0400 that tells only of the debt it pays leaves no row', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  assert.is((await host.answer(debtReversalFrame(host.shop, debt))).fields[39], '00');
  await host.answer(statusFrame(host.shop, [debt]));
  assert.equal(await owedRows(host), []);
});

owed('a 0400 that is refused closes nothing, and lists its debt', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  const refused = await host.answer(debtReversalFrame(host.shop, { ...debt, amount: 65_00 }));
  assert.is(refused.fields[39], '64');
  assert.equal(await states(), ['open null']);
  await host.answer(debtReversalFrame(host.shop, debt));
  assert.equal(await states(), ['closed evidence']);
});

owed('of another UT than the one that stands at its place: not closed by that one’s 0400', async () => {
  const sale = await lostSale(host, card, utOf(1), 66_00);
  const claim = { ...sale, ut: utOf(2) };
  await tell(claim);
  assert.is((await host.answer(debtReversalFrame(host.shop, claim))).fields[39], '94');
  assert.is((await host.answer(debtReversalFrame(host.shop, sale))).fields[39], '00');
  assert.equal(await states(), ['open null']);
});

owed('of an original that was sent before any UT: closed by a 0400 without one', async () => {
  const answer = await host.answer(saleFrame(host.shop, card, 10_00));
  const debt = { trace: answer.fields[11] ?? '', ut: utOf(3), amount: 10_00 };
  await tell(debt);
  const reversal = debtReversalFrame(host.shop, debt, [], de57Of([debt]));
  assert.is((await host.answer(reversal)).fields[39], '00');
  assert.equal(await states(), ['closed evidence']);
});

owed('of another amount than its original: a difference says so, once', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await host.answer(statusFrame(host.shop, [{ ...debt, amount: 60_00 }]));
  assert.equal(await host.rows('differences'), [], 'anybody may have sent that');
  await tell({ ...debt, amount: 60_00 });
  await tell({ ...debt, amount: 60_00 });
  const named = (await host.rows('differences')).map(({ kind, trace, theirs, ours, batch }) => ({
    ...{ kind, trace, theirs, ours, batch },
  }));
  assert.equal(named, [{ kind: 'amount', trace: debt.trace, theirs: 60_00, ours: 66_00, batch: 1 }]);
});

owed('nobody may approve what was proposed about another amount', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await tell(debt);
  const [row] = await owedRows(host);
  if (row === undefined) throw new Error('it is listed');
  const by = { person: '王', role: 'operator', reason: '测试', seen: '存根' };
  const proposal = { ...by, outcome: 'stands', transactionId: 'X', at: 1 } as const;
  await host.deps.store.commit([
    { guards: [], changes: { owedReversals: [{ ...row, version: 2, proposal }] }, journal: [] },
  ]);
  await tell(debt);
  assert.equal((await owedRows(host))[0]?.proposal, proposal, 'the same amount again');
  await tell({ ...debt, amount: 60_00 });
  assert.equal(
    (await owedRows(host)).map(({ amount, proposal: waiting }) => [amount, waiting]),
    [[60_00, null]],
  );
});

owed('a repeat says what was true when it was sent: it lists nothing', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  const frame = saleFrame(host.shop, card, 5_00, de57Of([debt], [['UT', utOf(9)]]));
  assert.is((await host.answer(frame)).fields[39], '00');
  const [row] = await owedRows(host);
  if (row === undefined) throw new Error('it is listed');
  const closed = { ...row, version: 2, state: 'closed', closedBy: 'people', closedAt: 1 } as const;
  await host.deps.store.commit([{ guards: [], changes: { owedReversals: [closed] }, journal: [] }]);
  assert.is((await host.answer(frame)).fields[39], '00');
  assert.equal(await owedRows(host), [closed]);
});

owed('told again after two people closed it: said so, neither opened nor hidden', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await tell(debt);
  const [row] = await owedRows(host);
  if (row === undefined) throw new Error('it is listed');
  const closed = { ...row, version: 2, state: 'closed', closedBy: 'people', closedAt: 1 } as const;
  await host.deps.store.commit([{ guards: [], changes: { owedReversals: [closed] }, journal: [] }]);
  host.clock.pass(1_000);
  await tell(debt);
  await tell(debt);
  const again = { ...closed, version: 3, toldAfterClosing: host.clock.now() };
  assert.equal(await owedRows(host), [again]);
  // Evidence that comes after all is kept beside what the people decided.
  const answer = await host.answer(debtReversalFrame(host.shop, debt));
  const evidence = { code: '00', rrn: answer.fields[37] ?? '', at: host.clock.now() };
  assert.equal(await owedRows(host), [{ ...again, version: 4, evidence }]);
});

owed('in a wrong layout it is no debt, and what it holds rests nowhere', async () => {
  const { pan } = card;
  for (const value of [pan, `000001000001${pan}`.padEnd(50, 'U'), `${owedItem(UNKNOWN)[1]}0`, 'x'.repeat(50)])
    await host.answer(balanceFrame(host.shop, card, { 57: buildItems([['OW', value]]) }));
  assert.equal(await owedRows(host), []);
  for await (const page of host.deps.store.scanJournal()) {
    for (const { body } of page) assert.not.match(body, pan);
  }
});

owed('each terminal has its own: the same batch, trace and UT of another is another', async () => {
  await host.signIn(host.second, 'TEST 1');
  await tell(UNKNOWN);
  await host.answer(balanceFrame(host.second, card, de57Of([UNKNOWN])));
  await host.answer(debtReversalFrame(host.shop, UNKNOWN));
  assert.equal(
    (await owedRows(host)).map(({ terminalId, state }) => [terminalId, state]),
    [
      [host.shop.id, 'closed'],
      [host.second.id, 'open'],
    ],
  );
});

owed('many at once, in one frame and in many, are each listed once', async () => {
  const debts = Array.from({ length: 12 }, (_, index) => ({
    ...{ trace: String(800 + index), ut: utOf(index), amount: 1_00 },
  })).map((debt) => ({ ...debt, trace: debt.trace.padStart(6, '0') }));
  await Promise.all(
    debts.map((_, index) =>
      host.answer(
        balanceFrame(host.shop, card, de57Of([...debts.slice(index), ...debts.slice(index)].slice(0, 15))),
      ),
    ),
  );
  assert.equal((await owedRows(host)).map(({ ut }) => ut).sort(), debts.map(({ ut }) => ut).sort());
});

owed('the journal says when something new was told, before the record that its answer covers', async () => {
  const debt = await lostSale(host, card, utOf(1), 66_00);
  await tell(debt);
  const bodies: Record<string, unknown>[] = [];
  for await (const page of host.deps.store.scanJournal()) {
    for (const { body } of page) bodies.push(JSON.parse(body) as Record<string, unknown>);
  }
  const [news, balance] = bodies.slice(-2);
  assert.equal([news?.['event'], news?.['OW']], ['owes reversals', [owedItem(debt)[1]]]);
  assert.is(balance?.['type'], 'transaction');
});

owed.run();
