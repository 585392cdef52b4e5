import { throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { KeyStore } from './key-store.ts';
import type { KeySpec } from './vault.ts';

const MAK: KeySpec = { name: 'tmk:1/mac', use: 'mac', algorithm: '3des' };

const opened = suite('working keys that stay open');

opened(
  'the oldest makes room; whoever holds its handle still uses it, and its sealed text opens again',
  () => {
    const store = new KeyStore({ random: randomBytes, masterKey: randomBytes(32), openedMax: 2 });
    const made = [1, 2, 3].map(() => store.addSealed(MAK, new BlockCipher('3des', randomBytes(16))));
    const [first, second, third] = made.map(({ handle, sealed }) => ({
      handle,
      again: () => store.openSealed(sealed),
    }));
    assert.is(second?.again(), second?.handle);
    assert.is(third?.again(), third?.handle);
    const reopened = first?.again();
    assert.is.not(reopened, first?.handle);
    assert.is(reopened?.checkValue, first?.handle.checkValue);
    if (first !== undefined) assert.is(store.cipherOf(first.handle, 'mac').algorithm, '3des');
  },
);

opened.run();

const bound = suite('a sealed working key of this vault that no program of ours makes');

bound('an unknown use or algorithm is refused although the seal is right', () => {
  for (const strange of [{ use: 'anything' }, { algorithm: 'rot13' }]) {
    const store = new KeyStore({ random: randomBytes, masterKey: randomBytes(32), openedMax: 1 });
    const spec = { ...MAK, ...strange } as unknown as KeySpec;
    const { sealed } = store.addSealed(spec, new BlockCipher('3des', randomBytes(16)));
    store.addSealed(MAK, new BlockCipher('3des', randomBytes(16)));
    throws(() => store.openSealed(sealed), isBroken);
  }
});

bound.run();

function isBroken(error: unknown): boolean {
  return error instanceof PosError && error.code === 'SEAL_BROKEN';
}
