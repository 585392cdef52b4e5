/**
 * A terminal on real pseudo-terminals whose devices fail in the middle of a sale: a clear message within
 * seconds, no hang, no money lost. Times are limits against hanging, not measurements.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CommandResult, openDevices, serialBytePort } from '../../terminal/index.ts';
import { type SimulatedDevices, startDevices } from '../devices/index.ts';
import { Office, pause } from '../office/index.ts';
import type { Card } from '../programme/index.ts';
import { assertAgreement, assertSettles } from './agreement.fixture.ts';
import { Counter } from './counter.fixture.ts';

/** The longest that a clerk waits for a message when a device is gone. */
const PATIENCE_MS = 15_000;
const READER_QUIET_MS = 50;

let office: Office;
let counter: Counter;
let bench: SimulatedDevices;
let card: Card;

const shop = suite('devices that fail in the middle of a sale');

shop.before(async () => {
  office = await Office.open({ terminals: 1, cards: 1 });
  const [first] = office.cards;
  assert.ok(first);
  card = first;
  bench = await startDevices({
    dir: join(office.folder, 'devices'),
    random: randomBytes,
    tmkComponents: (office.tmkComponents[0] ?? []).map((one) => Buffer.from(one)),
  });
  const port = (path: string, quietMs?: number) =>
    serialBytePort({ path, baudRate: 115_200, ...(quietMs !== undefined && { quietMs }) });
  counter = await Counter.open({
    office,
    index: 0,
    devices: {
      simulated: bench,
      open: (clock) =>
        openDevices({
          reader: port(bench.paths.reader, READER_QUIET_MS),
          pinPad: port(bench.paths.pinPad),
          printer: port(bench.paths.printer),
          clock,
        }),
    },
  });
});

/** The command's result; fails when the terminal hangs. */
async function within(work: Promise<CommandResult>, what: string): Promise<CommandResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no result for ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Does something as soon as the terminal shows these words. */
function when(words: string, act: () => unknown): void {
  const before = counter.clerk.onShow;
  counter.clerk.onShow = (zh) => {
    if (!zh.includes(words)) return before(zh);
    counter.clerk.onShow = before;
    act();
  };
}

const told = (from: number) => counter.clerk.said.slice(from).join('\n');

/** Waits for words at the counter. */
async function hears(pattern: RegExp, from: number): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !pattern.test(told(from)); await pause(20))
    assert.ok(Date.now() < end, `the clerk is told ${pattern}, but heard:\n${told(from)}`);
}

async function sellsAgain(): Promise<void> {
  const sold = await within(counter.type('sale 1', { card }), 'the next sale');
  assert.is(sold.code, '00', `the next sale goes through: ${sold.en}`);
}

shop(
  'a card reader unplugged while a card is waited for: named, nothing sent, well again after the plug',
  async () => {
    const from = counter.clerk.said.length;
    when('请刷卡', () => void bench.reader.unplug());
    const result = await within(counter.type('sale 2'), 'sale without a reader');
    assert.is(result.code, 'DEVICE_ABSENT');
    await hears(/CARD READER.*(UNPLUGGED|ABSENT|CLOSED)/, from);
    await bench.reader.plug();
    await hears(/CARD READER.*READY AGAIN/, from);
    await sellsAgain();
  },
);

shop(
  'a PIN pad unplugged while the PIN is typed: named, nothing sent, well again after the plug',
  async () => {
    const from = counter.clerk.said.length;
    when('请持卡人输入密码', () => setTimeout(() => void bench.pinPad.unplug(), 200));
    const result = await within(counter.type('sale 2', { card }), 'sale without a PIN pad');
    assert.is(result.code, 'DEVICE_ABSENT');
    await hears(/PIN PAD.*(UNPLUGGED|ABSENT|CLOSED)/, from);
    await bench.pinPad.plug();
    await hears(/PIN PAD.*READY AGAIN/, from);
    await sellsAgain();
  },
);

shop('a printer unplugged before its slip: the sale stands, the slip is printed after the plug', async () => {
  const from = counter.clerk.said.length;
  when('请持卡人输入密码', () => {
    // It is gone before the sale is sent: the slip could be on paper otherwise.
    void bench.printer.unplug().then(() => bench.pinPad.typePin(card.pin));
  });
  const result = await within(counter.type('sale 2', { card }), 'sale without a printer');
  assert.is(result.code, '00', 'the money moved');
  await hears(/PRINTER.*(UNPLUGGED|ABSENT|CLOSED)/, from);
  const printed = bench.printer.slips().length;
  await bench.printer.plug();
  await hears(/PRINTER.*READY AGAIN/, from);
  await within(counter.type('paper'), 'printing what is pending');
  const slips = bench.printer.slips().slice(printed);
  assert.ok(
    slips.some(({ text }) => text.includes(String(result.facts['trace']))),
    'the slip is on paper',
  );
});

shop('a printer that answers garbage: named, the sale goes on when the clerk says so', async () => {
  const from = counter.clerk.said.length;
  bench.printer.behave('garbage');
  const result = await within(counter.type('sale 2', { card }), 'sale with a babbling printer');
  assert.is(result.code, '00', result.en);
  assert.match(told(from), /\? noPaper DEVICE_(GARBAGE|SILENT)/);
  bench.printer.behave('well');
  await hears(/PRINTER.*READY AGAIN/, from);
  await within(counter.type('paper'), 'printing what is pending');
});

shop('torn tracks: the clerk is told how many swipes are left, and the fourth ends the sale', async () => {
  const from = counter.clerk.said.length;
  const torn = [card.track2.slice(0, 9), `${card.track2.slice(0, 20)}#`, '', 'E'];
  const swipe = () => {
    const next = torn.shift();
    if (next === undefined) return;
    setTimeout(() => bench.reader.send(`\x02\x1b;${next}?\r\x03`), 150);
  };
  const before = counter.clerk.onShow;
  counter.clerk.onShow = (zh) => {
    if (zh.includes('请刷卡') || zh.includes('读卡错误')) swipe();
  };
  const result = await within(counter.type('sale 2'), 'sale with a torn card');
  counter.clerk.onShow = before;
  assert.is(result.code, 'TRACK_BAD');
  assert.match(told(from), /还可2次[\s\S]*还可1次/);
  await sellsAgain();
});

shop('a PIN pad that was reset and holds no working keys: the terminal signs in and sells', async () => {
  await bench.pinPad.unplug();
  bench.pinPad.injectTmk((office.tmkComponents[0] ?? []).map((one) => Buffer.from(one)));
  const from = counter.clerk.said.length;
  await bench.pinPad.plug();
  await hears(/PIN PAD.*READY AGAIN/, from);
  await sellsAgain();
});

shop('at the end it settles balanced, and the books hold what the terminal holds', async () => {
  await assertSettles(counter, 0);
  await counter.stop();
  assert.ok((await assertAgreement(office, [counter])) >= 6);
});

shop.after(async () => {
  await counter.close();
  await bench.close();
  await office.close();
});

shop.run();
