/**
 * Which lots a spend takes its money from, and what a priced spend is worth to each party.
 * Normative: the money design page, "Books" and "Sale". Pure.
 */
import type { Fen } from '../../protocol/index.ts';
import { ensure, fen, minusFen, PosError, shareHalfUp } from '../../protocol/index.ts';
import type { Contract } from '../programme/model.ts';
import type { Priced } from '../rules/model.ts';
import { pointsFor } from '../rules/price.ts';
import type { LotRow } from '../store/rows.ts';
import type { LotPart, Rates, SaleMoney } from './model.ts';

export type SpendOrder = 'bonus-first' | 'principal-first';

/**
 * The parts of an account's lots that pay `paid`: the first purse by the setting, in it the soonest
 * expiry first (no expiry last), then the oldest load, then the lot's id. A lot is spent up to and
 * including its expiry date; an expired lot is not spent (its money stays the holder's).
 *
 * @returns undefined when the lots that may be spent hold less than `paid`
 */
export function takeFromLots(
  lots: readonly LotRow[],
  paid: Fen,
  order: SpendOrder,
  businessDate: string,
): readonly LotPart[] | undefined {
  const inOrder = lots.filter((lot) => isOpen(lot, businessDate));
  if (inOrder.length > 1) inOrder.sort((a, b) => compareLots(a, b, order));
  const parts: LotPart[] = [];
  let missing: number = paid;
  for (const lot of inOrder) {
    if (missing === 0) break;
    const amount = fen(Math.min(missing, lot.remaining));
    parts.push({ amount, lotId: lot.lotId, purse: lot.purse });
    missing -= amount;
  }
  return missing === 0 ? parts : undefined;
}

/** What may be spent on a business date, by purse. Expired lots are not in it. */
export function available(
  lots: readonly LotRow[],
  businessDate: string,
): { readonly total: Fen; readonly principal: Fen; readonly bonus: Fen } {
  let principal = fen(0);
  let bonus = fen(0);
  for (const lot of lots) {
    if (!isOpen(lot, businessDate)) continue;
    if (lot.purse === 'bonus') bonus = fen(bonus + lot.remaining);
    else principal = fen(principal + lot.remaining);
  }
  return { total: fen(principal + bonus), principal, bonus };
}

/**
 * The lots after parts were given back (1) or taken (−1). All lots are returned, in their order; one
 * that no part names is the same object, so that `row !== before[i]` finds the changed ones.
 *
 * Throws INVARIANT for a part whose lot is not there, and AMOUNT_BAD when a lot would go below zero.
 */
export function applyToLots(
  lots: readonly LotRow[],
  parts: readonly LotPart[],
  sign: 1 | -1,
): readonly LotRow[] {
  for (const { lotId } of parts)
    if (!lots.some((lot) => lot.lotId === lotId))
      throw new PosError('INVARIANT', `lot ${lotId} was not read with its account`);
  return lots.map((lot) => {
    const delta = sign * amountOf(parts, lot.lotId);
    return delta === 0 ? lot : withRemaining(lot, fen(lot.remaining + delta));
  });
}

/** The row with another remainder, field by field: a spread takes many times longer, and every sale writes a lot. */
function withRemaining(lot: LotRow, remaining: Fen): LotRow {
  return {
    lotId: lot.lotId,
    accountId: lot.accountId,
    purse: lot.purse,
    salePointId: lot.salePointId,
    loadedOn: lot.loadedOn,
    expiresOn: lot.expiresOn,
    registered: lot.registered,
    loaded: lot.loaded,
    remaining,
  };
}

/** All that the parts name of one lot. */
function amountOf(parts: readonly LotPart[], lotId: string): number {
  let sum = 0;
  for (const part of parts) if (part.lotId === lotId) sum += part.amount;
  return sum;
}

/** Where a completion takes its money: what was held first, the excess from the free lots. */
export interface CompletionParts {
  /** All that pays the completion, by lot: goes into its `SaleMoney.lots`. */
  readonly lots: readonly LotPart[];
  readonly fromHold: readonly LotPart[];
  readonly fromFree: readonly LotPart[];
  /** The rest of the hold, which goes back to its lots. */
  readonly backToLots: readonly LotPart[];
}

/**
 * Splits what a completion pays over the held parts, in the order in which they were held, and then
 * over the free lots.
 *
 * @param free the account's lots as they rest, without what is held
 * @returns undefined when hold and free lots together hold less than `paid` (answer 51)
 */
export function takeForCompletion(
  held: readonly LotPart[],
  free: readonly LotRow[],
  paid: Fen,
  order: SpendOrder,
  businessDate: string,
): CompletionParts | undefined {
  const fromHold: LotPart[] = [];
  const backToLots: LotPart[] = [];
  let missing: number = paid;
  for (const part of held) {
    const amount = fen(Math.min(missing, part.amount));
    missing -= amount;
    if (amount > 0) fromHold.push({ ...part, amount });
    if (amount < part.amount) backToLots.push({ ...part, amount: minusFen(part.amount, amount) });
  }
  const fromFree = takeFromLots(free, fen(missing), order, businessDate);
  if (fromFree === undefined) return undefined;
  return { lots: mergeParts([...fromHold, ...fromFree]), fromHold, fromFree, backToLots };
}

/** The parts with one part a lot, in the order of their first mention, without zeros. */
export function mergeParts(parts: readonly LotPart[]): readonly LotPart[] {
  const merged: LotPart[] = [];
  // Few are the lots of one spend: to compare them costs less than to hash them.
  for (const part of parts) {
    const at = merged.findIndex((earlier) => earlier.lotId === part.lotId);
    const before = at < 0 ? undefined : merged[at];
    if (before === undefined) merged.push(part);
    else merged[at] = { ...before, amount: fen(before.amount + part.amount) };
  }
  return merged.filter(isSome);
}

const isSome = (part: LotPart) => part.amount > 0;

/**
 * What a priced spend is worth to each party, at the contract's rates, and the rates to keep with it.
 *
 * Payable is half-up of base × settlement rate, commission the rest of base; the agent's share is of
 * what was paid; points count principal only (bonus money earns none).
 *
 * @example 128.00 with 12.80 issuer-funded at 80 %: payable 102.40, commission 25.60
 */
export function priceMoney(
  priced: Priced,
  lots: readonly LotPart[],
  contract: Contract,
): { readonly money: SaleMoney; readonly rates: Rates } {
  const base = minusFen(priced.gross, priced.discountMerchant);
  const payable = shareHalfUp(base, contract.settlementBp);
  let principal = fen(0);
  for (const part of lots) if (part.purse === 'principal') principal = fen(principal + part.amount);
  // In the order in which the journal writes it: nothing has to be sorted then.
  const money: SaleMoney = {
    agent: shareHalfUp(priced.paid, contract.agentBp),
    base,
    commission: minusFen(base, payable),
    discountIssuer: priced.discountIssuer,
    discountMerchant: priced.discountMerchant,
    gross: priced.gross,
    lots: mergeParts(lots),
    paid: priced.paid,
    payable,
    points: pointsFor(principal, priced.pointsRate),
    rebate: priced.rebate,
  };
  ensureWhole(money);
  const rates: Rates = {
    agentBp: contract.agentBp,
    contractId: contract.id,
    contractVersion: contract.version,
    rebateBp: priced.rebateBp,
    ruleIds: priced.ruleIds,
    settlementBp: contract.settlementBp,
  };
  return { money, rates };
}

/** Throws INVARIANT unless the sums of a `SaleMoney` hold. */
export function ensureWhole(money: SaleMoney): void {
  const { gross, discountIssuer, discountMerchant, paid, base, payable, commission, lots } = money;
  ensure(discountIssuer + discountMerchant + paid === gross, 'discounts and paid do not sum to gross');
  ensure(base === gross - discountMerchant, 'base is not gross less the merchant-funded discount');
  ensure(payable + commission === base, 'payable and commission do not sum to base');
  ensure(lots.reduce((sum, part) => sum + part.amount, 0) === paid, 'the lots do not sum to paid');
}

function isOpen(lot: LotRow, businessDate: string): boolean {
  return lot.remaining > 0 && (lot.expiresOn === null || lot.expiresOn >= businessDate);
}

function compareLots(a: LotRow, b: LotRow, order: SpendOrder): number {
  if (a.purse !== b.purse) {
    const bonusFirst = order === 'bonus-first' ? -1 : 1;
    return a.purse === 'bonus' ? bonusFirst : -bonusFirst;
  }
  return (
    compareText(a.expiresOn ?? '99999999', b.expiresOn ?? '99999999') ||
    compareText(a.loadedOn, b.loadedOn) ||
    compareText(a.lotId, b.lotId)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
