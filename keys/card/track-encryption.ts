/** UnionPay's track encryption: one block of eight bytes near the end of the track, in place. */
import { PosError } from '../../protocol/index.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { fromHex, toHex } from '../hex.ts';

const BLOCK_DIGITS = 16;

/**
 * Where the track data block (TDB) lies in the digits of a track: the eight bytes of the packed track
 * that end before its last byte. With an odd number of digits the last byte holds one digit.
 *
 * @example '1234567890123456789D05082017819991683020' has its block 0820178199916830 at 22
 *   (UnionPay acquirer interface, 4.4, via doc.xrtinfo.com)
 * @throws TRACK_BAD fewer than 17 digits: there is no whole block before the last digit
 */
export function trackDataBlockAt(track: string): number {
  const from = track.length - (track.length % 2 === 0 ? 2 : 1) - BLOCK_DIGITS;
  if (from < 0)
    throw new PosError('TRACK_BAD', `${track.length} digits are too few to hold an encrypted block`);
  return from;
}

/** The track with its block through triple DES; the length stays, the block may take any nibble. */
export function encryptTrackBlock(tdk: KeyedCipher, track: string): string {
  return inPlace(track, (block) => tdk.encrypt(block));
}

/** Undoes encryptTrackBlock. A wrong key gives another block of nibbles, no error. */
export function decryptTrackBlock(tdk: KeyedCipher, track: string): string {
  return inPlace(track, (block) => tdk.decrypt(block));
}

function inPlace(track: string, turn: (block: Buffer) => Buffer): string {
  const from = trackDataBlockAt(track);
  const block = fromHex(track.slice(from, from + BLOCK_DIGITS), 'track data block', 'TRACK_BAD');
  return track.slice(0, from) + toHex(turn(block)) + track.slice(from + BLOCK_DIGITS);
}
