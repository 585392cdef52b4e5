import { rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSoftVault, type Vault } from '../../keys/index.ts';
import { withCode, withDevices } from './bench.fixture.ts';
import { KeyRoom, START, TERMINAL } from './key-room.fixture.ts';
import { type BindingPort, type PadBinding, PadKeys } from './pad-keys.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

async function openPad(options: { vault?: Vault; binding?: BindingPort } = {}) {
  const clock = { ms: START, now: () => clock.ms, after: () => ({ cancel: () => undefined }) };
  const vault = options.vault ?? (await openSoftVault({ random: randomBytes }));
  const { binding } = options;
  const pad = new PadKeys({ vault, random: randomBytes, clock, ...(binding && { binding }) });
  return { pad, vault, clock };
}

let room: KeyRoom;
const binding = suite('a PIN pad is bound to its host in the key room');

binding.before(async () => {
  room = await KeyRoom.open();
});

binding('asks for nothing, and takes nothing, before it is bound', async () => {
  const { pad } = await openPad();
  assert.throws(() => pad.ask(), withCode('KEY_UNKNOWN'));
  await rejects(pad.take(Buffer.alloc(500)), withCode('KEY_UNKNOWN'));
});

// biome-ignore format: a table is read by column
const NOT_BOUND: Readonly<Record<string, readonly [string, (good: PadBinding, pad: PadKeys) => Promise<PadBinding>]>> = {
  'with a certificate for another terminal':      ['CERTIFICATE_BAD',     async (good) => ({ ...good, terminalId: '41010002' })],
  'with a certificate for another pad':           ['CERTIFICATE_BAD',     async () => room.bindingFor((await openPad()).pad)],
  'with an expired certificate':                  ['CERTIFICATE_EXPIRED', (_, pad) => room.bindingFor(pad, TERMINAL, [-2, -1])],
  'with a certificate of another authority':      ['CERTIFICATE_BAD',     async (good, pad) => ({ ...good, certificate: (await (await KeyRoom.open()).bindingFor(pad)).certificate })],
  'to a host of another authority':               ['CERTIFICATE_BAD',     async (good, pad) => ({ ...good, host: (await (await KeyRoom.open()).bindingFor(pad)).host })],
  'to a terminal in the place of a host':         ['CERTIFICATE_BAD',     async (good) => ({ ...good, host: good.certificate })],
  'to an authority that is none':                 ['CERTIFICATE_BAD',     async (good) => ({ ...good, authority: good.host })],
  'to what is no certificate':                    ['CERTIFICATE_BAD',     async (good) => ({ ...good, host: 'host' })],
};

for (const [what, [code, changed]] of Object.entries(NOT_BOUND)) {
  binding(`is not bound ${what}: ${code}, and it stays as it was`, async () => {
    const { pad } = await openPad();
    const good = await room.bindingFor(pad);
    await rejects(pad.bind(await changed(good, pad)), withCode(code));
    assert.throws(() => pad.ask(), withCode('KEY_UNKNOWN'));
  });
}

binding('knows after a restart to what it was bound, and an older package is none', async () => {
  let rests: string | undefined;
  const port: BindingPort = {
    read: async () => rests,
    write: async (sealed) => {
      rests = sealed;
    },
  };
  const { pad, vault } = await openPad({ binding: port });
  await pad.bind(await room.bindingFor(pad));
  await pad.take((await room.send(pad, pad.ask(), START)).packed);
  assert.not.match(rests ?? '', /CERTIFICATE|41010001/);

  const again = (await openPad({ vault, binding: port })).pad;
  await again.resume();
  await rejects(
    again.take((await room.send(again, again.ask(), START - 1)).packed),
    withCode('KEY_PACKAGE_BAD'),
  );
  await again.take((await room.send(again, again.ask(), START)).packed);
  rests = `${rests?.slice(0, -4)}AAAA`;
  await rejects((await openPad({ vault, binding: port })).pad.resume(), withCode('SEAL_BROKEN'));
});

binding.run();

const loading = suite('a PIN pad takes a key package');

async function boundPad() {
  const opened = await openPad();
  await opened.pad.bind(await room.bindingFor(opened.pad));
  return opened;
}

loading('keeps it beside the key that it has, until the host uses it', async () => {
  const { pad } = await boundPad();
  const components = [randomBytes(16), randomBytes(16)];
  pad.inject(components, '3des');
  const old = room.vault.createFromComponents({ name: 'old', use: 'tmk', algorithm: '3des', components });
  const before = pad.ask();
  assert.is(before.subarray(0, 3).toString('hex').toUpperCase(), old.checkValue);
  const { key, packed } = await room.send(pad, before);
  await pad.take(packed);
  assert.is(pad.ask().subarray(0, 3).toString('hex').toUpperCase(), key.checkValue);

  // The host may still use the old one, as often as it likes.
  for (const turn of [1, 2]) {
    const { de62, mak } = room.vault.makeWorkingKeys(old, '003');
    assert.is(pad.load('003', de62).mak.checkValue, mak.checkValue, `turn ${turn}`);
  }
  const under = room.vault.makeWorkingKeys(key, '003');
  assert.is(pad.load('003', under.de62).mak.checkValue, under.mak.checkValue);
  assert.is(pad.tmk?.checkValue, key.checkValue);
  const late = room.vault.makeWorkingKeys(old, '003');
  assert.throws(() => pad.load('003', late.de62), withCode('KEY_CHECK_VALUE'));
});

loading('as its first master key', async () => {
  const { pad } = await boundPad();
  const asked = pad.ask();
  assert.equal(asked.subarray(0, 3), Buffer.alloc(3));
  const { key, packed } = await room.send(pad, asked);
  await pad.take(packed);
  pad.load('003', room.vault.makeWorkingKeys(key, '003').de62);
  assert.is(pad.tmk?.checkValue, key.checkValue);
});

loading('once for each nonce: the same package again is refused', async () => {
  const { pad } = await boundPad();
  const { packed } = await room.send(pad, pad.ask());
  await pad.take(packed);
  await rejects(pad.take(packed), withCode('KEY_PACKAGE_REPLAYED'));
  pad.ask();
  await rejects(pad.take(packed), withCode('KEY_PACKAGE_REPLAYED'));
});

loading('in answer to its last question only, and within ten minutes', async () => {
  const { pad, clock } = await boundPad();
  const first = await room.send(pad, pad.ask());
  const second = await room.send(pad, pad.ask());
  await rejects(pad.take(first.packed), withCode('KEY_PACKAGE_REPLAYED'));
  clock.ms += 10 * MINUTE_MS + 1;
  await rejects(pad.take(second.packed), withCode('KEY_PACKAGE_REPLAYED'));
});

loading('whatever a stranger sends first: a nonce is used up by the right package only', async () => {
  const { pad } = await boundPad();
  const { packed } = await room.send(pad, pad.ask());
  const changed = Buffer.from(packed);
  changed[100] = (changed[100] ?? 0) ^ 1;
  await rejects(pad.take(changed), withCode('KEY_PACKAGE_BAD'));
  await pad.take(packed);
});

loading('over its serial line: refused, told why, and the old keys serve', () =>
  withDevices(async ({ devices, simulated }) => {
    assert.is(await devices.pinPad.askKey(), null, 'it is bound to no host');
    const { padKeys } = simulated.pinPad;
    const now = Date.now();
    const days = [(now - START) / DAY_MS - 1, (now - START) / DAY_MS + 1] as const;
    await padKeys.bind(await room.bindingFor(padKeys, TERMINAL, days, days));
    const asked = (await devices.pinPad.askKey()) ?? '';
    assert.match(asked, /^[0-9A-F]{38}$/);
    const { packed, key } = await room.send(padKeys, Buffer.from(asked, 'hex'), now);
    const before = (await devices.pinPad.status()).tmkCheckValue;
    const changed = Buffer.concat([
      packed.subarray(0, -1),
      Buffer.from([packed.at(-1) === 0x30 ? 0x31 : 0x30]),
    ]);
    await rejects(devices.pinPad.loadKey(changed), withCode('KEY_PACKAGE_BAD'));
    await rejects(devices.pinPad.loadKey(Buffer.alloc(470)), withCode('KEY_PACKAGE_REPLAYED'));
    assert.is((await devices.pinPad.status()).tmkCheckValue, before);
    await devices.pinPad.loadKey(packed);
    await devices.pinPad.loadWorkingKeys('003', room.vault.makeWorkingKeys(key, '003').de62);
    assert.is((await devices.pinPad.status()).tmkCheckValue, key.checkValue);
  }),
);

loading.run();
