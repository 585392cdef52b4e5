import { throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { wrapKeyBlock } from '../key-block/key-block.ts';
import { KeyStore } from './key-store.ts';
import { MasterKey } from './master-key.ts';
import type { KeySpec } from './vault.ts';

const MAK: KeySpec = { name: 'tmk:1/mac', use: 'mac', algorithm: '3des' };

const opened = suite('working keys that stay open');

opened(
  'the oldest makes room; whoever holds its handle still uses it, and its sealed text opens again',
  () => {
    const { store } = storeOf(2);
    const made = [1, 2, 3].map(() => store.addSealed(MAK, randomBytes(16)));
    const [first, second, third] = made.map(({ handle, sealed }) => ({
      handle,
      again: () => store.openSealed(sealed),
    }));
    assert.is(second?.again(), second?.handle);
    assert.is(third?.again(), third?.handle);
    const reopened = first?.again();
    assert.is.not(reopened, first?.handle);
    assert.is(reopened?.checkValue, first?.handle.checkValue);
    if (first !== undefined) assert.is(store.held.cipherOf(first.handle, 'mac', 'open').algorithm, '3des');
  },
);

opened.run();

const bound = suite('a block under this master key that no program of ours makes');

const HEADER = {
  version: 'D',
  usage: 'M3',
  algorithm: 'T',
  mode: 'C',
  keyVersion: '00',
  exportability: 'N',
  keyContext: '1',
  optional: [{ id: 'LB', data: 'tmk:1/mac' }],
} as const;

bound('is a working key when the header says what ours say', () => {
  const { store, master } = storeOf();
  const block = wrapKeyBlock(master.kbpk, HEADER, randomBytes(16), randomBytes);
  assert.is(store.openSealed(block).use, 'mac');
});

// biome-ignore format: a table is read by column
for (const [why, change, keyBytes, code] of [
  ['a usage that the vault has not',             { usage: 'B0', mode: 'X' },              16, 'SEAL_BROKEN'],
  ['a mode that its usage does not have here',   { mode: 'N' },                           16, 'SEAL_BROKEN'],
  ['an algorithm that its usage does not have',  { algorithm: 'A' },                      16, 'SEAL_BROKEN'],
  ['no label',                                   { optional: [] },                        16, 'SEAL_BROKEN'],
  ['another key context: it is for a partner',   { keyContext: '2' },                     16, 'SEAL_BROKEN'],
  ['a key of another length than its algorithm', {},                                      24, 'KEY_BAD'],
  ['a named key in the place of a working key',  { optional: [{ id: 'LB', data: 'a' }, { id: 'TS', data: '2026-11-22T08:00:00.000Z' }] }, 16, 'SEAL_BROKEN'],
  ['a time that is no time',                     { optional: [{ id: 'LB', data: 'a' }, { id: 'TS', data: 'noon' }] },                     16, 'SEAL_BROKEN'],
] as const) {
  bound(`is refused although its MAC is right: ${why}`, () => {
    const { store, master } = storeOf();
    const block = wrapKeyBlock(master.kbpk, { ...HEADER, ...change }, randomBytes(keyBytes), randomBytes);
    throws(() => store.openSealed(block), (error) => error instanceof PosError && error.code === code);
  });
}

bound.run();

function storeOf(openedMax?: number) {
  const bytes = randomBytes(32);
  const master = new MasterKey(bytes);
  const origin = { checkValue: master.checkValue, created: 0, from: 'generated' } as const;
  const store = new KeyStore({
    random: randomBytes,
    now: () => 0,
    masters: [{ key: master, origin }],
    ...(openedMax === undefined ? {} : { openedMax }),
  });
  return { store, master };
}
