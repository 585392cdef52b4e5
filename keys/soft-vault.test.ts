import { doesNotThrow, rejects, throws } from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { openSoftVault } from './soft-vault.ts';
import type { KeyAlgorithm, KeyFilePort, KeyHandle, KeyUse, Vault } from './vault.ts';

const PAN = '6277880000000008';
const OTHER_PAN = '6277880000000016';
const TMK_PARTS = [hex('6D6BE51F04F76167491554FE25F7ABEF'), hex('67499B2CF137DFCB9EA28FF757CD10A7')];
/** What the two parts make: cardutil's test key, check value 05EE1D. */
const TMK_HEX = '0A227E33F5C0BEACD7B7DB09723ABB48';

const handles = suite('the vault hands out handles, never key bytes');

handles('components become a key whose check value can be compared with the custodians record', async () => {
  const vault = await memoryVault();
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
});

handles('a handle is frozen and shows name, use and check value only', async () => {
  const { tmk } = await vaultWithTmk();
  throws(() => Object.assign(tmk, { use: 'mac' }), TypeError);
  assert.is(inspect(tmk), 'KeyHandle(tmk:1, tmk, 05EE1D)');
  assert.is(JSON.stringify(tmk), '{"name":"tmk:1","use":"tmk","checkValue":"05EE1D"}');
});

handles(
  'no key leaks through inspect, JSON or spreading, of handle or vault, working keys included',
  async () => {
    const { vault, tmk } = await vaultWithTmk();
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
  const { vault, tmk } = await vaultWithTmk();
  const seen: string[] = [];
  const weak = [Buffer.alloc(16, 0x13), Buffer.alloc(16, 0x12)];
  for (const act of [
    () => vault.createFromComponents({ name: 'a', use: 'tmk', algorithm: '3des', components: weak }),
    () =>
      vault.createFromComponents({
        name: 'a',
        use: 'tmk',
        algorithm: 'sm4',
        components: [hex(TMK_HEX), hex(TMK_HEX)],
      }),
    () => vault.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: 'sm4', components: TMK_PARTS }),
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
  const { vault, tmk } = await vaultWithTmk();
  const other = await vaultWithTmk();
  throws(() => vault.makeWorkingKeys(other.tmk, '003'), code('KEY_UNKNOWN'));
  throws(() => vault.makeWorkingKeys({ ...tmk }, '003'), code('KEY_UNKNOWN'));
});

handles('the same key under the same name is the same handle, another key is refused', async () => {
  const { vault, tmk } = await vaultWithTmk();
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
  const { vault, tmk } = await vaultWithTmk();
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
  const vault = await memoryVault();
  for (const name of ['', 'a b', '卡', 'x'.repeat(65)])
    throws(() => vault.generate({ name, use: 'tmk', algorithm: 'sm4' }), code('KEY_BAD'));
  throws(() => vault.generate({ name: 'a', use: 'tmk', algorithm: 'des' }), code('KEY_BAD'));
  throws(() => vault.generate({ name: 'a', use: 'data', algorithm: 'sm4' }), code('KEY_BAD'));
});

handles('a random source that only gives weak keys is refused', async () => {
  const vault = await openSoftVault({ random: (bytes) => Buffer.alloc(bytes, 0x5a) });
  throws(() => vault.generate({ name: 'pvk', use: 'pin-verification', algorithm: '3des' }), code('KEY_BAD'));
});

handles.run();

const uses = suite('a key serves one purpose only (KEY_USE)');

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

for (const [name, { use, act }] of Object.entries(OPERATIONS)) {
  uses(`${name}: every key that is not a ${use} key is refused, and a ${use} key is not`, async () => {
    const { vault, ring } = await vaultWithRing();
    for (const key of Object.values(ring)) {
      if (key.use === use) assert.not(isCode('KEY_USE', () => act(vault, key, ring)));
      else throws(() => act(vault, key, ring), code('KEY_USE'));
    }
  });
}

uses('a mode that does not fit the master key is refused', async () => {
  const { vault, tmk } = await vaultWithTmk();
  const sm4 = vault.generate({ name: 'tmk:sm4', use: 'tmk', algorithm: 'sm4' });
  throws(() => vault.makeWorkingKeys(tmk, '005'), code('KEY_USE'));
  throws(() => vault.makeWorkingKeys(sm4, '003'), code('KEY_USE'));
});

uses('X9.19 needs a double-length key, track encryption a triple DES key', async () => {
  const { vault, tmk } = await vaultWithTmk();
  const single = vault.makeWorkingKeys(tmk, '003', { singleLengthMak: true });
  throws(() => vault.mac(single.mak, Buffer.from('x'), 'x9.19'), code('KEY_USE'));
  const sm4 = vault.makeWorkingKeys(vault.generate({ name: 'tmk:sm4', use: 'tmk', algorithm: 'sm4' }), '005');
  throws(() => vault.encryptTrack(sm4.tdk as KeyHandle, `${PAN}D3012220000`), code('KEY_USE'));
});

uses('the PIN digits are wiped, also when they are refused', async () => {
  const { vault, ring } = await vaultWithRing();
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

const working = suite('sign-in: working keys for modes 003, 004 and 005');

// biome-ignore format: a table is read by column
for (const [mode, master, single, bytes, algorithms] of [
  ['003', '3des', false, 40, ['3des', '3des']],
  ['003', '3des', true,  40, ['3des', 'des']],
  ['004', '3des', false, 60, ['3des', '3des', '3des']],
  ['005', 'sm4',  false, 60, ['sm4', 'sm4', 'sm4']],
  ['005', 'sm4',  true,  60, ['sm4', 'sm4', 'sm4']],
] as const) {
  working(`mode ${mode}${single ? ' with a single-length MAK' : ''}: the terminal gets the host's keys in ${bytes} bytes`, async () => {
    const host = await memoryVault();
    const pad = await memoryVault();
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
  const { vault, tmk } = await vaultWithTmk();
  const { de62, mak } = vault.makeWorkingKeys(tmk, '003', { singleLengthMak: true });
  assert.is(de62.slice(56, 72), '0'.repeat(16));
  assert.is(de62.slice(72, 78), mak.checkValue);
});

working('every sign-in makes other keys, with odd parity', async () => {
  const { vault, tmk } = await vaultWithTmk();
  const made = [vault.makeWorkingKeys(tmk, '004'), vault.makeWorkingKeys(tmk, '004')];
  const keys = made.flatMap(({ de62 }) => slots(de62).map((slot) => unwrapIndependently(slot)));
  assert.is(new Set(keys.map((key) => key.toString('hex'))).size, 6);
  for (const key of keys)
    for (const byte of key) assert.is(byte.toString(2).replaceAll('0', '').length % 2, 1);
});

working('the worked public trace loads: check values 8D0A74B8 and AB7153CA', async () => {
  const vault = await memoryVault();
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
  const { vault, tmk } = await vaultWithTmk();
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
  const { vault, tmk } = await vaultWithTmk();
  const { de62 } = vault.makeWorkingKeys(tmk, '003');
  for (const wrong of ['', de62.slice(2), `${de62}00`, `${de62.slice(0, -1)}x`, de62.slice(1)]) {
    throws(() => vault.loadWorkingKeys(tmk, '003', wrong), code('KEY_BAD'));
  }
});

working('a weak key is refused although its check value is right', async () => {
  const { vault, tmk } = await vaultWithTmk();
  const { de62 } = vault.makeWorkingKeys(tmk, '003');
  const weak = hex('01'.repeat(8) + 'FE'.repeat(8));
  const slot = Buffer.concat([desEde(hex(TMK_HEX), weak), desEde(weak, Buffer.alloc(8)).subarray(0, 4)]);
  throws(() => vault.loadWorkingKeys(tmk, '003', de62.slice(0, 40) + slot.toString('hex')), code('KEY_BAD'));
});

working.run();

const pins = suite('PIN verification inside the vault');

for (const [algorithm, mode] of [
  ['3des', '003'],
  ['sm4', '005'],
] as const) {
  for (const method of ['ibm3624', 'pvv'] as const) {
    pins(`${method} with a ${algorithm} PIN key: right, wrong, and another card's block`, async () => {
      const { vault, ring } = await vaultWithRing();
      const { pik } = vault.makeWorkingKeys(vault.generate({ name: 'tmk:x', use: 'tmk', algorithm }), mode);
      const block = (pin: string, pan = PAN) => vault.encryptPinBlock(pik, Buffer.from(pin), pan);
      const pvk = ring['pin-verification'];
      const reference = vault.makePinReference({
        pik,
        pinBlock: block('482915'),
        pan: PAN,
        pvk,
        method,
        pvki: '1',
      });
      assert.match(reference.value, method === 'pvv' ? /^\d{4}$/ : /^\d{6}$/);
      const verify = (pinBlock: Buffer, pan = PAN) => vault.verifyPin({ pik, pinBlock, pan, pvk, reference });
      assert.is(verify(block('482915')), 'right');
      assert.is(verify(block('582915')), 'wrong');
      assert.is(verify(block('4829')), 'wrong');
      assert.is(verify(block('4829150')), 'wrong');
      assert.is(verify(block('482916')), method === 'pvv' ? 'right' : 'wrong');
      assert.is(verify(Buffer.alloc(block('1234').length)), 'malformed');
      assert.is(verify(Buffer.alloc(7)), 'malformed');
      assert.is.not(verify(block('482915', OTHER_PAN)), 'right');
    });
  }
}

pins('a PVV made elsewhere (an example of psec) verifies the PIN that it was made for', async () => {
  const vault = await memoryVault();
  const pvk = vault.createFromComponents({
    name: 'pvk',
    use: 'pin-verification',
    algorithm: '3des',
    components: split('0123456789ABCDEFFEDCBA9876543210'),
  });
  const pik = vault.generate({ name: 'zone-pin', use: 'pin', algorithm: '3des' });
  const pan = '1122334455667788';
  const pinBlock = vault.encryptPinBlock(pik, Buffer.from('452400'), pan);
  assert.is(
    vault.verifyPin({ pik, pinBlock, pan, pvk, reference: { method: 'pvv', value: '8523', pvki: '1' } }),
    'right',
  );
});

pins('a PIN that has not six digits, or a malformed block, gets no reference', async () => {
  const { vault, ring } = await vaultWithRing();
  const spec = { ...pinSpec(ring.pin, ring['pin-verification']), method: 'ibm3624', pvki: '0' } as const;
  for (const pin of ['4829', '48291577']) {
    const pinBlock = vault.encryptPinBlock(ring.pin, Buffer.from(pin), PAN);
    throws(() => vault.makePinReference({ ...spec, pinBlock }), code('PIN_BLOCK_BAD'));
  }
  throws(() => vault.makePinReference({ ...spec, pinBlock: Buffer.alloc(8) }), code('PIN_BLOCK_BAD'));
});

pins('a card number of a wrong shape is named as such, not as a wrong PIN', async () => {
  const { vault, ring } = await vaultWithRing();
  throws(
    () => vault.verifyPin({ ...pinSpec(ring.pin, ring['pin-verification']), pan: '62x' }),
    code('PAN_BAD'),
  );
});

pins.run();

const cards = suite('cards at rest');

cards(
  'the look-up hash is HMAC-SHA-256 under its key: equal for equal numbers, other under another key',
  async () => {
    const { vault, ring } = await vaultWithRing();
    const other = vault.generate({ name: 'lookup-2', use: 'lookup', algorithm: 'hmac-sha-256' });
    assert.match(vault.lookupHash(ring.lookup, PAN), /^[0-9a-f]{64}$/);
    assert.is(vault.lookupHash(ring.lookup, PAN), vault.lookupHash(ring.lookup, PAN));
    assert.is.not(vault.lookupHash(ring.lookup, PAN), vault.lookupHash(ring.lookup, OTHER_PAN));
    assert.is.not(vault.lookupHash(ring.lookup, PAN), vault.lookupHash(other, PAN));
  },
);

cards('a sealed number opens in its own row only and never seals to the same text twice', async () => {
  const { vault, ring } = await vaultWithRing();
  const sealed = vault.seal(ring.data, Buffer.from(PAN), 'card:1');
  assert.is(vault.unseal(ring.data, sealed, 'card:1').toString(), PAN);
  assert.is.not(vault.seal(ring.data, Buffer.from(PAN), 'card:1'), sealed);
  throws(() => vault.unseal(ring.data, sealed, 'card:2'), code('SEAL_BROKEN'));
  assert.not.match(sealed, new RegExp(PAN));
});

cards('the card verification value of the published example is right and any other is wrong', async () => {
  const vault = await memoryVault();
  const cvk = vault.createFromComponents({
    name: 'cvk',
    use: 'card-verification',
    algorithm: '3des',
    components: split('0123456789ABCDEFFEDCBA9876543210'),
  });
  assert.is(vault.cardVerificationValue(cvk, '4123456789012345', '8701', '111'), '856');
  const verify = (value: string) =>
    vault.verifyCardVerificationValue(cvk, '4123456789012345', '8701', '111', value);
  assert.equal(['856', '857', '85', '8560', '', '８56'].map(verify), [
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});

cards('a track goes through TDK and comes back', async () => {
  const { vault, ring } = await vaultWithRing();
  const track = `${PAN}D30122200000123456789`;
  const sent = vault.encryptTrack(ring.track, track);
  assert.is(sent.length, track.length);
  assert.is.not(sent, track);
  assert.is(vault.decryptTrack(ring.track, sent), track);
});

cards('a MAC of another length or value is not right', async () => {
  const { vault, ring } = await vaultWithRing();
  const data = Buffer.from('0200302004C020C09811', 'hex');
  const mac = vault.mac(ring.mac, data, 'x9.19');
  assert.ok(vault.verifyMac(ring.mac, data, mac, 'x9.19'));
  assert.not(vault.verifyMac(ring.mac, data, mac.subarray(0, 7), 'x9.19'));
  assert.not(vault.verifyMac(ring.mac, data, Buffer.concat([mac, mac]), 'x9.19'));
  mac[7] = (mac[7] as number) ^ 1;
  assert.not(vault.verifyMac(ring.mac, data, mac, 'x9.19'));
});

cards.run();

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
    throws(() => vault.openSealed(sealed.pik.replace('.pin.', '.mac.')), code('SEAL_BROKEN'));
    throws(() => vault.openSealed(sealed.pik.replace('.3des.', '.sm4.')), code('SEAL_BROKEN'));
    for (const wrong of [
      '',
      'WK1',
      'WK1.pin.3des.dA',
      'WK2.pin.3des.dA.AAAA',
      'WK1.pin.3des.dA.x.AAAA',
      'WK1.pin.3des.dA.A*A',
    ]) {
      throws(() => vault.openSealed(wrong), code('SEAL_BROKEN'));
    }
    for (let at = 0; at < sealed.pik.length; at += 1) {
      const changed =
        sealed.pik.slice(0, at) + (sealed.pik[at] === 'Q' ? 'R' : 'Q') + sealed.pik.slice(at + 1);
      throws(() => vault.openSealed(changed), code('SEAL_BROKEN'));
    }
  },
);

restart('the file holds no key, no name and no check value in the clear', async () => {
  const file = memoryFile();
  const vault = await fileVault(file);
  vault.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: '3des', components: TMK_PARTS });
  await vault.saved();
  const bytes = file.content() as Buffer;
  assertAbsent(hex(TMK_HEX), bytes.toString('latin1'));
  assert.not(bytes.includes('tmk:1'));
  assert.not(bytes.includes('05EE1D'));
});

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

restart('no passphrase, or no file where one must exist, is refused with what to do', async () => {
  await rejects(openSoftVault({ random: randomBytes, file: memoryFile() }), code('KEY_FILE'));
  await rejects(
    openSoftVault({ random: randomBytes, file: memoryFile(), passphrase: Buffer.from('p'), mustExist: true }),
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

type Ring = Readonly<Record<KeyUse, KeyHandle>>;

async function memoryVault(): Promise<Vault> {
  return openSoftVault({ random: randomBytes });
}

async function vaultWithTmk(): Promise<{ vault: Vault; tmk: KeyHandle }> {
  const vault = await memoryVault();
  return {
    vault,
    tmk: vault.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: '3des', components: TMK_PARTS }),
  };
}

/** One key of every use. */
async function vaultWithRing(): Promise<{ vault: Vault; ring: Ring }> {
  const vault = await memoryVault();
  // biome-ignore format: a table is read by column
  const algorithms: Readonly<Record<KeyUse, KeyAlgorithm>> = {
    'tmk': '3des', 'pin': '3des', 'mac': '3des', 'track': '3des', 'pin-verification': '3des',
    'card-verification': '3des', 'lookup': 'hmac-sha-256', 'data': 'aes-256',
  };
  const entries = Object.entries(algorithms).map(([use, algorithm]) => [
    use,
    vault.generate({ name: use, use: use as KeyUse, algorithm }),
  ]);
  return { vault, ring: Object.fromEntries(entries) as Ring };
}

function pinSpec(pik: KeyHandle, pvk: KeyHandle) {
  return {
    pik,
    pvk,
    pan: PAN,
    pinBlock: Buffer.alloc(8, 1),
    reference: { method: 'ibm3624', value: '123456', pvki: '1' },
  } as const;
}

async function fileVault(file: KeyFilePort): Promise<Vault> {
  return openSoftVault({
    random: randomBytes,
    file,
    passphrase: Buffer.from('a passphrase of the test'),
  });
}

function memoryFile(): KeyFilePort & { content(): Buffer | undefined; failNext(): void } {
  let content: Buffer | undefined;
  let failing = false;
  return {
    read: async () => content,
    write: async (bytes) => {
      if (failing) {
        failing = false;
        throw new PosError('KEY_FILE', 'the disk is full');
      }
      content = Buffer.from(bytes);
    },
    content: () => content,
    failNext: () => {
      failing = true;
    },
  };
}

/** The wrapped keys of a DE62: sixteen bytes, then four of check value; a single-length key has eight. */
function slots(de62: string): Buffer[] {
  const bytes = hex(de62);
  return Array.from({ length: bytes.length / 20 }, (_, index) => {
    const slot = bytes.subarray(index * 20, index * 20 + 16);
    return slot.subarray(8).every((byte) => byte === 0) ? slot.subarray(0, 8) : slot;
  });
}

/** Decrypts with OpenSSL directly: the test's own way to the clear keys. */
function unwrapIndependently(wrapped: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < wrapped.length; at += 8)
    blocks.push(desEdeDecrypt(hex(TMK_HEX), wrapped.subarray(at, at + 8)));
  return Buffer.concat(blocks);
}

function desEde(key: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv('des-ede', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

function desEdeDecrypt(key: Buffer, data: Buffer): Buffer {
  const decipher = createDecipheriv('des-ede', key, null).setAutoPadding(false);
  return Buffer.concat([decipher.update(data), decipher.final()]);
}

function split(key: string): Buffer[] {
  const mask = Buffer.alloc(key.length / 2, 0x3c);
  return [mask, Buffer.from(hex(key).map((byte) => byte ^ 0x3c))];
}

function assertAbsent(secret: Buffer, text: string): void {
  const lower = text.toLowerCase();
  // Buffers print as spaced pairs; a quarter of the key is already too much.
  const spaced = [...secret.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  for (const form of [
    secret.subarray(0, 4).toString('hex'),
    spaced,
    secret.toString('base64').slice(0, 8).toLowerCase(),
    [...secret.subarray(0, 4)].join(', '),
    [...secret.subarray(0, 4)].join(','),
  ]) {
    assert.not(lower.includes(form), 'a key shows');
  }
  assert.not(text.includes(secret.subarray(0, 4).toString('latin1')), 'a key shows');
}

function isCode(expected: string, act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    return code(expected)(error);
  }
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
