/** A rule and a spend that it may apply to, for tests. */
import { fen } from '../../protocol/index.ts';
import { checkRule } from './check.ts';
import type { PriceInput, Rule } from './model.ts';

/** Friday 2026-11-20, 18:30 in China. */
const FRIDAY_EVENING = Date.UTC(2026, 10, 20, 10, 30);

/** 10 % off everything, in a group of its own, unless `changes` says otherwise. @throws as `checkRule` */
export function rule(id: string, changes: Partial<Rule>): Rule {
  const made: Rule = {
    id,
    version: 1,
    name: id,
    validFrom: '20260101',
    validTo: null,
    priority: 0,
    stackGroup: id,
    exclusive: false,
    conditions: {},
    effect: { kind: 'discount', basisPoints: 1_000 },
    issuerShareBp: 10_000,
    caps: {},
    ...changes,
  };
  checkRule(made);
  return made;
}

/** @param gross in fen; no cap was used yet */
export function spend(gross: number): PriceInput {
  return {
    gross: fen(gross),
    businessDate: '20261120',
    at: FRIDAY_EVENING,
    merchantId: '898410100000001',
    branchId: 'B1',
    trade: 'restaurant',
    tier: 'green',
    accountId: 'A1',
    used: new Map(),
  };
}
