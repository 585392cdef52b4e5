import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { luhnDigit } from '../../protocol/index.ts';
import { handleFrame } from './handle-frame.ts';
import {
  balanceFrame,
  type Fixture,
  HOTEL,
  openFixture,
  reversalFrame,
  SHOP,
  saleFrame,
  voidFrame,
} from './node-acquiring.fixture.ts';
import { buildBody, parseAnswer, unionPayMac, wrap } from './wire-terminal.fixture.ts';

const bad = suite('bad input that the host survives with a clear answer');
let host: Fixture;
bad.before.each(async () => {
  host = await openFixture();
  await host.signIn(host.shop);
});
bad.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

const code = async (frame: Buffer) => (await host.answer(frame)).fields[39];
const nothingChanged = async (accountId: string) => assert.is(await host.available(accountId), 1_100_00);

bad('an MTI that is not spoken: 40 in MTI + 10', async () => {
  const answer = await host.answer(
    wrap(buildBody('0600', { 3: '000000', 11: '000007', 41: host.shop.id, 42: SHOP })),
  );
  assert.equal(
    [answer.mti, answer.fields],
    ['0610', { 3: '000000', 11: '000007', 39: '40', 41: host.shop.id, 42: SHOP }],
  );
});

for (const [what, fields] of [
  ['a bar, which joins keys', { 41: 'ABC|DEFG' }],
  ['a zero byte', { 41: 'ABC\0DEFG' }],
  ['a zero byte in the merchant', { 42: `${SHOP.slice(0, 7)}\0${SHOP.slice(8)}` }],
] as const) {
  bad(`a terminal or merchant with ${what}: 30, and what came with it is served`, async () => {
    const card = await host.card();
    const good = saleFrame(host.shop, card, 10_00);
    const sent = { 11: '000077', 41: host.shop.id, 42: SHOP, 60: '00000001003', ...fields };
    const [refused, sale] = await Promise.all([host.ask(wrap(buildBody('0800', sent))), host.ask(good)]);
    assert.equal([refused?.fields[39], sale?.fields[39]], ['30', '00']);
    assert.is(await host.available(card.accountId), 1_090_00);
  });
}

bad('an MTI that is no number: dropped, counted and logged', async () => {
  assert.is(await host.ask(wrap(Buffer.from('0a000000000000000000', 'hex'))), undefined);
  assert.is(host.deps.metrics.value('dropped'), 1);
  assert.ok(host.log.some(({ text }) => text.startsWith('dropped')));
});

bad('kinds of the catalogue whose flows come later: 40 with a MAC, nothing changed', async () => {
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 10_00, { 25: '65' });
  const answer = await host.answer(frame);
  assert.is(answer.fields[39], '40');
  assert.ok(answer.macData);
  await nothingChanged(card.accountId);
});

bad(
  'a card number, or anything else, in the place of an item that rests in the journal: 30, and it rests nowhere',
  async () => {
    const card = await host.card();
    const item = (tag: string, value: string) => `${tag}${String(value.length).padStart(3, '0')}${value}`;
    for (const items of [item('UT', card.pan), item('TH', card.pan), item('UT', '')]) {
      assert.is(await code(saleFrame(host.shop, card, 10_00, { 57: items })), '30', items.slice(0, 2));
    }
    await nothingChanged(card.accountId);
  },
);

bad('a DE63 of zero bytes, as some terminals fill it, is no operator and no fault', async () => {
  const card = await host.card();
  assert.is(await code(saleFrame(host.shop, card, 10_00, { 63: '\0\0\0' })), '00');
});

bad('each missing mandatory field of a sale: 30, and DE64: A0', async () => {
  const card = await host.card();
  for (const field of [4, 11, 22])
    assert.is(await code(saleFrame(host.shop, card, 10_00, { [field]: '' })), '30', `DE${field}`);
  for (const field of [41, 42, 60])
    assert.is(await code(saleFrame(host.shop, card, 10_00, { [field]: '' })), '30', `DE${field}`);
  const whole = saleFrame(host.shop, card, 10_00);
  const body = Buffer.from(whole.subarray(11, -8));
  body[9] = (body[9] ?? 0) & ~1;
  assert.is(await code(wrap(body)), 'A0', 'no DE64');
  await nothingChanged(card.accountId);
});

bad('neither DE2 nor DE35: 14', async () => {
  const card = await host.card();
  assert.is(await code(saleFrame(host.shop, card, 10_00, { 35: '', 26: '', 52: '', 53: '' })), '14');
});

bad('a nibble that is no digit: 30, with what was parsed before it', async () => {
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 10_00, { 60: '22A00001000' });
  const answer = await host.answer(frame);
  assert.is(answer.mti, '0210');
  assert.equal(answer.fields, { 3: '000000', 11: '000002', 39: '30', 41: host.shop.id, 42: SHOP });
  const refused = host.log.find(({ text }) => text === 'refused: not parsed');
  assert.match(JSON.stringify(refused?.about), /"field":60/, 'the log names the field');
});

bad("a DE57 of another vendor's making is treated as absent, and counted", async () => {
  const card = await host.card();
  for (const theirs of ['9F26 not items of ours', 'UT026cut off', 'A', '\x01\x02\x03\x04\x05\x06']) {
    const answer = await host.answer(saleFrame(host.shop, card, 1_00, { 57: theirs }));
    assert.equal([answer.fields[39], answer.fields[57]], ['00', undefined], theirs);
  }
  assert.is(host.deps.metrics.value('tolerated', 'DE57'), 4);
  assert.is(await host.available(card.accountId), 1_096_00);
});

bad(
  'a frame cut anywhere, and any byte turned over: never a throw, never a change without a right MAC',
  async () => {
    const card = await host.card();
    const frame = saleFrame(host.shop, card, 10_00);
    for (let cut = 0; cut < frame.length; cut += 1) {
      await handleFrame(host.deps, { id: 1, remote: 'test' }, Buffer.from(frame.subarray(0, cut)));
    }
    for (let at = 11; at < frame.length; at += 1) {
      const turned = Buffer.from(frame);
      turned[at] = (turned[at] ?? 0) ^ 0xff;
      const answer = await handleFrame(host.deps, { id: 1, remote: 'test' }, turned);
      if (answer !== undefined) assert.is.not(parseAnswer(answer).fields[39], '00', `byte ${at}`);
    }
    await nothingChanged(card.accountId);
  },
);

bad('bit 1 set in a financial message: 30', async () => {
  const card = await host.card();
  const frame = saleFrame(host.shop, card, 10_00);
  const body = frame.subarray(11, -8);
  // Sixteen bytes of bitmap whose second half is empty; the MAC covers it.
  const long = Buffer.concat([body.subarray(0, 10), Buffer.alloc(8), body.subarray(10)]);
  long[2] = (long[2] ?? 0) | 0x80;
  const { unionPayMac } = await import('./wire-terminal.fixture.ts');
  const sealed = Buffer.concat([long, Buffer.from(unionPayMac(host.shop.mak, long), 'hex')]);
  assert.is(await code(wrap(sealed)), '30');
  await nothingChanged(card.accountId);
});

bad('a wrong TPDU is tolerated and counted', async () => {
  const frame = balanceFrame(host.shop, await host.card());
  frame[0] = 0x68;
  assert.is(await code(frame), '00');
  assert.is(host.deps.metrics.value('tolerated', 'TPDU'), 1);
});

bad(
  'an unknown terminal: 97; another merchant, or one that is suspended: 03; a suspended terminal: 58',
  async () => {
    const card = await host.card();
    assert.is(await code(saleFrame(host.shop, card, 1_00, { 41: '99999999' })), '97');
    assert.is(await code(saleFrame(host.shop, card, 1_00, { 42: HOTEL })), '03');
    assert.is(await code(saleFrame(host.shop, card, 1_00, { 42: '000000000000000' })), '03');
    const merchant = host.merchants.get(SHOP);
    const profile = host.terminals.get(host.shop.id);
    if (merchant === undefined || profile === undefined) throw new Error('both are provisioned');
    host.terminals.set(host.shop.id, { ...profile, state: 'suspended' });
    assert.is(await code(saleFrame(host.shop, card, 1_00)), '58');
    host.terminals.set(host.shop.id, { ...profile, state: 'withdrawn' });
    assert.is(await code(saleFrame(host.shop, card, 1_00)), '97');
    host.terminals.set(host.shop.id, profile);
    host.merchants.set(SHOP, { ...merchant, state: 'suspended' });
    assert.is(await code(host.shop.signInFrame()), '03');
  },
);

bad('03 and 58 carry a MAC where the terminal has usable keys; 97 and A0 never do', async () => {
  const card = await host.card();
  const profile = host.terminals.get(host.shop.id);
  if (profile === undefined) throw new Error('it is provisioned');
  const sealed = async (state: typeof profile.state) => {
    host.terminals.set(host.shop.id, { ...profile, state });
    const { fields, macData } = await host.answer(saleFrame(host.shop, card, 1_00));
    return [fields[39], macData !== null && fields[64] === unionPayMac(host.shop.mak, macData)];
  };
  assert.equal(await sealed('suspended'), ['58', true]);
  assert.equal(await sealed('withdrawn'), ['97', false]);
  host.shop.mak = Buffer.alloc(16, 1);
  assert.equal(await sealed('suspended'), ['58', false]);
  assert.equal(await sealed('active'), ['A0', false]);
});

bad('another batch than the open one: 77; never for 0400 and 0220', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 10_00));
  host.shop.batch = 7;
  const answer = await host.answer(saleFrame(host.shop, card, 10_00));
  assert.is(answer.fields[39], '77');
  assert.is(answer.header[5], '3', 'header digit 6 asks for a sign-in');
  assert.is(
    await code(reversalFrame(host.shop, { de3: '000000', type: '22', amount: 1, trace: '000900' })),
    '25',
  );
  host.shop.batch = 1;
  assert.is(await code(voidFrame(host.shop, sale)), '00');
});

bad('an amount of zero: 13; above the limit: 61', async () => {
  const card = await host.card();
  assert.is(await code(saleFrame(host.shop, card, 0)), '13');
  assert.is(await code(saleFrame(host.shop, card, 3_000_01)), '61');
});

bad('a card number with a bad check digit: 14; a foreign one: 15; one that we do not know: 56', async () => {
  const track = (pan: string) => ({ 35: `${pan}D301222011234567`, 26: '', 52: '', 53: '', 22: '022' });
  const card = await host.card();
  assert.is(await code(saleFrame(host.shop, card, 1_00, track('6277880000000015'))), '14');
  assert.is(await code(saleFrame(host.shop, card, 1_00, track('4111111111111111'))), '15');
  assert.is(
    await code(saleFrame(host.shop, card, 1_00, track(`627788999999999${luhnDigit('627788999999999')}`))),
    '56',
  );
  assert.is(
    await code(saleFrame(host.shop, card, 1_00, { ...track(card.pan), 35: 'D' })),
    '14',
    'a torn track',
  );
});

for (const [state, wanted] of [
  ['stock', '62'],
  ['inactive', '62'],
  ['frozen', '62'],
  ['lost', '41'],
  ['expired', '54'],
  ['replaced', '14'],
  ['redeemed', '14'],
  ['destroyed', '14'],
] as const) {
  bad(`a card that is ${state}: ${wanted}`, async () => {
    const card = await host.card({ changes: { state } });
    assert.is(await code(saleFrame(host.shop, card, 1_00)), wanted);
  });
}

bad('an expired card: 54; before its first day: 62; a frozen account: 62', async () => {
  assert.is(await code(saleFrame(host.shop, await host.card({ changes: { expiry: '2610' } }), 1_00)), '54');
  assert.is(
    await code(saleFrame(host.shop, await host.card({ changes: { expiry: '2611' } }), 1_00)),
    '00',
    'to the end of its month',
  );
  assert.is(
    await code(saleFrame(host.shop, await host.card({ changes: { activeFrom: '20261123' } }), 1_00)),
    '62',
  );
  assert.is(await code(saleFrame(host.shop, await host.card({ account: { state: 'frozen' } }), 1_00)), '62');
});

bad(
  "a track whose verification value is wrong: 59; another expiry than the card's: 54; both audited",
  async () => {
    const card = await host.card();
    const wrong = String((Number(card.track2.slice(-3)) + 1) % 1000).padStart(3, '0');
    assert.is(await code(saleFrame(host.shop, card, 1_00, { 35: card.track2.slice(0, -3) + wrong })), '59');
    assert.is(
      await code(saleFrame(host.shop, card, 1_00, { 35: card.track2.replace('D3012', 'D3112') })),
      '54',
    );
    assert.is(host.log.filter(({ text }) => text === 'refused, and audited').length, 2);
  },
);

bad('keyed entry is off by default: 58; a terminal that may key is served', async () => {
  const card = await host.card();
  const keyed = { 2: card.pan, 14: '3012', 35: '', 22: '011' };
  assert.is(await code(saleFrame(host.shop, card, 1_00, keyed)), '58');
  const profile = host.terminals.get(host.shop.id);
  if (profile !== undefined) host.terminals.set(host.shop.id, { ...profile, keyedEntryAllowed: true });
  assert.is(await code(saleFrame(host.shop, card, 1_00, keyed)), '00');
  assert.is(await code(saleFrame(host.shop, card, 1_00, { ...keyed, 14: '' })), '30', 'DE2 comes with 14');
});

bad('no log line and no journal record holds a card number, track, PIN block or key', async () => {
  const card = await host.card();
  await host.answer(saleFrame(host.shop, card, 10_00));
  await host.answer(saleFrame(host.shop, card, 10_00, { 4: '' }));
  await host.answer(saleFrame(host.shop, card, 10_00, host.shop.swipe(card, '111111')));
  const texts = [JSON.stringify(host.log), JSON.stringify(host.deps.metrics.snapshot())];
  for await (const page of host.deps.store.scanJournal()) texts.push(...page.map((row) => row.body));
  for (const table of ['transactions', 'identities'] as const)
    texts.push(JSON.stringify(await host.rows(table)));
  for (const secret of [
    card.pan,
    card.track2,
    host.shop.pik.toString('hex'),
    host.shop.mak.toString('hex'),
  ]) {
    for (const seen of texts) assert.not.ok(seen.toUpperCase().includes(secret.toUpperCase()));
  }
});

bad.run();
