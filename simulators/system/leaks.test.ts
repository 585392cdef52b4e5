/** A day with failures, logged at level debug: no card number, track, PIN, PIN block or key rests in any file. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { luhnDigit } from '../../protocol/index.ts';
import { startLinkProxy } from '../link/index.ts';
import { Office, REASON } from '../office/index.ts';
import type { Card } from '../programme/index.ts';
import { assertSettles } from './agreement.fixture.ts';
import { Counter } from './counter.fixture.ts';
import { filesUnder, type Planted, searchLeaks } from './leak-search.fixture.ts';
import {
  planted,
  plantedOnTheLine,
  REFUSED_KEY,
  refusedCalls,
  STRANGER,
  STRANGER_TRACK,
  strangeFrames,
  throwAt,
  xor,
} from './planted.fixture.ts';

/** What a clerk may type by mistake: the number in the wrong place. */
async function clumsyClerk(counter: Counter, card: Card): Promise<readonly string[]> {
  const lines = [
    `sale ${STRANGER}`, STRANGER, STRANGER_TRACK, `void ${STRANGER}`, `refund 1 ref=${STRANGER} date=1122`,
    `refund ${STRANGER} ref=010000000001 date=1122`, `complete 1 auth=${STRANGER} date=1122`, `fate ${STRANGER}`,
    `logon ${STRANGER}`, `reprint ${STRANGER}`, 'sale 10 keyed', `logon 01 ${card.pin}`, 'logon 01 1357',
  ]; // biome-ignore format: as typed
  const results: string[] = [];
  for (const line of lines) results.push(JSON.stringify(await counter.type(line, { card })));
  return results;
}

const leaks = suite('leaks: secrets rest nowhere');

leaks('the search finds a planted leak in each form, and in the middle of a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-leak-'));
  const pan = STRANGER;
  const secrets: Planted[] = [
    { name: 'pan', text: pan },
    { name: 'pin', text: '864209', alone: true },
    { name: 'key', bytes: REFUSED_KEY },
  ];
  // biome-ignore format: a table is read by column
  const files: Readonly<Record<string, Buffer | string>> = {
    ascii:      `{"detail":"card ${pan} is bad"}`,
    hex:        `x${Buffer.from(pan).toString('hex')}x`,
    packed:     Buffer.concat([Buffer.from([1]), Buffer.from(pan, 'hex'), Buffer.from([2])]),
    shifted:    Buffer.from(`a${pan}b`, 'hex'),
    base64:     `"${Buffer.from(`..${pan}..`).toString('base64')}"`,
    packed64:   Buffer.concat([Buffer.from([7]), Buffer.from(pan, 'hex')]).toString('base64'),
    grouped:    pan.replaceAll(/(\d{4})/g, '$1 '),
    pin:        'PIN 864209 typed',
    keyRaw:     Buffer.concat([Buffer.alloc(9), REFUSED_KEY]),
    keyHex:     REFUSED_KEY.toString('hex'),
    keyBase64:  Buffer.concat([Buffer.alloc(2), REFUSED_KEY]).toString('base64'),
    unplanted:  `627788000000000${luhnDigit('627788000000000')}`,
    track:      '6277880000000000=31127011',
  };
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    await writeFile(join(folder, 'clean'), 'masked 627788******9090, 864209.50, rrn 010000000001');
    const found = await searchLeaks(folder, secrets);
    const bitten = [...new Set(found.map((line) => line.split(':')[0] ?? ''))];
    assert.equal(bitten.toSorted(), Object.keys(files).toSorted(), 'each planted leak, and nothing else');
    for (const line of found) assert.not.match(line, pan, 'the finding itself is no leak');
  } finally {
    await rm(folder, { recursive: true });
  }
});

leaks(
  'after a day with declines, wrong PINs, bad MACs, garbage, lost answers and refused bodies',
  async () => {
    const office = await Office.open({ terminals: 1, cards: 3, process: 'child' });
    const link = await startLinkProxy({
      listenPort: 0,
      targetHost: '127.0.0.1',
      targetPort: office.acquirerPort,
    });
    const counter = await Counter.open({
      office,
      index: 0,
      hostPort: link.port,
      settings: { slipCopies: 3 },
    });
    const [first, second, third] = office.cards;
    assert.ok(first && second && third);
    try {
      await counter.must('balance', { card: first });
      const sold = await counter.must('sale 128', { card: first });
      await counter.must('preauth 300', { card: second });
      for (const amount of ['sale 4999', 'sale 9999999']) await counter.type(amount, { card: first });
      for (const pin of ['111111', second.pin, first.pin]) await counter.type('sale 5', { card: third, pin });
      link.dropNextAnswer();
      await counter.type('sale 45', { card: second });
      link.corruptNext(-1, 'request');
      await counter.type('sale 46', { card: second });
      link.corruptNext(30, 'answer');
      await counter.type('sale 47', { card: second });
      await counter.must(`void ${String((await counter.must('sale 9', { card: second })).facts['trace'])}`, {
        card: second,
      });
      link.dropNextAnswer();
      await counter.type(`refund 4 ref=${String(sold.facts['rrn'])} date=${String(sold.facts['date'])}`, {
        card: first,
      });
      const typed = await clumsyClerk(counter, first);
      for (const frame of strangeFrames()) await throwAt(office.acquirerPort, frame);
      await refusedCalls(office, first);
      await counter.must('sale 12', { card: second });
      // Killed once, so that a write-ahead log of SQLite lies there, and is grepped before it is folded in.
      const out = join(office.folder, 'told');
      await mkdir(out);
      const secrets = [...planted(office), ...plantedOnTheLine(link, xor(office.tmkComponents[0] ?? []))];
      assert.ok(
        secrets.some(({ name }) => name === 'PIN block') &&
          secrets.some(({ name }) => name === 'working key'),
      );
      await office.kill();
      assert.ok(
        (await filesUnder(office.dataFolder)).some((path) => path.endsWith('-wal')),
        'the WAL lies there',
      );
      assert.equal(await searchLeaks(office.folder, secrets), [], 'files of a host that was killed');
      await office.start();
      await counter.must('sale 13', { card: second });
      await assertSettles(counter, 0);
      await endOfDay(office);
      await counter.stop();
      await office.stop();
      await writeFile(join(out, 'results.txt'), typed.join('\n'));
      await writeFile(join(out, 'clerk.txt'), counter.clerk.said.join('\n'));
      await writeFile(join(out, 'terminal.log'), counter.logged.join('\n'));
      await writeFile(
        join(out, 'slips.txt'),
        counter.printer
          .slips()
          .map(({ text, svg }) => `${text}\n${svg}`)
          .join('\n'),
      );
      await writeFile(join(out, 'admin.txt'), office.answers.join('\n'));
      await writeFile(join(out, 'stdout.txt'), office.said);
      assert.ok(
        office.answers.some((answer) => answer.startsWith('GET 200 # HELP')),
        'the metrics were read',
      );
      const paths = await filesUnder(office.folder);
      for (const part of ['host.sqlite', 'host.log', 'detail', 'journal', 'slips.txt'])
        assert.ok(
          paths.some((path) => path.includes(part)),
          `${part} is among the ${paths.length} files`,
        );
      for (const l of [...typed, ...office.answers, ...counter.logged])
        if (l.includes(STRANGER)) console.log(l.slice(0, 300));
      assert.equal(await searchLeaks(office.folder, secrets), []);
      console.log(`${secrets.length} secrets looked for in ${paths.length} files`);
    } finally {
      await counter.close();
      await link.stop();
      await office.close();
    }
  },
);

leaks.run();

async function endOfDay(office: Office): Promise<void> {
  const { closed } = await office.call<{ closed: string }>('POST', '/v1/clearing/cut-over', {
    reason: REASON,
  });
  await office.call('POST', '/v1/clearing/runs', { businessDate: closed, reason: REASON });
  const paths = [
    '/v1/books',
    '/v1/journal',
    '/v1/balances',
    '/v1/proof',
    '/v1/metrics',
    '/metrics',
    '/v1/files',
    '/v1/keys',
  ];
  for (const path of [
    ...paths,
    `/v1/differences?businessDate=${closed}`,
    `/v1/transactions?businessDate=${closed}`,
    ...office.cards.map(({ cardId }) => `/v1/cards/${cardId}`),
  ])
    await office.ask('GET', path);
}
