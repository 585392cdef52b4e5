/**
 * Variants: the older way to say what a key is for, by changing it with a constant. Nothing binds the
 * constant, and parts of a key can be exchanged. Key blocks replaced them (PCI PIN 18-3); these are for
 * reading what old devices hold.
 */
import { ensure, PosError } from '../../protocol/index.ts';
import { type BlockCipher, xorInto } from '../cipher/block-cipher.ts';
import { withOddParity } from './key-quality.ts';

/**
 * Variant of a DES or triple DES key: its number, shifted by three bits, XORed into the first byte of
 * each eight.
 *
 * @param key 8, 16 or 24 bytes
 * @param variant 0 to 31
 * @returns a copy; the caller wipes it
 * @example key 0123456789ABCDEF, variant 1: 0923456789ABCDEF (psec's documentation)
 * @throws KEY_BAD
 */
export function keyVariant(key: Buffer, variant: number): Buffer {
  if (![8, 16, 24].includes(key.length))
    throw new PosError('KEY_BAD', `a DES key has 8, 16 or 24 bytes, not ${key.length}`);
  if (!Number.isInteger(variant) || variant < 0 || variant > 31)
    throw new PosError('KEY_BAD', 'a variant is 0 to 31');
  const out = Buffer.from(key);
  for (let at = 0; at < out.length; at += 8) out[at] = (out[at] as number) ^ (variant << 3);
  return out;
}

/** What goes into the first byte of a local master key pair, by variant; 0 is none. Source: payShield, via jPOS. */
const THALES_VARIANTS = [0x00, 0xa6, 0x5a, 0x6a, 0xde, 0x2b, 0x50, 0x74, 0x9c, 0xfa] as const;

/** What goes into the first byte of the pair's right half, by scheme: one for each eight bytes of the key. */
// biome-ignore format: a table is read by column
const THALES_SCHEMES = {
  Z: [0x00],
  U: [0xa6, 0x5a],
  T: [0x6a, 0xde, 0x2b],
} as const;

/** Z single, U double, T triple length. */
export type ThalesScheme = keyof typeof THALES_SCHEMES;

/**
 * A key under a pair of the Thales variant local master key, as payShield hosts show it. The key gets odd
 * parity first.
 *
 * The masks printed at hsmkit.com are wrong; these agree with jPOS and payShield.
 *
 * @param pair the pair for the key's type, double-length triple DES
 * @param variant 0 to 9: the first digit of the key type
 * @param key 8 (Z), 16 (U) or 24 bytes (T)
 * @example the test pair 06-07 6161616161616161 7070707070707070, variant 0, U,
 *   12345678123456781234567812345678: 34E2FC8EAD7CD07BFA2B7ED5FE4D8212 (jPOS)
 * @throws KEY_BAD
 */
export function thalesVariantEncrypt(
  pair: BlockCipher,
  variant: number,
  scheme: ThalesScheme,
  key: Buffer,
): Buffer {
  const masks = THALES_SCHEMES[scheme];
  if (key.length !== masks.length * 8)
    throw new PosError('KEY_BAD', `scheme ${scheme} is for ${masks.length * 8} bytes, not ${key.length}`);
  const first = THALES_VARIANTS[variant];
  if (first === undefined) throw new PosError('KEY_BAD', 'a variant of a local master key is 0 to 9');
  const clear = withOddParity(key);
  const parts = masks.map((mask, index) => {
    const changed = pair.derived((bytes) => {
      ensure(bytes.length === 16, 'a pair is a double-length key');
      xorInto(bytes, Buffer.from([first, 0, 0, 0, 0, 0, 0, 0, mask]));
    });
    const part = changed.encrypt(clear.subarray(index * 8, index * 8 + 8));
    changed.wipe();
    return part;
  });
  clear.fill(0);
  return Buffer.concat(parts);
}
