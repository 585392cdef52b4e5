import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { maskPan, parseTrack2 } from '../../protocol/index.ts';
import { TestHost } from '../host.fixture.ts';
import {
  openShop,
  openShopForBusiness,
  PAN,
  SUPERVISOR_PASSWORD,
  TestClerk,
  TRACK2,
} from '../shop.fixture.ts';

/** Another invented card of the programme, with a right check digit. */
const OTHER_PAN = '6277880000000024';

/** A reader in which the test puts one card or the other. */
function twoCards() {
  const cards = { track: TRACK2 };
  const other = TRACK2.replace(PAN, OTHER_PAN);
  return {
    reader: {
      read: async () => ({ track2: parseTrack2(cards.track), track1Name: null }),
      state: () => 'ready' as const,
    },
    same: () => (cards.track = TRACK2),
    other: () => (cards.track = other),
  };
}

/** A sale of 128.00 without an answer, at a host that answers every 0400 with 96; the tries are used up. */
async function undecided(
  afterReversalTries: 'ask' | 'goOn',
  lost = 'sale 128',
  prepare: readonly string[] = [],
) {
  const host = new TestHost();
  const clerk = new TestClerk();
  clerk.answers.reversalDecision = '0';
  const { reader, same, other } = twoCards();
  const shop = await openShopForBusiness({ host, clerk, reader, settings: { afterReversalTries } });
  for (const line of prepare) await shop.terminal.command(line);
  host.mischief = [{ mti: lost.startsWith('preauth') ? '0100' : '0200', lose: true }];
  await shop.terminal.command(lost);
  host.reversalCode = '96';
  return { host, clerk, shop, same, other, terminal: shop.terminal, reader };
}

const sent = (host: TestHost, mti: string) => host.received.filter((one) => one.mti === mti).length;
const stateOf = (
  terminal: { state: { transactions: readonly { kind: string; state: string }[] } },
  kind: string,
) => terminal.state.transactions.findLast((one) => one.kind === kind)?.state;

const owed = suite('an owed reversal: the operator is told what, to whom, how much and since when');

owed('when the tries are used up, on the screen and on a slip', async () => {
  const { terminal, clerk, shop } = await undecided('ask');
  await terminal.command('sale 5');
  const told = clerk.said.find((line) => line.includes('冲正未成功')) ?? '';
  for (const part of [
    '应退给持卡人128.00元',
    maskPan(PAN),
    '凭证号000002(批次7)',
    '自2026-11-22 12:00:00',
    '已试3次,应答96',
  ])
    assert.ok(told.includes(part), `${part} in ${told}`);
  for (const part of [
    'owed to the cardholder: 128.00 yuan',
    'since 2026-11-22 12:00:00',
    'tried 3 times, answered 96',
  ])
    assert.ok(told.includes(part), `${part} in ${told}`);
  await terminal.command('paper');
  const slip = shop.prints.find((text) => text.includes('REVERSAL FAILED')) ?? '';
  assert.ok(
    slip.includes('应退给持卡人') && slip.includes('RMB 128.00') && slip.includes('2026-11-22 12:00:00'),
    slip,
  );
});

owed('the slip comes once for a debt, though another round and a supervisor follow', async () => {
  const { terminal, clerk, shop } = await undecided('ask');
  await terminal.command('sale 5');
  clerk.answers.reversalDecision = '1';
  clerk.said.length = 0;
  clerk.ask = async (prompt) => {
    clerk.answers.reversalDecision = clerk.said.includes('? again') ? '2' : '1';
    if (prompt === 'reversalDecision') clerk.said.push('? again');
    return clerk.answers[prompt] ?? '1';
  };
  await terminal.command('sale 6');
  await terminal.command('paper');
  assert.is(stateOf(terminal, 'sale'), 'approved');
  assert.is(terminal.state.transactions[0]?.state, 'setAside');
  assert.is(shop.prints.filter((text) => text.includes('REVERSAL FAILED')).length, 1);
});

owed('of a void it says that the merchant is owed: the sale stands again', async () => {
  const { terminal, clerk } = await undecided('ask', 'void 2', ['sale 128']);
  await terminal.command('sale 5');
  assert.ok(clerk.said.some((line) => line.includes('应归还商户(恢复原交易)128.00元')));
});

owed('is told again at every start', async () => {
  const { terminal, clerk, shop, host } = await undecided('goOn');
  await terminal.command('sale 5');
  clerk.said.length = 0;
  const { disk, pad, printer, clock } = shop;
  await openShop({ host, disk, pad, printer, clock, clerk });
  assert.ok(clerk.said.some((line) => line.includes('应退给持卡人128.00元')));
});

owed.run();

const ask = suite("afterReversalTries 'ask': nothing is sold until a person has decided");

ask('refuses also another card, and names the debt', async () => {
  const { terminal, other } = await undecided('ask');
  other();
  const result = await terminal.command('sale 5');
  assert.is(result.code, 'NOT_ALLOWED_NOW');
  assert.ok(result.en.includes('owed to the cardholder: 128.00 yuan'), result.en);
});

ask.run();

const goOn = suite(
  "afterReversalTries 'goOn': what is safe goes on, the reversal is sent before each transaction",
);

goOn('other cards buy, and nobody is asked', async () => {
  const { terminal, clerk, host, other } = await undecided('goOn');
  other();
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is(terminal.state.transactions[0]?.state, 'decisionDue');
  const before = sent(host, '0400');
  assert.is((await terminal.command('sale 6')).code, '00');
  assert.is(sent(host, '0400'), before + 1, 'sent once before the next transaction');
  assert.not.ok(clerk.said.includes('? reversalDecision'));
  assert.ok(clerk.said.some((line) => line.includes('1 reversals wait for a supervisor')));
});

goOn('an answer that closes it frees its card', async () => {
  const { terminal, host } = await undecided('goOn');
  assert.is((await terminal.command('sale 5')).code, 'NOT_ALLOWED_NOW');
  host.reversalCode = null;
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is(terminal.state.transactions[0]?.state, 'reversed');
});

goOn(
  'its own card waits for every transaction that moves money, with nothing sent, and may ask its balance',
  async () => {
    const { terminal, host, clerk } = await undecided('goOn');
    for (const line of [
      'sale 5',
      'preauth 5',
      'refund 5 ref=R00000000009 date=1122',
      'complete 5 auth=A12345 date=1122',
    ]) {
      const before = ['0100', '0200', '0220'].map((mti) => sent(host, mti));
      const result = await terminal.command(line);
      assert.is(result.code, 'NOT_ALLOWED_NOW', line);
      assert.ok(result.en.includes('owed to the cardholder: 128.00'), line);
      assert.equal(
        ['0100', '0200', '0220'].map((mti) => sent(host, mti)),
        before,
        line,
      );
    }
    assert.ok(clerk.said.some((line) => line.includes('本卡尚有冲正未完成')));
    assert.is((await terminal.command('balance')).code, '00');
  },
);

goOn('what a void left open lets nobody void, refund or complete the same original', async () => {
  const { terminal, other } = await undecided('goOn', 'void 2', ['sale 128']);
  other();
  assert.is((await terminal.command('void 2')).code, 'NOT_ALLOWED_NOW');
  assert.is((await terminal.command('refund 5 ref=R00000000002 date=1122')).code, 'NOT_ALLOWED_NOW');
  assert.is((await terminal.command('sale 5')).code, '00');
});

goOn('a transaction that names no card cannot be told apart, and waits', async () => {
  const host = new TestHost();
  const clerk = new TestClerk();
  const settings = { afterReversalTries: 'goOn', cardForCompletion: false } as const;
  const { terminal } = await openShopForBusiness({ host, clerk, settings });
  host.mischief = [{ mti: '0200', lose: true }];
  await terminal.command('sale 128');
  host.reversalCode = '96';
  assert.is((await terminal.command('complete 5 auth=B54321 date=1122')).code, 'NOT_ALLOWED_NOW');
});

goOn('a settlement waits for the supervisor, whose set-aside names the debt on its slip', async () => {
  const { terminal, clerk, shop, host, other } = await undecided('goOn');
  other();
  await terminal.command('sale 5');
  assert.is((await terminal.command('settle')).code, 'NOT_ALLOWED_NOW');
  assert.is(sent(host, '0500'), 0);
  clerk.answers.reversalDecision = '2';
  clerk.answers.supervisorPassword = SUPERVISOR_PASSWORD;
  await terminal.command('reversal decide');
  assert.is((await terminal.command('settle')).code, '00');
  assert.ok(shop.prints.some((text) => text.includes('SETTLEMENT SLIP') && text.includes('REVERSAL OPEN')));
  assert.is(terminal.state.transactions[0]?.state, 'setAside');
});

goOn('several debts at a silent host cost a transaction one time-out, not one each', async () => {
  const host = new TestHost();
  const clerk = new TestClerk();
  const { reader, other } = twoCards();
  const settings = { afterReversalTries: 'goOn', reversalTries: 1 } as const;
  const { terminal } = await openShopForBusiness({ host, clerk, reader, settings });
  for (const line of ['sale 1', 'preauth 2']) {
    host.mischief = [
      { mti: '0400', code: '96' },
      { mti: line.startsWith('pre') ? '0100' : '0200', lose: true },
    ];
    await terminal.command(line);
    other();
  }
  host.mischief = [
    { mti: '0400', code: '96' },
    { mti: '0400', code: '96' },
  ];
  await terminal.command('balance');
  assert.is(terminal.state.transactions.filter(({ state }) => state === 'decisionDue').length, 2);
  const before = sent(host, '0400');
  host.mischief = Array.from({ length: 5 }, () => ({ mti: '0400', lose: true }));
  await terminal.command('balance');
  assert.is(sent(host, '0400'), before + 1);
});

goOn.run();
