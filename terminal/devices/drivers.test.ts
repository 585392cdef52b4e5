/** The drivers against a line in memory: what no pseudo-terminal can time exactly. */
import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { openDevices } from './devices.ts';
import { printProgress } from './escpos-printer.ts';
import { ManualClock, settle, TestLine } from './line.fixture.ts';
import { PAD_COMMANDS, PAD_STATES } from './pin-pad-commands.ts';
import { encodePadFrame, type PadFrame, PadFrameSplitter } from './pin-pad-frame.ts';

/** An invented card of our own range with a right check digit. */
const PAN = '6277880000000016';
const withCode = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;

function bench() {
  const clock = new ManualClock();
  const lines = { reader: new TestLine(), pinPad: new TestLine(), printer: new TestLine() };
  lines.pinPad.device = padThatAnswers(lines.pinPad);
  lines.printer.device = (bytes) => {
    if (bytes[0] === 0x10 && bytes[1] === 0x04) lines.printer.say(Buffer.from([0x12]));
    if (bytes[0] === 0x1d && bytes[1] === 0x72) lines.printer.say(Buffer.from([0x00]));
  };
  const devices = openDevices({ ...lines, clock });
  const faults: string[] = [];
  devices.onFault((device, state, text) => faults.push(`${device} ${state}: ${text}`));
  return { clock, lines, devices, faults };
}

/** Answers `done` to everything, with a status that holds no keys. */
function padThatAnswers(line: TestLine) {
  const splitter = new PadFrameSplitter();
  return (bytes: Buffer) => {
    for (const { command, data } of splitter.feed(bytes).frames) {
      const status = Buffer.concat([data.subarray(0, 1), Buffer.from([1, 0x39, 0, 0, 0])]);
      const answer = command === PAD_COMMANDS.status.code ? status : data.subarray(0, 1);
      line.say(encodePadFrame({ command, state: PAD_STATES.done.code, data: answer }));
    }
  };
}

function commandsIn(line: TestLine): readonly PadFrame[] {
  return new PadFrameSplitter().feed(Buffer.concat(line.written)).frames;
}

const link = suite('device link: a device is ready only after its probe');

link('is ready on all three lines after the first attempt', async () => {
  const { clock, devices, faults } = bench();
  await clock.pass(0);
  await devices.settled();
  assert.equal(
    [devices.reader.state(), devices.pinPad.state(), devices.printer.state()],
    ['ready', 'ready', 'ready'],
  );
  assert.equal(faults, []);
  await devices.close();
  assert.is(clock.pending, 0, 'no timer is left behind');
});

link('names an unplugged device at once, tries again with a back-off, and says when it is back', async () => {
  const { clock, lines, devices, faults } = bench();
  await devices.settled();
  lines.pinPad.pullOut();
  assert.is(devices.pinPad.state(), 'absent');
  await clock.pass(10_000);
  assert.equal(faults.slice(0, 1), ['pinPad absent: 密码键盘 PIN PAD 已拔出 UNPLUGGED']);
  lines.pinPad.isThere = true;
  await clock.pass(4_000);
  assert.is(devices.pinPad.state(), 'ready');
  assert.is(faults.at(-1), 'pinPad ready: 密码键盘 PIN PAD 已恢复 READY AGAIN');
  await devices.close();
});

link('fails what is pending when the line closes, instead of waiting for an answer', async () => {
  const { lines, devices } = bench();
  await devices.settled();
  lines.pinPad.device = () => {};
  const random = devices.pinPad.random(4);
  await settle();
  lines.pinPad.pullOut();
  await rejects(random, withCode('DEVICE_ABSENT'));
  await devices.close();
});

link('does not wait for a line that neither opens nor refuses', async () => {
  const clock = new ManualClock();
  const lines = { reader: new TestLine(), pinPad: new TestLine(), printer: new TestLine() };
  lines.printer.open = () => new Promise(() => undefined);
  const devices = openDevices({ ...lines, clock });
  const status = devices.printer.status();
  status.catch(() => undefined);
  await clock.pass(10_000);
  await rejects(status, withCode('DEVICE_ABSENT'));
  await devices.close();
});

link.run();

const reader = suite('card reader: armed only while somebody waits');

reader('drops a swipe that comes while nobody waits', async () => {
  const { clock, lines, devices } = bench();
  await devices.settled();
  lines.reader.say(`\x02\x1b;${PAN}=28122010000000000?\r\x03`);
  const card = devices.reader.read({
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    onBadRead() {},
  });
  card.catch(() => undefined);
  await clock.pass(60_000);
  await rejects(card, withCode('DEVICE_SILENT'));
  await devices.close();
});

reader('hears a cancel that came while its line was being opened', async () => {
  const { clock, lines, devices } = bench();
  await devices.settled();
  lines.reader.pullOut();
  lines.reader.isThere = true;
  let opens = () => {};
  const open = lines.reader.open.bind(lines.reader);
  lines.reader.open = async () => {
    await new Promise<void>((resolve) => {
      opens = resolve;
    });
    return open();
  };
  await clock.pass(500);
  const cancel = new AbortController();
  const card = devices.reader.read({ timeoutMs: 60_000, signal: cancel.signal, onBadRead() {} });
  card.catch(() => undefined);
  cancel.abort();
  opens();
  await settle();
  await rejects(card, withCode('CANCELLED'));
});

reader('takes noise before the sentinel and a reader without end marks', async () => {
  const { clock, lines, devices } = bench();
  await devices.settled();
  const card = devices.reader.read({
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    onBadRead() {},
  });
  await settle();
  lines.reader.say('\x00\x7f~~');
  await clock.pass(500);
  lines.reader.say(`\x00%B${PAN}^WANG/XIAOMING^28122010000000000?;${PAN}=2812201`);
  lines.reader.say('0000000000?\r');
  await clock.pass(200);
  const { track2, track1Name } = await card;
  assert.is(track2.pan, PAN);
  assert.is(track2.packed, `${PAN}D28122010000000000`);
  assert.is(track1Name, 'WANG/XIAOMING');
  await devices.close();
});

// biome-ignore format: a table is read by column
for (const [what, swipe] of [
  ['that the reader marks E',          '\x02\x1b%E?;E?\r\x03'],
  ['with a wrong check digit',         '\x02\x1b;6277880000000015=28122010000000000?\r\x03'],
  ['that is torn off',                 '\x02\x1b;62778800000\r\x03'],
  ['whose expiry has no such month',   `\x02\x1b;${PAN}=28132010000000000?\r\x03`],
] as const) {
  reader(`asks again, three times, after a track ${what}`, async () => {
    const { lines, devices } = bench();
    await devices.settled();
    const left: number[] = [];
    const card = devices.reader.read({
      timeoutMs: 60_000,
      signal: new AbortController().signal,
      onBadRead: (swipes) => left.push(swipes),
    });
    await settle();
    for (let time = 1; time <= 4; time += 1) lines.reader.say(swipe);
    await rejects(card, withCode('TRACK_BAD'));
    assert.equal(left, [3, 2, 1]);
    await devices.close();
  });
}

reader('is given up by the signal, and serves one at a time', async () => {
  const { devices } = bench();
  await devices.settled();
  const stop = new AbortController();
  const first = devices.reader.read({ timeoutMs: 60_000, signal: stop.signal, onBadRead() {} });
  await settle();
  const second = devices.reader.read({ timeoutMs: 60_000, signal: stop.signal, onBadRead() {} });
  await rejects(second, withCode('DEVICE_BUSY'));
  stop.abort();
  await rejects(first, withCode('CANCELLED'));
  assert.is(devices.reader.state(), 'ready');
  await devices.close();
});

reader.run();

const pad = suite('PIN pad: one command at a time');

pad('sends a safe command once more when no answer came, under another sequence number', async () => {
  const { clock, lines, devices } = bench();
  await devices.settled();
  lines.pinPad.written.length = 0;
  lines.pinPad.device = () => {};
  const mac = devices.pinPad.mac(Buffer.from('0200', 'hex'));
  mac.catch(() => undefined);
  await clock.pass(2 * PAD_COMMANDS.mac.answerMs);
  await rejects(mac, withCode('DEVICE_SILENT'));
  const sent = commandsIn(lines.pinPad).filter(({ command }) => command === PAD_COMMANDS.mac.code);
  assert.is(sent.length, 2);
  assert.is.not(sent[0]?.data[0], sent[1]?.data[0]);
  assert.is(devices.pinPad.state(), 'error');
  await devices.close();
});

pad('never sends keys twice: the pad may have taken them', async () => {
  const { clock, lines, devices } = bench();
  await devices.settled();
  lines.pinPad.written.length = 0;
  lines.pinPad.device = () => {};
  const load = devices.pinPad.loadWorkingKeys('003', '00'.repeat(40));
  load.catch(() => undefined);
  await clock.pass(60_000);
  await rejects(load, withCode('DEVICE_SILENT'));
  const sent = commandsIn(lines.pinPad).filter(({ command }) => command === PAD_COMMANDS.loadKeys.code);
  assert.is(sent.length, 1);
  await devices.close();
});

pad('does not take a late answer for the answer to another command', async () => {
  const { clock, lines, devices } = bench();
  await devices.settled();
  lines.pinPad.device = () => {};
  const mac = devices.pinPad.mac(Buffer.from('0200', 'hex'));
  await settle();
  const [request] = commandsIn(lines.pinPad).slice(-1);
  const old = Buffer.concat([Buffer.from([(request?.data[0] ?? 0) - 1]), Buffer.alloc(8, 0xee)]);
  lines.pinPad.say(encodePadFrame({ command: PAD_COMMANDS.mac.code, state: 0, data: old }));
  const right = Buffer.concat([request?.data.subarray(0, 1) ?? Buffer.alloc(1), Buffer.alloc(8, 0x11)]);
  lines.pinPad.say(encodePadFrame({ command: PAD_COMMANDS.mac.code, state: 0, data: right }));
  assert.equal(await mac, Buffer.alloc(8, 0x11));
  await clock.pass(0);
  await devices.close();
});

pad('lets a cancel pass a PIN entry, and other commands wait for its end', async () => {
  const { lines, devices } = bench();
  await devices.settled();
  lines.pinPad.written.length = 0;
  lines.pinPad.device = () => {};
  const stop = new AbortController();
  const options = { pan: PAN, amountText: 'RMB 1.00', timeoutMs: 60_000, signal: stop.signal };
  const entry = devices.pinPad.enterPin(options);
  const random = devices.pinPad.random(1);
  entry.catch(() => undefined);
  random.catch(() => undefined);
  await settle();
  stop.abort();
  await settle();
  const codes = commandsIn(lines.pinPad).map(({ command }) => command);
  assert.equal(codes, [PAD_COMMANDS.enterPin.code, PAD_COMMANDS.cancel.code]);
  const [request, cancel] = commandsIn(lines.pinPad);
  const answer = (command: number, state: number, to: PadFrame | undefined) =>
    lines.pinPad.say(encodePadFrame({ command, state, data: to?.data.subarray(0, 1) ?? Buffer.alloc(0) }));
  answer(PAD_COMMANDS.enterPin.code, PAD_STATES.cancelled.code, request);
  answer(PAD_COMMANDS.cancel.code, PAD_STATES.done.code, cancel);
  await rejects(entry, withCode('CANCELLED'));
  await settle();
  assert.is(commandsIn(lines.pinPad).at(-1)?.command, PAD_COMMANDS.random.code);
  await devices.close();
  await rejects(random, withCode('DEVICE_ABSENT'));
});

pad('says garbage, not silence, when bytes came that are no frame', async () => {
  const { clock, lines, devices, faults } = bench();
  await devices.settled();
  lines.pinPad.device = () => lines.pinPad.say(Buffer.alloc(12, 0xa5));
  const status = devices.pinPad.status();
  status.catch(() => undefined);
  await clock.pass(2 * PAD_COMMANDS.status.answerMs);
  await rejects(status, withCode('DEVICE_GARBAGE'));
  assert.match(faults[0] ?? '', /^pinPad error: 密码键盘 PIN PAD 故障 FAULT/);
  await devices.close();
});

pad.run();

const printer = suite('receipt printer: the answers decide, not the bytes that were sent');

printer('says how many lines are known to be on paper when it falls silent in mid-slip', async () => {
  const { clock, lines, devices } = bench();
  await devices.settled();
  const answers = lines.printer.device;
  let proofs = 0;
  lines.printer.device = (bytes) => {
    if (bytes[0] === 0x1d && bytes[1] === 0x72) proofs += 1;
    if (proofs < 2) answers(bytes);
  };
  const slip = { cut: true, lines: Array.from({ length: 20 }, (_, at) => ({ text: `line ${at}` })) };
  const printing = devices.printer.print(slip);
  printing.catch(() => undefined);
  await clock.pass(30_000);
  await rejects(printing, withCode('DEVICE_SILENT'));
  const progress = printProgress(await printing.catch((error: unknown) => error));
  assert.equal(progress, { kind: 'print progress', linesKnownPrinted: 6, linesSent: 12, linesTotal: 20 });
  await devices.close();
});

printer('recognises a status byte among others by its fixed bits', async () => {
  const { lines, devices } = bench();
  await devices.settled();
  const states = [0x1a, 0x36, 0x12, 0x72]; // off-line; cover open and paper end; no error; paper end
  lines.printer.device = (bytes) => {
    if (bytes[0] === 0x10) lines.printer.say(Buffer.from([0xff, 0x80, states[(bytes[2] ?? 1) - 1] ?? 0]));
  };
  assert.equal(await devices.printer.status(), {
    online: false,
    paper: 'out',
    coverOpen: true,
    error: false,
  });
  await devices.close();
});

printer(
  'begins each life as after a failed slip: what waits is forgotten, what stands there cut off',
  async () => {
    const { clock, lines, devices } = bench();
    await clock.pass(0);
    const sent = () => lines.printer.written.map((bytes) => bytes.toString('hex'));
    const clear = '100502';
    assert.ok(
      sent().indexOf(clear) >= 0 && sent().indexOf(clear) < sent().indexOf('1d7201'),
      'before the proof',
    );
    const cutsOf = async () => {
      lines.printer.written.length = 0;
      const printing = devices.printer.print({ cut: true, lines: [{ text: 'x' }] });
      await clock.pass(0);
      await printing;
      return sent()
        .filter((bytes) => bytes.includes('1d56'))
        .map((bytes) => bytes.startsWith(clear));
    };
    assert.equal(await cutsOf(), [true, false], 'the first slip');
    assert.equal(await cutsOf(), [false], 'the next');
  },
);

printer('reports a printer that answers only garbage by name, and does not hang', async () => {
  const { clock, lines, devices, faults } = bench();
  await devices.settled();
  lines.printer.device = () => lines.printer.say(Buffer.from([0xb7, 0x9c]));
  const printing = devices.printer.print({ cut: true, lines: [{ text: 'x' }] });
  printing.catch(() => undefined);
  await clock.pass(5_000);
  await rejects(printing, withCode('DEVICE_GARBAGE'));
  assert.match(faults[0] ?? '', /^printer error: 打印机 PRINTER 乱码/);
  await devices.close();
});

printer.run();
