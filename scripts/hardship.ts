/**
 * The hard times on the real machine: `npm run hardship -- PART [options]`. Each part prints its seed and
 * what it did; with `--json` the last line is one JSON object. Ends with 1 when anything disagreed.
 */
import { parseArgs } from 'node:util';
import { type HardshipPart, PARTS } from '../simulators/hardship/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    times: { type: 'string' },
    transactions: { type: 'string' },
    minutes: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
const [name = ''] = positionals;
const part: HardshipPart | undefined = PARTS[name];

if (part === undefined || values.help === true) {
  for (const [each, { usage, en }] of Object.entries(PARTS))
    console.log(`npm run hardship -- ${each} ${usage}\n    ${en}`);
  process.exitCode = values.help === true ? 0 : 2;
} else {
  const seed = wholeNumber('seed', values.seed) ?? Date.now() % 1_000_000;
  console.log(`${name}: seed ${seed}`);
  const outcome = await part.run({
    seed,
    size: wholeNumber(part.size, part.size === 'none' ? undefined : values[part.size]),
    tell: (line) => console.log(line),
  });
  for (const failure of outcome.failures) console.error(`✗ ${failure}`);
  console.log(
    outcome.failures.length === 0 ? `${name}: no failure` : `${name}: ${outcome.failures.length} failures`,
  );
  if (values.json === true) console.log(JSON.stringify({ part: name, seed, ...outcome }));
  process.exitCode = outcome.failures.length === 0 ? 0 : 1;
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(`--${option} ${text}: a whole number above zero is wanted`);
  return Number(text);
}
