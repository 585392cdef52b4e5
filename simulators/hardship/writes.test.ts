import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHORT, writes } from './writes.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);

const failing = suite(`writes that fail, seed ${SEED} (ZUNKA_SEED)`);

failing(
  'a host or a terminal that cannot write refuses or is silent, and afterwards everything agrees',
  async () => {
    console.log(`seed ${SEED}`);
    const { failures, agreement } = await writes({ seed: SEED, times: 11, pace: SHORT, tell: console.log });
    assert.equal(failures, []);
    assert.ok(agreement.acknowledged > 0, 'something was approved');
  },
);

failing.run();
