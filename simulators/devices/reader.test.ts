/** The terminal's card reader driver against the simulated reader, over a real pseudo-terminal. */
import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noSignal, PAN, TRACK2, until, withCode, withDevices } from './bench.fixture.ts';

const reader = suite('card reader on a serial line');

reader("gives track 2 and the holder's name after a swipe", () =>
  withDevices(async ({ simulated, devices }) => {
    const card = devices.reader.read({ timeoutMs: 10_000, signal: noSignal(), onBadRead() {} });
    await until(() => devices.reader.state() === 'busy');
    simulated.reader.send('\x00\x81~'); // noise of a bad cable
    simulated.reader.swipe(TRACK2, `B${PAN}^LI/SI^28127010000000000`);
    const { track2, track1Name } = await card;
    assert.is(track2.packed, `${PAN}D28127010000000000`);
    assert.is(track1Name, 'LI/SI');
  }),
);

reader('asks for another swipe after a bad one', () =>
  withDevices(async ({ simulated, devices }) => {
    const left: number[] = [];
    const card = devices.reader.read({
      timeoutMs: 10_000,
      signal: noSignal(),
      onBadRead(swipes) {
        left.push(swipes);
        if (swipes > 2) simulated.reader.swipeBadly();
        else simulated.reader.swipe(TRACK2);
      },
    });
    await until(() => devices.reader.state() === 'busy');
    simulated.reader.swipeBadly();
    assert.is((await card).track2.pan, PAN);
    assert.equal(left, [3, 2]);
  }),
);

reader('fails by name when it is unplugged under a waiting clerk, and serves again after that', () =>
  withDevices(async ({ simulated, devices, faults }) => {
    const card = devices.reader.read({ timeoutMs: 10_000, signal: noSignal(), onBadRead() {} });
    await until(() => devices.reader.state() === 'busy');
    const failed = rejects(card, withCode('DEVICE_ABSENT'));
    await simulated.reader.unplug();
    await failed;
    assert.equal(faults, [['reader', 'absent', '读卡器 CARD READER 已拔出 UNPLUGGED']]);
    await simulated.reader.plug();
    await until(() => devices.reader.state() === 'ready');
    const again = devices.reader.read({ timeoutMs: 10_000, signal: noSignal(), onBadRead() {} });
    await until(() => devices.reader.state() === 'busy');
    simulated.reader.swipe(TRACK2);
    assert.is((await again).track2.pan, PAN);
  }),
);

reader.run();
