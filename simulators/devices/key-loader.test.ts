/** A key-loading device at a PIN pad's second line, over a real pseudo-terminal. */
import { rejects } from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serialBytePort } from '../../terminal/index.ts';
import { withCode, withDevices } from './bench.fixture.ts';
import { PadKeyRoom } from './pad-key-room.ts';
import { PseudoLine } from './pseudo-line.ts';
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
async function inKeyRoom(
  work: (loader: SimulatedKeyLoader, pad: SimulatedPinPad, room: PadKeyRoom) => Promise<void>,
): Promise<void> {
  await withDevices(async ({ simulated, dir }) => {
    const path = join(dir, 'keyroom');
    const line = new PseudoLine(path);
    const room = new PadKeyRoom(line, (components) => simulated.pinPad.injectTmk(components));
    await line.plug();
    const port = serialBytePort({ path });
    await port.open();
    try {
      await work(new SimulatedKeyLoader(port), simulated.pinPad, room);
    } finally {
      await port.close();
      await room.unplug();
    }
  });
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

loading.run();
