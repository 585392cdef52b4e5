/**
 * One builder for each event that moves money, in the order of the design page's table "Books". Each
 * returns one entry that balances in fen and in points, or throws BOOKS_UNBALANCED; none changes its
 * arguments. Accruals (rebate, agent's share, points) ride in the entry of the spend that earns them.
 */
import { ensure, type Fen, fen } from '../../protocol/index.ts';
import {
  AGENT_EXPENSE,
  agentPayable,
  BONUS_EXPENSE,
  COMMISSION_INCOME,
  CUSTODY,
  DISCOUNT_EXPENSE,
  holderReceivable,
  holdsAccount,
  IN_TRANSIT,
  merchantPayable,
  OPERATOR_FUNDS,
  POINTS_EXPENSE,
  POINTS_LIABILITY,
  purseAccount,
  REBATE_EXPENSE,
  REBATE_PAYABLE,
  SUSPENSE_SHORTAGE,
  SUSPENSE_SURPLUS,
  salePointReceivable,
} from './accounts.ts';
import type { GiveBack } from './give-back.ts';
import type { Entry, LotPart, Posting, SaleMoney } from './model.ts';
import { credit, debit, entryOf, mirrored, type Stamp } from './postings.ts';
import { type CompletionParts, ensureWhole } from './spend.ts';

export { type Stamp, unbalanced } from './postings.ts';

/** Whose money moves. */
export interface Parties {
  readonly accountId: string;
  readonly merchantId: string;
  /** The sale point that sold the card: its agent's share accrues. */
  readonly salePointId: string;
}

/** Card sold or loaded: the sale point owes the principal, the operator gives the bonus. */
export function loadEntry(
  stamp: Stamp,
  load: {
    readonly accountId: string;
    readonly salePointId: string;
    readonly principal: Fen;
    readonly principalLotId: string;
    readonly bonus: Fen;
    readonly bonusLotId: string | null;
  },
): Entry {
  ensure(load.bonus === 0 || load.bonusLotId !== null, 'a bonus needs a lot of its own');
  return entryOf(stamp, 'load', [
    debit(salePointReceivable(load.salePointId), load.principal),
    debit(BONUS_EXPENSE, load.bonus),
    credit(purseAccount('principal', load.accountId), load.principal, load.principalLotId),
    credit(purseAccount('bonus', load.accountId), load.bonus, load.bonusLotId),
  ]);
}

/** A sale point sent its takings; they are on their way to the custody bank. */
export function remittanceSentEntry(stamp: Stamp, salePointId: string, amount: Fen): Entry {
  return entryOf(stamp, 'remittance-sent', [
    debit(IN_TRANSIT, amount),
    credit(salePointReceivable(salePointId), amount),
  ]);
}

export function remittanceArrivedEntry(stamp: Stamp, amount: Fen): Entry {
  return entryOf(stamp, 'remittance-arrived', [debit(CUSTODY, amount), credit(IN_TRANSIT, amount)]);
}

/** A sale: purses pay, the issuer adds its discount, the merchant is owed, the rest is commission. */
export function saleEntry(
  stamp: Stamp,
  sale: { readonly parties: Parties; readonly money: SaleMoney },
): Entry {
  const { parties, money } = sale;
  ensureWhole(money);
  const postings = debitLots(parties.accountId, money.lots);
  for (const posting of earned(parties, money)) postings.push(posting);
  return entryOf(stamp, 'sale', postings);
}

/**
 * The exact mirror of an entry: a void or reversal of a spend that nothing has happened to since.
 *
 * - A part was refunded, the rebate was paid, it is a completion, or the spend stands again after a
 *   reversed void: use `refundEntry` with the event (for an untouched sale it makes the same postings).
 * - The mirror would take money from a holder, as the reversal of a void does: use `standAgain`.
 *
 * Throws INVARIANT for an entry that made a holder's debt: the debt may be covered by now.
 */
export function mirrorEntry(original: Entry, event: 'void' | 'reversal', stamp: Stamp): Entry {
  const owes = original.postings.some(({ account }) => account.startsWith('receivable:holder:'));
  ensure(!owes, `entry ${original.entryId} made a debt and has no mirror`);
  return entryOf({ ...stamp, corrects: original.entryId }, event, mirrored(original.postings));
}

/**
 * A part of a spend goes back, at the original's rates: what `takePart` gave, as `giveBack` decided.
 *
 * @param refund.event 'refund' unless the part is the rest that a late reversal undoes, or the whole
 *   that a void undoes after its rebate was paid
 */
export function refundEntry(
  stamp: Stamp,
  refund: {
    readonly parties: Parties;
    readonly part: SaleMoney;
    readonly back: GiveBack;
    readonly event?: 'refund' | 'void' | 'reversal';
  },
): Entry {
  const { parties, part, back } = refund;
  ensureWhole(part);
  const paidRebate = fen(part.rebate - back.rebateUnpaid);
  return entryOf(stamp, refund.event ?? 'refund', [
    ...mirrored(earned(parties, part)),
    ...creditLots(parties.accountId, back.given),
    ...debitLots(parties.accountId, back.rebateFromLot),
    // The accrual's mirror above strikes all of the rebate from what is owed; what was paid is not owed.
    credit(REBATE_PAYABLE, paidRebate),
  ]);
}

/** A pre-authorisation: purses → holds, lot by lot. Nothing is earned yet. */
export function holdEntry(
  stamp: Stamp,
  hold: { readonly accountId: string; readonly lots: readonly LotPart[] },
): Entry {
  return entryOf(stamp, 'hold', [
    ...debitLots(hold.accountId, hold.lots),
    ...hold.lots.map((part) => credit(holdsAccount(hold.accountId), part.amount, part.lotId)),
  ]);
}

/** A completion: the hold pays as a sale, what it lacks comes from free lots, what is left of it goes back. */
export function completionEntry(
  stamp: Stamp,
  completion: { readonly parties: Parties; readonly money: SaleMoney; readonly parts: CompletionParts },
): Entry {
  const { parties, money, parts } = completion;
  ensureWhole(money);
  return entryOf(stamp, 'completion', [
    ...debitHolds(parties.accountId, [...parts.fromHold, ...parts.backToLots]),
    ...debitLots(parties.accountId, parts.fromFree),
    ...creditLots(parties.accountId, parts.backToLots),
    ...earned(parties, money),
  ]);
}

/** A hold lapses or is voided: holds → purses. */
export function releaseEntry(
  stamp: Stamp,
  release: {
    readonly accountId: string;
    readonly lots: readonly LotPart[];
    readonly event?: 'hold-released' | 'void' | 'reversal';
  },
): Entry {
  return entryOf(stamp, release.event ?? 'hold-released', [
    ...debitHolds(release.accountId, release.lots),
    ...creditLots(release.accountId, release.lots),
  ]);
}

/** Rebate paid to the card: into one bonus lot of its own, see `rebateLotId`. */
export function rebatePaidEntry(
  stamp: Stamp,
  paid: { readonly accountId: string; readonly amount: Fen; readonly lotId: string },
): Entry {
  return entryOf(stamp, 'rebate-paid', [
    debit(REBATE_PAYABLE, paid.amount),
    credit(purseAccount('bonus', paid.accountId), paid.amount, paid.lotId),
  ]);
}

/** The payment file went to the bank. */
export function payoutSentEntry(stamp: Stamp, merchantId: string, amount: Fen): Entry {
  return entryOf(stamp, 'payout-sent', [
    debit(merchantPayable(merchantId), amount),
    credit(IN_TRANSIT, amount),
  ]);
}

export function payoutPaidEntry(stamp: Stamp, amount: Fen): Entry {
  return entryOf(stamp, 'payout-paid', [debit(IN_TRANSIT, amount), credit(CUSTODY, amount)]);
}

export function payoutRejectedEntry(stamp: Stamp, merchantId: string, amount: Fen): Entry {
  return entryOf(stamp, 'payout-rejected', [
    debit(IN_TRANSIT, amount),
    credit(merchantPayable(merchantId), amount),
  ]);
}

/** Principal covers what a holder owes after `standAgain`: see `coverDebt`. */
export function debtCoveredEntry(
  stamp: Stamp,
  cover: { readonly accountId: string; readonly lots: readonly LotPart[] },
): Entry {
  const amount = cover.lots.reduce((sum, part) => sum + part.amount, 0);
  return entryOf(stamp, 'debt-covered', [
    ...debitLots(cover.accountId, cover.lots),
    credit(holderReceivable(cover.accountId), amount),
  ]);
}

/** The operator pays its own money into custody, or takes it out; approved. */
export function operatorFundsEntry(
  stamp: Stamp,
  funds: { readonly direction: 'in' | 'out'; readonly amount: Fen },
): Entry {
  const [to, from] = funds.direction === 'in' ? [CUSTODY, OPERATOR_FUNDS] : [OPERATOR_FUNDS, CUSTODY];
  return entryOf(stamp, 'operator-funds', [debit(to, funds.amount), credit(from, funds.amount)]);
}

/**
 * A difference found. Surplus 长款: the counter account holds more than the books said. Shortage 短款:
 * it holds less. It stays in suspense until an approved adjustment, which is a new entry.
 */
export function differenceEntry(
  stamp: Stamp,
  found: { readonly kind: 'surplus' | 'shortage'; readonly counterAccount: string; readonly amount: Fen },
): Entry {
  const [to, from] =
    found.kind === 'surplus'
      ? [found.counterAccount, SUSPENSE_SURPLUS]
      : [SUSPENSE_SHORTAGE, found.counterAccount];
  return entryOf(stamp, 'difference', [debit(to, found.amount), credit(from, found.amount)]);
}

/** An approved correction: free postings that must balance, naming the entry they correct. */
export function adjustmentEntry(
  stamp: Stamp & { readonly corrects: string },
  postings: readonly Posting[],
): Entry {
  return entryOf(stamp, 'adjustment', postings);
}

/** What everyone but the holder's purses gets from a spend, with its accruals. */
function earned(parties: Parties, money: SaleMoney): readonly Posting[] {
  return [
    debit(DISCOUNT_EXPENSE, money.discountIssuer),
    credit(merchantPayable(parties.merchantId), money.payable),
    credit(COMMISSION_INCOME, money.commission),
    debit(REBATE_EXPENSE, money.rebate),
    credit(REBATE_PAYABLE, money.rebate),
    debit(AGENT_EXPENSE, money.agent),
    credit(agentPayable(parties.salePointId), money.agent),
    debit(POINTS_EXPENSE, money.points, null, 'points'),
    credit(POINTS_LIABILITY, money.points, null, 'points'),
  ];
}

function debitLots(accountId: string, lots: readonly LotPart[]): Posting[] {
  return lots.map((part) => debit(purseAccount(part.purse, accountId), part.amount, part.lotId));
}
function creditLots(accountId: string, lots: readonly LotPart[]): readonly Posting[] {
  return lots.map((part) => credit(purseAccount(part.purse, accountId), part.amount, part.lotId));
}
function debitHolds(accountId: string, lots: readonly LotPart[]): readonly Posting[] {
  return lots.map((part) => debit(holdsAccount(accountId), part.amount, part.lotId));
}
