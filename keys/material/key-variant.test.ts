import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { keyVariant, thalesVariantEncrypt } from './key-variant.ts';

const variants = suite('variants of keys');

// biome-ignore format: a table is read by column
for (const [key, variant, expected] of [
  ['0123456789ABCDEF',                                  1, '0923456789ABCDEF'],
  ['00000000000000010000000000000002',                 31, 'F800000000000001F800000000000002'],
  ['000000000000000100000000000000020000000000000003',  1, '080000000000000108000000000000020800000000000003'],
] as const) {
  variants(`variant ${variant} of ${key.length / 2} bytes (psec)`, () => {
    assert.is(toHex(keyVariant(fromHex(key, 'key'), variant)), expected);
  });
}

// biome-ignore format: a table is read by column
for (const [what, pair, variant, scheme, key, expected] of [
  ['a zone PIN key', '61616161616161617070707070707070', 0, 'U', '12345678123456781234567812345678', '34E2FC8EAD7CD07BFA2B7ED5FE4D8212'],
  ['a card key',     'E0E0010101010101F1F1010101010101', 4, 'U', '12345678123456781234567812345678', '479D751977AA598CB481F548226DBF2B'],
  ['half a PVK',     'E0E0010101010101F1F1010101010101', 0, 'Z', '1234567812345678',                 '141E1DA3D2D7F3F4'],
] as const) {
  variants(`the test pairs of payShield encrypt ${what}, its parity made odd first (jPOS)`, () => {
    const lmk = new BlockCipher('3des', fromHex(pair, 'pair'));
    assert.is(toHex(thalesVariantEncrypt(lmk, variant, scheme, fromHex(key, 'key'))), expected);
  });
}

variants('a number or a length that there is not is refused', () => {
  const lmk = new BlockCipher('3des', fromHex('61616161616161617070707070707070', 'pair'));
  throws(() => keyVariant(Buffer.alloc(9), 1), code('KEY_BAD'));
  for (const variant of [-1, 32, 1.5]) throws(() => keyVariant(Buffer.alloc(8), variant), code('KEY_BAD'));
  throws(() => thalesVariantEncrypt(lmk, 10, 'U', Buffer.alloc(16)), code('KEY_BAD'));
  throws(() => thalesVariantEncrypt(lmk, 0, 'U', Buffer.alloc(8)), code('KEY_BAD'));
  const single = new BlockCipher('des', Buffer.alloc(8, 1));
  throws(() => thalesVariantEncrypt(single, 0, 'U', Buffer.alloc(16)), code('INVARIANT'));
});

variants.run();

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
