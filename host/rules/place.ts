/** Which rules are tried for a spend: those that are not bound to another place or another tier. */
import { isElsewhere } from './conditions.ts';
import type { PriceInput, Rule } from './model.ts';

/** What of a spend changes seldom: many spends share it. */
export type Place = Pick<PriceInput, 'merchantId' | 'branchId' | 'trade' | 'tier'>;

/**
 * The rules of a place, all versions of each: which version stands is decided by `price`, so a rule whose latest
 * version has moved elsewhere is left out with its older ones.
 */
export function rulesAt(rules: readonly Rule[], place: Place): readonly Rule[] {
  const latest = new Map<string, Rule>();
  for (const rule of rules)
    if (rule.version >= (latest.get(rule.id)?.version ?? 0)) latest.set(rule.id, rule);
  return rules.filter(({ id }) => isOf(latest.get(id) as Rule, place));
}

function isOf({ conditions }: Rule, place: Place): boolean {
  return (
    !isElsewhere(conditions.merchantIds, place.merchantId) &&
    !isElsewhere(conditions.branchIds, place.branchId) &&
    !isElsewhere(conditions.trades, place.trade) &&
    !isElsewhere(conditions.tiers, place.tier)
  );
}
