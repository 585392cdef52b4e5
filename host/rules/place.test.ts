import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import type { PriceInput, Rule } from './model.ts';
import { rulesAt } from './place.ts';
import { price } from './price.ts';

const places = suite('the rules of a place');

const HERE = { merchantId: 'M1', branchId: 'B1', trade: 'hotel', tier: 'green' };
const rule = (id: string, changes: Partial<Rule> = {}): Rule => ({
  id,
  version: 1,
  name: id,
  validFrom: '20260101',
  validTo: null,
  priority: 10,
  stackGroup: id,
  exclusive: false,
  conditions: {},
  effect: { kind: 'discount', basisPoints: 500 },
  issuerShareBp: 10_000,
  caps: {},
  ...changes,
});

places('are those that name it, or name no place', () => {
  const rules = [
    rule('everywhere'),
    rule('here', { conditions: { merchantIds: ['M1'], trades: ['hotel', 'farm'] } }),
    rule('other shop', { conditions: { merchantIds: ['M2'] } }),
    rule('other branch', { conditions: { branchIds: ['B2'] } }),
    rule('other trade', { conditions: { trades: ['wine'] } }),
    rule('other tier', { conditions: { tiers: ['blue'] } }),
  ];
  assert.equal(
    rulesAt(rules, HERE).map(({ id }) => id),
    ['everywhere', 'here'],
  );
});

places('are not those whose latest version has moved elsewhere: an older one does not come back', () => {
  const rules = [
    rule('moved'),
    rule('moved', { version: 2, conditions: { merchantIds: ['M2'] } }),
    rule('stays', { conditions: { merchantIds: ['M2'] } }),
    rule('stays', { version: 2 }),
  ];
  assert.equal(
    rulesAt(rules, HERE).map(({ id, version }) => `${id} ${version}`),
    ['stays 1', 'stays 2'],
  );
});

const choice = <T>(...values: T[]) => fc.option(fc.subarray(values, { minLength: 1 }), { nil: undefined });
const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    id: fc.constantFrom('R1', 'R2', 'R3', 'R4'),
    version: fc.integer({ min: 1, max: 3 }),
    priority: fc.nat(3),
    merchantIds: choice('M1', 'M2'),
    branchIds: choice('B1', 'B2'),
    trades: choice('hotel', 'wine'),
    tiers: choice('green', 'blue'),
    basisPoints: fc.integer({ min: 1, max: 9_999 }),
  })
  .map(({ id, version, priority, basisPoints, ...conditions }) => {
    const wanted = Object.entries(conditions).filter(([, list]) => list !== undefined);
    return rule(id, {
      version,
      priority,
      conditions: Object.fromEntries(wanted),
      effect: { kind: 'discount', basisPoints },
    });
  });

places('make the same price as all rules', () => {
  const seed = Number(process.env['SEED'] ?? 20261122);
  console.log(`seed ${seed}`);
  const input: PriceInput = {
    ...HERE,
    gross: fen(123_45),
    businessDate: '20261122',
    at: Date.UTC(2026, 10, 22, 4),
    accountId: 'A1',
    used: new Map(),
  };
  const terms = { tierPointsBp: 10_000, rebateBp: 100, yuanPerPoint: 1 };
  const distinct = (rule: Rule) => `${rule.id} ${rule.version}`;
  fc.assert(
    fc.property(fc.uniqueArray(anyRule, { selector: distinct, maxLength: 8 }), (rules) => {
      const { trace: _, ...all } = price(input, rules, terms);
      const { trace: __, ...here } = price(input, rulesAt(rules, HERE), terms);
      assert.equal(here, all);
    }),
    { seed, numRuns: 500 },
  );
});

places.run();
