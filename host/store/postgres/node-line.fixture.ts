/** A line to a server that can be cut at a chosen request: before it arrives, behind it, or while it is still under way. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * lost      the request never arrives
 * unanswered  it arrives, and its answer does not
 * late      its sender is cut off at once; it arrives when it is let go
 * running   it arrives, and its sender is cut off before there is an answer
 */
export type Fault = 'lost' | 'unanswered' | 'late' | 'running';

export class FaultyLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #planned: { readonly fault: Fault; readonly fits: (request: Buffer) => boolean; met: () => void } | null =
    null;
  #late: { readonly to: Socket; readonly request: Buffer } | null = null;

  /** @param port of the server on loopback */
  static async open(port: number): Promise<FaultyLine> {
    const line = new FaultyLine(port);
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    return line;
  }

  private constructor(port: number) {
    this.#server = createServer((client) => this.#join(client, connect(port, '127.0.0.1')));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next request that fits meets the fault; the others pass. Resolves when it has met it. */
  plan(fault: Fault, fits: (request: Buffer) => boolean): Promise<void> {
    return new Promise((met) => {
      this.#planned = { fault, fits, met };
    });
  }

  /** Lets the late request go on. @returns what the server answered to it */
  async letGo(): Promise<Buffer> {
    const late = this.#late;
    this.#late = null;
    if (late === null) throw new Error('no request is late');
    const answer = once(late.to, 'data');
    late.to.write(late.request);
    const [bytes] = (await answer) as [Buffer];
    late.to.destroy();
    return bytes;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    let isAnswered = true;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (request: Buffer) => {
      const fault = this.#faultOf(request);
      if (fault === null || fault === 'unanswered' || fault === 'running') server.write(request);
      if (fault === 'unanswered') isAnswered = false;
      if (fault === 'late') this.#late = { to: server, request };
      // The server's side stays as it is: a server learns late that its client is gone.
      if (fault !== null && fault !== 'unanswered') client.destroy();
      if (fault === 'lost') server.destroy();
    });
    server.on('data', (answer: Buffer) => {
      if (isAnswered) client.write(answer);
      else for (const socket of [client, server]) socket.destroy();
    });
    server.on('close', () => client.destroy());
    client.on('close', (hadError) => {
      if (!hadError && client.readableEnded) server.destroy();
    });
  }

  #faultOf(request: Buffer): Fault | null {
    const planned = this.#planned;
    if (planned === null || !planned.fits(request)) return null;
    this.#planned = null;
    planned.met();
    return planned.fault;
  }
}
