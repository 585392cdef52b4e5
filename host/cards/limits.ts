/**
 * How much may be on a card, and how it may be paid for. The law's figures stand in programme/law.ts;
 * the programme's settings may be stricter. Every limit is on the balance after the load.
 */
import { type Fen, isBusinessDate, PosError, sumFen, yuan } from '../../protocol/index.ts';
import { LEGAL_FIGURES, legalSettings } from '../programme/law.ts';
import type { Programme, SalePoint } from '../programme/model.ts';
import type { Guard } from '../store/port.ts';

/** How a load is paid for. Credit cards may not buy prepaid value, so there is no such method. */
export interface Payment {
  readonly method: 'cash' | 'transfer';
  readonly payer: 'person' | 'entity';
  /** The buyer's identity was seen and kept (name, document number, contact). */
  readonly identified: boolean;
}

export interface LoadFacts {
  readonly registered: boolean;
  /** All that is on the account before: both purses, lots past their expiry, what holds keep. */
  readonly balance: Fen;
  readonly principal: Fen;
  readonly bonus: Fen;
  readonly payment: Payment;
}

/** The most that may be on one card account: the programme's setting, never more than the law's figure. */
export function maxBalance(programme: Programme, registered: boolean): Fen {
  const name = registered ? 'maxBalanceRegistered' : 'maxBalanceAnonymous';
  // The document was checked when it came in; the law holds even if that was got around.
  return Math.min(programme[name], LEGAL_FIGURES[name][programme.regime]) as Fen;
}

/**
 * Refuses a load above the balance limit, a registered card or a large purchase by an unidentified
 * buyer, and cash from the threshold on.
 *
 * @throws LIMIT_EXCEEDED naming the limit in yuan; AMOUNT_BAD a load of nothing
 */
export function checkLoad(programme: Programme, facts: LoadFacts): void {
  const { registered, balance, principal, bonus, payment } = facts;
  const law = legalSettings(programme);
  const limit = maxBalance(programme, registered);
  const after = sumFen([balance, principal, bonus]);
  const kind = registered ? 'a registered card' : 'a bearer card';
  if (principal + bonus === 0) throw new PosError('AMOUNT_BAD', 'a load of nothing');
  if (after > limit)
    throw above(`${kind} may hold ${yuan(limit)} yuan; after this load it would hold ${yuan(after)}`);
  if (!payment.identified && (registered || principal >= law.identityFrom)) {
    throw above(
      `the buyer must be identified for ${kind}, or from ${yuan(law.identityFrom as Fen)} yuan at once`,
    );
  }
  const cashMax = (payment.payer === 'entity' ? law.cashMaxEntity : law.cashMaxPerson) as Fen;
  if (payment.method === 'cash' && principal >= cashMax) {
    throw above(
      `from ${yuan(cashMax)} yuan on, ${payment.payer === 'entity' ? 'an entity' : 'a person'} pays by transfer, not in cash`,
    );
  }
}

/** Sums what a sale point owes; its remittances give back. */
export function unremittedCounter(salePointId: string): string {
  return `unremitted|${salePointId}`;
}

/** Holds when the sale point's un-remitted money stays within its limit, and adds the load to it. */
export function unremittedGuard(salePoint: SalePoint, principal: Fen): Guard {
  return {
    kind: 'counter',
    counter: unremittedCounter(salePoint.id),
    add: principal,
    max: salePoint.unremittedMax,
  };
}

/** The refusal that a conflict on `unremittedGuard` means: deciding again would not help. */
export function unremittedRefusal(salePoint: SalePoint): PosError {
  return above(`sale point ${salePoint.id} may owe ${yuan(salePoint.unremittedMax)} yuan before it remits`);
}

/**
 * The last day on which a lot of a bearer card may be spent: so many months after the load, clamped to
 * the month's end. A registered card's money never expires.
 */
export function lotExpiry(programme: Programme, registered: boolean, loadedOn: string): string | null {
  return registered ? null : addMonths(loadedOn, legalSettings(programme).anonymousValidityMonths);
}

/**
 * A bearer card must be good for the legal time from its issue.
 *
 * @param expiry YYMM, good until the last day of that month
 * @throws LIMIT_EXCEEDED
 */
export function checkValidity(
  programme: Programme,
  registered: boolean,
  expiry: string,
  issuedOn: string,
): void {
  const months = registered ? 0 : legalSettings(programme).anonymousValidityMonths;
  const atLeast = addMonths(issuedOn, months).slice(2, 6);
  if (expiry < atLeast) throw above(`its expiry must be ${atLeast} (YYMM) or later`);
}

/** @throws DATE_BAD */
export function addMonths(yyyymmdd: string, months: number): string {
  if (!isBusinessDate(yyyymmdd)) throw new PosError('DATE_BAD', 'a date is YYYYMMDD');
  const count = Number(yyyymmdd.slice(0, 4)) * 12 + Number(yyyymmdd.slice(4, 6)) - 1 + months;
  const yearMonth = `${String(Math.floor(count / 12)).padStart(4, '0')}${String((count % 12) + 1).padStart(2, '0')}`;
  for (let day = Number(yyyymmdd.slice(6, 8)); day > 28; day -= 1) {
    if (isBusinessDate(`${yearMonth}${day}`)) return `${yearMonth}${day}`;
  }
  return `${yearMonth}${String(Math.min(28, Number(yyyymmdd.slice(6, 8)))).padStart(2, '0')}`;
}

function above(detail: string): PosError {
  return new PosError('LIMIT_EXCEEDED', detail);
}
