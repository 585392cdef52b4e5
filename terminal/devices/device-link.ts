/**
 * What all three drivers share: one line that is opened, probed, lost and opened again.
 *
 * absent → opening → ready ↔ busy; error when the line is there and the device is not well. While it is
 * absent or in error it is tried again with a back-off, for ever; a device is called ready only after
 * its probe went through.
 */
import { PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import type { BytePort, DeviceName, DeviceState } from './ports.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 4_000;
/** A line that neither opens nor refuses is not waited for any longer. */
const OPENING_MS = 10_000;

// biome-ignore format: a table is read by column
const NAMES = {
  reader:  '读卡器 CARD READER',
  pinPad:  '密码键盘 PIN PAD',
  printer: '打印机 PRINTER',
} as const satisfies Record<DeviceName, string>;

export interface LinkOptions {
  readonly device: DeviceName;
  readonly port: BytePort;
  readonly clock: Clock;
  /**
   * Rejects when the device is not well; must end by itself. Undefined for a device that only talks.
   * Resolves with something that the operator must know although the device is well, or null.
   */
  readonly probe?: () => Promise<string | null>;
  /** Each change to absent or error, and back to ready after one of these. */
  readonly changed: (state: DeviceState, text: string) => void;
}

export class DeviceLink {
  readonly #options: LinkOptions;
  readonly #lostListeners: ((error: PosError) => void)[] = [];
  readonly #waiters: (() => void)[] = [];
  #state: DeviceState = 'opening';
  #fault: string | null = null;
  #retryMs = FIRST_RETRY_MS;
  #timer: { cancel(): void } | undefined;
  #closed = false;
  #probing = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    options.port.onClose((reason) => this.#lost(reason));
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Begins to open; never rejects. */
  start(): void {
    void this.#attempt();
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#options.port.onData(listener);
  }

  /** The line closed under a command: the driver fails what it has pending. */
  onLost(listener: (error: PosError) => void): void {
    this.#lostListeners.push(listener);
  }

  write(bytes: Buffer): Promise<void> {
    return this.#options.port.write(bytes);
  }

  /** Resolves when an attempt to open is over, with whatever came of it. */
  settled(): Promise<void> {
    if (this.#state !== 'opening') return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Waits out an attempt under way, within its time, then demands a line. A device in error may be spoken to. */
  async needLine(): Promise<void> {
    if (this.#state === 'opening') await this.#openingEnds();
    if (this.#closed || !this.#options.port.isOpen) {
      throw new PosError(
        'DEVICE_ABSENT',
        this.#fault ?? `${NAMES[this.#options.device]} 未连接 not connected`,
      );
    }
  }

  #openingEnds(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(OPENING_MS, resolve);
      this.#waiters.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Runs `work` in state busy. */
  async whileBusy<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state === 'ready') this.#state = 'busy';
    try {
      return await work();
    } finally {
      if (this.#state === 'busy') this.#state = 'ready';
    }
  }

  /** The driver found the device silent, babbling or in trouble: say so and probe until it is well. */
  fault(text: string): void {
    // What a probe meets, the probe reports.
    if (this.#closed || this.#probing || this.#state === 'absent') return;
    this.#say('error', text);
    this.#later(() => void this.#probe());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#failPending(
      new PosError('DEVICE_ABSENT', `${NAMES[this.#options.device]} 已关闭 closed by the terminal`),
    );
    await this.#options.port.close();
    this.#settle('absent');
  }

  async #attempt(): Promise<void> {
    if (this.#closed) return;
    this.#state = 'opening';
    try {
      await this.#options.port.open();
    } catch (error) {
      this.#say('absent', `未连接 ABSENT: ${detailOf(error)}`);
      this.#later(() => void this.#attempt());
      return;
    }
    // Closed by us while it opened: nobody else would close it again.
    if (this.#closed) await this.#options.port.close();
    else await this.#probe();
  }

  async #probe(): Promise<void> {
    if (this.#closed || !this.#options.port.isOpen) return;
    let news: string | null = null;
    this.#probing = true;
    try {
      news = (await this.#options.probe?.()) ?? null;
    } catch (error) {
      // Gone during the probe: `#lost` has said so and will open it again.
      if (this.#closed || !this.#options.port.isOpen) return;
      this.#say('error', `故障 FAULT: ${detailOf(error)}`);
      this.#later(() => void this.#probe());
      return;
    } finally {
      this.#probing = false;
    }
    if (this.#closed || !this.#options.port.isOpen) return;
    this.#retryMs = FIRST_RETRY_MS;
    const hadFault = this.#fault !== null;
    this.#fault = null;
    this.#settle('ready');
    const name = NAMES[this.#options.device];
    if (hadFault) this.#options.changed('ready', `${name} 已恢复 READY AGAIN`);
    if (news !== null) this.#options.changed('ready', `${name} ${news}`);
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    const text = reason === 'unplugged' ? '已拔出 UNPLUGGED' : `已断开 CLOSED: ${reason}`;
    this.#retryMs = FIRST_RETRY_MS;
    this.#say('absent', text);
    this.#failPending(new PosError('DEVICE_ABSENT', this.#fault ?? text));
    this.#later(() => void this.#attempt());
  }

  #failPending(error: PosError): void {
    for (const listener of this.#lostListeners) listener(error);
  }

  /** One report for each fault: the same trouble found again by a retry is not news. */
  #say(state: 'absent' | 'error', text: string): void {
    const full = `${NAMES[this.#options.device]} ${text}`;
    const isNews = this.#fault !== full;
    this.#fault = full;
    this.#settle(state);
    if (isNews) this.#options.changed(state, full);
  }

  #settle(state: DeviceState): void {
    this.#state = state;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #later(act: () => void): void {
    this.#timer?.cancel();
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(this.#retryMs, act);
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }
}

function detailOf(error: unknown): string {
  if (error instanceof PosError) return error.detail;
  return error instanceof Error ? error.message : String(error);
}
