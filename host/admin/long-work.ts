/**
 * Work that may take minutes where the books are large. A look ends when who asked for it has left, and all of it when the
 * host stops: an auditor's download, or one who reads it no further, must not keep a host from stopping.
 */
import type { FastifyRequest } from 'fastify';
import { PosError } from '../../protocol/index.ts';
import { type Clock, turnEnd } from '../clock.ts';
import type { StorePort } from '../store/port.ts';
import { StoreWhile } from '../store/store-while.ts';
import { Turns } from '../store/turns.ts';

/** What long work is done with: both throw when it is wanted no longer. */
export interface LongWork {
  readonly store: StorePort;
  /** Between two pieces of what is done in memory. */
  readonly pause: () => Promise<void>;
}

export class LongWorks {
  readonly #store: StorePort;
  readonly #clock: Clock;
  readonly #proofs = new Turns();
  #isStopping = false;

  constructor({ store, clock }: { readonly store: StorePort; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** From now on what is under way ends at its next page, with HOST_STOPPING. */
  stop(): void {
    this.#isStopping = true;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** A look for somebody who waits: ends with CANCELLED when he has left. */
  lookFor({ raw: { socket } }: Pick<FastifyRequest, 'raw'>): LongWork {
    return this.#while(() => {
      this.#demandServing();
      if (socket.destroyed) throw new PosError('CANCELLED', '请求者已离开 who asked has left');
    });
  }

  /** An act that the next one of its kind takes up where it ended: who asked may leave. */
  act(): LongWork {
    return this.#while(() => this.#demandServing());
  }

  /** The proof of all books takes much memory: one at a time, each over what is there when its turn comes. */
  proof<T>(request: Pick<FastifyRequest, 'raw'>, prove: (look: LongWork) => Promise<T>): Promise<T> {
    const look = this.lookFor(request);
    return this.#proofs.take(async () => {
      await look.pause();
      return prove(look);
    });
  }

  #demandServing(): void {
    if (this.#isStopping) throw new PosError('HOST_STOPPING', '未完成 not finished');
  }

  #while(demand: () => void): LongWork {
    return {
      store: new StoreWhile(this.#store, demand),
      pause: async () => {
        await turnEnd(this.#clock);
        demand();
      },
    };
  }
}
