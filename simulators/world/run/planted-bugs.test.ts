/** The proof can fail: bugs are planted and caught. All of them, with their seeds: `npm run world -- --planted`. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleWorld, planted } from './bundle.ts';
import { runFleet, seedOrders, type WorkerLine } from './fleet.ts';
import { PLANTED_BUGS, type PlantedBug, type PlantedBugName } from './planted-bugs.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Of each kind of place one: the terminal's journal, the host's answer, its memory, its books. */
const CAUGHT_SOON: readonly PlantedBugName[] = [
  'sent before journal',
  'answer before commit',
  'late original accepted',
  'void leaves the sale',
];
const SEEDS_MAX = 600;

const planting = suite('planted bugs');

for (const [name, bug] of Object.entries(PLANTED_BUGS) as [PlantedBugName, PlantedBug][]) {
  planting(`${name}: its place in the source is there, exactly once`, async () => {
    const source = await readFile(join(ROOT, bug.file), 'utf8');
    assert.not.equal(planted(source, bug), source);
  });
}

planting('a bug whose place is gone is not built in silence', () => {
  const gone = { ...PLANTED_BUGS['second original'], find: 'this text stands nowhere' };
  assert.throws(() => planted('source', gone), /is there 0 times/);
});

for (const name of CAUGHT_SOON) {
  planting(`${name}: caught by the general checks`, async () => {
    await mkdir(join(ROOT, 'out', 'world'), { recursive: true });
    // Beside the project's packages, which stay outside the bundle.
    const program = join(ROOT, 'out', 'world', `test-${name.replaceAll(' ', '-')}.mjs`);
    await bundleWorld({ root: ROOT, to: program, bug: name });
    let caught: WorkerLine | null = null;
    let tried = 0;
    await runFleet({
      program,
      workers: 1,
      orders: seedOrders(1, SEEDS_MAX),
      onLine: (line) => {
        tried += 1;
        if (line.violations.length > 0) caught = line;
        return caught === null;
      },
    });
    assert.ok(caught !== null, `not caught in ${tried} seeds`);
    const { violations } = caught as WorkerLine;
    console.log(`${name}: ${tried} seeds, ${violations.map(({ check }) => check).join(', ')}`);
  });
}

planting.run();
