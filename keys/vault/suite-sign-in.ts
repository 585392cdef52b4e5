import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PosError } from '../../protocol/index.ts';
import { desEde, slots, unwrapIndependently } from './de62.fixture.ts';
import { code, hex, split, TMK_HEX, TMK_PARTS, type VaultBench, vaultWithTmk } from './vault.fixture.ts';
import type { KeyHandle } from './vault.ts';

/** Working keys of the sign-in. */
export function signInSuite(name: string, bench: VaultBench): void {
  const working = suite(`${name}: sign-in: working keys for modes 003, 004 and 005`);

  // biome-ignore format: a table is read by column
  for (const [mode, master, single, bytes, algorithms] of [
  ['003', '3des', false, 40, ['3des', '3des']],
  ['003', '3des', true,  40, ['3des', 'des']],
  ['004', '3des', false, 60, ['3des', '3des', '3des']],
  ['005', 'sm4',  false, 60, ['sm4', 'sm4', 'sm4']],
  ['005', 'sm4',  true,  60, ['sm4', 'sm4', 'sm4']],
] as const) {
  if (!bench.terminals.includes(master)) continue;
  working(`mode ${mode}${single ? ' with a single-length MAK' : ''}: the terminal gets the host's keys in ${bytes} bytes`, async () => {
    const host = await bench.open();
    const pad = await bench.open();
    const spec = { name: 'tmk:1', use: 'tmk', algorithm: master, components: TMK_PARTS } as const;
    const made = host.makeWorkingKeys(host.createFromComponents(spec), mode, { singleLengthMak: single });
    assert.is(made.de62.length, bytes * 2);
    assert.match(made.de62, /^[0-9A-F]+$/);
    const loaded = pad.loadWorkingKeys(pad.createFromComponents(spec), mode, made.de62);
    const list = [loaded.pik, loaded.mak, loaded.tdk].filter((key): key is KeyHandle => key !== null);
    assert.equal(list.map((key) => key.algorithm), [...algorithms]);
    assert.equal(list.map((key) => key.checkValue), [made.pik, made.mak, made.tdk].flatMap((key) => key?.checkValue ?? []));
    assert.ok(host.verifyMac(made.mak, Buffer.from('0200'), pad.mac(loaded.mak, Buffer.from('0200'), 'unionpay-ecb'), 'unionpay-ecb'));
  });
}

  working('a single-length MAK is followed by eight zero bytes and its check value', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const { de62, mak } = vault.makeWorkingKeys(tmk, '003', { singleLengthMak: true });
    assert.is(de62.slice(56, 72), '0'.repeat(16));
    assert.is(de62.slice(72, 78), mak.checkValue);
  });

  working('every sign-in makes other keys, with odd parity', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const made = [vault.makeWorkingKeys(tmk, '004'), vault.makeWorkingKeys(tmk, '004')];
    const keys = made.flatMap(({ de62 }) => slots(de62).map((slot) => unwrapIndependently(slot)));
    assert.is(new Set(keys.map((key) => key.toString('hex'))).size, 6);
    for (const key of keys)
      for (const byte of key) assert.is(byte.toString(2).replaceAll('0', '').length % 2, 1);
  });

  working('the worked public trace loads: check values 8D0A74B8 and AB7153CA', async () => {
    const vault = await bench.open();
    const tmk = vault.createFromComponents({
      name: 'tmk:1',
      use: 'tmk',
      algorithm: '3des',
      components: split('CA5D92598DCA48CE8A4C76361A9269E9'),
    });
    const loaded = vault.loadWorkingKeys(
      tmk,
      '003',
      '6701EAD6A9AD51E51AA406E2C27FCFA98D0A74B8B651F9E9BACE9AE10000000000000000AB7153CA',
    );
    assert.is(loaded.pik.checkValue, '8D0A74');
    assert.is(loaded.mak.checkValue, 'AB7153');
    assert.is(loaded.mak.algorithm, 'des');
  });

  working('a changed digit anywhere in DE62 loads nothing', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const { de62 } = vault.makeWorkingKeys(tmk, '004');
    for (let at = 0; at < de62.length; at += 1) {
      const changed = de62.slice(0, at) + (de62[at] === 'A' ? 'B' : 'A') + de62.slice(at + 1);
      throws(
        () => vault.loadWorkingKeys(tmk, '004', changed),
        (error: PosError) => error.code === 'KEY_CHECK_VALUE' || error.code === 'KEY_BAD',
      );
    }
  });

  working('DE62 of another length, or with a wrong character, is refused', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const { de62 } = vault.makeWorkingKeys(tmk, '003');
    for (const wrong of ['', de62.slice(2), `${de62}00`, `${de62.slice(0, -1)}x`, de62.slice(1)]) {
      throws(() => vault.loadWorkingKeys(tmk, '003', wrong), code('KEY_BAD'));
    }
  });

  working('a weak key is refused although its check value is right', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const { de62 } = vault.makeWorkingKeys(tmk, '003');
    const weak = hex('01'.repeat(8) + 'FE'.repeat(8));
    const slot = Buffer.concat([desEde(hex(TMK_HEX), weak), desEde(weak, Buffer.alloc(8)).subarray(0, 4)]);
    throws(
      () => vault.loadWorkingKeys(tmk, '003', de62.slice(0, 40) + slot.toString('hex')),
      code('KEY_BAD'),
    );
  });

  working.run();
}
