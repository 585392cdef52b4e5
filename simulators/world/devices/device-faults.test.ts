/** Each fault of the table on a terminal's drivers: said by name within bounded time, and over when the faults stop. */
import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../../protocol/index.ts';
import { printProgress, slipText } from '../../../terminal/index.ts';
import { Dice } from '../dice.ts';
import { ALL_WELL, DeviceBench, PAN, slipOf } from './device-bench.fixture.ts';
import { DEVICE_FAULTS, type DeviceFault } from './device-faults.ts';
import type { ArmedFault } from './device-lines.ts';

const SEEDS = 8;
/** The table counts the frames of a whole terminal, which has more to say to its pad than these steps. */
const TRANSACTIONS = 4;
/** Two more than a slip needs, so that a proof stands in its middle. */
const LINES = 14;
/** A PIN entry that nobody asks for any more ends by itself. */
const QUIET_MS = 60_000;
const NOISE = Buffer.from('a5c3f08100ff', 'hex');

async function withBench(seed: string, work: (bench: DeviceBench) => Promise<void>): Promise<void> {
  const bench = await DeviceBench.open(seed);
  try {
    assert.is(await bench.until(bench.signIn()), 'ok');
    await work(bench);
  } finally {
    bench.close();
  }
}

const cameTo = async (bench: DeviceBench, step: string) =>
  new Map(await bench.until(bench.transaction(LINES))).get(step);

const named = suite('a fault of one frame is named by the driver, or overcome');

// biome-ignore format: a table is read by column
for (const [sentence, device, fault, step, came] of [
  ['PIN pad pulled in mid-request',            'pinPad',  { way: 'to device',   fault: { kind: 'pulled', afterBytes: 7 } },             'PIN',   'DEVICE_ABSENT'],
  ['PIN pad pulled in mid-answer',             'pinPad',  { way: 'to terminal', fault: { kind: 'pulled', afterBytes: 7 } },             'PIN',   'DEVICE_ABSENT'],
  ['PIN pad answers noise where it may not be asked again', 'pinPad', { way: 'to terminal', frames: 2, fault: { kind: 'noise', noise: NOISE } },    'PIN',   'DEVICE_GARBAGE'],
  ['PIN pad answers noise where it may',       'pinPad',  { way: 'to terminal', ahead: 3, fault: { kind: 'noise', noise: NOISE } },     'MAC',   'ok'],
  ['PIN pad answers noise twice',              'pinPad',  { way: 'to terminal', ahead: 3, frames: 2, fault: { kind: 'noise', noise: NOISE } }, 'MAC', 'DEVICE_GARBAGE'],
  ['a bit flips on the way to the PIN pad',    'pinPad',  { way: 'to device',   ahead: 2, fault: { kind: 'flip', bit: 83 } },           'MAC',   'ok'],
  ['a bit flips on the way from the PIN pad',  'pinPad',  { way: 'to terminal', ahead: 3, fault: { kind: 'flip', bit: 83 } },           'MAC',   'ok'],
  ['bytes to the PIN pad are swallowed',       'pinPad',  { way: 'to device',   ahead: 2, fault: { kind: 'swallowed', at: 3, bytes: 2 } }, 'MAC', 'ok'],
  ['PIN pad silent',                           'pinPad',  { way: 'to terminal', frames: 99, fault: { kind: 'lost' } },                  'MAC',   'DEVICE_SILENT'],
  ['an answer of the PIN pad after its time',  'pinPad',  { way: 'to terminal', ahead: 3, fault: { kind: 'late', ms: 4_000 } },         'MAC',   'ok'],
  ['reader pulled in mid-swipe',               'reader',  { way: 'to terminal', fault: { kind: 'pulled', afterBytes: 20 } },            'swipe', 'DEVICE_ABSENT'],
  ['noise instead of a swipe',                 'reader',  { way: 'to terminal', fault: { kind: 'noise', noise: NOISE } },               'swipe', 'DEVICE_SILENT'],
  ['a digit of the card number flips',         'reader',  { way: 'to terminal', fault: { kind: 'flip', bit: 8 * 5 } },                  'swipe', 'DEVICE_SILENT'],
  ['a swipe that is not seen',                 'reader',  { way: 'to terminal', fault: { kind: 'lost' } },                              'swipe', 'DEVICE_SILENT'],
  ['printer pulled in mid-slip',               'printer', { way: 'to device',   ahead: 9, fault: { kind: 'pulled', afterBytes: 4 } },   'slip',  'DEVICE_ABSENT'],
  ['printer answers noise',                    'printer', { way: 'to terminal', frames: 99, fault: { kind: 'noise', noise: NOISE } },   'slip',  'DEVICE_GARBAGE'],
  ['printer silent',                           'printer', { way: 'to terminal', frames: 99, fault: { kind: 'lost' } },                  'slip',  'DEVICE_SILENT'],
  ['an answer of the printer after its time',  'printer', { way: 'to terminal', fault: { kind: 'late', ms: 1_500 } },                   'slip',  'DEVICE_SILENT'],
  ['an answer that says that the cover is open', 'printer', { way: 'to terminal', ahead: 2, fault: { kind: 'flip', bit: 2 } },          'slip',  'PRINTER_FAULT'],
] as const satisfies readonly (readonly [string, string, ArmedFault, string, string])[]) {
  named(`${sentence}: ${came}`, () =>
    withBench(sentence, async (bench) => {
      bench.devices.lines[device].arm(fault);
      assert.is(await cameTo(bench, step), came);
    }),
  );
}

const told = suite('a fault of the device is named by the driver');

told('a reset pad has no working keys until the next sign-in, and opens what it sealed', () =>
  withBench('reset', async (bench) => {
    const sealed = (await bench.until(bench.drivers.pinPad.seal(Buffer.from('text')))) ?? '';
    bench.devices.pinPad.loseWorkingKeys();
    assert.equal((await bench.until(bench.transaction(LINES)))?.slice(1, 3), [
      ['PIN', 'KEY_UNKNOWN'],
      ['MAC', 'KEY_UNKNOWN'],
    ]);
    assert.is(await bench.until(bench.signIn()), 'ok');
    assert.equal(await bench.until(bench.transaction(LINES)), ALL_WELL);
    assert.is((await bench.until(bench.drivers.pinPad.unseal(sealed)))?.toString(), 'text');
  }),
);

told('a PIN entry whose beginning was not heard is ended, so that the pad serves the next command', () =>
  withBench('not heard', async (bench) => {
    bench.devices.lines.pinPad.arm({ way: 'to terminal', fault: { kind: 'lost' } });
    const { signal } = new AbortController();
    const options = { pan: PAN, amountText: 'RMB 1.00', timeoutMs: 60_000, signal };
    const isSilent = (error: unknown) => error instanceof PosError && error.code === 'DEVICE_SILENT';
    await rejects(bench.until(bench.drivers.pinPad.enterPin(options)), isSilent);
    assert.equal(bench.devices.pinPad.display(), ['欢迎使用尊卡', 'WELCOME']);
    assert.is((await bench.until(bench.drivers.pinPad.mac(Buffer.alloc(8))))?.length, 8);
  }),
);

told('a pad with a supply of its own that still asks for a PIN is brought back by the next life', () =>
  withBench('own supply', async (bench) => {
    const { signal } = new AbortController();
    const options = { pan: PAN, amountText: 'RMB 1.00', timeoutMs: 60_000, signal };
    // Nobody will answer it: the life that asked is over.
    void bench.drivers.pinPad.enterPin(options);
    await bench.pass(100);
    assert.is(bench.devices.pinPad.display().length, 4);
    bench.restart();
    await bench.until(bench.drivers.settled());
    assert.is(bench.drivers.pinPad.state(), 'ready');
    assert.equal(bench.devices.pinPad.display(), ['欢迎使用尊卡', 'WELCOME']);
  }),
);

told(
  'a pad that replaces another says that its keys changed, signs in, and cannot open what the other sealed',
  () =>
    withBench('replaced', async (bench) => {
      const news: string[] = [];
      bench.drivers.onFault((_device, _state, text) => news.push(text));
      const sealed = (await bench.until(bench.drivers.pinPad.seal(Buffer.from('text')))) ?? '';
      bench.devices.lines.pinPad.pull();
      bench.devices.replacePad();
      await bench.pass(QUIET_MS);
      assert.ok(
        news.some((text) => text.includes('KEYS CHANGED, SIGN IN')),
        news.join('; '),
      );
      assert.is(await bench.until(bench.signIn()), 'ok');
      assert.equal(await bench.until(bench.transaction(LINES)), ALL_WELL);
      const isBroken = (error: unknown) => error instanceof PosError && error.code === 'SEAL_BROKEN';
      await rejects(bench.until(bench.drivers.pinPad.unseal(sealed)), isBroken);
    }),
);

told('paper that ends at a line is known with the lines before it', () =>
  withBench('paper', async (bench) => {
    // Three for the strip before the first slip.
    bench.devices.printer.paper(12);
    const failed = await bench.until(
      bench.drivers.printer.print(slipOf(LINES)).catch((error: unknown) => error),
    );
    assert.ok(failed instanceof PosError && failed.code === 'PAPER_OUT', String(failed));
    assert.equal(printProgress(failed)?.linesKnownPrinted, 6);
  }),
);

for (const [name, open, text] of [
  ['an open cover', (bench: DeviceBench) => bench.devices.printer.openCover(), 'COVER OPEN'],
  ['a jam', (bench: DeviceBench) => bench.devices.printer.jam(true), 'ERROR'],
] as const)
  told(`${name} is told to the clerk`, () =>
    withBench(name, async (bench) => {
      open(bench);
      const failed = await bench.until(
        bench.drivers.printer.print(slipOf(LINES)).catch((error: unknown) => error),
      );
      assert.ok(failed instanceof PosError && failed.code === 'PRINTER_FAULT', String(failed));
      assert.match(failed.detail, text);
    }),
  );

told('the print buffer outlives a power cut of the terminal, unless the fault takes it', async () => {
  const linesAfter = async (arm: (bench: DeviceBench) => void) => {
    let lines = 0;
    await withBench('buffer', async (bench) => {
      arm(bench);
      const printing = bench.drivers.printer.print(slipOf(LINES));
      // Within the six lines that wait for the first proof.
      bench.scheduler.after(70, () => bench.cutPower());
      assert.is(await bench.until(printing, 2_000), undefined);
      lines = bench.devices.printer.unfinished().split('\n').length;
    });
    return lines;
  };
  const kept = await linesAfter(() => undefined);
  const forgotten = await linesAfter((bench) =>
    DEVICE_FAULTS['printer forgets'].arm(bench.devices, new Dice('')),
  );
  assert.ok(kept > forgotten, `${kept} lines on paper, ${forgotten} without the buffer`);
});

const table = suite('the table of device faults');

for (const [name, fault] of Object.entries<DeviceFault>(DEVICE_FAULTS)) {
  table(`${name}: the drivers say nothing else than its row, and all is well when it is over`, async () => {
    let timesNoticed = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      await withBench(`${name} ${seed}`, async (bench) => {
        fault.arm(bench.devices, new Dice(`${name} ${seed}`));
        const codes: string[] = [];
        for (let one = 0; one < TRANSACTIONS; one += 1) {
          const said = await bench.until(bench.transaction(LINES));
          assert.ok(said !== undefined, 'it ends in bounded time');
          codes.push(...said.map(([, came]) => came).filter((came) => came !== 'ok'));
        }
        timesNoticed += codes.length;
        const may: readonly string[] = fault.noticed;
        for (const code of codes) assert.ok(may.includes(code), `${name} ${seed}: ${code} is not in its row`);
        bench.devices.spare();
        await bench.pass(QUIET_MS);
        assert.is(await bench.until(bench.signIn()), 'ok', `${name} ${seed}: sign-in after it`);
        assert.equal(await bench.until(bench.transaction(LINES)), ALL_WELL, `${name} ${seed}: after it`);
        assert.is(bench.devices.printer.slips().at(-1)?.text, slipText(slipOf(LINES)), `${name} ${seed}`);
      });
    }
    assert.is(timesNoticed > 0, fault.noticed.length > 0, `noticed ${timesNoticed} times`);
  });
}

named.run();
told.run();
table.run();
