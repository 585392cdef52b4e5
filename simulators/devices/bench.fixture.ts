/** For the tests of drivers against simulated devices: both, joined by real pseudo-terminals. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { openSoftVault } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import { type DeviceName, type DeviceState, openDevices, serialBytePort } from '../../terminal/index.ts';
import { type DeviceOptions, startDevices } from './index.ts';

export const PAN = '6277880000000016';
export const TRACK2 = `${PAN}=28127010000000000`;
export const COMPONENTS = ['0123456789ABCDEFFEDCBA9876543210', '1357924680ACE02468ACE13579BDF024'];

const clock = {
  now: () => Date.now(),
  after: (ms: number, act: () => void) => {
    const timer = setTimeout(act, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
export const withCode = (code: string) => (error: unknown) =>
  error instanceof PosError && error.code === code;
export const noSignal = () => new AbortController().signal;

/** A terminal's three devices with their drivers; ends everything also when the test fails. */
export async function withDevices(
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
export async function hostKeys() {
  const vault = await openSoftVault({ random: randomBytes });
  const components = COMPONENTS.map((component) => Buffer.from(component, 'hex'));
  const tmk = vault.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: '3des', components });
  return { vault, tmk, signIn: () => vault.makeWorkingKeys(tmk, '003') };
}

/** Far beyond what it ever takes: what never comes is told, instead of holding up the whole run. */
const NEVER_MS = 30_000;

export async function until(isSo: () => boolean): Promise<void> {
  const givenUp = performance.now() + NEVER_MS;
  while (!isSo()) {
    assert.ok(performance.now() < givenUp, `after ${NEVER_MS / 1_000} s still not so: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
