/** Serial lines of a world: order, cables, every point at which the terminal's power may go, determinism. */
import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../../protocol/index.ts';
import { slipText } from '../../../terminal/index.ts';
import { Dice } from '../dice.ts';
import { Scheduler } from '../scheduler.ts';
import { ALL_WELL, DeviceBench, slipOf } from './device-bench.fixture.ts';
import { DEVICE_FAULTS, type DeviceFault } from './device-faults.ts';
import { WorldLine } from './device-lines.ts';

const LINES = 8;
const isAbsent = (error: unknown) => error instanceof PosError && error.code === 'DEVICE_ABSENT';

/** A line alone, with what each end heard. */
function bareLine(options: { mayHappen?: (detail: string) => boolean; delaysMs?: number[] } = {}) {
  const scheduler = new Scheduler();
  const delaysMs = options.delaysMs ?? [];
  const line = new WorldLine(
    'pinPad',
    {
      clock: { now: () => scheduler.now, after: (ms, act) => scheduler.after(ms, act) },
      mayHappen: (_kind, detail) => options.mayHappen?.(detail) ?? true,
      delayMs: () => delaysMs.shift() ?? 3,
      note: () => undefined,
    },
    String,
  );
  const heard = { device: '', terminal: '' };
  line.onData((chunk) => {
    heard.device += String(chunk);
  });
  const open = async () => {
    const port = line.port();
    port.onData((chunk) => {
      heard.terminal += String(chunk);
    });
    await port.open();
    return port;
  };
  const allPasses = async () => {
    while (await scheduler.step());
  };
  return { line, heard, open, allPasses };
}

const cable = suite('a serial line of a world');

cable('keeps the order of frames, whatever the delay of each', async () => {
  const { line, heard, open, allPasses } = bareLine({ delaysMs: [9, 1, 5] });
  const port = await open();
  const written = ['one ', 'two ', 'three '].map((text) => port.write(Buffer.from(text)));
  line.write(Buffer.from('answer'));
  await allPasses();
  await Promise.all(written);
  assert.equal(heard, { device: 'one two three ', terminal: 'answer' });
});

cable('loses what is under way when it is pulled, fails the write, and says so once', async () => {
  const { line, heard, open, allPasses } = bareLine();
  const port = await open();
  const closes: string[] = [];
  port.onClose((reason) => closes.push(reason));
  const failed = rejects(port.write(Buffer.from('text')), isAbsent);
  line.write(Buffer.from('answer'));
  await line.unplug();
  await line.unplug();
  await failed;
  await rejects(port.write(Buffer.from('text')), isAbsent);
  await rejects(port.open(), isAbsent);
  await line.plug();
  await allPasses();
  assert.equal([heard, closes, port.isOpen], [{ device: '', terminal: '' }, ['unplugged'], false]);
  await port.open();
  const written = port.write(Buffer.from('again'));
  await allPasses();
  await written;
  assert.is(heard.device, 'again');
});

cable('is dead for a life that ended: nothing is heard, and no promise settles', async () => {
  const { line, heard, open, allPasses } = bareLine();
  const old = await open();
  let settled = 0;
  const count = () => {
    settled += 1;
  };
  const watch = (work: Promise<unknown>) => void work.then(count, count);
  watch(old.write(Buffer.from('out ')));
  line.write(Buffer.from('to the dead'));
  await open();
  watch(old.write(Buffer.from('never')));
  watch(old.open());
  watch(old.close());
  line.write(Buffer.from('to the living'));
  await allPasses();
  // What was written left the machine before it died.
  assert.equal([heard, settled], [{ device: 'out ', terminal: 'to the living' }, 0]);
});

// biome-ignore format: a table is read by column
for (const [point, arrives] of [['first', ''], ['middle', '1234'], ['last', '12345678']] as const)
  cable(`lets ${arrives.length} of 8 bytes arrive when the power goes at the ${point} point of a frame`, async () => {
    const bare = bareLine({
      mayHappen: (detail) => {
        if (!detail.endsWith(point)) return true;
        bare.line.cutOff();
        return false;
      },
    });
    const port = await bare.open();
    let isSettled = false;
    void port.write(Buffer.from('12345678')).finally(() => {
      isSettled = true;
    });
    await bare.allPasses();
    assert.equal([bare.heard.device, isSettled], [arrives, false]);
  });

const everyPoint = suite('power cuts at every point of a sign-in and a transaction');

/** What each device has got. */
function gotten(log: readonly string[]): Record<string, string[]> {
  const got: Record<string, string[]> = { pinPad: [], printer: [] };
  for (const line of log) {
    const [, device = '', hex = ''] = /^(\w+) to device ([0-9a-f]+)$/.exec(line) ?? [];
    if (device !== '') got[device]?.push(hex);
  }
  return got;
}

async function day(bench: DeviceBench): Promise<void> {
  await bench.signIn();
  await bench.transaction(LINES);
}

everyPoint(
  'leave the bytes that left, an idle pad with its keys, and devices that serve the next life',
  async () => {
    const whole = await DeviceBench.open('points');
    const before = whole.points;
    await whole.until(day(whole));
    const points = whole.points - before;
    const sent = gotten(whole.log);
    whole.close();
    assert.ok(points >= 60 && points % 3 === 0, `${points} points`);
    let loadedUnknown = 0;
    for (let point = 1; point <= points; point += 1) {
      const bench = await DeviceBench.open('points');
      bench.cutAt = before + point;
      assert.is(await bench.until(day(bench)), undefined, `nothing settles after point ${point}`);
      const [at = ''] = bench.log.filter((line) => line.startsWith(`${bench.cutAt} `));
      const [, cutDevice = '', where = ''] = /serial byte (\w+) .*(first|middle|last)$/.exec(at) ?? [];
      const got = gotten(bench.log);
      for (const [device, frames] of Object.entries(got)) {
        const all = sent[device] ?? [];
        const isHalf = device === cutDevice && where === 'middle';
        const wholeFrames = isHalf ? frames.slice(0, -1) : frames;
        assert.equal(wholeFrames, all.slice(0, wholeFrames.length), `${at}: whole frames, in order`);
        if (!isHalf) continue;
        const next = all[wholeFrames.length] ?? '';
        assert.is(frames.at(-1), next.slice(0, 2 * (next.length >> 2)), `${at}: the first half of the next`);
      }
      assert.equal(bench.devices.pinPad.display(), ['欢迎使用尊卡', 'WELCOME'], at);
      bench.restart();
      await bench.until(bench.drivers.settled());
      const status = await bench.until(bench.drivers.pinPad.status());
      if (at.endsWith('loadKeys last') && status?.macCheckValue !== null) loadedUnknown += 1;
      assert.is(await bench.until(bench.signIn()), 'ok', at);
      assert.equal(await bench.until(bench.transaction(LINES)), ALL_WELL, at);
      const last = bench.devices.printer.slips().at(-1)?.text ?? '';
      assert.is(last, slipText(slipOf(LINES)), `${at}: a slip stands alone on its paper`);
      bench.close();
    }
    assert.is(loadedUnknown, 1, 'keys that arrived are loaded, though the terminal never knew');
  },
);

const again = suite('a world of devices again');

async function logOf(seed: string): Promise<readonly string[]> {
  const bench = await DeviceBench.open(seed);
  const dice = new Dice(`${seed} faults`);
  await bench.until(bench.signIn());
  const faults = Object.values<DeviceFault>(DEVICE_FAULTS);
  for (let one = 0; one < 20; one += 1) {
    dice.pick(faults).arm(bench.devices, dice);
    await bench.until(bench.transaction(LINES));
  }
  bench.close();
  return [
    ...bench.log,
    ...bench.devices.printer.slips().map(({ text }) => text),
    String(bench.scheduler.now),
  ];
}

again(
  'with the same seed goes the same way to the last byte, faults included; with another seed another',
  async () => {
    const log = await logOf('seed');
    assert.ok(log.length > 500, `${log.length} lines`);
    assert.equal(await logOf('seed'), log);
    assert.not.equal(await logOf('other'), log);
  },
);

cable.run();
everyPoint.run();
again.run();
