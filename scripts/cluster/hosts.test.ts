import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startPostgres } from '../../host/store/postgres/node-server.fixture.ts';
import { Dice, pause } from '../../simulators/office/index.ts';
import { Cluster } from './hosts.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);
const LIFE_MS_MAX = 1_500;

const many = suite(`hosts on one PostgreSQL, seed ${SEED} (ZUNKA_SEED)`);

many(
  'two hosts behind one door share keys and duplicates; stopped, killed and started under load they lose nothing',
  async () => {
    const server = await startPostgres();
    const dice = new Dice(SEED);
    const cluster = await Cluster.open({ storeUrl: server.url, terminals: 3, seed: SEED });
    try {
      const acts = [
        async () => {
          await cluster.office.stop();
          await cluster.office.start();
        },
        async () => {
          await cluster.second.end('SIGTERM');
          await cluster.second.start();
        },
        async () => {
          await cluster.office.kill();
          await cluster.office.start();
        },
        async () => {
          await cluster.second.end('SIGKILL');
          await cluster.second.start();
        },
      ];
      let isOver = false;
      const trading = cluster.trade(() => isOver, 1);
      for (const act of acts) {
        await pause(500 + dice.below(LIFE_MS_MAX));
        await act();
      }
      await pause(500);
      isOver = true;
      await trading;
      assert.equal(await cluster.settle(), []);
      const found = await cluster.agree(server.url);
      console.log(
        JSON.stringify({
          ...found,
          codes: Object.fromEntries(cluster.codes),
          taken: [...cluster.balancer.taken.values()],
        }),
      );
      assert.equal(found.wrong, []);
      assert.ok(found.held > 3);
      assert.ok([...cluster.balancer.taken.values()].length === 2, 'both hosts served');
    } finally {
      await cluster.close();
      await server.stop();
    }
  },
);

many.run();
