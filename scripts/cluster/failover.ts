/**
 * The primary dies under load, its synchronous standby takes over, the hosts go on by themselves; afterwards every
 * transaction that a terminal holds as acknowledged stands in the books of the new primary, once.
 */
import { freePort, startPostgres } from '../../host/store/postgres/node-server.fixture.ts';
import {
  addSynchronousStandby,
  PRIMARY_SETTINGS,
  promote,
} from '../../host/store/postgres/node-standby.fixture.ts';
import { Dice, pause } from '../../simulators/office/index.ts';
import { type Agreement, Cluster } from './hosts.ts';

export interface FailoverOptions {
  readonly seed: number;
  readonly times: number;
  readonly terminals: number;
  readonly tell: (line: string) => void;
}

const LIFE_MS_MAX = 3_000;
/** Long enough to see it work again, and bounded. */
const RECOVERY_SECONDS_MAX = 60;

export async function rehearseFailover(options: FailoverOptions): Promise<Agreement> {
  const { seed, times, terminals, tell } = options;
  const dice = new Dice(seed);
  let primary = await startPostgres(PRIMARY_SETTINGS);
  let standby = await addSynchronousStandby(primary, await freePort());
  const storeUrl = `postgres://zunka@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/postgres`;
  tell(
    `primary on ${primary.port}, synchronous standby on ${standby.port}, two hosts, ${terminals} terminals`,
  );
  const cluster = await Cluster.open({ storeUrl, terminals, seed });
  try {
    let isOver = false;
    const trading = cluster.trade(() => isOver, 1);
    for (let time = 1; time <= times; time += 1) {
      await pause(1_000 + dice.below(LIFE_MS_MAX));
      const before = approved(cluster);
      await primary.kill();
      const from = process.hrtime.bigint();
      await promote(standby);
      const promoted = since(from);
      const atPromotion = approved(cluster);
      while (approved(cluster) === atPromotion && since(from) < RECOVERY_SECONDS_MAX * 1000) await pause(20);
      tell(
        `${time}. primary ${primary.port} killed after ${before} approvals; ${standby.port} promoted in ${promoted} ms, ` +
          `next approval after ${since(from)} ms`,
      );
      const port = primary.port;
      await primary.stop();
      primary = standby;
      if (time < times) standby = await addSynchronousStandby(primary, port);
    }
    await pause(1_000);
    isOver = true;
    await trading;
    // A host that starts on the new primary compares it with what it noted as acknowledged.
    await cluster.office.stop();
    await cluster.office.start();
    const unsettled = await cluster.settle();
    const found = await cluster.agree(storeUrl);
    const codes = [...cluster.codes].map(([code, count]) => `${code} ${count}`).join(', ');
    tell(`answers at the terminals: ${codes}`);
    return { ...found, wrong: [...unsettled, ...found.wrong] };
  } finally {
    await cluster.close();
    await primary.stop();
    await standby.stop();
  }
}

function approved(cluster: Cluster): number {
  return cluster.codes.get('00') ?? 0;
}

function since(from: bigint): number {
  return Math.round(Number(process.hrtime.bigint() - from) / 1e6);
}
