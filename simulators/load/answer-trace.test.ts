import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildFrame, codec } from '../../protocol/index.ts';
import { answerTrace, traceNumber } from './answer-trace.ts';

const answers = suite('the load finds the request of an answer by DE11');

const frameOf = (fields: Record<number, string>) =>
  buildFrame({
    tpdu: Buffer.from('6000000003', 'hex'),
    header: '603100310000',
    body: codec.encode({ mti: '0210', fields }),
  }).subarray(2);

const digits = (least: number, most: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: least, maxLength: most });

answers('whatever stands before it', () => {
  const before = fc.record(
    {
      2: digits(0, 19),
      3: digits(6, 6),
      4: digits(12, 12),
      7: digits(10, 10),
      10: digits(8, 8),
      70: digits(3, 3),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(before, digits(6, 6), (fields, trace) => {
      assert.is(answerTrace(frameOf({ ...fields, 11: trace, 39: '00' })), traceNumber(trace));
    }),
  );
});

answers('and knows an answer that has none', () => {
  assert.is(answerTrace(frameOf({ 39: '30' })), -1);
  assert.is(answerTrace(frameOf({ 2: '6277880000000016', 39: '30' })), -1);
});

answers.run();
