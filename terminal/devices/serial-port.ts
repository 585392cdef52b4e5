/**
 * A byte port over a real serial line (or a pseudo-terminal), by `serialport`. Adapter: no decisions.
 *
 * Four traps of that library are closed here: after an unplug writes are queued and never call back, so
 * pending ones are failed by us; a line whose loss a write meets first closes as a stream does, without saying
 * `disconnected`, so a line that we did not close counts as unplugged; `SerialPort.list` needs `udevadm`,
 * so it is not asked: the configured path is what counts; and a line just closed is still locked while a
 * read of it ends in another thread, so a locked line is asked for again for a moment. Source: facts on
 * hardware, section 1.7; the last by 360 runs on an overloaded machine, one of which met it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { InterByteTimeoutParser } from '@serialport/parser-inter-byte-timeout';
import { SerialPort } from 'serialport';
import { PosError } from '../../protocol/index.ts';
import type { BytePort } from './ports.ts';

export interface SerialLineSettings {
  /** A stable name: /dev/serial/by-id/…, or a simulator's symbolic link. */
  readonly path: string;
  /** 9600 unless the device is set otherwise. */
  readonly baudRate?: number;
  /**
   * Milliseconds of silence that end a burst: listeners then get whole bursts. For devices whose
   * answer may have no end mark (card readers). Without it listeners get bytes as they come.
   */
  readonly quietMs?: number;
}

/** Bytes in one burst; more is cut, so that a babbling device cannot fill the memory. */
const BURST_BYTES_MAX = 1024;
/** How often, and how many milliseconds apart, a locked line is asked for before it counts as another's. */
const LOCK_TRIES = 20;
const LOCK_PAUSE_MS = 25;

export function serialBytePort(settings: SerialLineSettings): BytePort {
  return new SerialBytePort(settings);
}

class SerialBytePort implements BytePort {
  readonly #settings: SerialLineSettings;
  readonly #dataListeners: ((chunk: Buffer) => void)[] = [];
  readonly #closeListeners: ((reason: string) => void)[] = [];
  readonly #pending = new Set<(error: PosError) => void>();
  #line: SerialPort | undefined;
  /** False once it is closed, also in the middle of opening. */
  #isWanted = false;
  /** The one that we close ourselves. */
  #closing: SerialPort | undefined;

  constructor(settings: SerialLineSettings) {
    this.#settings = settings;
  }

  get isOpen(): boolean {
    return this.#line?.isOpen ?? false;
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#dataListeners.push(listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListeners.push(listener);
  }

  async open(): Promise<void> {
    if (this.isOpen) return;
    this.#isWanted = true;
    const { path, baudRate = 9600 } = this.#settings;
    const line = new SerialPort({ path, baudRate, autoOpen: false, lock: true });
    let error = await opened(line);
    for (
      let tries = 1;
      this.#isWanted && error !== null && isLocked(error) && tries < LOCK_TRIES;
      tries += 1
    ) {
      await pause(LOCK_PAUSE_MS);
      error = await opened(line);
    }
    if (error !== null) {
      const detail = isLocked(error) ? 'in use by another program: end that one' : error.message;
      throw new PosError('DEVICE_ABSENT', `${path}: ${detail}`, { cause: error });
    }
    this.#line = line;
    this.#listen(line);
    if (this.#isWanted) return;
    await this.close();
    throw this.#absent('closed while it was opened');
  }

  write(bytes: Buffer): Promise<void> {
    const line = this.#line;
    if (line?.isOpen !== true) return Promise.reject(this.#absent('closed'));
    return new Promise<void>((resolve, reject) => {
      this.#pending.add(reject);
      line.write(bytes, (error) => {
        this.#pending.delete(reject);
        if (error === null || error === undefined) resolve();
        else reject(this.#absent(error.message));
      });
    });
  }

  async close(): Promise<void> {
    this.#isWanted = false;
    const line = this.#line;
    if (line?.isOpen !== true) return;
    this.#closing = line;
    await new Promise<void>((resolve) => {
      // An error here means that the line is gone already, which is what was asked for.
      line.close(() => resolve());
    });
  }

  #listen(line: SerialPort): void {
    const tell = (chunk: Buffer) => {
      for (const listener of this.#dataListeners) listener(chunk);
    };
    const { quietMs } = this.#settings;
    if (quietMs === undefined) {
      line.on('data', tell);
    } else {
      const bursts = new InterByteTimeoutParser({ interval: quietMs, maxBufferSize: BURST_BYTES_MAX });
      bursts.on('data', tell);
      line.pipe(bursts);
    }
    // Without a listener an error event would end the process; `close` follows it and says the same.
    line.on('error', () => undefined);
    line.once('close', () => this.#closed(line, this.#closing === line ? 'closed' : 'unplugged'));
  }

  #closed(line: SerialPort, reason: string): void {
    if (this.#line !== line) return;
    this.#line = undefined;
    for (const reject of [...this.#pending]) reject(this.#absent(reason));
    this.#pending.clear();
    for (const listener of this.#closeListeners) listener(reason);
  }

  #absent(reason: string): PosError {
    return new PosError('DEVICE_ABSENT', `${this.#settings.path}: ${reason}`);
  }
}

/** What kept the line from opening, or null. */
function opened(line: SerialPort): Promise<Error | null> {
  return new Promise((resolve) => line.open((error) => resolve(error ?? null)));
}

/** The library has no code for it, only these words of its native part. */
function isLocked(error: Error): boolean {
  return error.message.includes('Cannot lock port');
}
