import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskFull } from './disk-full.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);

const full = suite(`disks that run full, seed ${SEED} (ZUNKA_SEED)`);

full('nothing that was told is lost, refusals say why, and with space everything goes on', async () => {
  console.log(`seed ${SEED}`);
  const { failures, agreement, leftOut } = await diskFull({ seed: SEED, times: 2, tell: console.log });
  assert.equal(failures, []);
  assert.ok(
    agreement === null ? leftOut.length > 0 : agreement.acknowledged > 0,
    'it was run, or said to be left out',
  );
});

full.run();
