import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { rebatePaidEntry } from '../ledger/entries.ts';
import {
  balanceFrame,
  type Fixture,
  openFixture,
  refundFrame,
  reversalFrame,
  SHOP,
  saleFrame,
  TENTH,
  voidFrame,
} from './node-acquiring.fixture.ts';
import { itemsOf, unionPayMac } from './wire-terminal.fixture.ts';

const flows = suite('the dialect: sign-in, balance, sale, void, refund');
let host: Fixture;
flows.before.each(async () => {
  host = await openFixture();
});
flows.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

flows(
  'a sign-in answers 11 12 13 15 32 37 39 41 42 60 62, with keys under the TMK and the open batch',
  async () => {
    const answer = await host.answer(host.shop.signInFrame());
    assert.is(answer.mti, '0810');
    assert.is(answer.tpdu, '6000000003', 'TPDU source and destination are swapped');
    assert.equal(Object.keys(answer.fields).map(Number), [11, 12, 13, 15, 32, 37, 39, 41, 42, 60, 62]);
    assert.is(answer.fields[39], '00');
    assert.is(answer.fields[60], '00000001003');
    assert.is(answer.fields[62]?.length, 80);
    host.shop.takeKeys(answer);
    assert.is(host.shop.batch, 1);
  },
);

flows('a balance query shows the available balance, with a right MAC', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const answer = await host.answer(balanceFrame(host.shop, card));
  assert.is(answer.fields[39], '00');
  assert.is(answer.fields[54], '0210156C000000110000');
  assert.is(answer.fields[64], unionPayMac(host.shop.mak, answer.macData ?? Buffer.alloc(0)));
});

flows('a peer that said V1 gets principal and bonus too, and DE57', async () => {
  const signIn = await host.signIn(host.shop, 'TEST 1');
  assert.ok(itemsOf(signIn)['V1']);
  const answer = await host.answer(balanceFrame(host.shop, await host.card()));
  assert.is(answer.fields[54], '0210156C0000001100000290156C0000001000000291156C000000010000');
  assert.is(itemsOf(answer)['HH']?.length, 64);
});

flows('a sale takes what the rules leave of the price, and says both', async () => {
  host.rules.push(TENTH);
  await host.signIn(host.shop, 'TEST 1');
  const card = await host.card();
  const answer = await host.answer(saleFrame(host.shop, card, 128_00));
  assert.is(answer.mti, '0210');
  assert.is(answer.fields[39], '00');
  assert.is(answer.fields[4], '000000012800', 'DE4 is the gross price in both directions');
  assert.is(answer.fields[38]?.length, 6);
  assert.match(answer.fields[37] ?? '', /^01\d{10}$/);
  const items = itemsOf(answer);
  assert.equal(
    [items['GA'], items['DA'], items['PA'], items['RA'], items['PT'], items['RU']],
    ['000000012800', '000000001280', '000000011520', '000000000115', '15', 'R10'],
  );
  // 1,100.00 less 115.20: bonus first, then principal.
  assert.is(answer.fields[54], '0210156C0000000984800290156C0000000984800291156C000000000000');
  assert.is(await host.available(card.accountId), 984_80);
  // Why it is that price is kept with it: 1 % of 115.20 by contract.
  const [row] = await host.rows('transactions');
  assert.is(
    row?.trace57,
    'R10.1 applies 1280 rule|R10|A1|20261122;contract-rebate.0 contract:100 115;tier-points.0 tier-points:10000 0',
  );
});

flows('a terminal that does not speak DE57 gets the discount as slip lines and no DE57', async () => {
  host.rules.push(TENTH);
  await host.signIn(host.shop);
  const answer = await host.answer(saleFrame(host.shop, await host.card(), 128_00));
  assert.is(answer.fields[57], undefined);
  assert.is(answer.fields[54], '0210156C000000098480');
  assert.match(answer.fields[63] ?? '', /优惠 12\.80.*实付 115\.20.*返利 1\.15/);
});

flows('a sale above the balance is declined with 51, and remembered', async () => {
  await host.signIn(host.shop);
  const card = await host.card({ principal: 10_00, bonus: 0 });
  const answer = await host.answer(saleFrame(host.shop, card, 10_01));
  assert.is(answer.fields[39], '51');
  assert.is(answer.fields[64], unionPayMac(host.shop.mak, answer.macData ?? Buffer.alloc(0)));
  assert.is(await host.available(card.accountId), 10_00);
  const [row] = await host.rows('transactions');
  assert.equal([row?.state, row?.responseCode], ['declined', '51']);
});

flows('wrong PINs: 55, 55, 75, then 75 for the right one, until an administrator resets it', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const wrong = async () =>
    (await host.answer(saleFrame(host.shop, card, 1_00, host.shop.swipe(card, '111111')))).fields[39];
  assert.equal([await wrong(), await wrong(), await wrong()], ['55', '55', '75']);
  assert.is((await host.answer(saleFrame(host.shop, card, 1_00))).fields[39], '75');
  assert.is((await host.rows('cards'))[0]?.pinTries, 3);
});

flows('a right PIN ends the row of wrong ones', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const wrong = async () =>
    (await host.answer(balanceFrame(host.shop, card, host.shop.swipe(card, '111111')))).fields[39];
  assert.equal([await wrong(), await wrong()], ['55', '55']);
  assert.is((await host.answer(saleFrame(host.shop, card, 1_00))).fields[39], '00');
  assert.equal([await wrong(), await wrong()], ['55', '55']);
});

flows('a PIN that is set and not sent is 55 and counts no try', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 1_00, { 22: '022', 26: '', 52: '', 53: '' });
  assert.is((await host.answer(frame)).fields[39], '55');
  assert.is((await host.rows('cards'))[0]?.pinTries, 0);
});

flows('a void is the exact mirror of its sale', async () => {
  host.rules.push(TENTH);
  await host.signIn(host.shop, 'TEST 1');
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 128_00));
  const answer = await host.answer(voidFrame(host.shop, sale));
  assert.is(answer.fields[39], '00');
  assert.is(itemsOf(answer)['PA'], '000000011520');
  assert.is(await host.available(card.accountId), 1_100_00);
  assert.equal(
    (await host.rows('transactions')).map((row) => `${row.kind} ${row.state}`),
    ['sale voided', 'void approved'],
  );
  const used = await host.deps.store.read({ counters: [`rule|R10|${card.accountId}|20261122`] });
  assert.is(
    used.counters.get(`rule|R10|${card.accountId}|20261122`),
    0,
    'the capped rule has its budget back',
  );
});

flows('a void needs DE37, amount and card of its original: 25, 64, 25; a second void is 12', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const other = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 50_00));
  const code = async (fields: Record<number, string>) =>
    (await host.answer(voidFrame(host.shop, sale, fields))).fields[39];
  assert.is(await code({ 37: '019999999999' }), '25');
  assert.is(await code({ 4: '000000005001' }), '64');
  assert.is(await code({ 35: other.track2, 22: '022' }), '25');
  assert.is(await code({ 35: card.track2, 22: '022' }), '00');
  assert.is(await code({}), '12');
});

flows(
  'refunds go back at the original rates, by any terminal of the merchant, up to the original',
  async () => {
    host.rules.push(TENTH);
    await host.signIn(host.shop);
    await host.signIn(host.second, 'TEST 1');
    const card = await host.card();
    const sale = await host.answer(saleFrame(host.shop, card, 128_00));
    const half = await host.answer(refundFrame(host.second, card, sale, 64_00));
    assert.is(half.mti, '0230');
    assert.equal(
      [half.fields[39], itemsOf(half)['PA'], itemsOf(half)['RA']],
      ['00', '000000005760', '000000000058'],
    );
    assert.is((await host.answer(refundFrame(host.second, card, sale, 64_01))).fields[39], '64');
    assert.is(
      (await host.answer(voidFrame(host.shop, sale))).fields[39],
      '12',
      'what is refunded in part is not voided',
    );
    assert.is((await host.answer(refundFrame(host.second, card, sale, 64_00))).fields[39], '00');
    assert.is(await host.available(card.accountId), 1_100_00);
  },
);

flows('a rebate that was paid and spent is kept from what the refund gives, and shown', async () => {
  await host.signIn(host.shop, 'TEST 1');
  const card = await host.card({ principal: 200_00, bonus: 0 });
  const sale = await host.answer(saleFrame(host.shop, card, 100_00));
  const row = (await host.rows('transactions')).find((transaction) => transaction.kind === 'sale');
  const [account] = await host.rows('accounts');
  if (row === undefined || account === undefined) throw new Error('both are there');
  // The clearing paid the rebate of 1.00 into a bonus lot of its own, and the holder spent it since.
  const lot = {
    lotId: `rebate-RUN1-${card.accountId}`,
    accountId: card.accountId,
    purse: 'bonus' as const,
    salePointId: 'S1',
    loadedOn: '20261122',
    expiresOn: null,
    registered: true,
    loaded: fen(1_00),
    remaining: fen(1_00),
  };
  const stamp = {
    entryId: 'paid-1',
    businessDate: '20261122',
    cause: { kind: 'run', id: 'RUN1' },
    at: row.at,
    branchId: null,
    terminalId: null,
  } as const;
  const paid = rebatePaidEntry(stamp, { accountId: card.accountId, amount: fen(1_00), lotId: lot.lotId });
  const changes = {
    transactions: [{ ...row, rebateRun: 'RUN1', version: row.version + 1 }],
    accounts: [{ ...account, version: account.version + 1 }],
    lots: [lot],
    entries: [paid],
  };
  await host.deps.store.commit([{ guards: [], changes, journal: [] }]);
  assert.is((await host.answer(saleFrame(host.shop, card, 1_00))).fields[39], '00');

  const answer = await host.answer(refundFrame(host.shop, card, sale, 100_00));
  assert.is(answer.fields[39], '00');
  assert.is(await host.available(card.accountId), 100_00 + 99_00, 'a hundred less the rebate that is gone');
  assert.is(itemsOf(answer)['TX'], '扣返利 1.00');
});

flows("a refund finds no other merchant's sale, and no other account's: 25", async () => {
  await host.signIn(host.shop);
  await host.signIn(host.hotel);
  const card = await host.card();
  const other = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 10_00));
  assert.is((await host.answer(refundFrame(host.hotel, card, sale, 1_00))).fields[39], '25');
  assert.is((await host.answer(refundFrame(host.shop, other, sale, 1_00))).fields[39], '25');
  assert.is(
    (await host.answer(refundFrame(host.shop, card, sale, 1_00, { 61: '0000000000001121' }))).fields[39],
    '25',
  );
});

flows('a reversal undoes its sale once, and answers 00 again and again', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 30_00));
  const original = { de3: '000000', amount: 30_00, trace: sale.fields[11] ?? '', type: '22' };
  const answer = await host.answer(reversalFrame(host.shop, original));
  assert.is(answer.mti, '0410');
  assert.is(answer.fields[39], '00');
  assert.is(answer.fields[64], unionPayMac(host.shop.mak, answer.macData ?? Buffer.alloc(0)));
  assert.is(await host.available(card.accountId), 1_100_00);
  assert.is((await host.answer(reversalFrame(host.shop, original))).fields[39], '00');
  assert.is(await host.available(card.accountId), 1_100_00);
  assert.is((await host.rows('entries')).length, 3, 'load, sale, reversal');
});

flows('sign-off, echo and status are answered in 0830', async () => {
  await host.signIn(host.shop);
  for (const code of ['002', '301', '362']) {
    const { buildBody, wrap } = await import('./wire-terminal.fixture.ts');
    const answer = await host.answer(
      wrap(buildBody('0820', { 41: host.shop.id, 42: SHOP, 60: host.shop.de60('00', code) })),
    );
    assert.equal([answer.mti, answer.fields[39]], ['0830', '00'], code);
  }
});

flows.run();
