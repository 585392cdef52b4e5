/** The world's own promises, and the seeds that every build must survive. */
import { randomInt } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FAULTS, type FaultName } from './faults.ts';
import { World } from './world.ts';

/** Fixed ones in every run; then as many fresh ones as the seconds allow: `.ci/run` gives a minute. */
const FIXED_SEEDS = 24;
const FRESH_MS = Number(process.env['WORLD_FRESH_SECONDS'] ?? 5) * 1_000;

async function lived(options: Parameters<typeof World.open>[0]) {
  const world = await World.open(options);
  try {
    const verdict = await world.run();
    return { verdict, timeline: world.timeline.lines() };
  } finally {
    world.close();
  }
}

/** What is wrong, with all that a reader needs to see it again. */
async function violationsOf(seed: number, more: Omit<Parameters<typeof World.open>[0], 'seed'> = {}) {
  const { verdict, timeline } = await lived({ seed, ...more });
  const violations = verdict.violations.map(({ check, detail }) => `seed ${seed}: ${check}: ${detail}`);
  // A log may be cut anywhere: what was found and how to see it again stands before the timeline and after it.
  const found = [...violations, `replay: npm run world -- --seed ${seed}`].join('\n');
  if (violations.length > 0) console.log(`\n${found}\n${timeline.slice(-40).join('\n')}\n${found}`);
  return violations;
}

const replay = suite('a world under a seed');

replay('comes again exactly: the same moments, in the same order', async () => {
  for (const seed of [3, 515]) {
    const [first, second] = [await lived({ seed }), await lived({ seed })];
    assert.equal(first.verdict, second.verdict);
    assert.equal(first.timeline, second.timeline);
  }
});

replay('is another under another seed', async () => {
  assert.not.equal((await lived({ seed: 1 })).timeline, (await lived({ seed: 2 })).timeline);
});

replay('does not depend on the worlds that the process lived before', async () => {
  const alone = await lived({ seed: 7 });
  await lived({ seed: 8 });
  assert.equal((await lived({ seed: 7 })).timeline, alone.timeline);
});

replay.run();

const seeds = suite('money is neither lost nor doubled');

seeds('where nothing goes wrong but people', async () => {
  for (let seed = 1; seed <= 3; seed += 1) assert.equal(await violationsOf(seed, { faults: [] }), []);
});

seeds(`under seeds 1 to ${FIXED_SEEDS}`, async () => {
  for (let seed = 1; seed <= FIXED_SEEDS; seed += 1) assert.equal(await violationsOf(seed), []);
});

seeds('under fresh seeds', async () => {
  const from = randomInt(1, 2 ** 30);
  const until = performance.now() + FRESH_MS;
  let seed = from;
  for (; performance.now() < until; seed += 1) assert.equal(await violationsOf(seed), []);
  console.log(`fresh seeds ${from} to ${seed - 1}`);
});

for (const name of Object.keys(FAULTS) as FaultName[]) {
  seeds(`under this fault alone: ${name}`, async () => {
    assert.equal(await violationsOf(11, { faults: [name], terminals: 1, tasks: 4 }), []);
  });
}

seeds.run();

/** Seeds that found a defect, of the product or of its judge, with what it was. They stay, though a change of the code may move what they draw. */
// biome-ignore format: a table is read by column
const FOUND: Readonly<Record<string, number>> = {
  'a missing key could not be journalled on a full disk, and the command rejected instead of ending':   38,
  'a settlement was forgotten because its repeat could not be judged; the first had closed the batch':  320,
  'a host clock that was set back made refunds late, and the day could not be cleared':                166,
  'the same, in a batch with two refunds':                                                             410,
  'a terminal that was told by a changed sign-in answer that its peer speaks no DE57':                 515,
  'the same clock, in a long batch':                                                                   766,
  'a line that could not be written to was used again for ever':                                       799,
  'the card that proves that a shop sells was blocked by wrong PINs':                                  605,
  'the hold that a reversed completion void sets free was taken for a row of the statement':           979,
  'a hold that stood again after its money was spent was expected to be whole':                    200_314,
  'two clerks at one terminal after a quick restart: one changed the paper under the other\'s slip':  3_001_089,
  'a repeated 0500 whose MTI was changed on the way (40) ended a settlement that the host had closed': 4_004_655,
  'a 0500 that came twice: the first was answered 96, the second closed the batch':              7_005_237,
  'a roll of paper was changed under a slip that came out, and no printer noticed':                3_000_512,
};
const found = suite('a seed that found a defect finds it no more');

for (const [what, seed] of Object.entries(FOUND)) {
  found(`${seed}: ${what}`, async () => {
    assert.equal(await violationsOf(seed), []);
  });
}

found.run();
