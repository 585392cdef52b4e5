/** One door before several hosts: each connection goes to the next one that takes it, as a load balancer does it. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Balancer {
  readonly #server: Server;
  readonly #ports: readonly number[];
  readonly #open = new Set<Socket>();
  /** Connections that each port took. */
  readonly taken = new Map<number, number>();
  #next = 0;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#server = createServer((from) => this.#serve(from));
  }

  static async open(ports: readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(ports);
    await new Promise<void>((resolve) => balancer.#server.listen(0, '127.0.0.1', resolve));
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(from: Socket): void {
    this.#keep(from);
    this.#try(from, 0);
  }

  #try(from: Socket, tried: number): void {
    const port = this.#ports[this.#next++ % this.#ports.length];
    if (port === undefined || tried >= this.#ports.length) {
      from.destroy();
      return;
    }
    const to = connect(port, '127.0.0.1');
    to.once('error', () => {
      if (from.bytesRead === 0 && to.connecting) this.#try(from, tried + 1);
      else from.destroy();
    });
    to.once('connect', () => {
      to.removeAllListeners('error');
      this.#keep(to);
      this.taken.set(port, (this.taken.get(port) ?? 0) + 1);
      from.pipe(to).pipe(from);
      from.once('close', () => to.destroy());
      to.once('close', () => from.destroy());
    });
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#open.delete(socket));
  }
}
