import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toHex } from '../hex.ts';
import { aesCheckValue } from '../material/check-value.ts';
import { type KeyEvent, readKeyLog } from '../vault/key-log.ts';
import { type Typed, typeAt } from './typist.fixture.ts';

const KEYS = new URL('../main.ts', import.meta.url);

const ALICE = 'alice has three cats';
const BOB = 'bob rows on sundays';
const parts = [randomBytes(32), randomBytes(32)] as const;
const [one, two] = parts;
const MASTER = Buffer.from(one.map((byte, at) => byte ^ (two[at] as number)));
const checkOf = (bytes: Buffer) => toHex(aesCheckValue(bytes));

/** In groups of four, as it stands on a custodian's sheet. */
const sheet = (bytes: Buffer) => `${toHex(bytes).replaceAll(/(.{4})/g, '$1 ')}\r`;
const enrolled = (name: string, password: string): Typed[] => [
  { at: 'name: ', type: `${name}\r` },
  { at: 'choose a password, 12 characters at least: ', type: `${password}\r` },
  { at: 'the same again: ', type: `${password}\r` },
];
const admitted = (name: string, password: string): Typed[] => [
  { at: 'custodian: ', type: `${name}\r` },
  { at: 'password: ', type: `${password}\r` },
];
const entered = (bytes: Buffer): Typed[] => [
  { at: 'not shown: ', type: sheet(bytes) },
  { at: '(yes/no): ', type: 'yes\r' },
];
const BOTH = [...admitted('alice', ALICE), ...admitted('bob', BOB)];

const ceremony = suite('a key ceremony at a real terminal');

ceremony('two custodians make the master key; screen and log show check values and nothing more', () =>
  inFolder(async (data) => {
    const { screen, exitCode } = await typeAt(
      KEYS,
      ['ceremony', '--data', data],
      [
        ...enrolled('alice', ALICE),
        ...enrolled('bob', BOB),
        ...admitted('alice', 'not her password'),
        ...admitted('alice', ALICE),
        { at: 'not shown: ', type: 'G0\r' },
        { at: 'not shown: ', type: `${'00'.repeat(32)}\r` },
        ...entered(one),
        ...admitted('alice', ALICE),
        ...admitted('bob', BOB),
        { at: 'not shown: ', type: sheet(one) },
        ...entered(two),
        { at: 'write it down (yes/no): ', type: 'yes\r' },
      ],
    );
    assert.is(exitCode, 0, screen);
    assert.is(plain(screen), await pageTranscript());
    assert.match(screen, `check value of the component: ${checkOf(one)}`);
    assert.match(screen, `check value of the component: ${checkOf(two)}`);
    assert.match(screen, `the master key is sealed: ${checkOf(MASTER)}`);
    const log = await readFile(join(data, 'keys.log'));
    const file = await readFile(join(data, 'keys.sealed'), 'utf8');
    assertNoSecret(`${screen}${log.toString()}${file}`);
    assert.equal(
      eventsOf(log).map(({ act, by, checkValue = '' }) => [act, by, checkValue]),
      [
        ['custodian enrolled', 'alice', ''],
        ['custodian enrolled', 'bob', ''],
        ['custodian refused', 'somebody', ''],
        ['custodian admitted', 'alice', ''],
        ['component refused', 'alice', ''],
        ['component refused', 'alice', ''],
        ['component entered', 'alice', checkOf(one)],
        ['component confirmed', 'alice', ''],
        ['custodian refused', 'alice', ''],
        ['custodian admitted', 'bob', ''],
        ['component refused', 'bob', ''],
        ['component entered', 'bob', checkOf(two)],
        ['component confirmed', 'bob', ''],
        ['components combined', 'alice, bob', checkOf(MASTER)],
        ['key accepted', 'alice, bob', ''],
        ['master key in use', 'alice, bob', checkOf(MASTER)],
      ],
    );

    // The key file serves from then on: made, destroyed by two, a new master key, backup and restore.
    const as = async (args: readonly string[], script: readonly Typed[]) => {
      const run = await typeAt(KEYS, [...args, '--data', data], script);
      assert.is(run.exitCode, 0, run.screen);
      return run.screen;
    };
    const spec = ['--use', 'tmk', '--algorithm', '3des', '--owner', 'shop 1'];
    await as(['generate', 'tmk:1', ...spec], admitted('alice', ALICE));
    await as(['generate', 'tmk:2', ...spec], admitted('bob', BOB));
    const alone = await typeAt(
      KEYS,
      ['destroy', 'tmk:2', '--data', data],
      [
        ...admitted('alice', ALICE),
        ...admitted('alice', ALICE),
        ...admitted('alice', ALICE),
        ...admitted('alice', ALICE),
      ],
    );
    assert.is(alone.exitCode, 1);
    assert.match(alone.screen, 'FOUR_EYES');
    await as(['destroy', 'tmk:2'], BOTH);
    const again = [randomBytes(32), randomBytes(32)] as const;
    await as(
      ['master'],
      [
        ...BOTH,
        ...admitted('bob', BOB),
        ...entered(again[0]),
        ...admitted('alice', ALICE),
        ...entered(again[1]),
        { at: 'write it down (yes/no): ', type: 'yes\r' },
      ],
    );
    await as(['master', '--finish'], BOTH);
    await rehearseLoss(data);
  }),
);

ceremony('an abort at the keyboard leaves no key file, and says so in the log', () =>
  inFolder(async (data) => {
    const { screen, exitCode } = await typeAt(
      KEYS,
      ['ceremony', '--data', data],
      [
        ...enrolled('alice', ALICE),
        ...enrolled('bob', BOB),
        ...admitted('alice', ALICE),
        ...entered(one),
        ...admitted('bob', BOB),
        { at: 'not shown: ', type: `${toHex(two).slice(0, 20)}\u0003` },
      ],
    );
    assert.is(exitCode, 1);
    assert.match(screen, 'the ceremony was aborted; what was entered is wiped');
    assertNoSecret(screen);
    const last = eventsOf(await readFile(join(data, 'keys.log'))).at(-1);
    assert.equal([last?.act, last?.by, last?.detail], ['ceremony aborted', 'alice, bob', 'CANCELLED']);
    assert.is(await stat(join(data, 'keys.sealed')).catch(() => 'none'), 'none');
  }),
);

ceremony('a component does not come through a pipe', () =>
  inFolder(async (data) => {
    const { code, text } = await piped(['ceremony', '--data', data]);
    assert.is(code, 1);
    assert.match(text, 'INPUT_BAD');
  }),
);

ceremony.run();

/** As the page shows it: without the check values, which differ each time, and without what clears the screen. */
function plain(text: string): string {
  const shown = text
    .replaceAll('\r', '')
    .replaceAll('\u001b[2J\u001b[3J\u001b[H', '')
    .replaceAll(/\b[0-9A-F]{6}\b/g, '######');
  return shown
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}

/** What README.md shows of this very ceremony. */
async function pageTranscript(): Promise<string> {
  const page = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, shown = ''] = /\n\$ npm run keys -- ceremony\n([^`]*)```/.exec(page) ?? [];
  return plain(shown);
}

/** Backup, loss, restore: through pipes, as a script does it; the log is not rolled back. */
async function rehearseLoss(data: string): Promise<void> {
  const run = async (...args: string[]) => {
    const { code, text } = await piped([...args, '--data', data]);
    assert.is(code, 0, text);
    return text;
  };
  const copy = join(data, 'copy');
  await run('backup', copy);
  const before = await run('list');
  await rm(join(data, 'keys.sealed'));
  assert.is((await piped(['list', '--data', data])).code, 1);
  await run('restore', copy);
  assert.is(await run('list'), before);
  assert.match(before, 'tmk:1');
  const report = await run('inventory');
  assert.match(report, 'components of bob, alice');
  assert.match(report, /tmk:2 \| tmk \| 3des \| [0-9A-F]{6} \| destroyed \| shop 1/);
  assert.match(report, /## 发现 Findings\n\nnone/);
  assert.is((await piped(['restore', copy, '--data', data])).code, 1);
  const acts = eventsOf(await readFile(join(data, 'keys.log'))).map(({ act }) => act);
  assert.equal(acts.slice(-5), [
    'master key in use',
    'key wrapped anew',
    'master key destroyed',
    'backup made',
    'key file restored from its backup',
  ]);

  // An older backup: what happened since is told, and stays in the log.
  await rm(join(data, 'keys.sealed'));
  assert.match(await run('restore', copy), 'the key log tells of 1 acts that are not in this backup');
  assert.equal(
    eventsOf(await readFile(join(data, 'keys.log')))
      .map(({ act }) => act)
      .slice(-3),
    ['key file restored from its backup', 'key file behind its log', 'key file restored from its backup'],
  );

  // Both are lost: both come back.
  for (const name of ['keys.sealed', 'keys.log']) await rm(join(data, name));
  await run('restore', copy);
  assert.is(await run('list'), before);
  assert.equal(
    eventsOf(await readFile(join(data, 'keys.log')))
      .map(({ act }) => act)
      .slice(-2),
    ['backup made', 'key file restored from its backup'],
  );
}

function piped(args: readonly string[]): Promise<{ code: number; text: string }> {
  const program = fileURLToPath(new URL('../main.ts', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', program, ...args], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, text: stdout + stderr }),
    );
  });
}

function eventsOf(log: Buffer): readonly KeyEvent[] {
  return readKeyLog(log).bodies.map((body) => JSON.parse(body) as KeyEvent);
}

function assertNoSecret(text: string): void {
  const bare = text.toUpperCase().replaceAll(' ', '');
  for (const bytes of [one, two, MASTER])
    for (const at of [0, 12, 24])
      assert.not(bare.includes(toHex(bytes.subarray(at, at + 6))), 'key bytes show');
  for (const password of [ALICE, BOB, 'not her password'])
    assert.not(text.includes(password), 'a password shows');
}

async function inFolder(act: (data: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-ceremony-'));
  try {
    await act(join(folder, 'data'));
  } finally {
    await rm(folder, { recursive: true });
  }
}
