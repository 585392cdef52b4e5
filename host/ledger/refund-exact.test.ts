/**
 * Refund exactness, through real entries and the fold of their postings: a small desk plays sales,
 * refunds, voids, late reversals, rebate runs, holds and completions in any order, and at the end
 * everything is undone.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import { type Act, actions, Desk } from './desk.fixture.ts';

const SEED = 20261122;
const RUNS = { seed: SEED, numRuns: 300 };
console.log(`seed ${SEED}`);

const exact = suite('refund-exact: no order of acts leaves anyone richer');

exact(
  'after every act every lot is the fold of its postings, nothing is overdrawn, and the holder has what he is due',
  () => {
    fc.assert(
      fc.property(actions, (acts) => {
        const desk = new Desk();
        for (const act of acts) {
          desk.play(act);
          desk.assertSound();
        }
      }),
      RUNS,
    );
  },
);

exact('when every spend is undone the holder has what was loaded, and nobody else has anything', () => {
  fc.assert(
    fc.property(actions, (acts) => {
      const desk = new Desk();
      for (const act of acts) desk.play(act);
      desk.undoEverything();
      desk.assertSound();
      assert.is(desk.holderWealth(), desk.loaded.principal + desk.loaded.bonus);
      for (const account of [
        'payable:merchant:M1',
        'income:commission',
        'expense:discount',
        'expense:rebate',
        'payable:rebate',
        'expense:agent',
        'payable:agent:S1',
        'holds:A1',
        'receivable:holder:A1',
        'points:liability',
        'points:expense',
      ]) {
        assert.is(desk.balance(account), 0, account);
      }
      assert.ok(
        -desk.balance('purse:principal:A1') <= desk.loaded.principal,
        'bonus never turns into principal',
      );
    }),
    RUNS,
  );
});

exact(
  'a sale that is refunded in parts and reversed late leaves the merchant where he would have been',
  () => {
    fc.assert(
      fc.property(fc.nat(9_999), fc.array(fc.nat(9_999), { maxLength: 4 }), (size, cuts) => {
        const desk = new Desk();
        desk.play({ kind: 'load', size: 9_999, pick: 0 });
        desk.play({ kind: 'sale', size, pick: 0 });
        const acts: readonly Act[] = cuts.map((cut) => ({ kind: 'refund', size: cut, pick: 0 }));
        for (const act of acts) desk.play(act);
        desk.play({ kind: 'reversal', size: 0, pick: 0 });
        assert.is(desk.balance('payable:merchant:M1'), 0);
        assert.is(desk.holderWealth(), desk.loaded.principal + desk.loaded.bonus);
      }),
      RUNS,
    );
  },
);

exact.run();

const standing = suite('a void is reversed after its money was spent');

standing(
  'the sale stands again, and what the account no longer holds is owed until principal covers it',
  () => {
    const desk = new Desk();
    desk.load(100_00, 0);
    const first = desk.sale(80_00);
    desk.void(first);
    desk.sale(70_00);
    desk.reverseVoid(first);
    desk.assertSound();
    assert.is(desk.balance('receivable:holder:A1') > 0, true);
    assert.is(desk.available(), 0);
    const owed = desk.balance('receivable:holder:A1');
    desk.load(100_00, 0);
    assert.is(desk.balance('receivable:holder:A1'), 0);
    assert.is(desk.available(), 100_00 - owed);
  },
);

standing('a refund of the sale that stands again first pays the debt', () => {
  const desk = new Desk();
  desk.load(100_00, 0);
  const first = desk.sale(80_00);
  desk.void(first);
  desk.sale(70_00);
  desk.reverseVoid(first);
  const owed = desk.balance('receivable:holder:A1');
  desk.refund(first, 80_00);
  desk.assertSound();
  assert.is(desk.balance('receivable:holder:A1'), 0);
  assert.is(desk.available(), desk.paidOf(first) - owed);
});

standing('a mirror is refused when it would overdraw a lot', () => {
  const desk = new Desk();
  desk.load(100_00, 0);
  const first = desk.sale(80_00);
  desk.void(first);
  desk.sale(70_00);
  assert.throws(
    () => desk.takeAgainWithoutCare(first),
    (error: unknown) => error instanceof PosError && error.code === 'AMOUNT_BAD',
  );
});

standing('an undone completion holds again what its lots still have, and makes no debt', () => {
  const desk = new Desk();
  desk.load(100_00, 0);
  const hold = desk.hold(90_00);
  const completion = desk.complete(hold, 40_00);
  desk.sale(50_00);
  desk.void(completion);
  desk.assertSound();
  assert.is(desk.balance('receivable:holder:A1'), 0);
  assert.ok(-desk.balance('holds:A1') >= desk.paidOf(completion));
  assert.is(fen(-desk.balance('holds:A1')) + desk.available() + desk.standingPaid(), 100_00);
});

standing.run();
