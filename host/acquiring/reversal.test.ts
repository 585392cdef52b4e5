import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Fixture,
  openFixture,
  refundFrame,
  reversalFrame,
  saleFrame,
  voidFrame,
} from './node-acquiring.fixture.ts';
import { buildItems, itemsOf, type Parsed } from './wire-terminal.fixture.ts';

const reversals = suite('the dialect: reversal and fate query');
let host: Fixture;
reversals.before.each(async () => {
  host = await openFixture();
  await host.signIn(host.shop, 'TEST 1');
});
reversals.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

const UT = '01JD9Q4C7N5W8R2Z6X3V1T0ABC';
const OTHER_UT = '01JD9Q4C7N5W8R2Z6X3V1T0ABD';
const events = async () => {
  const found: string[] = [];
  for await (const page of host.deps.store.scanJournal()) {
    for (const row of page) {
      const body = JSON.parse(row.body) as { type: string; event?: string };
      if (body.type === 'security-event') found.push(body.event ?? '');
    }
  }
  return found;
};
const ofSale = (trace: string, amount: number) => ({ de3: '000000', type: '22', amount, trace });
const traceOf = (answer: Parsed) => answer.fields[11] ?? '';

reversals('of a declined one: 00, nothing to undo', async () => {
  const card = await host.card({ principal: 1_00, bonus: 0 });
  const sale = await host.answer(saleFrame(host.shop, card, 2_00));
  assert.is(sale.fields[39], '51');
  assert.is((await host.answer(reversalFrame(host.shop, ofSale(traceOf(sale), 2_00)))).fields[39], '00');
  assert.is(await host.available(card.accountId), 1_00);
});

reversals('of one that never came: 25, and the late original is answered 12 已冲正', async () => {
  const card = await host.card();
  const late = saleFrame(host.shop, card, 20_00);
  const trace = String(host.shop.trace).padStart(6, '0');
  const early = reversalFrame(host.shop, ofSale(trace, 20_00));
  assert.is((await host.answer(early)).fields[39], '25');
  const answer = await host.answer(late);
  assert.is(answer.fields[39], '12');
  assert.match(answer.fields[63] ?? '', /已冲正/);
  assert.is((await host.answer(early)).fields[39], '25');
  assert.is(await host.available(card.accountId), 1_100_00);
});

reversals('of a partly refunded one the rest is undone', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 90_00));
  await host.answer(refundFrame(host.shop, card, sale, 40_00));
  const answer = await host.answer(reversalFrame(host.shop, ofSale(traceOf(sale), 90_00)));
  assert.is(answer.fields[39], '00');
  assert.is(itemsOf(answer)['GA'], '000000005000');
  assert.is(await host.available(card.accountId), 1_100_00);
});

reversals('of a voided or wholly refunded one: 12', async () => {
  const card = await host.card();
  const voided = await host.answer(saleFrame(host.shop, card, 10_00));
  await host.answer(voidFrame(host.shop, voided));
  assert.is((await host.answer(reversalFrame(host.shop, ofSale(traceOf(voided), 10_00)))).fields[39], '12');
  const refunded = await host.answer(saleFrame(host.shop, card, 10_00));
  await host.answer(refundFrame(host.shop, card, refunded, 10_00));
  assert.is((await host.answer(reversalFrame(host.shop, ofSale(traceOf(refunded), 10_00)))).fields[39], '12');
});

reversals(
  'with another amount 64, with another card or UT 94, both audited; the debt stays open',
  async () => {
    const card = await host.card();
    const other = await host.card();
    const sale = await host.answer(saleFrame(host.shop, card, 10_00, { 57: buildItems([['UT', UT]]) }));
    const of = ofSale(traceOf(sale), 10_00);
    assert.is((await host.answer(reversalFrame(host.shop, { ...of, amount: 10_01 }))).fields[39], '64');
    assert.is((await host.answer(reversalFrame(host.shop, of, { 2: other.pan }))).fields[39], '94');
    assert.is(
      (await host.answer(reversalFrame(host.shop, of, { 57: buildItems([['UT', OTHER_UT]]) }))).fields[39],
      '94',
    );
    assert.is(await host.available(card.accountId), 1_100_00 * 1 - 10_00);
    assert.equal(await events(), ['reversal of the amount', 'reversal of the card', 'reversal of the UT']);
    assert.is(
      (await host.answer(reversalFrame(host.shop, of, { 2: card.pan, 57: buildItems([['UT', UT]]) })))
        .fields[39],
      '00',
    );
  },
);

reversals('only of kinds marked so: of a refund or a top-up 40, nothing changed', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 10_00));
  const back = await host.answer(refundFrame(host.shop, card, sale, 10_00));
  const reversal = reversalFrame(host.shop, {
    de3: '200000',
    type: '25',
    amount: 10_00,
    trace: traceOf(back),
  });
  assert.is((await host.answer(reversal)).fields[39], '40');
  assert.is(
    (
      await host.answer(
        reversalFrame(host.shop, { de3: '630000', type: '48', amount: 10_00, trace: '000900' }),
      )
    ).fields[39],
    '40',
  );
});

reversals('of a void: the sale stands again', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 30_00));
  const voided = await host.answer(voidFrame(host.shop, sale));
  const reversal = reversalFrame(host.shop, {
    de3: '200000',
    type: '23',
    amount: 30_00,
    trace: traceOf(voided),
  });
  assert.is((await host.answer(reversal)).fields[39], '00');
  assert.is(await host.available(card.accountId), 1_070_00);
  assert.equal(
    (await host.rows('transactions')).map((row) => `${row.kind} ${row.state}`),
    ['sale approved', 'void reversed', 'reversal approved'],
  );
  assert.is((await host.answer(voidFrame(host.shop, sale))).fields[39], '00', 'and may be voided again');
  assert.is(await host.available(card.accountId), 1_100_00);
});

reversals(
  'of a void whose money is gone: holder receivable, the account is frozen, 00 all the same',
  async () => {
    const card = await host.card({ principal: 50_00, bonus: 0 });
    const sale = await host.answer(saleFrame(host.shop, card, 40_00));
    const voided = await host.answer(voidFrame(host.shop, sale));
    assert.is((await host.answer(saleFrame(host.shop, card, 45_00))).fields[39], '00');
    const reversal = reversalFrame(host.shop, {
      de3: '200000',
      type: '23',
      amount: 40_00,
      trace: traceOf(voided),
    });
    assert.is((await host.answer(reversal)).fields[39], '00');
    assert.is(await receivable(card.accountId), 35_00);
    assert.is((await host.answer(saleFrame(host.shop, card, 1))).fields[39], '62', 'spending is frozen');
  },
);

const receivable = async (accountId: string) =>
  (await host.deps.store.balances()).find((sum) => sum.account === `receivable:holder:${accountId}`)?.sum ??
  0;
const accountOf = async (accountId: string) =>
  (await host.rows('accounts')).find((row) => row.accountId === accountId);

/** 50.00 loaded; a sale of 40.00 voided, 45.00 spent, the void reversed: 35.00 are owed. */
async function owing() {
  const card = await host.card({ principal: 50_00, bonus: 0 });
  const first = await host.answer(saleFrame(host.shop, card, 40_00));
  const voided = await host.answer(voidFrame(host.shop, first));
  const second = await host.answer(saleFrame(host.shop, card, 45_00));
  const of = { de3: '200000', type: '23', amount: 40_00, trace: traceOf(voided) };
  assert.is((await host.answer(reversalFrame(host.shop, of))).fields[39], '00');
  return { card, first, second };
}

reversals('a refund to an account that owes covers the debt first, and says so', async () => {
  const { card, second } = await owing();
  const part = await host.answer(refundFrame(host.shop, card, second, 20_00));
  assert.equal([part.fields[39], part.fields[54]?.slice(8, 20)], ['00', '000000000000']);
  assert.match(part.fields[57] ?? '', /抵欠款 20\.00.*待补款 15\.00/);
  assert.is(await receivable(card.accountId), 15_00);
  assert.is((await host.answer(saleFrame(host.shop, card, 1))).fields[39], '62', 'still frozen');

  const rest = await host.answer(refundFrame(host.shop, card, second, 25_00));
  assert.equal([rest.fields[39], rest.fields[54]?.slice(8, 20)], ['00', '000000001000']);
  assert.is(await receivable(card.accountId), 0);
  assert.is((await host.answer(saleFrame(host.shop, card, 10_00))).fields[39], '00', 'spends again');
});

reversals('a void or a reversal that gives money back covers the debt as well', async () => {
  const { card, first, second } = await owing();
  assert.is((await host.answer(voidFrame(host.shop, second))).fields[39], '00');
  assert.equal([await receivable(card.accountId), await host.available(card.accountId)], [0, 10_00]);
  const of = ofSale(traceOf(first), 40_00);
  assert.is((await host.answer(reversalFrame(host.shop, of))).fields[39], '00');
  assert.is(await host.available(card.accountId), 50_00, 'all that was paid is back, nothing is owed');
});

reversals('a refund of the sale that made the debt strikes it, and nobody is richer', async () => {
  const { card, first } = await owing();
  assert.is((await host.answer(refundFrame(host.shop, card, first, 40_00))).fields[39], '00');
  assert.equal([await receivable(card.accountId), await host.available(card.accountId)], [0, 5_00]);
});

reversals('an account that an administrator froze stays frozen when its debt is covered', async () => {
  const { card, second } = await owing();
  const row = await accountOf(card.accountId);
  if (row === undefined) throw new Error('the card has an account');
  const frozen = { ...row, version: row.version + 1, state: 'frozen' } as const;
  await host.deps.store.commit([{ guards: [], changes: { accounts: [frozen] }, journal: [] }]);
  assert.is((await host.answer(refundFrame(host.shop, card, second, 45_00))).fields[39], '00');
  const after = await accountOf(card.accountId);
  assert.equal([after?.owed, after?.state], [0, 'frozen']);
  assert.is((await host.answer(saleFrame(host.shop, card, 1))).fields[39], '62');
});

reversals('after its batch closed it is honoured', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 30_00));
  const [row] = await host.rows('terminals');
  if (row === undefined) throw new Error('the terminal has a row');
  await host.deps.store.commit([
    { guards: [], changes: { terminals: [{ ...row, batch: 2, version: row.version + 1 }] }, journal: [] },
  ]);
  host.shop.batch = 2;
  assert.is((await host.answer(voidFrame(host.shop, sale))).fields[39], '12', 'a void is told to refund');
  assert.is(
    (await host.answer(reversalFrame(host.shop, { ...ofSale(traceOf(sale), 30_00), batch: 1 }))).fields[39],
    '00',
  );
  assert.is(await host.available(card.accountId), 1_100_00);
});

const fateFrame = (fields: Record<number, string>) =>
  host.shop.sealed('0200', {
    3: '320000',
    11: host.shop.nextTrace(),
    22: '012',
    25: '00',
    60: host.shop.de60('63'),
    ...fields,
  });

reversals('a fate query tells what became of it, by place or by UT', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 10_00, { 57: buildItems([['UT', UT]]) }));
  const byPlace = await host.answer(fateFrame({ 61: `000001${traceOf(sale)}` }));
  assert.equal(
    [byPlace.fields[39], byPlace.fields[4], byPlace.fields[37], itemsOf(byPlace)['FA']],
    ['00', '000000001000', sale.fields[37], '020000000000A'],
  );
  await host.answer(reversalFrame(host.shop, ofSale(traceOf(sale), 10_00)));
  const byUt = await host.answer(fateFrame({ 57: buildItems([['UT', UT]]) }));
  assert.is(itemsOf(byUt)['FA'], '020000000000R');
});

reversals('a fate query with a UT finds by its place an original that was sent before any UT', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 10_00));
  const fate = await host.answer(fateFrame({ 61: `000001${traceOf(sale)}`, 57: buildItems([['UT', UT]]) }));
  assert.equal([fate.fields[39], itemsOf(fate)['FA']], ['00', '020000000000A']);
});

reversals('a fate query of the unknown is 25 and burns the identity', async () => {
  const card = await host.card();
  const late = saleFrame(host.shop, card, 20_00, { 57: buildItems([['UT', UT]]) });
  const trace = String(host.shop.trace).padStart(6, '0');
  assert.is(
    (await host.answer(fateFrame({ 61: `000001${trace}`, 57: buildItems([['UT', UT]]) }))).fields[39],
    '25',
  );
  assert.is((await host.answer(late)).fields[39], '12');
  assert.is((await host.answer(fateFrame({}))).fields[39], '30', 'neither DE61 nor UT');
});

reversals.run();
