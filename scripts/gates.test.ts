/** Each gate must be able to fail: a planted violation for every one. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from './files.ts';

const gates = suite('gates: each one catches its planted violation');

// biome-ignore format: a table is read by column
const BORDERS = [
  ['protocol/planted.ts',           '../keys/index.ts',            true,  'protocol may not import keys'],
  ['keys/planted-door.ts',          '../protocol/index.ts',        false, 'keys may import protocol through its door'],
  ['keys/planted-inside.ts',        '../protocol/codec.ts',        true,  'keys may not reach past the door of protocol'],
  ['keys/planted-host.ts',          '../host/index.ts',            true,  'keys may not import host'],
  ['keys/mac/planted-door.ts',      '../../protocol/index.ts',     false, 'a folder of keys may import protocol'],
  ['keys/mac/planted-room.ts',      '../cipher/block-cipher.ts',   false, 'folders inside keys know each other'],
  ['keys/mac/planted-in.ts',        '../../protocol/codec.ts',     true,  'a folder of keys may not reach past the door of protocol'],
  ['keys/mac/planted-term.ts',      '../../terminal/index.ts',     true,  'a folder of keys may not import terminal'],
  ['terminal/planted.ts',           '../host/index.ts',            true,  'terminal does not know host'],
  ['terminal/flows/planted.ts',     '../../host/index.ts',         true,  'a flow of the terminal does not know host'],
  ['terminal/flows/planted-door.ts', '../../protocol/index.ts',    false, 'a flow of the terminal may import protocol'],
  ['terminal/flows/planted-room.ts', '../journal/state.ts',        false, 'rooms inside the terminal know each other'],
  ['host/acquiring/planted.ts',     '../../terminal/index.ts',     true,  'host does not know terminal'],
  ['host/acquiring/planted-in.ts',  '../../protocol/codec.ts',     true,  'host may not reach past the door of protocol'],
  ['host/acquiring/planted-sim.ts', '../../simulators/index.ts',   true,  'nothing imports simulators'],
  ['simulators/link/planted.ts',    '../../terminal/index.ts',     false, 'simulators use the public doors'],
  ['simulators/link/planted-in.ts', '../../terminal/console.ts',   true,  'simulators may not reach past a door'],
  ['simulators/link/planted-up.ts', '../../scripts/files.ts',      true,  'nothing imports scripts'],
] as const;
const TYPE_ONLY = 'host/planted-type.ts';

/** One run of the linter, under the project's own configuration, over a tree of plants: the files it refused. */
function refusedFiles(): ReadonlySet<string> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-gates-'));
  try {
    for (const config of ['biome.json', '.gitignore']) cpSync(join(ROOT, config), join(folder, config));
    const plant = (path: string, source: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), source);
    };
    for (const [path, specifier] of BORDERS) {
      plant(path, `import { planted } from '${specifier}';\nconsole.log(planted);\n`);
    }
    plant(TYPE_ONLY, "import type { Planted } from '../terminal/index.ts';\nexport type P = Planted;\n");
    const { stdout } = spawnSync(
      join(ROOT, 'node_modules/.bin/biome'),
      ['lint', '--reporter=github', '--max-diagnostics=none', '.'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    const refused = [...stdout.matchAll(/noRestrictedImports,file=([^,]+),/g)].map(([, file = '']) =>
      relative(folder, file),
    );
    return new Set(refused);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const refused = refusedFiles();
for (const [path, , isRefused, sentence] of BORDERS) {
  gates(sentence, () => assert.is(refused.has(path), isRefused));
}

gates('a type-only import across the border is refused too', () => assert.ok(refused.has(TYPE_ONLY)));

gates('the clock, chance, timers, files and sockets stay out of the logic', () => {
  const source = [
    "import { readFileSync } from 'node:fs';",
    "import { connect } from 'node:net';",
    'export const planted = [readFileSync, connect, Date.now(), Math.random(), new Date()];',
    'setTimeout(() => undefined, 1);',
  ].join('\n');
  const config = join(ROOT, 'eslint.config.js');
  // Run without types: only the rules on what the logic may touch.
  const script = `
    import { ESLint } from 'eslint';
    import config from ${JSON.stringify(config)};
    import tseslint from 'typescript-eslint';
    const logic = config.filter((block) => block.rules?.['no-restricted-globals']);
    const eslint = new ESLint({ overrideConfigFile: true, overrideConfig: [{ files: ['**/*.ts'], languageOptions: { parser: tseslint.parser } }, ...logic], cwd: ${JSON.stringify(ROOT)} });
    const [result] = await eslint.lintText(${JSON.stringify(source)}, { filePath: 'host/acquiring/planted.ts' });
    console.log(result.messages.map((m) => m.ruleId + ':' + m.line).join('\\n'));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.equal(
    stdout.trim().split('\n').sort(),
    [
      'no-restricted-globals:4',
      'no-restricted-imports:1',
      'no-restricted-imports:2',
      'no-restricted-properties:3',
      'no-restricted-properties:3',
      'no-restricted-syntax:3',
    ],
    stderr,
  );
});

gates('a test file that forgets .run() counts as a failure, not as silence', () => {
  const folder = mkdtempSync(join(ROOT, 'scripts/planted-'));
  try {
    writeFileSync(
      join(folder, 'silent.test.ts'),
      "import { suite } from 'uvu';\nconst s = suite('silent');\ns('never runs', () => undefined);\n",
    );
    const run = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/test.ts', 'silent.test.ts'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.is(run.status, 1);
    assert.match(run.stdout, /0 passed, 1 failed/);
    assert.match(run.stderr, /is \.run\(\) missing/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

gates('a table edited by hand is found', () => {
  const run = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/tables.ts', '--check', '--plant'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.is(run.status, 1, run.stdout);
  assert.match(run.stderr, /differs from the code/);
});

gates.run();
