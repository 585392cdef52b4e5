/** A host whose keys are in a token behind PKCS#11: a sale over a real wire, a wrong PIN, a restart, a settlement. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Office } from '../office/index.ts';
import { assertSettles } from './agreement.fixture.ts';
import { Counter } from './counter.fixture.ts';

const LIBRARY = process.env['SOFTHSM2_LIBRARY'] ?? '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '31415926';

const tokens = suite('a host whose keys are in a token');

tokens('sells, refuses a wrong PIN, finds its keys after it was killed, and settles', async () => {
  if (!existsSync(LIBRARY) || spawnSync('softhsm2-util', ['--version']).status !== 0) {
    console.log('left out: SoftHSM2 is not installed (Debian: softhsm2); no host ran on a token');
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'zunka-token-'));
  const env = await newToken(folder);
  const program = { command: process.execPath, args: ['--import', 'tsx', 'host/main.ts'], env };
  const office = await Office.open({ terminals: 1, cards: 2, process: 'child', program });
  const counter = await Counter.open({ office, index: 0, hostPort: office.acquirerPort });
  const [first, second] = office.cards;
  assert.ok(first && second);
  try {
    await counter.must('sale 128', { card: first });
    const wrong = await counter.type('sale 5', { card: second, pin: '111111' });
    assert.is(wrong.code, '55');
    await office.kill();
    await office.start();
    await counter.must('sale 9', { card: second });
    await assertSettles(counter, 0);
    await counter.stop();
    const files = await readdir(office.dataFolder);
    assert.ok(
      files.includes('keys.log') && !files.includes('keys.sealed'),
      'no key rests beside the database',
    );
    assert.not.match(office.said, PIN);
  } finally {
    await counter.close();
    await office.close();
    await rm(folder, { recursive: true });
  }
});

tokens.run();

/** A new token of SoftHSM2, and the settings of a host that uses it. */
async function newToken(folder: string): Promise<Readonly<Record<string, string>>> {
  const config = join(folder, 'softhsm2.conf');
  await mkdir(join(folder, 'tokens'));
  await writeFile(config, `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`);
  const pinFile = join(folder, 'pin');
  await writeFile(pinFile, `${PIN}\n`);
  const label = 'zunka system test';
  const { status, stderr } = spawnSync(
    'softhsm2-util',
    ['--init-token', '--free', '--label', label, '--so-pin', '87654321', '--pin', PIN],
    { env: { ...process.env, SOFTHSM2_CONF: config }, encoding: 'utf8' },
  );
  assert.is(status, 0, stderr);
  return {
    SOFTHSM2_CONF: config,
    ZUNKA_VAULT: 'pkcs11',
    ZUNKA_PKCS11_LIBRARY: LIBRARY,
    ZUNKA_PKCS11_TOKEN: label,
    ZUNKA_PKCS11_PIN_FILE: pinFile,
  };
}
