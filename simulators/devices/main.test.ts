/** The devices as a program of their own: typed commands, and nothing left behind however it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { type BytePort, nodeClock, openDevices, serialBytePort } from '../../terminal/index.ts';
import { KeyRoom, START, TERMINAL } from './key-room.fixture.ts';
import { readTestCards } from './test-cards.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const CARDS = { blue: { zh: '蓝卡', track2: '6277880000000016=28127010000000000' } };

const program = suite('the device simulator as a program');

async function start(dir: string, options: readonly string[] = []) {
  const cards = join(dir, 'cards.json');
  await writeFile(cards, JSON.stringify(CARDS));
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', MAIN, '--dir', dir, '--cards', cards, ...options],
    { env: { ...process.env, ZUNKA_PAD_PASSPHRASE: 'the pad of a test' } },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const read: IteratorResult<string, unknown> = await lines.next();
    return read.done === true ? '' : read.value;
  };
  const ask = (command: string) => {
    child.stdin.write(`${command}\n`);
    return next();
  };
  const ready = await next();
  assert.match(ready, '就绪 ready');
  return { child, ask, next };
}

/** Line holders that this child started and that still run, by /proc: pid and parent at the start. */
async function holdersOf(child: ChildProcess): Promise<readonly string[]> {
  const mine = `.${child.pid}.`;
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes('.alive') && line.includes(mine)) found.push(pid);
  }
  return found;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}

async function allGone(child: ChildProcess): Promise<void> {
  while ((await holdersOf(child)).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

program('obeys typed commands in English and Chinese, and explains a wrong one', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'zunka-main-'));
  const { child, ask } = await start(dir);
  try {
    assert.is(await ask('swipe blue'), '已刷 swiped 蓝卡 627788******0016');
    assert.is(await ask('刷卡 badly'), '读不出 swiped badly');
    assert.is(await ask('paper 5'), '剩 5 行 lines left');
    assert.is(await ask('unplug reader'), 'reader 已拔出 unplugged');
    assert.is(await ask('插 reader'), 'reader 已插上 plugged in');
    assert.match(await ask('type 12'), '✗ type, then 4 to 12 digits');
    assert.not.match(await ask('swipe 6277880000000016'), '6277880000000016');
  } finally {
    child.stdin.write('quit\n');
    await ended(child);
  }
  assert.is(child.exitCode, 0);
  assert.equal(await readdir(dir), ['cards.json']);
  assert.equal(await holdersOf(child), []);
  await rm(dir, { recursive: true });
});

program('asks for a certificate, is bound by hand, and is bound still when it starts again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'zunka-main-'));
  const keys = ['--pad-keys', join(dir, 'pad.sealed')];
  const room = await KeyRoom.open();
  const answer = join(dir, 'answer.json');
  const first = await start(dir, keys);
  try {
    const lines = [await first.ask(`request ${TERMINAL}`)];
    while (lines.at(-1) !== '-----END CERTIFICATE REQUEST-----') lines.push(await first.next());
    const today = Math.floor((Date.now() - START) / 86_400_000);
    const days = [today - 1, today + 2] as const;
    const binding = room.answerTo(lines.join('\n'), TERMINAL, days, days);
    await writeFile(answer, JSON.stringify({ ...binding, host: binding.certificate }));
    assert.match(await first.ask(`bind ${answer}`), /^✗ certificate: it is a key-transport certificate/);
    await writeFile(answer, JSON.stringify(binding));
    assert.is(await first.ask(`bind ${answer}`), `已绑定 bound: ${TERMINAL}`);
  } finally {
    first.child.stdin.write('quit\n');
    await ended(first.child);
  }
  const again = await start(dir, keys);
  const [reader, pinPad, printer] = ['reader', 'pinpad', 'printer'].map((name) =>
    serialBytePort({ path: join(dir, name) }),
  ) as [BytePort, BytePort, BytePort];
  const devices = openDevices({ reader, pinPad, printer, clock: nodeClock });
  try {
    assert.match((await devices.pinPad.askKey()) ?? '', /^000000[0-9A-F]{32}$/);
  } finally {
    await devices.close();
    again.child.stdin.write('quit\n');
    await ended(again.child);
  }
  await rm(dir, { recursive: true });
});

program('leaves no process behind when it is killed without a warning', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'zunka-main-'));
  const { child } = await start(dir);
  assert.is((await holdersOf(child)).length, 3);
  child.kill('SIGKILL');
  await ended(child);
  await allGone(child);
  await rm(dir, { recursive: true });
});

program('ends in order when it is asked to terminate', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'zunka-main-'));
  const { child } = await start(dir);
  child.kill('SIGTERM');
  await ended(child);
  assert.equal(await holdersOf(child), []);
  assert.equal(await readdir(dir), ['cards.json']);
  await rm(dir, { recursive: true });
});

program.run();

const cards = suite('test card file');

// biome-ignore format: a table is read by column
for (const [what, json, detail] of [
  ['that is not JSON',             '{',                                       'the card file is not JSON'],
  ['whose card is no object',      '{"blue": 1}',                             'card blue is not a JSON object'],
  ['without track 2',              '{"blue": {}}',                            'card blue: track2 is not a text'],
  ['with a wrong check digit',     '{"blue": {"track2": "6277880000000015=2812701"}}', 'card blue: the check digit'],
] as const) {
  cards(`refuses a file ${what}, naming what is wrong and no card number`, () => {
    assert.throws(
      () => readTestCards(json),
      (error: unknown) => {
        assert.instance(error, PosError);
        assert.is((error as PosError).code, 'CONFIG_BAD');
        assert.match((error as PosError).detail, detail);
        assert.not.match(String(error), '627788000');
        return true;
      },
    );
  });
}

cards.run();
