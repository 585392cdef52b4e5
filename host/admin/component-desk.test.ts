import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { ComponentDesk } from './component-desk.ts';

const ONE = { number: 1, of: 2, component: '0123456789ABCDEF1032547698BADCFE', algorithm: '3des' } as const;
const TWO = { ...ONE, number: 2, component: '89ABCDEF01234567FEDCBA9876543210' } as const;
const isCode = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;

function atDesk() {
  const delays: { readonly ms: number; readonly act: () => void; isOver: boolean }[] = [];
  const desk = new ComponentDesk({
    now: () => 0,
    after: (ms, act) => {
      const delay = { ms, act, isOver: false };
      delays.push(delay);
      return {
        cancel: () => {
          delay.isOver = true;
        },
      };
    },
  });
  return { desk, delays };
}

const waiting = suite('components that wait for others');

waiting('are wiped half an hour after the first', () => {
  const { desk, delays } = atDesk();
  desk.bring('tmk:1', 'anna', ONE);
  assert.equal(
    delays.map(({ ms, isOver }) => [ms, isOver]),
    [[1_800_000, false]],
  );
  delays[0]?.act();
  const answer = desk.bring('tmk:1', 'bob', TWO);
  assert.equal('waitsFor' in answer && answer.waitsFor, [1]);
});

waiting('and no delay outlives them: the key is made, they are dropped, the host stops', () => {
  const { desk, delays } = atDesk();
  desk.bring('tmk:1', 'anna', ONE);
  assert.ok('whole' in desk.bring('tmk:1', 'bob', TWO));
  desk.bring('tmk:2', 'anna', ONE);
  desk.drop('tmk:2');
  desk.bring('tmk:3', 'anna', ONE);
  desk.close();
  assert.ok(delays.every(({ isOver }) => isOver));
  assert.is(delays.length, 3);
});

waiting('one name in two spellings is one person', () => {
  const { desk } = atDesk();
  desk.bring('tmk:1', 'Anna', ONE);
  assert.throws(() => desk.bring('tmk:1', ' ＡＮＮＡ ', TWO), isCode('FOUR_EYES'));
});

waiting('a component that was refused takes nobody’s place', () => {
  const { desk } = atDesk();
  assert.throws(() => desk.bring('tmk:1', 'anna', { ...ONE, checkValue: '000000' }), isCode('REQUEST_BAD'));
  assert.not(desk.drop('tmk:1'));
});

waiting('for one key do not count for another', () => {
  const { desk } = atDesk();
  desk.bring('tmk:1', 'anna', ONE);
  const answer = desk.bring('tmk:2', 'bob', TWO);
  assert.equal('waitsFor' in answer && answer.waitsFor, [1]);
});

waiting.run();
