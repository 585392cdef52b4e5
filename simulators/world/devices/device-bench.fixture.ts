/** For the tests of a world's devices: a terminal's drivers on its lines, without the rest of a terminal. */
import { type KeyHandle, openSoftVault, type Vault } from '../../../keys/index.ts';
import { PosError } from '../../../protocol/index.ts';
import type { Clock, Slip } from '../../../terminal/index.ts';
import { Dice } from '../dice.ts';
import { Scheduler } from '../scheduler.ts';
import { openWorldDevices, type WorldDevices, type WorldDevicesOptions } from './world-devices.ts';

export const PAN = '6277880000000016';
export const TRACK2 = `${PAN}=28127010000000000`;
const COMPONENTS = ['0123456789ABCDEFFEDCBA9876543210', '1357924680ACE02468ACE13579BDF024'];
const SWIPE_MS = 5_000;
const PIN_SECONDS_MS = 20_000;
/** No driver waits longer for anything, the whole slip included. */
const PATIENCE_MS = 20 * 60_000;

/** What one step of a transaction came to: `ok`, or the code of the failure. */
export type Said = readonly [step: string, came: string];

export class DeviceBench {
  readonly scheduler = new Scheduler();
  /** Everything that happened, byte for byte. */
  readonly log: string[] = [];
  /** Announced frames: three points each. */
  points = 0;
  /** The power goes at this point. */
  cutAt = Number.POSITIVE_INFINITY;
  devices: WorldDevices;
  drivers: ReturnType<WorldDevices['connect']>;
  readonly #hostVault: Vault;
  readonly #tmk: KeyHandle;
  readonly #dice: Dice;
  #life = 0;

  private constructor(devices: WorldDevices, hostVault: Vault, dice: Dice) {
    this.devices = devices;
    this.drivers = devices.connect(this.#clock());
    this.#hostVault = hostVault;
    this.#dice = dice;
    const components = COMPONENTS.map((component) => Buffer.from(component, 'hex'));
    this.#tmk = hostVault.createFromComponents({ name: 'tmk', use: 'tmk', algorithm: '3des', components });
  }

  static async open(seed: string, options: Partial<WorldDevicesOptions> = {}): Promise<DeviceBench> {
    const dice = new Dice(seed);
    // The devices are there before the terminal that announces its frames to the bench.
    const place: { bench: DeviceBench | undefined } = { bench: undefined };
    const devices = await openWorldDevices({
      clock: {
        now: () => place.bench?.scheduler.now ?? 0,
        after: (ms, act) => (place.bench as DeviceBench).scheduler.after(ms, act),
      },
      random: (bytes) => dice.bytes(bytes),
      tmkComponents: COMPONENTS.map((component) => Buffer.from(component, 'hex')),
      dice: dice.of('devices'),
      mayHappen: (kind, detail) => place.bench?.mayHappen(kind, detail) ?? true,
      note: (what) => place.bench?.log.push(what),
      traffic: (device, way, bytes) => place.bench?.log.push(`${device} ${way} ${bytes.toString('hex')}`),
      ...options,
    });
    const hostVault = await openSoftVault({ random: (bytes) => dice.bytes(bytes) });
    const bench = new DeviceBench(devices, hostVault, dice);
    place.bench = bench;
    await bench.until(bench.drivers.settled());
    return bench;
  }

  close(): void {
    this.devices.close();
    this.#hostVault.close();
  }

  mayHappen(kind: string, detail: string): boolean {
    this.points += 1;
    this.log.push(`${this.points} ${kind} ${detail}`);
    if (this.points !== this.cutAt) return true;
    this.cutPower();
    return false;
  }

  cutPower(): void {
    this.#life += 1;
    this.log.push('power cut');
    this.devices.disconnect();
  }

  /** A new life of the terminal. */
  restart(): void {
    this.drivers = this.devices.connect(this.#clock());
  }

  /** Lets virtual time pass until the work is done. Undefined: it never is. */
  async until<T>(work: Promise<T>, patienceMs = PATIENCE_MS): Promise<T | undefined> {
    let done: { readonly value: T } | undefined;
    let failed: { readonly error: unknown } | undefined;
    work.then(
      (value) => {
        done = { value };
      },
      (error: unknown) => {
        failed = { error };
      },
    );
    // What the work begins by promises alone is begun before time passes.
    await new Promise((resolve) => setImmediate(resolve));
    const end = this.scheduler.now + patienceMs;
    while (done === undefined && failed === undefined && this.scheduler.now < end) {
      if (!(await this.scheduler.step())) break;
    }
    if (failed !== undefined) throw failed.error;
    return done?.value;
  }

  pass(ms: number): Promise<unknown> {
    return this.until(this.scheduler.pause(ms), ms + 1);
  }

  /** New working keys, as a sign-in brings them. */
  async signIn(): Promise<string> {
    const { de62 } = this.#hostVault.makeWorkingKeys(this.#tmk, '003');
    return this.#came(this.drivers.pinPad.loadWorkingKeys('003', de62));
  }

  /** A swipe, a PIN, a MAC and a slip, each whatever became of the one before. */
  async transaction(lines = 12): Promise<readonly Said[]> {
    const said: Said[] = [];
    const { reader, pinPad, printer } = this.drivers;
    const { signal } = new AbortController();
    const say = async (step: string, work: Promise<unknown>) => {
      said.push([step, await this.#came(work)]);
      this.log.push(said.at(-1)?.join(': ') ?? '');
    };
    this.scheduler.after(400, () => this.devices.reader.swipe(TRACK2));
    await say('swipe', reader.read({ timeoutMs: SWIPE_MS, signal, onBadRead: () => undefined }));
    this.scheduler.after(700, () => {
      for (const key of ['2', '4', '6', '8', '1', '0', 'confirm'] as const) this.devices.pinPad.press(key);
    });
    const asked = { pan: PAN, amountText: 'RMB 1.00', timeoutMs: PIN_SECONDS_MS, signal };
    await say('PIN', pinPad.enterPin(asked));
    await say('MAC', pinPad.mac(this.#dice.bytes(300)));
    await say('slip', printer.print(slipOf(lines)));
    return said;
  }

  async #came(work: Promise<unknown>): Promise<string> {
    try {
      await work;
      return 'ok';
    } catch (error) {
      if (error instanceof PosError) return error.code;
      throw error;
    }
  }

  #clock(): Clock {
    const life = this.#life;
    return {
      now: () => this.scheduler.now,
      after: (ms, act) => this.scheduler.after(ms, () => life === this.#life && act()),
    };
  }
}

export function slipOf(lines: number): Slip {
  return {
    cut: true,
    lines: Array.from({ length: lines }, (_, at) => ({ text: `第${at + 1}行 line ${at + 1}` })),
  };
}

export const ALL_WELL: readonly Said[] = ['swipe', 'PIN', 'MAC', 'slip'].map((step) => [step, 'ok']);
