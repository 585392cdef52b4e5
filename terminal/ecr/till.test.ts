import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, PAN } from '../shop.fixture.ts';
import { ask, kept, saleOf } from './till.fixture.ts';
import { UNREAD_MAX } from './till.ts';

const HOUR_MS = 3_600_000;

const sales = suite('the till: a sale');

sales(
  'is answered with state, code, masked card, numbers and figures, and once more by status and last',
  async () => {
    const { terminal } = await openShopForBusiness({ host: new TestHost() });
    const answer = await terminal.till.handle(saleOf('request-0001'));
    assert.equal(
      [answer.state, answer.final, answer.code, answer.retryable],
      ['approved', true, '00', false],
    );
    const { ut, ...told } = answer.transaction ?? { ut: '' };
    assert.equal(told, {
      card: '627788******0016',
      batch: 7,
      voucher: '000002',
      rrn: 'R00000000002',
      auth: 'A12345',
      hostDate: '1122',
      hostTime: '120000',
      requestedFen: 12800,
      approvedFen: 12800,
      discountFen: null,
      paidFen: null,
      rebateFen: null,
      pointsEarned: null,
      balanceFen: 98765,
    });
    assert.is(ut, terminal.state.transactions[0]?.ut);
    const status = await terminal.till.handle({ v: 1, op: 'status', requestId: 'request-0001' });
    const last = await terminal.till.handle({ v: 1, op: 'last', tillId: 'till-1' });
    assert.is(JSON.stringify(status), JSON.stringify(answer));
    assert.is(JSON.stringify(last), JSON.stringify(answer));
  },
);

sales('has one effect however often the same body comes; its members may come in another order', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  const answer = await terminal.till.handle(saleOf('request-0001'));
  const turned = Object.fromEntries(Object.entries(saleOf('request-0001')).reverse());
  assert.is(JSON.stringify(await terminal.till.handle(turned)), JSON.stringify(answer));
  assert.is(host.standing('sale'), 12800);
});

sales('is refused when its requestId came with another body, and the first one stands', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.till.handle(saleOf('request-0001'));
  const other = await terminal.till.handle(saleOf('request-0001', 129_00));
  assert.equal([other.state, other.code, other.transaction], ['refused', 'OTHER_BODY', null]);
  assert.is(host.standing('sale'), 12800);
});

sales(
  'is on the disk before anything happens for it, and its transaction names it before it is sent',
  async () => {
    const { terminal, happened, disk } = await openShopForBusiness({ host: new TestHost() });
    await terminal.till.handle(saleOf('request-0001', 128_00, { options: { print: 'terminal' } }));
    assert.equal(happened.slice(-11), [
      'journal till request accepted',
      'journal transaction sent',
      'sent 0200',
      'journal approved',
      'journal printing',
      'printed',
      'journal printed',
      'journal printing',
      'printed',
      'journal printed',
      'journal till request finished',
    ]);
    const journal = Buffer.concat([...disk.files.values()]).toString();
    const sent = journal.split('\n').find((line) => line.includes('"type":"transaction sent"')) ?? '';
    assert.match(sent, '"requestId":"request-0001"');
    assert.not.match(journal, PAN);
  },
);

sales('that the host declines is final with its code; the journal knows it as well', async () => {
  const host = new TestHost();
  host.mischief = [{ mti: '0200', code: '51' }];
  const { terminal } = await openShopForBusiness({ host });
  const answer = await terminal.till.handle(saleOf('request-0001'));
  assert.equal([answer.state, answer.final, answer.code], ['declined', true, '51']);
  assert.is(answer.transaction?.approvedFen, null);
});

sales('without an answer is unknown, and becomes final as reversed when its reversal is closed', async () => {
  const host = new TestHost();
  host.mischief = [{ mti: '0200', lose: true }];
  const { terminal } = await openShopForBusiness({ host });
  const unknown = await terminal.till.handle(saleOf('request-0001'));
  assert.equal([unknown.state, unknown.final, unknown.code], ['unknown', false, 'UNKNOWN']);
  assert.is((await terminal.till.handle(saleOf('request-0001'))).state, 'unknown');
  assert.is((await terminal.till.handle(ask('ack', 'request-0001'))).code, 'NOT_ALLOWED_NOW');
  await terminal.command('reversal send');
  const answer = await terminal.till.handle(ask('status', 'request-0001'));
  assert.equal([answer.state, answer.final, answer.code], ['reversed', true, 'REVERSED']);
  assert.is(host.standing('sale'), 0);
});

sales('that a settlement reverses keeps its answer although its batch is closed', async () => {
  const host = new TestHost();
  host.mischief = [{ mti: '0200', lose: true }];
  const shop = await openShopForBusiness({ host });
  await shop.terminal.till.handle(saleOf('request-0001'));
  assert.is((await shop.terminal.command('settle')).code, '00');
  const answer = await shop.terminal.till.handle(ask('status', 'request-0001'));
  assert.equal([answer.state, answer.final], ['reversed', true]);
  const again = await openShop(kept(shop, host));
  assert.is(JSON.stringify(await again.terminal.till.handle(saleOf('request-0001'))), JSON.stringify(answer));
});

sales('keeps its answer over a restart and over two closed batches', async () => {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  const answer = await shop.terminal.till.handle(saleOf('request-0001'));
  await shop.terminal.till.handle(ask('settle', 'settle-00001'));
  await shop.terminal.command('settle');
  const again = await openShop(kept(shop, host));
  assert.is(JSON.stringify(await again.terminal.till.handle(saleOf('request-0001'))), JSON.stringify(answer));
  assert.is(again.terminal.state.transactions.length, 0);
});

sales.run();

const memory = suite('the till: how long an answer is kept');

memory('an acknowledged answer stays for 48 hours after its end, then its requestId is free', async () => {
  const host = new TestHost();
  const { terminal, clock } = await openShopForBusiness({ host });
  const { till } = terminal;
  await till.handle(saleOf('request-0001'));
  assert.is((await till.handle(ask('ack', 'request-0001'))).state, 'approved');
  clock.time += 47 * HOUR_MS;
  await till.handle(saleOf('request-0002'));
  assert.is((await till.handle(saleOf('request-0001'))).state, 'approved');
  assert.is(host.standing('sale'), 2 * 12800);
  clock.time += 2 * HOUR_MS;
  await till.handle(saleOf('request-0003'));
  assert.is((await till.handle(ask('status', 'request-0001'))).code, 'NOT_FOUND');
  assert.is((await till.handle(ask('status', 'request-0002'))).state, 'approved');
});

memory('an answer that nobody acknowledges is kept for ever', async () => {
  const { terminal, clock } = await openShopForBusiness({ host: new TestHost() });
  const answer = await terminal.till.handle(saleOf('request-0001'));
  clock.time += 10_000 * HOUR_MS;
  await terminal.till.handle(saleOf('request-0002'));
  const later = await terminal.till.handle(ask('status', 'request-0001'));
  assert.is(JSON.stringify(later), JSON.stringify(answer));
});

memory(
  'an acknowledgement is asked for once, by the till that asked, and only of what is final',
  async () => {
    const { terminal, happened } = await openShopForBusiness({ host: new TestHost() });
    const { till } = terminal;
    await till.handle(saleOf('request-0001'));
    const other = await till.handle(ask('ack', 'request-0001', { tillId: 'till-2' }));
    assert.equal([other.state, other.code], ['refused', 'NOT_FOUND']);
    assert.is((await till.handle(ask('ack', 'request-9999'))).code, 'NOT_FOUND');
    await till.handle(ask('ack', 'request-0001'));
    await till.handle(ask('ack', 'request-0001'));
    assert.is(happened.filter((act) => act === 'journal till request acknowledged').length, 1);
  },
);

memory(`a new request is refused while ${UNREAD_MAX} are not acknowledged, and none is dropped`, async () => {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  for (let count = 0; count < UNREAD_MAX; count += 1) {
    await shop.terminal.till.handle(ask('reprint', `reprint-${String(count).padStart(4, '0')}`));
  }
  const refused = await shop.terminal.till.handle(saleOf('request-0001'));
  assert.equal([refused.state, refused.code], ['refused', 'TOO_MANY_UNREAD']);
  assert.is(host.standing('sale'), 0);
  assert.is((await shop.terminal.till.handle(ask('status', 'reprint-0000'))).final, true);
  await shop.terminal.till.handle(ask('ack', 'reprint-0000'));
  assert.is((await shop.terminal.till.handle(saleOf('request-0001'))).state, 'approved');
});

memory.run();
