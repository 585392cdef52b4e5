import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import type { LotRow } from '../store/rows.ts';
import type { Purse } from './model.ts';
import { applyToLots, available, takeForCompletion, takeFromLots } from './spend.ts';

const TODAY = '20261122';

// biome-ignore format: a table is read by column
const LOTS: readonly LotRow[] = [
  lot('P-old',     'principal', '20260101', null,       100_00),
  lot('P-new',     'principal', '20260601', null,       100_00),
  lot('B-late',    'bonus',     '20260101', '20271231',  10_00),
  lot('B-soon',    'bonus',     '20260601', '20261122',   5_00),
  lot('B-expired', 'bonus',     '20250101', '20261121',  99_00),
  lot('B-open',    'bonus',     '20250101', null,         7_00),
];

const spending = suite('a spend takes bonus before principal, soonest expiry first, then oldest');

// biome-ignore format: a table is read by column
for (const [paid, order, parts, sentence] of [
  [  3_00, 'bonus-first',     ['B-soon 300'],                                                       'starts with the bonus that expires first, on its last day too'],
  [ 20_00, 'bonus-first',     ['B-soon 500', 'B-late 1000', 'B-open 500'],                          'takes bonus without expiry after bonus with one'],
  [122_01, 'bonus-first',     ['B-soon 500', 'B-late 1000', 'B-open 700', 'P-old 10000', 'P-new 1'], 'takes the oldest principal when the bonus is used up'],
  [  3_00, 'principal-first', ['P-old 300'],                                                        'takes principal first where the programme says so'],
  [      0, 'bonus-first',    [],                                                                   'takes nothing for nothing'],
] as const) {
  spending(sentence, () => {
    const taken = takeFromLots(LOTS, fen(paid), order, TODAY)?.map((part) => `${part.lotId} ${part.amount}`);
    assert.equal(taken, parts);
  });
}

spending('finds not enough when only an expired lot could pay', () => {
  assert.is(takeFromLots(LOTS, fen(222_01), 'bonus-first', TODAY), undefined);
  assert.is(takeFromLots(LOTS, fen(222_00), 'bonus-first', TODAY)?.length, 5);
});

spending('shows as available what may be spent, without the expired lot', () => {
  assert.equal(available(LOTS, TODAY), { total: 222_00, principal: 200_00, bonus: 22_00 });
});

spending.run();

const lots = suite('lots after parts were taken or given back');

lots('changes the lots that are named and leaves the others as they are', () => {
  const after = applyToLots(LOTS, [{ lotId: 'B-soon', purse: 'bonus', amount: fen(5_00) }], -1);
  assert.is(after[3]?.remaining, 0);
  assert.equal(
    after.filter((row, index) => row !== LOTS[index]).map((row) => row.lotId),
    ['B-soon'],
  );
});

lots('refuses to take more than a lot holds', () => {
  const tooMuch = [{ lotId: 'B-soon', purse: 'bonus' as const, amount: fen(5_01) }];
  assert.throws(
    () => applyToLots(LOTS, tooMuch, -1),
    (error: unknown) => error instanceof PosError && error.code === 'AMOUNT_BAD',
  );
});

lots('refuses a part whose lot was not read', () => {
  const unread = [{ lotId: 'elsewhere', purse: 'bonus' as const, amount: fen(1) }];
  assert.throws(
    () => applyToLots(LOTS, unread, 1),
    (error: unknown) => error instanceof PosError && error.code === 'INVARIANT',
  );
});

lots.run();

const completions = suite(
  'a completion takes the hold first, then free lots, and gives the rest of the hold back',
);

const HELD = [
  { lotId: 'B-soon', purse: 'bonus' as const, amount: fen(5_00) },
  { lotId: 'P-old', purse: 'principal' as const, amount: fen(45_00) },
];
const FREE = LOTS.map((row) =>
  row.lotId === 'B-soon'
    ? { ...row, remaining: fen(0) }
    : row.lotId === 'P-old'
      ? { ...row, remaining: fen(55_00) }
      : row,
);

completions('below the hold: the rest goes back to its lots', () => {
  const parts = takeForCompletion(HELD, FREE, fen(12_00), 'bonus-first', TODAY);
  assert.equal(parts?.lots, [HELD[0], { lotId: 'P-old', purse: 'principal', amount: 7_00 }]);
  assert.equal(parts?.backToLots, [{ lotId: 'P-old', purse: 'principal', amount: 38_00 }]);
  assert.equal(parts?.fromFree, []);
});

completions('above the hold: the excess comes from the free lots in spending order', () => {
  const parts = takeForCompletion(HELD, FREE, fen(70_00), 'principal-first', TODAY);
  assert.equal(parts?.fromHold, HELD);
  assert.equal(
    parts?.lots,
    [HELD[0], { lotId: 'P-old', purse: 'principal', amount: 65_00 }],
    'one part a lot',
  );
  assert.equal(parts?.backToLots, []);
});

completions('above hold and free balance together: not enough', () => {
  assert.is(takeForCompletion(HELD, FREE, fen(222_01), 'bonus-first', TODAY), undefined);
});

completions.run();

function lot(
  lotId: string,
  purse: Purse,
  loadedOn: string,
  expiresOn: string | null,
  remaining: number,
): LotRow {
  return {
    lotId,
    accountId: 'A1',
    purse,
    salePointId: 'S1',
    loadedOn,
    expiresOn,
    registered: true,
    loaded: fen(remaining),
    remaining: fen(remaining),
  };
}
