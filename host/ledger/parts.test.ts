import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fen, fen, PosError, shareHalfUp } from '../../protocol/index.ts';
import type { SaleMoney } from './model.ts';
import { takePart, ZERO_MONEY } from './parts.ts';
import { ensureWhole } from './spend.ts';

const SEED = 20261122;
const RUNS = { seed: SEED, numRuns: 500 };
console.log(`seed ${SEED}`);

/** The design page's sale: 128.00, issuer-funded 12.80, at 80 %; 15.20 of it paid with bonus. */
const SALE: SaleMoney = {
  gross: fen(128_00),
  discountIssuer: fen(12_80),
  discountMerchant: fen(0),
  paid: fen(115_20),
  base: fen(128_00),
  payable: fen(102_40),
  commission: fen(25_60),
  rebate: fen(2_30),
  agent: fen(58),
  points: 100,
  lots: [
    { lotId: 'B1', purse: 'bonus', amount: fen(15_20) },
    { lotId: 'P1', purse: 'principal', amount: fen(100_00) },
  ],
};

const worked = suite('a part of a sale, as the design page works it');

worked(
  'a refund of 64.00 of 128.00 gives back 57.60, takes 51.20 from the merchant and 12.80 of commission',
  () => {
    const { part } = takePart(SALE, null, fen(64_00));
    assert.equal(
      [part.paid, part.discountIssuer, part.payable, part.commission, part.rebate, part.agent, part.points],
      [57_60, 6_40, 51_20, 12_80, 1_15, 29, 50],
    );
    assert.equal(
      part.lots.map((lot) => [lot.lotId, lot.amount]),
      [
        ['B1', 7_60],
        ['P1', 50_00],
      ],
    );
  },
);

worked('the whole is taken to the fen, whatever was taken before', () => {
  const first = takePart(SALE, null, fen(33_33));
  const second = takePart(SALE, first.taken, fen(94_67));
  assert.equal(second.taken, SALE);
});

worked('parts beyond the whole are refused', () => {
  const { taken } = takePart(SALE, null, fen(128_00));
  assert.throws(
    () => takePart(SALE, taken, fen(1)),
    (error: unknown) => error instanceof PosError && error.code === 'AMOUNT_BAD',
  );
});

worked('three refunds of a third of one fen’s worth of bonus give it back once', () => {
  const sale: SaleMoney = {
    ...ZERO_MONEY,
    gross: fen(3),
    paid: fen(3),
    base: fen(3),
    commission: fen(3),
    lots: [
      { lotId: 'B1', purse: 'bonus', amount: fen(1) },
      { lotId: 'P1', purse: 'principal', amount: fen(2) },
    ],
  };
  let taken: SaleMoney | null = null;
  const bonus: number[] = [];
  for (let refund = 0; refund < 3; refund += 1) {
    const next = takePart(sale, taken, fen(1));
    bonus.push(
      next.part.lots.filter((lot) => lot.purse === 'bonus').reduce((sum, lot) => sum + lot.amount, 0),
    );
    taken = next.taken;
  }
  // A third of a fen is 0, two thirds round up to 1, and the third refund finds it given.
  assert.equal(bonus, [0, 1, 0]);
});

worked.run();

const sales: fc.Arbitrary<SaleMoney> = fc
  .record({
    gross: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 999_999_999_999 })),
    discountBp: fc.nat(10_000),
    merchantBp: fc.nat(10_000),
    settlementBp: fc.nat(10_000),
    rebateBp: fc.nat(10_000),
    agentBp: fc.nat(10_000),
    pointsTimes: fc.nat(30_000),
    weights: fc.array(fc.record({ bonus: fc.boolean(), weight: fc.nat(10_000) }), {
      minLength: 1,
      maxLength: 5,
    }),
  })
  .map((draw) => {
    const gross = fen(draw.gross);
    const discount = shareHalfUp(gross, draw.discountBp);
    const discountMerchant = shareHalfUp(discount, draw.merchantBp);
    const paid = fen(gross - discount);
    const base = fen(gross - discountMerchant);
    const payable = shareHalfUp(base, draw.settlementBp);
    const lots = draw.weights.map(({ bonus }, index) => ({
      lotId: `L${index}`,
      purse: bonus ? ('bonus' as const) : ('principal' as const),
      amount: fen(0),
    }));
    let left: number = paid;
    const filled = lots.map((lot, index) => {
      const amount =
        index === lots.length - 1
          ? left
          : Math.min(left, shareHalfUp(paid, draw.weights[index]?.weight ?? 0));
      left -= amount;
      return { ...lot, amount: fen(amount) };
    });
    const principal = filled
      .filter((lot) => lot.purse === 'principal')
      .reduce((sum, lot) => sum + lot.amount, 0);
    return {
      gross,
      discountIssuer: fen(discount - discountMerchant),
      discountMerchant,
      paid,
      base,
      payable,
      commission: fen(base - payable),
      rebate: shareHalfUp(paid, draw.rebateBp),
      agent: shareHalfUp(paid, draw.agentBp),
      points: Math.floor((Math.min(principal, 1_000_000_000) * draw.pointsTimes) / 10_000),
      lots: filled.filter((lot) => lot.amount > 0),
    };
  });
const cuts = fc.array(fc.nat(10_000), { maxLength: 7 });

const parts = suite('shares taken in parts');

parts('every part is whole in itself, never negative, and all parts sum to the sale, in any order', () => {
  fc.assert(
    fc.property(sales, cuts, (sale, marks) => {
      let taken: SaleMoney | null = null;
      let sum = ZERO_MONEY;
      for (const gross of pieces(sale.gross, marks)) {
        const next = takePart(sale, taken, gross);
        ensureWhole(next.part);
        assert.is(next.part.gross, gross);
        for (const lot of next.part.lots) assert.ok(lot.amount > 0, `lot ${lot.lotId}`);
        for (const [name, amount] of Object.entries(next.part)) {
          if (typeof amount === 'number') assert.ok(amount >= 0, name);
        }
        sum = added(sum, next.part);
        assert.equal(byLot(next.taken), byLot(sum));
        taken = next.taken;
      }
      assert.equal(byLot(sum), byLot(sale));
    }),
    RUNS,
  );
});

parts('what was taken depends on its sum alone, not on how it was cut', () => {
  fc.assert(
    fc.property(sales, cuts, fc.nat(10_000), (sale, marks, share) => {
      const upTo = fen(Number((BigInt(sale.gross) * BigInt(share)) / 10_000n));
      const once = takePart(sale, null, upTo).taken;
      let taken: SaleMoney | null = null;
      for (const gross of pieces(upTo, marks)) taken = takePart(sale, taken, gross).taken;
      assert.equal(taken ?? ZERO_MONEY, once);
    }),
    RUNS,
  );
});

parts('a rebate that must go back never exceeds the money that goes back with it', () => {
  fc.assert(
    fc.property(sales, cuts, (sale, marks) => {
      let taken: SaleMoney | null = null;
      for (const gross of pieces(sale.gross, marks)) {
        const next = takePart(sale, taken, gross);
        assert.ok(next.part.rebate <= next.part.paid);
        taken = next.taken;
      }
    }),
    RUNS,
  );
});

parts.run();

/** Cuts an amount at marks of ten-thousandths; pieces of nothing are left out. */
function pieces(whole: Fen, marks: readonly number[]): readonly Fen[] {
  const at = marks.map((mark) => Number((BigInt(whole) * BigInt(mark)) / 10_000n)).sort((a, b) => a - b);
  const edges = [0, ...at, whole];
  return edges
    .slice(1)
    .map((edge, index) => fen(edge - (edges[index] ?? 0)))
    .filter((piece) => piece > 0);
}

function added(a: SaleMoney, b: SaleMoney): SaleMoney {
  const sum: Record<string, unknown> = { lots: [...a.lots, ...b.lots] };
  for (const [name, amount] of Object.entries(a)) {
    if (typeof amount === 'number') sum[name] = amount + Number(b[name as keyof SaleMoney]);
  }
  return sum as unknown as SaleMoney;
}

/** The same money with its lots as a sorted list of sums, for comparing. */
function byLot(money: SaleMoney): unknown {
  const sums = new Map<string, number>();
  for (const { lotId, purse, amount } of money.lots)
    sums.set(`${lotId} ${purse}`, (sums.get(`${lotId} ${purse}`) ?? 0) + amount);
  return { ...money, lots: [...sums].sort() };
}
