/** The terminal's drivers against the simulated devices, over real pseudo-terminals. */
import { rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSoftVault } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import {
  type DeviceName,
  type DeviceState,
  encodeEscPos,
  openDevices,
  printProgress,
  type Slip,
  serialBytePort,
  slipText,
} from '../../terminal/index.ts';
import { type DeviceOptions, startDevices } from './index.ts';

const PAN = '6277880000000016';
const TRACK2 = `${PAN}=28127010000000000`;
const COMPONENTS = ['0123456789ABCDEFFEDCBA9876543210', '1357924680ACE02468ACE13579BDF024'];

const clock = {
  now: () => Date.now(),
  after: (ms: number, act: () => void) => {
    const timer = setTimeout(act, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
const withCode = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;
const noSignal = () => new AbortController().signal;

/** A terminal's three devices with their drivers; ends everything also when the test fails. */
async function withDevices(
  work: (bench: Awaited<ReturnType<typeof startBench>>) => Promise<void>,
  options: Partial<DeviceOptions> = {},
): Promise<void> {
  const bench = await startBench(options);
  try {
    await work(bench);
  } finally {
    await bench.devices.close();
    await bench.simulated.close();
    const left = await readdir(bench.dir);
    await rm(bench.dir, { recursive: true });
    assert.equal(left, [], 'no name and no pipe is left behind');
  }
}

async function startBench(options: Partial<DeviceOptions>) {
  const dir = await mkdtemp(join(tmpdir(), 'zunka-devices-'));
  const components = COMPONENTS.map((component) => Buffer.from(component, 'hex'));
  const simulated = await startDevices({ dir, random: randomBytes, tmkComponents: components, ...options });
  const { paths } = simulated;
  const devices = openDevices({
    reader: serialBytePort({ path: paths.reader, quietMs: 30 }),
    pinPad: serialBytePort({ path: paths.pinPad }),
    printer: serialBytePort({ path: paths.printer }),
    clock,
  });
  const faults: [DeviceName, DeviceState, string][] = [];
  devices.onFault((...fault) => faults.push(fault));
  await devices.settled();
  return { dir, simulated, devices, faults };
}

/** The host's side of a sign-in, with the same master key. */
async function hostKeys() {
  const vault = await openSoftVault({ random: randomBytes });
  const components = COMPONENTS.map((component) => Buffer.from(component, 'hex'));
  const tmk = vault.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: '3des', components });
  return { vault, tmk, signIn: () => vault.makeWorkingKeys(tmk, '003') };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function slipOf(lines: number): Slip {
  return {
    cut: true,
    lines: Array.from({ length: lines }, (_, at) => ({ text: `第${at + 1}行 line ${at + 1}` })),
  };
}

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

const pad = suite('PIN pad with real keys');

pad('makes the MAC that the host makes, also after the next sign-in, and knows the previous key', () =>
  withDevices(async ({ devices }) => {
    const { vault, signIn } = await hostKeys();
    const data = randomBytes(1_500);
    const first = signIn();
    await devices.pinPad.loadWorkingKeys('003', first.de62);
    const oldMac = vault.mac(first.mak, data, 'unionpay-ecb');
    assert.equal(await devices.pinPad.mac(data), oldMac);
    const second = signIn();
    await devices.pinPad.loadWorkingKeys('003', second.de62);
    const newMac = vault.mac(second.mak, data, 'unionpay-ecb');
    assert.equal(await devices.pinPad.mac(data), newMac);
    assert.is(await devices.pinPad.whichMac(data, newMac), 'current');
    assert.is(await devices.pinPad.whichMac(data, oldMac), 'previous');
    assert.is(await devices.pinPad.verifyMac(data, Buffer.alloc(8, 0x41)), false);
    assert.is((await devices.pinPad.status()).macCheckValue, second.mak.checkValue);
  }),
);

pad('refuses keys with a wrong check value and keeps the old ones', () =>
  withDevices(async ({ devices }) => {
    const { vault, signIn } = await hostKeys();
    const good = signIn();
    await devices.pinPad.loadWorkingKeys('003', good.de62);
    const { de62 } = signIn();
    const wrong = de62.slice(0, -1) + (de62.endsWith('0') ? '1' : '0');
    await rejects(devices.pinPad.loadWorkingKeys('003', wrong), withCode('KEY_CHECK_VALUE'));
    const data = randomBytes(64);
    assert.equal(await devices.pinPad.mac(data), vault.mac(good.mak, data, 'unionpay-ecb'));
  }),
);

pad('has no MAC before the first sign-in', () =>
  withDevices(async ({ devices }) => {
    await rejects(devices.pinPad.mac(Buffer.alloc(8)), withCode('KEY_UNKNOWN'));
    assert.is((await devices.pinPad.status()).macCheckValue, null);
  }),
);

pad('shows the amount and stars, and gives a PIN block that the host finds right', () =>
  withDevices(async ({ simulated, devices }) => {
    const { vault, signIn } = await hostKeys();
    const { pik, de62 } = signIn();
    await devices.pinPad.loadWorkingKeys('003', de62);
    const options = { pan: PAN, amountText: '金额 RMB 128.00', timeoutMs: 10_000, signal: noSignal() };
    const entry = devices.pinPad.enterPin(options);
    await until(() => simulated.pinPad.display()[0] === '金额 RMB 128.00');
    simulated.pinPad.press('9');
    simulated.pinPad.press('9');
    assert.equal(simulated.pinPad.display(), ['金额 RMB 128.00', '627788******0016', '请输入密码 PIN', '**']);
    simulated.pinPad.press('clear');
    await simulated.pinPad.typePin('246810');
    const pinBlock = await entry;
    assert.ok(pinBlock !== 'bypassed' && pinBlock.length === 8);
    const pvk = vault.generate({ name: 'pvk', use: 'pin-verification', algorithm: '3des' });
    const right = vault.encryptPinBlock(pik, Buffer.from('246810'), PAN);
    const reference = vault.makePinReference({
      pik,
      pinBlock: right,
      pan: PAN,
      pvk,
      method: 'ibm3624',
      pvki: '1',
    });
    assert.is(vault.verifyPin({ pik, pinBlock: pinBlock as Buffer, pan: PAN, pvk, reference }), 'right');
  }),
);

pad('tells a bypassed PIN, a cancel by the holder and a cancel by the terminal apart', () =>
  withDevices(async ({ simulated, devices }) => {
    const { signIn } = await hostKeys();
    await devices.pinPad.loadWorkingKeys('003', signIn().de62);
    const stop = new AbortController();
    const ask = () =>
      devices.pinPad.enterPin({ pan: PAN, amountText: 'RMB 1.00', timeoutMs: 10_000, signal: stop.signal });
    const isAsking = () => simulated.pinPad.display().length === 4;
    const bypassed = ask();
    await until(isAsking);
    simulated.pinPad.press('confirm');
    assert.is(await bypassed, 'bypassed');
    const cancelled = ask();
    await until(isAsking);
    simulated.pinPad.pressCancel();
    await rejects(cancelled, withCode('CANCELLED'));
    const stopped = ask();
    await until(isAsking);
    stop.abort();
    await rejects(stopped, withCode('CANCELLED'));
    assert.equal(simulated.pinPad.display(), ['欢迎使用尊卡', 'WELCOME']);
  }),
);

pad('ends a PIN entry in which nobody types', () =>
  withDevices(async ({ simulated, devices }) => {
    const { signIn } = await hostKeys();
    await devices.pinPad.loadWorkingKeys('003', signIn().de62);
    const options = { pan: PAN, amountText: 'RMB 1.00', timeoutMs: 1_000, signal: noSignal() };
    await rejects(devices.pinPad.enterPin(options), withCode('DEVICE_SILENT'));
    assert.is(devices.pinPad.state(), 'ready', 'a holder who does not type is no fault of the pad');
    assert.equal(simulated.pinPad.display(), ['欢迎使用尊卡', 'WELCOME']);
  }),
);

pad('sends function keys to the terminal, but no digit', () =>
  withDevices(async ({ simulated, devices }) => {
    const keys: string[] = [];
    devices.pinPad.onKey((key) => keys.push(key));
    for (const key of ['1', '2', 'confirm', '3', 'f1'] as const) simulated.pinPad.press(key);
    await until(() => keys.length === 2);
    assert.equal(keys, ['confirm', 'f1']);
  }),
);

pad('seals a card number so that only it can open it', () =>
  withDevices(async ({ devices }) => {
    const sealed = await devices.pinPad.seal(Buffer.from(PAN));
    assert.not.match(sealed, PAN);
    assert.is((await devices.pinPad.unseal(sealed)).toString(), PAN);
    const changed = Buffer.from(sealed, 'base64');
    changed[20] = (changed[20] ?? 0) ^ 1;
    await rejects(devices.pinPad.unseal(changed.toString('base64')), withCode('SEAL_BROKEN'));
    assert.is((await devices.pinPad.random(16)).length, 16);
    await devices.pinPad.display(['余额 384.80', 'BALANCE']);
  }),
);

pad('fails a PIN entry when it is unplugged, and is ready again with its keys after re-plug', () =>
  withDevices(async ({ simulated, devices, faults }) => {
    const { signIn } = await hostKeys();
    const { de62, mak } = signIn();
    await devices.pinPad.loadWorkingKeys('003', de62);
    const entry = devices.pinPad.enterPin({
      pan: PAN,
      amountText: 'RMB 1.00',
      timeoutMs: 9_000,
      signal: noSignal(),
    });
    await until(() => simulated.pinPad.display().length === 4);
    const failed = rejects(entry, withCode('DEVICE_ABSENT'));
    await simulated.pinPad.unplug();
    await failed;
    await rejects(devices.pinPad.random(1), withCode('DEVICE_ABSENT'));
    await simulated.pinPad.plug();
    await until(() => devices.pinPad.state() === 'ready');
    assert.is((await devices.pinPad.status()).macCheckValue, mak.checkValue);
    assert.equal(
      faults.map(([, state]) => state),
      ['absent', 'ready'],
    );
  }),
);

pad('says that its keys changed while it was away', () =>
  withDevices(async ({ simulated, devices, faults }) => {
    const { signIn } = await hostKeys();
    await devices.pinPad.loadWorkingKeys('003', signIn().de62);
    await simulated.pinPad.unplug();
    simulated.pinPad.injectTmk(COMPONENTS.map((component) => Buffer.from(component, 'hex')));
    await simulated.pinPad.plug();
    await until(() => faults.length === 3);
    assert.match(faults[2]?.[2] ?? '', 'KEYS CHANGED, SIGN IN');
  }),
);

pad.run();

const printer = suite('receipt printer on a serial line');

printer('puts a slip on paper as it was laid out, Chinese included', () =>
  withDevices(async ({ simulated, devices }) => {
    const slip: Slip = {
      cut: true,
      lines: [
        { text: '建业大酒店', align: 'center', size: 'double', bold: true },
        { text: '金额 AMOUNT          RMB 128.00' },
        { text: '   128.00', size: 'double' },
        { text: '客户 𠮷野' },
      ],
    };
    await devices.printer.print(slip);
    await until(() => simulated.printer.slips().length === 1);
    const [printed] = simulated.printer.slips();
    assert.is(printed?.text, slipText(slip));
    assert.match(printed?.text ?? '', '客户 〓野');
    assert.is(printed?.complete, true);
  }),
);

printer('prints a slip that comes as one block', () =>
  withDevices(async ({ simulated, devices }) => {
    await devices.close();
    const line = serialBytePort({ path: simulated.paths.printer });
    await line.open();
    await line.write(encodeEscPos(slipOf(12)));
    await until(() => simulated.printer.slips().length === 1);
    await line.close();
    assert.is(simulated.printer.slips()[0]?.text, slipText(slipOf(12)));
  }),
);

printer('keeps its order when the mechanism is slower than the line', () =>
  withDevices(
    async ({ simulated, devices }) => {
      await devices.printer.print(slipOf(15));
      await until(() => simulated.printer.slips().length === 1);
      assert.is(simulated.printer.slips()[0]?.text, slipText(slipOf(15)));
    },
    { printer: { lineMs: 60 } },
  ),
);

printer('stops at the line where the paper ends, and prints the whole slip after a refill', () =>
  withDevices(async ({ simulated, devices, faults }) => {
    simulated.printer.paper(10);
    assert.is((await devices.printer.status()).paper, 'near end');
    const failed = await devices.printer.print(slipOf(30)).catch((error: unknown) => error);
    assert.ok(withCode('PAPER_OUT')(failed));
    const progress = printProgress(failed);
    assert.is(progress?.linesKnownPrinted, 6);
    assert.is(progress?.linesTotal, 30);
    assert.equal(faults[0]?.slice(0, 2), ['printer', 'error']);
    assert.is((await devices.printer.status()).paper, 'out');
    simulated.printer.refill();
    await until(() => devices.printer.state() === 'ready');
    await devices.printer.print(slipOf(30));
    await until(() => simulated.printer.slips().length >= 2);
    const slips = simulated.printer.slips();
    assert.is(slips[0]?.complete, false);
    assert.is(slips[0]?.text, slipText(slipOf(10)));
    assert.ok(slips.at(-1)?.text.endsWith(slipText(slipOf(30))));
  }),
);

printer('refuses to begin with an open cover, and says so', () =>
  withDevices(async ({ simulated, devices }) => {
    simulated.printer.openCover();
    await rejects(devices.printer.print(slipOf(3)), (error: unknown) => {
      assert.ok(withCode('PRINTER_FAULT')(error));
      assert.match(String(error), '盖子未合 COVER OPEN');
      return true;
    });
    simulated.printer.closeCover();
    await until(() => devices.printer.state() === 'ready');
    await devices.printer.print(slipOf(3));
  }),
);

printer('is in error while it answers garbage, and ready when it answers well again', () =>
  withDevices(async ({ simulated, devices, faults }) => {
    simulated.printer.behave('garbage');
    await rejects(devices.printer.print(slipOf(3)), withCode('DEVICE_GARBAGE'));
    assert.is(devices.printer.state(), 'error');
    assert.equal(faults[0]?.slice(0, 2), ['printer', 'error']);
    simulated.printer.behave('well');
    await until(() => devices.printer.state() === 'ready');
    await devices.printer.print(slipOf(3));
  }),
);

printer('serves a board that knows only the real-time state', () =>
  withDevices(
    async ({ simulated, devices }) => {
      await devices.printer.print(slipOf(14));
      await until(() => simulated.printer.slips().length === 1);
      assert.is(simulated.printer.slips()[0]?.complete, true);
    },
    { printer: { answersQueued: false } },
  ),
);

printer('fails by name when it is unplugged in mid-slip, and prints after re-plug', () =>
  withDevices(
    async ({ simulated, devices, faults }) => {
      const printing = devices.printer.print(slipOf(40));
      await until(() => simulated.printer.unfinished().includes('line 8'));
      const failed = rejects(printing, withCode('DEVICE_ABSENT'));
      await simulated.printer.unplug();
      await failed;
      assert.equal(faults[0], ['printer', 'absent', '打印机 PRINTER 已拔出 UNPLUGGED']);
      await simulated.printer.plug();
      await until(() => devices.printer.state() === 'ready');
      await devices.printer.print(slipOf(3));
    },
    { printer: { lineMs: 10 } },
  ),
);

printer.run();
