import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Fixture,
  holdFrame,
  openFixture,
  preAuthorisationFrame,
  refundFrame,
  reversalFrame,
  saleFrame,
  TENTH,
  voidFrame,
} from './node-acquiring.fixture.ts';
import type { Parsed } from './wire-terminal.fixture.ts';

const holds = suite('the dialect: pre-authorisation, completion and their voids');
let host: Fixture;
holds.before.each(async () => {
  host = await openFixture();
  host.rules.push(TENTH);
  await host.signIn(host.hotel);
});
holds.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

const states = async () => (await host.rows('transactions')).map((row) => `${row.kind} ${row.state}`);
const held = async (accountId: string) => {
  const sums = await host.deps.store.balances();
  return -(sums.find((sum) => sum.account === `holds:${accountId}`)?.sum ?? 0);
};
const reversalOf = (answer: Parsed, type: string, de3: string) =>
  reversalFrame(host.hotel, {
    de3,
    de25: '06',
    type,
    amount: Number(answer.fields[4]),
    trace: answer.fields[11] ?? '',
  });

holds('holds at what the card would pay; the completion pays with it and gives the rest back', async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 400_00));
  assert.is(pre.fields[39], '00');
  assert.is(await host.available(card.accountId), 740_00);
  assert.is(await held(card.accountId), 360_00);
  const done = await host.answer(holdFrame(host.hotel, 'completion', pre, 300_00));
  assert.is(done.fields[39], '00');
  assert.is(await host.available(card.accountId), 830_00);
  assert.is(await held(card.accountId), 0);
  assert.is(
    (await host.answer(holdFrame(host.hotel, 'completion', pre, 100_00))).fields[39],
    '12',
    'completed once',
  );
});

holds(
  'a completion may exceed the hold by the margin, from the free balance, else 51; above it 64',
  async () => {
    const card = await host.card({ principal: 400_00, bonus: 0 });
    const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 400_00));
    assert.is((await host.answer(holdFrame(host.hotel, 'completion', pre, 460_01))).fields[39], '64');
    // 460.00 less the 46.00 discount is 414.00; the card holds 400.00.
    assert.is((await host.answer(holdFrame(host.hotel, 'completion', pre, 460_00))).fields[39], '51');
    assert.is((await host.answer(holdFrame(host.hotel, 'completion', pre, 440_00))).fields[39], '00');
    assert.is(await host.available(card.accountId), 4_00);
  },
);

holds('a completion with batch and trace of zeros comes from another desk', async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const done = await host.answer(
    holdFrame(host.hotel, 'completion', pre, 100_00, { 61: `000000000000${pre.fields[13]}` }),
  );
  assert.is(done.fields[39], '00');
  assert.is(
    (await host.answer(holdFrame(host.hotel, 'completion', pre, 1_00, { 38: 'ZZZZZZ' }))).fields[39],
    '25',
  );
});

holds('its void gives the hold back; the reversal of the void holds again', async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const voided = await host.answer(holdFrame(host.hotel, 'void', pre, 100_00));
  assert.is(voided.fields[39], '00');
  assert.is(await host.available(card.accountId), 1_100_00);
  assert.is((await host.answer(reversalOf(voided, '11', '200000'))).fields[39], '00');
  assert.is(await held(card.accountId), 90_00);
  assert.equal(await states(), [
    'preAuthorisation approved',
    'preAuthorisationVoid reversed',
    'reversal approved',
  ]);
});

holds('the reversal of a pre-authorisation releases it', async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  assert.is((await host.answer(reversalOf(pre, '10', '030000'))).fields[39], '00');
  assert.is(await host.available(card.accountId), 1_100_00);
  assert.is((await host.answer(holdFrame(host.hotel, 'completion', pre, 100_00))).fields[39], '12');
});

holds("a completion's void, and the reversal of a completion, bring the hold back", async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const done = await host.answer(holdFrame(host.hotel, 'completion', pre, 80_00));
  const voided = await host.answer(holdFrame(host.hotel, 'completion void', done, 80_00));
  assert.is(voided.fields[39], '00');
  assert.equal([await host.available(card.accountId), await held(card.accountId)], [1_010_00, 90_00]);
  const again = await host.answer(holdFrame(host.hotel, 'completion', pre, 50_00));
  assert.is(again.fields[39], '00');
  assert.is((await host.answer(reversalOf(again, '20', '000000'))).fields[39], '00');
  assert.equal([await host.available(card.accountId), await held(card.accountId)], [1_010_00, 90_00]);
});

holds("the reversal of a completion's void lets the completion stand again", async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const done = await host.answer(holdFrame(host.hotel, 'completion', pre, 80_00));
  const voided = await host.answer(holdFrame(host.hotel, 'completion void', done, 80_00));
  assert.is((await host.answer(reversalOf(voided, '21', '200000'))).fields[39], '00');
  assert.equal([await host.available(card.accountId), await held(card.accountId)], [1_028_00, 0]);
  assert.equal(await states(), [
    'preAuthorisation completed',
    'completion approved',
    'completionVoid reversed',
    'reversal approved',
  ]);
});

holds('what the holder spent before a completion was voided is not held again, and is no debt', async () => {
  const card = await host.card({ principal: 100_00, bonus: 0, pin: null });
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const done = await host.answer(holdFrame(host.hotel, 'completion', pre, 10_00));
  assert.is(await host.available(card.accountId), 91_00);
  assert.is((await host.answer(saleFrame(host.hotel, card, 100_00))).fields[39], '00');
  assert.is(await host.available(card.accountId), 1_00);
  assert.is((await host.answer(holdFrame(host.hotel, 'completion void', done, 10_00))).fields[39], '00');
  assert.equal([await host.available(card.accountId), await held(card.accountId)], [0, 10_00]);
});

holds('what a completion does not need of its hold covers a debt of the holder first', async () => {
  const card = await host.card({ principal: 200_00, bonus: 0, pin: null });
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const sale = await host.answer(saleFrame(host.hotel, card, 100_00));
  const voided = await host.answer(voidFrame(host.hotel, sale));
  await host.answer(saleFrame(host.hotel, card, 50_00));
  await host.answer(saleFrame(host.hotel, card, 70_00));
  const of = { de3: '200000', type: '23', amount: 100_00, trace: voided.fields[11] ?? '' };
  assert.is((await host.answer(reversalFrame(host.hotel, of))).fields[39], '00');
  // 200 − 90 held − 90 and 45 and 63 for the sales: 88 short, so far as the hold may not be touched.
  const owed = async () => (await host.rows('accounts'))[0]?.owed;
  assert.equal([await host.available(card.accountId), await owed()], [0, 88_00]);
  const done = await host.answer(holdFrame(host.hotel, 'completion', pre, 30_00));
  assert.is(done.fields[39], '00');
  assert.match(done.fields[63] ?? '', /抵欠款 63\.00/);
  assert.equal([await host.available(card.accountId), await owed()], [0, 25_00]);
});

holds('a completion is refunded like a sale', async () => {
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const done = await host.answer(holdFrame(host.hotel, 'completion', pre, 100_00));
  assert.is((await host.answer(refundFrame(host.hotel, card, done, 100_00))).fields[39], '00');
  assert.is(await host.available(card.accountId), 1_100_00);
  assert.is(
    (await host.answer(reversalOf(done, '20', '000000'))).fields[39],
    '12',
    'wholly refunded: undone otherwise',
  );
});

holds.run();
