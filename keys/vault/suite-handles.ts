import { doesNotThrow, throws } from 'node:assert/strict';
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { slots, unwrapIndependently } from './de62.fixture.ts';
import {
  assertAbsent,
  code,
  hex,
  isCode,
  PAN,
  pinSpec,
  type Ring,
  TMK_HEX,
  TMK_PARTS,
  type VaultBench,
  vaultWithRing,
  vaultWithTmk,
} from './vault.fixture.ts';
import type { KeyHandle, KeyUse, Vault } from './vault.ts';

/** Every operation with the position of the key that is checked. */
const OPERATIONS: Readonly<
  Record<string, { use: KeyUse; act: (vault: Vault, key: KeyHandle, ring: Ring) => unknown }>
> = {
  'make working keys': { use: 'tmk', act: (v, k) => v.makeWorkingKeys(k, '003') },
  'load working keys': { use: 'tmk', act: (v, k) => v.loadWorkingKeys(k, '003', '') },
  mac: { use: 'mac', act: (v, k) => v.mac(k, Buffer.from('x'), 'unionpay-ecb') },
  'verify a MAC': { use: 'mac', act: (v, k) => v.verifyMac(k, Buffer.from('x'), Buffer.alloc(8), 'x9.19') },
  'encrypt a PIN block': { use: 'pin', act: (v, k) => v.encryptPinBlock(k, Buffer.from('123456'), PAN) },
  'verify a PIN, its PIN key': {
    use: 'pin',
    act: (v, k, r) => v.verifyPin(pinSpec(k, r['pin-verification'])),
  },
  'verify a PIN, its verification key': {
    use: 'pin-verification',
    act: (v, k, r) => v.verifyPin(pinSpec(r.pin, k)),
  },
  'make a reference, its PIN key': {
    use: 'pin',
    act: (v, k, r) => v.makePinReference({ ...pinSpec(k, r['pin-verification']), method: 'pvv', pvki: '1' }),
  },
  'make a reference, its verification key': {
    use: 'pin-verification',
    act: (v, k, r) => v.makePinReference({ ...pinSpec(r.pin, k), method: 'pvv', pvki: '1' }),
  },
  'card verification value': {
    use: 'card-verification',
    act: (v, k) => v.cardVerificationValue(k, PAN, '3012', '220'),
  },
  'verify a card verification value': {
    use: 'card-verification',
    act: (v, k) => v.verifyCardVerificationValue(k, PAN, '3012', '220', '123'),
  },
  'look-up hash': { use: 'lookup', act: (v, k) => v.lookupHash(k, PAN) },
  seal: { use: 'data', act: (v, k) => v.seal(k, Buffer.from('x'), 'c') },
  unseal: { use: 'data', act: (v, k) => v.unseal(k, 'AAAA', 'c') },
  'encrypt a track': { use: 'track', act: (v, k) => v.encryptTrack(k, `${PAN}D3012220000`) },
  'decrypt a track': { use: 'track', act: (v, k) => v.decryptTrack(k, `${PAN}D3012220000`) },
};

/** Handles: what they show, and when they open nothing. */
export function handleSuite(name: string, bench: VaultBench): void {
  const handles = suite(`${name}: the vault hands out handles, never key bytes`);

  handles(
    'components become a key whose check value can be compared with the custodians record',
    async () => {
      const vault = await bench.open();
      const tmk = vault.createFromComponents({
        name: 'tmk:00000001',
        use: 'tmk',
        algorithm: '3des',
        components: TMK_PARTS,
      });
      assert.is(tmk.checkValue, '05EE1D');
      assert.is(vault.find('tmk:00000001'), tmk);
      assert.equal(vault.names(), [tmk]);
      assert.is(vault.find('tmk:00000002'), undefined);
    },
  );

  handles('a handle is frozen and shows name, use and check value only', async () => {
    const { tmk } = await vaultWithTmk(bench.open);
    throws(() => Object.assign(tmk, { use: 'mac' }), TypeError);
    assert.is(inspect(tmk), 'KeyHandle(tmk:1, tmk, 05EE1D)');
    assert.is(JSON.stringify(tmk), '{"name":"tmk:1","use":"tmk","checkValue":"05EE1D"}');
  });

  handles(
    'no key leaks through inspect, JSON or spreading, of handle or vault, working keys included',
    async () => {
      const { vault, tmk } = await vaultWithTmk(bench.open);
      const made = vault.makeWorkingKeys(tmk, '004', { singleLengthMak: true });
      const secrets = [hex(TMK_HEX), ...slots(made.de62).map((slot) => unwrapIndependently(slot))];
      const seen = [vault, tmk, made, { ...tmk }, vault.names()]
        .flatMap((value) => [
          inspect(value, { depth: 9, showHidden: true, showProxy: true }),
          JSON.stringify(value),
        ])
        .join('\n');
      for (const secret of secrets) assertAbsent(secret, seen);
    },
  );

  handles('no key leaks through an error', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const seen: string[] = [];
    const weak = [Buffer.alloc(16, 0x13), Buffer.alloc(16, 0x12)];
    for (const act of [
      () => vault.createFromComponents({ name: 'a', use: 'tmk', algorithm: '3des', components: weak }),
      () =>
        vault.createFromComponents({
          name: 'a',
          use: 'tmk',
          algorithm: '3des',
          components: [hex(TMK_HEX), hex(TMK_HEX)],
        }),
      () =>
        vault.createFromComponents({ name: 'tmk:1', use: 'pin', algorithm: '3des', components: TMK_PARTS }),
      () => vault.loadWorkingKeys(tmk, '003', '00'.repeat(40)),
      () => vault.mac(tmk, Buffer.from('data'), 'x9.19'),
      () => vault.unseal(tmk, 'AAAA', 'x'),
    ]) {
      try {
        act();
        assert.unreachable('it was accepted');
      } catch (error) {
        assert.instance(error, PosError);
        seen.push(inspect(error, { depth: 9, showHidden: true }));
      }
    }
    for (const secret of [hex(TMK_HEX), ...weak, ...TMK_PARTS]) assertAbsent(secret, seen.join('\n'));
  });

  handles('a handle of another vault, or a copy of a handle, opens nothing', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const other = await vaultWithTmk(bench.open);
    throws(() => vault.makeWorkingKeys(other.tmk, '003'), code('KEY_UNKNOWN'));
    throws(() => vault.makeWorkingKeys({ ...tmk }, '003'), code('KEY_UNKNOWN'));
  });

  handles('the same key under the same name is the same handle, another key is refused', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const again = vault.createFromComponents({
      name: 'tmk:1',
      use: 'tmk',
      algorithm: '3des',
      components: TMK_PARTS,
    });
    assert.is(again, tmk);
    const other = {
      name: 'tmk:1',
      use: 'tmk',
      algorithm: '3des',
      components: [hex('11'.repeat(16)), TMK_PARTS[0] as Buffer],
    } as const;
    throws(() => vault.createFromComponents(other), code('ALREADY_EXISTS'));
    throws(() => vault.generate({ name: 'tmk:1', use: 'tmk', algorithm: '3des' }), code('ALREADY_EXISTS'));
  });

  handles('a destroyed key is gone and its name free; a closed vault refuses everything', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const { mak } = vault.makeWorkingKeys(tmk, '003');
    vault.destroy('tmk:1');
    throws(() => vault.destroy('tmk:1'), code('KEY_UNKNOWN'));
    throws(() => vault.makeWorkingKeys(tmk, '003'), code('KEY_UNKNOWN'));
    doesNotThrow(() => vault.mac(mak, Buffer.from('x'), 'x9.19'));
    const data = vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' });
    vault.close();
    vault.close();
    throws(() => vault.mac(mak, Buffer.from('x'), 'x9.19'), code('KEY_UNKNOWN'));
    throws(() => vault.seal(data, Buffer.from('x'), 'c'), code('KEY_UNKNOWN'));
    throws(() => vault.generate({ name: 'new', use: 'data', algorithm: 'aes-256' }), code('KEY_UNKNOWN'));
  });

  handles('a name without visible characters, or an algorithm that the use has not, is refused', async () => {
    const vault = await bench.open();
    for (const name of ['', 'a b', '卡', 'x'.repeat(65)])
      throws(() => vault.generate({ name, use: 'tmk', algorithm: '3des' }), code('KEY_BAD'));
    throws(() => vault.generate({ name: 'a', use: 'tmk', algorithm: 'des' }), code('KEY_BAD'));
    throws(() => vault.generate({ name: 'a', use: 'data', algorithm: 'sm4' }), code('KEY_BAD'));
  });

  handles.run();
}

/** Use: which key may do what. */
export function useSuite(name: string, bench: VaultBench): void {
  const uses = suite(`${name}: a key serves one purpose only (KEY_USE)`);

  for (const [operation, { use, act }] of Object.entries(OPERATIONS)) {
    uses(`${operation}: every key that is not a ${use} key is refused, and a ${use} key is not`, async () => {
      const { vault, ring } = await vaultWithRing(bench);
      for (const key of Object.values(ring)) {
        if (key.use === use) assert.not(isCode('KEY_USE', () => act(vault, key, ring)));
        else throws(() => act(vault, key, ring), code('KEY_USE'));
      }
    });
  }

  uses('a mode that does not fit the master key is refused', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    throws(() => vault.makeWorkingKeys(tmk, '005'), code('KEY_USE'));
    if (!bench.terminals.includes('sm4')) return;
    const sm4 = vault.generate({ name: 'tmk:sm4', use: 'tmk', algorithm: 'sm4' });
    throws(() => vault.makeWorkingKeys(sm4, '003'), code('KEY_USE'));
  });

  uses('X9.19 and CMAC need a double-length key, track encryption a triple DES key', async () => {
    const { vault, tmk } = await vaultWithTmk(bench.open);
    const single = vault.makeWorkingKeys(tmk, '003', { singleLengthMak: true });
    for (const algorithm of ['x9.19', 'cmac'] as const)
      throws(() => vault.mac(single.mak, Buffer.from('x'), algorithm), code('KEY_USE'));
    if (!bench.terminals.includes('sm4')) return;
    const sm4 = vault.makeWorkingKeys(
      vault.generate({ name: 'tmk:sm4', use: 'tmk', algorithm: 'sm4' }),
      '005',
    );
    throws(() => vault.mac(sm4.mak, Buffer.from('x'), 'x9.19'), code('KEY_USE'));
    throws(() => vault.encryptTrack(sm4.tdk as KeyHandle, `${PAN}D3012220000`), code('KEY_USE'));
  });

  uses('the PIN digits are wiped, also when they are refused', async () => {
    const { vault, ring } = await vaultWithRing(bench);
    for (const [key, digits] of [
      [ring.pin, '123456'],
      [ring.pin, '12'],
      [ring.mac, '123456'],
    ] as const) {
      const pin = Buffer.from(digits);
      try {
        vault.encryptPinBlock(key, pin, PAN);
      } catch (error) {
        assert.instance(error, PosError);
      }
      assert.equal(pin, Buffer.alloc(digits.length));
    }
  });

  uses.run();
}
