/** The terminal's PIN pad driver against the simulated pad, over a real pseudo-terminal. */
import { rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COMPONENTS, hostKeys, noSignal, PAN, until, withCode, withDevices } from './bench.fixture.ts';

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

pad('refuses to ask for a PIN for what is no card number', () =>
  withDevices(async ({ simulated, devices }) => {
    const { signIn } = await hostKeys();
    await devices.pinPad.loadWorkingKeys('003', signIn().de62);
    for (const pan of ['', '12', '62778800000000AB', '6277880000000017']) {
      const options = { pan, amountText: 'RMB 1.00', timeoutMs: 1_000, signal: noSignal() };
      await rejects(devices.pinPad.enterPin(options), withCode('DEVICE_REFUSED'));
    }
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
