/** A serial line in memory, for tests in which a pseudo-terminal is not the point. */
import { PosError } from '../../protocol/index.ts';
import type { BytePort } from '../../terminal/index.ts';
import type { DeviceLine } from '../devices/device-line.ts';

/**
 * The device stays at its end while terminals come and go at the other: `port()` makes a new terminal's
 * end and cuts the old one off for ever, as a power cut does.
 */
export class MemoryLine implements DeviceLine {
  readonly #deviceListeners: ((chunk: Buffer) => void)[] = [];
  #end: MemoryPort | undefined;
  isPlugged = true;

  onData(listener: (chunk: Buffer) => void): void {
    this.#deviceListeners.push(listener);
  }

  write(bytes: Buffer): void {
    const end = this.#end;
    if (!this.isPlugged || end === undefined) return;
    const copy = Buffer.from(bytes);
    setImmediate(() => end.hear(copy));
  }

  plug(): Promise<void> {
    this.isPlugged = true;
    return Promise.resolve();
  }

  unplug(): Promise<void> {
    this.isPlugged = false;
    this.#end?.lose('unplugged');
    return Promise.resolve();
  }

  port(): BytePort {
    this.#end?.lose('cut off');
    const end = new MemoryPort(this, (bytes) => {
      for (const listener of this.#deviceListeners) listener(bytes);
    });
    this.#end = end;
    return end;
  }

  holds(end: MemoryPort): boolean {
    return this.#end === end;
  }
}

class MemoryPort implements BytePort {
  readonly #line: MemoryLine;
  readonly #toDevice: (bytes: Buffer) => void;
  readonly #dataListeners: ((chunk: Buffer) => void)[] = [];
  readonly #closeListeners: ((reason: string) => void)[] = [];
  isOpen = false;

  constructor(line: MemoryLine, toDevice: (bytes: Buffer) => void) {
    this.#line = line;
    this.#toDevice = toDevice;
  }

  async open(): Promise<void> {
    if (!this.#line.isPlugged || !this.#line.holds(this))
      throw new PosError('DEVICE_ABSENT', 'no such line in memory');
    this.isOpen = true;
  }

  async write(bytes: Buffer): Promise<void> {
    if (!this.isOpen) throw new PosError('DEVICE_ABSENT', 'the line in memory is closed');
    const copy = Buffer.from(bytes);
    setImmediate(() => this.#line.isPlugged && this.#line.holds(this) && this.#toDevice(copy));
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#dataListeners.push(listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListeners.push(listener);
  }

  async close(): Promise<void> {
    this.lose('closed');
  }

  hear(chunk: Buffer): void {
    if (this.isOpen) for (const listener of this.#dataListeners) listener(chunk);
  }

  lose(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const listener of this.#closeListeners) listener(reason);
  }
}
