import { rejects, throws } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type KeyEvent, LOG_BEGINS, loggedEvent, readKeyLog } from './key-log.ts';
import { nodeKeyLog } from './node-key-log.ts';
import { type FileVaultOptions, openSoftVault } from './open-vault.ts';
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
    await Promise.all([one.behind(LOG_BEGINS), other.behind(LOG_BEGINS)]);
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

chain('a log that is removed lets an older key file in: whoever opens the vault is warned', () =>
  inFolder(async (path) => {
    const file = memoryFile();
    const vault = await vaultBeside(path, file);
    vault.generate({ name: 'tmk:1', use: 'tmk', algorithm: '3des' });
    await vault.saved();
    const before = Buffer.from(file.content() as Buffer);
    vault.destroy('tmk:1');
    await vault.saved();
    vault.close();
    await file.write(before);
    await rm(path);
    const warned: string[] = [];
    const warns = (what: string) => void warned.push(what);
    const again = await vaultBeside(path, file, { warns });
    assert.ok(again.find('tmk:1'));
    again.close();
    assert.is(warned.length, 1);
    assert.match(warned[0] ?? '', 'this log has not got it');
    (await vaultBeside(path, file, { warns })).close();
    assert.is(warned.length, 1, 'once');
  }),
);

chain.run();

const older = suite('a key file that is older than the log beside it');

/** A vault whose file was copied, and which then made and destroyed a key, each saved by itself. */
async function rolledBack(path: string) {
  const file = memoryFile();
  const vault = await vaultBeside(path, file);
  vault.generate({ name: 'tmk:1', use: 'tmk', algorithm: '3des' });
  await vault.saved();
  const copy = Buffer.from(file.content() ?? '');
  vault.destroy('tmk:1', 'alice');
  await vault.saved();
  vault.generate({ name: 'tmk:2', use: 'tmk', algorithm: '3des', by: 'bob' });
  await vault.saved();
  vault.close();
  await file.write(copy);
  return file;
}

older('is refused: a key that was destroyed does not come back in silence', () =>
  inFolder(async (path) => {
    const file = await rolledBack(path);
    const before = await readFile(path, 'utf8');
    const standing = file.content();
    await rejects(
      vaultBeside(path, file),
      (error) => code('KEY_FILE')(error) && String(error).includes('it knows 2 records of 4'),
    );
    assert.is(await readFile(path, 'utf8'), before);
    assert.equal(file.content(), standing);
  }),
);

older('a restore takes it, is told what is missing, and the log says so; then it is no more older', () =>
  inFolder(async (path) => {
    const file = await rolledBack(path);
    const missing: string[] = [];
    const takesOlder = (events: readonly KeyEvent[]) =>
      void missing.push(...events.map(({ act, subject, by }) => `${act}: ${subject}, ${by}`));
    (await vaultBeside(path, file, { takesOlder })).close();
    assert.equal(missing, ['key destroyed: tmk:1, alice', 'key generated: tmk:2, bob']);
    const again = await vaultBeside(path, file);
    assert.equal(
      again.names().map(({ name }) => name),
      ['tmk:1'],
    );
    assert.equal(await actsOf(path, -1), ['key file behind its log']);
  }),
);

older('an act that reached the log and, by a power cut, not the file is told; the vault opens', () =>
  inFolder(async (path) => {
    const file = memoryFile();
    const vault = await vaultBeside(path, file);
    vault.generate({ name: 'tmk:1', use: 'tmk', algorithm: '3des' });
    await vault.saved();
    file.failNext();
    vault.destroy('tmk:1');
    await rejects(vault.saved(), code('KEY_FILE'));
    const again = await vaultBeside(path, file);
    assert.ok(again.find('tmk:1'));
    assert.equal(await actsOf(path, -2), ['key destroyed', 'key file behind its log']);
  }),
);

older('a disk that refused for a while leaves no file that counts as older', () =>
  inFolder(async (path) => {
    const file = memoryFile();
    const vault = await vaultBeside(path, file);
    for (const name of ['tmk:1', 'tmk:2', 'tmk:3']) {
      file.failNext();
      vault.generate({ name, use: 'tmk', algorithm: '3des' });
      await rejects(vault.saved(), code('KEY_FILE'));
    }
    assert.equal((await vaultBeside(path, file)).names(), []);
  }),
);

older('of any earlier moment is refused or told, whatever was saved since', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.nat(5), (saves, at) =>
      inFolder(async (path) => {
        const file = memoryFile();
        const vault = await vaultBeside(path, file);
        const files: Buffer[] = [];
        for (let number = 0; number < saves; number += 1) {
          files.push(Buffer.from(file.content() ?? ''));
          vault.generate({ name: `tmk:${number}`, use: 'tmk', algorithm: '3des' });
          await vault.saved();
        }
        const which = at % saves;
        await file.write(files[which] as Buffer);
        if (which < saves - 1) await rejects(vaultBeside(path, file), code('KEY_FILE'));
        else {
          await vaultBeside(path, file);
          assert.equal(await actsOf(path, -1), ['key file behind its log']);
        }
      }),
    ),
    { numRuns: 12 },
  ),
);

older.run();

async function actsOf(path: string, from: number): Promise<readonly string[]> {
  return readKeyLog(await readFile(path))
    .bodies.map((body) => loggedEvent(body).act)
    .slice(from);
}

function vaultBeside(
  path: string,
  file: ReturnType<typeof memoryFile>,
  more: Pick<FileVaultOptions, 'takesOlder' | 'warns'> = {},
) {
  return openSoftVault({
    random: randomBytes,
    file,
    passphrase: Buffer.from('a passphrase of the test'),
    now: () => Date.UTC(2026, 10, 22, 8),
    log: nodeKeyLog(path),
    ...more,
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
