import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, PAN, SUPERVISOR_PASSWORD, TestClerk } from '../shop.fixture.ts';

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

const judged = suite('repeats: each is judged anew before it is sent');

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const refundsSent = (host: TestHost) => host.received.filter(({ mti }) => mti === '0220');

for (const [sentence, ms] of [
  ['a terminal that was off for a month', 30 * DAY_MS],
  ['a clock that was put back by two hours, so that nobody knows its age', -2 * HOUR_MS],
] as const) {
  judged(`${sentence}: a supervisor must say that it is still owed`, async () => {
    const { host, clerk, shop } = await withRepeat();
    const { disk, pad, printer, clock } = shop;
    clock.time += ms;
    const { terminal } = await openShop({ host, disk, pad, printer, clock, clerk });
    assert.is((await terminal.command('sale 5')).code, '00', 'it holds up no sale');
    assert.is(refundsSent(host).length, 1, 'it was not sent again');
    assert.ok(
      clerk.said.some((line) => line.includes('64.00元 627788******0016 自2026-11-22 12:00:00未得应答')),
    );
    assert.is((await terminal.command('settle')).code, 'NOT_ALLOWED_NOW');

    clerk.answers.repeatDecision = '1';
    clerk.answers.supervisorPassword = '9999';
    assert.is((await terminal.command('repeat send')).code, 'OPERATOR_REFUSED');
    assert.is(refundsSent(host).length, 1);
    clerk.answers.supervisorPassword = SUPERVISOR_PASSWORD;
    assert.is((await terminal.command('repeat send')).facts['open'], 0);
    assert.is(refundOf(terminal), 'approved');
    assert.is(host.standing('refund'), 6_400);
    const text = Buffer.concat([...shop.disk.files.values()]).toString();
    assert.ok(text.includes('"type":"repeat confirmed"') && text.includes('"by":"00"'));
  });
}

judged('a confirmation is good until it is old itself', async () => {
  const { host, clerk, shop, terminal } = await withRepeat();
  shop.clock.time += 2 * DAY_MS;
  clerk.answers.repeatDecision = '1';
  host.mischief = [1, 2].map(() => ({ mti: '0220', lose: true }));
  await terminal.command('repeat decide');
  assert.is(refundsSent(host).length, 2);
  shop.clock.time += 23 * HOUR_MS;
  await terminal.command('balance');
  assert.is(refundsSent(host).length, 3, 'still fresh');
  shop.clock.time += 2 * HOUR_MS;
  await terminal.command('balance');
  assert.is(refundsSent(host).length, 3, 'old again');
});

judged(
  'an old one that is set aside is named at settlement, not sent, and may be confirmed later',
  async () => {
    const { host, clerk, shop, terminal } = await withRepeat();
    shop.clock.time += 2 * DAY_MS;
    clerk.answers.repeatDecision = '2';
    await terminal.command('repeat decide');
    assert.is(refundOf(terminal), 'repeatAside');
    assert.is((await terminal.command('settle')).code, '00');
    assert.ok(shop.prints.some((print) => print.includes('REPEAT OPEN')));
    assert.is(refundsSent(host).length, 1);
    clerk.answers.repeatDecision = '1';
    await terminal.command('repeat decide');
    assert.is(refundOf(terminal), 'approved');
  },
);

judged('after another sign-in: the same bytes under the new key', async () => {
  const { host, terminal } = await withRepeat();
  await terminal.command('signin');
  await terminal.command('sale 5');
  const bodies = host.bodies.filter((body) => body.subarray(0, 2).toString('hex') === '0220');
  assert.is(bodies.length, 2);
  const [first, second] = bodies.map((body) => body.toString('hex'));
  assert.is(first?.slice(0, -16), second?.slice(0, -16));
  assert.is.not(first?.slice(-16), second?.slice(-16));
  assert.is(refundOf(terminal), 'approved');
});

judged('after a batch that a sign-in adopted: it names its own', async () => {
  const { host, terminal } = await withRepeat();
  host.batch = 40;
  await terminal.command('signin');
  assert.is(terminal.state.batch, 40);
  await terminal.command('sale 5');
  assert.equal(
    refundsSent(host).map((one) => one.get(60)),
    ['25000007000', '25000007000'],
  );
  assert.is(refundOf(terminal), 'approved');
});

for (const isRestarted of [false, true]) {
  judged(
    `a host that speaks no DE57 any more gets none${isRestarted ? ', also after a restart' : ''}`,
    async () => {
      const { host, clerk, shop } = await withRepeat();
      const { disk, pad, printer, clock } = shop;
      host.speaksDe57 = false;
      const { terminal } = isRestarted ? await openShop({ host, disk, pad, printer, clock, clerk }) : shop;
      await terminal.command('signin');
      await terminal.command('sale 5');
      assert.equal(
        refundsSent(host).map((one) => one.has(57)),
        [true, false],
      );
      assert.is(refundOf(terminal), 'approved');
    },
  );
}

judged('the operator who made it need not be there any more', async () => {
  const { host, shop, terminal } = await withRepeat();
  await terminal.command(`logon 00 ${SUPERVISOR_PASSWORD}`);
  assert.is((await terminal.command('operator remove 01')).ok, true);
  await terminal.command('sale 5');
  assert.is(refundOf(terminal), 'approved');
  assert.is(host.standing('refund'), 6_400);
  await terminal.command('paper');
  const slip = shop.prints.find((print) => print.includes('REFUND')) ?? '';
  assert.match(slip, /OPERATOR NO\s+01/);
});

judged.run();
