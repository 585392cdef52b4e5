/** `npm run failover -- --times 3 --terminals 4 --seed N`: the primary is killed under load, and nothing is lost. */
import { parseArgs } from 'node:util';
import { rehearseFailover } from './cluster/failover.ts';

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '3' },
    terminals: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
console.log(`failover: seed ${values.seed}`);
const found = await rehearseFailover({
  seed: Number(values.seed),
  times: Number(values.times),
  terminals: Number(values.terminals),
  tell: console.log,
});
console.log(
  `acknowledged at terminals: ${found.held}; in the books: ${found.booked}; entries: ${found.entries}`,
);
console.log(`journal: ${found.streams.join(', ')} records, chains verified`);
for (const line of found.wrong) console.log(`WRONG: ${line}`);
console.log(
  found.wrong.length === 0
    ? 'failover: every acknowledged transaction is present exactly once'
    : `failover: ${found.wrong.length} wrong`,
);
process.exitCode = found.wrong.length === 0 ? 0 : 1;
