/**
 * Writes the generated tables into the READMEs, or with `--check` compares them.
 *
 * A README marks the place: `<!-- table:NAME -->` … `<!-- /table -->`. The code is the source; a table
 * edited by hand is found here. `--plant` changes a digit in each README as it is read, in memory: the
 * gate's own test sees it caught.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './files.ts';
import { generatedTables } from './generated-tables.ts';

const MARKED = /<!-- table:([\w-]+) -->\n[\s\S]*?<!-- \/table -->/g;

const checking = process.argv.includes('--check') || process.argv.includes('--plant');
let stale = 0;
let tables = 0;
for (const [readme, byName] of Object.entries(generatedTables())) {
  const path = join(ROOT, readme);
  const read = readFileSync(path, 'utf8');
  const before = process.argv.includes('--plant') ? read.replace(/\| *\d/g, '| 9') : read;
  const found = new Set<string>();
  const after = before.replace(MARKED, (_, name: string) => {
    const table = byName[name];
    if (table === undefined) throw new Error(`${readme} asks for the table ${name}, which nothing generates`);
    found.add(name);
    tables += 1;
    return `<!-- table:${name} -->\n${table.trim()}\n<!-- /table -->`;
  });
  const missing = Object.keys(byName).filter((name) => !found.has(name));
  if (missing.length > 0) {
    console.error(`${readme} has no place for: ${missing.join(', ')}`);
    stale += 1;
  }
  if (after === before) continue;
  if (checking) {
    console.error(`${readme} differs from the code: run \`npm run tables\``);
    stale += 1;
  } else {
    writeFileSync(path, after);
    console.log(`${readme} written`);
  }
}
console.log(`${tables} tables ${checking ? 'compared' : 'generated'}`);
process.exitCode = stale > 0 || tables === 0 ? 1 : 0;
