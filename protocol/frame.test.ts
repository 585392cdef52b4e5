import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FailureCode, PosError } from './errors.ts';
import { answerHeader, answerTpdu, buildFrame, FrameSplitter, openFrame } from './frame.ts';

function frameOf(size: number, fill: string): Buffer {
  return Buffer.alloc(size, fill);
}

function withLength(frame: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(frame.length);
  return Buffer.concat([length, frame]);
}

const isA = (code: FailureCode) => (error: unknown) => error instanceof PosError && error.code === code;

const framing = suite('frame: LEN of two bytes, big endian, not counting itself');

framing('delivers the same frames wherever TCP cuts the stream, in two pieces', () => {
  const frames = [frameOf(21, 'a'), frameOf(300, 'b'), frameOf(22, 'c')];
  const stream = Buffer.concat(frames.map(withLength));
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const splitter = new FrameSplitter();
    const got = [...splitter.push(stream.subarray(0, cut)), ...splitter.push(stream.subarray(cut))];
    assert.equal(got.map(String), frames.map(String), `cut at ${cut}`);
    assert.is(splitter.pendingBytes, 0);
  }
});

framing('delivers the same frames in pieces of any size, byte by byte too', () => {
  const frames = [frameOf(21, 'a'), frameOf(300, 'b'), frameOf(22, 'c')];
  const stream = Buffer.concat(frames.map(withLength));
  for (let size = 1; size <= 60; size += 1) {
    const splitter = new FrameSplitter();
    const got: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size)
      got.push(...splitter.push(stream.subarray(at, at + size)));
    assert.equal(got.map(String), frames.map(String), `pieces of ${size}`);
  }
});

framing('says how much of a half frame is pending', () => {
  const splitter = new FrameSplitter();
  assert.equal(splitter.push(Buffer.alloc(0)), []);
  assert.is(splitter.pendingBytes, 0);
  splitter.push(withLength(frameOf(30, 'a')).subarray(0, 1));
  assert.is(splitter.pendingBytes, 1);
  splitter.push(withLength(frameOf(30, 'a')).subarray(1, 20));
  assert.is(splitter.pendingBytes, 20);
});

framing('refuses a LEN below 21 or above the limit as soon as it is known', () => {
  for (const [length, code] of [
    [0, 'FRAME_TOO_SHORT'],
    [20, 'FRAME_TOO_SHORT'],
    [2_049, 'FRAME_TOO_LONG'],
    [65_535, 'FRAME_TOO_LONG'],
  ] as const) {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(length);
    assert.throws(() => new FrameSplitter().push(head), isA(code));
    const splitter = new FrameSplitter();
    splitter.push(head.subarray(0, 1));
    assert.throws(() => splitter.push(head.subarray(1)), isA(code));
  }
});

framing('delivers what came whole before a bad LEN, wherever TCP cuts the stream', () => {
  const stream = Buffer.concat([withLength(frameOf(21, 'a')), Buffer.of(0, 20), Buffer.alloc(40)]);
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const splitter = new FrameSplitter();
    const got: Buffer[] = [];
    assert.throws(() => {
      for (const chunk of [stream.subarray(0, cut), stream.subarray(cut), Buffer.alloc(0)])
        got.push(...splitter.push(chunk));
    }, isA('FRAME_TOO_SHORT'));
    assert.equal(got.map(String), ['a'.repeat(21)], `cut at ${cut}`);
    assert.is(splitter.fault?.code, 'FRAME_TOO_SHORT');
    assert.throws(() => splitter.push(withLength(frameOf(21, 'b'))), isA('FRAME_TOO_SHORT'));
  }
});

framing('takes the longest frame that is allowed', () => {
  assert.is(new FrameSplitter(64).push(withLength(frameOf(64, 'a'))).length, 1);
  assert.throws(() => new FrameSplitter(64).push(withLength(frameOf(65, 'a'))), isA('FRAME_TOO_LONG'));
  for (const limit of [20, 65_536, Number.NaN])
    assert.throws(() => new FrameSplitter(limit), isA('INVARIANT'));
});

framing(
  'opens into TPDU, header and body, and is built of them again (github yangyongzhen/go8583, log1.txt)',
  () => {
    // The sign-in request of the second captured session, LEN 003C.
    const wire = Buffer.from(
      '003C600601000060310031181208000020000000C00012000000323230303336303031303435313235343131313030303100110000000000300003303030',
      'hex',
    );
    const [frame] = new FrameSplitter().push(wire);
    const { tpdu, header, body } = openFrame(frame as Buffer);
    assert.is(tpdu.toString('hex'), '6006010000');
    assert.is(header, '603100311812');
    assert.is(body.toString('hex', 0, 2), '0800');
    assert.is(buildFrame({ tpdu, header, body }).toString('hex'), wire.toString('hex'));
  },
);

framing('of less than 21 bytes does not open', () => {
  assert.throws(() => openFrame(Buffer.alloc(20)), isA('FRAME_TOO_SHORT'));
  assert.throws(() => openFrame(Buffer.alloc(0)), isA('FRAME_TOO_SHORT'));
});

framing('is not built of parts that no frame has', () => {
  const body = Buffer.alloc(10);
  const tpdu = Buffer.alloc(5);
  for (const parts of [
    { tpdu: Buffer.alloc(4), header: '0'.repeat(12), body },
    { tpdu, header: '0'.repeat(11), body },
    { tpdu, header: '00000000000x', body },
    { tpdu, header: '0'.repeat(12), body: Buffer.alloc(65_535) },
  ]) {
    assert.throws(() => buildFrame(parts), isA('INVARIANT'));
  }
});

framing.run();

const answers = suite('an answer: TPDU swapped, header echoed but for digits 5 and 6');

answers('swaps destination and source as a live host did (go8583: 6006010000, 6000000601)', () => {
  assert.is(answerTpdu(Buffer.from('6006010000', 'hex')).toString('hex'), '6000000601');
  assert.is(answerTpdu(Buffer.from('6000030000', 'hex')).toString('hex'), '6000000003');
  assert.throws(() => answerTpdu(Buffer.alloc(4)), isA('INVARIANT'));
});

answers('echoes the header, with no wish unless there is one', () => {
  assert.is(answerHeader('603100311812', {}), '603100311812');
  assert.is(answerHeader('603109311812', {}), '603100311812');
  assert.is(answerHeader('603100311812', { wanted: 3 }), '603103311812');
  assert.is(answerHeader('603100311812', { testMode: true, wanted: 9 }), '603119311812');
  assert.is(answerHeader('603110311812', { testMode: false }), '603100311812');
  assert.is(answerHeader('603110311812', {}), '603110311812');
  for (const wanted of [-1, 10, 1.5])
    assert.throws(() => answerHeader('603100311812', { wanted }), isA('INVARIANT'));
});

answers.run();
