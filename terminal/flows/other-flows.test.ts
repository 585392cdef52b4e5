import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness, TestClerk } from '../shop.fixture.ts';

const others = suite('void, refund, pre-authorisation, management');

others('a void names DE37, DE61 and the whole amount, asks for a supervisor and no card', async () => {
  const host = new TestHost();
  const clerk = new TestClerk();
  const { terminal } = await openShopForBusiness({ host, clerk });
  await terminal.command('sale 128');
  assert.is((await terminal.command('void 000002')).code, '00');
  const [sale, request] = host.received.slice(-2);
  assert.equal([request?.get(4), request?.get(61)], ['000000012800', `000007${sale?.get(11)}`]);
  assert.is(request?.get(37), terminal.state.transactions[0]?.answer?.rrn);
  assert.equal(
    [2, 35, 52].filter((field) => request?.has(field)),
    [],
  );
  assert.ok(clerk.said.includes('? supervisor'));
  assert.is(terminal.state.transactions[0]?.state, 'voided');
  assert.is((await terminal.command('void 2')).code, 'NOT_ALLOWED_NOW');
});

others('a void without a right supervisor password does nothing', async () => {
  const host = new TestHost();
  const clerk = new TestClerk();
  clerk.answers.supervisorPassword = '123456';
  const { terminal } = await openShopForBusiness({ host, clerk });
  await terminal.command('sale 128');
  assert.is((await terminal.command('void 2')).code, 'OPERATOR_REFUSED');
  assert.is(host.received.at(-1)?.get(3), '000000');
});

others("a refund of another terminal's sale has zeros for batch and trace, and 000 in DE63", async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  assert.is((await terminal.command('refund 3.20 ref=X00000000009 date=1103')).code, '00');
  const request = host.received.at(-1);
  assert.equal(
    [request?.get(37), request?.get(61), request?.get(63)],
    ['X00000000009', '0000000000001103', '000'],
  );
});

others('a completion names DE38, DE61 with the date, and asks for no PIN', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('preauth 200');
  assert.is((await terminal.command('complete 150 auth=A12345')).code, '00');
  const [held, request] = host.received.slice(-2);
  assert.equal([held?.mti, held?.get(25), held?.get(60)?.slice(0, 2)], ['0100', '06', '10']);
  assert.equal([request?.mti, request?.get(38), request?.get(60)?.slice(0, 2)], ['0200', 'A12345', '20']);
  assert.is(request?.get(61), `000007${held?.get(11)}1122`);
  assert.is(request?.has(52), false);
  assert.is((await terminal.command(`void ${request?.get(11)}`)).code, '00');
  assert.is(host.received.at(-1)?.get(60)?.slice(0, 2), '21');
  assert.is((await terminal.command('preauth-void 200 auth=A12345')).code, '00');
});

others('echo, status and sign-off take no trace', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  const before = terminal.state.nextTrace;
  for (const line of ['echo', 'status send', 'signoff']) assert.is((await terminal.command(line)).code, '00');
  assert.is(terminal.state.nextTrace, before);
  assert.equal(
    host.received.slice(-3).map((message) => [message.has(11), message.get(60)?.slice(8)]),
    [
      [false, '301'],
      [false, '362'],
      [false, '002'],
    ],
  );
  assert.is((await terminal.command('sale 1')).code, 'NOT_SIGNED_IN');
});

others('a batch that the host counts otherwise (77) is adopted by the sign-in that 77 forces', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 1');
  host.batch = 12;
  assert.is((await terminal.command('sale 2')).code, '77');
  assert.is((await terminal.command('sale 3')).code, '00');
  assert.is(terminal.state.batch, 12);
  assert.equal(
    terminal.state.transactions.map(({ amount }) => amount),
    [300],
  );
});

others('a wish of the host in header digit 6 is served after the transaction', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.wanted = 3;
  assert.is((await terminal.command('sale 1')).code, '00');
  host.wanted = 0;
  await terminal.command('sale 2');
  assert.equal(
    host.received.slice(-2).map(({ mti }) => mti),
    ['0800', '0200'],
  );
});

others(
  'a slip that stops in its middle is completed as a reprint with the mark, the money untouched',
  async () => {
    const host = new TestHost();
    const { terminal, printer, prints } = await openShopForBusiness({ host });
    printer.tearsAfter = 4;
    assert.is((await terminal.command('sale 128')).code, '00');
    printer.status = { ...printer.status, paper: 'enough' };
    assert.is((await terminal.command('paper')).facts['printed'], 1);
    const marked = prints.map((text) => [text.includes('DUPLICATED'), text.includes('CARDHOLDER COPY')]);
    assert.equal(marked, [
      [false, false],
      [true, false],
      [false, true],
    ]);
    assert.is(host.standing('sale'), 12_800);
    assert.is(host.received.filter(({ mti }) => mti === '0200').length, 1);
  },
);

others.run();
