import { PosError } from './errors.ts';
import { isLuhnValid } from './pan.ts';

/**
 * Magnetic tracks, ISO/IEC 7813: what a reader sends, and DE35.
 *
 * Track 2: `;` PAN `=` expiry YYMM, service code (3), discretionary data `?` LRC, at most 40 characters.
 * Track 1: `%B` PAN `^` name `^` expiry YYMM, service code (3), discretionary data `?` LRC, at most 79.
 * The LRC is the XOR of all characters from the start to the end sentinel, in the track's own code (4 bits
 * for track 2, 6 bits for track 1), as a reader shows it: again a character of that code. A reader that
 * checks the LRC itself may leave it out; where it stands, it is checked.
 */
export interface Track2 {
  readonly pan: string;
  /** YYMM. */
  readonly expiry: string;
  /** Three digits; the first tells a chip card (2, 6) from a stripe. */
  readonly serviceCode: string;
  /** Digits behind the service code: PVKI, PVV or offset, card verification value, as the issuer laid them out. */
  readonly discretionary: string;
  /** DE35: digits with D for the separator, at most 37. */
  readonly packed: string;
}

export interface Track1 {
  readonly pan: string;
  /** As on the card, blanks trimmed: `SURNAME/GIVEN`. */
  readonly name: string;
  readonly expiry: string;
  readonly serviceCode: string;
  readonly discretionary: string;
}

const TRACK2_SHAPE = /^(\d{13,19})[=D](\d{4})(\d{3})(\d*)$/;
const TRACK1_SHAPE = /^B(\d{13,19})\^([^^]{0,26})\^(\d{4})(\d{3})([^^]*)$/;
const TRACK2_LENGTH_MAX = 37;
const TRACK1_LENGTH_MAX = 76;

/**
 * Reads track 2, with or without sentinels and LRC; the separator is `=` or `D`.
 *
 * Throws TRACK_BAD (without the track): a shape that is not track 2, a wrong Luhn digit, a wrong LRC. The
 * expiry is not judged here: programmes use months that no calendar has.
 */
export function parseTrack2(text: string): Track2 {
  const data = unwrap(text, ';', 0x30, 0x0f);
  const match = data.length <= TRACK2_LENGTH_MAX ? TRACK2_SHAPE.exec(data) : null;
  if (match === null)
    throw new PosError('TRACK_BAD', 'track 2 is not number, separator, expiry, service code');
  const [, pan = '', expiry = '', serviceCode = '', discretionary = ''] = match;
  judge(pan, 'track 2');
  return { pan, expiry, serviceCode, discretionary, packed: data.replace('=', 'D') };
}

/** Reads track 1 (format B), with or without sentinels and LRC. Throws TRACK_BAD as `parseTrack2` does. */
export function parseTrack1(text: string): Track1 {
  const data = unwrap(text, '%', 0x20, 0x3f);
  const match = data.length <= TRACK1_LENGTH_MAX ? TRACK1_SHAPE.exec(data) : null;
  if (match === null) throw new PosError('TRACK_BAD', 'track 1 is not B, number, name, expiry, service code');
  const [, pan = '', name = '', expiry = '', serviceCode = '', discretionary = ''] = match;
  judge(pan, 'track 1');
  return { pan, name: name.trim(), expiry, serviceCode, discretionary };
}

/** Reads DE35 in clear. One that went through the TDK is nibbles without meaning: decrypt it first. */
export function parseDe35(de35: string): Track2 {
  if (/[;?]/.test(de35)) throw new PosError('TRACK_BAD', 'DE35 carries no sentinels', { field: 35 });
  return parseTrack2(de35);
}

/** What came out of a reader at one swipe. */
export interface ReaderOutput {
  readonly track1: Track1 | null;
  readonly track2: Track2 | null;
  /** The tracks that were seen but could not be read: 1, 2 or 3, ascending. */
  readonly bad: readonly number[];
}

/**
 * Reads a keyboard-emulating or serial reader's text: tracks between their sentinels, in any order, with
 * noise and line ends before, between and behind. `%E?`, `;E?` and `+E?` say that the reader itself could not
 * read track 1, 2 or 3. A track that begins and never ends is bad, too. Track 3 is not read, only judged by
 * its presence. Never throws.
 */
export function parseReaderOutput(bytes: Buffer): ReaderOutput {
  // Strip a reader's parity bit: all its characters are seven-bit.
  const text = Buffer.from(bytes.map((byte) => byte & 0x7f)).toString('latin1');
  const track1 = findTrack(text, '%', parseTrack1);
  const track2 = findTrack(text, ';', parseTrack2);
  const track3 = findTrack(text, '+', (found) => found);
  const bad = [track1, track2, track3].flatMap((track, index) => (track === 'bad' ? [index + 1] : []));
  return {
    track1: track1 === 'bad' ? null : track1,
    track2: track2 === 'bad' ? null : track2,
    bad,
  };
}

/** The first occurrence of a track that reads well; 'bad' when it occurs only badly; null when it does not. */
function findTrack<T>(text: string, sentinel: string, parse: (found: string) => T): T | 'bad' | null {
  let seen: T | 'bad' | null = null;
  for (let at = text.indexOf(sentinel); at >= 0; at = text.indexOf(sentinel, at + 1)) {
    seen = 'bad';
    const end = text.indexOf('?', at);
    if (end < 0) break;
    if (text.slice(at + 1, end) === 'E') continue;
    try {
      // With the character behind, which may be the LRC.
      return parse(text.slice(at, end + 2));
    } catch (error) {
      if (!(error instanceof PosError)) throw error;
    }
  }
  return seen;
}

/**
 * Takes sentinels and LRC off; what has no start sentinel is taken as it is.
 *
 * @param base the character of the value 0 in the track's code; @param mask its largest value
 */
function unwrap(text: string, start: string, base: number, mask: number): string {
  if (!text.startsWith(start)) return text.trimEnd();
  const end = text.indexOf('?');
  if (end < 0) throw new PosError('TRACK_BAD', 'the track has a start sentinel and no end sentinel');
  const behind = text.slice(end + 1).trimEnd();
  const first = behind.charAt(0);
  const isCode = first >= String.fromCharCode(base) && first <= String.fromCharCode(base + mask);
  if (behind !== '' && isCode && first !== lrc(text.slice(0, end + 1), base, mask)) {
    // The next track's start sentinel is in the code as well; then there was no LRC.
    if (!';%+'.includes(first)) throw new PosError('TRACK_BAD', 'the check character of the track is wrong');
  }
  return text.slice(1, end);
}

/** The longitudinal redundancy check from start to end sentinel, as a reader shows it. */
function lrc(framed: string, base: number, mask: number): string {
  let sum = 0;
  for (const character of framed) sum ^= (character.charCodeAt(0) - base) & mask;
  return String.fromCharCode(base + sum);
}

function judge(pan: string, track: string): void {
  if (!isLuhnValid(pan))
    throw new PosError('TRACK_BAD', `the check digit of the number on ${track} is wrong`);
}
