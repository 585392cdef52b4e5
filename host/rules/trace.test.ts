import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { usesGivenBack } from './counters.ts';
import type { RuleTrace } from './model.ts';
import { price } from './price.ts';
import { tell } from './reasons.ts';
import { rule, spend } from './spend.fixture.ts';
import { traceLines } from './trace.ts';

const TERMS = { tierPointsBp: 12_000, rebateBp: 100, yuanPerPoint: 1 };

const kept = suite('trace: kept as a short text, told in sentences');

kept('names every rule with its version, the reason, and where it applied its worth and counters', () => {
  const rules = [
    rule('D10', { version: 3, caps: { perCardAndDay: fen(50_00), totalBudget: fen(900_00) } }),
    rule('D10', { version: 2 }),
    rule('D5', { stackGroup: 'd5', conditions: { minimum: fen(5_000_00) } }),
    rule('P0', { effect: { kind: 'points', multiplierBp: 0 } }),
  ];
  // 100.00: a tenth off; the contract's 1 % of 90.00.
  assert.is(
    price(spend(100_00), rules, TERMS).trace,
    [
      'D10.3 applies 1000 rule|D10|A1|20261120 rule|D10|budget',
      'D5.1 minimum:500000',
      'contract-rebate.0 contract:100 90',
      'tier-points.0 tier-points:12000 0',
      'P0.1 multiplies:0 -10000',
      'D10.2 superseded',
    ].join(';'),
  );
});

kept('is ASCII, without a character that JSON escapes: a row spells it as it is', () => {
  const { trace } = price(spend(100_00), [rule('D10', { caps: { totalBudget: fen(1) } })], TERMS);
  assert.is(JSON.stringify(trace), `"${trace}"`);
  assert.match(trace, /^[ -~]+$/);
});

// biome-ignore format: a table is read by column
for (const [line, told] of [
  ['D.2 applies 1000',                  { applied: true,  because: '适用 · applies',                                                             worth: 1_000 }],
  ['D.2 transaction-cap 500',           { applied: true,  because: '适用，受单笔上限限制 · applies, limited by its cap per transaction',           worth: 500 }],
  ['D.2 card-cap',                      { applied: false, because: '受每卡每日上限限制 · limited by its cap per card and day',                     worth: 0 }],
  ['D.2 budget-cap',                    { applied: false, because: '受总预算限制 · limited by its total budget',                                   worth: 0 }],
  ['D.2 multiplies:15000 5000',         { applied: true,  because: '积分 1.5 倍 · points 1.5 fold',                                                worth: 5_000 }],
  ['D.2 multiplies:0 -10000',           { applied: true,  because: '积分 0 倍 · points 0 fold',                                                    worth: -10_000 }],
  ['D.2 contract:125 3',                { applied: true,  because: "合同返点 1.25 % · the contract's rebate",                                      worth: 3 }],
  ['D.2 tier-points:12000 0',           { applied: true,  because: "等级积分 1.2 倍 · the tier's points",                                          worth: 0 }],
  ['D.2 superseded',                    { applied: false, because: '已有新版本 · a later version stands',                                          worth: 0 }],
  ['D.2 worth-nothing',                 { applied: false, because: '不产生优惠 · worth nothing here',                                              worth: 0 }],
  ['D.2 excluded:X-1',                  { applied: false, because: '已有排他规则 X-1 · barred by the exclusive rule X-1',                           worth: 0 }],
  ['D.2 group-taken:X-1',               { applied: false, because: '同组规则 X-1 已适用 · rule X-1 of its stack group applies',                     worth: 0 }],
  ['D.2 not-yet:20261201',              { applied: false, because: '20261201 起生效 · valid from 20261201',                                        worth: 0 }],
  ['D.2 no-longer:20261101',            { applied: false, because: '20261101 已到期 · valid to 20261101',                                          worth: 0 }],
  ['D.2 merchant',                      { applied: false, because: '商户不符 · not at this merchant',                                              worth: 0 }],
  ['D.2 branch',                        { applied: false, because: '门店不符 · not at this branch',                                                worth: 0 }],
  ['D.2 trade',                         { applied: false, because: '行业不符 · not in this trade',                                                 worth: 0 }],
  ['D.2 tier',                          { applied: false, because: '等级不符 · not for this tier',                                                 worth: 0 }],
  ['D.2 weekday:5',                     { applied: false, because: '星期不符 (5) · not on weekday 5',                                              worth: 0 }],
  ['D.2 hours:8-18',                    { applied: false, because: '时段 8–18 时之外 · outside the hours 8 to 18',                                  worth: 0 }],
  ['D.2 minimum:500000',                { applied: false, because: '未满 5000.00 元 · below the minimum of 5000.00 yuan',                           worth: 0 }],
  ['D.2 a-later-code:7',                { applied: false, because: 'a-later-code:7',                                                               worth: 0 }],
] as const) {
  kept(`"${line}" is told as "${told.because}"`, () => {
    assert.equal(traceLines(line), [{ rule: 'D', version: 2, ...told }]);
  });
}

kept('of a row that priced nothing has no line', () => {
  assert.equal(traceLines(''), []);
});

kept('of a row from before, with its sentences in it, is told and given back as ever', () => {
  const counters = ['rule|D10|A1|20261120'];
  const before: readonly RuleTrace[] = [
    { rule: 'D10', version: 1, applied: true, because: '适用 · applies', worth: 1_000, counters },
    { rule: 'D5', version: 1, applied: false, because: '等级不符 · not for this tier', worth: 0 },
  ];
  assert.equal(traceLines(before), before);
  const text = 'D10.1 applies 1000 rule|D10|A1|20261120;D5.1 tier';
  assert.equal(traceLines(text), before);
  const back = [{ counter: 'rule|D10|A1|20261120', add: -250, max: null }];
  for (const trace of [before, text])
    assert.equal(usesGivenBack(trace, fen(100_00), fen(0), fen(25_00)), back);
});

kept('a code that a later version wrote, or one whose value cannot be read, is told as it is', () => {
  for (const reason of ['later-code:7', 'minimum:x']) assert.is(tell(reason), reason);
});

kept.run();
