import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildBody, parseAnswer, withLength, wrap } from '../acquiring/wire-terminal.fixture.ts';
import { stopSecondsMax } from '../node-host.ts';
import { startPostgres } from '../store/postgres/node-server.fixture.ts';
import { type ChildHost, startChild } from './node-child-host.fixture.ts';

/** More than one commit takes, so that some wait while others are committed. */
const IN_FLIGHT = 600;

const frames = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) =>
    withLength(
      wrap(
        buildBody('0820', {
          11: String(from + at).padStart(6, '0'),
          41: '41010001',
          42: '898410170110001',
          60: '00000001301',
        }),
      ),
    ),
  );

/** A connection with the trace numbers of the answers that came. */
class Peer {
  readonly socket: Socket;
  readonly traces: string[] = [];
  readonly closed: Promise<void>;
  #rest = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest.readUInt16BE(0)) {
        const length = 2 + this.#rest.readUInt16BE(0);
        this.traces.push(parseAnswer(this.#rest.subarray(0, length)).fields[11] ?? '');
        this.#rest = this.#rest.subarray(length);
      }
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }
  async answers(count: number): Promise<void> {
    while (this.traces.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
const refused = (port: number) =>
  new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-drain-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
async function readiness(host: ChildHost): Promise<readonly [number, string]> {
  const { status, text } = await host.get('/v1/ready');
  const { checks } = JSON.parse(text) as { checks: { name: string; ok: boolean }[] };
  return [
    status,
    checks
      .filter(({ ok }) => !ok)
      .map(({ name }) => name)
      .join(),
  ];
}

const drain = suite('SIGTERM to a host at work');

drain(
  'first it is not ready, then it refuses connections, then all that came in is answered, and it ends with 0',
  () =>
    inFolder(async (folder) => {
      const host = startChild(join(folder, 'data'), [], {
        ZUNKA_STOP_DELAY_SECONDS: '3',
        ZUNKA_LOG_LEVEL: 'warn',
      });
      await host.until('the host is running');
      assert.equal(await readiness(host), [200, '']);
      const port = host.acquirerPort();
      const first = new Peer(port);
      first.socket.write(Buffer.concat(frames(1, 3)));
      await first.answers(3);

      host.child.kill('SIGTERM');
      await host.until('stopping');
      // Not ready, alive, and still serving old and new connections: a balancer takes its time to notice.
      assert.equal(await readiness(host), [503, 'draining']);
      assert.is((await host.get('/v1/health')).status, 200);
      assert.match((await host.get('/metrics')).text, /zunka_draining\{[^}]*\} 1\n/);
      const second = new Peer(port);
      const burst = frames(100, IN_FLIGHT);
      second.socket.write(Buffer.concat(burst));
      await second.answers(IN_FLIGHT);

      await Promise.all([first.closed, second.closed]);
      assert.is(await refused(port), 'ECONNREFUSED');
      assert.is(await host.ended, 0);
      assert.is(first.traces.length, 3);
      assert.is(new Set(second.traces).size, IN_FLIGHT);
      assert.match(host.text(), '已停机 stopped');
    }),
);

drain('what is in flight in the moment of the signal is answered before the line closes', () =>
  inFolder(async (folder) => {
    const host = startChild(join(folder, 'data'), [], { ZUNKA_LOG_LEVEL: 'warn' });
    await host.until('the host is running');
    const peer = new Peer(host.acquirerPort());
    // One segment: with its first answer all of it has come in, and most of it waits for later commits.
    peer.socket.write(Buffer.concat(frames(1, IN_FLIGHT)));
    await peer.answers(1);
    host.child.kill('SIGTERM');
    await peer.closed;
    assert.is(await host.ended, 0);
    const inSegment = peer.traces.length;
    assert.equal(
      [...peer.traces].sort(),
      frames(1, inSegment).map((_, at) => String(1 + at).padStart(6, '0')),
      'no answer is missing before the last one',
    );
    assert.ok(inSegment > 1);
  }),
);

/** A line to a server that can fall silent, with both its ends open. */
async function silencedLine(port: number) {
  const sockets: Socket[] = [];
  const line = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) sockets.push(socket.on('error', () => undefined));
    client.pipe(server).pipe(client);
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  return {
    port: (line.address() as AddressInfo).port,
    fallSilent: () => sockets.forEach((socket) => void socket.unpipe().pause()),
    close() {
      line.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

drain('where the database hangs, the stop is given up in its time: told, not answered, and not with 0', () =>
  inFolder(async (folder) => {
    const server = await startPostgres();
    const line = await silencedLine(server.port);
    try {
      const host = startChild(join(folder, 'data'), [], {
        STORE_URL: `postgres://zunka@127.0.0.1:${line.port}/postgres`,
        ZUNKA_STOP_GRACE_SECONDS: '1',
        ZUNKA_LOG_LEVEL: 'warn',
      });
      await host.until('the host is running');
      const peer = new Peer(host.acquirerPort());
      peer.socket.write(Buffer.concat(frames(1, 1)));
      await peer.answers(1);
      line.fallSilent();
      peer.socket.write(Buffer.concat(frames(2, 3)));
      // The readiness check asks the database too: that it does not answer says that the frames are in.
      assert.is((await readiness(host))[1], 'store');
      host.child.kill('SIGTERM');
      const signalled = performance.now();
      assert.is(await host.ended, null);
      assert.is(host.child.signalCode, 'SIGKILL');
      const seconds = (performance.now() - signalled) / 1000;
      const most = stopSecondsMax({ stopDelaySeconds: 0, stopGraceSeconds: 1 });
      assert.ok(seconds >= most && seconds < most + 5, `${seconds} s`);
      await peer.closed;
      assert.equal(peer.traces, ['000001']);
      assert.match(host.text(), /"inFlight":3,.*the stop did not come to its end/);
      assert.match(host.text(), /STOP_LATE: 12 s; .*: 在途交易 what is in flight/);
      assert.not.match(host.text(), '已停机 stopped');
    } finally {
      line.close();
      await server.stop();
    }
  }),
);

drain.run();
