import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { badLine } from './bad-line.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);

const line = suite(`bad lines between processes, seed ${SEED} (ZUNKA_SEED)`);

line('after sixty transactions through every fault, both sides settle equal', async () => {
  console.log(`seed ${SEED}`);
  const { failures, troubles, approved } = await badLine({
    seed: SEED,
    transactions: 60,
    tills: 2,
    tell: console.log,
  });
  assert.equal(failures, []);
  assert.ok(approved >= 60, `${approved} approvals`);
  assert.ok(Object.keys(troubles).length > 0, 'some faults came');
});

line.run();
