/** A line of memory: a test decides when the other end reads, and sees every call of the acquirer. */
import { FrameSplitter } from '../../protocol/index.ts';
import type { Line, Listener } from './line.ts';
import { type Parsed, parseAnswer, withLength } from './wire-terminal.fixture.ts';

export class MemoryLine implements Line {
  readonly remote = 'memory:1';
  /** What the acquirer did, in order. */
  readonly calls: string[] = [];
  readonly written: Buffer[] = [];
  /** False: the other end does not read, each write says so. */
  reads = true;
  isPaused = false;
  isWritable = true;
  needsDrain = false;
  #data: (chunk: Buffer) => void = () => undefined;
  #drain: () => void = () => undefined;
  #closed: ((broken?: Error) => void)[] = [];

  write(bytes: Buffer): boolean {
    this.written.push(bytes);
    if (!this.reads) this.needsDrain = true;
    return this.reads;
  }
  onData(listener: (chunk: Buffer) => void): void {
    this.#data = listener;
  }
  onDrain(listener: () => void): void {
    this.#drain = listener;
  }
  onClose(listener: (broken?: Error) => void): void {
    this.#closed.push(listener);
  }
  pause(): void {
    this.isPaused = true;
    this.calls.push('pause');
  }
  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.calls.push('resume');
  }
  close(): void {
    this.calls.push('close');
    this.isWritable = false;
    if (!this.needsDrain) this.closed();
  }
  abort(): void {
    this.calls.push('abort');
    this.closed();
  }

  /** The other end sends. */
  send(bytes: Buffer): void {
    if (this.isPaused) throw new Error('the acquirer does not read now');
    this.#data(bytes);
  }
  /** The other end has read all that was written. */
  drained(): void {
    this.reads = true;
    this.needsDrain = false;
    this.#drain();
    if (!this.isWritable) this.closed();
  }
  /** The line is gone. */
  closed(broken?: Error): void {
    this.isWritable = false;
    for (const listener of this.#closed.splice(0)) listener(broken);
  }
  /** All answers, in however many writes they came. */
  answers(): readonly Parsed[] {
    const frames = new FrameSplitter().push(Buffer.concat(this.written));
    return frames.map((frame) => parseAnswer(withLength(frame)));
  }
}

/** Accepts what a test opens. */
export class MemoryListener implements Listener {
  isOpen = false;
  readonly #lines: Promise<void>[] = [];
  #accept: (line: Line) => void = () => undefined;

  async open(accept: (line: Line) => void) {
    this.#accept = accept;
    this.isOpen = true;
    return {
      port: 1,
      close: async () => {
        this.isOpen = false;
        await Promise.all(this.#lines);
      },
    };
  }
  connect(): MemoryLine {
    const line = new MemoryLine();
    this.#accept(line);
    this.#lines.push(new Promise((resolve) => line.onClose(() => resolve())));
    return line;
  }
}
