import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { checkRule } from './check.ts';

const SOUND = {
  id: 'D10',
  version: 1,
  name: '会员九折',
  validFrom: '20260101',
  validTo: '20261231',
  priority: 10,
  stackGroup: 'member',
  exclusive: false,
  conditions: { tiers: ['blue'], weekdays: [1, 7], hours: { from: 8, to: 24 }, minimum: 5000 },
  effect: { kind: 'discount', basisPoints: 1000 },
  issuerShareBp: 10_000,
  caps: { perTransaction: 2000, perCardAndDay: 5000, totalBudget: 100_000 },
};

const checks = suite('checkRule: refuses a rule that is not sound, naming rule, field and what is allowed');

checks('takes a sound rule', () => {
  checkRule(SOUND);
  checkRule({ ...SOUND, validTo: null, conditions: {}, caps: {} });
});

// biome-ignore format: a table is read by column
for (const [changes, field, sentence] of [
  [{ id: 'D 10' },                                        'id',                     'an id with a blank'],
  [{ version: 0 },                                        'version',                'a version below 1'],
  [{ validFrom: '20260230' },                             'validFrom',              'a day that is not in the calendar'],
  [{ validTo: '20251231' },                               'validTo',                'an end before the beginning'],
  [{ priority: 1.5 },                                     'priority',               'half a priority'],
  [{ exclusive: 'yes' },                                  'exclusive',              'a word for a flag'],
  [{ issuerShareBp: 10_001 },                             'issuerShareBp',          'a share above 100 %'],
  [{ effect: { kind: 'gift' } },                          'effect.kind',            'an effect that is none'],
  [{ effect: { kind: 'discount', basisPoints: 0 } },      'effect.basisPoints',     'a discount of nothing'],
  [{ effect: { kind: 'discount', amount: 5 } },           'effect.amount',          'an amount for a discount in basis points'],
  [{ effect: { kind: 'price-cap', amount: -1 } },         'effect.amount',          'a negative price cap'],
  [{ conditions: { tiers: [] } },                         'conditions.tiers',       'an empty list, which would fit nobody'],
  [{ conditions: { weekdays: [0] } },                     'conditions.weekdays',    'a weekday 0'],
  [{ conditions: { hours: { from: 22, to: 6 } } },        'conditions.hours',       'hours over midnight'],
  [{ conditions: { minimun: 5 } },                        'conditions.minimun',     'a mistyped condition'],
  [{ caps: { perTransaction: 0.5 } },                     'caps.perTransaction',    'half a fen'],
  [{ effect: { kind: 'points', multiplierBp: 20_000 } },  'caps.perTransaction',    'a cap in fen on points'],
  [{ validto: null },                                     'validto',                'a mistyped field'],
] as const) {
  checks(`refuses ${sentence}`, () => {
    const isNamed = (error: unknown) =>
      error instanceof PosError && error.code === 'RULE_BAD' && error.detail.includes(`, ${field}: `);
    assert.throws(() => checkRule({ ...SOUND, ...changes }), isNamed);
  });
}

for (const value of [null, [], 'rule', 7]) {
  checks(`refuses ${JSON.stringify(value)} in a rule's place`, () => {
    assert.throws(
      () => checkRule(value),
      (error: unknown) => error instanceof PosError && error.code === 'RULE_BAD',
    );
  });
}

checks.run();
