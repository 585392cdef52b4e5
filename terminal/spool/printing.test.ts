import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CommandResult } from '../flows/result.ts';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, type Shop } from '../shop.fixture.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

const MARK = 'DUPLICATED';
const isWhole = (print: string) => print.includes('THIS SLIP IS NOT AN INVOICE');
const copies = (shop: Shop, trace: string, label: string) =>
  shop.prints.filter((print) => print.includes(trace) && print.includes(label));

/** Lets everything happen that needs no time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2_000; turn += 1) await Promise.resolve();
}

/** Lets the time pass until the command has ended. Gives its result and how long it took. */
async function timed(shop: Shop, running: Promise<CommandResult>) {
  const start = shop.clock.now();
  const ended: CommandResult[] = [];
  void running.then((result) => ended.push(result));
  for (;;) {
    await settled();
    const [result] = ended;
    if (result !== undefined) return { result, ms: shop.clock.now() - start };
    shop.clock.pass(SECOND_MS);
  }
}

const paper = suite('spool: exactly one whole slip of each copy, at most one without the mark');

paper('wherever the paper ends; one that the printer took no line of stays the original', async () => {
  for (let line = 0; ; line += 1) {
    const shop = await openShopForBusiness({ host: new TestHost() });
    shop.printer.tearsAfter = line;
    assert.is((await shop.terminal.command('sale 5')).code, '00');
    const torn = shop.prints[0] ?? '';
    assert.is(shop.prints.length, 1, 'nothing else is printed on no paper');
    shop.printer.status = { ...shop.printer.status, paper: 'enough' };
    assert.is((await shop.terminal.command('paper')).ok, true);
    const again = shop.prints.slice(1);
    assert.equal(again.map(isWhole), [true, true], `paper out after ${line} lines`);
    assert.equal(
      again.map((print) => print.includes(MARK)),
      [line > 0, false],
      `paper out after ${line} lines`,
    );
    if (isWhole(torn)) break;
  }
});

paper('a printer that is away for a day: every original comes later, over batches and restarts', async () => {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  shop.printer.status = { ...shop.printer.status, online: false };
  for (const yuan of [1, 2, 3]) assert.is((await shop.terminal.command(`sale ${yuan}`)).code, '00');
  assert.is((await shop.terminal.command('settle')).code, '00');
  assert.is(shop.terminal.state.batch, 8);
  assert.is((await shop.terminal.command('sale 4')).code, '00');
  const { disk, pad, printer, clock, clerk } = shop;
  const again = await openShop({ host, disk, pad, printer, clock, clerk });
  assert.is(again.terminal.recovery.slipsPending, 5);
  printer.status = { ...printer.status, online: true };
  assert.is((await again.terminal.command('paper')).ok, true);
  assert.is(again.prints.length, 4 * 2 + 1);
  assert.ok(again.prints.every((print) => !print.includes(MARK)));
  assert.is(
    again.terminal.recovery.slipsPending > 0 &&
      again.terminal.state.slips.some(({ copies: all }) => all.some(({ state }) => state !== 'printed')),
    false,
  );
});

paper('what a start finds pending is printed without being asked for', async () => {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  shop.printer.status = { ...shop.printer.status, coverOpen: true };
  await shop.terminal.command('sale 5');
  const { disk, pad, printer, clock, clerk } = shop;
  printer.status = { ...printer.status, coverOpen: false };
  await openShop({ host, disk, pad, printer, clock, clerk });
  await settled();
  assert.is(printer.prints.length, 2);
});

paper.run();

const money = suite('spool: the printer never holds up money');

money('a sale comes before the slips of yesterday, and waits for one copy at most', async () => {
  const shop = await openShopForBusiness({ host: new TestHost() });
  shop.printer.status = { ...shop.printer.status, paper: 'out' };
  for (const yuan of [1, 2, 3, 4, 5]) await shop.terminal.command(`sale ${yuan}`);
  shop.printer.status = { ...shop.printer.status, paper: 'enough' };
  const before = shop.prints.length;
  for (const tell of shop.faults) tell('printer', 'ready', 'READY AGAIN');
  const { facts } = await shop.terminal.command('sale 6');
  const own = String(facts['trace']);
  const first = shop.prints.findIndex((print) => print.includes(own));
  assert.ok(first - before <= 1, `${first - before} old copies came before the customer's own`);
  assert.is(copies(shop, own, 'CARDHOLDER COPY').length, 1);
  await settled();
  assert.is(shop.prints.length, before + 12, 'the rest follows by itself');
});

money('a printer that never says how it is costs ten seconds, then the clerk is asked', async () => {
  const shop = await openShopForBusiness({ host: new TestHost() });
  shop.printer.hangs = 'status';
  const { result, ms } = await timed(shop, shop.terminal.command('sale 5'));
  assert.is(result.code, '00');
  assert.ok(shop.clerk.said.includes('? noPaper'));
  assert.ok(ms <= 30 * SECOND_MS, `${ms} ms`);
});

money(
  'a printer that never ends a slip holds up an approved sale for a bounded time; then the mark',
  async () => {
    const shop = await openShopForBusiness({ host: new TestHost() });
    shop.printer.hangs = 'print';
    const { result, ms } = await timed(shop, shop.terminal.command('sale 5'));
    assert.equal([result.code, result.facts['state']], ['00', 'approved']);
    assert.ok(ms <= MINUTE_MS, `${ms} ms`);
    assert.ok(shop.said.some((line) => line.includes('the money is not touched')));
    const next = await timed(shop, shop.terminal.command('status'));
    assert.ok(next.ms <= MINUTE_MS, `the next command waits for it once: ${next.ms} ms`);
    assert.is((await timed(shop, shop.terminal.command('status'))).ms, 0, 'and no more after that');
    shop.printer.hangs = 'nothing';
    await shop.terminal.command('paper');
    assert.equal(
      shop.prints.map((print) => print.includes(MARK)),
      [true, false],
    );
  },
);

money(
  'an approval that is in the journal is told as one, though the record of its print is refused',
  async () => {
    const shop = await openShopForBusiness({ host: new TestHost() });
    const append = shop.disk.append.bind(shop.disk);
    shop.disk.append = (name, bytes) =>
      bytes.includes('"slip moved"') ? Promise.reject(new Error('ENOSPC')) : append(name, bytes);
    const result = await shop.terminal.command('sale 5');
    assert.equal([result.code, result.facts['state']], ['00', 'approved']);
    assert.is(shop.prints.length, 0, 'no byte before its record');
    assert.is((await shop.terminal.command('sale 6')).code, 'JOURNAL_WRITE');
  },
);

money('a terminal that is stopped ends the copy that it is printing, and begins no other', async () => {
  const shop = await openShopForBusiness({ host: new TestHost() });
  shop.printer.status = { ...shop.printer.status, paper: 'out' };
  await shop.terminal.command('sale 5');
  shop.printer.status = { ...shop.printer.status, paper: 'enough' };
  for (const tell of shop.faults) tell('printer', 'ready', 'READY AGAIN');
  await shop.terminal.stop();
  await settled();
  const states = shop.terminal.state.slips.flatMap((slip) => slip.copies.map(({ state }) => state));
  assert.is(states.includes('printing'), false);
  assert.is(states.filter((state) => state === 'printed').length, shop.prints.length);
});

money.run();
