/** The terminal's printer driver against the simulated printer, over a real pseudo-terminal. */
import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeEscPos, printProgress, type Slip, serialBytePort, slipText } from '../../terminal/index.ts';
import { until, withCode, withDevices } from './bench.fixture.ts';

function slipOf(lines: number): Slip {
  return {
    cut: true,
    lines: Array.from({ length: lines }, (_, at) => ({ text: `第${at + 1}行 line ${at + 1}` })),
  };
}

const printer = suite('receipt printer on a serial line');

printer('puts a slip on paper as it was laid out, Chinese included', () =>
  withDevices(async ({ simulated, devices }) => {
    const slip: Slip = {
      cut: true,
      lines: [
        { text: '建业大酒店', align: 'center', size: 'double', bold: true },
        { text: '金额 AMOUNT          RMB 128.00' },
        { text: '   128.00', size: 'double' },
        { text: '客户 𠮷野' },
      ],
    };
    await devices.printer.print(slip);
    await until(() => simulated.printer.slips().length === 1);
    const [printed] = simulated.printer.slips();
    assert.is(printed?.text, slipText(slip));
    assert.match(printed?.text ?? '', '客户 〓野');
    assert.is(printed?.complete, true);
  }),
);

printer('prints a slip that comes as one block', () =>
  withDevices(async ({ simulated, devices }) => {
    await devices.close();
    const line = serialBytePort({ path: simulated.paths.printer });
    await line.open();
    await line.write(encodeEscPos(slipOf(12)));
    await until(() => simulated.printer.slips().length === 1);
    await line.close();
    assert.is(simulated.printer.slips()[0]?.text, slipText(slipOf(12)));
  }),
);

printer('keeps its order when the mechanism is slower than the line', () =>
  withDevices(
    async ({ simulated, devices }) => {
      await devices.printer.print(slipOf(15));
      await until(() => simulated.printer.slips().length === 1);
      assert.is(simulated.printer.slips()[0]?.text, slipText(slipOf(15)));
    },
    { printer: { lineMs: 60 } },
  ),
);

printer('stops at the line where the paper ends, and prints the whole slip after a refill', () =>
  withDevices(async ({ simulated, devices, faults }) => {
    // The first slip of a terminal's life costs a strip of paper before it.
    await devices.printer.print(slipOf(1));
    await until(() => simulated.printer.slips().length === 1);
    simulated.printer.paper(10);
    assert.is((await devices.printer.status()).paper, 'near end');
    const failed = await devices.printer.print(slipOf(30)).catch((error: unknown) => error);
    assert.ok(withCode('PAPER_OUT')(failed));
    const progress = printProgress(failed);
    assert.is(progress?.linesKnownPrinted, 6);
    assert.is(progress?.linesTotal, 30);
    assert.equal(faults[0]?.slice(0, 2), ['printer', 'error']);
    assert.is((await devices.printer.status()).paper, 'out');
    simulated.printer.refill();
    await until(() => devices.printer.state() === 'ready');
    await devices.printer.print(slipOf(30));
    await until(() => simulated.printer.slips().length === 3);
    const [, torn, whole] = simulated.printer.slips();
    assert.is(torn?.complete, false);
    assert.is(torn?.text, slipText(slipOf(10)));
    assert.is(whole?.complete, true);
    assert.is(whole?.text, slipText(slipOf(30)), 'nothing of the torn slip stands before it');
  }),
);

printer('refuses to begin with an open cover, and says so', () =>
  withDevices(async ({ simulated, devices }) => {
    simulated.printer.openCover();
    await rejects(devices.printer.print(slipOf(3)), (error: unknown) => {
      assert.ok(withCode('PRINTER_FAULT')(error));
      assert.match(String(error), '盖子未合 COVER OPEN');
      return true;
    });
    simulated.printer.closeCover();
    await until(() => devices.printer.state() === 'ready');
    await devices.printer.print(slipOf(3));
  }),
);

printer('is in error while it answers garbage, and ready when it answers well again', () =>
  withDevices(async ({ simulated, devices, faults }) => {
    simulated.printer.behave('garbage');
    await rejects(devices.printer.print(slipOf(3)), withCode('DEVICE_GARBAGE'));
    assert.is(devices.printer.state(), 'error');
    assert.equal(faults[0]?.slice(0, 2), ['printer', 'error']);
    simulated.printer.behave('well');
    await until(() => devices.printer.state() === 'ready');
    await devices.printer.print(slipOf(3));
  }),
);

printer('serves a board that knows only the real-time state', () =>
  withDevices(
    async ({ simulated, devices }) => {
      await devices.printer.print(slipOf(14));
      await until(() => simulated.printer.slips().length === 1);
      assert.is(simulated.printer.slips()[0]?.complete, true);
    },
    { printer: { answersQueued: false } },
  ),
);

/** Whoever writes all the time meets the loss before a reader does. */
printer('is unplugged, and nothing else, also where a write meets it first', () =>
  withDevices(async ({ simulated, devices }) => {
    await devices.close();
    const line = serialBytePort({ path: simulated.paths.printer });
    const closed = new Promise<string>((resolve) => line.onClose(resolve));
    await line.open();
    const writing = rejects(async () => {
      for (;;) await line.write(Buffer.from(' '));
    }, withCode('DEVICE_ABSENT'));
    await simulated.printer.unplug();
    assert.is(await closed, 'unplugged');
    await writing;
    await simulated.printer.plug();
    await line.open();
    await line.close();
  }),
);

printer('waits a moment for a line that is still locked, and says so when another program keeps it', () =>
  withDevices(async ({ simulated, devices }) => {
    await devices.close();
    const [ours, theirs] = [0, 1].map(() => serialBytePort({ path: simulated.paths.printer }));
    assert.ok(ours && theirs);
    await theirs.open();
    await rejects(ours.open(), (error: unknown) => {
      assert.ok(withCode('DEVICE_ABSENT')(error));
      assert.match(String(error), `${simulated.paths.printer}: in use by another program`);
      return true;
    });
    const opening = ours.open();
    await theirs.close();
    await opening;
    await ours.close();
    const unwanted = rejects(ours.open(), withCode('DEVICE_ABSENT'));
    await ours.close();
    await unwanted;
    assert.not(ours.isOpen, 'closed while it was opened');
  }),
);

printer('fails by name when it is unplugged in mid-slip, and prints after re-plug', () =>
  withDevices(
    async ({ simulated, devices, faults }) => {
      const printing = devices.printer.print(slipOf(40));
      await until(() => simulated.printer.unfinished().includes('line 8'));
      const failed = rejects(printing, withCode('DEVICE_ABSENT'));
      await simulated.printer.unplug();
      await failed;
      assert.equal(faults[0], ['printer', 'absent', '打印机 PRINTER 已拔出 UNPLUGGED']);
      await simulated.printer.plug();
      await until(() => devices.printer.state() === 'ready');
      await devices.printer.print(slipOf(3));
      await until(() => simulated.printer.slips().at(-1)?.text === slipText(slipOf(3)));
    },
    { printer: { lineMs: 10 } },
  ),
);

printer.run();
