import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDe57 } from '../../protocol/index.ts';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, PAN, TestClerk } from '../shop.fixture.ts';

const reversals = suite('reversal: 0400');

async function withDebt(options: { readonly clerk?: TestClerk } = {}) {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host, ...options });
  host.mischief = [{ mti: '0200', lose: true }];
  await shop.terminal.command('sale 128');
  return { host, shop, terminal: shop.terminal };
}

reversals(
  'goes first, before the next transaction, and names the original by its own trace and batch',
  async () => {
    const { host, terminal } = await withDebt();
    assert.is((await terminal.command('sale 5')).code, '00');
    const [sale, reversal, next] = host.received.slice(-3);
    assert.equal([sale?.mti, reversal?.mti, next?.mti], ['0200', '0400', '0200']);
    for (const field of [3, 4, 11, 22, 25, 41, 42, 49, 60]) assert.is(reversal?.get(field), sale?.get(field));
    assert.is(reversal?.get(39), '98');
    assert.is(Number(next?.get(11)), Number(sale?.get(11)) + 1, 'a reversal takes no trace of its own');
    assert.is(host.standing('sale'), 500);
    assert.is(terminal.state.transactions[0]?.state, 'reversed');
  },
);

reversals('carries the card by number and never 26, 35, 36, 52 or 53', async () => {
  const { host, terminal } = await withDebt();
  await terminal.command('sale 5');
  const reversal = host.received.find(({ mti }) => mti === '0400');
  assert.is(reversal?.get(2), PAN);
  assert.is(reversal?.get(14), '3012');
  assert.equal(
    [26, 35, 36, 37, 52, 53, 63].filter((field) => reversal?.has(field)),
    [],
  );
  assert.ok(reversal?.has(64));
});

reversals("carries the original's UT, and every request while it is open names it as OW", async () => {
  const { host, terminal } = await withDebt();
  host.mischief = [{ mti: '0400', lose: true }];
  const one = terminal.state.transactions[0];
  await terminal.command('sale 5');
  const reversal = host.received.find(({ mti }) => mti === '0400');
  const items = parseDe57(reversal?.get(57) ?? '');
  assert.is(items.find(([tag]) => tag === 'UT')?.[1], one?.ut);
  assert.is(items.find(([tag]) => tag === 'OW')?.[1], `${'000007'}${one?.trace}${one?.ut}000000012800`);
});

reversals('names no UT that its original was not sent with, though the host speaks DE57 by now', async () => {
  const host = new TestHost();
  host.speaksDe57 = false;
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', lose: true }];
  await terminal.command('sale 128');
  host.speaksDe57 = true;
  await terminal.command('signin');
  await terminal.command('sale 5');
  await terminal.command('fate 2');
  const [sale, reversal, next, query] = host.received.filter(({ mti }) => mti === '0200' || mti === '0400');
  const uts = [sale, reversal, next, query].map((message) =>
    parseDe57(message?.get(57) ?? '').filter(([tag]) => tag === 'UT'),
  );
  assert.equal([uts[0]?.length, uts[1]?.length, uts[2]?.length, uts[3]?.length], [0, 0, 1, 0]);
});

for (const code of ['00', '12', '25']) {
  reversals(`is closed by ${code} under a right MAC`, async () => {
    const { host, terminal } = await withDebt();
    host.reversalCode = code;
    await terminal.command('sale 5');
    assert.is(terminal.state.transactions[0]?.state, 'reversed');
  });
}

reversals('is not closed by 00 without a right MAC, nor by 64, 94 or 96', async () => {
  for (const mischief of [
    { wrongMac: true },
    { noMac: true },
    { code: '64' },
    { code: '94' },
    { code: '96' },
  ]) {
    const clerk = new TestClerk();
    const { host, terminal } = await withDebt({ clerk });
    host.mischief = [1, 2, 3].map(() => ({ mti: '0400', ...mischief }));
    clerk.answers.reversalDecision = '0';
    const result = await terminal.command('sale 5');
    assert.is(result.code, 'NOT_ALLOWED_NOW');
    assert.is(terminal.state.transactions[0]?.state, 'decisionDue');
  }
});

reversals('asks an operator after three tries: another round may be tried', async () => {
  const clerk = new TestClerk();
  const { host, terminal } = await withDebt({ clerk });
  host.mischief = [1, 2, 3].map(() => ({ mti: '0400', lose: true }));
  clerk.answers.reversalDecision = '1';
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is(clerk.said.filter((line) => line === '? reversalDecision').length, 1);
  assert.is(host.received.filter(({ mti }) => mti === '0400').length, 4);
  assert.is(host.standing('sale'), 500);
});

reversals(
  'that a supervisor sets aside blocks nothing, keeps being sent, and is named at settlement',
  async () => {
    const clerk = new TestClerk();
    const { host, shop, terminal } = await withDebt({ clerk });
    host.reversalCode = '94';
    clerk.answers.reversalDecision = '2';
    assert.is((await terminal.command('sale 5')).code, '00');
    assert.is(terminal.state.transactions[0]?.state, 'setAside');
    assert.is(terminal.state.transactions[0]?.reversal?.setAsideBy, '00');
    const sentBefore = host.received.filter(({ mti }) => mti === '0400').length;
    assert.is((await terminal.command('settle')).code, '00');
    assert.is(host.received.filter(({ mti }) => mti === '0400').length, sentBefore + 1);
    assert.ok(shop.prints.at(-1)?.includes('REVERSAL OPEN'), 'the settlement slip names it');
    assert.is(terminal.state.batch, 8);
    assert.is(terminal.state.transactions[0]?.state, 'setAside', 'it lives on in the next batch');
    host.reversalCode = null;
    await terminal.command('sale 6');
    assert.is(terminal.state.transactions.find(({ batch }) => batch === 7)?.state, 'reversed');
    assert.is(host.received.findLast(({ mti }) => mti === '0400')?.get(60), '22000007000');
  },
);

reversals('that waits for a decision may be sent at once, and its answer closes it', async () => {
  const clerk = new TestClerk();
  const { host, terminal } = await withDebt({ clerk });
  host.reversalCode = '96';
  clerk.answers.reversalDecision = '0';
  await terminal.command('sale 5');
  assert.is(terminal.state.transactions[0]?.state, 'decisionDue');
  host.reversalCode = null;
  assert.equal(
    [(await terminal.command('reversal send')).ok, terminal.state.transactions[0]?.state],
    [true, 'reversed'],
  );
});

reversals('blocks the settlement until it is resolved', async () => {
  const clerk = new TestClerk();
  const { host, terminal } = await withDebt({ clerk });
  host.reversalCode = '96';
  const result = await terminal.command('settle');
  assert.is(result.code, 'NOT_ALLOWED_NOW');
  assert.equal(
    host.received.filter(({ mti }) => mti === '0500'),
    [],
  );
  assert.is(terminal.state.settlement, null);
  host.reversalCode = null;
  clerk.answers.reversalDecision = '1';
  await terminal.command('reversal decide');
  assert.is((await terminal.command('settle')).code, '00');
});

reversals('survives a restart with its tries counted', async () => {
  const clerk = new TestClerk();
  const { host, shop, terminal } = await withDebt({ clerk });
  host.reversalCode = '96';
  clerk.answers.reversalDecision = '0';
  await terminal.command('sale 5');
  const { disk, pad, printer, clock } = shop;
  const again = await openShop({ host, disk, pad, printer, clock, clerk });
  assert.is(again.terminal.state.transactions[0]?.reversal?.tries, 3);
  assert.is(again.terminal.recovery.reversalsOpen, 1);
});

reversals('uses up no try while the host cannot be reached', async () => {
  const { host, terminal } = await withDebt();
  host.goAway();
  assert.is((await terminal.command('sale 5')).code, 'HOST_UNREACHABLE');
  assert.is(terminal.state.transactions[0]?.reversal?.tries, 0);
});

reversals('of a request that never came closes with 25, and the late original is refused', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', loseRequest: true }];
  await terminal.command('sale 128');
  await terminal.command('sale 5');
  assert.is(terminal.state.transactions[0]?.state, 'reversed');
  assert.is(host.burnt.size, 1);
});

reversals(
  'goes out without the card when an exchanged PIN pad cannot open what the old one sealed',
  async () => {
    const { host, shop, terminal } = await withDebt();
    shop.pad.opensSealed = false;
    assert.is((await terminal.command('sale 5')).code, '00');
    assert.is(host.received.find(({ mti }) => mti === '0400')?.has(2), false);
  },
);

reversals.run();
