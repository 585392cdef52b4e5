import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness } from '../shop.fixture.ts';
import { ask, saleOf } from './till.fixture.ts';

const CNY = { currency: 'CNY' } as const;

async function shop() {
  const host = new TestHost();
  const opened = await openShopForBusiness({ host });
  return { ...opened, host, till: opened.terminal.till };
}

const operations = suite('the till: each operation');

operations('void names its sale by requestId, or by voucher; a second void is told why not', async () => {
  const { till, host } = await shop();
  await till.handle(saleOf('request-0001'));
  const voided = await till.handle(ask('void', 'voiding-0001', { orig: { requestId: 'request-0001' } }));
  assert.equal([voided.state, voided.transaction?.approvedFen], ['approved', 12800]);
  const again = await till.handle(ask('void', 'voiding-0002', { orig: { voucher: '000002' } }));
  assert.equal([again.state, again.code], ['failed', 'NOT_ALLOWED_NOW']);
  assert.is(host.standing('void'), 12800);
});

operations("a sale's answer stays approved when another request voids it", async () => {
  const { till } = await shop();
  const sold = await till.handle(saleOf('request-0001'));
  await till.handle(ask('void', 'voiding-0001', { orig: { requestId: 'request-0001' } }));
  assert.equal(await till.handle(ask('status', 'request-0001')), sold);
});

operations('a void of a closed batch is refused: its voucher may be another sale by now', async () => {
  const { till } = await shop();
  await till.handle(saleOf('request-0001'));
  await till.handle(ask('settle', 'settle-00001'));
  const { state, code } = await till.handle(
    ask('void', 'voiding-0001', { orig: { requestId: 'request-0001' } }),
  );
  assert.equal([state, code], ['refused', 'NOT_FOUND']);
});

operations('refund in part, also after the batch is closed, by requestId or as on the slip', async () => {
  const { till, host } = await shop();
  const sold = await till.handle(saleOf('request-0001'));
  await till.handle(ask('settle', 'settle-00001'));
  const refund = { amountFen: 64_00, ...CNY };
  const first = await till.handle(
    ask('refund', 'refund-00001', { ...refund, orig: { requestId: 'request-0001' } }),
  );
  const { rrn, hostDate } = sold.transaction ?? {};
  const second = await till.handle(
    ask('refund', 'refund-00002', { ...refund, orig: { rrn, date: hostDate } }),
  );
  assert.equal([first.state, second.state], ['approved', 'approved']);
  assert.equal(
    host.received.filter(({ mti }) => mti === '0220').map((message) => message.get(37)),
    [rrn, rrn],
  );
  assert.is(host.standing('refund'), 12800);
});

operations('pre-authorisation, its completion by requestId, and a void by code and date', async () => {
  const { till, host } = await shop();
  const held = { amountFen: 100_00, ...CNY };
  await till.handle(ask('preauth', 'preauth-0001', held));
  const completed = await till.handle(
    ask('complete', 'complete-001', { amountFen: 80_00, ...CNY, orig: { requestId: 'preauth-0001' } }),
  );
  assert.equal([completed.state, completed.transaction?.approvedFen], ['approved', 8000]);
  await till.handle(ask('preauth', 'preauth-0002', held));
  const voided = await till.handle(
    ask('preauth-void', 'preauth-0003', { ...held, orig: { auth: 'A12345', date: '1122' } }),
  );
  assert.is(voided.state, 'approved');
  assert.is(host.standing('completion'), 8000);
});

operations('an original must be approved, and of the kind that the operation is about', async () => {
  const { till, host } = await shop();
  host.declineNext = '51';
  await till.handle(saleOf('request-0001'));
  await till.handle(saleOf('request-0002'));
  const about = (requestId: string) => ({ amountFen: 100, ...CNY, orig: { requestId } });
  const codes = [
    await till.handle(ask('refund', 'refund-00001', about('request-0001'))),
    await till.handle(ask('complete', 'complete-001', about('request-0002'))),
    await till.handle(ask('refund', 'refund-00002', about('request-0009'))),
  ].map(({ state, code }) => `${state} ${code}`);
  assert.equal(codes, ['refused NOT_ALLOWED_NOW', 'refused NOT_ALLOWED_NOW', 'refused NOT_FOUND']);
});

operations('balance: what the card holds, journalled as the answer', async () => {
  const { till } = await shop();
  const answer = await till.handle(ask('balance', 'balance-0001'));
  assert.equal([answer.state, answer.transaction?.balanceFen], ['approved', 98765]);
  assert.equal(await till.handle(ask('status', 'balance-0001')), answer);
});

operations('a balance that nobody answers has failed: nothing is owed for it', async () => {
  const { till, host } = await shop();
  host.mischief = [{ mti: '0200', lose: true }];
  const { state, final, code, retryable } = await till.handle(ask('balance', 'balance-0001'));
  assert.equal([state, final, code, retryable], ['failed', true, 'HOST_SILENT', true]);
});

operations('settle says what the slip says, and cannot be aborted', async () => {
  const { till } = await shop();
  await till.handle(saleOf('request-0001'));
  const settling = till.handle(ask('settle', 'settle-00001'));
  await Promise.resolve();
  assert.is((await till.handle(ask('abort', 'settle-00001'))).code, 'NOT_ALLOWED_NOW');
  const { state, final, facts } = await settling;
  assert.equal([state, final], ['done', true]);
  assert.equal(facts, {
    batch: 7,
    balanced: true,
    debitFen: 12800,
    debitCount: 1,
    creditFen: 0,
    creditCount: 0,
  });
});

operations('sign-on, totals, device-status and display', async () => {
  const { till, terminal } = await shop();
  assert.equal((await till.handle(ask('sign-on', 'sign-on-0001'))).facts, { batch: 7 });
  await till.handle(saleOf('request-0001'));
  const { facts } = await till.handle({ v: 1, op: 'totals' });
  assert.equal([facts?.['debitFen'], facts?.['debitCount']], [12800, 1]);
  const devices = await till.handle({ v: 1, op: 'device-status' });
  assert.equal(
    [
      devices.state,
      devices.facts?.['reader'],
      devices.facts?.['operator'],
      devices.facts?.['unacknowledged'],
    ],
    ['done', 'ready', '01', 2],
  );
  assert.is((await till.handle({ v: 1, op: 'display', lines: ['欢迎 WELCOME'] })).state, 'done');
  assert.is(terminal.state.tillRequests.length, 2);
});

operations('what has no flow here is refused as not supported, and not remembered', async () => {
  const { till, terminal } = await shop();
  for (const op of ['load', 'activate', 'points-redeem']) {
    const { state, code, retryable } = await till.handle(ask(op, 'request-0001'));
    assert.equal([state, code, retryable], ['refused', 'NOT_SUPPORTED', false]);
  }
  assert.is(terminal.state.tillRequests.length, 0);
});

operations.run();

const shapes = suite('the till: a request that does not fit is refused, and says which member');

// biome-ignore format: a table is read by column
for (const [sentence, request, detail] of [
  ['no object',                       'sale',                                            'must be object'],
  ['another version',                 { ...saleOf('request-0001'), v: 2 },               '/v'],
  ['a member that nobody knows',      { ...saleOf('request-0001'), tip: 1 },             '/tip: no such member'],
  ['an operation that nobody knows',  ask('dance', 'request-0001'),                      '/op: one of sale'],
  ['yuan as a fraction',              saleOf('request-0001', 12.8),                      '/amountFen'],
  ['a text as amount',                { ...saleOf('request-0001'), amountFen: '1280' },  '/amountFen'],
  ['nothing to pay',                  saleOf('request-0001', 0),                         '/amountFen'],
  ['more than DE4 carries',           saleOf('request-0001', 1_000_000_000_000),         '/amountFen'],
  ['another currency',                { ...saleOf('request-0001'), currency: 'USD' },    '/currency'],
  ['a requestId that is too short',   saleOf('short'),                                   '/requestId'],
  ['a requestId with a space',        saleOf('request 0001'),                            '/requestId'],
  ['a cashier as long as a card number', { ...saleOf('request-0001'), cashier: '6277880000000016' }, '/cashier'],
  ['a sale without an amount',        ask('sale', 'request-0001', { currency: 'CNY' }),  'sale needs amountFen'],
  ['a sale without a cashier',        { ...saleOf('request-0001'), cashier: undefined }, 'sale needs cashier'],
  ['a void with an amount',           ask('void', 'request-0001', { amountFen: 1, currency: 'CNY', orig: { voucher: '000001' } }), 'void takes no amountFen'],
  ['a void without its original',     ask('void', 'request-0001'),                       'void needs orig'],
  ['a void by reference number',      ask('void', 'request-0001', { orig: { rrn: 'R00000000002', date: '1122' } }), 'orig of void is requestId, or voucher'],
  ['a refund by half a reference',    ask('refund', 'request-0001', { amountFen: 1, currency: 'CNY', orig: { rrn: 'R00000000002' } }), 'orig of refund is requestId, or rrn + date'],
  ['an unknown way to print',         saleOf('request-0001', 1, { options: { print: 'fax' } }), '/options/print'],
  ['a wait beyond its range',         saleOf('request-0001', 1, { options: { timeoutS: 301 } }), '/options/timeoutS'],
  ['a card number as a member',       { ...saleOf('request-0001'), '6277880000000016': 1 }, 'no such member'],
  ['an abort without a till',         { v: 1, op: 'abort', requestId: 'request-0001' },  'abort needs tillId'],
] as const) {
  shapes(sentence, async () => {
    const { till, terminal } = await shop();
    const answer = await till.handle(request);
    assert.equal([answer.state, answer.code, answer.final], ['refused', 'REQUEST_BAD', false]);
    assert.ok(answer.en.includes(detail), answer.en);
    assert.not.match(JSON.stringify(answer), '6277880000000016');
    assert.is(terminal.state.tillRequests.length, 0);
  });
}

shapes.run();
