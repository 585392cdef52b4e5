/** What is kept of a run of benchmarks: one line of bench-history.jsonl. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import type { BenchRun, Metric } from './bench-curves.ts';
import { ROOT } from './files.ts';

export const HISTORY = join(ROOT, 'bench-history.jsonl');

/** One metric as a line for people. */
export function metricLine({ name, value, unit }: Metric): string {
  return `  ${name.padEnd(36)} ${value.toLocaleString('en', { maximumFractionDigits: 2 }).padStart(14)} ${unit}`;
}

/** Appends a run, with the commit, the machine and how busy it was. @param load the load average before the run */
export function keepRun(metrics: readonly Metric[], load: number = loadavg()[0] ?? 0): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: ROOT,
    encoding: 'utf8',
  }).trim();
  const all = cpus();
  const run: BenchRun = {
    commit,
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    machine: { cpu: all[0]?.model ?? 'unknown', cores: all.length, load: Math.round(load * 100) / 100 },
    metrics: [...metrics],
  };
  appendFileSync(HISTORY, `${JSON.stringify(run)}\n`);
}
