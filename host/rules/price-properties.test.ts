import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fen, fen } from '../../protocol/index.ts';
import { checkRule } from './check.ts';
import { usesGivenBack } from './counters.ts';
import type { Rule, RuleEffect } from './model.ts';
import { capCounters, price } from './price.ts';
import { traceLines } from './trace.ts';

const SEED = 20261122;
const RUNS = { seed: SEED, numRuns: 400 };
console.log(`seed ${SEED}`);

const amounts = fc.oneof(fc.nat(2_000), fc.nat(500_000_00)).map(fen);
const caps = fc
  .option(fc.nat(50_00), { nil: undefined })
  .map((cap) => (cap === undefined ? undefined : fen(cap)));
const effects: fc.Arbitrary<RuleEffect> = fc.oneof(
  fc.record({ kind: fc.constant('discount' as const), basisPoints: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({
    kind: fc.constant('discount-fixed' as const),
    amount: fc.integer({ min: 1, max: 100_00 }).map(fen),
  }),
  fc.record({ kind: fc.constant('price-cap' as const), amount: fc.nat(1_000_00).map(fen) }),
  fc.record({ kind: fc.constant('rebate' as const), basisPoints: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ kind: fc.constant('points' as const), multiplierBp: fc.nat(50_000) }),
);
const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    effect: effects,
    priority: fc.integer({ min: -2, max: 2 }),
    stackGroup: fc.constantFrom('a', 'b', 'c', 'd'),
    exclusive: fc.boolean(),
    issuerShareBp: fc.integer({ min: 0, max: 10_000 }),
    minimum: fc.option(amounts, { nil: undefined }),
    perTransaction: caps,
    perCardAndDay: caps,
    totalBudget: caps,
  })
  .map(({ minimum, perTransaction, perCardAndDay, totalBudget, ...rest }) => {
    const limits = rest.effect.kind === 'points' ? {} : { perTransaction, perCardAndDay, totalBudget };
    const made = {
      ...rest,
      id: 'R',
      version: 1,
      name: 'a rule',
      validFrom: '20260101',
      validTo: null,
      conditions: present({ minimum }),
      caps: present(limits),
    };
    return made;
  });
const ruleSets = fc
  .array(anyRule, { maxLength: 8 })
  .map((rules) => rules.map((rule, i) => ({ ...rule, id: `R${i}` })));
const terms = fc.record({
  tierPointsBp: fc.nat(30_000),
  rebateBp: fc.nat(10_000),
  yuanPerPoint: fc.integer({ min: 1, max: 20 }),
});
const usage = fc.array(fc.nat(60_00), { minLength: 16, maxLength: 16 });

const pricing = suite('pricing: what holds for every spend under every set of rules');

pricing('the generated rules are sound, so that the properties speak of rules that may exist', () => {
  fc.assert(
    fc.property(ruleSets, (rules) => rules.forEach((rule) => void checkRule(rule))),
    RUNS,
  );
});

pricing('issuer and merchant discounts and what is paid sum to gross, and none is negative', () => {
  fc.assert(
    fc.property(amounts, ruleSets, terms, usage, (gross, rules, base, used) => {
      const priced = price(spendOf(gross, rules, used), rules, base);
      const { discountIssuer, discountMerchant, paid } = priced;
      assert.is(discountIssuer + discountMerchant + paid, gross);
      for (const amount of [discountIssuer, discountMerchant, paid, priced.rebate, priced.points])
        assert.ok(amount >= 0);
      assert.ok(priced.rebate <= paid);
    }),
    RUNS,
  );
});

pricing('the same spend gets the same price, in whichever order the rules are listed', () => {
  const shuffled = ruleSets.chain((rules) =>
    fc.tuple(fc.constant(rules), fc.shuffledSubarray([...rules], { minLength: rules.length })),
  );
  fc.assert(
    fc.property(amounts, shuffled, terms, usage, (gross, [rules, other], base, used) => {
      const input = spendOf(gross, rules, used);
      const before = JSON.stringify([input.gross, rules, [...input.used]]);
      assert.equal(price(input, other, base), price(input, rules, base));
      assert.is(
        JSON.stringify([input.gross, rules, [...input.used]]),
        before,
        'nothing that was given is changed',
      );
    }),
    RUNS,
  );
});

pricing('no rule gives more than its caps, and no counter passes its maximum', () => {
  fc.assert(
    fc.property(amounts, ruleSets, terms, usage, (gross, rules, base, used) => {
      const input = spendOf(gross, rules, used);
      const priced = price(input, rules, base);
      for (const line of traceLines(priced.trace)) {
        const limit = rules.find((rule) => rule.id === line.rule)?.caps.perTransaction;
        if (limit !== undefined) assert.ok(line.worth <= limit, line.rule);
      }
      for (const { counter, add, max } of priced.uses) {
        assert.ok((input.used.get(counter) ?? 0) + add <= (max ?? Number.POSITIVE_INFINITY), counter);
      }
    }),
    RUNS,
  );
});

pricing('every rule is in the trace once, and what the trace says was given sums to what was given', () => {
  fc.assert(
    fc.property(amounts, ruleSets, terms, usage, (gross, rules, base, used) => {
      const priced = price(spendOf(gross, rules, used), rules, base);
      const trace = traceLines(priced.trace);
      const traced = trace.map((line) => line.rule);
      assert.equal(traced.filter((id) => id.startsWith('R')).sort(), rules.map((rule) => rule.id).sort());
      const worth = (kinds: readonly string[]) =>
        trace
          .filter((line) =>
            kinds.includes(rules.find((rule) => rule.id === line.rule)?.effect.kind ?? line.rule),
          )
          .reduce((sum, line) => sum + line.worth, 0);
      assert.is(worth(['discount', 'discount-fixed', 'price-cap']), gross - priced.paid);
      assert.is(worth(['rebate', 'contract-rebate']), priced.rebate);
      assert.equal(
        trace.filter((line) => line.applied && line.version > 0).map((line) => line.rule),
        priced.ruleIds,
      );
    }),
    RUNS,
  );
});

pricing('of each stack group at most one rule applies', () => {
  fc.assert(
    fc.property(amounts, ruleSets, terms, usage, (gross, rules, base, used) => {
      const { ruleIds } = price(spendOf(gross, rules, used), rules, base);
      const groups = ruleIds.map((id) => rules.find((rule) => rule.id === id)?.stackGroup);
      assert.is(new Set(groups).size, groups.length);
    }),
    RUNS,
  );
});

pricing('undone in any parts, a spend gives back to every counter exactly what it used', () => {
  fc.assert(
    fc.property(
      amounts,
      ruleSets,
      terms,
      fc.array(fc.nat(10_000), { maxLength: 5 }),
      (gross, rules, base, cuts) => {
        fc.pre(gross > 0);
        const { trace, uses } = price(spendOf(gross, rules, []), rules, base);
        const marks = [...cuts.map((cut) => fen(Math.floor((gross * cut) / 10_000))), fen(gross)].sort(
          (a, b) => a - b,
        );
        const balance = new Map<string, number>(uses.map(({ counter, add }) => [counter, add]));
        let before = fen(0);
        for (const mark of marks) {
          for (const { counter, add } of usesGivenBack(trace, gross, before, mark)) {
            assert.ok(add < 0);
            balance.set(counter, (balance.get(counter) ?? 0) + add);
            assert.ok((balance.get(counter) ?? 0) >= 0, counter);
          }
          before = mark;
        }
        for (const [counter, left] of balance) assert.is(left, 0, counter);
      },
    ),
    RUNS,
  );
});

pricing.run();

function spendOf(gross: Fen, rules: readonly Rule[], used: readonly number[]) {
  const input = {
    gross,
    businessDate: '20261120',
    at: Date.UTC(2026, 10, 20, 4, 0),
    merchantId: '898410100000001',
    branchId: 'B1',
    trade: 'restaurant',
    tier: 'green',
    accountId: 'A1',
  };
  const counters = capCounters(rules, input);
  return {
    ...input,
    used: new Map<string, number>(counters.map((counter, index) => [counter, used[index] ?? 0])),
  };
}

/** The object without the fields that are undefined. */
function present<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
