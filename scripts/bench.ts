/**
 * Runs every benchmark in a fresh process, each asserting its result before it times, and appends one
 * JSON line to bench-history.jsonl. Arguments are parts of file names. `--dry` appends nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, sourceFiles } from './files.ts';

interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const files = sourceFiles('.bench.ts').filter(
  (f) => wanted.length === 0 || wanted.some((w) => f.includes(w)),
);
const metrics: Metric[] = [];
let failed = files.length === 0;
for (const file of files) {
  const url = pathToFileURL(join(ROOT, file)).href;
  const program = `const { bench } = await import(${JSON.stringify(url)}); process.stdout.write('\\nMETRICS ' + JSON.stringify(await bench()) + '\\n', () => process.exit(0));`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', program],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  const line = /^METRICS (.*)$/m.exec(stdout)?.[1];
  if (status !== 0 || line === undefined) {
    console.error(`FAIL ${file}\n${stdout}${stderr}`);
    failed = true;
    continue;
  }
  console.log(file);
  for (const metric of JSON.parse(line) as Metric[]) {
    metrics.push(metric);
    console.log(
      `  ${metric.name.padEnd(36)} ${metric.value.toLocaleString('en', { maximumFractionDigits: 2 }).padStart(14)} ${metric.unit}`,
    );
  }
}
if (!failed && !process.argv.includes('--dry')) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: ROOT,
    encoding: 'utf8',
  }).trim();
  const line = { commit, date: new Date().toISOString().slice(0, 10), node: process.versions.node, metrics };
  appendFileSync(join(ROOT, 'bench-history.jsonl'), `${JSON.stringify(line)}\n`);
}
process.exitCode = failed ? 1 : 0;
