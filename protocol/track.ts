import { codeAt } from './code-at.ts';
import { hasDigits } from './digits.ts';
import { PosError } from './errors.ts';
import { isLuhnValid, PAN_DIGITS_MAX, PAN_DIGITS_MIN } from './pan.ts';

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

const TRACK1_SHAPE = /^B(\d{13,19})\^([^^]{0,26})\^(\d{4})(\d{3})([^^]*)$/;
const TRACK2_LENGTH_MAX = 37;
const EXPIRY_AND_SERVICE_CODE = 7;
const EQUALS = 0x3d;
const D = 0x44;
const TRACK1_LENGTH_MAX = 76;

/**
 * Reads track 2, with or without sentinels and LRC; the separator is `=` or `D`.
 *
 * Throws TRACK_BAD (without the track): a shape that is not track 2, a wrong Luhn digit, a wrong LRC. The
 * expiry is not judged here: programmes use months that no calendar has.
 */
export function parseTrack2(text: string): Track2 {
  const data = unwrap(text, TRACK2_CODE);
  const at = separatorIn(data);
  const pan = data.slice(0, at);
  const behind = data.slice(at + 1);
  const isTrack2 =
    at > 0 &&
    data.length <= TRACK2_LENGTH_MAX &&
    hasDigits(pan, PAN_DIGITS_MIN, PAN_DIGITS_MAX) &&
    hasDigits(behind, EXPIRY_AND_SERVICE_CODE, TRACK2_LENGTH_MAX);
  if (!isTrack2) throw new PosError('TRACK_BAD', 'track 2 is not number, separator, expiry, service code');
  judge(pan, 'track 2');
  return {
    pan,
    expiry: behind.slice(0, 4),
    serviceCode: behind.slice(4, EXPIRY_AND_SERVICE_CODE),
    discretionary: behind.slice(EXPIRY_AND_SERVICE_CODE),
    packed: data.replace('=', 'D'),
  };
}

/** Where the first character stands that is a separator; -1: none is. */
function separatorIn(data: string): number {
  for (let at = 0; at < data.length; at += 1)
    if (codeAt(data, at) === EQUALS || codeAt(data, at) === D) return at;
  return -1;
}

/** Reads track 1 (format B), with or without sentinels and LRC. Throws TRACK_BAD as `parseTrack2` does. */
export function parseTrack1(text: string): Track1 {
  const data = unwrap(text, TRACK1_CODE);
  const match = data.length <= TRACK1_LENGTH_MAX ? TRACK1_SHAPE.exec(data) : null;
  if (match === null) throw new PosError('TRACK_BAD', 'track 1 is not B, number, name, expiry, service code');
  const [, pan = '', name = '', expiry = '', serviceCode = '', discretionary = ''] = match;
  judge(pan, 'track 1');
  return { pan, name: name.trim(), expiry, serviceCode, discretionary };
}

/** Reads DE35 in clear. One that went through the TDK is nibbles without meaning: decrypt it first. */
export function parseDe35(de35: string): Track2 {
  if (de35.includes(';') || de35.includes('?'))
    throw new PosError('TRACK_BAD', 'DE35 carries no sentinels', { field: 35 });
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
 * read track 1, 2 or 3. A track that begins and never ends is bad, too; one that reads well at a second try is
 * good. Track 3 is not read, only judged by its characters. Never throws.
 */
export function parseReaderOutput(bytes: Buffer): ReaderOutput {
  // A reader may send seven bits and parity.
  const text = Buffer.from(bytes.map((byte) => byte & 0x7f)).toString('latin1');
  let track1: Track1 | null = null;
  let track2: Track2 | null = null;
  const bad = new Set<number>();
  for (let at = text.search(/[%;+]/); at >= 0 && at < text.length; ) {
    const track = '%;+'.indexOf(text.charAt(at)) + 1;
    const end = endOfTrack(text, at);
    const framed = text.slice(at, end);
    try {
      if (track === 1) track1 ??= parseTrack1(framed);
      else if (track === 2) track2 ??= parseTrack2(framed);
      else judgeTrack3(framed);
      bad.delete(track);
      at = end;
    } catch (error) {
      if (!(error instanceof PosError)) throw error;
      bad.add(track);
      at += 1;
    }
    const next = text.slice(at).search(/[%;+]/);
    at = next < 0 ? text.length : at + next;
  }
  if (track1 !== null) bad.delete(1);
  if (track2 !== null) bad.delete(2);
  return { track1, track2, bad: [...bad].sort() };
}

/** Behind the end sentinel, and behind the LRC where one stands. Without an end sentinel, the end of the text. */
function endOfTrack(text: string, at: number): number {
  const sentinel = text.indexOf('?', at);
  if (sentinel < 0) return text.length;
  const behind = text.slice(sentinel + 1);
  const code = CODES[text.charAt(at)] ?? TRACK2_CODE;
  return sentinel + 1 + (hasLrc(text.slice(at, sentinel + 1), behind, code) ? 1 : 0);
}

function judgeTrack3(framed: string): void {
  if (!/^\+[\d:<=>]+\?/.test(framed)) throw new PosError('TRACK_BAD', 'track 3 is not digits and separators');
}

/** How a track's characters stand for bits: the character of the value 0, and the largest value. */
interface TrackCode {
  readonly start: string;
  readonly base: number;
  readonly mask: number;
}

const TRACK1_CODE: TrackCode = { start: '%', base: 0x20, mask: 0x3f };
const TRACK2_CODE: TrackCode = { start: ';', base: 0x30, mask: 0x0f };
const CODES: Readonly<Record<string, TrackCode>> = { '%': TRACK1_CODE, ';': TRACK2_CODE };

/** Takes sentinels and LRC off; what has no start sentinel is taken as it is. */
function unwrap(text: string, code: TrackCode): string {
  const track = text.trimEnd();
  if (!track.startsWith(code.start)) return track;
  const end = track.indexOf('?');
  if (end < 0) throw new PosError('TRACK_BAD', 'the track has a start sentinel and no end sentinel');
  const framed = track.slice(0, end + 1);
  const behind = track.slice(end + 1);
  if (hasLrc(framed, behind, code) && behind.charAt(0) !== lrc(framed, code)) {
    throw new PosError('TRACK_BAD', 'the check character of the track is wrong');
  }
  return track.slice(1, end);
}

/** True when what stands behind a track begins with its LRC, right or wrong, and not with something else. */
function hasLrc(framed: string, behind: string, code: TrackCode): boolean {
  const first = behind.charAt(0);
  if (first === '' || first === lrc(framed, code)) return first !== '';
  const isOfCode =
    first >= String.fromCharCode(code.base) && first <= String.fromCharCode(code.base + code.mask);
  // A start sentinel with a track behind it is the next track, though it is of the code as well.
  return isOfCode && !/^[%;+]./.test(behind);
}

/** The longitudinal redundancy check from start to end sentinel, as a reader shows it. */
function lrc(framed: string, { base, mask }: TrackCode): string {
  let sum = 0;
  for (const character of framed) sum ^= (character.charCodeAt(0) - base) & mask;
  return String.fromCharCode(base + sum);
}

function judge(pan: string, track: string): void {
  if (!isLuhnValid(pan))
    throw new PosError('TRACK_BAD', `the check digit of the number on ${track} is wrong`);
}
