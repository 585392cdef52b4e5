import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { SELF_TEST_ROWS, selfTest } from './self-test.ts';

const start = suite('start-up self-test against published answers');

start('passes on this machine', () => {
  selfTest();
});

for (const planted of SELF_TEST_ROWS) {
  start(`a wrong answer for ${planted.name} is found and named`, () => {
    const rows = SELF_TEST_ROWS.map((row) =>
      row === planted ? { ...row, answer: changed(row.answer) } : row,
    );
    throws(() => selfTest(rows), isNamed(planted.name));
  });
}

start('an algorithm that the machine refuses is a wrong answer', () => {
  const refusing = () => {
    throw new Error('unsupported');
  };
  const rows = SELF_TEST_ROWS.map((row) => (row.name === 'SM4' ? { ...row, compute: refusing } : row));
  throws(() => selfTest(rows), isNamed('SM4'));
});

start('a test of nothing is no test', () => {
  throws(() => selfTest([]), isNamed('no test was run'));
});

start('every row names its source and no two share a name', () => {
  assert.ok(SELF_TEST_ROWS.every((row) => row.source.length > 0));
  assert.is(new Set(SELF_TEST_ROWS.map((row) => row.name)).size, SELF_TEST_ROWS.length);
});

start.run();

function changed(answer: string): string {
  return (answer.startsWith('0') ? '1' : '0') + answer.slice(1);
}

function isNamed(what: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === 'SELF_TEST' && error.detail.includes(what);
}
