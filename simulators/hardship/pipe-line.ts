/** A device's cable between two processes: a socket pair, of which each process holds one end. */
import type { Duplex } from 'node:stream';
import { PosError } from '../../protocol/index.ts';
import type { BytePort } from '../../terminal/index.ts';
import type { DeviceLine } from '../devices/device-line.ts';

/** The device's end. The device stays while terminals come, are killed and come again. */
export class PipeLine implements DeviceLine {
  readonly #listeners: ((chunk: Buffer) => void)[] = [];
  #end: Duplex | undefined;
  #isPlugged = true;

  /** A new terminal process has the other end; the one before it hears and says nothing any more. */
  attach(end: Duplex): void {
    this.#end = end;
    // The process behind it was killed: what is written then goes nowhere, as on a real line.
    end.on('error', () => undefined);
    end.on('data', (chunk: Buffer) => {
      if (this.#end !== end || !this.#isPlugged) return;
      for (const listener of this.#listeners) listener(chunk);
    });
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#listeners.push(listener);
  }

  write(bytes: Buffer): void {
    const end = this.#end;
    if (this.#isPlugged && end?.writable === true) end.write(bytes);
  }

  plug(): Promise<void> {
    this.#isPlugged = true;
    return Promise.resolve();
  }

  unplug(): Promise<void> {
    this.#isPlugged = false;
    return Promise.resolve();
  }
}

/** The terminal's end. */
export class PipePort implements BytePort {
  readonly #end: Duplex;
  readonly #dataListeners: ((chunk: Buffer) => void)[] = [];
  readonly #closeListeners: ((reason: string) => void)[] = [];
  isOpen = false;

  constructor(end: Duplex) {
    this.#end = end;
    end.on('error', () => undefined);
    end.on('close', () => this.#lose('the process with the devices is gone'));
    end.on('data', (chunk: Buffer) => {
      if (this.isOpen) for (const listener of this.#dataListeners) listener(chunk);
    });
  }

  async open(): Promise<void> {
    if (this.#end.destroyed) throw new PosError('DEVICE_ABSENT', 'the pipe to the device is closed');
    this.isOpen = true;
  }

  write(bytes: Buffer): Promise<void> {
    if (!this.isOpen)
      return Promise.reject(new PosError('DEVICE_ABSENT', 'the pipe to the device is closed'));
    return new Promise((resolve, reject) => {
      this.#end.write(bytes, (error) =>
        error
          ? reject(new PosError('DEVICE_ABSENT', 'the pipe to the device broke', { cause: error }))
          : resolve(),
      );
    });
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#dataListeners.push(listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListeners.push(listener);
  }

  async close(): Promise<void> {
    this.#lose('closed');
  }

  #lose(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const listener of this.#closeListeners) listener(reason);
  }
}
