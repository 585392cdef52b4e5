/** Does a rule fit a spend? One test a condition, in the order of the design page. Pure. */
import { businessDateOf, localTimeOf, weekdayOf } from '../../protocol/index.ts';
import type { StandingRule } from './in-force.ts';
import type { PriceInput } from './model.ts';
import type { Reason } from './reasons.ts';

type Spend = Omit<PriceInput, 'used'>;

/** Null when every condition holds, otherwise the first that does not. */
export function whyNot(wants: StandingRule, spend: Spend): Reason | null {
  const { validFrom, validTo } = wants;
  if (spend.businessDate < validFrom) return `not-yet:${validFrom}`;
  if (validTo !== null && spend.businessDate > validTo) return `no-longer:${validTo}`;
  if (isElsewhere(wants.merchantIds, spend.merchantId)) return 'merchant';
  if (isElsewhere(wants.branchIds, spend.branchId)) return 'branch';
  if (isElsewhere(wants.trades, spend.trade)) return 'trade';
  if (isElsewhere(wants.tiers, spend.tier)) return 'tier';
  // Weekday and hour are of the clock on the wall, not of the business date, which may change at 23:00.
  if (wants.weekdays !== undefined) {
    const day = weekdayOf(businessDateOf(spend.at));
    if (!wants.weekdays.includes(day)) return `weekday:${day}`;
  }
  if (wants.hours !== undefined) {
    const hour = Number(localTimeOf(spend.at).time.slice(0, 2));
    if (hour < wants.hours.from || hour >= wants.hours.to)
      return `hours:${wants.hours.from}-${wants.hours.to}`;
  }
  if (wants.minimum !== undefined && spend.gross < wants.minimum) return `minimum:${wants.minimum}`;
  return null;
}

/** Whether a rule that wants one of these does not want this one. */
export function isElsewhere(wanted: readonly string[] | undefined, here: string): boolean {
  return wanted !== undefined && !wanted.includes(here);
}
