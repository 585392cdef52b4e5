/**
 * Runs every benchmark in a fresh process, as one file like a host in service (before 2026-11-23 from source, where
 * every name of another module costs a look), each asserting its result before it times, and appends one JSON line to
 * bench-history.jsonl. Arguments are parts of file names. `--dry` appends nothing.
 * `--curves FOLDER` measures nothing: it draws the history into the folder, one SVG for each family of metrics.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from '../simulators/office/index.ts';
import { curves, type Metric, readHistory } from './bench-curves.ts';
import { HISTORY, keepRun, metricLine } from './bench-history.ts';
import { ROOT, sourceFiles } from './files.ts';

const drawAt = process.argv.indexOf('--curves');
if (drawAt > 0) {
  const folder = resolve(process.argv[drawAt + 1] ?? 'out/bench');
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of curves(readHistory(readFileSync(HISTORY, 'utf8')))) {
    writeFileSync(join(folder, name), svg);
    console.log(join(folder, name));
  }
  process.exit(0);
}

const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const files = sourceFiles('.bench.ts').filter(
  (f) => wanted.length === 0 || wanted.some((w) => f.includes(w)),
);
const nameOf = (file: string) => file.replaceAll('/', '-').replace(/\.ts$/, '');
const folder = join(ROOT, 'out', 'program');
await bundle(Object.fromEntries(files.map((file) => [nameOf(file), file])), folder);
const metrics: Metric[] = [];
let failed = files.length === 0;
for (const file of files) {
  const url = pathToFileURL(join(folder, `${nameOf(file)}.mjs`)).href;
  const program = `const { bench } = await import(${JSON.stringify(url)}); process.stdout.write('\\nMETRICS ' + JSON.stringify(await bench()) + '\\n', () => process.exit(0));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const line = /^METRICS (.*)$/m.exec(stdout)?.[1];
  if (status !== 0 || line === undefined) {
    console.error(`FAIL ${file}\n${stdout}${stderr}`);
    failed = true;
    continue;
  }
  console.log(file);
  for (const metric of JSON.parse(line) as Metric[]) {
    metrics.push(metric);
    console.log(metricLine(metric));
  }
}
if (!failed && !process.argv.includes('--dry')) keepRun(metrics);
process.exitCode = failed ? 1 : 0;
