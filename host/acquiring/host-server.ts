/**
 * The acquirer's TCP server (adapter): connections, frames, limits and time-outs. What a frame means is
 * not known here.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { FrameSplitter, type PosError } from '../../protocol/index.ts';
import type { Delay } from '../clock.ts';
import type { HostDeps } from '../deps.ts';
import { type Connection, handleFrame } from './handle-frame.ts';

export interface AcquirerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The largest LEN that is accepted, 21 to 65535. */
  readonly frameBytesMax?: number;
  /** How long a frame may stay half sent, and how long a connection may be silent. */
  readonly halfFrameMs?: number;
  readonly idleMs?: number;
  readonly connectionsMax?: number;
  /** Requests of one connection that may wait for their answers before it is read no further. */
  readonly inFlightMax?: number;
  /** How long a stop waits for what is in flight. */
  readonly drainMs?: number;
}

// biome-ignore format: a table is read by column
export const ACQUIRER_DEFAULTS = {
  frameBytesMax:  2_048,
  halfFrameMs:    30_000,
  idleMs:         600_000,
  connectionsMax: 1_000,
  inFlightMax:    64,
  drainMs:        10_000,
} as const;

export interface Acquirer {
  readonly port: number;
  /** Takes no new connections, answers what came in, then closes. */
  stop(): Promise<void>;
}

/** @throws Error of node:net when the port is taken */
export async function startAcquirer(deps: HostDeps, options: AcquirerOptions): Promise<Acquirer> {
  const limits: Required<AcquirerOptions> = { ...ACQUIRER_DEFAULTS, ...options };
  const open = new Set<Peer>();
  let connections = 0;
  let stopping = false;

  const server = createServer((socket) => {
    if (stopping || open.size >= limits.connectionsMax) {
      deps.metrics.count('closed connection', stopping ? 'stopping' : 'too many connections');
      deps.log.warn({ remote: socket.remoteAddress, open: open.size }, 'a connection was refused');
      socket.destroy();
      return;
    }
    connections += 1;
    const peer = new Peer(deps, limits, socket, {
      id: connections,
      remote: `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`,
    });
    open.add(peer);
    socket.on('close', () => open.delete(peer));
  });
  await listen(server, options);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  deps.log.info({ host: options.host, port }, 'the acquirer listens');

  return {
    port,
    async stop() {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.race([Promise.all([...open].map((peer) => peer.finish())), delay(deps, limits.drainMs)]);
      await deps.engine.drain();
      for (const peer of open) peer.close('stopped');
      await closed;
      deps.log.info({ counters: deps.metrics.snapshot() }, 'the acquirer has stopped');
    },
  };
}

/** One connection: its half frame, its requests in flight, its timers. */
class Peer {
  readonly #deps: HostDeps;
  readonly #limits: Required<AcquirerOptions>;
  readonly #socket: Socket;
  readonly #connection: Connection;
  readonly #splitter: FrameSplitter;
  #inFlight = 0;
  #timer: Delay | null = null;
  #finishing: (() => void) | null = null;
  #isClosed = false;

  constructor(deps: HostDeps, limits: Required<AcquirerOptions>, socket: Socket, connection: Connection) {
    this.#deps = deps;
    this.#limits = limits;
    this.#socket = socket;
    this.#connection = connection;
    this.#splitter = new FrameSplitter(limits.frameBytesMax);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    // A peer that goes away is no failure of ours; what it sent is judged to the end.
    socket.on('error', (error) =>
      deps.log.info({ connection: connection.id, err: error }, 'a connection broke'),
    );
    socket.on('close', () => this.#timer?.cancel());
    this.#watch();
  }

  #take(chunk: Buffer): void {
    const wasHalf = this.#splitter.pendingBytes > 0;
    let frames: readonly Buffer[] = [];
    try {
      frames = this.#splitter.push(chunk);
    } catch (error) {
      if (this.#splitter.fault === undefined) throw error;
    }
    // The time of a half frame runs from its first byte: bytes that drip in do not prolong it.
    if (!wasHalf || frames.length > 0) this.#watch();
    for (const frame of frames) this.#serve(frame);
    // Whole frames before a LEN that cannot be are served; nothing can be read after it.
    if (this.#splitter.fault !== undefined) this.#closeForFault(this.#splitter.fault);
    else if (this.#inFlight >= this.#limits.inFlightMax) this.#socket.pause();
  }

  #serve(frame: Buffer): void {
    this.#inFlight += 1;
    // The frame is a view of what arrived: it must stay as it is until its answer is out.
    handleFrame(this.#deps, this.#connection, frame)
      .then((answer) => {
        if (answer !== undefined && this.#socket.writable) this.#send(answer);
      })
      .catch((error: unknown) => {
        this.#deps.metrics.count('dropped', 'handler failed');
        this.#deps.log.error({ connection: this.#connection.id, err: error }, 'a frame could not be handled');
      })
      .finally(() => this.#answered());
  }

  #send(answer: Buffer): void {
    // A peer that does not read its answers is not read either.
    if (this.#socket.write(answer)) return;
    this.#socket.pause();
    this.#socket.once('drain', () => this.#goOn());
  }

  #answered(): void {
    this.#inFlight -= 1;
    this.#goOn();
    if (this.#inFlight === 0) this.#finishing?.();
  }

  #goOn(): void {
    if (
      this.#finishing === null &&
      this.#inFlight < this.#limits.inFlightMax &&
      !this.#socket.writableNeedDrain
    ) {
      this.#socket.resume();
    }
  }

  /** One timer: a half frame is given less time than silence. */
  #watch(): void {
    this.#timer?.cancel();
    const half = this.#splitter.pendingBytes > 0;
    this.#timer = this.#deps.clock.after(half ? this.#limits.halfFrameMs : this.#limits.idleMs, () => {
      if (half) this.close('half frame timed out');
      else if (this.#inFlight > 0) this.#watch();
      else this.close('idle');
    });
  }

  /** Resolves when nothing is in flight and the answers are handed to the system; reads no further. */
  finish(): Promise<void> {
    this.#socket.pause();
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#finishing = resolve;
    });
  }

  /** The stream has lost its step: what came whole gets its answer first. */
  #closeForFault(fault: PosError): void {
    const reason = fault.code === 'FRAME_TOO_LONG' ? 'frame too long' : 'frame too short';
    void this.finish().then(() => this.close(reason));
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#deps.metrics.count('closed connection', reason);
    this.#deps.log.info(
      { connection: this.#connection.id, remote: this.#connection.remote, reason },
      'a connection was closed',
    );
    // What is written already still goes out.
    this.#socket.destroySoon();
  }
}

function listen(server: Server, options: AcquirerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function delay(deps: HostDeps, ms: number): Promise<void> {
  return new Promise((resolve) => deps.clock.after(ms, resolve));
}
