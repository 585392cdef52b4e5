/** Raw sockets against a real host: each refusal is answered or counted, and a good terminal beside it sells on. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildFrame, codec, FrameSplitter, openFrame } from '../../protocol/index.ts';
import { Dice, MERCHANT_ID, Office, pause, ROOT } from '../office/index.ts';
import { terminalId } from '../programme/index.ts';
import { assertAgreement, assertSettles } from './agreement.fixture.ts';
import { Counter } from './counter.fixture.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);
const PATIENCE_MS = 3_000;
/** The shortest time-out of a half frame that the settings allow. */
const HALF_FRAME_SECONDS = 5;
const CONNECTIONS = 200;

let office: Office;
let counter: Counter;

/** A raw connection: what came back, and whether the host hung up. */
class Raw {
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter(8_192);
  readonly answers: { readonly tpdu: string; readonly mti: string; readonly code: string | undefined }[] = [];
  isClosed = false;

  constructor() {
    this.#socket = connect(office.acquirerPort, '127.0.0.1');
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#splitter.push(chunk)) {
        const { tpdu, body } = openFrame(frame);
        const message = codec.decode(body);
        this.answers.push({ tpdu: tpdu.toString('hex'), mti: message.mti, code: message.get(39) });
      }
    });
  }

  send(bytes: Buffer): this {
    this.#socket.write(bytes);
    return this;
  }

  end(): this {
    this.#socket.end();
    return this;
  }

  /** Waits until it is so. False: it never was. */
  async until(isSo: () => boolean, patienceMs = PATIENCE_MS): Promise<boolean> {
    for (const end = Date.now() + patienceMs; !isSo(); await pause(5)) if (Date.now() > end) return false;
    return true;
  }

  hangUp(): void {
    this.#socket.destroy();
  }
}

const ENVELOPE = { tpdu: Buffer.from('6000030000', 'hex'), header: '603100311000' };
const echoBody = () =>
  codec.encode({
    mti: '0820',
    fields: { 11: '000001', 41: terminalId(0), 42: MERCHANT_ID, 60: '00000001301' },
  });
const echo = () => buildFrame({ ...ENVELOPE, body: echoBody() });

/** One counter's growth while something is done. */
async function growth(name: string, work: () => Promise<void>, enough = 1): Promise<number> {
  const total = async () =>
    Object.values((await office.counters())[name] ?? {}).reduce((sum, count) => sum + count, 0);
  const before = await total();
  await work();
  let grown = (await total()) - before;
  for (
    const end = Date.now() + PATIENCE_MS;
    grown < enough && Date.now() < end;
    grown = (await total()) - before
  )
    await pause(20);
  return grown;
}

async function goodTerminalSells(): Promise<void> {
  const [card] = office.cards;
  assert.ok(card);
  const sold = await counter.type('sale 1', { card });
  assert.is(sold.code, '00', `the good terminal sells: ${sold.en}`);
}

const bad = suite(`bad input on raw sockets, seed ${SEED} (ZUNKA_SEED)`);

bad.before(async () => {
  office = await Office.open({
    terminals: 1,
    cards: 1,
    settings: { idleTimeoutSeconds: HALF_FRAME_SECONDS, connectionsMax: CONNECTIONS },
  });
  counter = await Counter.open({ office, index: 0 });
});

for (const [name, head] of [
  ['a giant length', 'FFFF6000030000'],
  ['a length above the maximum', '0801'],
  ['a length below the shortest frame', '0014'],
  ['a length of zero', '0000'],
] as const)
  bad(`${name} closes the connection, and is counted`, async () => {
    const raw = new Raw();
    const counted = await growth('closed connection', async () => {
      raw.send(Buffer.from(head, 'hex'));
      assert.ok(await raw.until(() => raw.isClosed), 'the host hangs up');
    });
    assert.ok(counted >= 1);
    await goodTerminalSells();
  });

bad('a wrong TPDU is answered with its addresses swapped, and counted', async () => {
  const raw = new Raw();
  const counted = await growth('tolerated', async () => {
    raw.send(buildFrame({ ...ENVELOPE, tpdu: Buffer.from('6812345678', 'hex'), body: echoBody() }));
    await raw.until(() => raw.answers.length > 0);
  });
  assert.is(counted, 1);
  assert.equal(raw.answers, [{ tpdu: '6856781234', mti: '0830', code: '00' }]);
  raw.hangUp();
});

bad('an unknown MTI is answered 40 in MTI + 10, and counted', async () => {
  const raw = new Raw();
  const counted = await growth('refused', async () => {
    const body = Buffer.concat([Buffer.from('0600', 'hex'), echoBody().subarray(2)]);
    raw.send(buildFrame({ ...ENVELOPE, body }));
    await raw.until(() => raw.answers.length > 0);
  });
  assert.is(counted, 1);
  assert.equal(
    raw.answers.map(({ mti, code }) => [mti, code]),
    [['0610', '40']],
  );
  raw.hangUp();
});

bad('many frames in one segment, and one frame byte by byte, are each answered once', async () => {
  const raw = new Raw();
  raw.send(Buffer.concat(Array.from({ length: 50 }, echo)));
  assert.ok(await raw.until(() => raw.answers.length === 50), `${raw.answers.length} of 50 answers`);
  for (const byte of echo()) {
    raw.send(Buffer.from([byte]));
    await pause(1);
  }
  assert.ok(await raw.until(() => raw.answers.length === 51), 'the frame in pieces is answered');
  await pause(30);
  assert.equal([raw.answers.length, raw.isClosed], [51, false]);
  raw.hangUp();
});

bad('a half frame whose sender goes away changes nothing', async () => {
  for (const bytes of [1, 2, 12, 30]) new Raw().send(echo().subarray(0, bytes)).end();
  await goodTerminalSells();
});

bad('random garbage in frames is refused or dropped with a count, each time', async () => {
  const dice = new Dice(SEED);
  const frames = 60;
  const raw = new Raw();
  const counts = async () => {
    const { refused = {}, dropped = {} } = await office.counters();
    return [...Object.values(refused), ...Object.values(dropped)].reduce((sum, count) => sum + count, 0);
  };
  const before = await counts();
  for (let sent = 0; sent < frames; sent += 1) {
    const body = Buffer.from(Array.from({ length: 10 + dice.below(300) }, () => dice.below(256)));
    raw.send(buildFrame({ ...ENVELOPE, body }));
  }
  assert.ok(await raw.until(() => !raw.isClosed), 'frames of the right length close nothing');
  let after = await counts();
  for (
    const end = Date.now() + PATIENCE_MS;
    after - before < frames && Date.now() < end;
    after = await counts()
  )
    await pause(20);
  assert.is(after - before, frames, 'each garbage frame is counted once');
  raw.hangUp();
  await goodTerminalSells();
});

bad('a slow sender of half a frame is hung up on, however it drips, and counted', async () => {
  const raw = new Raw();
  const frame = echo();
  const started = Date.now();
  let sent = 0;
  // Three times as long as half a frame may take: a byte now and then must not keep it alive.
  while (!raw.isClosed && Date.now() - started < 3 * HALF_FRAME_SECONDS * 1000 && sent < frame.length - 2) {
    raw.send(frame.subarray(sent, sent + 1));
    sent += 1;
    await pause(500);
  }
  assert.ok(raw.isClosed, `still open after ${sent} bytes and three times the time-out`);
  const { 'closed connection': closed = {} } = await office.counters();
  assert.ok((closed['half frame timed out'] ?? 0) >= 1);
});

bad(
  `${CONNECTIONS} connections are too many beside a terminal: the last is refused and counted, the others served`,
  async () => {
    await goodTerminalSells();
    const all = Array.from({ length: CONNECTIONS }, () => new Raw());
    const isServed = (raw: Raw) => raw.answers.length === 1;
    for (const raw of all) raw.send(echo());
    await Promise.all(all.map((raw) => raw.until(() => isServed(raw) || raw.isClosed)));
    const served = all.filter(isServed).length;
    const { 'closed connection': closed = {} } = await office.counters();
    assert.is(
      served + (closed['too many connections'] ?? 0),
      CONNECTIONS,
      'each is served, or refused with a count',
    );
    assert.ok(served >= CONNECTIONS - 5, `${served} are served`);
    await goodTerminalSells();
    for (const raw of all) raw.hangUp();
  },
);

bad('afterwards the good terminal settles balanced and the books are proven', async () => {
  await assertSettles(counter, 0);
  await counter.stop();
  await assertAgreement(office, [counter]);
});

bad.after(async () => {
  await counter.close();
  await office.close();
});

bad.run();

const settings = suite('a configuration file with a wrong unit, by command line');

/** Runs a program on a settings file; what it said, and how it ended. */
function runWith(program: string, file: string): Promise<{ said: string; code: number | null }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', program, '--config', file],
      { cwd: ROOT, timeout: 20_000 },
      (_error, stdout, stderr) => resolve({ said: stdout + stderr, code: child.exitCode }),
    );
    child.stdin?.end();
  });
}

// biome-ignore format: a table is read by column
for (const [program, setting, range] of [
  ['host/main.ts',     'idleTimeoutSeconds',   /5\D+600\s*s/],
  ['terminal/main.ts', 'answerTimeoutSeconds', /1\D+180\s*s/],
] as const)
  settings(`${program} names file, line, setting and range, starts nothing, and fails`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zunka-settings-'));
    const file = join(folder, 'wrong.json');
    const own = program.startsWith('terminal')
      ? `"terminalId": "41010001", "merchantId": "${MERCHANT_ID}"`
      : `"dataFolder": ${JSON.stringify(join(folder, 'data'))}, "acquirerPort": 0, "adminPort": 0`;
    await writeFile(file, `{\n  ${own},\n  "${setting}": "30 ms"\n}\n`);
    try {
      const { said, code } = await runWith(program, file);
      assert.is.not(code, 0);
      for (const part of [file, setting, 'ms']) assert.ok(said.includes(part), `${part} is named: ${said}`);
      assert.match(said, /(line |:)3\b/, 'the line is named');
      assert.match(said, range, 'the range is named');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

settings.run();
