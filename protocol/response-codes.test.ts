import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RESPONSE_CODES, responseCode } from './response-codes.ts';

const codes = suite('DE39');

codes('has every code of the fact sheet, section 6', () => {
  const listed =
    '00 01 02 03 04 05 06 07 09 10 11 12 13 14 15 19 20 21 22 23 25 30 31 33 34 35 36 37 38 39 40 41 42 43 44 45 ' +
    '51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 75 77 79 90 91 92 93 94 95 96 97 98 99 A0 A1 A2 A3 A4 A5 A6 A7';
  assert.equal(Object.keys(RESPONSE_CODES).sort(), listed.split(' '));
});

codes('approves 00 10 11 A2 A4 A5 A6 and nothing else', () => {
  const approved = Object.keys(RESPONSE_CODES).filter((code) => responseCode(code).approved);
  assert.equal(approved.sort(), ['00', '10', '11', 'A2', 'A4', 'A5', 'A6']);
});

codes('22 77 99 A0 make the terminal sign in first', () => {
  const first = Object.keys(RESPONSE_CODES).filter((code) => responseCode(code).signInFirst);
  assert.equal(first.sort(), ['22', '77', '99', 'A0']);
});

codes("the card is kept for the codes that say so, and for no terminal's fault", () => {
  const kept = Object.keys(RESPONSE_CODES).filter((code) => responseCode(code).class === 'capture');
  assert.equal(kept.sort(), ['04', '07', '33', '34', '35', '36', '37', '38', '41', '43']);
});

codes('a code that nobody knows is 交易失败, a decline', () => {
  for (const code of ['ZZ', '', '08', 'constructor', '__proto__', '0']) {
    const { zh, approved, signInFirst } = responseCode(code);
    assert.equal({ zh, approved, signInFirst }, { zh: '交易失败', approved: false, signInFirst: false });
  }
});

codes('every text is Chinese with English beside it', () => {
  for (const code of Object.keys(RESPONSE_CODES)) {
    const { zh, en, next } = responseCode(code);
    assert.match(zh, /\p{Script=Han}/u);
    assert.match(en, /^[ -~]+$/);
    assert.match(next, /\p{Script=Han}.* [a-z]/u);
  }
});

codes.run();
