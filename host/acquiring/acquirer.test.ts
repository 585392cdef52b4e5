import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Acquirer, type AcquirerLimits, startAcquirer } from './acquirer.ts';
import { balanceFrame, type Fixture, openFixture, SHOP, saleFrame } from './node-acquiring.fixture.ts';
import { tcpListener } from './tcp-listener.ts';
import { buildBody, type Parsed, parseAnswer, withLength, wrap } from './wire-terminal.fixture.ts';

const server = suite('the acquirer on TCP');

/** A client that collects whole answers. */
class Client {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly answers: Parsed[] = [];
  #rest = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest.readUInt16BE(0)) {
        const length = 2 + this.#rest.readUInt16BE(0);
        this.answers.push(parseAnswer(this.#rest.subarray(0, length)));
        this.#rest = this.#rest.subarray(length);
      }
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }
  async take(count: number): Promise<Parsed[]> {
    while (this.answers.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.answers.splice(0, count);
  }
}

async function withServer(
  limits: Partial<AcquirerLimits>,
  run: (host: Fixture, port: number, acquirer: Acquirer) => Promise<void>,
) {
  const host = await openFixture();
  const acquirer = await startAcquirer(host.deps, tcpListener({ host: '127.0.0.1', port: 0 }), {
    drainMs: 1_000,
    ...limits,
  });
  try {
    await run(host, acquirer.port, acquirer);
  } finally {
    await acquirer.stop();
    await host.close();
  }
}
const echo = (host: Fixture) =>
  withLength(
    wrap(buildBody('0820', { 11: host.shop.nextTrace(), 41: host.shop.id, 42: SHOP, 60: '00000001301' })),
  );

server('answers the same wherever TCP cuts the stream, and many frames in one segment', async () => {
  await withServer({}, async (host, port) => {
    const client = new Client(port);
    const frame = echo(host);
    for (let cut = 1; cut < frame.length; cut += 7) {
      client.socket.write(frame.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.socket.write(frame.subarray(cut));
      assert.is((await client.take(1))[0]?.fields[39], '00', `cut at ${cut}`);
    }
    client.socket.write(Buffer.concat([frame, frame, frame]));
    assert.is((await client.take(3)).length, 3);
    client.socket.destroy();
  });
});

server('serves many connections with many requests in flight', async () => {
  await withServer({ inFlightMax: 4 }, async (host, port) => {
    await host.signIn(host.shop);
    const card = await host.card({ pin: null });
    const clients = Array.from({ length: 5 }, () => new Client(port));
    for (const client of clients) {
      client.socket.write(
        Buffer.concat(Array.from({ length: 20 }, () => withLength(saleFrame(host.shop, card, 1_00)))),
      );
    }
    for (const client of clients) {
      const answers = await client.take(20);
      assert.equal([...new Set(answers.map((answer) => answer.fields[39]))], ['00']);
      client.socket.destroy();
    }
    assert.is(await host.available(card.accountId), 1_000_00);
    assert.equal(await host.faults(), []);
  });
});

for (const [what, length, reason] of [
  ['above the maximum', 2_049, 'frame too long'],
  ['below 21', 20, 'frame too short'],
] as const) {
  server(`a LEN ${what} closes the connection, with a counted reason`, async () => {
    await withServer({}, async (host, port) => {
      const client = new Client(port);
      await once(client.socket, 'connect');
      client.socket.write(Buffer.from([length >> 8, length & 0xff]));
      await client.closed;
      assert.is(host.deps.metrics.value('closed connection', reason), 1);
    });
  });
}

server(
  'frames that came whole before a bad LEN are answered; then the connection is closed, counted',
  async () => {
    await withServer({}, async (host, port) => {
      const client = new Client(port);
      const bad = Buffer.from([0, 20]);
      client.socket.write(Buffer.concat([echo(host), echo(host), bad, echo(host)]));
      await client.closed;
      assert.equal(
        client.answers.map((answer) => answer.fields[39]),
        ['00', '00'],
      );
      assert.is(host.deps.metrics.value('closed connection', 'frame too short'), 1);
    });
  },
);

server(
  'requests in flight when a bad LEN comes in a later segment are answered before the close',
  async () => {
    await withServer({}, async (host, port) => {
      await host.signIn(host.shop);
      const card = await host.card({ pin: null });
      const client = new Client(port);
      await once(client.socket, 'connect');
      client.socket.write(withLength(saleFrame(host.shop, card, 1_00)));
      await new Promise((resolve) => setImmediate(resolve));
      client.socket.write(Buffer.from([0xff, 0xff]));
      await client.closed;
      assert.equal(
        client.answers.map((answer) => answer.fields[39]),
        ['00'],
      );
      assert.is(host.deps.metrics.value('closed connection', 'frame too long'), 1);
    });
  },
);

server('a half frame is dropped after its time-out; a silent connection later', async () => {
  await withServer({ halfFrameMs: 30_000, idleMs: 600_000 }, async (host, port) => {
    const half = new Client(port);
    const silent = new Client(port);
    await Promise.all([once(half.socket, 'connect'), once(silent.socket, 'connect')]);
    half.socket.write(echo(host));
    await half.take(1);
    half.socket.write(echo(host).subarray(0, 30));
    while (half.socket.bytesWritten < 30 || half.socket.writableLength > 0)
      await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    host.clock.pass(30_000);
    await half.closed;
    assert.is(host.deps.metrics.value('closed connection', 'half frame timed out'), 1);
    assert.is(host.deps.metrics.value('closed connection', 'idle'), 0);
    host.clock.pass(600_000);
    await silent.closed;
    assert.is(host.deps.metrics.value('closed connection', 'idle'), 1);
  });
});

server('more connections than allowed are refused, counted', async () => {
  await withServer({ connectionsMax: 1 }, async (host, port) => {
    const first = new Client(port);
    await once(first.socket, 'connect');
    first.socket.write(echo(host));
    await first.take(1);
    const second = new Client(port);
    await second.closed;
    assert.is(host.deps.metrics.value('closed connection', 'too many connections'), 1);
    first.socket.destroy();
  });
});

server('a stop answers what came in, then closes', async () => {
  await withServer({}, async (host, port, acquirer) => {
    await host.signIn(host.shop);
    const card = await host.card();
    const client = new Client(port);
    const frames = Array.from({ length: 10 }, () => withLength(balanceFrame(host.shop, card)));
    client.socket.write(Buffer.concat(frames));
    await client.take(1);
    await acquirer.stop();
    await client.closed;
    assert.is(client.answers.length, 9);
  });
});

server('a peer that is gone before its answer does no harm: its request is judged to the end', async () => {
  await withServer({}, async (host, port) => {
    await host.signIn(host.shop);
    const card = await host.card();
    const client = new Client(port);
    await once(client.socket, 'connect');
    client.socket.write(withLength(saleFrame(host.shop, card, 1_00)), () => client.socket.destroy());
    while ((await host.rows('transactions')).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.is(await host.available(card.accountId), 1_099_00);
  });
});

server.run();
