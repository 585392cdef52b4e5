import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  balanceFrame,
  type Fixture,
  openFixture,
  refundFrame,
  reversalFrame,
  saleFrame,
} from '../node-acquiring.fixture.ts';
import { sealTrack } from '../wire-terminal.fixture.ts';

const keys = suite('the dialect: keys and MAC');
let host: Fixture;
keys.before.each(async () => {
  host = await openFixture();
});
keys.after.each(async () => {
  await host.close();
});

const code = async (frame: Buffer) => (await host.answer(frame)).fields[39];
const spoil = (frame: Buffer) => {
  const spoiled = Buffer.from(frame);
  spoiled[spoiled.length - 1] = (spoiled.at(-1) ?? 0) ^ 1;
  return spoiled;
};

keys(
  'a terminal that has not signed in: A0 without a MAC, and header digit 6 asks for a sign-in',
  async () => {
    host.shop.batch = 1;
    const answer = await host.answer(saleFrame(host.shop, await host.card(), 1_00));
    assert.equal([answer.fields[39], answer.macData, answer.header[5]], ['A0', null, '3']);
  },
);

keys('a wrong MAC is A0 and changes nothing; a right one ends the row of failures', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  assert.equal(
    [
      await code(spoil(saleFrame(host.shop, card, 1_00))),
      await code(spoil(saleFrame(host.shop, card, 1_00))),
    ],
    ['A0', 'A0'],
  );
  assert.is(await code(saleFrame(host.shop, card, 1_00)), '00');
  assert.is((await host.rows('terminals'))[0]?.macFailures, 0);
  assert.is(await host.available(card.accountId), 1_099_00);
});

keys('three in a row drop the keys and are an audit event; A0 until the next sign-in', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  for (let time = 0; time < 3; time += 1) assert.is(await code(spoil(balanceFrame(host.shop, card))), 'A0');
  const [row] = await host.rows('terminals');
  assert.equal([row?.keys, row?.previousKeys], [null, null]);
  assert.ok(host.log.some(({ level, text }) => level === 'warn' && text === 'refused, and audited'));
  assert.is(await code(balanceFrame(host.shop, card)), 'A0');
  await host.signIn(host.shop);
  assert.is(await code(balanceFrame(host.shop, card)), '00');
});

keys('every sign-in makes new keys; the old ones serve until the first right MAC under the new', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const old = { pik: host.shop.pik, mak: host.shop.mak };
  // Somebody else sends an 0800: the terminal has not got the answer.
  const stolen = await host.answer(host.shop.signInFrame());
  assert.is(await code(saleFrame(host.shop, card, 1_00)), '00');
  await host.answer(host.shop.signInFrame());
  assert.is(await code(saleFrame(host.shop, card, 1_00)), '00', 'nor do two of them take the keys away');
  host.shop.takeKeys(stolen);
  assert.not.equal(host.shop.mak, old.mak);
});

keys('then sixty seconds more, for 0400 and repeats', async () => {
  await host.signIn(host.shop);
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 50_00));
  const old = { pik: host.shop.pik, mak: host.shop.mak };
  const refund = refundFrame(host.shop, card, sale, 1_00);
  assert.is(await code(refund), '00');
  const reversal = reversalFrame(host.shop, { de3: '000000', type: '22', amount: 1, trace: '000900' });
  const late = reversalFrame(host.shop, { de3: '000000', type: '22', amount: 1, trace: '000901' });
  await host.signIn(host.shop);
  assert.is(await code(balanceFrame(host.shop, card)), '00', 'the new keys are proven');
  const current = { pik: host.shop.pik, mak: host.shop.mak };
  Object.assign(host.shop, old);
  assert.is(await code(refund), '00', 'a repeat');
  assert.is(await code(reversal), '25');
  assert.is(await code(saleFrame(host.shop, card, 1_00)), 'A0', 'nothing new');
  host.clock.pass(60_001);
  assert.is(await code(late), 'A0');
  Object.assign(host.shop, current);
  assert.is(await code(balanceFrame(host.shop, card)), '00');
});

keys('a key mode that the profile does not allow, or that does not fit the TMK: 40', async () => {
  assert.is(await code(host.shop.signInFrame({ mode: '001' })), '40');
  assert.is(await code(host.shop.signInFrame({ mode: '004' })), '40');
  const profile = host.terminals.get(host.shop.id);
  if (profile !== undefined)
    host.terminals.set(host.shop.id, { ...profile, keyModes: ['003', '004', '005'] });
  assert.is(await code(host.shop.signInFrame({ mode: '004' })), '00');
  assert.is(await code(host.shop.signInFrame({ mode: '005' })), '40', 'SM4 under a 3DES master key');
});

keys('mode 004: a track encrypted under the TDK is opened before its card is looked up', async () => {
  const profile = host.terminals.get(host.shop.id);
  if (profile !== undefined) host.terminals.set(host.shop.id, { ...profile, keyModes: ['004'] });
  host.shop.takeKeys(await host.answer(host.shop.signInFrame({ mode: '004' })));
  const card = await host.card();
  const sealed = { 35: sealTrack(host.shop.tdk, card.track2), 53: '2610000000000000' };
  assert.is(await code(saleFrame(host.shop, card, 1_00, sealed)), '00');
  assert.is(await host.available(card.accountId), 1_099_00);
  assert.is(
    await code(saleFrame(host.shop, card, 1_00, { ...sealed, 35: card.track2 })),
    '14',
    'a clear track that says it is not',
  );
});

keys('a profile may force a MAK of eight bytes', async () => {
  const profile = host.terminals.get(host.shop.id);
  if (profile !== undefined) host.terminals.set(host.shop.id, { ...profile, singleLengthMak: true });
  const answer = await host.signIn(host.shop);
  assert.is(answer.fields[62]?.slice(56, 72), '0'.repeat(16));
  assert.is(await code(saleFrame(host.shop, await host.card(), 1_00)), '00');
});

keys.run();
