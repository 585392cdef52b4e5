/**
 * Every kind of working keys and of MAC, from the swipe to the books: a terminal of its own for each, on one host. What
 * went over the line is read again: no clear track, no PIN block where it does not belong.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec, FrameSplitter, type Message, openFrame, parseDe57 } from '../../protocol/index.ts';
import { type LinkProxy, startLinkProxy } from '../link/index.ts';
import { type KeyProfile, Office } from '../office/index.ts';
import type { Card } from '../programme/index.ts';
import { assertAgreement, assertSettles } from './agreement.fixture.ts';
import { Counter } from './counter.fixture.ts';

// biome-ignore format: a table is read by column
const PROFILES: readonly (KeyProfile & { readonly de53: string; readonly track: 'clear' | 'sealed' })[] = [
  { keyMode: '003', macAlgorithm: 'unionpay-ecb', de53: '2600000000000000', track: 'clear' },
  { keyMode: '003', macAlgorithm: 'x9.19',        de53: '2600000000000000', track: 'clear' },
  { keyMode: '003', macAlgorithm: 'cmac',         de53: '2600000000000000', track: 'clear' },
  { keyMode: '004', macAlgorithm: 'unionpay-ecb', de53: '2610000000000000', track: 'sealed' },
  { keyMode: '004', macAlgorithm: 'cmac',         de53: '2610000000000000', track: 'sealed' },
  { keyMode: '005', macAlgorithm: 'unionpay-ecb', de53: '2300000000000000', track: 'clear' },
  { keyMode: '005', macAlgorithm: 'cmac',         de53: '2300000000000000', track: 'clear' },
];
const PIN_BLOCK_SM4 = /^[0-9A-F]{32}$/;

let office: Office;
const links: LinkProxy[] = [];
const counters: Counter[] = [];

const keys = suite('working keys and MACs of every profile, from the swipe to the books');

keys.before(async () => {
  office = await Office.open({
    terminals: PROFILES.length,
    cards: PROFILES.length,
    keyProfiles: PROFILES.map(({ keyMode, macAlgorithm }) => ({ keyMode, macAlgorithm })),
  });
  for (const index of PROFILES.keys()) {
    const link = await startLinkProxy({
      ...{ listenPort: 0, targetHost: '127.0.0.1', targetPort: office.acquirerPort },
      capture: true,
    });
    links.push(link);
    counters.push(await Counter.open({ office, index, hostPort: link.port }));
  }
});

keys.after(async () => {
  for (const counter of counters) await counter.close();
  for (const link of links) await link.stop();
  await office.close();
});

/** What the terminal sent, in order. */
function sentOver(link: LinkProxy | undefined): readonly Message[] {
  const splitter = new FrameSplitter(8_192);
  return (link?.capture() ?? []).flatMap((record) =>
    record.kind === 'bytes' && record.from === 'terminal'
      ? splitter.push(record.bytes).map((frame) => codec.decode(openFrame(frame).body))
      : [],
  );
}

const itemOf = (message: Message, wanted: string) =>
  parseDe57(message.get(57) ?? '').find(([tag]) => tag === wanted)?.[1];
const packed = ({ track2 }: Card) => track2.replaceAll(/[;?]/g, '').replace('=', 'D');

for (const [index, { keyMode, macAlgorithm, de53, track }] of PROFILES.entries()) {
  keys(`${keyMode} with ${macAlgorithm}: sells, voids, refunds, asks and settles`, async () => {
    const counter = counters[index] as Counter;
    const card = office.cards[index] as Card;
    const sold = await counter.must('sale 20.00', { card });
    await counter.must(`refund 5.00 ref=${sold.facts['rrn']} date=${sold.facts['date']}`, { card });
    const second = await counter.must('sale 7.00', { card });
    await counter.must(`void ${second.facts['trace']}`);
    await counter.must('balance', { card });
    const declined = await counter.type('sale 1.00', { card, pin: '000000' });
    assert.is(declined.code, '55', 'a wrong PIN is found out');
    await assertSettles(counter, index);

    const sales = sentOver(links[index]).filter((one) => one.mti === '0200' && one.has(26));
    assert.ok(sales.length >= 4, `${sales.length} requests with a PIN`);
    for (const sale of sales) {
      assert.is(sale.get(53), de53);
      assert.is(sale.has(52), keyMode !== '005');
      assert.is(PIN_BLOCK_SM4.test(itemOf(sale, 'PB') ?? ''), keyMode === '005');
      const sent = sale.get(35) ?? '';
      assert.is(sent === packed(card), track === 'clear');
      assert.is(sent.length, packed(card).length);
    }
    const refunds = sentOver(links[index]).filter(({ mti }) => mti === '0220');
    assert.is(refunds.length, 1);
    assert.is(
      refunds[0]?.get(53),
      track === 'sealed' ? '0610000000000000' : undefined,
      'no PIN, and a track that is or is not encrypted',
    );

    const blocks = sales.map((one) => one.get(52) ?? itemOf(one, 'PB') ?? '');
    for (const name of await readdir(counter.journalFolder)) {
      const text = await readFile(join(counter.journalFolder, name), 'latin1');
      for (const block of blocks) assert.not(text.includes(block), `${name} holds a PIN block`);
    }
  });
}

keys('a MAC of another algorithm is refused with A0, and nothing is sold', async () => {
  const counter = counters[0] as Counter;
  const card = office.cards[0] as Card;
  await counter.stop();
  const other = await Counter.open({ office, index: 0, settings: { macAlgorithm: 'x9.19' } });
  assert.is((await other.type('sale 3.00', { card })).code, 'A0');
  await other.close();
  await counter.start();
  await counter.must('signin');
  await counter.must('sale 3.00', { card });
  await assertSettles(counter, 0);
});

keys('books, files and terminals say the same', async () => {
  for (const counter of counters) await counter.stop();
  // One sale and one refund stand for each, and one sale more for the first.
  assert.is(await assertAgreement(office, counters), 4 * PROFILES.length + 1);
});

keys.run();
