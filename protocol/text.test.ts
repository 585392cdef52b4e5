import iconv from 'iconv-lite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from './errors.ts';
import { decodeText, encodedBytes, encodeText } from './text.ts';

const text = suite('text is GB18030; what is none is kept byte for byte');

// From the standard and from captures: one, two and four bytes a character.
// biome-ignore format: a table is read by column
for (const [characters, hex] of [
  ['01 ',      '303120'],
  ['成功',     'B3C9B9A6'],       // captured DE56, github vfwz/iso8583-parser
  ['金川卡',   'BDF0B4A8BFA8'],
  ['€',        'A2E3'],
  ['𠀀',       '95328236'],       // U+20000, the first of CJK extension B
  ['\u0000',   '00'],
] as const) {
  text(`${JSON.stringify(characters)} is ${hex}`, () => {
    assert.is(encodeText(characters).toString('hex').toUpperCase(), hex);
    assert.is(decodeText(Buffer.from(hex, 'hex')), characters);
  });
}

text('a byte that begins no character is kept as one escape, between characters too', () => {
  assert.is(decodeText(Buffer.from('80', 'hex')), '\udc80');
  assert.is(decodeText(Buffer.from('41FFB3C9B9', 'hex')), 'A\udcff成\udcb9');
  assert.is(decodeText(Buffer.from('95328236FF', 'hex')), '𠀀\udcff');
  assert.is(encodeText('A\udcff成\udcb9').toString('hex').toUpperCase(), '41FFB3C9B9');
});

text('every pair of bytes is kept', () => {
  for (let pair = 0; pair < 0x10000; pair += 1) {
    const bytes = Buffer.of(pair >> 8, pair & 0xff);
    if (!encodeText(decodeText(bytes)).equals(bytes)) assert.unreachable(bytes.toString('hex'));
  }
});

text('every character of the basic plane is what iconv-lite makes of it, and as long', () => {
  const points = Array.from({ length: 0x1_0000 }, (_, point) => point);
  const characters = points
    .filter((point) => point < 0xd800 || point > 0xdfff)
    .map((point) => String.fromCharCode(point))
    .join('');
  const expected = iconv.encode(characters, 'gb18030');
  // Once to learn them, once from memory.
  for (let time = 0; time < 2; time += 1) assert.ok(encodeText(characters).equals(expected));
  assert.is(encodedBytes(characters), expected.length);
});

text('half a character is refused', () => {
  for (const half of ['\ud83d', '\udc00', '\udc7f', '\udd00']) {
    assert.throws(
      () => encodeText(half),
      (error: unknown) => error instanceof PosError && error.code === 'FIELD_BAD_CONTENT',
    );
  }
});

text.run();
