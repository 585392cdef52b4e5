/** Keys that everybody knows: published in standards, manuals and test suites, or typed by a lazy hand. */
import { timingSafeEqual } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { withoutParity } from './key-quality.ts';

/** Parity bits are ignored: older devices change them. Sources: FIPS 81, GM/T 0002, GlobalPlatform, EMV, Thales manuals. */
const PUBLISHED = [
  '0123456789ABCDEFFEDCBA9876543210',
  'FEDCBA98765432100123456789ABCDEF',
  '0123456789ABCDEF',
  'FEDCBA9876543210',
  '1234567890ABCDEF1234567890ABCDEF',
  '1234567890ABCDEFABCDEF0987654321',
  'ABCDEF1234567890ABCDEF1234567890',
  '404142434445464748494A4B4C4D4E4F',
  '00112233445566778899AABBCCDDEEFF',
  'FFEEDDCCBBAA99887766554433221100',
  '112233445566778899AABBCCDDEEFF00',
  '2B7E151628AED2A6ABF7158809CF4F3C',
  '603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4',
  '88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6',
].map((hex) => Buffer.from(hex, 'hex'));

/**
 * Refuses a key that is published, or that is a pattern: 1, 2, 4 or 8 bytes over and over, or each byte the
 * one before plus the same step.
 *
 * @param what names the key in the error
 * @throws KEY_BAD
 */
export function refuseKnownKey(key: Buffer, what: string): void {
  const bare = withoutParity(key);
  const isPublished = PUBLISHED.some((known) => {
    const other = withoutParity(known);
    return other.length === bare.length && timingSafeEqual(other, bare);
  });
  const isPattern = [1, 2, 4, 8].some((period) => repeats(bare, period)) || counts(key);
  bare.fill(0);
  if (isPublished) throw bad(what, 'it is a published test key');
  if (isPattern) throw bad(what, 'it is a pattern, not a random key');
}

function repeats(key: Buffer, period: number): boolean {
  return key.length > period && timingSafeEqual(key.subarray(period), key.subarray(0, key.length - period));
}

/** 00 01 02 …, 11 22 33 …, FF EE DD …: the difference of neighbours never changes. */
function counts(key: Buffer): boolean {
  const step = ((key[1] ?? 0) - (key[0] ?? 0)) & 0xff;
  let other = 0;
  for (let at = 1; at < key.length; at += 1)
    other |= (((key[at] as number) - (key[at - 1] as number)) & 0xff) ^ step;
  return other === 0;
}

function bad(what: string, why: string): PosError {
  return new PosError('KEY_BAD', `${what}: ${why}: refused outside of test mode`);
}
