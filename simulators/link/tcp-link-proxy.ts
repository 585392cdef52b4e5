/**
 * A bad line between terminal and host: it drops, delays, duplicates, cuts and corrupts on demand, goes
 * half-open or down, and records what the terminal sent and got.
 */
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { DISSECTOR_PORT } from '../../protocol/index.ts';
import { type Fault, FrameGate } from './frame-gate.ts';
import { pcapOf, type Side, type WireRecord } from './pcap.ts';

/** Which way a frame goes. */
export type Direction = 'request' | 'answer';

export interface LinkProxy {
  /** Where the terminal connects to, on 127.0.0.1. */
  readonly port: number;
  /** Each of these arms one fault for one frame; several calls, several frames, in order. */
  dropNextAnswer(): void;
  dropNextRequest(): void;
  /** Later frames of that direction wait behind it, as on TCP. */
  delayNext(ms: number, direction?: Direction): void;
  /** Default: the request, so that the host gets the same message twice. */
  duplicateNext(direction?: Direction): void;
  /** Turns one bit. `offset` counts from the byte behind the length; negative from the end. */
  corruptNext(offset: number, direction?: Direction): void;
  /** Lets so many more bytes of that direction through, then breaks the connection, also in mid-frame. Default: answers. */
  cutAfter(bytes: number, direction?: Direction): void;
  /** Takes back what is armed and has not come. */
  disarm(): void;
  /** While on, connections stay open and the terminal gets nothing; what was swallowed never comes. */
  halfOpen(on: boolean): void;
  /** Breaks all connections and refuses new ones until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** What passed at the terminal's end so far. */
  capture(): readonly WireRecord[];
  /** The addresses are made up, and the host's port is the one that our dissector is registered for. */
  writePcap(path: string): Promise<void>;
  stop(): Promise<void>;
}

export interface LinkOptions {
  /** 0: any free port. */
  readonly listenPort: number;
  readonly targetHost: string;
  readonly targetPort: number;
  /** UTC milliseconds, for the capture. Default the machine's clock. */
  readonly now?: () => number;
  /** False for long runs: nothing is kept, and the capture stays empty. Default true. */
  readonly capture?: boolean;
}

interface Receiver {
  send(bytes: Buffer): void;
  end(): void;
  /** Sees what comes before any fault. */
  saw?(bytes: Buffer): void;
}

export async function startLinkProxy(options: LinkOptions): Promise<LinkProxy> {
  const link = new TcpLinkProxy(options);
  await link.up();
  return link;
}

class TcpLinkProxy implements LinkProxy {
  readonly #options: LinkOptions;
  readonly #now: () => number;
  readonly #records: WireRecord[] = [];
  readonly #armed: Record<Direction, Fault[]> = { request: [], answer: [] };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port: number;
  #connections = 0;
  readonly #bytesUntilCut: Partial<Record<Direction, number>> = {};
  #isHalfOpen = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#port = options.listenPort;
  }

  get port(): number {
    return this.#port;
  }

  dropNextAnswer(): void {
    this.#armed.answer.push({ kind: 'drop' });
  }
  dropNextRequest(): void {
    this.#armed.request.push({ kind: 'drop' });
  }
  delayNext(ms: number, direction: Direction = 'answer'): void {
    this.#armed[direction].push({ kind: 'delay', ms });
  }
  duplicateNext(direction: Direction = 'request'): void {
    this.#armed[direction].push({ kind: 'duplicate' });
  }
  corruptNext(offset: number, direction: Direction = 'answer'): void {
    this.#armed[direction].push({ kind: 'corrupt', offset });
  }
  cutAfter(bytes: number, direction: Direction = 'answer'): void {
    this.#bytesUntilCut[direction] = bytes;
  }
  disarm(): void {
    for (const direction of ['request', 'answer'] as const) {
      this.#armed[direction].length = 0;
      delete this.#bytesUntilCut[direction];
    }
  }
  halfOpen(on: boolean): void {
    this.#isHalfOpen = on;
  }

  capture(): readonly WireRecord[] {
    return [...this.#records];
  }

  async writePcap(path: string): Promise<void> {
    await writeFile(path, pcapOf(this.#records, DISSECTOR_PORT));
  }

  async up(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((terminal) => this.#join(terminal));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', () => resolve());
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async stop(): Promise<void> {
    await this.down();
  }

  #join(terminal: Socket): void {
    this.#connections += 1;
    const connection = this.#connections;
    const { targetHost, targetPort } = this.#options;
    const host = connect(targetPort, targetHost);
    this.#keep({ kind: 'opened', connection, at: this.#now() });
    for (const socket of [terminal, host]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      // What went wrong shows as the close that follows.
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    let isClosed = false;
    const closed = (by: Side) => {
      if (!isClosed) this.#keep({ kind: 'closed', connection, at: this.#now(), by });
      isClosed = true;
    };
    this.#carry(terminal, 'request', {
      send: (bytes) => this.#toHost(terminal, host, bytes),
      end: () => {
        closed('terminal');
        host.end();
      },
      saw: (bytes) => this.#record(connection, 'terminal', bytes),
    });
    this.#carry(host, 'answer', {
      send: (bytes) => this.#toTerminal(terminal, connection, bytes),
      end: () => {
        closed('host');
        terminal.end();
      },
    });
  }

  /** Everything in one direction, in order, with what is armed for it. */
  #carry(source: Socket, direction: Direction, to: Receiver): void {
    const gate = new FrameGate(() => this.#armed[direction].shift());
    let turn = Promise.resolve();
    source.on('data', (chunk: Buffer) => {
      to.saw?.(chunk);
      for (const { bytes, fault } of gate.push(chunk)) turn = turn.then(() => pass(bytes, fault, to.send));
    });
    source.on('close', () => {
      turn = turn.then(() => {
        const half = gate.flush();
        if (half.length > 0) to.send(half);
        to.end();
      });
    });
  }

  #toHost(terminal: Socket, host: Socket, bytes: Buffer): void {
    const { through, isCut } = this.#upToCut('request', bytes);
    if (through.length > 0) host.write(through);
    if (!isCut) return;
    host.end();
    terminal.end();
  }

  #toTerminal(terminal: Socket, connection: number, bytes: Buffer): void {
    if (this.#isHalfOpen || terminal.destroyed) return;
    const { through, isCut } = this.#upToCut('answer', bytes);
    if (through.length > 0) {
      terminal.write(through);
      this.#record(connection, 'host', through);
    }
    if (isCut) terminal.end();
  }

  /** How much of these bytes still passes, and whether the connection breaks behind them. */
  #upToCut(direction: Direction, bytes: Buffer): { through: Buffer; isCut: boolean } {
    const left = this.#bytesUntilCut[direction];
    if (left === undefined) return { through: bytes, isCut: false };
    const through = bytes.subarray(0, left);
    const isCut = left <= bytes.length;
    if (isCut) delete this.#bytesUntilCut[direction];
    else this.#bytesUntilCut[direction] = left - bytes.length;
    return { through, isCut };
  }

  #record(connection: number, from: Side, bytes: Buffer): void {
    this.#keep({ kind: 'bytes', connection, at: this.#now(), from, bytes: Buffer.from(bytes) });
  }

  #keep(record: WireRecord): void {
    if (this.#options.capture !== false) this.#records.push(record);
  }
}

async function pass(bytes: Buffer, fault: Fault | undefined, send: (bytes: Buffer) => void): Promise<void> {
  if (fault?.kind === 'drop') return;
  if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
  send(bytes);
  if (fault?.kind === 'duplicate') send(bytes);
}
