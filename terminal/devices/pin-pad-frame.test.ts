import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ETX,
  encodePadFrame,
  PAD_DATA_BYTES_MAX,
  type PadFrame,
  PadFrameSplitter,
  STX,
} from './pin-pad-frame.ts';

const frames = suite('PIN pad frame: STX, nibbles, ETX');

const aByte = fc.integer({ min: 0, max: 255 });
const aFrame: fc.Arbitrary<PadFrame> = fc
  .tuple(aByte, aByte, fc.uint8Array({ maxLength: 80 }))
  .map(([command, state, data]) => ({ command, state, data: Buffer.from(data) }));

frames('splits each byte into 0x30 | high and 0x30 | low nibble, high first', () => {
  // By hand: 42 00 0001 A5, XOR = 42 ^ 00 ^ 00 ^ 01 ^ A5 = E6.
  const wire = encodePadFrame({ command: 0x42, state: 0, data: Buffer.from('a5', 'hex') });
  assert.is(wire.toString('hex'), `02${'3432'}${'3030'}${'30303031'}${'3a35'}${'3e36'}03`);
});

frames('reads a frame that was built by hand', () => {
  const wire = Buffer.from('0234323030303030313a353e3603', 'hex');
  const { frames: got, rejected } = new PadFrameSplitter().feed(wire);
  assert.equal(got, [{ command: 0x42, state: 0, data: Buffer.from('a5', 'hex') }]);
  assert.equal(rejected, []);
});

frames('gives the same frames wherever the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(aFrame, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 8 }), (sent, cuts) => {
      const wire = Buffer.concat(sent.map(encodePadFrame));
      const places = [0, ...cuts.map((cut) => cut % (wire.length + 1)), wire.length].sort((a, b) => a - b);
      const splitter = new PadFrameSplitter();
      const got = places.slice(1).flatMap((end, at) => splitter.feed(wire.subarray(places[at], end)).frames);
      assert.equal(got, sent);
      assert.is(splitter.pendingBytes, 0);
    }),
  );
});

frames('is right again at the next frame, whatever noise stood before it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), aFrame, (noise, frame) => {
      const splitter = new PadFrameSplitter();
      splitter.feed(Buffer.from(noise));
      const { frames: got } = splitter.feed(encodePadFrame(frame));
      assert.equal(got, [frame]);
    }),
  );
});

frames('accounts for every byte: in a frame, rejected or pending', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.uint8Array({ maxLength: 30 }), aFrame.map(encodePadFrame)), { maxLength: 8 }),
      (pieces) => {
        const splitter = new PadFrameSplitter();
        let fed = 0;
        let known = 0;
        for (const piece of pieces) {
          const { frames: got, rejected } = splitter.feed(Buffer.from(piece));
          fed += piece.length;
          for (const frame of got) known += 2 + 2 * (5 + frame.data.length);
          for (const { count } of rejected) known += count;
        }
        assert.is(known + splitter.pendingBytes, fed);
      },
    ),
  );
});

frames('rejects a frame in which any one bit of a nibble was turned', () => {
  fc.assert(
    fc.property(aFrame, fc.nat(), fc.integer({ min: 0, max: 3 }), (frame, place, bit) => {
      const wire = encodePadFrame(frame);
      const at = 1 + (place % (wire.length - 2));
      wire[at] = (wire[at] ?? 0) ^ (1 << bit);
      const { frames: got, rejected } = new PadFrameSplitter().feed(wire);
      assert.equal(got, []);
      assert.is(rejected.length, 1);
    }),
  );
});

frames('gives up a frame that stops half-way, and says how many bytes it was', () => {
  const splitter = new PadFrameSplitter();
  splitter.feed(Buffer.from([STX, 0x34, 0x32]));
  assert.equal(splitter.drop(), { frames: [], rejected: [{ count: 3, reason: 'cut short' }] });
  assert.is(splitter.pendingBytes, 0);
});

frames('never holds more than the longest frame of a babbling device', () => {
  const splitter = new PadFrameSplitter();
  splitter.feed(Buffer.from([STX]));
  const { rejected } = splitter.feed(Buffer.alloc(3 * PAD_DATA_BYTES_MAX, 0x31));
  assert.is(rejected[0]?.reason, 'too long');
  assert.is(splitter.pendingBytes, 0);
});

frames('refuses a length that does not fit, and an ETX without a frame', () => {
  const splitter = new PadFrameSplitter();
  assert.is(splitter.feed(Buffer.from('023432303030303032003a3503', 'hex')).frames.length, 0);
  assert.equal(splitter.feed(Buffer.from([ETX])).rejected, [{ count: 1, reason: 'noise' }]);
});

frames.run();
