import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Acquirer, type AcquirerLimits, startAcquirer } from './acquirer.ts';
import { Engine } from './engine.ts';
import { balanceFrame, type Fixture, openFixture, saleFrame } from './node-acquiring.fixture.ts';
import { tcpListener } from './tcp-listener.ts';
import { type Parsed, parseAnswer, withLength } from './wire-terminal.fixture.ts';

const overload = suite('under more load than it can bear, on TCP,');

const QUEUE_MAX = 8;

/** A connection that reads, or not. */
class Client {
  readonly socket: Socket;
  readonly answers: Parsed[] = [];
  #rest = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
  }
  reads(): this {
    this.socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest.readUInt16BE(0)) {
        const length = 2 + this.#rest.readUInt16BE(0);
        this.answers.push(parseAnswer(this.#rest.subarray(0, length)));
        this.#rest = this.#rest.subarray(length);
      }
      for (const wake of this.#waiting.splice(0)) wake();
    });
    return this;
  }
  async until(count: number): Promise<void> {
    while (this.answers.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** A host whose commits wait for `release` once `hold` was called. */
async function withHost(
  { queueMax, ...limits }: Partial<AcquirerLimits> & { readonly queueMax: number },
  run: (it: {
    readonly host: Fixture;
    readonly port: number;
    readonly acquirer: Acquirer;
    hold(): void;
    release(): void;
  }) => Promise<void>,
): Promise<void> {
  let gate: Promise<void> | null = null;
  let release: () => void = () => undefined;
  const host = await openFixture((store) => {
    const commit = store.commit.bind(store);
    store.commit = async (items) => {
      await gate;
      return commit(items);
    };
    return store;
  });
  const { store, metrics, log, clock } = host.deps;
  const engine = new Engine({ store, metrics, log, clock, queueMax, batchMax: 4 });
  const address = { host: '127.0.0.1', port: 0 };
  const acquirer = await startAcquirer({ ...host.deps, engine }, tcpListener(address), {
    drainMs: 1_000,
    ...limits,
  });
  try {
    await run({
      host,
      port: acquirer.port,
      acquirer,
      hold() {
        gate = new Promise((resolve) => {
          release = resolve;
        });
      },
      release: () => release(),
    });
  } finally {
    release();
    await acquirer.stop();
    await host.close();
  }
}

overload('what finds the queue full is answered 96 at once, is counted, and has no effect', () =>
  withHost({ queueMax: QUEUE_MAX }, async ({ host, port, hold, release }) => {
    await host.signIn(host.shop);
    const card = await host.card({ pin: null });
    const before = await host.available(card.accountId);
    const client = new Client(port).reads();
    hold();
    const sales = Array.from({ length: 40 }, () => withLength(saleFrame(host.shop, card, 1_00)));
    client.socket.write(Buffer.concat(sales));
    // While no commit ends, whoever does not fit into the queue knows it already.
    await client.until(40 - QUEUE_MAX - 8);
    assert.equal([...new Set(client.answers.map(({ fields }) => fields[39]))], ['96']);
    assert.is(host.deps.metrics.value('engine', 'queue full'), client.answers.length);
    release();
    await client.until(40);
    const codes = client.answers.map(({ fields }) => fields[39]);
    const sold = codes.filter((code) => code === '00').length;
    assert.ok(sold >= QUEUE_MAX && sold + codes.filter((code) => code === '96').length === 40);
    assert.is(host.deps.metrics.value('answered', '00'), sold + 1);
    assert.is(await host.available(card.accountId), before - 1_00 * sold);
    assert.equal(await host.faults(), []);
    client.socket.destroy();
  }),
);

overload('who sends more in one piece than it may have in flight takes no place of others in the queue', () =>
  withHost({ queueMax: QUEUE_MAX, inFlightMax: 4 }, async ({ host, port, hold, release }) => {
    await host.signIn(host.shop);
    await host.signIn(host.second);
    const [card, other] = [await host.card({ pin: null }), await host.card({ pin: null })];
    const greedy = new Client(port).reads();
    hold();
    const sales = Array.from({ length: 40 }, () => withLength(saleFrame(host.shop, card, 1_00)));
    greedy.socket.write(Buffer.concat(sales));
    const modest = new Client(port).reads();
    modest.socket.write(withLength(saleFrame(host.second, other, 1_00)));
    // Both are in before any commit ends: four of the one, one of the other, none refused.
    const judged = () => host.deps.metrics.value('judged', 'sale');
    while (judged() < 5) await new Promise((resolve) => setImmediate(resolve));
    release();
    await modest.until(1);
    await greedy.until(40);
    for (const { answers } of [greedy, modest])
      assert.equal([...new Set(answers.map(({ fields }) => fields[39]))], ['00']);
    assert.is(host.deps.metrics.value('engine', 'queue full'), 0);
    greedy.socket.destroy();
    modest.socket.destroy();
  }),
);

overload(
  'a terminal that sends a thousand requests and reads nothing slows no other, and loses no answer',
  () =>
    withHost({ queueMax: 4_096 }, async ({ host, port, acquirer }) => {
      await host.signIn(host.shop);
      await host.signIn(host.second);
      const card = await host.card();
      const deaf = new Client(port);
      await once(deaf.socket, 'connect');
      deaf.socket.pause();
      // That it is read no further then is shown on lines of memory: kernels hold megabytes for it first.
      const sent = 1_000;
      deaf.socket.write(
        Buffer.concat(Array.from({ length: sent }, () => withLength(balanceFrame(host.shop, card)))),
      );
      const good = new Client(port).reads();
      for (let sale = 1; sale <= 20; sale += 1) {
        good.socket.write(withLength(saleFrame(host.second, card, 1_00)));
        await good.until(sale);
      }
      assert.equal([...new Set(good.answers.map(({ fields }) => fields[39]))], ['00']);
      assert.is(acquirer.connections, 2);
      // The deaf one loses nothing: it gets all of its answers when it reads again.
      deaf.reads();
      deaf.socket.resume();
      await deaf.until(sent);
      deaf.socket.destroy();
      good.socket.destroy();
    }),
);

overload.run();
