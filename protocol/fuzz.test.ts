import * as fc from 'fast-check';
import { suite } from 'uvu';
import { fuzz, PROPERTIES } from './fuzz.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122);

const random = suite(`random input, seed ${SEED} (another: FUZZ_SEED=N)`);

for (const [sentence, property] of Object.entries(PROPERTIES)) {
  random(sentence, () => fc.assert(property, { seed: SEED, numRuns: 400 }));
}

random('goes on for as long as it is told to', async () => {
  const { runs } = await fuzz(SEED + 1, 0);
  if (runs < Object.keys(PROPERTIES).length) throw new Error(`${runs} runs`);
});

random.run();
