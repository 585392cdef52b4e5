import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildFrame, codec, PosError } from '../../protocol/index.ts';
import { ManualClock } from '../machine.fixture.ts';
import { type AnswerIdentity, HostLink } from './host-link.ts';
import type { HostConnection, HostWire } from './host-wire.ts';

const link = suite('host link: one request, one answer');

const TPDU = Buffer.from('6000000003', 'hex');
const HEADER = '603100311000';
const ADDRESSES = { tpdu: '6000030000', header: HEADER };
const IDENTITY: AnswerIdentity = {
  mti: '0210',
  trace: '000005',
  terminalId: '12345678',
  merchantId: '898410000000001',
};

class Line implements HostConnection {
  readonly written: Buffer[] = [];
  isClosed = false;
  hear: (chunk: Buffer) => void = () => undefined;
  #closed: (reason: string) => void = () => undefined;

  async write(bytes: Buffer): Promise<void> {
    this.written.push(bytes);
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.hear = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closed = listener;
  }

  close(): void {
    this.isClosed = true;
    this.#closed('closed');
  }
}

function bench() {
  const lines: Line[] = [];
  const clock = new ManualClock();
  const logged: object[] = [];
  const log = { info: () => undefined, warn: (facts: object) => logged.push(facts), error: () => undefined };
  const wire = {
    connect: async () => {
      const line = new Line();
      lines.push(line);
      return line;
    },
  };
  const hostLink = new HostLink({
    wire,
    clock,
    log,
    tpdu: '6000030000',
    header: HEADER,
    connectTimeoutMs: 10_000,
    answerTimeoutMs: 60_000,
  });
  return { lines, clock, logged, hostLink };
}

function answer(trace: string, changes: Readonly<Record<number, string>> = {}, header = HEADER): Buffer {
  const fields = {
    3: '000000',
    11: trace,
    39: '00',
    41: '12345678',
    42: '898410000000001',
    60: '22000007000',
    ...changes,
  };
  return buildFrame({ tpdu: TPDU, header, body: codec.encode({ mti: '0210', fields }) });
}

const BODY = codec.encode({ mti: '0200', fields: { 3: '000000', 11: '000005', 41: '12345678' } });

link('frames the request with LEN, TPDU and header', async () => {
  const { lines, hostLink } = bench();
  await hostLink.connect();
  const waiting = hostLink.exchange(BODY, IDENTITY);
  const sent = lines[0]?.written[0] ?? Buffer.alloc(0);
  assert.is(sent.readUInt16BE(0), sent.length - 2);
  assert.is(sent.subarray(2, 13).toString('hex'), `6000030000${HEADER}`);
  assert.ok(sent.subarray(13).equals(BODY));
  lines[0]?.hear(answer('000005'));
  assert.is((await waiting).kind, 'answer');
});

link('takes the answer wherever TCP cuts it, also with an unswapped TPDU', async () => {
  const whole = answer('000005');
  for (let cut = 1; cut < whole.length; cut += 1) {
    const { lines, hostLink } = bench();
    await hostLink.connect();
    const waiting = hostLink.exchange(BODY, IDENTITY);
    lines[0]?.hear(whole.subarray(0, cut));
    lines[0]?.hear(whole.subarray(cut));
    assert.is((await waiting).kind, 'answer', `cut at ${cut}`);
  }
});

link('ignores and logs by identity what belongs to another request', async () => {
  const { lines, logged, hostLink } = bench();
  await hostLink.connect();
  const waiting = hostLink.exchange(BODY, IDENTITY);
  lines[0]?.hear(Buffer.concat([answer('000004'), answer('000005', { 41: '99999999' }), answer('000005')]));
  const exchange = await waiting;
  assert.is(exchange.kind === 'answer' && exchange.message.get(41), '12345678');
  assert.equal(logged, [
    { mti: '0210', trace: '000004', batch: '000007' },
    { mti: '0210', trace: '000005', batch: '000007' },
  ]);
});

link(
  'an answer that comes after the time-out closes nothing and is logged; the next request has a new line',
  async () => {
    const { lines, clock, logged, hostLink } = bench();
    await hostLink.connect();
    const first = hostLink.exchange(BODY, IDENTITY);
    clock.pass(60_000);
    assert.is((await first).kind, 'silent');
    await hostLink.connect();
    const second = hostLink.exchange(BODY, { ...IDENTITY, trace: '000006' });
    lines[0]?.hear(answer('000005'));
    lines[1]?.hear(answer('000006'));
    const exchange = await second;
    assert.is(exchange.kind === 'answer' && exchange.message.get(11), '000006');
    assert.equal(logged, [{ mti: '0210', trace: '000005', batch: '000007' }]);
    assert.is(lines.length, 2);
  },
);

link('a line that closes is silence at once, and the next request connects again', async () => {
  const { lines, hostLink } = bench();
  await hostLink.connect();
  const waiting = hostLink.exchange(BODY, IDENTITY);
  lines[0]?.close();
  assert.is((await waiting).kind, 'silent');
  await hostLink.connect();
  assert.is(lines.length, 2);
});

link('bytes that are no message end the wait: they may have been the answer', async () => {
  const { lines, hostLink } = bench();
  await hostLink.connect();
  const waiting = hostLink.exchange(BODY, IDENTITY);
  const broken = answer('000005');
  broken[13] = 0xff;
  lines[0]?.hear(broken);
  assert.is((await waiting).kind, 'garbled');
});

link('a length above the limit closes the line', async () => {
  const { lines, hostLink } = bench();
  await hostLink.connect();
  const waiting = hostLink.exchange(BODY, IDENTITY);
  lines[0]?.hear(Buffer.from('ffff', 'hex'));
  assert.is((await waiting).kind, 'silent');
  assert.is(lines[0]?.isClosed, true);
});

link('reads what the host wants in header digit 6', async () => {
  const { lines, hostLink } = bench();
  await hostLink.connect();
  const waiting = hostLink.exchange(BODY, IDENTITY);
  lines[0]?.hear(answer('000005', {}, '603109311000'));
  const exchange = await waiting;
  assert.is(exchange.kind === 'answer' && exchange.wanted, 9);
});

link('an unreachable host is a failure before anything was sent', async () => {
  const { clock } = bench();
  const wire = { connect: () => Promise.reject(new PosError('HOST_UNREACHABLE', 'refused')) };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const hostLink = new HostLink({
    wire,
    clock,
    log,
    ...ADDRESSES,
    connectTimeoutMs: 10_000,
    answerTimeoutMs: 1,
  });
  await rejects(
    hostLink.connect(),
    (error: unknown) => error instanceof PosError && error.code === 'HOST_UNREACHABLE',
  );
});

link('waits no longer for a line than its time, and closes one that comes later', async () => {
  const clock = new ManualClock();
  const closed: string[] = [];
  let arrive = () => {};
  const wire: HostWire = {
    connect: () =>
      new Promise((resolve) => {
        arrive = () =>
          resolve({
            write: () => Promise.resolve(),
            onData: () => undefined,
            onClose: () => undefined,
            close: () => closed.push('closed'),
          });
      }),
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const hostLink = new HostLink({
    wire,
    clock,
    log,
    ...ADDRESSES,
    connectTimeoutMs: 10_000,
    answerTimeoutMs: 1,
  });
  const connecting = hostLink.connect();
  clock.pass(10_000);
  await rejects(
    connecting,
    (error: unknown) => error instanceof PosError && error.code === 'HOST_UNREACHABLE',
  );
  arrive();
  await connecting.catch(() => undefined);
  await Promise.resolve();
  assert.equal(closed, ['closed']);
});

link.run();
