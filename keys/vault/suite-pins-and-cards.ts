import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { code, OTHER_PAN, PAN, pinSpec, split, type VaultBench, vaultWithRing } from './vault.fixture.ts';
import { type KeyHandle, MAC_ALGORITHMS } from './vault.ts';

/** PINs: verified, translated, never shown. */
export function pinSuite(name: string, bench: VaultBench): void {
  const pins = suite(`${name}: PIN verification inside the vault`);

  for (const [algorithm, mode] of [
    ['3des', '003'],
    ['sm4', '005'],
  ] as const) {
    if (!bench.terminals.includes(algorithm)) continue;
    for (const method of ['ibm3624', 'pvv'] as const) {
      pins(`${method} with a ${algorithm} PIN key: right, wrong, and another card's block`, async () => {
        const { vault, ring } = await vaultWithRing(bench);
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
        const verify = (pinBlock: Buffer, pan = PAN) =>
          vault.verifyPin({ pik, pinBlock, pan, pvk, reference });
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
    const vault = await bench.open(true);
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

  pins('a hundred more wrong PINs than right ones under one PIN key block it, and no other key', async () => {
    const { vault, ring } = await vaultWithRing(bench);
    const pvk = ring['pin-verification'];
    const reference = vault.makePinReference({
      ...pinSpec(ring.pin, pvk),
      pinBlock: vault.encryptPinBlock(ring.pin, Buffer.from('482915'), PAN),
      method: 'ibm3624',
      pvki: '1',
    });
    const tryPin = (pik: KeyHandle, pin: string) => {
      const pinBlock = vault.encryptPinBlock(pik, Buffer.from(pin), PAN);
      return vault.verifyPin({ pik, pinBlock, pan: PAN, pvk, reference });
    };
    for (let tries = 0; tries < 99; tries += 1) assert.is(tryPin(ring.pin, '111111'), 'wrong');
    assert.is(tryPin(ring.pin, '482915'), 'right');
    assert.is(tryPin(ring.pin, '111111'), 'wrong');
    const spec = { pik: ring.pin, pinBlock: Buffer.alloc(8), pan: PAN, pvk, reference };
    assert.is(vault.verifyPin(spec), 'malformed');
    assert.is(tryPin(ring.pin, '482915'), 'blocked');
    const other = vault.generate({ name: 'another', use: 'pin', algorithm: '3des' });
    assert.is(tryPin(other, '482915'), 'right');
  });

  for (const algorithm of bench.terminals)
    pins(
      `a PIN is translated to a ${algorithm} key and its format, for its own card number only`,
      async () => {
        const { vault, ring } = await vaultWithRing(bench);
        const to = vault.generate({ name: 'to', use: 'pin', algorithm });
        const pvk = ring['pin-verification'];
        const pinBlock = vault.encryptPinBlock(ring.pin, Buffer.from('482915'), PAN);
        const translated = vault.translatePinBlock({ from: ring.pin, to, pinBlock, pan: PAN });
        assert.is(translated.length, algorithm === 'sm4' ? 16 : 8);
        const made = { pan: PAN, pvk, method: 'ibm3624', pvki: '1' } as const;
        assert.equal(
          vault.makePinReference({ ...made, pik: to, pinBlock: translated }),
          vault.makePinReference({ ...made, pik: ring.pin, pinBlock }),
        );
        throws(() => vault.translatePinBlock({ from: ring.mac, to, pinBlock, pan: PAN }), code('KEY_USE'));
        throws(
          () => vault.translatePinBlock({ from: ring.pin, to: ring.data, pinBlock, pan: PAN }),
          code('KEY_USE'),
        );
        throws(
          () => vault.translatePinBlock({ from: ring.pin, to, pinBlock, pan: '62778800' }),
          code('PAN_BAD'),
        );
        // Under another card number the block holds no decimal digits, or a PIN that nobody can check for that card.
        const foreign = '9900000000000999';
        throws(
          () => vault.translatePinBlock({ from: ring.pin, to, pinBlock, pan: foreign }),
          code('PIN_BLOCK_BAD'),
        );
      },
    );

  pins('a PIN that has not six digits, or a malformed block, gets no reference', async () => {
    const { vault, ring } = await vaultWithRing(bench);
    const spec = { ...pinSpec(ring.pin, ring['pin-verification']), method: 'ibm3624', pvki: '0' } as const;
    for (const pin of ['4829', '48291577']) {
      const pinBlock = vault.encryptPinBlock(ring.pin, Buffer.from(pin), PAN);
      throws(() => vault.makePinReference({ ...spec, pinBlock }), code('PIN_BLOCK_BAD'));
    }
    throws(() => vault.makePinReference({ ...spec, pinBlock: Buffer.alloc(8) }), code('PIN_BLOCK_BAD'));
  });

  pins('a card number of a wrong shape is named as such, not as a wrong PIN', async () => {
    const { vault, ring } = await vaultWithRing(bench);
    throws(
      () => vault.verifyPin({ ...pinSpec(ring.pin, ring['pin-verification']), pan: '62x' }),
      code('PAN_BAD'),
    );
  });

  pins.run();
}

/** Cards: look-up, sealed numbers, card values, tracks, MACs. */
export function cardSuite(name: string, bench: VaultBench): void {
  const cards = suite(`${name}: cards at rest`);

  cards(
    'the look-up hash is HMAC-SHA-256 under its key: equal for equal numbers, other under another key',
    async () => {
      const { vault, ring } = await vaultWithRing(bench);
      const other = vault.generate({ name: 'lookup-2', use: 'lookup', algorithm: 'hmac-sha-256' });
      assert.match(vault.lookupHash(ring.lookup, PAN), /^[0-9a-f]{64}$/);
      assert.is(vault.lookupHash(ring.lookup, PAN), vault.lookupHash(ring.lookup, PAN));
      assert.is.not(vault.lookupHash(ring.lookup, PAN), vault.lookupHash(ring.lookup, OTHER_PAN));
      assert.is.not(vault.lookupHash(ring.lookup, PAN), vault.lookupHash(other, PAN));
    },
  );

  cards('a sealed number opens in its own row only and never seals to the same text twice', async () => {
    const { vault, ring } = await vaultWithRing(bench);
    const sealed = vault.seal(ring.data, Buffer.from(PAN), 'card:1');
    assert.is(vault.unseal(ring.data, sealed, 'card:1').toString(), PAN);
    assert.is.not(vault.seal(ring.data, Buffer.from(PAN), 'card:1'), sealed);
    throws(() => vault.unseal(ring.data, sealed, 'card:2'), code('SEAL_BROKEN'));
    assert.not.match(sealed, new RegExp(PAN));
  });

  cards('the card verification value of the published example is right and any other is wrong', async () => {
    const vault = await bench.open(true);
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
    const { vault, ring } = await vaultWithRing(bench);
    const track = `${PAN}D30122200000123456789`;
    const sent = vault.encryptTrack(ring.track, track);
    assert.is(sent.length, track.length);
    assert.is.not(sent, track);
    assert.is(vault.decryptTrack(ring.track, sent), track);
  });

  cards('a MAC of another length or value is not right', async () => {
    const { vault, ring } = await vaultWithRing(bench);
    const data = Buffer.from('0200302004C020C09811', 'hex');
    for (const algorithm of MAC_ALGORITHMS) {
      const mac = vault.mac(ring.mac, data, algorithm);
      assert.is(mac.length, 8);
      assert.ok(vault.verifyMac(ring.mac, data, mac, algorithm));
      assert.not(vault.verifyMac(ring.mac, data, mac.subarray(0, 7), algorithm));
      assert.not(vault.verifyMac(ring.mac, data, Buffer.concat([mac, mac]), algorithm));
      mac[7] = (mac[7] as number) ^ 1;
      assert.not(vault.verifyMac(ring.mac, data, mac, algorithm));
    }
  });

  cards.run();
}
