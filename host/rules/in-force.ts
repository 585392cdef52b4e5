/** The rules of a list that stand, in the order in which they are tried; what depends on a rule alone is decided once. */
import type { Fen } from '../../protocol/index.ts';
import { budgetCounter } from './counters.ts';
import type { Rule, RuleEffect } from './model.ts';
import { nameInTrace } from './trace.ts';

/** Effects that compete: an exclusive rule bars the later ones of its family. */
export type Family = 'discount' | 'rebate' | 'points';
// biome-ignore format: a table is read by column
const FAMILY_OF = {
  'discount':       'discount',
  'discount-fixed': 'discount',
  'price-cap':      'discount',
  'rebate':         'rebate',
  'points':         'points',
} as const satisfies Record<RuleEffect['kind'], Family>;

/** A rule as pricing asks it, all of one shape, whichever conditions and caps it has: it is asked for each spend. */
export interface StandingRule {
  readonly id: string;
  readonly version: number;
  /** As the trace names it. */
  readonly name: string;
  readonly family: Family;
  readonly stackGroup: string;
  readonly exclusive: boolean;
  readonly effect: RuleEffect;
  readonly issuerShareBp: number;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly merchantIds: readonly string[] | undefined;
  readonly branchIds: readonly string[] | undefined;
  readonly trades: readonly string[] | undefined;
  readonly tiers: readonly string[] | undefined;
  readonly weekdays: readonly number[] | undefined;
  readonly hours: { readonly from: number; readonly to: number } | undefined;
  readonly minimum: Fen | undefined;
  readonly perTransaction: Fen | undefined;
  readonly perCardAndDay: Fen | undefined;
  readonly totalBudget: Fen | undefined;
  /** The counter of `totalBudget`. */
  readonly budgetCounter: string;
}

export interface InForce {
  readonly discounts: readonly StandingRule[];
  readonly rebates: readonly StandingRule[];
  readonly points: readonly StandingRule[];
  /** Those of all three that look at a counter. */
  readonly counted: readonly StandingRule[];
  /** Older versions of those, as the trace names them. */
  readonly superseded: readonly string[];
}

/** By list: who prices many spends under the same list has it put in order once. A list is never changed. */
const IN_FORCE = new WeakMap<readonly Rule[], InForce>();

/** The rules in the order in which they are tried; of several versions of one id only the latest stands. */
export function inForce(rules: readonly Rule[]): InForce {
  const known = IN_FORCE.get(rules);
  if (known !== undefined) return known;
  const found = putInOrder(rules);
  IN_FORCE.set(rules, found);
  return found;
}

function putInOrder(rules: readonly Rule[]): InForce {
  const latest = new Map<string, number>();
  for (const rule of rules) latest.set(rule.id, Math.max(rule.version, latest.get(rule.id) ?? 0));
  const sorted = [...rules].sort(
    (a, b) => b.priority - a.priority || compareText(a.id, b.id) || b.version - a.version,
  );
  const standing = sorted.filter((rule) => rule.version === latest.get(rule.id)).map(standingRule);
  const of = (family: Family) => standing.filter((rule) => rule.family === family);
  return {
    discounts: of('discount'),
    rebates: of('rebate'),
    points: of('points'),
    counted: standing.filter((rule) => rule.perCardAndDay !== undefined || rule.totalBudget !== undefined),
    superseded: sorted
      .filter((rule) => rule.version !== latest.get(rule.id))
      .map((rule) => nameInTrace(rule.id, rule.version)),
  };
}

function standingRule({ conditions, caps, ...rule }: Rule): StandingRule {
  return {
    id: rule.id,
    version: rule.version,
    name: nameInTrace(rule.id, rule.version),
    family: FAMILY_OF[rule.effect.kind],
    stackGroup: rule.stackGroup,
    exclusive: rule.exclusive,
    effect: rule.effect,
    issuerShareBp: rule.issuerShareBp,
    validFrom: rule.validFrom,
    validTo: rule.validTo,
    merchantIds: conditions.merchantIds,
    branchIds: conditions.branchIds,
    trades: conditions.trades,
    tiers: conditions.tiers,
    weekdays: conditions.weekdays,
    hours: conditions.hours,
    minimum: conditions.minimum,
    perTransaction: caps.perTransaction,
    perCardAndDay: caps.perCardAndDay,
    totalBudget: caps.totalBudget,
    budgetCounter: budgetCounter(rule.id),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
