import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, TestClerk, TestPad } from '../shop.fixture.ts';

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

pads.run();
