import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import type { PromptName } from '../clerk.ts';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness, SUPERVISOR_PASSWORD, TestClerk } from '../shop.fixture.ts';
import { ask, saleOf, shopWithPatientReader, untilState } from './till.fixture.ts';

const waiting = suite('the till: while a request runs');

waiting('its states come in order, and whoever watches is told each', async () => {
  const { till, reader, ...shop } = await shopWithPatientReader();
  const states: string[] = [];
  till.watch(({ state, final }) => states.push(final ? `${state}, final` : state));
  const answer = till.handle(saleOf('request-0001'));
  await untilState(shop, 'request-0001', 'waiting-card');
  reader.swipe();
  await answer;
  assert.equal(
    [...new Set(states)],
    ['accepted', 'waiting-card', 'waiting-pin', 'online', 'approved, final'],
  );
});

waiting('the same request again is told how it stands and does not wait', async () => {
  const { till, reader, host, ...shop } = await shopWithPatientReader();
  const first = till.handle(saleOf('request-0001'));
  const atOnce = await till.handle(saleOf('request-0001'));
  assert.equal([atOnce.state, atOnce.final], ['accepted', false]);
  await untilState(shop, 'request-0001', 'waiting-card');
  assert.is((await till.handle(saleOf('request-0001'))).state, 'waiting-card');
  assert.is((await till.handle(saleOf('request-0001', 1))).code, 'OTHER_BODY');
  reader.swipe();
  assert.is((await first).state, 'approved');
  assert.is(host.standing('sale'), 12800);
});

waiting('another request is BUSY and told which one runs; nothing of it is remembered', async () => {
  const { till, reader, ...shop } = await shopWithPatientReader();
  const first = till.handle(saleOf('request-0001'));
  await untilState(shop, 'request-0001', 'waiting-card');
  const busy = await till.handle(saleOf('request-0002'));
  assert.equal(
    [busy.state, busy.code, busy.retryable, busy.active],
    ['refused', 'BUSY', true, 'request-0001'],
  );
  assert.is((await till.handle(ask('status', 'request-0002'))).code, 'NOT_FOUND');
  assert.is((await shop.terminal.command('sale 5')).code, 'NOT_ALLOWED_NOW');
  reader.swipe();
  await first;
});

waiting("a command at the terminal makes tills BUSY too, and it is no request's", async () => {
  const { till, reader, terminal } = await shopWithPatientReader();
  const typed = terminal.command('sale 5');
  const busy = await till.handle(saleOf('request-0001'));
  assert.equal([busy.code, busy.active], ['BUSY', null]);
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  reader.swipe();
  assert.is((await typed).code, '00');
});

waiting('abort ends it while the card is waited for, and answers when it has ended', async () => {
  const { till, host, ...shop } = await shopWithPatientReader();
  const first = till.handle(saleOf('request-0001'));
  await untilState(shop, 'request-0001', 'waiting-card');
  const aborted = await till.handle(ask('abort', 'request-0001'));
  assert.equal([aborted.state, aborted.final, aborted.code], ['cancelled', true, 'ABORTED']);
  assert.is(JSON.stringify(await first), JSON.stringify(aborted));
  assert.is(host.kept.size, 0);
  const late = await till.handle(ask('abort', 'request-0001'));
  assert.equal([late.state, late.code, late.requestState], ['refused', 'NOT_ALLOWED_NOW', 'cancelled']);
});

waiting('abort is refused once it is online, with its state, and it ends as it ends', async () => {
  const { till, reader, ...shop } = await shopWithPatientReader();
  let refused = '';
  till.watch(({ state }) => {
    if (state !== 'online' || refused !== '') return;
    refused = 'asked';
    void till.handle(ask('abort', 'request-0001')).then(({ code, requestState }) => {
      refused = `${code} ${requestState ?? ''}`;
    });
  });
  const answer = till.handle(saleOf('request-0001'));
  await untilState(shop, 'request-0001', 'waiting-card');
  reader.swipe();
  assert.is((await answer).state, 'approved');
  assert.is(refused, 'NOT_ALLOWED_NOW online');
});

waiting('abort before the card is asked for sends nothing of it, also what needs no card', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.till.handle(saleOf('request-0001'));
  const voiding = terminal.till.handle(ask('void', 'voiding-0001', { orig: { requestId: 'request-0001' } }));
  assert.is((await terminal.till.handle(ask('abort', 'voiding-0001'))).code, 'ABORTED');
  assert.is((await voiding).state, 'cancelled');
  assert.is(host.standing('sale'), 12800);
  assert.is(terminal.state.transactions.length, 1);
});

waiting(
  'abort is looked at once more before the first byte, where neither card nor person is waited for',
  async () => {
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host, settings: { cardForCompletion: false } });
    const held = { amountFen: 100_00, currency: 'CNY' };
    await terminal.till.handle(ask('preauth', 'preauth-0001', held));
    const completing = terminal.till.handle(
      ask('complete', 'complete-001', { ...held, orig: { requestId: 'preauth-0001' } }),
    );
    const aborted = await terminal.till.handle(ask('abort', 'complete-001'));
    assert.equal([aborted.state, aborted.code, (await completing).code], ['cancelled', 'ABORTED', 'ABORTED']);
    assert.is(host.standing('completion'), 0);
  },
);

waiting('nobody with a card: timed-out, nothing was sent; timeoutS is how long it waits', async () => {
  const { till, reader, ...shop } = await shopWithPatientReader();
  const answer = till.handle(saleOf('request-0001', 100, { options: { timeoutS: 7 } }));
  await untilState(shop, 'request-0001', 'waiting-card');
  assert.is(reader.timeoutMs, 7000);
  reader.giveUp();
  const { state, final, code, retryable, transaction } = await answer;
  assert.equal(
    [state, final, code, retryable, transaction],
    ['timed-out', true, 'DEVICE_SILENT', true, null],
  );
});

waiting('the word at the keyboard ends it as the cancel key does, and a quit does not', async () => {
  const { till, terminal, ...shop } = await shopWithPatientReader();
  const answer = till.handle(saleOf('request-0001'));
  await untilState({ ...shop, terminal }, 'request-0001', 'waiting-card');
  assert.is((await terminal.command('quit')).code, 'NOT_ALLOWED_NOW');
  assert.is((await terminal.command('cancel')).ok, true);
  assert.equal([(await answer).state, (await answer).code], ['cancelled', 'CANCELLED']);
});

waiting('a host that cannot be reached: failed, nothing was sent, it may be tried again', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.goAway();
  const { state, final, code, retryable } = await terminal.till.handle(saleOf('request-0001'));
  assert.equal([state, final, code, retryable], ['failed', true, 'HOST_UNREACHABLE', true]);
});

waiting('nobody logged on at the terminal: failed, whatever the cashier is called', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  await terminal.command('logoff');
  const { state, code } = await terminal.till.handle(saleOf('request-0001'));
  assert.equal([state, code], ['failed', 'OPERATOR_REFUSED']);
});

waiting.run();

/** A clerk who answers nothing by himself: questions wait until the test answers, or they are withdrawn. */
class AbsentClerk extends TestClerk {
  asked: PromptName | null = null;
  withdrawn: PromptName | null = null;
  reply: (answer: string) => void = () => undefined;

  override async ask(prompt: PromptName, _detail?: string, signal?: AbortSignal): Promise<string> {
    this.said.push(`? ${prompt}`);
    this.asked = prompt;
    return new Promise((resolve, reject) => {
      this.reply = resolve;
      signal?.addEventListener('abort', () => {
        this.withdrawn = prompt;
        reject(new PosError('CANCELLED', 'withdrawn'));
      });
    });
  }
}

const prompts = suite('the till: questions while it drives');

async function voidWithAbsentClerk() {
  const clerk = new AbsentClerk();
  const host = new TestHost();
  const shop = await openShopForBusiness({ host, clerk });
  await shop.terminal.till.handle(saleOf('request-0001'));
  const answer = shop.terminal.till.handle(
    ask('void', 'voiding-0001', { orig: { requestId: 'request-0001' }, options: { timeoutS: 30 } }),
  );
  for (let turn = 0; turn < 200 && clerk.asked === null; turn += 1) await Promise.resolve();
  return { ...shop, host, clerk, answer };
}

prompts('the supervisor comes to the terminal; the void needs no other word', async () => {
  const { clerk, answer, host } = await voidWithAbsentClerk();
  assert.is(clerk.asked, 'supervisor');
  clerk.reply('00');
  for (let turn = 0; turn < 200 && clerk.asked === 'supervisor'; turn += 1) await Promise.resolve();
  clerk.reply(SUPERVISOR_PASSWORD);
  assert.is((await answer).state, 'approved');
  assert.is(host.standing('void'), 12800);
});

prompts('a supervisor who does not come in time: cancelled, and the question is withdrawn', async () => {
  const { clerk, answer, clock, host } = await voidWithAbsentClerk();
  clock.pass(30_000);
  const { state, code, en } = await answer;
  assert.equal([state, code, clerk.withdrawn], ['cancelled', 'CANCELLED', 'supervisor']);
  assert.match(en, 'nobody answered');
  assert.is(host.standing('void'), 0);
});

prompts('an abort withdraws the question too', async () => {
  const { clerk, answer, terminal } = await voidWithAbsentClerk();
  await terminal.till.handle(ask('abort', 'voiding-0001'));
  assert.equal([(await answer).code, clerk.withdrawn], ['ABORTED', 'supervisor']);
});

prompts('no paper: the sale goes on, and the answer warns that the slip is pending', async () => {
  const { terminal, printer, said } = await openShopForBusiness({ host: new TestHost() });
  printer.status = { ...printer.status, paper: 'out' };
  const { state, final, warnings } = await terminal.till.handle(saleOf('request-0001'));
  assert.equal([state, final, warnings.map(({ code }) => code)], ['approved', true, ['SLIP_PENDING']]);
  assert.not.ok(said.includes('? noPaper'));
});

prompts('paper that ends in the middle of the slip is a warning as well, never a decline', async () => {
  const { terminal, printer } = await openShopForBusiness({ host: new TestHost() });
  printer.tearsAfter = 3;
  const { state, warnings } = await terminal.till.handle(saleOf('request-0001'));
  assert.equal([state, warnings.map(({ code }) => code)], ['approved', ['SLIP_PENDING']]);
});

prompts('a reversal that waits for a decision is not decided by a till: the next sale fails', async () => {
  const host = new TestHost();
  host.mischief = [{ mti: '0200', lose: true }];
  host.reversalCode = '96';
  const { terminal, said } = await openShopForBusiness({ host });
  await terminal.till.handle(saleOf('request-0001'));
  const { state, code } = await terminal.till.handle(saleOf('request-0002'));
  assert.equal([state, code], ['failed', 'NOT_ALLOWED_NOW']);
  assert.not.ok(said.includes('? reversalDecision'));
  assert.is((await terminal.till.handle(ask('status', 'request-0001'))).state, 'unknown');
});

prompts.run();

const slips = suite('the till: who prints the slip');

slips(
  'print till: the lines of every copy are in the answer, our printer prints none, nothing is pending',
  async () => {
    const { terminal, prints } = await openShopForBusiness({ host: new TestHost() });
    const answer = await terminal.till.handle(saleOf('request-0001', 128_00, { options: { print: 'till' } }));
    assert.equal(
      answer.slips.map(({ copy }) => copy),
      ['merchant', 'cardholder'],
    );
    const [merchant] = answer.slips;
    const text = merchant?.lines.join('\n') ?? '';
    for (const part of ['128.00', 'R00000000002', '627788******0016']) assert.match(text, part);
    assert.not.match(text, 'DUPLICATED');
    assert.equal([prints.length, answer.warnings], [0, []]);
    await terminal.command('paper');
    assert.is(prints.length, 0);
  },
);

slips('print till needs no paper of ours', async () => {
  const { terminal, printer } = await openShopForBusiness({ host: new TestHost() });
  printer.status = { ...printer.status, paper: 'out' };
  const answer = await terminal.till.handle(saleOf('request-0001', 128_00, { options: { print: 'till' } }));
  assert.equal([answer.state, answer.warnings], ['approved', []]);
});

slips('print none: no lines and no paper; asked for later, it bears the mark', async () => {
  const { terminal, prints } = await openShopForBusiness({ host: new TestHost() });
  const answer = await terminal.till.handle(saleOf('request-0001', 128_00, { options: { print: 'none' } }));
  assert.equal([answer.slips, prints.length], [[], 0]);
  await terminal.till.handle(ask('reprint', 'reprint-0001', { orig: { requestId: 'request-0001' } }));
  assert.is(prints.length, 2);
  for (const print of prints) assert.match(print, 'DUPLICATED');
});

slips('an acknowledged answer needs no lines any more; a reprint gives them with the mark', async () => {
  const { terminal, prints } = await openShopForBusiness({ host: new TestHost() });
  const { till } = terminal;
  await till.handle(saleOf('request-0001', 128_00, { options: { print: 'till' } }));
  assert.equal((await till.handle(ask('ack', 'request-0001'))).slips, []);
  const again = await till.handle(
    ask('reprint', 'reprint-0001', { orig: { voucher: '000002' }, options: { print: 'till' } }),
  );
  assert.is(again.state, 'done');
  for (const { lines } of again.slips) assert.match(lines.join('\n'), 'DUPLICATED');
  assert.is(prints.length, 0);
});

slips('a settlement slip goes to the till that settles', async () => {
  const { terminal, prints } = await openShopForBusiness({ host: new TestHost() });
  await terminal.till.handle(saleOf('request-0001', 128_00, { options: { print: 'none' } }));
  const answer = await terminal.till.handle(ask('settle', 'settle-00001', { options: { print: 'till' } }));
  assert.match(answer.slips[0]?.lines.join('\n') ?? '', '128.00');
  assert.is(prints.length, 0);
});

slips('a refund that another command repeats keeps to what its own till said', async () => {
  const host = new TestHost();
  const { terminal, prints } = await openShopForBusiness({ host });
  const { till } = terminal;
  await till.handle(saleOf('request-0001', 128_00, { options: { print: 'none' } }));
  host.mischief = [{ mti: '0220', lose: true }];
  const refund = ask('refund', 'refund-00001', {
    amountFen: 64_00,
    currency: 'CNY',
    orig: { requestId: 'request-0001' },
    options: { print: 'till' },
  });
  assert.is((await till.handle(refund)).state, 'unknown');
  await till.handle(saleOf('request-0002', 100, { options: { print: 'none' } }));
  const answer = await till.handle(refund);
  assert.equal([answer.state, answer.slips.length, prints.length], ['approved', 2, 0]);
});

slips.run();
