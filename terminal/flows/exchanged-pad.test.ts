import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildDe57 } from '../../protocol/index.ts';
import { TestPad } from '../devices.fixture.ts';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, TestClerk } from '../shop.fixture.ts';

const pads = suite('a PIN pad that was exchanged or reset');

/** The shop, started again with another pad at its line. */
async function withAnotherPad(
  prepare: (host: TestHost, terminal: { command(line: string): Promise<unknown> }) => Promise<unknown>,
) {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  await prepare(host, shop.terminal);
  const pad = new TestPad();
  pad.opensSealed = false;
  const clerk = new TestClerk();
  const { disk, printer, clock } = shop;
  const again = await openShop({ host, disk, printer, clock, pad, clerk });
  return { host, pad, clerk, terminal: again.terminal };
}

pads('signs in by itself, and a reversal goes out without its card: the clerk is told', async () => {
  const { host, clerk, terminal } = await withAnotherPad((host, counter) => {
    host.mischief = [{ mti: '0200', lose: true }];
    return counter.command('sale 128');
  });
  assert.is((await terminal.command('sale 5')).code, '00');
  const reversal = host.received.find(({ mti }) => mti === '0400');
  assert.equal([reversal?.has(2), reversal?.get(39)], [false, '98']);
  assert.ok(clerk.said.some((line) => line.includes('卡号无法解密:冲正不带卡号发送')));
  assert.is(host.standing('sale'), 500);
});

pads('uploads its batch with 0 for card numbers that it cannot open, and says how many', async () => {
  const { host, clerk, terminal } = await withAnotherPad(async (_host, counter) => {
    for (const yuan of [1, 2, 3]) await counter.command(`sale ${yuan}`);
  });
  host.totalsOverride = { ...host.totals(), debitCount: 9 };
  assert.is((await terminal.command('settle')).code, '00');
  assert.is(terminal.state.batch, 8);
  assert.ok(clerk.said.some((line) => line.includes('3笔交易的卡号无法解密')));
  assert.ok(clerk.said.some((line) => line.includes('3 card numbers cannot be opened')));
});

pads('without a master key nothing is sent, nothing is lost, and everybody is told what to do', async () => {
  const { host, pad, clerk, terminal } = await withAnotherPad((host, counter) => {
    host.mischief = [{ mti: '0200', lose: true }];
    return counter.command('sale 128');
  });
  pad.hasMasterKey = false;
  for (const line of ['sale 5', 'signin', 'settle', 'reversal send']) {
    const result = await terminal.command(line);
    assert.is(result.code, 'KEY_UNKNOWN', line);
    assert.ok(result.en.includes('load the master key'), `${line}: ${result.en}`);
  }
  assert.ok(clerk.said.some((line) => line.includes('密码键盘没有主密钥(TMK)')));
  assert.is(host.received.filter(({ mti }) => mti === '0400').length, 0);
  pad.hasMasterKey = true;
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is(terminal.state.transactions[0]?.state, 'reversed');
});

/** A refund whose answer was lost, and whose card nobody can open any more. */
async function withLostRefund(how: { readonly lose?: true; readonly loseRequest?: true }) {
  const scene = await withAnotherPad(async (host, counter) => {
    await counter.command('sale 128');
    host.mischief = [{ mti: '0220', ...how }];
    await counter.command('refund 64 ref=R00000000002 date=1122');
  });
  const { host } = scene;
  const fate = (fields: Record<number, string>, code = '00') => {
    host.mischief = [{ mti: '0200', code, fields }];
  };
  const refund = () => scene.terminal.state.transactions.find(({ kind }) => kind === 'refund');
  return { ...scene, fate, refund };
}

const AMOUNT = '000000006400';
const fateItem = (text: string) => buildDe57([['FA', text]]);

pads('a refund that the host approved is closed by its word, with a slip', async () => {
  const { terminal, clerk, fate, refund, host } = await withLostRefund({ lose: true });
  fate({ 4: AMOUNT, 37: 'R00000000003', 57: fateItem('022020000000A') });
  assert.is((await terminal.command('repeat send')).facts['open'], 0);
  assert.equal([refund()?.state, refund()?.answer?.rrn], ['approved', 'R00000000003']);
  assert.ok(clerk.said.includes('? supervisor'));
  assert.is(host.received.filter(({ mti }) => mti === '0220').length, 1);
  assert.ok(terminal.state.slips.some(({ id }) => id === refund()?.ut));
  assert.is((await terminal.command('settle')).facts['balanced'], true);
});

pads('a refund that never came is burnt by the question: it is made anew, and counts once', async () => {
  const { terminal, clerk, fate, refund } = await withLostRefund({ loseRequest: true });
  fate({ 57: buildDe57([['V1', 'X']]) }, '25');
  assert.is((await terminal.command('repeat send')).facts['open'], 0);
  assert.equal([refund()?.state, refund()?.answer?.code], ['declined', '25']);
  assert.ok(clerk.said.some((line) => line.includes('make it anew if it is still owed')));
});

for (const [sentence, fields] of [
  ['is in progress', { 4: AMOUNT, 57: fateItem('022020000000P') }],
  ['had another amount', { 4: '000000000001', 57: fateItem('022020000000A') }],
  ['is not named', { 4: AMOUNT, 57: buildDe57([['V1', 'X']]) }],
] as const) {
  pads(`a refund of which the host says that it ${sentence} stays open`, async () => {
    const { terminal, fate, refund } = await withLostRefund({ lose: true });
    fate(fields);
    assert.is((await terminal.command('repeat send')).code, 'NOT_ALLOWED_NOW');
    assert.is(refund()?.state, 'repeatDue');
  });
}

pads('the host is not asked without a supervisor: the question may burn what is owed', async () => {
  const { terminal, clerk, refund, host } = await withLostRefund({ lose: true });
  clerk.answers.supervisorPassword = '9999';
  const before = host.received.length;
  assert.is((await terminal.command('repeat send')).code, 'OPERATOR_REFUSED');
  assert.is(refund()?.state, 'repeatDue');
  assert.is(host.received.slice(before).filter(({ mti }) => mti === '0200').length, 0);
});

pads.run();
