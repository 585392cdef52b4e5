import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError, parseTrack2 } from '../../protocol/index.ts';
import type { CardReader } from '../devices/ports.ts';
import { TestHost } from '../host.fixture.ts';
import { MemoryDisk, openShop, openShopForBusiness, PAN, type Shop, TRACK2 } from '../shop.fixture.ts';
import type { TillAnswer } from './model.ts';
import { UNREAD_MAX } from './till.ts';

const HOUR_MS = 3_600_000;
const WHO = { v: 1, tillId: 'till-1', cashier: 'anna' } as const;

/** A request for a sale; members may be replaced. */
function saleOf(requestId: string, amountFen = 128_00, more: object = {}) {
  return { ...WHO, op: 'sale', requestId, amountFen, currency: 'CNY', orderNo: 'A-1', ...more };
}
const ask = (op: string, requestId: string) => ({ ...WHO, op, requestId });

/** A shop whose reader waits until the test swipes, or the request is called back. */
async function shopWithPatientReader(host = new TestHost()) {
  let swipe: () => void = () => undefined;
  const reader: CardReader = {
    read: ({ signal }) =>
      new Promise((resolve, reject) => {
        const abort = () => reject(new PosError('CANCELLED', 'before the swipe'));
        if (signal.aborted) abort();
        signal.addEventListener('abort', abort);
        swipe = () => resolve({ track2: parseTrack2(TRACK2), track1Name: null });
      }),
    state: () => 'ready',
  };
  const shop = await openShopForBusiness({ host, reader });
  return { ...shop, host, swipe: () => swipe() };
}

/** What survives a restart. */
function kept(shop: Shop, host: TestHost) {
  const { disk, pad, printer, clock, clerk } = shop;
  return { host, disk, pad, printer, clock, clerk };
}

async function untilState(shop: Pick<Shop, 'terminal'>, requestId: string, state: string): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    if ((await shop.terminal.till.handle(ask('status', requestId))).state === state) return;
  }
  throw new Error(`${requestId} never was ${state}`);
}

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
