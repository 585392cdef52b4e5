/**
 * What the books are made of. Normative: the money design page, "Books".
 *
 * A posting's amount is signed: debit positive, credit negative. An entry balances when its postings
 * sum to zero in each unit.
 */
import type { Fen, FenDelta } from '../../protocol/index.ts';

export type Unit = 'fen' | 'points';
export type Purse = 'principal' | 'bonus';

/** The events that may move money. One builder in `entries.ts` for each. */
export type LedgerEvent =
  | 'load'
  | 'remittance-sent'
  | 'remittance-arrived'
  | 'sale'
  | 'void'
  | 'reversal'
  | 'refund'
  | 'hold'
  | 'completion'
  | 'hold-released'
  | 'rebate-paid'
  | 'payout-sent'
  | 'payout-paid'
  | 'payout-rejected'
  | 'debt-covered'
  | 'operator-funds'
  | 'difference'
  | 'adjustment'
  /** What the entries of archived years came to, at their place: nothing moves by it. */
  | 'carried-forward';

/** Who or what made an entry: `id` is the transaction's, batch's, run's or approval's identifier. */
export interface Cause {
  readonly kind: 'transaction' | 'batch' | 'run' | 'approval' | 'provisioning';
  readonly id: string;
}

export interface Posting {
  /** A ledger account's name, see `accounts.ts`, for example `purse:principal:A0001`. */
  readonly account: string;
  /** The lot, for postings on purses and holds. */
  readonly lot: string | null;
  readonly unit: Unit;
  readonly amount: FenDelta;
}

/** One balanced movement. Never changed or deleted: a correction is a new entry that names the old. */
export interface Entry {
  readonly entryId: string;
  /** YYYYMMDD, stamped once, by the host. */
  readonly businessDate: string;
  readonly event: LedgerEvent;
  readonly cause: Cause;
  /** UTC, milliseconds. */
  readonly at: number;
  /** The entry that this one undoes or corrects. */
  readonly corrects: string | null;
  readonly branchId: string | null;
  readonly terminalId: string | null;
  readonly postings: readonly Posting[];
}

/** A piece of one lot that a spend took, a refund gave back or a hold keeps. */
export interface LotPart {
  readonly lotId: string;
  readonly purse: Purse;
  readonly amount: Fen;
}

/**
 * The money of one priced spend, or of a part of one (a refund, a completion).
 *
 * gross = discountIssuer + discountMerchant + paid; base = gross − discountMerchant;
 * payable + commission = base; the lots sum to paid.
 */
export interface SaleMoney {
  readonly gross: Fen;
  readonly discountIssuer: Fen;
  readonly discountMerchant: Fen;
  readonly paid: Fen;
  readonly base: Fen;
  readonly payable: Fen;
  readonly commission: Fen;
  /** Accrued to the holder (客户返点), paid later. */
  readonly rebate: Fen;
  /** Accrued to the agent who sold the card. */
  readonly agent: Fen;
  /** Award points earned: whole points, not fen. */
  readonly points: number;
  readonly lots: readonly LotPart[];
}

/** The rates that a spend was priced at, kept with it so that its refunds use the same. */
export interface Rates {
  readonly contractId: string;
  readonly contractVersion: number;
  readonly settlementBp: number;
  readonly rebateBp: number;
  readonly agentBp: number;
  readonly ruleIds: readonly string[];
}
