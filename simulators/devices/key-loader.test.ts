/** A key-loading device at a PIN pad's second line, over a real pseudo-terminal. */
import { rejects } from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  aesCheckValue,
  type KeyBlockHeader,
  KeyBlockProtectionKey,
  openSoftVault,
  toHex,
  wrapKeyBlock,
} from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import { nodeClock, serialBytePort } from '../../terminal/index.ts';
import { withCode, withDevices } from './bench.fixture.ts';
import { PadKeyRoom } from './pad-key-room.ts';
import { padAnswer } from './pad-wire.ts';
import { SimulatedKeyLoader } from './simulated-key-loader.ts';
import type { SimulatedPinPad } from './simulated-pin-pad.ts';

/** Zeros under double-length triple DES, by Node alone. */
function checkValue(key: Buffer): string {
  const cipher = createCipheriv('des-ede', key, null).setAutoPadding(false);
  return cipher.update(Buffer.alloc(8)).subarray(0, 3).toString('hex').toUpperCase();
}
const xor = (components: readonly Buffer[]) =>
  components.reduce((sum, one) => Buffer.from(sum.map((byte, at) => byte ^ (one[at] ?? 0))));
const copies = (components: readonly Buffer[]) => components.map((one) => Buffer.from(one));

/** A pad with both lines, and a loader at the second. */
async function inKeyRoom(work: (loader: SimulatedKeyLoader, pad: SimulatedPinPad) => Promise<void>) {
  await withDevices(
    async ({ simulated }) => {
      const port = serialBytePort({ path: simulated.paths.keyRoom ?? '' });
      await port.open();
      try {
        await work(new SimulatedKeyLoader(port, nodeClock), simulated.pinPad);
      } finally {
        await port.close();
      }
    },
    { keyRoom: true },
  );
}

const loading = suite('a key-loading device brings a master key in components');

for (const count of [2, 3]) {
  loading(`${count} components: every check value is what their custodians have on their sheets`, () =>
    inKeyRoom(async (loader, pad) => {
      const components = Array.from({ length: count }, () => randomBytes(16));
      const sheets = components.map(checkValue);
      const key = checkValue(xor(components));
      const given = copies(components);
      assert.equal(await loader.load(given, key), { components: sheets, key });
      assert.is(pad.padKeys.tmk?.checkValue, key);
      assert.ok(
        given.every((one) => one.every((byte) => byte === 0)),
        'nothing stays in the loader',
      );
    }),
  );
}

loading('a wrong component is seen by the check value, and the pad keeps the key that it has', () =>
  inKeyRoom(async (loader, pad) => {
    const before = pad.padKeys.tmk?.checkValue;
    const components = [randomBytes(16), randomBytes(16)];
    const key = checkValue(xor(components));
    const wrong = copies(components);
    wrong[1]?.writeUInt8((wrong[1].readUInt8(0) ^ 0x10) & 0xff, 0);
    await rejects(loader.load(wrong, key), withCode('KEY_CHECK_VALUE'));
    assert.is(pad.padKeys.tmk?.checkValue, before);
    assert.is((await loader.load(components, key)).key, key);
  }),
);

// biome-ignore format: a table is read by column
const REFUSED: Readonly<Record<string, () => readonly Buffer[]>> = {
  'one component alone':        () => [randomBytes(16)],
  'four components':            () => [1, 2, 3, 4].map(() => randomBytes(16)),
  'two that are equal':         () => [Buffer.alloc(16, 0x5b), Buffer.alloc(16, 0x5b)],
  'one of zeros':               () => [randomBytes(16), Buffer.alloc(16)],
  'one that is too short':      () => [randomBytes(16), randomBytes(15)],
};

for (const [what, components] of Object.entries(REFUSED)) {
  loading(`${what}: refused, and the pad keeps the key that it has`, () =>
    inKeyRoom(async (loader, pad) => {
      const before = pad.padKeys.tmk?.checkValue;
      await rejects(loader.load(components(), 'ABCDEF'), withCode('DEVICE_REFUSED'));
      assert.is(pad.padKeys.tmk?.checkValue, before);
    }),
  );
}

loading('components of a ceremony that was broken off do not count in the next one', () =>
  inKeyRoom(async (loader, pad) => {
    await rejects(loader.load([randomBytes(16), randomBytes(15)], 'ABCDEF'), withCode('DEVICE_REFUSED'));
    const components = [randomBytes(16), randomBytes(16)];
    const key = checkValue(xor(components));
    await loader.load(components, key);
    assert.is(pad.padKeys.tmk?.checkValue, key);
  }),
);

loading('components that make a weak key: refused, although the check value is right', () =>
  inKeyRoom(async (loader, pad) => {
    const before = pad.padKeys.tmk?.checkValue;
    const half = randomBytes(8);
    const mask = randomBytes(16);
    const components = [mask, xor([mask, Buffer.concat([half, half])])];
    const expected = checkValue(xor(components));
    await rejects(loader.load(components, expected), withCode('DEVICE_REFUSED'));
    assert.is(pad.padKeys.tmk?.checkValue, before);
  }),
);

loading.run();

const HEADER: KeyBlockHeader = {
  version: 'D',
  usage: 'K0',
  algorithm: 'T',
  mode: 'B',
  keyVersion: '00',
  exportability: 'N',
  keyContext: '2',
  optional: [],
};

/** The key-loading key of a key room, and what the sender of master keys makes with it. */
function keyLoadingKey(protection: 'aes' | 'tdes') {
  const components = [1, 2].map(() => randomBytes(protection === 'aes' ? 32 : 16));
  const key = xor(components);
  const version = protection === 'aes' ? 'D' : 'B';
  return {
    components,
    checkValue: protection === 'aes' ? toHex(aesCheckValue(key)) : checkValue(key),
    blockOf: (bytes: Buffer, header: Partial<KeyBlockHeader> = {}) =>
      wrapKeyBlock(
        new KeyBlockProtectionKey(protection, key),
        { ...HEADER, version, ...header },
        bytes,
        randomBytes,
      ),
  };
}

const block = suite('a key-loading device brings a master key as a key block');

for (const protection of ['aes', 'tdes'] as const) {
  const version = protection === 'aes' ? 'D under AES-256' : 'B under triple DES';
  block(`version ${version}: both ends find the check value of the sheet, and the host's sign-in opens`, () =>
    inKeyRoom(async (loader, pad) => {
      const shared = keyLoadingKey(protection);
      assert.is(await loader.loadShared(copies(shared.components), shared.checkValue), shared.checkValue);
      const components = [randomBytes(16), randomBytes(16)];
      const tmk = xor(components);
      assert.is(await loader.loadBlock(shared.blockOf(tmk), checkValue(tmk)), checkValue(tmk));

      const host = await openSoftVault({ random: randomBytes });
      const key = host.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: '3des', components });
      const { de62, mak } = host.makeWorkingKeys(key, '003');
      assert.is(pad.padKeys.load('003', de62).mak.checkValue, mak.checkValue);
    }),
  );
}

block('the next one replaces it, and the key-loading key stays; the same one again is taken again', () =>
  inKeyRoom(async (loader, pad) => {
    const shared = keyLoadingKey('aes');
    await loader.loadShared(copies(shared.components), shared.checkValue);
    for (const tmk of [randomBytes(16), randomBytes(16)]) {
      const made = shared.blockOf(tmk);
      await loader.loadBlock(made, checkValue(tmk));
      await loader.loadBlock(made, checkValue(tmk));
      assert.is(pad.padKeys.tmk?.checkValue, checkValue(tmk));
    }
  }),
);

block('before pad and device share a key: refused', () =>
  inKeyRoom(async (loader, pad) => {
    const before = pad.padKeys.tmk?.checkValue;
    const tmk = randomBytes(16);
    await rejects(
      loader.loadBlock(keyLoadingKey('aes').blockOf(tmk), checkValue(tmk)),
      withCode('KEY_UNKNOWN'),
    );
    assert.is(pad.padKeys.tmk?.checkValue, before);
  }),
);

block('a key-loading key with another check value than on the sheet is not kept', () =>
  inKeyRoom(async (loader) => {
    const shared = keyLoadingKey('aes');
    await rejects(loader.loadShared(copies(shared.components), 'ABCDEF'), withCode('KEY_CHECK_VALUE'));
    const tmk = randomBytes(16);
    await rejects(loader.loadBlock(shared.blockOf(tmk), checkValue(tmk)), withCode('KEY_UNKNOWN'));
  }),
);

type Shared = ReturnType<typeof keyLoadingKey>;
const flipped = (text: string, at: number) =>
  text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);

// biome-ignore format: a table is read by column
const BLOCKS_REFUSED: Readonly<Record<string, readonly [string, (shared: Shared, tmk: Buffer) => string]>> = {
  'made under another key':               ['KEY_BLOCK_BAD',  (_, tmk) => keyLoadingKey('aes').blockOf(tmk)],
  'of version B where both share AES':    ['KEY_BLOCK_BAD',  (_, tmk) => keyLoadingKey('tdes').blockOf(tmk)],
  'of version E':                         ['KEY_BLOCK_BAD',  (shared, tmk) => shared.blockOf(tmk, { version: 'E' })],
  'with a flipped bit in its header':     ['KEY_BLOCK_BAD',  (shared, tmk) => flipped(shared.blockOf(tmk), 9)],
  'with a flipped bit in the key':        ['KEY_BLOCK_BAD',  (shared, tmk) => flipped(shared.blockOf(tmk), 30)],
  'with a flipped bit in its MAC':        ['KEY_BLOCK_BAD',  (shared, tmk) => flipped(shared.blockOf(tmk), 111)],
  'cut short':                            ['KEY_BLOCK_BAD',  (shared, tmk) => shared.blockOf(tmk).slice(0, -2)],
  'with something behind':                ['KEY_BLOCK_BAD',  (shared, tmk) => `${shared.blockOf(tmk)}00`],
  'in lower case':                        ['KEY_BLOCK_BAD',  (shared, tmk) => shared.blockOf(tmk).toLowerCase()],
  'of 9,999 characters':                  ['KEY_BLOCK_BAD',  () => 'D9999'.padEnd(9999, '0')],
  'of nothing':                           ['KEY_BLOCK_BAD',  () => ''],
  'that holds a PIN key':                 ['DEVICE_REFUSED', (shared, tmk) => shared.blockOf(tmk, { usage: 'P0' })],
  'that holds a zone master key':         ['DEVICE_REFUSED', (shared, tmk) => shared.blockOf(tmk, { usage: 'K1' })],
  'that holds single DES twice':          ['DEVICE_REFUSED', (shared, tmk) => shared.blockOf(Buffer.concat([tmk.subarray(0, 8), tmk.subarray(0, 8)]))],
  'with another key than on the sheet':   ['KEY_CHECK_VALUE', (shared) => shared.blockOf(randomBytes(16))],
};

for (const [what, [code, made]] of Object.entries(BLOCKS_REFUSED)) {
  block(`a block ${what}: ${code}, and the pad keeps the key that it has`, () =>
    inKeyRoom(async (loader, pad) => {
      const before = pad.padKeys.tmk?.checkValue;
      const shared = keyLoadingKey('aes');
      await loader.loadShared(copies(shared.components), shared.checkValue);
      const tmk = randomBytes(16);
      await rejects(loader.loadBlock(made(shared, tmk), checkValue(tmk)), withCode(code));
      assert.is(pad.padKeys.tmk?.checkValue, before);
    }),
  );
}

block.run();

const line = suite('the line between key-loading device and PIN pad');

/** A line in memory: what the device writes, and what it is told. */
function memoryLine() {
  const listeners: ((chunk: Buffer) => void)[] = [];
  const timers: (() => void)[] = [];
  const written: { readonly given: Buffer; readonly copy: Buffer }[] = [];
  const port = {
    isOpen: true,
    onData: (listener: (chunk: Buffer) => void) => void listeners.push(listener),
    onClose: () => undefined,
    open: async () => undefined,
    write: async (given: Buffer) => void written.push({ given, copy: Buffer.from(given) }),
    close: async () => undefined,
  };
  return {
    loader: new SimulatedKeyLoader(port, {
      after: (_, act) => {
        timers.push(act);
        return { cancel: () => undefined };
      },
    }),
    written,
    tell: (bytes: Buffer) => void listeners.map((listener) => listener(bytes)),
    timeIsUp: () => void timers.map((act) => act()),
  };
}

line('a line on which nobody answers is told', async () => {
  const { loader, timeIsUp } = memoryLine();
  const asked = loader.finish('ABCDEF');
  timeIsUp();
  await rejects(asked, withCode('DEVICE_SILENT'));
});

line('noise, a changed answer and a late one are none', async () => {
  const { loader, tell } = memoryLine();
  const answer = (sequence: number, told: string) => padAnswer(0x40, 0, sequence, Buffer.from(told, 'hex'));
  const asked = loader.finish('ABCDEF');
  tell(Buffer.from('\x02noise\x03', 'latin1'));
  const changed = answer(1, '111111');
  changed.writeUInt8(changed.readUInt8(12) ^ 1, 12);
  tell(changed);
  tell(answer(7, '222222'));
  const right = answer(1, 'ABCDEF');
  tell(right.subarray(0, 9));
  tell(right.subarray(9));
  assert.is(await asked, 'ABCDEF');
});

for (const [what, told] of [
  ['another check value', 'BADBAD'],
  ['no check value', ''],
] as const)
  for (const act of ['finish', 'share', 'loadBlock'] as const)
    line(`${act}: a pad that says done and tells ${what} is not believed`, async () => {
      const { loader, tell } = memoryLine();
      const asked = act === 'loadBlock' ? loader.loadBlock('D0000', '123456') : loader[act]('123456');
      tell(padAnswer(0x40, 0, 1, Buffer.from(told, 'hex')));
      await rejects(asked, withCode('KEY_CHECK_VALUE'));
    });

line('a pad that tells no check value of a component has not answered', async () => {
  const { loader, tell } = memoryLine();
  const asked = loader.component(1, 2, randomBytes(16));
  tell(padAnswer(0x40, 0, 1, Buffer.alloc(0)));
  await rejects(asked, withCode('DEVICE_GARBAGE'));
});

line('a component is wiped, and so is the frame that carried it', async () => {
  const { loader, tell, written } = memoryLine();
  const component = randomBytes(16);
  const frame = padAnswer(0x40, 0, 1, Buffer.concat([Buffer.from([1, 1, 2]), component]));
  const asked = loader.component(1, 2, component);
  assert.equal(
    written.map(({ copy }) => copy),
    [frame],
  );
  tell(padAnswer(0x40, 0, 1, Buffer.from('ABCDEF', 'hex')));
  await asked;
  for (const bytes of [component, ...written.map(({ given }) => given)])
    assert.ok(bytes.every((byte) => byte === 0));
});

/** A key room at a pad whose line is in memory. */
function roomAt(pad: SimulatedPinPad) {
  const said: Buffer[] = [];
  let hear: (chunk: Buffer) => void = () => undefined;
  const cable = {
    onData: (listener: (chunk: Buffer) => void) => {
      hear = listener;
    },
    write: (bytes: Buffer) => void said.push(bytes),
    plug: async () => undefined,
    unplug: async () => undefined,
  };
  const room = new PadKeyRoom(cable, pad);
  return { room, said, send: (chunk: Buffer) => hear(chunk) };
}

line('the pad wipes what it read, whole or in pieces', () =>
  withDevices(async ({ simulated }) => {
    const { room, said, send } = roomAt(simulated.pinPad);
    const component = randomBytes(16);
    const frame = padAnswer(0x40, 0, 1, Buffer.concat([Buffer.from([1, 1, 2]), component]));
    const chunks = [frame.subarray(0, 9), frame.subarray(9, 10), frame.subarray(10)].map((one) =>
      Buffer.from(one),
    );
    for (const chunk of chunks) send(chunk);
    for (const chunk of chunks) assert.ok(chunk.every((byte) => byte === 0));
    await room.unplug();
    assert.equal(said, [padAnswer(0x40, 0, 1, Buffer.from(checkValue(component), 'hex'))]);
  }),
);

line('a pad whose memory refuses says that it has the new key and that it does not rest; then it does', () =>
  withDevices(async ({ simulated }) => {
    const { pinPad } = simulated;
    const { padKeys } = pinPad;
    const { room, said, send } = roomAt(pinPad);
    let isFull = true;
    const saved = padKeys.saved.bind(padKeys);
    padKeys.saved = async () => {
      if (isFull) throw new PosError('KEY_FILE', 'the disk refused (ENOSPC)');
      await saved();
    };
    const components = [randomBytes(16), randomBytes(16)];
    const key = checkValue(xor(components));
    const bring = async (from: number) => {
      for (const [at, one] of components.entries())
        send(padAnswer(0x40, 0, from + at, Buffer.concat([Buffer.from([1, at + 1, 2]), one])));
      send(padAnswer(0x40, 0, from + 2, Buffer.from(`02${key}`, 'hex')));
      await room.unplug();
      return said.at(-1);
    };
    assert.equal(await bring(1), padAnswer(0x40, 0x25, 3, Buffer.from(key, 'hex')));
    assert.is(padKeys.tmk?.checkValue, key);
    isFull = false;
    assert.equal(await bring(4), padAnswer(0x40, 0, 6, Buffer.from(key, 'hex')));
  }),
);

line('the device tells that a key is not durable', async () => {
  const { loader, tell } = memoryLine();
  const asked = loader.finish('ABCDEF');
  tell(padAnswer(0x40, 0x25, 1, Buffer.from('ABCDEF', 'hex')));
  await rejects(
    asked,
    (error) => withCode('DEVICE_REFUSED')(error) && /uses the new key/.test(String(error)),
  );
});

line('the pad forgets components when the cable is pulled', () =>
  withDevices(async ({ simulated }) => {
    const { room, said, send: hear } = roomAt(simulated.pinPad);
    const before = simulated.pinPad.padKeys.tmk?.checkValue;
    const components = [randomBytes(16), randomBytes(16)];
    const send = (sequence: number, bytes: Buffer) => hear(padAnswer(0x40, 0, sequence, bytes));
    for (const [at, one] of components.entries())
      send(at + 1, Buffer.concat([Buffer.from([1, at + 1, 2]), one]));
    await room.unplug();
    send(3, Buffer.from(`02${checkValue(xor(components))}`, 'hex'));
    await room.unplug();
    assert.equal(said.at(-1), padAnswer(0x40, 0x30, 3, Buffer.alloc(0)));
    assert.is(simulated.pinPad.padKeys.tmk?.checkValue, before);
  }),
);

line.run();
