import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import type { Rule } from './model.ts';
import { capCounters, price } from './price.ts';
import { rule, spend } from './spend.fixture.ts';
import { traceLines } from './trace.ts';

const TERMS = { tierPointsBp: 10_000, rebateBp: 0, yuanPerPoint: 1 };

const discounts = suite('discounts: on what is left of the price');

// 九折 10 % off · 会员日 weekday rule · 满减 money off above a minimum · 封顶 price cap
// biome-ignore format: a table is read by column
const SHOP: readonly Rule[] = [
  rule('D10',    { effect: { kind: 'discount', basisPoints: 1_000 },          stackGroup: 'member',  issuerShareBp: 10_000, conditions: { minimum: fen(50_00) } }),
  rule('FRI5',   { effect: { kind: 'discount', basisPoints: 500 },            stackGroup: 'weekday', issuerShareBp: 0,      conditions: { weekdays: [5] } }),
  rule('OFF20',  { effect: { kind: 'discount-fixed', amount: fen(20_00) },    stackGroup: 'voucher', issuerShareBp: 5_000,  conditions: { minimum: fen(200_00) } }),
  rule('CAP300', { effect: { kind: 'price-cap', amount: fen(300_00) },        stackGroup: 'cap',     issuerShareBp: 10_000, priority: -1 }),
];

// biome-ignore format: a table is read by column
for (const [gross, issuer, merchant, paid, applied, sentence] of [
  [ 49_99,   0,      2_50,  47_49, ['FRI5'],                           'gives the Friday discount alone one fen below the minimum of the other'],
  [100_00,  10_00,   4_50,  85_50, ['D10', 'FRI5'],                    'takes the second discount on what the first left (折上折)'],
  [ 99_99,  10_00,   4_50,  85_49, ['D10', 'FRI5'],                    'rounds the sum of the discounts once'],
  [200_00,  30_00,  19_00, 151_00, ['D10', 'FRI5', 'OFF20'],           'splits a half-and-half voucher between issuer and merchant'],
] as const) {
  discounts(sentence, () => {
    const priced = price(spend(gross), SHOP, TERMS);
    assert.equal(
      [priced.discountIssuer, priced.discountMerchant, priced.paid, priced.ruleIds],
      [issuer, merchant, paid, applied],
    );
  });
}

discounts('caps the price last, at what the cap says', () => {
  // 500.00 → 450.00 → 427.50 → 407.50, and the cap leaves 300.00: issuer 50 + 10 + 107.50, merchant 22.50 + 10.
  const priced = price(spend(500_00), SHOP, TERMS);
  assert.equal([priced.discountIssuer, priced.discountMerchant, priced.paid], [167_50, 32_50, 300_00]);
});

discounts('never takes more than the price', () => {
  const off = rule('OFF20', { effect: { kind: 'discount-fixed', amount: fen(20_00) } });
  const priced = price(spend(12_34), [off], TERMS);
  assert.equal([priced.discountIssuer, priced.paid], [12_34, 0]);
});

discounts.run();

const funding = suite('funding: issuer and merchant share one discount, rounded once');

// The design page's worked example: 128.00, a discount of 10 %.
// biome-ignore format: a table is read by column
for (const [share, issuer, merchant, sentence] of [
  [10_000, 12_80,     0, 'is all the issuer\'s at a share of 100 %'],
  [     0,     0, 12_80, 'is all the merchant\'s at a share of 0 %'],
  [ 5_000,  6_40,  6_40, 'is half each at 50 %'],
] as const) {
  funding(sentence, () => {
    const priced = price(spend(128_00), [rule('D10', { issuerShareBp: share })], TERMS);
    assert.equal([priced.discountIssuer, priced.discountMerchant, priced.paid], [issuer, merchant, 115_20]);
  });
}

funding("rounds the merchant's part half up and gives the issuer the rest", () => {
  const priced = price(spend(10), [rule('D10', { issuerShareBp: 5_000 })], TERMS);
  assert.equal([priced.discountMerchant, priced.discountIssuer], [1, 0]);
});

funding.run();

const stacking = suite('stacking: groups and exclusive rules');

stacking('applies the first rule of a group and tells the later one why not', () => {
  const rules = [
    rule('B', { stackGroup: 'member', priority: 5 }),
    rule('A', { stackGroup: 'member', priority: 9, effect: { kind: 'discount', basisPoints: 500 } }),
  ];
  const priced = price(spend(100_00), rules, TERMS);
  assert.equal(priced.ruleIds, ['A']);
  assert.is(reason(priced.trace, 'B'), '同组规则 A 已适用 · rule A of its stack group applies');
});

stacking('lets a group pass on to its next rule when the first is used up', () => {
  const rules = [
    rule('A', { stackGroup: 'member', priority: 9, caps: { totalBudget: fen(1_000_00) } }),
    rule('B', { stackGroup: 'member', effect: { kind: 'discount', basisPoints: 500 } }),
  ];
  const priced = price({ ...spend(100_00), used: new Map([['rule|A|budget', 1_000_00]]) }, rules, TERMS);
  assert.equal(priced.ruleIds, ['B']);
  assert.is(reason(priced.trace, 'A'), '受总预算限制 · limited by its total budget');
});

stacking('stops all later discounts after an exclusive one, but no rebate and no points', () => {
  const rules = [
    rule('X', { stackGroup: 'x', priority: 9, exclusive: true }),
    rule('D', { stackGroup: 'd' }),
    rule('R', { stackGroup: 'r', effect: { kind: 'rebate', basisPoints: 100 } }),
    rule('P', { stackGroup: 'p', effect: { kind: 'points', multiplierBp: 20_000 } }),
  ];
  const priced = price(spend(100_00), rules, TERMS);
  assert.equal(priced.ruleIds, ['X', 'R', 'P']);
  assert.is(reason(priced.trace, 'D'), '已有排他规则 X · barred by the exclusive rule X');
});

stacking('an exclusive rule that does not apply stops nothing', () => {
  const rules = [
    rule('X', { stackGroup: 'x', priority: 9, exclusive: true, conditions: { minimum: fen(500_00) } }),
    rule('D', { stackGroup: 'd' }),
  ];
  assert.equal(price(spend(100_00), rules, TERMS).ruleIds, ['D']);
});

stacking('tries equal priorities in the order of their ids', () => {
  const rules = ['C', 'A', 'B'].map((id) => rule(id, { stackGroup: 'one' }));
  assert.equal(price(spend(100_00), rules, TERMS).ruleIds, ['A']);
});

stacking('lets only the latest version of a rule stand', () => {
  const rules = [rule('A', {}), rule('A', { version: 2, effect: { kind: 'discount', basisPoints: 500 } })];
  const priced = price(spend(100_00), rules, TERMS);
  assert.is(priced.paid, 95_00);
  assert.equal(
    traceLines(priced.trace)
      .filter((line) => line.rule === 'A')
      .map((line) => [line.version, line.applied]),
    [
      [2, true],
      [1, false],
    ],
  );
});

stacking.run();

const conditions = suite('conditions: when a rule fits');

// biome-ignore format: a table is read by column
for (const [wants, said, sentence] of [
  [{ merchantIds: ['898410100000002'] },   '商户不符 · not at this merchant',                            'another merchant'],
  [{ branchIds: ['B9'] },                  '门店不符 · not at this branch',                              'another branch'],
  [{ trades: ['hotel'] },                  '行业不符 · not in this trade',                               'another trade'],
  [{ tiers: ['black-gold'] },              '等级不符 · not for this tier',                               'another tier'],
  [{ weekdays: [6, 7] },                   '星期不符 (5) · not on weekday 5',                            'another day of the week'],
  [{ hours: { from: 8, to: 18 } },         '时段 8–18 时之外 · outside the hours 8 to 18',               'half an hour after the last hour'],
  [{ minimum: fen(100_01) },               '未满 100.01 元 · below the minimum of 100.01 yuan',          'one fen below the minimum'],
] as const) {
  conditions(`does not apply at ${sentence}, and says so`, () => {
    const priced = price(spend(100_00), [rule('D10', { conditions: wants })], TERMS);
    assert.is(priced.paid, 100_00);
    assert.is(reason(priced.trace, 'D10'), said);
  });
}

conditions('takes the weekday at UTC+8: Thursday 16:00 UTC is Friday in China', () => {
  const friday = rule('FRI', { conditions: { weekdays: [5], hours: { from: 0, to: 1 } } });
  assert.is(price({ ...spend(100_00), at: Date.UTC(2026, 10, 19, 16, 0) }, [friday], TERMS).paid, 90_00);
});

conditions('is valid on the first and on the last business date and on no other', () => {
  const week = rule('W', { validFrom: '20261120', validTo: '20261126' });
  const paidOn = (businessDate: string) => price({ ...spend(100_00), businessDate }, [week], TERMS).paid;
  assert.equal(['20261119', '20261120', '20261126', '20261127'].map(paidOn), [100_00, 90_00, 90_00, 100_00]);
});

conditions.run();

const caps = suite('caps: per transaction, per card and day, total budget');

// biome-ignore format: a table is read by column
for (const [limits, used, given, sentence] of [
  [{ perTransaction: fen(5_00) },                                {},                             5_00, 'the cap per transaction limits the discount'],
  [{ perTransaction: fen(10_00) },                               {},                            10_00, 'a cap that is just met limits nothing'],
  [{ perCardAndDay: fen(15_00) },      { 'rule|D10|A1|20261120':  8_00 },                        7_00, 'the cap per card and day gives what is left of it'],
  [{ perCardAndDay: fen(15_00) },      { 'rule|D10|A1|20261120': 15_00 },                           0, 'the cap per card and day gives nothing when it is used up'],
  [{ totalBudget: fen(1_000_00) },     { 'rule|D10|budget':     999_99 },                           1, 'the total budget gives its last fen'],
  [{ perTransaction: fen(9_00), perCardAndDay: fen(8_00), totalBudget: fen(7_00) }, {},          7_00, 'the tightest of three caps counts'],
] as const) {
  caps(sentence, () => {
    const d10 = rule('D10', { caps: limits });
    const input = spend(100_00);
    const counters = capCounters([d10], input);
    for (const counter of Object.keys(used)) assert.ok(counters.includes(counter), counter);
    const priced = price({ ...input, used: new Map(Object.entries(used)) }, [d10], TERMS);
    assert.is(priced.discountIssuer, given);
    assert.equal(
      priced.uses.map(({ add, max }) => [add, max]),
      given === 0 ? [] : [limits.perCardAndDay, limits.totalBudget].filter((max) => max !== undefined).map((max) => [given, max]),
    );
  });
}

caps('a rule that does not fit asks for no counter', () => {
  const elsewhere = rule('D10', { conditions: { tiers: ['blue'] }, caps: { totalBudget: fen(1_00) } });
  assert.equal(capCounters([elsewhere], spend(100_00)), []);
});

caps.run();

const rebates = suite('rebate and points: on what is paid');

// The fact sheet's worked example: 128.00, discount 10 %, holder rebate 2 % of 115.20.
rebates("the contract's rebate stands without any rule", () => {
  const priced = price(spend(128_00), [rule('D10', {})], { ...TERMS, rebateBp: 200 });
  assert.equal([priced.paid, priced.rebate, priced.rebateBp], [115_20, 2_30, 200]);
  assert.is(reason(priced.trace, 'contract-rebate'), "合同返点 2.00 % · the contract's rebate");
});

rebates("a rebate rule adds to the contract's rate, and both are rounded once", () => {
  // 1.25 at 2 % + 2 %: 0.05; each rounded alone would give 0.03 + 0.03.
  const more = rule('R2', { effect: { kind: 'rebate', basisPoints: 200 } });
  assert.is(price(spend(1_25), [more], { ...TERMS, rebateBp: 200 }).rebate, 5);
});

rebates('a rebate never exceeds what is paid', () => {
  const all = rule('R100', { effect: { kind: 'rebate', basisPoints: 10_000 } });
  assert.is(price(spend(3_33), [all], { ...TERMS, rebateBp: 500 }).rebate, 3_33);
});

rebates("points count yuan paid, times the tier, times the rules' multipliers added", () => {
  const doubled = rule('P2', { stackGroup: 'a', effect: { kind: 'points', multiplierBp: 20_000 } });
  const half = rule('P15', { stackGroup: 'b', effect: { kind: 'points', multiplierBp: 15_000 } });
  // 100.00 ÷ 2 yuan a point × 1.2 for the tier × (1 + 1 + 0.5)
  const priced = price(spend(100_00), [doubled, half], { ...TERMS, tierPointsBp: 12_000, yuanPerPoint: 2 });
  assert.is(priced.points, 150);
});

rebates('a multiplier of nothing gives no points', () => {
  const none = rule('P0', { effect: { kind: 'points', multiplierBp: 0 } });
  assert.is(price(spend(100_00), [none], TERMS).points, 0);
});

rebates.run();

function reason(trace: string, id: string) {
  return traceLines(trace).find((line) => line.rule === id)?.because;
}
