import { rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { openSoftVault } from './open-vault.ts';
import { assertAbsent, code, fileVault, hex, memoryFile, TMK_HEX, TMK_PARTS } from './vault.fixture.ts';

const restart = suite('the key file of a vault in software');

restart(
  'the file holds no key in the clear; a header says in clear what its key is, and is bound',
  async () => {
    const file = memoryFile();
    const vault = await fileVault(file);
    vault.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: '3des', components: TMK_PARTS });
    await vault.saved();
    const text = (file.content() as Buffer).toString('latin1');
    assertAbsent(hex(TMK_HEX), text);
    // D, K0 key encryption, T triple DES, B both ways, N not exportable, LB its name, KC its check value.
    assert.match(text, /^D\d{4}K0TB00N\d\d10LB09tmk:1KC0C0005EE1D/m);
    for (const [from, to] of [
      ['K0TB', 'P0TB'],
      ['tmk:1', 'tmk:2'],
      ['05EE1D', '05EE1E'],
    ] as const) {
      const changed = memoryFile();
      await changed.write(Buffer.from(text.replace(from, to), 'latin1'));
      await rejects(fileVault(changed), code('KEY_FILE'));
    }
  },
);

restart('a disk that refuses is told by saved(), and the next save makes it good', async () => {
  const file = memoryFile();
  const vault = await fileVault(file);
  file.failNext();
  vault.generate({ name: 'one', use: 'data', algorithm: 'aes-256' });
  await rejects(vault.saved(), code('KEY_FILE'));
  vault.generate({ name: 'two', use: 'data', algorithm: 'aes-256' });
  await vault.saved();
  assert.equal(
    (await fileVault(file)).names().map((key) => key.name),
    ['one', 'two'],
  );
});

restart('who asks again after a refusal has it tried again, with nothing new to save', async () => {
  const file = memoryFile();
  const vault = await fileVault(file);
  file.failNext();
  vault.generate({ name: 'one', use: 'data', algorithm: 'aes-256' });
  await rejects(vault.saved(), code('KEY_FILE'));
  await vault.saved();
  assert.ok((await fileVault(file)).find('one'));
});

restart('an empty passphrase, or no file where one must exist, is refused with what to do', async () => {
  const options = { random: randomBytes, now: () => 0, file: memoryFile() };
  await rejects(openSoftVault({ ...options, passphrase: Buffer.alloc(0) }), code('KEY_FILE'));
  await rejects(
    openSoftVault({ ...options, passphrase: Buffer.from('p'), mustExist: true }),
    code('KEY_FILE'),
  );
});

restart('a failing self-test keeps the vault shut', async () => {
  const failing = () => {
    throw new PosError('SELF_TEST', 'planted');
  };
  await rejects(openSoftVault({ random: randomBytes, selfTest: failing }), code('SELF_TEST'));
});

restart.run();
