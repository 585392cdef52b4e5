import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildDe57, buildDe63, parseDe57 } from '../protocol/index.ts';
import { TestPad } from './devices.fixture.ts';
import { TestHost } from './host.fixture.ts';
import { CASHIER_PASSWORD, openShop, openShopForBusiness, PAN, TestClerk } from './shop.fixture.ts';
import { terminalTables } from './tables.ts';

const commands = suite('commands: what a clerk may type');

commands('are known by both names, and an unknown word is told with a way out', async () => {
  const { terminal, said } = await openShopForBusiness({ host: new TestHost() });
  assert.is((await terminal.command('消费 5')).code, '00');
  assert.is((await terminal.command('help')).ok, true);
  assert.ok(said.some((line) => line.includes('退货  refund YUAN')));
  const unknown = await terminal.command('sell 5');
  assert.equal([unknown.code, unknown.en], ['INPUT_BAD', 'there is no command "sell" (help)']);
});

commands('run one at a time', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const first = terminal.command('sale 5');
  assert.is((await terminal.command('sale 6')).code, 'NOT_ALLOWED_NOW');
  assert.is((await first).code, '00');
});

commands('balance shows what the card holds, prints nothing and counts nowhere', async () => {
  const host = new TestHost();
  const { terminal, prints } = await openShopForBusiness({ host });
  const result = await terminal.command('balance');
  assert.equal([result.code, result.facts['balance']], ['00', 98_765]);
  assert.is(host.received.at(-1)?.has(4), false);
  assert.equal(prints, []);
  assert.is((await terminal.command('settle')).facts['debitCount'], 0);
});

commands('balance that stays unanswered owes nothing', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', lose: true }];
  assert.is((await terminal.command('balance')).code, 'HOST_SILENT');
  assert.is(terminal.state.transactions[0]?.state, 'unanswered');
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is(host.received.filter(({ mti }) => mti === '0400').length, 0);
});

commands("fate asks by the original's DE61 and UT, and shows the host's word", async () => {
  const host = new TestHost();
  const { terminal, said } = await openShopForBusiness({ host });
  await terminal.command('sale 5');
  host.mischief = [{ mti: '0200', fields: { 4: '000000000500', 57: buildDe57([['FA', '020000000000A']]) } }];
  const result = await terminal.command('fate 2');
  assert.equal([result.code, result.facts['fate']], ['00', 'A']);
  const request = host.received.at(-1);
  const ut = parseDe57(request?.get(57) ?? '').find(([tag]) => tag === 'UT')?.[1];
  assert.equal([request?.get(61), ut], ['000007000002', terminal.state.transactions[0]?.ut]);
  assert.ok(said.some((line) => line.includes('the host says: approved (00)')));
});

commands(
  'fate is refused while the transaction resolves itself: the query would burn its identity',
  async () => {
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host });
    await terminal.command('sale 128');
    host.mischief = [1, 2].map(() => ({ mti: '0220', lose: true }));
    await terminal.command('refund 64 ref=R00000000002 date=1122');
    assert.is((await terminal.command('fate 3')).code, 'NOT_ALLOWED_NOW');
    assert.is((await terminal.command('fate 77')).code, 'NOT_FOUND');
  },
);

commands('reprint puts the mark on every copy', async () => {
  const { terminal, prints } = await openShopForBusiness({ host: new TestHost() });
  await terminal.command('sale 5');
  assert.is((await terminal.command('reprint 2')).ok, true);
  assert.equal(
    prints.map((text) => text.includes('DUPLICATED')),
    [false, false, true, true],
  );
  assert.is((await terminal.command('reprint 99')).code, 'NOT_FOUND');
});

commands('reversal shows what is open and sends it on demand', async () => {
  const host = new TestHost();
  const { terminal, said } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', lose: true }];
  await terminal.command('sale 5');
  assert.is((await terminal.command('reversal')).facts['open'], 1);
  assert.ok(
    said.some((line) => line.includes('应退给持卡人5.00元 卡号627788******0016 凭证号000002(批次7)')),
  );
  assert.ok(said.some((line) => line.includes('owed to the cardholder: 5.00 yuan, card 627788******0016')));
  assert.is((await terminal.command('reversal send')).facts['open'], 0);
});

commands('keyed entry is off by default, and DE2 with DE14 and DE22 01 when it is on', async () => {
  const clerk = new TestClerk();
  clerk.answers = { cardNumber: PAN, expiry: '3012' };
  const off = await openShopForBusiness({ host: new TestHost(), clerk });
  assert.is((await off.terminal.command('sale 5 keyed')).code, 'NOT_ALLOWED_NOW');
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host, clerk, settings: { keyedEntry: true } });
  assert.is((await terminal.command('sale 5 keyed')).code, '00');
  const request = host.received.at(-1);
  assert.equal(
    [2, 14, 22, 35].map((field) => request?.get(field)),
    [PAN, '3012', '011', undefined],
  );
  clerk.answers = { cardNumber: `${PAN.slice(0, -1)}0`, expiry: '3012' };
  assert.is((await terminal.command('sale 5 keyed')).code, 'PAN_BAD');
  clerk.answers = { cardNumber: PAN, expiry: '3013' };
  assert.is((await terminal.command('sale 5 keyed')).code, 'INPUT_BAD');
});

for (const amount of ['0', '-5', '1.234', 'five']) {
  commands(`sale of ${amount} yuan is refused before the card is asked for`, async () => {
    const { terminal, said } = await openShopForBusiness({ host: new TestHost() });
    assert.is((await terminal.command(`sale ${amount}`)).code, 'AMOUNT_BAD');
    assert.is(
      said.some((line) => line.includes('swipe')),
      false,
    );
  });
}

commands('a batch asks for settlement at its setting', async () => {
  const { terminal, said } = await openShopForBusiness({ host: new TestHost(), settings: { batchAsk: 2 } });
  for (const amount of [1, 2, 3]) await terminal.command(`sale ${amount}`);
  assert.is(said.filter((line) => line.includes('settle soon')).length, 1);
});

commands("the host's wishes for a status and for settlement are served or told", async () => {
  const host = new TestHost();
  const { terminal, said } = await openShopForBusiness({ host });
  host.wanted = 9;
  await terminal.command('sale 1');
  assert.ok(said.some((line) => line.includes('asks for settlement')));
  host.wanted = 2;
  await terminal.command('sale 2');
  assert.is(host.received.at(-1)?.get(60)?.slice(8), '362');
});

commands(
  'an exchanged PIN pad holds no keys: the terminal signs in by itself before the next message',
  async () => {
    const host = new TestHost();
    const { terminal, pad, disk, clock, printer } = await openShopForBusiness({ host });
    pad.key = null;
    assert.is((await terminal.command('sale 1')).code, 'KEY_UNKNOWN');
    assert.is((await terminal.command('sale 2')).code, '00');
    const restarted = await openShop({ host, disk, clock, printer, pad: new TestPad() });
    assert.is(restarted.terminal.state.signInDue, 'A0');
  },
);

commands('a printer that is back prints what is pending without being told', async () => {
  const { terminal, printer, prints, faults } = await openShopForBusiness({ host: new TestHost() });
  printer.tearsAfter = 3;
  await terminal.command('sale 5');
  printer.status = { ...printer.status, paper: 'enough' };
  for (const tell of faults) tell('printer', 'ready', 'READY AGAIN');
  await terminal.command('status');
  assert.is(prints.length, 2, 'a command waits for one copy, not for all');
  await terminal.command('status');
  assert.is(prints.length, 3);
  assert.is((await terminal.command('paper')).facts['printed'], 0);
});

commands(
  'status tells the clerk in both tongues what stands, and nothing that only a program reads',
  async () => {
    const { terminal, said } = await openShopForBusiness({ host: new TestHost() });
    await terminal.command('sale 128');
    const before = said.length;
    const { facts } = await terminal.command('status');
    const told = said.slice(before).join('\n');
    assert.match(told, /读卡器 ready/);
    assert.match(told, /last: voucher \d{6} 128\.00 approved/);
    assert.not.match(told, /[{}]|null/);
    assert.equal([facts['openReversals'], facts['lastState']], [0, 'approved']);
  },
);

commands('slip lines come from DE63 for a host that does not speak DE57', async () => {
  const host = new TestHost();
  host.speaksDe57 = false;
  const { terminal, prints } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', fields: { 63: buildDe63('CUP', ['折扣 12.80', '实付 115.20']) } }];
  await terminal.command('sale 128');
  assert.ok(prints[0]?.includes('实付 115.20'));
});

commands('the cashier who logs off leaves nothing that can sell', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  await terminal.command('logoff');
  assert.is((await terminal.command('sale 5')).code, 'OPERATOR_REFUSED');
  assert.is((await terminal.command(`logon 01 ${CASHIER_PASSWORD}`)).ok, true);
});

commands('the tables of the README name every command, question, state and setting', () => {
  const { commands: rows, states, prompts, settings } = terminalTables();
  assert.ok(rows?.includes('`sale YUAN`') && states?.includes('`decisionDue`'));
  assert.ok(prompts?.includes('`? noPaper`') && settings?.includes('`answerTimeoutSeconds` | s | 60'));
});

commands.run();
