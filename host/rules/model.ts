/** A pricing rule as data, and what its evaluation gives. Normative: the money design page, "Rules". */
import type { Fen } from '../../protocol/index.ts';

export type RuleEffect =
  | { readonly kind: 'discount'; readonly basisPoints: number }
  | { readonly kind: 'discount-fixed'; readonly amount: Fen }
  | { readonly kind: 'price-cap'; readonly amount: Fen }
  | { readonly kind: 'rebate'; readonly basisPoints: number }
  | { readonly kind: 'points'; readonly multiplierBp: number };

export interface RuleConditions {
  readonly merchantIds?: readonly string[];
  readonly branchIds?: readonly string[];
  readonly trades?: readonly string[];
  readonly tiers?: readonly string[];
  /** 1 Monday to 7 Sunday, in UTC+8. */
  readonly weekdays?: readonly number[];
  /** Hours of the day in UTC+8, from inclusive, to exclusive: 0 to 24. */
  readonly hours?: { readonly from: number; readonly to: number };
  readonly minimum?: Fen;
}

export interface RuleCaps {
  readonly perTransaction?: Fen;
  readonly perCardAndDay?: Fen;
  readonly totalBudget?: Fen;
}

export interface Rule {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  /** Business dates, YYYYMMDD, from inclusive, to inclusive; null is open. */
  readonly validFrom: string;
  readonly validTo: string | null;
  /** Higher first. Equal priorities go by id. */
  readonly priority: number;
  /** At most one rule of a stack group applies: the first that fits. */
  readonly stackGroup: string;
  /** An exclusive rule that applies stops all later ones of its effect kind. */
  readonly exclusive: boolean;
  readonly conditions: RuleConditions;
  readonly effect: RuleEffect;
  /** The issuer's share of a discount in basis points; the merchant funds the rest. */
  readonly issuerShareBp: number;
  readonly caps: RuleCaps;
}

/** Everything about one spend that a rule may ask. No clock, no database. */
export interface PriceInput {
  readonly gross: Fen;
  readonly businessDate: string;
  /** UTC milliseconds; weekday and hour are taken at UTC+8. */
  readonly at: number;
  readonly merchantId: string;
  readonly branchId: string;
  readonly trade: string;
  readonly tier: string;
  readonly accountId: string;
  /** Use so far of each capped counter, by the names that `capCounters` gives. */
  readonly used: Pick<ReadonlyMap<string, number>, 'get'>;
}

/** An addition to a counter, the shape of the store's counter guard. Negative when a spend is undone. */
export interface CounterUse {
  readonly counter: string;
  readonly add: number;
  readonly max: number | null;
}

/** One line of the trace as it is told: a rule that was tried, and why it did or did not apply. How it is kept: trace.ts. */
export interface RuleTrace {
  readonly rule: string;
  readonly version: number;
  readonly applied: boolean;
  /** As a person reads it, Chinese first. */
  readonly because: string;
  /** Fen for discounts and rebates; for points, the basis points that it adds to the multiplier. */
  readonly worth: number;
  /** The capped counters that `worth` was added to: what an undone spend gives back. Absent when none. */
  readonly counters?: readonly string[];
}

/** What the contract and the tier give before any rule. */
export interface Terms {
  /** The tier's points, 10000 for one fold. */
  readonly tierPointsBp: number;
  readonly rebateBp: number;
  readonly yuanPerPoint: number;
}

/** How principal that was paid becomes points: principal yuan ÷ yuanPerPoint × tier × multiplier, half up. */
export interface PointsRate {
  readonly yuanPerPoint: number;
  readonly tierPointsBp: number;
  readonly multiplierBp: number;
}

export interface Priced {
  readonly gross: Fen;
  readonly discountIssuer: Fen;
  readonly discountMerchant: Fen;
  readonly paid: Fen;
  readonly rebateBp: number;
  readonly rebate: Fen;
  /** What all of `paid` would earn if it were principal; the ledger counts the principal part at `pointsRate`. */
  readonly points: number;
  readonly pointsRate: PointsRate;
  readonly ruleIds: readonly string[];
  /** Every rule that was tried, as it is kept: `traceLines` reads it. */
  readonly trace: string;
  /** What the spend adds to capped counters; `max` null when only counted. */
  readonly uses: readonly CounterUse[];
}
