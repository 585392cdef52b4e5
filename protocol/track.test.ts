import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from './errors.ts';
import { isLuhnValid, luhnDigit } from './pan.ts';
import { parseDe35, parseReaderOutput, parseTrack1, parseTrack2 } from './track.ts';

const PAN = '6277880000000016';
const TRACK2 = `;${PAN}=30121010000012300000?`;
const TRACK1 = `%B${PAN}^ZHANG/SAN  ^30121010000012300000?`;

const isTrackBad = (error: unknown) =>
  error instanceof PosError && error.code === 'TRACK_BAD' && !/\d{6}/.test(error.message);

/** The LRC by hand: each column of bits has an even number of ones, ISO/IEC 7813. */
function lrcByColumns(framed: string, base: number, bits: number): string {
  let value = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const ones = [...framed].filter(
      (character) => ((character.charCodeAt(0) - base) >> bit) % 2 === 1,
    ).length;
    if (ones % 2 === 1) value += 2 ** bit;
  }
  return String.fromCharCode(base + value);
}

const track2s = suite('track 2: number, separator, expiry, service code, discretionary data');

track2s('is read with or without sentinels and LRC, with = or D', () => {
  const expected = {
    pan: PAN,
    expiry: '3012',
    serviceCode: '101',
    discretionary: '0000012300000',
    packed: `${PAN}D30121010000012300000`,
  };
  const bare = TRACK2.slice(1, -1);
  const lrc = lrcByColumns(TRACK2, 0x30, 4);
  for (const text of [
    bare,
    bare.replace('=', 'D'),
    TRACK2,
    TRACK2 + lrc,
    `${TRACK2}${lrc}\r\n`,
    `${TRACK2}\r`,
    `${bare}\n`,
  ]) {
    assert.equal(parseTrack2(text), expected, JSON.stringify(text));
  }
  assert.equal(parseDe35(expected.packed), expected);
});

track2s('the LRC is the XOR of all characters from the start to the end sentinel', () => {
  // By hand: B^4 = F, ^1 (fifteen times) = E, ^D = 3, ^2^5^1^2^1^0^1 = 7, ^F = 8.
  assert.is(lrcByColumns(';4111111111111111=25121010000000000?', 0x30, 4), '8');
  assert.is(parseTrack2(';4111111111111111=25121010000000000?8').pan, '4111111111111111');
});

track2s('a wrong LRC is a bad read', () => {
  const right = lrcByColumns(TRACK2, 0x30, 4);
  for (const lrc of '0123456789:<=>?') {
    if (lrc === right) continue;
    assert.throws(() => parseTrack2(TRACK2 + lrc), isTrackBad, lrc);
  }
});

const digits = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength, maxLength });

track2s(
  'is 13 to 19 digits, a separator, seven digits and more, at most 37 characters; nothing else is',
  () => {
    fc.assert(
      fc.property(
        digits(10, 20),
        fc.constantFrom('=', 'D', '', '==', 'D1=', 'x'),
        digits(0, 26),
        (number, separator, behind) => {
          const text = number + luhnDigit(number) + separator + behind;
          const match = /^(\d{13,19})[=D](\d{4})(\d{3})(\d*)$/.exec(text);
          if (match === null || text.length > 37 || !isLuhnValid(match[1] ?? ''))
            return assert.throws(() => parseTrack2(text), isTrackBad);
          const [, pan, expiry, serviceCode, discretionary] = match;
          const packed = text.replace('=', 'D');
          assert.equal(parseTrack2(text), { pan, expiry, serviceCode, discretionary, packed });
        },
      ),
      { numRuns: 500, verbose: fc.VerbosityLevel.Verbose },
    );
  },
);

track2s('refuses what is not track 2, without showing it', () => {
  for (const text of [
    '',
    PAN,
    `${PAN}0`,
    `${PAN}=`,
    `${PAN}=3012`,
    `${PAN}=301210`,
    `${PAN}=3012101=1`,
    `${PAN}E30121010000`,
    `;${PAN}=30121010000`,
    `${PAN}=30121010000?`,
    `${PAN.slice(0, -1)}7=3012101`,
    `${PAN}=3012101${'0'.repeat(15)}`,
    '627788000000=3012101',
    `%${TRACK2}`,
  ]) {
    assert.throws(() => parseTrack2(text), isTrackBad, text);
  }
  assert.throws(() => parseDe35(TRACK2), isTrackBad);
});

track2s.run();

const track1s = suite('track 1: format B, number, name, expiry, service code, discretionary data');

track1s('is read with or without sentinels and LRC', () => {
  const expected = {
    pan: PAN,
    name: 'ZHANG/SAN',
    expiry: '3012',
    serviceCode: '101',
    discretionary: '0000012300000',
  };
  const lrc = lrcByColumns(TRACK1, 0x20, 6);
  for (const text of [TRACK1.slice(1, -1), TRACK1, TRACK1 + lrc]) assert.equal(parseTrack1(text), expected);
  assert.throws(() => parseTrack1(`${TRACK1}${lrc === 'A' ? 'B' : 'A'}`), isTrackBad);
});

track1s('refuses other formats, long names and wrong check digits', () => {
  for (const text of [
    `%A${PAN}^X^3012101?`,
    `%B${PAN}^${'X'.repeat(27)}^3012101?`,
    `%B${PAN}^X?`,
    '%B6277880000000017^X^3012101?',
    '',
  ]) {
    assert.throws(() => parseTrack1(text), isTrackBad, text);
  }
});

track1s.run();

const readers = suite('what a reader sends: noise, sentinels, bad tracks');

readers('both tracks, with line ends and noise around them', () => {
  const text = `\u0000\u0002~${TRACK1}\r${TRACK2}\r\n`;
  const { track1, track2, bad } = parseReaderOutput(Buffer.from(text, 'latin1'));
  assert.is(track1?.name, 'ZHANG/SAN');
  assert.is(track2?.pan, PAN);
  assert.equal(bad, []);
});

readers('tracks that follow each other at once, with LRCs and without', () => {
  const withLrc = TRACK1 + lrcByColumns(TRACK1, 0x20, 6) + TRACK2 + lrcByColumns(TRACK2, 0x30, 4);
  for (const text of [withLrc, TRACK1 + TRACK2, TRACK2 + TRACK1]) {
    const { track1, track2, bad } = parseReaderOutput(Buffer.from(text, 'latin1'));
    assert.is(track1?.pan, PAN);
    assert.is(track2?.pan, PAN);
    assert.equal(bad, []);
  }
});

readers('parity bits are taken off', () => {
  const bytes = Buffer.from(
    Buffer.from(TRACK2, 'latin1').map((byte, index) => (index % 2 === 0 ? byte | 0x80 : byte)),
  );
  assert.is(parseReaderOutput(bytes).track2?.pan, PAN);
});

readers('E says that the reader could not read a track', () => {
  assert.equal(parseReaderOutput(Buffer.from('%E?;E?+E?\r')), { track1: null, track2: null, bad: [1, 2, 3] });
  const one = parseReaderOutput(Buffer.from(`%E?${TRACK2}`));
  assert.equal([one.track1, one.track2?.pan, one.bad], [null, PAN, [1]]);
});

readers('a torn track is bad, wherever it tears', () => {
  for (let length = 1; length < TRACK2.length; length += 1) {
    assert.equal(
      parseReaderOutput(Buffer.from(TRACK2.slice(0, length))),
      { track1: null, track2: null, bad: [2] },
      String(length),
    );
  }
  for (let at = 1; at < TRACK2.length - 1; at += 1) {
    if (TRACK2[at] === '0') continue; // a zero is nothing in a sum: no LRC can miss it
    const torn = TRACK2.slice(0, at) + TRACK2.slice(at + 1) + lrcByColumns(TRACK2, 0x30, 4);
    assert.is(parseReaderOutput(Buffer.from(torn)).track2, null, `without byte ${at}`);
  }
});

readers('an LRC that looks like a start sentinel begins no track', () => {
  // Discretionary data chosen so that the LRC of track 1 is ';' itself.
  for (let filler = 0; filler < 0x40; filler += 1) {
    const track = `%B${PAN}^ZHANG/SAN^3012101${String.fromCharCode(0x20 + filler)}0?`;
    if (lrcByColumns(track, 0x20, 6) !== ';') continue;
    const { track1, bad } = parseReaderOutput(Buffer.from(`${track};\r`));
    assert.equal([track1?.pan, bad], [PAN, []]);
    assert.equal(parseReaderOutput(Buffer.from(`${track};${TRACK2}`)).track2?.pan, PAN);
    return;
  }
  assert.unreachable('no such track');
});

readers('a wrong LRC that looks like a start sentinel is wrong', () => {
  assert.equal(parseReaderOutput(Buffer.from(`${TRACK2};\r`)), { track1: null, track2: null, bad: [2] });
});

readers('track 3 is passed over when it is one', () => {
  assert.equal(parseReaderOutput(Buffer.from(`${TRACK2}\r+011234567890=1234?\r`)).bad, []);
  assert.equal(parseReaderOutput(Buffer.from(`${TRACK2}\r+01ABC?\r`)).bad, [3]);
});

readers('a torn try before a good one does no harm', () => {
  const { track2, bad } = parseReaderOutput(Buffer.from(`;62778800\r\n${TRACK2}`));
  assert.is(track2?.pan, PAN);
  assert.equal(bad, []);
});

readers('a silent or a raving reader has no tracks', () => {
  for (const text of ['', '\r\n', 'READY', '????']) {
    assert.equal(parseReaderOutput(Buffer.from(text)), { track1: null, track2: null, bad: [] });
  }
});

readers.run();
