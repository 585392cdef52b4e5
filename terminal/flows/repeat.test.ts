import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, PAN, TestClerk } from '../shop.fixture.ts';

const repeats = suite('repeats: 0220 until it is answered');

const REFUND = 'refund 64 ref=R00000000002 date=1122';

/** A sale, and a refund of half of it whose answer is lost. */
async function withRepeat(clerk = new TestClerk()) {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host, clerk });
  await shop.terminal.command('sale 128');
  host.mischief = [{ mti: '0220', lose: true }];
  await shop.terminal.command(REFUND);
  return { host, clerk, shop, terminal: shop.terminal };
}

const refundOf = (terminal: { state: { transactions: readonly { kind: string; state: string }[] } }) =>
  terminal.state.transactions.find(({ kind }) => kind === 'refund')?.state;

repeats('go out before the next transaction, and what stays open does not hold it up', async () => {
  const { host, terminal } = await withRepeat();
  host.mischief = [{ mti: '0220', lose: true }];
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is(refundOf(terminal), 'repeatDue');
  assert.is((await terminal.command('sale 6')).code, '00');
  assert.is(refundOf(terminal), 'approved');
  assert.is(host.standing('refund'), 6_400);
});

for (const code of ['03', '30', '40', '58', '77', '96', '97', 'A0']) {
  repeats(`are not closed by ${code}, which judges nothing: the first sending may stand`, async () => {
    const { host, terminal } = await withRepeat();
    host.mischief = [{ mti: '0220', code }];
    await terminal.command('sale 5');
    assert.is(refundOf(terminal), 'repeatDue');
    assert.is((await terminal.command('settle')).facts['balanced'], true);
  });
}

repeats('are closed by a decline under a right MAC', async () => {
  const { host, terminal } = await withRepeat();
  host.mischief = [{ mti: '0220', code: '64' }];
  await terminal.command('sale 5');
  assert.is(refundOf(terminal), 'declined');
});

repeats(
  'that a supervisor sets aside when the tries are used up keep being sent, block no settlement, and are named there',
  async () => {
    const { host, clerk, shop, terminal } = await withRepeat();
    assert.is((await terminal.command('repeat decide')).code, 'NOT_ALLOWED_NOW', 'it has tries left');
    host.mischief = Array.from({ length: 9 }, () => ({ mti: '0220', wrongMac: true }));
    assert.is((await terminal.command('settle')).code, 'NOT_ALLOWED_NOW');
    clerk.answers.repeatDecision = '2';
    assert.is((await terminal.command('repeat decide')).facts['open'], 1);
    assert.ok(clerk.said.includes('? supervisor'));
    assert.is(refundOf(terminal), 'repeatAside');

    const sent = () => host.received.filter(({ mti }) => mti === '0220').length;
    const before = sent();
    assert.is((await terminal.command('settle')).code, '00');
    assert.is(sent(), before + 1, 'it was sent once more before the 0500');
    assert.ok(shop.prints.at(-1)?.includes('REPEAT OPEN'), 'the settlement slip names it');
    assert.equal([terminal.state.batch, refundOf(terminal)], [8, 'repeatAside']);

    host.mischief = [];
    assert.is((await terminal.command('sale 5')).code, '00');
    assert.is(refundOf(terminal), 'approved');
    assert.equal([host.received.at(-2)?.mti, host.received.at(-2)?.get(60)], ['0220', '25000007000']);
    assert.is(host.standing('refund'), 6_400, 'it counted once');
  },
);

repeats('that are set aside survive a restart', async () => {
  const { host, clerk, shop, terminal } = await withRepeat();
  host.mischief = Array.from({ length: 9 }, () => ({ mti: '0220', lose: true }));
  await terminal.command('settle');
  clerk.answers.repeatDecision = '2';
  await terminal.command('repeat decide');
  const { disk, pad, printer, clock } = shop;
  const again = await openShop({ host, disk, pad, printer, clock, clerk });
  assert.equal([again.terminal.recovery.repeatsOpen, refundOf(again.terminal)], [1, 'repeatAside']);
});

repeats('whose card an exchanged PIN pad cannot open hold up no sale; a supervisor decides', async () => {
  const { host, clerk, shop } = await withRepeat();
  const { disk, pad, printer, clock } = shop;
  const { terminal } = await openShop({ host, disk, pad, printer, clock, clerk });
  pad.opensSealed = false;
  for (const yuan of [5, 6, 7]) assert.is((await terminal.command(`sale ${yuan}`)).code, '00');
  assert.is(host.received.filter(({ mti }) => mti === '0220').length, 1);
  assert.is((await terminal.command('settle')).code, 'NOT_ALLOWED_NOW');
  clerk.answers.repeatDecision = '2';
  await terminal.command('repeat decide');
  assert.is((await terminal.command('settle')).code, '00');
  pad.opensSealed = true;
  await terminal.command('sale 8');
  assert.is(refundOf(terminal), 'approved');
  assert.is(host.received.findLast(({ mti }) => mti === '0220')?.get(2), PAN);
});

repeats.run();
