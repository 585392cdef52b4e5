import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { code, PAN, split, TMK_PARTS, type VaultBench, vaultWithTmk } from './vault.fixture.ts';
import type { KeyHandle } from './vault.ts';

/** What rests, and what opens it again. */
export function restartSuite(name: string, bench: VaultBench): void {
  const restart = suite(`${name}: after a restart of the same vault`);

  restart('named keys and sealed working keys come back, with the same bytes', async () => {
    const open = await bench.home();
    const first = await open();
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

    const second = await open();
    const found = second.find('tmk:1');
    assert.equal([found?.use, found?.algorithm, found?.checkValue], ['tmk', '3des', '05EE1D']);
    assert.equal(
      second
        .names()
        .map((key) => key.name)
        .toSorted(),
      ['lookup', 'tmk:1'],
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
      const { vault, tmk } = await vaultWithTmk(bench.open);
      const { sealed } = vault.makeWorkingKeys(tmk, '003');
      const other = await bench.open();
      throws(() => other.openSealed(sealed.pik), code('SEAL_BROKEN'));
      // The header of the text says in clear what the key is for.
      assert.match(sealed.pik, /P0TB/);
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

  restart('a destroyed key does not come back', async () => {
    const open = await bench.home();
    const vault = await open();
    vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' });
    vault.destroy('data');
    await vault.saved();
    vault.close();
    assert.is((await open()).find('data'), undefined);
  });

  restart('a test key that came in under test mode is refused outside of it', async () => {
    const test = await bench.open(true);
    const components = split('0123456789ABCDEFFEDCBA9876543210');
    const spec = { name: 'pvk', use: 'pin-verification', algorithm: '3des' } as const;
    assert.is(test.createFromComponents({ ...spec, components }).checkValue, '08D7B4');
    const vault = await bench.open();
    throws(() => vault.createFromComponents({ ...spec, components }), code('KEY_BAD'));
    throws(
      () => vault.createFromComponents({ ...spec, name: 'tmk:2', use: 'tmk', components }),
      code('KEY_BAD'),
    );
    assert.equal(vault.names(), []);
  });

  restart('the same key under two names is refused', async () => {
    const { vault } = await vaultWithTmk(bench.open);
    const spec = { use: 'tmk', algorithm: '3des', components: TMK_PARTS } as const;
    throws(() => vault.createFromComponents({ ...spec, name: 'tmk:2' }), code('KEY_BAD'));
  });

  restart.run();
}
