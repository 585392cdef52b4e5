/**
 * ESC/POS bytes as the printer's receiver takes them: real-time commands act at once, wherever they
 * stand; everything else waits in the print buffer. Written from the manuals, not from our encoder.
 */
export interface RealTime {
  readonly kind: 'status' | 'clear';
  /** Which state DLE EOT asks for: 1 printer, 2 off-line cause, 3 error, 4 paper. */
  readonly which: number;
}

/** One thing that the mechanism does, in the order in which it came. */
export type Operation =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'line' }
  | { readonly kind: 'feed'; readonly lines: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'initialise' }
  | { readonly kind: 'chinese'; readonly on: boolean }
  | { readonly kind: 'align'; readonly align: 'left' | 'center' | 'right' }
  | { readonly kind: 'bold'; readonly on: boolean }
  | { readonly kind: 'size'; readonly wide: number; readonly high: number }
  | { readonly kind: 'tell paper' };

const DLE = 0x10;
const EOT = 0x04;
const ENQ = 0x05;
const ESC = 0x1b;
const FS = 0x1c;
const GS = 0x1d;
const LF = 0x0a;

/** Parts real-time commands from data, in the order in which they arrive; a command may be cut between chunks. */
export class RealTimeFilter {
  #held: number[] = [];

  push(chunk: Buffer): readonly (RealTime | Buffer)[] {
    const parts: (RealTime | Buffer)[] = [];
    let data: number[] = [];
    for (const byte of chunk) {
      this.#held.push(byte);
      const [first, second, third] = this.#held;
      if (first !== DLE || (second !== undefined && second !== EOT && second !== ENQ)) {
        data.push(...this.#held);
        this.#held = [];
      } else if (third !== undefined) {
        parts.push(Buffer.from(data), { kind: second === EOT ? 'status' : 'clear', which: third });
        data = [];
        this.#held = [];
      }
    }
    parts.push(Buffer.from(data));
    return parts;
  }
}

interface Command {
  /** Bytes of the command with its parameters. */
  readonly length: number;
  operation(parameter: number): Operation | undefined;
}

const ALIGNS = ['left', 'center', 'right'] as const;

// biome-ignore format: a table is read by column
const COMMANDS = new Map<number, Command>([
  [(ESC << 8) | 0x40, { length: 2, operation: () => ({ kind: 'initialise' }) }],
  [(ESC << 8) | 0x61, { length: 3, operation: (n) => ({ kind: 'align', align: ALIGNS[n % 0x30] ?? 'left' }) }],
  [(ESC << 8) | 0x45, { length: 3, operation: (n) => ({ kind: 'bold', on: n % 2 === 1 }) }],
  [(ESC << 8) | 0x64, { length: 3, operation: (n) => ({ kind: 'feed', lines: n }) }],
  [(FS << 8) | 0x26,  { length: 2, operation: () => ({ kind: 'chinese', on: true }) }],
  [(FS << 8) | 0x2e,  { length: 2, operation: () => ({ kind: 'chinese', on: false }) }],
  [(GS << 8) | 0x21,  { length: 3, operation: (n) => ({ kind: 'size', wide: 1 + ((n >> 4) & 7), high: 1 + (n & 7) }) }],
  [(GS << 8) | 0x56,  { length: 3, operation: () => ({ kind: 'cut' }) }],
  [(GS << 8) | 0x72,  { length: 3, operation: () => ({ kind: 'tell paper' }) }],
]);

/** The print buffer: gives one operation after another, as soon as all its bytes are there. */
export class PrintBuffer {
  #bytes: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  clear(): void {
    this.#bytes = Buffer.alloc(0);
  }

  /** Undefined when nothing whole is there. Text is given only with the byte behind it, so lines stay whole. */
  next(): Operation | undefined {
    const [first, second, third] = this.#bytes;
    if (first === undefined) return undefined;
    if (first === LF) return this.#take(1, { kind: 'line' });
    if (first !== ESC && first !== FS && first !== GS) return this.#text();
    if (second === undefined) return undefined;
    const command = COMMANDS.get((first << 8) | second);
    // Two bytes of a command it does not know are skipped, as printers do; what follows prints as junk.
    if (command === undefined) return this.#take(2, { kind: 'text', bytes: Buffer.from('?') });
    const { length } =
      command.length === 3 && second === 0x56 && (third ?? 0) >= 65 ? { length: 4 } : command;
    if (this.#bytes.length < length) return undefined;
    return this.#take(length, command.operation(third ?? 0) ?? { kind: 'text', bytes: Buffer.alloc(0) });
  }

  #text(): Operation | undefined {
    const end = this.#bytes.findIndex((byte) => byte === LF || byte === ESC || byte === FS || byte === GS);
    if (end < 0) return undefined;
    return this.#take(end, { kind: 'text', bytes: Buffer.from(this.#bytes.subarray(0, end)) });
  }

  #take(count: number, operation: Operation): Operation {
    this.#bytes = this.#bytes.subarray(count);
    return operation;
  }
}
