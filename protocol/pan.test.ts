import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from './errors.ts';
import { checkPan, isLuhnValid, luhnDigit, maskPan } from './pan.ts';

const pans = suite('card numbers: ISO/IEC 7812-1');

pans('the check digit is that of published test numbers', () => {
  // The public test numbers of four card schemes.
  for (const pan of ['4111111111111111', '5555555555554444', '378282246310005', '6011111111111117']) {
    assert.is(luhnDigit(pan.slice(0, -1)), pan.slice(-1));
    assert.ok(isLuhnValid(pan));
  }
});

pans('one wrong digit, or two neighbours swapped, is found', () => {
  const pan = '6277880000000016';
  assert.ok(isLuhnValid(pan));
  for (let at = 0; at < pan.length; at += 1) {
    const wrong = pan.slice(0, at) + String((Number(pan[at]) + 1) % 10) + pan.slice(at + 1);
    assert.not(isLuhnValid(wrong), `digit ${at + 1}`);
  }
  assert.not(isLuhnValid('6277880000000061'));
});

pans('thirteen to nineteen digits are a card number, with a right check digit', () => {
  checkPan('6277880000000016');
  checkPan(`627788000001${luhnDigit('627788000001')}`);
  const isPanBad = (error: unknown) =>
    error instanceof PosError && error.code === 'PAN_BAD' && !/\d{5}/.test(error.message);
  const twelve = '62778800000';
  for (const pan of [
    twelve + luhnDigit(twelve),
    '6277880000000017',
    '62778800000000160000',
    '627788000000001A',
    '',
    '６２７７８８００００００００１６',
  ]) {
    assert.throws(() => checkPan(pan), isPanBad);
  }
  assert.throws(() => luhnDigit(''), isPanBad);
});

pans('only the first six and the last four are shown', () => {
  assert.is(maskPan('6277880000000016'), '627788******0016');
  assert.is(maskPan('6277880000000000018'), '627788*********0018');
});

pans('of something shorter nothing is shown', () => {
  assert.is(maskPan('123456789012'), '************');
  assert.is(maskPan(''), '');
});

pans.run();
