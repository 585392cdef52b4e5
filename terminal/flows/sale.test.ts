import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDe57 } from '../../protocol/index.ts';
import { TestPad } from '../devices.fixture.ts';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness, PAN, TestClerk } from '../shop.fixture.ts';

const sales = suite('sale: 0200 000000');

sales('is in the journal before it is sent, and again before it is printed', async () => {
  const host = new TestHost();
  const { terminal, happened } = await openShopForBusiness({ host });
  const result = await terminal.command('sale 128');
  assert.is(result.code, '00');
  assert.equal(
    happened.filter((what) => what !== 'sent 0800'),
    [
      'journal transaction sent',
      'sent 0200',
      'journal approved',
      'journal printing',
      'printed',
      'journal printed',
      'journal printing',
      'printed',
      'journal printed',
    ],
  );
});

sales('carries the catalogue row, the card by its track, and the PIN block with DE26 and DE53', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 128.50');
  const request = host.received.at(-1);
  const seen = [3, 4, 22, 25, 26, 41, 42, 49, 52, 53, 60].map((field) => request?.get(field));
  assert.equal(seen, [
    '000000',
    '000000012850',
    '021',
    '00',
    '12',
    '12345678',
    '898410000000001',
    '156',
    '1122334455667788',
    '2600000000000000',
    '22000007000',
  ]);
  assert.ok(request?.get(35)?.startsWith(`${PAN}D3012701`));
  assert.is(request?.has(2), false, 'a swiped card goes as track 2 alone');
});

sales('names itself and the journal head to a host that speaks DE57, and to no other', async () => {
  for (const speaksDe57 of [true, false]) {
    const host = new TestHost();
    host.speaksDe57 = speaksDe57;
    const { terminal } = await openShopForBusiness({ host });
    const headBefore = terminal.journalHead;
    await terminal.command('sale 1');
    const items = parseDe57(host.received.at(-1)?.get(57) ?? '');
    const expected = speaksDe57
      ? [
          ['TH', headBefore],
          ['UT', terminal.state.transactions[0]?.ut],
        ]
      : [];
    assert.equal(items, expected);
  }
});

sales('goes without PIN fields when the holder has none', async () => {
  const host = new TestHost();
  const pad = new TestPad();
  pad.pin = 'bypassed';
  const { terminal } = await openShopForBusiness({ host, pad });
  await terminal.command('sale 5');
  const request = host.received.at(-1);
  assert.equal(
    [22, 26, 52, 53].map((field) => request?.get(field)),
    ['022', undefined, undefined, undefined],
  );
});

sales('that is cancelled at any prompt leaves no trace of money and takes no trace number', async () => {
  const host = new TestHost();
  const pad = new TestPad();
  pad.pin = 'cancel';
  const { terminal, happened } = await openShopForBusiness({ host, pad });
  const before = terminal.state.nextTrace;
  assert.is((await terminal.command('sale 5')).code, 'CANCELLED');
  assert.is((await terminal.command('sale')).code, 'CANCELLED');
  assert.equal(
    happened.filter((what) => what.startsWith('sent 0200')),
    [],
  );
  assert.is(terminal.state.nextTrace, before);
  assert.equal(terminal.state.transactions, []);
});

sales('needs no reversal when the host cannot be reached: nothing was sent', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.goAway();
  assert.is((await terminal.command('sale 5')).code, 'HOST_UNREACHABLE');
  assert.equal(terminal.state.transactions, []);
});

sales('is closed by a decline under a right MAC', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', code: '51' }];
  const result = await terminal.command('sale 5');
  assert.is(result.code, '51');
  assert.is(terminal.state.transactions[0]?.state, 'declined');
  assert.is(terminal.state.transactions[0]?.sealedCard, null, 'nothing needs the card any more');
});

sales('asks about missing paper before it asks for authorisation, and the operator decides', async () => {
  const host = new TestHost();
  const clerk = new TestClerk();
  const { terminal, printer } = await openShopForBusiness({ host, clerk });
  printer.status = { ...printer.status, paper: 'out' };
  clerk.answers.noPaper = '0';
  assert.is((await terminal.command('sale 5')).code, 'CANCELLED');
  assert.equal(terminal.state.transactions, []);
  clerk.answers.noPaper = '1';
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is(terminal.state.slips[0]?.copies[0]?.state, 'spooled');
});

sales('takes what a partial approval approved, never more than was asked', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', code: '10', fields: { 4: '000000000300' } }];
  await terminal.command('sale 5');
  assert.is(terminal.state.transactions[0]?.answer?.amount, 300);
  host.mischief = [{ mti: '0200', code: '10', fields: { 4: '000000000700' } }];
  await terminal.command('sale 5');
  assert.is(terminal.state.transactions[1]?.state, 'reversalDue');
});

sales('never puts the full card number, the track or the PIN block into the journal', async () => {
  const host = new TestHost();
  const { terminal, disk } = await openShopForBusiness({ host });
  await terminal.command('sale 5');
  await terminal.command('refund 1 ref=R00000000002 date=1122');
  const text = Buffer.concat([...disk.files.values()]).toString();
  assert.is(text.includes(PAN), false);
  assert.is(text.includes('12300000'), false);
  assert.is(text.includes('1122334455667788'), false);
  assert.ok(text.includes('627788******0016'));
});

sales('shows and logs a card number only masked, whatever goes wrong', async () => {
  const host = new TestHost();
  const { terminal, said, logged, prints } = await openShopForBusiness({ host });
  host.mischief = [
    { mti: '0200', wrongMac: true },
    { mti: '0400', code: '96' },
  ];
  const results = [
    await terminal.command('sale 5'),
    await terminal.command('sale 6'),
    await terminal.command('list'),
  ];
  const text = [...said, ...logged, ...prints, JSON.stringify(results)].join('\n');
  assert.is(text.includes(PAN), false);
  assert.is(text.includes('1122334455667788'), false);
  assert.ok(logged.length > 0 && text.includes('627788******0016'));
});

sales.run();

const answers = suite('answers: nothing without a right MAC closes a transaction');

// biome-ignore format: a table is read by column
for (const [sentence, mischief, reason] of [
  ['owes a reversal with 98 for silence',                         { lose: true },                          '98'],
  ['owes one with A0 for a wrong MAC',                            { wrongMac: true },                      'A0'],
  ['owes one with A0 for a missing MAC, also of a decline',       { noMac: true, code: '51' },             'A0'],
  ['owes one with 06 when DE4 of the answer differs',             { fields: { 4: '000000000501' } },       '06'],
  ['owes one with 06 when the first two digits of DE3 differ',    { fields: { 3: '200000' } },             '06'],
] as const) {
  answers(sentence, async () => {
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host });
    host.mischief = [{ mti: '0200', ...mischief }];
    const result = await terminal.command('sale 5');
    assert.is(result.ok, false);
    const [one] = terminal.state.transactions;
    assert.is(one?.state, 'reversalDue');
    assert.is(one?.reversal?.reason, reason);
  });
}

answers('never shows the code of an approval that proves nothing', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', wrongMac: true }];
  const result = await terminal.command('sale 5');
  assert.is(result.code, 'HOST_SILENT');
  assert.is(/approved|成功/.test(result.zh + result.en), false);
});

answers('accepts an answer whose DE3 differs after the first two digits', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', fields: { 3: '000099' } }];
  assert.is((await terminal.command('sale 5')).code, '00');
});

answers('ignores the second copy of an answer, and an answer of another trace', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', twice: true }];
  assert.is((await terminal.command('sale 5')).code, '00');
  assert.is((await terminal.command('sale 6')).code, '00');
  host.mischief = [{ mti: '0200', fields: { 11: '999999' } }];
  const result = terminal.command('sale 7');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(terminal.state.transactions.at(-1)?.state, 'sent', 'it waits on for its own answer');
  assert.is(await Promise.race([result, Promise.resolve('still waiting')]), 'still waiting');
});

answers('shows A0, signs in before the next message, and sends the reversal all the same', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.mischief = [{ mti: '0200', noMac: true, code: 'A0' }];
  const result = await terminal.command('sale 5');
  assert.is(result.code, 'A0');
  await terminal.command('sale 6');
  assert.equal(
    host.received.slice(-4).map(({ mti }) => mti),
    ['0200', '0800', '0400', '0200'],
  );
  assert.is(host.received.at(-2)?.get(39), 'A0');
});

answers.run();
