/**
 * Shares taken in parts: refunds, completions, the undoing of a rest. Normative: the money design
 * page, "Money".
 *
 * A share of a part is the half-up share of the cumulative total, minus what was taken before; its
 * sibling is the difference. So the shares after any parts depend on their sum alone: every order of
 * parts ends exact. No component is ever negative, because a half-up share with a ratio of at most
 * one grows by no more than what it is a share of.
 */
import type { Fen } from '../../protocol/index.ts';
import { ensure, fen, minusFen, PosError, proportionHalfUp, sumFen } from '../../protocol/index.ts';
import type { LotPart, SaleMoney } from './model.ts';
import { mergeParts } from './spend.ts';

const ZERO = fen(0);

/** No money at all: what was taken before the first part. */
export const ZERO_MONEY: SaleMoney = {
  gross: ZERO,
  discountIssuer: ZERO,
  discountMerchant: ZERO,
  paid: ZERO,
  base: ZERO,
  payable: ZERO,
  commission: ZERO,
  rebate: ZERO,
  agent: ZERO,
  points: 0,
  lots: [],
};

/**
 * Takes the next part of a spend.
 *
 * @param whole the spend as it was priced
 * @param taken all parts before, added up, as the last call returned it; null for none
 * @param gross the part's gross amount, above zero or zero
 * @returns the part, and all parts with it, added up
 *
 * Throws AMOUNT_BAD when the parts would exceed the whole.
 */
export function takePart(
  whole: SaleMoney,
  taken: SaleMoney | null,
  gross: Fen,
): { readonly part: SaleMoney; readonly taken: SaleMoney } {
  const before = taken ?? ZERO_MONEY;
  if (before.gross + gross > whole.gross) {
    throw new PosError(
      'AMOUNT_BAD',
      `a part of ${gross} fen after ${before.gross} exceeds the whole of ${whole.gross}`,
    );
  }
  const after = cumulative(whole, fen(before.gross + gross));
  return { part: difference(after, before), taken: after };
}

/** All that belongs to the first `gross` fen of a spend, whichever parts they were taken in. */
function cumulative(whole: SaleMoney, gross: Fen): SaleMoney {
  const paid = share(whole.paid, gross, whole.gross);
  const discount = minusFen(gross, paid);
  const wholeDiscount = minusFen(whole.gross, whole.paid);
  const discountMerchant = share(whole.discountMerchant, discount, wholeDiscount);
  const base = minusFen(gross, discountMerchant);
  const payable = share(whole.payable, base, whole.base);
  const lots = lotShares(whole, paid);
  // Points count principal; a spend of bonus alone has none, unless its plan gave some for all that was paid.
  const wholePrincipal = purseSum(whole.lots, 'principal');
  const [earning, wholeEarning] =
    wholePrincipal === 0 ? [paid, whole.paid] : [purseSum(lots, 'principal'), wholePrincipal];
  return {
    gross,
    discountIssuer: minusFen(discount, discountMerchant),
    discountMerchant,
    paid,
    base,
    payable,
    commission: minusFen(base, payable),
    rebate: share(whole.rebate, paid, whole.paid),
    agent: share(whole.agent, paid, whole.paid),
    points: share(fen(whole.points), earning, wholeEarning),
    lots,
  };
}

/** Bonus is a share of paid and principal the rest; in a purse, each lot is a share of what the lots before it left. */
function lotShares(whole: SaleMoney, paid: Fen): readonly LotPart[] {
  const lots = mergeParts(whole.lots);
  const bonus = share(purseSum(lots, 'bonus'), paid, whole.paid);
  const ofPurse = { bonus, principal: minusFen(paid, bonus) };
  return (['bonus', 'principal'] as const).flatMap((purse) =>
    cascade(
      lots.filter((part) => part.purse === purse),
      ofPurse[purse],
    ),
  );
}

function cascade(lots: readonly LotPart[], amount: Fen): readonly LotPart[] {
  const parts: LotPart[] = [];
  let left = amount;
  let wholeLeft = sumFen(lots.map((part) => part.amount));
  for (const lot of lots) {
    const taken = share(lot.amount, left, wholeLeft);
    if (taken > 0) parts.push({ ...lot, amount: taken });
    left = minusFen(left, taken);
    wholeLeft = minusFen(wholeLeft, lot.amount);
  }
  ensure(left === 0, 'lots do not take up what was paid');
  return parts;
}

/** total × part ÷ whole half up; the share of nothing is nothing. */
function share(total: Fen, part: Fen, whole: Fen): Fen {
  return whole === 0 ? ZERO : proportionHalfUp(total, part, whole);
}

function purseSum(lots: readonly LotPart[], purse: LotPart['purse']): Fen {
  return sumFen(lots.filter((part) => part.purse === purse).map((part) => part.amount));
}

function difference(after: SaleMoney, before: SaleMoney): SaleMoney {
  const beforeByLot = new Map(before.lots.map((part) => [part.lotId, part.amount]));
  const lots = after.lots.map((part) => ({
    ...part,
    amount: minusFen(part.amount, beforeByLot.get(part.lotId) ?? ZERO),
  }));
  for (const part of before.lots) {
    ensure(
      after.lots.some((later) => later.lotId === part.lotId),
      `lot ${part.lotId} was taken before and is not in the whole`,
    );
  }
  return {
    gross: minusFen(after.gross, before.gross),
    discountIssuer: minusFen(after.discountIssuer, before.discountIssuer),
    discountMerchant: minusFen(after.discountMerchant, before.discountMerchant),
    paid: minusFen(after.paid, before.paid),
    base: minusFen(after.base, before.base),
    payable: minusFen(after.payable, before.payable),
    commission: minusFen(after.commission, before.commission),
    rebate: minusFen(after.rebate, before.rebate),
    agent: minusFen(after.agent, before.agent),
    points: minusFen(fen(after.points), fen(before.points)),
    lots: lots.filter((part) => part.amount > 0),
  };
}
