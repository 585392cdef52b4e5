/**
 * Prices one spend: discounts on what is left of the price, then rebate and points on what is paid.
 * A pure function of the spend, the rules and the terms; the order of the rules in their list does
 * not matter. Normative: the money design page, "Rules" and "Money".
 */
import type { Fen } from '../../protocol/index.ts';
import { ensure, fen, minusFen, PosError, shareHalfUp } from '../../protocol/index.ts';
import { whyNot } from './conditions.ts';
import { budgetCounter, cardDayCounter } from './counters.ts';
import type { CounterUse, PointsRate, Priced, PriceInput, Rule, RuleTrace, Terms } from './model.ts';
import { say } from './reasons.ts';
import { Share } from './share.ts';

const WHOLE_BP = 10_000;
/** The trace's names for what holds without any rule. */
export const CONTRACT_TERM = 'contract-rebate';
export const TIER_TERM = 'tier-points';

type Family = 'discount' | 'rebate' | 'points';
// biome-ignore format: a table is read by column
const FAMILY_OF = {
  'discount':       'discount',
  'discount-fixed': 'discount',
  'price-cap':      'discount',
  'rebate':         'rebate',
  'points':         'points',
} as const satisfies Record<Rule['effect']['kind'], Family>;

/**
 * The counters that pricing this spend will look at: those of capped rules that could apply to it. Read
 * them in the same snapshot and pass them as `input.used`.
 */
export function capCounters(rules: readonly Rule[], input: Omit<PriceInput, 'used'>): readonly string[] {
  const counters: string[] = [];
  for (const rule of inForce(rules).counted) {
    if (whyNot(rule, input) !== null) continue;
    for (const [counter] of countersOf(rule, input)) counters.push(counter);
  }
  return counters;
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
  const { standing, superseded } = inForce(rules);
  const run: Run = { input, groups: new Map(), closed: new Map(), trace: [], uses: [], ruleIds: [] };

  const discount = discounts(standing, run);
  const paid = minusFen(input.gross, discount.total);
  const rebate = rebates(standing, run, paid, terms);
  const pointsRate = points(standing, run, terms);
  for (const rule of superseded) note(run, rule, say.superseded());

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
    trace: run.trace,
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
  /** Stack group → the rule that took it. */
  readonly groups: Map<string, string>;
  /** Family → the exclusive rule that closed it. */
  readonly closed: Map<Family, string>;
  readonly trace: RuleTrace[];
  readonly uses: CounterUse[];
  readonly ruleIds: string[];
}

function discounts(rules: readonly Rule[], run: Run): { total: Fen; merchant: Fen; issuer: Fen } {
  const { gross } = run.input;
  let left = Share.of(gross);
  let total = 0;
  let merchantBp = 0n;
  for (const rule of rules) {
    const { effect } = rule;
    if (FAMILY_OF[effect.kind] !== 'discount' || !isTried(run, rule)) continue;
    const after = afterDiscount(left, effect);
    const wanted = gross - after.halfUp() - total;
    if (wanted <= 0) {
      note(run, rule, say.worthNothing());
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
  rules: readonly Rule[],
  run: Run,
  paid: Fen,
  terms: Terms,
): { worth: Fen; basisPoints: number } {
  const of = (basisPoints: number) => shareHalfUp(paid, Math.min(basisPoints, WHOLE_BP));
  let uncappedBp = terms.rebateBp;
  let basisPoints = terms.rebateBp;
  let fixed = 0;
  noteTerm(run, CONTRACT_TERM, say.contractRebate(terms.rebateBp), of(uncappedBp));
  for (const rule of rules) {
    const { effect } = rule;
    if (effect.kind !== 'rebate' || !isTried(run, rule)) continue;
    const free = paid - of(uncappedBp) - fixed;
    const wanted = Math.min(of(uncappedBp + effect.basisPoints) - of(uncappedBp), free);
    if (wanted <= 0) {
      note(run, rule, say.worthNothing());
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

function points(rules: readonly Rule[], run: Run, terms: Terms): PointsRate {
  let multiplierBp = WHOLE_BP;
  noteTerm(run, TIER_TERM, say.tierPoints(terms.tierPointsBp), 0);
  for (const rule of rules) {
    const { effect } = rule;
    if (effect.kind !== 'points' || !isTried(run, rule)) continue;
    const adds = effect.multiplierBp - WHOLE_BP;
    multiplierBp += adds;
    apply(run, rule, say.multiplies(effect.multiplierBp), adds, []);
  }
  return {
    yuanPerPoint: terms.yuanPerPoint,
    tierPointsBp: terms.tierPointsBp,
    multiplierBp: Math.max(0, multiplierBp),
  };
}

/** Whether a rule fits the spend and nothing before it bars it; otherwise its reason is noted. */
function isTried(run: Run, rule: Rule): boolean {
  const reason =
    whyNot(rule, run.input) ??
    barredBy(run.closed.get(FAMILY_OF[rule.effect.kind]), run.groups.get(rule.stackGroup));
  if (reason !== null) note(run, rule, reason);
  return reason === null;
}

function barredBy(exclusive: string | undefined, sameGroup: string | undefined): string | null {
  if (exclusive !== undefined) return say.excluded(exclusive);
  return sameGroup === undefined ? null : say.groupTaken(sameGroup);
}

/** What a rule's caps leave of its worth; the rule is noted as applied or as used up. */
function capped(run: Run, rule: Rule, wanted: number): number {
  let worth = wanted;
  let because = say.applies();
  const limit = (room: number, reason: string) => {
    if (room >= worth) return;
    worth = Math.max(0, room);
    because = reason;
  };
  limit(rule.caps.perTransaction ?? wanted, say.transactionCap());
  const counters = countersOf(rule, run.input);
  for (const [counter, max, name] of counters)
    limit(max - (run.input.used.get(counter) ?? 0), say.counterCap(name));
  if (worth === 0) {
    note(run, rule, because);
    return 0;
  }
  apply(
    run,
    rule,
    because,
    worth,
    counters.map(([counter]) => counter),
  );
  for (const [counter, max] of counters) run.uses.push({ counter, add: worth, max });
  return worth;
}

function apply(run: Run, rule: Rule, because: string, worth: number, counters: readonly string[]): void {
  run.groups.set(rule.stackGroup, rule.id);
  if (rule.exclusive) run.closed.set(FAMILY_OF[rule.effect.kind], rule.id);
  run.ruleIds.push(rule.id);
  const line = { rule: rule.id, version: rule.version, applied: true, because, worth };
  run.trace.push(counters.length === 0 ? line : { ...line, counters });
}

function note(run: Run, rule: Rule, because: string): void {
  run.trace.push({ rule: rule.id, version: rule.version, applied: false, because, worth: 0 });
}

function noteTerm(run: Run, rule: string, because: string, worth: number): void {
  run.trace.push({ rule, version: 0, applied: true, because, worth });
}

function countersOf(
  rule: Rule,
  input: Omit<PriceInput, 'used'>,
): readonly (readonly [string, number, 'card' | 'budget'])[] {
  const { perCardAndDay, totalBudget } = rule.caps;
  const counters: (readonly [string, number, 'card' | 'budget'])[] = [];
  if (perCardAndDay !== undefined) {
    counters.push([cardDayCounter(rule.id, input.accountId, input.businessDate), perCardAndDay, 'card']);
  }
  if (totalBudget !== undefined) counters.push([budgetCounter(rule.id), totalBudget, 'budget']);
  return counters;
}

interface InForce {
  readonly standing: readonly Rule[];
  /** Those of them that look at a counter. */
  readonly counted: readonly Rule[];
  readonly superseded: readonly Rule[];
}

/** By list: who prices many spends under the same list has it put in order once. A list is never changed. */
const IN_FORCE = new WeakMap<readonly Rule[], InForce>();

/** The rules in the order in which they are tried; of several versions of one id only the latest stands. */
function inForce(rules: readonly Rule[]): InForce {
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
  const standing = sorted.filter((rule) => rule.version === latest.get(rule.id));
  return {
    standing,
    counted: standing.filter(
      ({ caps }) => caps.perCardAndDay !== undefined || caps.totalBudget !== undefined,
    ),
    superseded: sorted.filter((rule) => rule.version !== latest.get(rule.id)),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
