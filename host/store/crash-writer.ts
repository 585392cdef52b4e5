/**
 * The child of `crash.test.ts`: sells without end and prints each serial once its commit is
 * acknowledged, until it is killed. Arguments: database file, stream.
 */
import { ensure, fen } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import { openFolding } from './node-folding.ts';
import { BUSINESS_DATE, saleItem } from './sample-rows.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';

/** Items of one commit: batches of 1 to 16, so that the kill meets commits of all sizes. */
const BATCH_MAX = 16;
/** Logs so short are folded, at almost every look, so that the kill meets foldings, too, with and without a new log. */
const LENGTHS = { folded: 50, restarted: 150 };

function failed(error: unknown): void {
  console.error(error);
  process.exit(1);
}

const [path = '', stream = ''] = process.argv.slice(2);
const store = await openSqliteStore({
  driver: await openFolding({ writer: await openSqlite(path), failed, path }, LENGTHS),
  stream,
  clock: nodeClock,
  initialBusinessDate: BUSINESS_DATE,
});
const { accounts, lots } = await store.read({ accountIds: ['A1'] });
let version = accounts[0]?.version ?? 1;
let remaining = Number(lots[0]?.remaining ?? 0);
for (let size = 1; ; size = (size % BATCH_MAX) + 1) {
  const items = Array.from({ length: size }, () => {
    version += 1;
    remaining -= 1;
    return saleItem(version, 'A1', version, fen(remaining));
  });
  const outcomes = await store.commit(items);
  // A write to a pipe is synchronous here: what is printed was acknowledged before the kill.
  const lines = outcomes.map((outcome, index) => {
    ensure(outcome.committed, 'the only writer meets no conflict');
    return `${version - size + 1 + index} ${outcome.sequence} ${outcome.head}\n`;
  });
  process.stdout.write(lines.join(''));
}
