/** A host whose keys are in a token behind PKCS#11: a sale over a real wire, a wrong PIN, a restart, a settlement. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Office } from '../office/index.ts';
import { assertSettles } from './agreement.fixture.ts';
import { Counter } from './counter.fixture.ts';
import { softHsmHost, TOKEN_PIN } from './soft-hsm.fixture.ts';

const tokens = suite('a host whose keys are in a token');

tokens('sells, refuses a wrong PIN, finds its keys after it was killed, and settles', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-token-'));
  const env = await softHsmHost(folder);
  if (env === null) return;
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
    assert.not.match(office.said, TOKEN_PIN);
  } finally {
    await counter.close();
    await office.close();
    await rm(folder, { recursive: true });
  }
});

tokens.run();
