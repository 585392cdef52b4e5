import { rejects, throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { openSoftVault } from './open-vault.ts';
import {
  assertAbsent,
  code,
  fileVault,
  hex,
  memoryFile,
  memoryVault,
  PAN,
  TMK_HEX,
  TMK_PARTS,
  vaultWithTmk,
} from './vault.fixture.ts';
import type { KeyHandle } from './vault.ts';

const restart = suite('after a restart of the same vault');

restart('named keys and sealed working keys come back, with the same bytes', async () => {
  const file = memoryFile();
  const first = await fileVault(file);
  const tmk = first.createFromComponents({
    name: 'tmk:1',
    use: 'tmk',
    algorithm: '3des',
    components: TMK_PARTS,
  });
  first.generate({ name: 'lookup', use: 'lookup', algorithm: 'hmac-sha-256' });
  const made = first.makeWorkingKeys(tmk, '004', { singleLengthMak: true });
  const hash = first.lookupHash(first.find('lookup') as KeyHandle, PAN);
  const mac = first.mac(made.mak, Buffer.from('0200'), 'unionpay-ecb');
  await first.saved();
  first.close();

  const second = await fileVault(file);
  assert.equal(
    second
      .names()
      .map((key) => [key.name, key.use, key.checkValue])
      .at(0),
    ['tmk:1', 'tmk', '05EE1D'],
  );
  assert.is(second.lookupHash(second.find('lookup') as KeyHandle, PAN), hash);
  const mak = second.openSealed(made.sealed.mak);
  assert.equal(
    [mak.name, mak.use, mak.algorithm, mak.checkValue],
    ['tmk:1/mac', 'mac', 'des', made.mak.checkValue],
  );
  assert.ok(second.verifyMac(mak, Buffer.from('0200'), mac, 'unionpay-ecb'));
  assert.is(second.openSealed(made.sealed.mak), mak);
  assert.is(second.openSealed(made.sealed.tdk as string).checkValue, made.tdk?.checkValue);
});

restart(
  'a sealed working key opens in no other vault, with no other use, and with no changed character',
  async () => {
    const { vault, tmk } = await vaultWithTmk();
    const { sealed } = vault.makeWorkingKeys(tmk, '003');
    const other = await memoryVault();
    throws(() => other.openSealed(sealed.pik), code('SEAL_BROKEN'));
    throws(() => vault.openSealed(sealed.pik.replace('P0TB', 'M3TC')), code('SEAL_BROKEN'));
    throws(() => vault.openSealed(sealed.pik.replace('P0T', 'P0A')), code('SEAL_BROKEN'));
    for (const wrong of [
      '',
      'D',
      'D0144P0TB00N0200',
      `${sealed.pik}00`,
      sealed.pik.slice(0, -2),
      sealed.pik.toLowerCase(),
    ])
      throws(() => vault.openSealed(wrong), code('SEAL_BROKEN'));
    for (let at = 0; at < sealed.pik.length; at += 1) {
      const changed =
        sealed.pik.slice(0, at) + (sealed.pik[at] === 'Q' ? 'R' : 'Q') + sealed.pik.slice(at + 1);
      throws(() => vault.openSealed(changed), code('SEAL_BROKEN'));
    }
  },
);

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

restart('a destroyed key does not come back', async () => {
  const file = memoryFile();
  const vault = await fileVault(file);
  vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' });
  vault.destroy('data');
  await vault.saved();
  assert.is((await fileVault(file)).find('data'), undefined);
});

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
