/**
 * What is due when a spend is undone after something that it gave has been used: a rebate that was
 * paid, or money that a void gave back and that is gone when the void is reversed. Normative: the
 * money design page, "Refund", and the dialect's page on reversal. Pure.
 */
import { ensure, type Fen, fen, minusFen, sumFen } from '../../protocol/index.ts';
import type { LotRow } from '../store/rows.ts';
import { holderReceivable } from './accounts.ts';
import type { Entry, LedgerEvent, LotPart, SaleMoney } from './model.ts';
import { debit, entryOf, mirrored, type Stamp } from './postings.ts';
import { applyToLots, mergeParts, type SpendOrder, takeFromLots } from './spend.ts';

/** How a part of a spend goes back to its holder. */
export interface GiveBack {
  /** Into the lots that paid. */
  readonly given: readonly LotPart[];
  /** The rebate of this part that is still owed: it is owed no longer. */
  readonly rebateUnpaid: Fen;
  /** The rebate of this part that was paid: taken back from the lot it was paid into … */
  readonly rebateFromLot: readonly LotPart[];
  /** … and, as far as that money is gone, kept from what the undoing gives. Shown on the slip. */
  readonly rebateKept: Fen;
}

/** The lot that a clearing run pays an account's rebates into. */
export function rebateLotId(runId: string, accountId: string): string {
  return `rebate-${runId}-${accountId}`;
}

/**
 * How a part goes back.
 *
 * A rebate that was never paid is struck from what is owed. One that was paid is taken from the lot it
 * was paid into, as far as that still holds it; what is gone is kept from the money that goes back,
 * bonus part first.
 *
 * @param part what `takePart` gave
 * @param paidRebate null while the original's rebate is unpaid (`rebateRun` null); else the open lot it
 *   was paid into (see `rebateLotId`), or 'gone' when that lot holds nothing more or is not known
 */
export function giveBack(part: SaleMoney, paidRebate: LotRow | 'gone' | null): GiveBack {
  if (paidRebate === null) {
    return { given: part.lots, rebateUnpaid: part.rebate, rebateFromLot: [], rebateKept: fen(0) };
  }
  const still = paidRebate === 'gone' ? fen(0) : paidRebate.remaining;
  const fromLot = fen(Math.min(still, part.rebate));
  const kept = minusFen(part.rebate, fromLot);
  const given: LotPart[] = [];
  let toKeep: number = kept;
  for (const lot of bonusFirst(part.lots)) {
    const amount = Math.min(toKeep, lot.amount);
    toKeep -= amount;
    if (amount < lot.amount) given.push({ ...lot, amount: fen(lot.amount - amount) });
  }
  ensure(toKeep === 0, 'a paid rebate exceeds the money that goes back');
  const rebateFromLot =
    paidRebate === 'gone' || fromLot === 0
      ? []
      : [{ lotId: paidRebate.lotId, purse: paidRebate.purse, amount: fromLot }];
  return { given, rebateUnpaid: fen(0), rebateFromLot, rebateKept: kept };
}

/** The lots after a `GiveBack`: what is given comes in, the rebate goes out. */
export function lotsAfterGiveBack(lots: readonly LotRow[], back: GiveBack): readonly LotRow[] {
  return applyToLots(applyToLots(lots, back.given, 1), back.rebateFromLot, -1);
}

/** A spend that stands again because its undoing was reversed. */
export interface StandsAgain {
  readonly entry: Entry;
  /** The account's lots afterwards; the debt's lot is appended when there is a debt. */
  readonly lots: readonly LotRow[];
  /** The spend's money with the lots that pay it now: store it with the spend, `taken` null. */
  readonly money: SaleMoney;
  /** What the account no longer held: now holder receivable. Spending is frozen until it is covered. */
  readonly owed: Fen;
}

/**
 * The mirror of an undoing (a void, a completion's void): the spend stands again.
 *
 * Money is taken from the lots that had got it back, then from the account's other lots in spending
 * order. What is not there becomes holder receivable. That debt is due in money, so the part of the
 * spend that it pays belongs to a principal lot of its own, `debtLotId`: a later refund goes there.
 *
 * @param undoing the entry that gave the money back
 * @param money the spend's money before it was undone
 * @param lots all open lots of the account and every lot that `undoing` names
 */
export function standAgain(
  stamp: Stamp,
  event: LedgerEvent,
  undoing: Entry,
  money: SaleMoney,
  account: {
    readonly accountId: string;
    readonly lots: readonly LotRow[];
    readonly order: SpendOrder;
    readonly debtLotId: string;
  },
): StandsAgain {
  const { given, taken } = purseMovements(undoing);
  const withRebate = applyToLots(account.lots, taken, 1);
  const own = asFarAsThere(given, withRebate);
  let lots = applyToLots(withRebate, own, -1);
  const missing = fen(total(given) - total(own));
  const rest = fen(Math.min(missing, spendable(lots, stamp.businessDate)));
  const others = takeFromLots(lots, rest, account.order, stamp.businessDate) ?? [];
  lots = applyToLots(lots, others, -1);
  const owed = minusFen(missing, rest);
  const debt = owed === 0 ? [] : [{ lotId: account.debtLotId, purse: 'principal' as const, amount: owed }];

  const entry = entryOf({ ...stamp, corrects: stamp.corrects ?? undoing.entryId }, event, [
    ...mirrored(undoing.postings.filter((posting) => !isPurse(posting.account) || posting.amount > 0)),
    ...[...own, ...others].map((part) =>
      debit(`purse:${part.purse}:${account.accountId}`, part.amount, part.lotId),
    ),
    debit(holderReceivable(account.accountId), owed),
  ]);
  return {
    entry,
    lots: owed === 0 ? lots : [...lots, debtLot(account, stamp.businessDate, lots)],
    money: { ...money, lots: replaced(money.lots, given, [...own, ...others, ...debt]) },
    owed,
  };
}

/**
 * The principal that covers an open debt, as far as it goes. Bonus money covers none: a debt is due in
 * money, and what covers it may later be refunded as principal.
 */
export function coverDebt(lots: readonly LotRow[], owed: Fen, businessDate: string): readonly LotPart[] {
  const principal = lots.filter((lot) => lot.purse === 'principal');
  const amount = fen(Math.min(owed, spendable(principal, businessDate)));
  return takeFromLots(principal, amount, 'principal-first', businessDate) ?? [];
}

function purseMovements(entry: Entry): { given: readonly LotPart[]; taken: readonly LotPart[] } {
  const given: LotPart[] = [];
  const taken: LotPart[] = [];
  for (const { account, lot, amount } of entry.postings) {
    if (!isPurse(account) || lot === null) continue;
    const purse = account.startsWith('purse:bonus:') ? 'bonus' : 'principal';
    (amount < 0 ? given : taken).push({ lotId: lot, purse, amount: fen(Math.abs(amount)) });
  }
  return { given, taken };
}

function asFarAsThere(parts: readonly LotPart[], lots: readonly LotRow[]): readonly LotPart[] {
  const remaining = new Map(lots.map((lot) => [lot.lotId, lot.remaining]));
  return parts
    .map((part) => ({ ...part, amount: fen(Math.min(part.amount, remaining.get(part.lotId) ?? 0)) }))
    .filter((part) => part.amount > 0);
}

/** The lots of a spend, less those that had been given back, with those that pay it now. */
function replaced(
  lots: readonly LotPart[],
  given: readonly LotPart[],
  now: readonly LotPart[],
): readonly LotPart[] {
  const back = new Map(given.map((part) => [part.lotId, part.amount]));
  const kept = mergeParts(lots).map((part) => ({
    ...part,
    amount: minusFen(part.amount, back.get(part.lotId) ?? fen(0)),
  }));
  return mergeParts([...kept.filter((part) => part.amount > 0), ...now]);
}

function debtLot(
  account: { readonly accountId: string; readonly lots: readonly LotRow[]; readonly debtLotId: string },
  businessDate: string,
  lots: readonly LotRow[],
): LotRow {
  return {
    lotId: account.debtLotId,
    accountId: account.accountId,
    purse: 'principal',
    salePointId: lots[0]?.salePointId ?? 'none',
    loadedOn: businessDate,
    expiresOn: null,
    registered: lots.every((lot) => lot.registered),
    loaded: fen(0),
    remaining: fen(0),
  };
}

function bonusFirst(parts: readonly LotPart[]): readonly LotPart[] {
  return [
    ...parts.filter((part) => part.purse === 'bonus'),
    ...parts.filter((part) => part.purse !== 'bonus'),
  ];
}

function isPurse(account: string): boolean {
  return account.startsWith('purse:');
}

function total(parts: readonly LotPart[]): Fen {
  return sumFen(parts.map((part) => part.amount));
}

function spendable(lots: readonly LotRow[], businessDate: string): Fen {
  return sumFen(
    lots.filter((lot) => lot.expiresOn === null || lot.expiresOn >= businessDate).map((lot) => lot.remaining),
  );
}
