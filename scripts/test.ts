/**
 * Runs every test file in a process of its own and counts what ran.
 *
 * A file that ran no test has failed: `.run()` is missing. Ends with the line `N passed, N failed`.
 * Arguments are parts of file names: only files that contain one of them run.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { ROOT, sourceFiles } from './files.ts';

/** A guard against what hangs, and no measure of speed: the slowest file takes a quarter of it here. */
const FILE_SECONDS_MAX = 600;

const DIGEST_LINES = 12;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const ANSI = /\u001b\[[0-9;]*m/g;

interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly output: string;
}

const wanted = process.argv.slice(2);
const files = sourceFiles('.test.ts').filter((f) => wanted.length === 0 || wanted.some((w) => f.includes(w)));
/** Process groups that run; they end with us. */
const groups = new Set<number>();
process.once('exit', () => groups.forEach(endGroup));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const results = await runAll(files, availableParallelism());

// A tool that this machine lacks may leave a comparison out, but never in silence.
for (const { file, output } of results) {
  for (const [line] of output.matchAll(/^left out: .*$/gm)) console.log(`${line} (${file})`);
}
// Said once more, in short: the file's whole output stands far above.
for (const { file, failed, output } of results) {
  if (failed > 0) console.log(`FAIL ${file}\n${digestOf(output)}`);
}
const passed = results.reduce((sum, r) => sum + r.passed, 0);
const failed = results.reduce((sum, r) => sum + r.failed, 0);
const slowest = results.toSorted((a, b) => b.seconds - a.seconds).slice(0, 3);
console.log(
  `${results.length} files; slowest: ${slowest.map((r) => `${r.file} ${r.seconds.toFixed(1)} s`).join(', ')}`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

/** What failed: the beginning of each of uvu's reports, or the end of a file that made none. */
function digestOf(output: string): string {
  const lines = output.replace(ANSI, '').split('\n');
  const reports = lines.flatMap((line, at) =>
    /^\s*FAIL\s/.test(line) ? lines.slice(at, at + DIGEST_LINES) : [],
  );
  return (reports.length > 0 ? reports : lines.slice(-DIGEST_LINES))
    .filter((line) => line.trim() !== '')
    .join('\n');
}

/** Runs the files, `width` at a time, in order. */
async function runAll(queue: readonly string[], width: number): Promise<readonly FileResult[]> {
  const done: FileResult[] = [];
  const waiting = [...queue];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file);
      done.push(result);
      const mark = result.failed === 0 ? 'ok  ' : 'FAIL';
      console.log(`${mark} ${file}  ${result.passed} passed  ${result.seconds.toFixed(1)} s`);
      if (result.failed > 0) console.error(`${result.output}\n--- ${file}: ${result.failed} failed`);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return done;
}

function runFile(file: string): Promise<FileResult> {
  return new Promise((resolve) => {
    const started = process.hrtime.bigint();
    // A group of its own: it ends with all that it started, or a host left behind would slow down what runs next.
    const child = spawn(process.execPath, ['--import', 'tsx', file], { cwd: ROOT, detached: true });
    const group = child.pid ?? 0;
    groups.add(group);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      endGroup(group);
    }, FILE_SECONDS_MAX * 1000);
    child.on('exit', () => endGroup(group));
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('close', (status) => {
      clearTimeout(timer);
      groups.delete(group);
      const output = Buffer.concat(chunks).toString('utf8');
      const total = Number(/Total:\s+(\d+)/.exec(output)?.[1] ?? 0);
      const passed = Number(/Passed:\s+(\d+)/.exec(output)?.[1] ?? 0);
      const good = status === 0 && total > 0 && passed === total;
      const reason = total === 0 ? 'It ran no test: is .run() missing?' : '';
      const late = isLate ? `\nStopped after ${FILE_SECONDS_MAX} s: is a socket or timer left open?` : '';
      resolve({
        file,
        passed,
        failed: good ? 0 : Math.max(1, total - passed),
        seconds: Number(process.hrtime.bigint() - started) / 1e9,
        output: `${output}${reason}${late}`,
      });
    });
  });
}

function endGroup(group: number): void {
  if (group === 0) return;
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
