/** A day with failures, logged at level debug: no card number, track, PIN, PIN block or key rests in any file. */
import { createDecipheriv } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildFrame, codec, FrameSplitter, luhnDigit, openFrame } from '../../protocol/index.ts';
import { type LinkProxy, startLinkProxy } from '../link/index.ts';
import { MERCHANT_ID, Office, pause, REASON } from '../office/index.ts';
import { type Card, terminalId } from '../programme/index.ts';
import { assertSettles } from './agreement.fixture.ts';
import { Counter } from './counter.fixture.ts';
import { filesUnder, type Planted, searchLeaks } from './leak-search.fixture.ts';

const xor = (components: readonly Buffer[]) =>
  components.reduce((sum, one) => Buffer.from(sum.map((byte, at) => byte ^ (one[at] ?? 0))));

/** A card that the host never knew: it comes in frames and bodies that are refused. */
const STRANGER = `627788909090909${luhnDigit('627788909090909')}`;
const STRANGER_TRACK = `${STRANGER}=3112701100004321`;
const REFUSED_KEY = Buffer.from('4C5E6D7F8091A2B3C4D5E6F708192A3B', 'hex');

/** Everything that the test itself put into the system, and must not find again. */
function planted(office: Office): Planted[] {
  const all: Planted[] = [
    { name: 'PAN of a stranger', text: STRANGER },
    { name: 'track of a stranger', text: STRANGER_TRACK },
    { name: 'a key that was refused', bytes: REFUSED_KEY },
  ];
  for (const [index, card] of office.cards.entries())
    all.push(
      { name: `PAN of card ${index}`, text: card.pan },
      { name: `track 2 of card ${index}`, text: card.track2 },
      { name: `discretionary data of card ${index}`, text: card.track2.slice(-10) },
      { name: `track 1 of card ${index}`, text: card.track1 },
      { name: `PIN of card ${index}`, text: card.pin, alone: true },
      { name: `zone PIN block of card ${index}`, bytes: Buffer.from(card.pinBlock, 'hex') },
    );
  const keys = [
    ...office.tmkComponents.map((components, index) => ({ name: `tmk ${index}`, components })),
    ...office.bureau.shared,
  ];
  for (const { name, components } of keys) {
    all.push({ name: `key ${name}`, bytes: xor(components) });
    for (const [at, bytes] of components.entries()) all.push({ name: `component ${at} of ${name}`, bytes });
  }
  return all;
}

/** What went over the line besides: PIN blocks, wrapped working keys, and the clear ones inside them. */
function plantedOnTheLine(link: LinkProxy, tmk: Buffer): Planted[] {
  const all: Planted[] = [];
  for (const side of ['terminal', 'host'] as const) {
    const splitter = new FrameSplitter(8_192);
    for (const record of link.capture()) {
      if (record.kind !== 'bytes' || record.from !== side) continue;
      for (const frame of splitter.push(record.bytes)) {
        const message = codec.decode(openFrame(frame).body);
        const block = message.get(52);
        if (block !== undefined) all.push({ name: 'PIN block', bytes: Buffer.from(block, 'hex') });
        const wrapped = message.mti === '0810' ? message.get(62) : undefined;
        if (wrapped !== undefined) all.push(...workingKeys(Buffer.from(wrapped, 'hex'), tmk));
      }
    }
  }
  return all;
}

function workingKeys(de62: Buffer, tmk: Buffer): Planted[] {
  return [0, 20].flatMap((at) => {
    const wrapped = de62.subarray(at, at + 16);
    const cipher = createDecipheriv('des-ede', tmk, null).setAutoPadding(false);
    const clear = Buffer.concat([cipher.update(wrapped), cipher.final()]);
    return [
      { name: 'wrapped working key', bytes: wrapped },
      { name: 'working key', bytes: clear },
    ];
  });
}

/** Sends bytes to the acquirer, waits a moment for whatever comes, and hangs up. */
async function throwAt(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  socket.write(bytes);
  await pause(60);
  socket.destroy();
}

const FRAME = { tpdu: Buffer.from('6000030000', 'hex'), header: '603100311000' };
const framed = (body: Buffer) => buildFrame({ ...FRAME, body });

function strangeFrames(): readonly Buffer[] {
  const de35 = STRANGER_TRACK.replace('=', 'D');
  const fields: Record<number, string> = {
    2: STRANGER, 3: '000000', 4: '000000001000', 11: '000777', 14: '3112', 22: '021', 25: '00', 26: '12', 35: de35,
    41: terminalId(0), 42: MERCHANT_ID, 49: '156', 52: REFUSED_KEY.subarray(0, 8).toString('hex').toUpperCase(),
    53: '2600000000000000', 60: '22000001000', 64: '0123456789ABCDEF',
  }; // biome-ignore format: fields as they come
  const sale = codec.encode({ mti: '0200', fields });
  const misplaced = codec.encode({
    mti: '0200',
    fields: {
      ...fields,
      37: STRANGER.slice(0, 12),
      44: STRANGER,
      57: `ZZ016${STRANGER}`,
      63: `01 ${STRANGER_TRACK}`,
    },
  });
  const strange = codec.encode({ mti: '0200', fields: { ...fields, 41: '99999999' } });
  const late = Buffer.from(sale);
  late[0] = 0x06;
  return [
    framed(sale),
    framed(misplaced),
    framed(strange),
    framed(late),
    framed(sale.subarray(0, 70)),
    framed(Buffer.from(STRANGER_TRACK)),
    framed(
      Buffer.concat([Buffer.from('0200', 'hex'), Buffer.from(STRANGER, 'hex'), Buffer.from(STRANGER_TRACK)]),
    ),
    Buffer.from(`GET /?pan=${STRANGER} HTTP/1.1\r\ncookie: ${STRANGER_TRACK}\r\n\r\n`),
  ];
}

/** Bodies, paths and headers that carry secrets where they do not belong. */
async function refusedCalls(office: Office, card: Card): Promise<void> {
  const account = {
    accountId: 'A9',
    tier: 'green',
    registered: true,
    productId: 'reloadable',
    salePointId: 'zz-01',
  };
  const good = {
    pan: STRANGER,
    expiry: '3112',
    serviceCode: '701',
    pinBlock: card.pinBlock,
    account,
    reason: REASON,
  };
  const key = REFUSED_KEY.toString('hex').toUpperCase();
  // biome-ignore format: a table is read by column
  const calls: readonly (readonly [string, string, unknown])[] = [
    ['PUT', '/v1/cards/C9',                    { ...good, expiry: STRANGER }],
    ['PUT', '/v1/cards/C9',                    { ...good, track2: STRANGER_TRACK }],
    ['PUT', '/v1/cards/C9',                    { ...good, [STRANGER]: 1 }],
    ['PUT', '/v1/cards/C9',                    { ...good, pinBlock: card.pin }],
    ['PUT', '/v1/cards/C9',                    { ...good, pinBlock: key.slice(0, 16) }],
    ['PUT', '/v1/cards/C9',                    { ...good, account: { ...account, accountId: STRANGER } }],
    ['PUT', '/v1/cards/C9',                    { ...good, account: { ...account, tier: STRANGER } }],
    ['PUT', '/v1/cards/C9',                    { ...good, reason: `card ${STRANGER}` }],
    ['PUT', '/v1/cards/C9',                    { ...good, reason: STRANGER_TRACK }],
    ['PUT', '/v1/cards/C9',                    { ...good, pan: Number(STRANGER) }],
    ['PUT', `/v1/cards/${STRANGER}`,           good],
    ['PUT', '/v1/cards/C9',                    [STRANGER, STRANGER_TRACK]],
    ['PUT', `/v1/cards/${card.cardId}/loads/${STRANGER}`, { salePointId: 'zz-01', principal: 1, payment: { method: 'cash', payer: 'person', identified: true }, reason: REASON }],
    ['POST', `/v1/cards/${STRANGER}/freeze`,   { reason: REASON }],
    ['GET', `/v1/cards/${STRANGER}`,           undefined],
    ['GET', `/v1/transactions?cardTail=${STRANGER}`, undefined],
    ['GET', `/v1/nothing/${STRANGER}?track=${STRANGER_TRACK}`, undefined],
    ['PUT', `/v1/documents/tier/${STRANGER}`,  { document: { id: STRANGER, nameZh: STRANGER, nameEn: STRANGER_TRACK, rank: 9, pointsBp: 1 }, reason: REASON }],
    ['PUT', `/v1/terminals/${terminalId(0)}/tmk`, { components: [key, `${key}00`], reason: REASON }],
    ['PUT', `/v1/terminals/${terminalId(0)}/tmk`, { components: [key, key], reason: REASON }],
    ['PUT', `/v1/terminals/${terminalId(0)}/tmk`, { components: key, reason: key }],
    ['PUT', `/v1/keys/${key}`,                 { components: [key, key], reason: REASON }],
  ];
  for (const [method, path, body] of calls) {
    const { status } = await office.ask(method, path, body);
    assert.ok(status >= 400, `${method} ${path.split('/').slice(0, 3).join('/')} is refused (${status})`);
  }
  const url = `http://127.0.0.1:${office.adminPort}/v1/cards/C9`;
  for (const headers of [
    { authorization: `Bearer ${STRANGER}` },
    { authorization: `Bearer x`, 'x-pan': STRANGER_TRACK },
  ]) {
    const answer = await fetch(url, {
      method: 'PUT',
      headers,
      body: `{"pan": "${STRANGER}", "track2": ${STRANGER_TRACK}`,
    });
    office.answers.push(await answer.text());
  }
}

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
