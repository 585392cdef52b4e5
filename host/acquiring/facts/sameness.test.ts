import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Fixture,
  openFixture,
  refundFrame,
  reversalFrame,
  saleFrame,
} from '../node-acquiring.fixture.ts';
import { buildItems, type Parsed } from '../wire-terminal.fixture.ts';

const sameness = suite('the dialect: sameness, lateness, replay');
let host: Fixture;
sameness.before.each(async () => {
  host = await openFixture();
  await host.signIn(host.shop);
});
sameness.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

const UT = '01JD9Q4C7N5W8R2Z6X3V1T0ABC';
const told = (answer: Parsed | undefined) => [
  answer?.fields[39],
  answer?.fields[37],
  answer?.fields[38],
  answer?.fields[54],
];

sameness('the same again gets the same answer and has one effect', async () => {
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 10_00);
  const first = await host.answer(frame);
  assert.equal(told(await host.answer(frame)), told(first));
  assert.is(await host.available(card.accountId), 1_090_00);
});

sameness('also while the first is still being judged', async () => {
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 10_00);
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => host.ask(frame)));
  for (const answer of answers) assert.equal(told(answer), told(answers[0]));
  assert.is(answers[0]?.fields[39], '00');
  assert.is(await host.available(card.accountId), 1_090_00);
});

sameness('also when the answer was a decline: no second PIN try is counted', async () => {
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 10_00, host.shop.swipe(card, '111111'));
  assert.equal([(await host.answer(frame)).fields[39], (await host.answer(frame)).fields[39]], ['55', '55']);
  assert.is((await host.rows('cards'))[0]?.pinTries, 1);
});

for (const [what, change] of [
  ['amount', { 4: '000000001001' }],
  ['UT', { 57: buildItems([['UT', '01JD9Q4C7N5W8R2Z6X3V1T0ABD']]) }],
  ['60.1', { 60: '20000001000', 25: '06', 38: 'AAAAAA', 61: '0000000000000000' }],
] as const) {
  sameness(`another ${what} under the same identity: 94 and an audit event`, async () => {
    const card = await host.card();
    await host.answer(saleFrame(host.shop, card, 10_00, { 57: buildItems([['UT', UT]]) }));
    const trace = String(host.shop.trace).padStart(6, '0');
    const again = saleFrame(host.shop, card, 10_00, { 11: trace, 57: buildItems([['UT', UT]]), ...change });
    assert.is((await host.answer(again)).fields[39], '94');
    assert.ok(host.log.some(({ level, text }) => level === 'warn' && text === 'refused, and audited'));
    assert.is(await host.available(card.accountId), 1_090_00);
  });
}

sameness('another card under the same identity: 94', async () => {
  const card = await host.card();
  const other = await host.card();
  await host.answer(saleFrame(host.shop, card, 10_00));
  const trace = String(host.shop.trace).padStart(6, '0');
  assert.is((await host.answer(saleFrame(host.shop, other, 10_00, { 11: trace }))).fields[39], '94');
});

sameness('a UT that is known under another identity: 94', async () => {
  const card = await host.card();
  const fields = { 57: buildItems([['UT', UT]]) };
  assert.is((await host.answer(saleFrame(host.shop, card, 10_00, fields))).fields[39], '00');
  assert.is((await host.answer(saleFrame(host.shop, card, 10_00, fields))).fields[39], '94');
});

sameness('without UT, a known identity more than ten minutes later: 94; with UT the old answer', async () => {
  const card = await host.card();
  const bare = saleFrame(host.shop, card, 10_00);
  const named = saleFrame(host.shop, card, 10_00, { 57: buildItems([['UT', UT]]) });
  await host.answer(bare);
  await host.answer(named);
  host.clock.pass(10 * 60_000);
  assert.is((await host.answer(bare)).fields[39], '00', 'ten minutes to the millisecond');
  host.clock.pass(1);
  assert.is((await host.answer(bare)).fields[39], '94');
  assert.is((await host.answer(named)).fields[39], '00');
});

sameness('a repeat after a restart carries DE2 and 14 instead of 35, 52 and 53: the same card', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 50_00));
  const first = await host.answer(refundFrame(host.shop, card, sale, 20_00));
  const trace = first.fields[11] ?? '';
  const again = await host.answer(
    refundFrame(host.shop, card, sale, 20_00, { 2: card.pan, 14: '3012', 35: '', 11: trace }),
  );
  assert.equal(told(again), told(first));
  assert.is(again.fields[2], card.pan, 'DE2 is echoed, and was not kept');
  assert.is(await host.available(card.accountId), 1_070_00);
});

sameness('a 0220 repeated by number is no keyed entry, though its first sending was lost', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 50_00));
  const fields = { 2: card.pan, 14: '3012', 35: '' };
  assert.is(
    (await host.answer(refundFrame(host.shop, card, sale, 5_00, { ...fields, 22: '012' }))).fields[39],
    '58',
  );
  assert.is((await host.answer(refundFrame(host.shop, card, sale, 5_00, fields))).fields[39], '00');
});

sameness('03 30 40 58 77 96 97 A0 are not remembered: the same request may succeed later', async () => {
  const card = await host.card();
  const profile = host.terminals.get(host.shop.id);
  if (profile === undefined) throw new Error('the terminal is provisioned');
  const frame = saleFrame(host.shop, card, 10_00);
  host.terminals.set(host.shop.id, { ...profile, state: 'suspended' });
  assert.is((await host.answer(frame)).fields[39], '58');
  host.terminals.set(host.shop.id, profile);
  assert.is((await host.answer(frame)).fields[39], '00');
});

sameness('a 0400 for one still in judgement waits for it', async () => {
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 10_00);
  const trace = String(host.shop.trace).padStart(6, '0');
  const reversal = reversalFrame(host.shop, { de3: '000000', type: '22', amount: 10_00, trace });
  const [sale, undone] = await Promise.all([host.ask(frame), host.ask(reversal)]);
  assert.equal([sale?.fields[39], undone?.fields[39]], ['00', '00']);
  assert.is(await host.available(card.accountId), 1_100_00);
});

sameness.run();
