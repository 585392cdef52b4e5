import { rejects, throws } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type KeyEvent, LOG_BEGINS, readKeyLog } from './key-log.ts';
import { nodeKeyLog } from './node-key-log.ts';
import { openSoftVault } from './open-vault.ts';
import { code, memoryFile } from './vault.fixture.ts';

const EVENT: KeyEvent = { act: 'key generated', subject: 'tmk:1', by: 'alice', at: 0, checkValue: '05EE1D' };

const chain = suite('the key log');

chain('each line is chained to all before it, as the documented formulas say', () =>
  inFolder(async (path) => {
    const log = nodeKeyLog(path);
    await log.append([EVENT]);
    const { head: told } = await log.append([{ ...EVENT, at: 1 }]);
    const sha = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
    let head = sha(Buffer.from([3]), Buffer.from('zunka key log'));
    for (const line of (await readFile(path, 'utf8')).trimEnd().split('\n')) {
      const { body, head: written } = JSON.parse(line) as { body: string; head: string };
      head = sha(Buffer.from([2]), head, sha(Buffer.from([0]), Buffer.from(body)));
      assert.is(written, head.toString('hex'));
    }
    assert.is(told, head.toString('hex'));
  }),
);

chain('a line changed, taken out, doubled or moved is refused, naming it', () =>
  inFolder(async (path) => {
    await nodeKeyLog(path).append([EVENT, { ...EVENT, by: 'bob' }, { ...EVENT, by: 'carol' }]);
    const text = await readFile(path, 'utf8');
    const [one, two, three] = text.trimEnd().split('\n');
    const isBroken = (line: number) => (error: unknown) =>
      code('KEY_FILE')(error) && String(error).includes(`line ${line}`);
    for (const [lines, at] of [
      [[one, two?.replace('bob', 'eve'), three], 2],
      [[one, three], 2],
      [[one, one, two], 2],
      [[two, one, three], 1],
      [['what is this'], 1],
    ] as const) {
      throws(() => readKeyLog(Buffer.from(`${lines.join('\n')}\n`)), isBroken(at));
    }
    assert.is(readKeyLog(Buffer.from(text)).heads.length, 3);
  }),
);

chain('half a line that a power cut left is written over; what is whole stays', () =>
  inFolder(async (path) => {
    await nodeKeyLog(path).append([EVENT]);
    await appendFile(path, '{"head":"ab');
    await nodeKeyLog(path).append([{ ...EVENT, by: 'bob' }]);
    const { bodies } = readKeyLog(await readFile(path));
    assert.equal(
      bodies.map((body) => (JSON.parse(body) as KeyEvent).by),
      ['alice', 'bob'],
    );
  }),
);

chain('of two processes the second to write is refused', () =>
  inFolder(async (path) => {
    const [one, other] = [nodeKeyLog(path), nodeKeyLog(path)];
    await Promise.all([one.holds(LOG_BEGINS), other.holds(LOG_BEGINS)]);
    await one.append([EVENT]);
    await rejects(other.append([EVENT]), code('KEY_FILE'));
    assert.is(readKeyLog(await readFile(path)).heads.length, 1);
  }),
);

chain(
  'whatever is done to a named key is written, with who and which check value, and nothing else of it',
  () =>
    inFolder(async (path) => {
      const vault = await vaultBeside(path, memoryFile());
      const key = vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256', by: 'alice' });
      vault.destroy('data', 'bob');
      await vault.saved();
      const { bodies } = readKeyLog(await readFile(path));
      const told = bodies.map((body) => JSON.parse(body) as KeyEvent);
      assert.equal(
        told.map(({ act, subject, by }) => [act, subject, by]),
        [
          ['master key in use', 'master key', 'vault'],
          ['key generated', 'data', 'alice'],
          ['key destroyed', 'data', 'bob'],
        ],
      );
      assert.is(told[1]?.checkValue, key.checkValue);
      assert.is(String(told[1]?.at), '2026-11-22T08:00:00.000Z');
    }),
);

chain('a log that lost its end or is gone is told in the log itself, and the vault opens', () =>
  inFolder(async (path) => {
    const file = memoryFile();
    const vault = await vaultBeside(path, file);
    vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' });
    await vault.saved();
    vault.close();
    const [first = ''] = (await readFile(path, 'utf8')).split('\n');
    await truncate(path, first.length + 1);
    (await vaultBeside(path, file)).close();
    const acts = async () =>
      readKeyLog(await readFile(path)).bodies.map((body) => (JSON.parse(body) as KeyEvent).act);
    assert.equal(await acts(), ['master key in use', 'log gap']);
    // Told once: from now on the key file knows the head behind it.
    (await vaultBeside(path, file)).close();
    assert.equal(await acts(), ['master key in use', 'log gap']);
    await writeFile(path, '');
    (await vaultBeside(path, file)).close();
    assert.equal(await acts(), ['log gap']);
  }),
);

chain.run();

function vaultBeside(path: string, file: ReturnType<typeof memoryFile>) {
  return openSoftVault({
    random: randomBytes,
    file,
    passphrase: Buffer.from('a passphrase of the test'),
    now: () => Date.UTC(2026, 10, 22, 8),
    log: nodeKeyLog(path),
  });
}

async function inFolder(act: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-key-log-'));
  try {
    await act(join(folder, 'keys.log'));
  } finally {
    await rm(folder, { recursive: true });
  }
}
