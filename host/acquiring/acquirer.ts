/**
 * The acquirer's door: lines, frames, limits and time-outs. What a frame means is not known here, nor
 * what a line is made of.
 */
import { FrameSplitter, type PosError } from '../../protocol/index.ts';
import { type Delay, within } from '../clock.ts';
import type { HostDeps } from '../deps.ts';
import { type Connection, handleFrame } from './handle-frame.ts';
import type { Line, Listener } from './line.ts';

export interface AcquirerLimits {
  /** The largest LEN that is accepted, 21 to 65535. */
  readonly frameBytesMax: number;
  /** How long a frame may stay half sent, and how long a connection may be silent. */
  readonly halfFrameMs: number;
  readonly idleMs: number;
  readonly connectionsMax: number;
  /** Requests of one connection that may wait for their answers before it is read no further. */
  readonly inFlightMax: number;
  /** How long a stop waits for what is in flight, and a closed connection for its peer to read the rest. */
  readonly drainMs: number;
}

// biome-ignore format: a table is read by column
export const ACQUIRER_DEFAULTS: AcquirerLimits = {
  frameBytesMax:  2_048,
  halfFrameMs:    30_000,
  idleMs:         600_000,
  connectionsMax: 1_000,
  inFlightMax:    64,
  drainMs:        10_000,
};

export interface Acquirer {
  readonly port: number;
  /** Lines that are open now. */
  readonly connections: number;
  /** Requests on these lines whose answers have not left. */
  readonly inFlight: number;
  /** Takes no new connections, answers what came in, then closes. May be called twice. */
  stop(): Promise<void>;
}

/** @throws what the listener says when its address cannot be listened on */
export async function startAcquirer(
  deps: HostDeps,
  listener: Listener,
  chosen: Partial<AcquirerLimits> = {},
): Promise<Acquirer> {
  const limits: AcquirerLimits = { ...ACQUIRER_DEFAULTS, ...chosen };
  const open = new Set<Peer>();
  let connections = 0;
  let stopping = false;

  const listening = await listener.open((line) => {
    if (stopping || open.size >= limits.connectionsMax) {
      deps.metrics.count('closed connection', stopping ? 'stopping' : 'too many connections');
      deps.log.warn({ remote: line.remote, open: open.size }, 'a connection was refused');
      line.abort();
      return;
    }
    connections += 1;
    deps.metrics.count('connection', 'accepted');
    const peer = new Peer(deps, limits, line, connections);
    open.add(peer);
    line.onClose((broken) => {
      open.delete(peer);
      peer.gone(broken);
    });
  });
  const { port } = listening;
  deps.log.info({ port }, 'the acquirer listens');

  const inFlight = () => [...open].reduce((sum, peer) => sum + peer.inFlight, 0);
  const stop = async () => {
    stopping = true;
    const closed = listening.close();
    const finished = () => Promise.all([...open].map((peer) => peer.finish()));
    if ((await within(deps.clock, limits.drainMs, finished())) === 'late')
      deps.log.warn({ inFlight: inFlight() }, STILL_UNANSWERED);
    await deps.engine.drain();
    // What was answered only now is on its way from the engine to its line.
    await within(deps.clock, limits.drainMs, finished());
    for (const peer of open) peer.close('stopped');
    await closed;
    deps.log.info({ counters: deps.metrics.snapshot() }, 'the acquirer has stopped');
  };
  let stopped: Promise<void> | null = null;
  return {
    port,
    get connections() {
      return open.size;
    },
    get inFlight() {
      return inFlight();
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Several doors as one. Its port is the first one's. */
export function oneAcquirer(first: Acquirer, others: readonly Acquirer[]): Acquirer {
  const all = [first, ...others];
  return {
    port: first.port,
    get connections() {
      return all.reduce((sum, { connections }) => sum + connections, 0);
    },
    get inFlight() {
      return all.reduce((sum, { inFlight }) => sum + inFlight, 0);
    },
    stop: async () => void (await Promise.all(all.map((one) => one.stop()))),
  };
}

const STILL_UNANSWERED =
  '停机等待时间已到,仍有交易未应答,继续等待 the grace of the stop is over and requests are not answered yet: they are waited for';

/** One connection: its half frame, its requests in flight, its timers. */
class Peer {
  readonly #deps: HostDeps;
  readonly #limits: AcquirerLimits;
  readonly #line: Line;
  readonly #connection: Connection;
  readonly #splitter: FrameSplitter;
  /** Came in one piece with more than may be judged at once: they wait here, in order, and nothing more is read. */
  #backlog: readonly Buffer[] = [];
  #inFlight = 0;
  /** Answers that are ready in this turn. */
  #outgoing: Buffer[] = [];
  #timer: Delay | null = null;
  /** Nothing more is read; who waits for the last answer is told. */
  #isFinishing = false;
  #finished: (() => void)[] = [];
  #isClosed = false;

  constructor(deps: HostDeps, limits: AcquirerLimits, line: Line, id: number) {
    this.#deps = deps;
    this.#limits = limits;
    this.#line = line;
    this.#connection = { id, remote: line.remote, ...(line.terminal && { terminalId: line.terminal.id }) };
    this.#splitter = new FrameSplitter(limits.frameBytesMax);
    line.onData((chunk) => this.#take(chunk));
    line.onDrain(() => this.#goOn());
    this.#watch();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** A peer that goes away is no failure of ours; what it sent is judged to the end. */
  gone(broken: Error | undefined): void {
    this.#timer?.cancel();
    this.#isClosed = true;
    if (broken === undefined) return;
    this.#deps.log.info({ connection: this.#connection.id, err: broken }, 'a connection broke');
  }

  #take(chunk: Buffer): void {
    if (this.#isClosed) return;
    if (this.#line.terminal?.holds() === false) {
      this.close('certificate holds no more');
      return;
    }
    const wasHalf = this.#splitter.pendingBytes > 0;
    let frames: readonly Buffer[] = [];
    try {
      frames = this.#splitter.push(chunk);
    } catch (error) {
      if (this.#splitter.fault === undefined) throw error;
    }
    // The time of a half frame runs from its first byte: bytes that drip in do not prolong it.
    if (!wasHalf || frames.length > 0) this.#watch();
    if (this.#backlog.length === 0) this.#backlog = frames;
    else this.#backlog = [...this.#backlog, ...frames];
    this.#serveBacklog();
    // Whole frames before a LEN that cannot be are served; nothing can be read after it.
    if (this.#splitter.fault !== undefined) this.#closeForFault(this.#splitter.fault);
    else if (this.#isFull()) this.#line.pause();
  }

  #serveBacklog(): void {
    let served = 0;
    while (served < this.#backlog.length && !this.#isFull()) {
      void this.#serve(this.#backlog[served] as Buffer);
      served += 1;
    }
    this.#backlog = served === this.#backlog.length ? [] : this.#backlog.slice(served);
  }

  async #serve(frame: Buffer): Promise<void> {
    this.#inFlight += 1;
    try {
      // The frame is a view of what arrived: it must stay as it is until its answer is out.
      const answer = await handleFrame(this.#deps, this.#connection, frame);
      if (answer !== undefined) this.#send(answer);
    } catch (error) {
      this.#deps.metrics.count('dropped', 'handler failed');
      this.#deps.log.error({ connection: this.#connection.id, err: error }, 'a frame could not be handled');
    } finally {
      this.#answered();
    }
  }

  /**
   * The only one on its way leaves at once. Where a line carries many terminals, what one commit answers leaves in one
   * write: the answers of a commit are all ready before the first microtask that one of them asks for.
   */
  #send(answer: Buffer): void {
    if (this.#inFlight === 1 && this.#outgoing.length === 0) this.#write(answer);
    else if (this.#outgoing.push(answer) === 1) queueMicrotask(() => this.#write(this.#takeOutgoing()));
  }

  #takeOutgoing(): Buffer {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    return outgoing.length === 1 ? (outgoing[0] as Buffer) : Buffer.concat(outgoing);
  }

  #write(bytes: Buffer): void {
    try {
      // A peer that does not read its answers is not read either.
      if (this.#line.isWritable && !this.#line.write(bytes)) this.#line.pause();
    } catch (error) {
      // Nobody waits for this write: an error of one line must not end the process.
      this.#deps.metrics.count('dropped', 'answer not written');
      this.#deps.log.error({ connection: this.#connection.id, err: error }, 'an answer could not be written');
    }
  }

  #answered(): void {
    this.#inFlight -= 1;
    this.#serveBacklog();
    this.#goOn();
    if (this.#inFlight > 0) return;
    for (const finished of this.#finished.splice(0)) finished();
  }

  #goOn(): void {
    if (this.#isFinishing || this.#isFull() || this.#line.needsDrain) return;
    this.#line.resume();
  }

  #isFull(): boolean {
    return this.#inFlight >= this.#limits.inFlightMax;
  }

  /** One timer: a half frame is given less time than silence. */
  #watch(): void {
    this.#timer?.cancel();
    const half = this.#splitter.pendingBytes > 0;
    this.#timer = this.#deps.clock.after(half ? this.#limits.halfFrameMs : this.#limits.idleMs, () => {
      // While we read no further ourselves, the rest of a frame cannot come.
      if (half && !this.#isFull()) this.close('half frame timed out');
      else if (this.#inFlight > 0) this.#watch();
      else this.close('idle');
    });
  }

  /** Resolves when nothing is in flight and the answers are handed to the system; reads no further. */
  finish(): Promise<void> {
    this.#isFinishing = true;
    this.#line.pause();
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#finished.push(resolve));
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
    // What is written already still goes out, but a peer that does not read it may not stay for ever.
    this.#timer = this.#deps.clock.after(this.#limits.drainMs, () => this.#line.abort());
    this.#line.close();
  }
}
