/**
 * The gate before the tests: format, lint and folder boundaries (Biome), lint that needs types
 * (ESLint), types (tsc), dead code (knip), tables in the READMEs against the code.
 *
 * `scripts/gates.test.ts` plants a violation for each and sees it caught.
 */
import { spawnSync } from 'node:child_process';
import { ROOT } from './files.ts';

// biome-ignore format: a table is read by column
const GATES = [
  { name: 'format, lint, boundaries', command: ['biome', 'check', '.'] },
  { name: 'types',                    command: ['tsc', '-p', '.'] },
  { name: 'lint with types',          command: ['eslint', '.'] },
  { name: 'dead code',                command: ['knip'] },
] as const;

let broken = 0;
for (const { name, command } of GATES) broken += run(name, 'npx', ['--no-install', ...command]);
broken += run('tables in the READMEs', process.execPath, ['--import', 'tsx', 'scripts/tables.ts', '--check']);
process.exitCode = broken > 0 ? 1 : 0;

function run(name: string, program: string, args: readonly string[]): number {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  if (status === 0) return 0;
  console.error(stdout + stderr);
  return 1;
}
