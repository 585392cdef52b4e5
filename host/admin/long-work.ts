/**
 * Work that may take minutes where the books are large. A look ends when who asked for it has left, and all of it when the
 * host stops: an auditor's download, or one who reads it no further, must not keep a host from stopping. What is an act
 * is done, whether its caller waits or not: a stop waits for it.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PosError } from '../../protocol/index.ts';
import { type Clock, turnEnd } from '../clock.ts';
import type { Logger } from '../deps.ts';
import type { Metrics } from '../operations/metrics.ts';
import type { StorePort } from '../store/port.ts';
import { StoreWhile } from '../store/store-while.ts';
import { Turns } from '../store/turns.ts';

/** What long work is done with: both throw when it is wanted no longer. */
export interface LongWork {
  readonly store: StorePort;
  /** Between two pieces of what is done in memory. */
  readonly pause: () => Promise<void>;
}

type Asked = Pick<FastifyRequest, 'raw'>;
type Socket = FastifyRequest['raw']['socket'];

interface Deps {
  readonly store: StorePort;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export class LongWorks {
  readonly #deps: Deps;
  readonly #proofs = new Turns();
  readonly #sockets = new Set<Socket>();
  /** Acts that are being done, by connection. */
  readonly #working = new Map<Socket, number>();
  #waiting: (() => void)[] = [];
  #isStopping = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** From now on nothing is begun, and looks and clearings that are under way end at their next page, with HOST_STOPPING. */
  stop(): void {
    this.#isStopping = true;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** @throws HOST_STOPPING */
  demandServing(): void {
    if (this.#isStopping) throw new PosError('HOST_STOPPING', '未完成 not finished');
  }

  opened(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** Connections that are open. */
  get sockets(): Iterable<Socket> {
    return this.#sockets;
  }

  isWorkedFor(socket: Socket): boolean {
    return this.#working.has(socket);
  }

  /** Does an act, of which a stop waits for the end. */
  async counted<T>({ raw: { socket } }: Asked, work: () => Promise<T>): Promise<T> {
    this.#working.set(socket, (this.#working.get(socket) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const others = (this.#working.get(socket) ?? 1) - 1;
      if (others > 0) this.#working.set(socket, others);
      else this.#working.delete(socket);
      if (this.#working.size === 0) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** Resolves when no act is being done. */
  async ended(): Promise<void> {
    if (this.#working.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A look for somebody who waits: ends with CANCELLED when he has left. */
  lookFor({ raw: { socket } }: Asked): LongWork {
    return this.#while(() => {
      this.demandServing();
      if (socket.destroyed) throw new PosError('CANCELLED', '请求者已离开 who asked has left');
    });
  }

  /** An act that the next one of its kind takes up where it ended: who asked may leave. */
  act(): LongWork {
    return this.#while(() => this.demandServing());
  }

  /** The proof of all books takes much memory: one at a time, each over what is there when its turn comes. */
  proof<T>(request: Asked, prove: (look: LongWork) => Promise<T>): Promise<T> {
    const look = this.lookFor(request);
    return this.#proofs.take(async () => {
      await look.pause();
      return prove(look);
    });
  }

  /** A download, which is told where it breaks: its caller can be told by nothing but the end of his connection. */
  async *download(
    request: FastifyRequest,
    reply: FastifyReply,
    make: (look: LongWork) => AsyncIterable<string>,
  ): AsyncIterable<string> {
    const { log, metrics } = this.#deps;
    try {
      yield* make(this.lookFor(request));
    } catch (error) {
      // Before its first byte it is answered, and told, as any request is.
      if (reply.raw.headersSent) {
        const code = error instanceof PosError ? error.code : 'INVARIANT';
        const about = { route: request.routeOptions.url ?? '', code };
        if (code === 'CANCELLED' || code === 'HOST_STOPPING') log.warn(about, BROKEN);
        else log.error({ ...about, err: error }, BROKEN);
        metrics.count('admin refusal', code);
        // An end in order would look like the whole of it to a client of HTTP/1.0.
        // One that waits behind another answer of its connection has no socket yet.
        reply.raw.socket?.resetAndDestroy();
      }
      throw error;
    }
  }

  #while(demand: () => void): LongWork {
    return {
      store: new StoreWhile(this.#deps.store, demand),
      pause: async () => {
        await turnEnd(this.#deps.clock);
        demand();
      },
    };
  }
}

const BROKEN = '下载中断,已断开 a download broke off: the connection was reset';
