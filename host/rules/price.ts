/**
 * Prices one spend: discounts on what is left of the price, then rebate and points on what is paid.
 * A pure function of the spend, the rules and the terms; the order of the rules in their list does
 * not matter. Normative: the money design page, "Rules" and "Money".
 */
import type { Fen } from '../../protocol/index.ts';
import { ensure, fen, minusFen, PosError, shareHalfUp } from '../../protocol/index.ts';
import { whyNot } from './conditions.ts';
import { cardDayCounter } from './counters.ts';
import { type Family, inForce, type StandingRule } from './in-force.ts';
import type { CounterUse, PointsRate, Priced, PriceInput, Rule, Terms } from './model.ts';
import type { Reason } from './reasons.ts';
import { Share } from './share.ts';
import { nameInTrace, TraceWriter } from './trace.ts';

const WHOLE_BP = 10_000;
/** The trace's names for what holds without any rule. */
export const CONTRACT_TERM = 'contract-rebate';
export const TIER_TERM = 'tier-points';

/**
 * The counters that pricing this spend will look at: those of capped rules that could apply to it. Read
 * them in the same snapshot and pass them as `input.used`.
 */
export function capCounters(rules: readonly Rule[], input: Omit<PriceInput, 'used'>): readonly string[] {
  const counters: string[] = [];
  for (const rule of inForce(rules).counted) {
    if (whyNot(rule, input) !== null) continue;
    for (const { counter } of countersOf(rule, input)) counters.push(counter);
  }
  return counters;
}

/** Whether any of these rules is capped by a counter. */
export function haveCounters(rules: readonly Rule[]): boolean {
  return inForce(rules).counted.length > 0;
}

/**
 * Prices a spend.
 *
 * - Rules are tried by priority, higher first, then by id. Of each stack group at most one applies:
 *   the first that fits and is worth something. An exclusive one stops the later ones of its family
 *   (discount, rebate, points).
 * - A later discount is taken on what the earlier ones left (折上折). The sum of discounts is rounded
 *   once, half up; the merchant-funded part of it once more; the issuer funds the rest.
 * - Rebate rules add to the contract's rate, rounded once on what is paid. A cap makes one rule's worth
 *   a fixed amount. Points multipliers add: double and half as much again is two and a half fold.
 *
 * @throws PosError AMOUNT_BAD for terms out of range. Rules must have passed `checkRule`.
 */
export function price(input: PriceInput, rules: readonly Rule[], terms: Terms): Priced {
  checkTerms(terms);
  const tried = inForce(rules);
  const run: Run = {
    input,
    groups: [],
    closed: NOTHING_CLOSED,
    trace: new TraceWriter(),
    uses: [],
    ruleIds: [],
  };

  const discount = discounts(tried.discounts, run);
  const paid = minusFen(input.gross, discount.total);
  const rebate = rebates(tried.rebates, run, paid, terms);
  const pointsRate = points(tried.points, run, terms);
  for (const name of tried.superseded) run.trace.refused(name, 'superseded');

  ensure(discount.merchant + discount.issuer + paid === input.gross, 'a price does not sum to gross');
  ensure(rebate.worth <= paid, 'a rebate exceeds what was paid');
  return {
    gross: input.gross,
    discountIssuer: discount.issuer,
    discountMerchant: discount.merchant,
    paid,
    rebateBp: rebate.basisPoints,
    rebate: rebate.worth,
    points: pointsFor(paid, pointsRate),
    pointsRate,
    ruleIds: run.ruleIds,
    trace: run.trace.text,
    uses: run.uses,
  };
}

/** Whole points for principal that was paid: yuan ÷ yuanPerPoint × tier × multiplier, half up. */
export function pointsFor(principal: Fen, rate: PointsRate): number {
  const product = principal * rate.tierPointsBp * rate.multiplierBp;
  const each = rate.yuanPerPoint * 100 * WHOLE_BP * WHOLE_BP;
  // Twice the product must stay exact as well, for the half.
  if (product <= Number.MAX_SAFE_INTEGER / 4 && each <= Number.MAX_SAFE_INTEGER / 4) {
    const remainder = product % each;
    return fen((product - remainder) / each + (remainder * 2 >= each ? 1 : 0));
  }
  const exact = BigInt(principal) * BigInt(rate.tierPointsBp) * BigInt(rate.multiplierBp);
  const one = BigInt(rate.yuanPerPoint) * 100n * BigInt(WHOLE_BP) * BigInt(WHOLE_BP);
  return fen(Number((exact * 2n + one) / (one * 2n)));
}

/** What one evaluation gathers. */
interface Run {
  readonly input: PriceInput;
  /** The stack groups that are taken, and by which rule: few, so that they are looked through. */
  readonly groups: { readonly group: string; readonly rule: string }[];
  /** The exclusive rule that closed each family; null while it is open. */
  closed: Readonly<Record<Family, string | null>>;
  readonly trace: TraceWriter;
  readonly uses: CounterUse[];
  readonly ruleIds: string[];
}

const NOTHING_CLOSED: Run['closed'] = { discount: null, rebate: null, points: null };

function discounts(rules: readonly StandingRule[], run: Run): { total: Fen; merchant: Fen; issuer: Fen } {
  const { gross } = run.input;
  let left = Share.of(gross);
  let total = 0;
  let merchantBp = 0n;
  for (const rule of rules) {
    const { effect } = rule;
    if (!isTried(run, rule)) continue;
    const after = afterDiscount(left, effect);
    const wanted = gross - after.halfUp() - total;
    if (wanted <= 0) {
      run.trace.refused(rule.name, 'worth-nothing');
      continue;
    }
    const worth = capped(run, rule, wanted);
    if (worth === 0) continue;
    // A capped rule takes exactly its cap; an uncapped one keeps the unrounded price for the next.
    left = worth < wanted ? left.minus(worth) : after;
    total += worth;
    merchantBp += BigInt(worth) * BigInt(WHOLE_BP - rule.issuerShareBp);
  }
  const merchant = fen(Number((merchantBp * 2n + BigInt(WHOLE_BP)) / BigInt(2 * WHOLE_BP)));
  return { total: fen(total), merchant, issuer: minusFen(fen(total), merchant) };
}

function afterDiscount(left: Share, effect: Rule['effect']): Share {
  if (effect.kind === 'discount') return left.times(WHOLE_BP - effect.basisPoints);
  if (effect.kind === 'discount-fixed') return left.minus(effect.amount);
  return effect.kind === 'price-cap' ? left.atMost(effect.amount) : left;
}

function rebates(
  rules: readonly StandingRule[],
  run: Run,
  paid: Fen,
  terms: Terms,
): { worth: Fen; basisPoints: number } {
  const of = (basisPoints: number) => shareHalfUp(paid, Math.min(basisPoints, WHOLE_BP));
  let uncappedBp = terms.rebateBp;
  let basisPoints = terms.rebateBp;
  let fixed = 0;
  run.trace.applied(nameInTrace(CONTRACT_TERM, 0), `contract:${terms.rebateBp}`, of(uncappedBp));
  for (const rule of rules) {
    const { effect } = rule;
    if (effect.kind !== 'rebate' || !isTried(run, rule)) continue;
    const free = paid - of(uncappedBp) - fixed;
    const wanted = Math.min(of(uncappedBp + effect.basisPoints) - of(uncappedBp), free);
    if (wanted <= 0) {
      run.trace.refused(rule.name, 'worth-nothing');
      continue;
    }
    const worth = capped(run, rule, wanted);
    if (worth === 0) continue;
    if (worth < wanted || wanted === free) fixed += worth;
    else uncappedBp += effect.basisPoints;
    basisPoints += effect.basisPoints;
  }
  return { worth: fen(of(uncappedBp) + fixed), basisPoints: Math.min(basisPoints, WHOLE_BP) };
}

function points(rules: readonly StandingRule[], run: Run, terms: Terms): PointsRate {
  let multiplierBp = WHOLE_BP;
  run.trace.applied(nameInTrace(TIER_TERM, 0), `tier-points:${terms.tierPointsBp}`, 0);
  for (const rule of rules) {
    const { effect } = rule;
    if (effect.kind !== 'points' || !isTried(run, rule)) continue;
    const adds = effect.multiplierBp - WHOLE_BP;
    multiplierBp += adds;
    apply(run, rule, `multiplies:${effect.multiplierBp}`, adds, []);
  }
  return {
    yuanPerPoint: terms.yuanPerPoint,
    tierPointsBp: terms.tierPointsBp,
    multiplierBp: Math.max(0, multiplierBp),
  };
}

/** Whether a rule fits the spend and nothing before it bars it; otherwise its reason is noted. */
function isTried(run: Run, rule: StandingRule): boolean {
  const reason = whyNot(rule, run.input) ?? barredBy(run, rule);
  if (reason !== null) run.trace.refused(rule.name, reason);
  return reason === null;
}

function barredBy(run: Run, { family, stackGroup }: StandingRule): Reason | null {
  const exclusive = run.closed[family];
  if (exclusive !== null) return `excluded:${exclusive}`;
  for (const { group, rule } of run.groups) if (group === stackGroup) return `group-taken:${rule}`;
  return null;
}

/** What a rule's caps leave of its worth; the rule is noted as applied or as used up. */
function capped(run: Run, rule: StandingRule, wanted: number): number {
  const counters = countersOf(rule, run.input);
  let worth = wanted;
  let reason: Reason = 'applies';
  if (rule.perTransaction !== undefined && rule.perTransaction < worth) {
    worth = Math.max(0, rule.perTransaction);
    reason = 'transaction-cap';
  }
  for (const { counter, max, cap } of counters) {
    const room = max - (run.input.used.get(counter) ?? 0);
    if (room >= worth) continue;
    worth = Math.max(0, room);
    reason = `${cap}-cap`;
  }
  if (worth === 0) {
    run.trace.refused(rule.name, reason);
    return 0;
  }
  apply(run, rule, reason, worth, counters);
  for (const { counter, max } of counters) run.uses.push({ counter, add: worth, max });
  return worth;
}

function apply(
  run: Run,
  rule: StandingRule,
  reason: Reason,
  worth: number,
  counters: readonly CapCounter[],
): void {
  const { id, family } = rule;
  run.groups.push({ group: rule.stackGroup, rule: id });
  if (rule.exclusive) run.closed = { ...run.closed, [family]: id };
  run.ruleIds.push(id);
  run.trace.applied(rule.name, reason, worth);
  for (const { counter } of counters) run.trace.counted(counter);
}

/** A counter that a rule's cap looks at. */
interface CapCounter {
  readonly counter: string;
  readonly max: number;
  readonly cap: 'card' | 'budget';
}
const NO_COUNTERS: readonly CapCounter[] = [];

function countersOf(rule: StandingRule, input: Omit<PriceInput, 'used'>): readonly CapCounter[] {
  const { perCardAndDay, totalBudget } = rule;
  if (perCardAndDay === undefined && totalBudget === undefined) return NO_COUNTERS;
  const counters: CapCounter[] = [];
  if (perCardAndDay !== undefined) {
    const counter = cardDayCounter(rule.id, input.accountId, input.businessDate);
    counters.push({ counter, max: perCardAndDay, cap: 'card' });
  }
  if (totalBudget !== undefined) {
    counters.push({ counter: rule.budgetCounter, max: totalBudget, cap: 'budget' });
  }
  return counters;
}

function checkTerms(terms: Terms): void {
  const { rebateBp, tierPointsBp, yuanPerPoint } = terms;
  if (!Number.isInteger(rebateBp) || rebateBp < 0 || rebateBp > WHOLE_BP) {
    throw new PosError('AMOUNT_BAD', `terms.rebateBp ${rebateBp} is not 0 to 10000 basis points`);
  }
  if (!Number.isInteger(tierPointsBp) || tierPointsBp < 0) {
    throw new PosError('AMOUNT_BAD', `terms.tierPointsBp ${tierPointsBp} is not a whole number from 0`);
  }
  if (!Number.isInteger(yuanPerPoint) || yuanPerPoint < 1) {
    throw new PosError('AMOUNT_BAD', `terms.yuanPerPoint ${yuanPerPoint} is not a whole number from 1`);
  }
}
