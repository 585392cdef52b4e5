/** Coverage: c8 around the tests. Floors: lines and branches of the whole; the report names each file. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './files.ts';

const LINES_MIN = 95;
const BRANCHES_MIN = 90;

const { status } = spawnSync(
  'npx',
  [
    '--no-install',
    'c8',
    '--check-coverage',
    `--lines=${LINES_MIN}`,
    `--branches=${BRANCHES_MIN}`,
    '--functions=0',
    '--statements=0',
    '--exclude=**/*.test.ts',
    '--exclude=scripts/**',
    '--reporter=text',
    '--reporter=text-summary',
    process.execPath,
    '--import',
    'tsx',
    join(ROOT, 'scripts/test.ts'),
    ...process.argv.slice(2),
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
