import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kills } from './kills.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);

const killing = suite(`kills of real processes, seed ${SEED} (ZUNKA_SEED)`);

killing('what was told to a clerk is kept, nothing is doubled, and everything settles', async () => {
  console.log(`seed ${SEED}`);
  const { failures, agreement, ...outcome } = await kills({
    seed: SEED,
    times: 8,
    tills: 2,
    tell: console.log,
  });
  assert.equal(failures, []);
  assert.is(outcome.codes['DEVICE_SILENT'], undefined, 'no customer who was there was waited for in vain');
  assert.ok(outcome.kills >= 8, `${outcome.kills} kills`);
  assert.ok(agreement.acknowledged > 8, `${agreement.acknowledged} approvals`);
  assert.ok(agreement.fileRows > 0, 'the settlement file has rows');
});

killing.run();
