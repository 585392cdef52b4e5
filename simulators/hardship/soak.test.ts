import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { soak } from './soak.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);

const soaking = suite(`soak in small, seed ${SEED} (ZUNKA_SEED)`);

soaking(
  'a third of a minute of load with faults and kills: everything agrees, every process was looked at',
  async () => {
    console.log(`seed ${SEED}`);
    const { failures, conclusions, agreement } = await soak({
      seed: SEED,
      minutes: 1 / 3,
      sampleMs: 2_000,
      pauseMs: 300,
      tills: 2,
      troubleMs: 1_000,
      killMs: 3_000,
      tell: console.log,
    });
    assert.equal(failures, []);
    assert.is(conclusions.length, 3, 'the host and two terminals');
    assert.ok(conclusions.every(({ samples }) => samples > 0));
    assert.ok(agreement.acknowledged > 0, 'something was approved');
  },
);

soaking.run();
