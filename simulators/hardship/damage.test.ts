import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { damage } from './damage.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);

const hurt = suite(`damaged files, seed ${SEED} (ZUNKA_SEED)`);

hurt(
  'a damaged journal or database is refused with a report, or holds everything that was told',
  async () => {
    console.log(`seed ${SEED}`);
    const { failures, came } = await damage({ seed: SEED, times: 12, tell: console.log });
    assert.equal(failures, []);
    const refused = Object.keys(came).filter((what) => what.includes('refuse'));
    assert.ok(refused.length > 0, 'some damage was refused');
  },
);

hurt.run();
