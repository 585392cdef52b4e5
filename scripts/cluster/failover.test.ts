import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rehearseFailover } from './failover.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);
const failover = suite(`failover, seed ${SEED} (ZUNKA_SEED)`);

failover('a primary killed under load loses nothing that was acknowledged to a terminal', async () => {
  const found = await rehearseFailover({ seed: SEED, times: 1, terminals: 3, tell: console.log });
  assert.equal(found.wrong, []);
  assert.ok(found.held > 3);
});

failover.run();
