/** Random input for the codec: `npm run fuzz -- SEED SECONDS`. Prints the seed, so that a find can be repeated. */
import { fuzz } from '../protocol/fuzz.ts';

const seed = Number(process.argv[2] ?? Date.now() % 1_000_000_000);
const seconds = Number(process.argv[3] ?? 10);
console.log(`seed ${seed}, ${seconds} s`);
const { runs } = await fuzz(seed, seconds);
console.log(`${runs} inputs, no failure`);
