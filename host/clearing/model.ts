/** What a clearing run works with. Normative: the money design page, "Clearing and settlement". */
import type { FenDelta } from '../../protocol/index.ts';
import type { Rates } from '../ledger/model.ts';
import type { FileRow } from '../store/rows.ts';

/** The kinds of rows in a merchant's statement. */
export type MovementType =
  | 'sale'
  | 'completion'
  | 'void'
  | 'completionVoid'
  | 'refund'
  | 'reversal'
  | 'adjustment';

/**
 * One row of a merchant's statement: one entry of the books that moved what we owe the merchant.
 *
 * Amounts are signed as the merchant sees them: a sale is positive, what cancels one is negative, and the
 * reversal of a void is positive again. net = gross − discountMerchant − fee, on every row; an adjustment's
 * gross is its net.
 */
export interface Movement {
  readonly entryId: string;
  readonly type: MovementType;
  /** The catalogue's name of the transaction that caused it; `adjustment` when none did. */
  readonly kind: string;
  readonly merchantId: string;
  readonly branchId: string;
  readonly terminalId: string;
  readonly batch: number;
  readonly trace: string;
  readonly rrn: string;
  readonly auth: string;
  readonly panMasked: string;
  readonly entryMode: string;
  readonly transactionId: string;
  readonly ut: string;
  readonly businessDate: string;
  /** UTC milliseconds. */
  readonly at: number;
  readonly gross: FenDelta;
  readonly discountIssuer: FenDelta;
  readonly discountMerchant: FenDelta;
  /** What the card paid or got back. */
  readonly paid: FenDelta;
  /** Our commission (商户返点). */
  readonly fee: FenDelta;
  /** The change of the merchant payable. */
  readonly net: FenDelta;
  /** Accrued to the holder (客户返点); the operator bears it, it is no part of the net. */
  readonly rebate: FenDelta;
  readonly rates: Rates | null;
  /** What it cancels or refunds, when it does. */
  readonly original: MovementOriginal | null;
}
export interface MovementOriginal {
  readonly transactionId: string;
  readonly businessDate: string;
  readonly trace: string;
  readonly kind: string;
  readonly at: number;
  readonly gross: FenDelta;
}

/** A merchant's day. Every figure is the sum of rounded rows, never rounded again. */
export interface MerchantTotals {
  readonly rows: number;
  readonly salesCount: number;
  /** Sales and completions. */
  readonly sales: FenDelta;
  readonly cancelledCount: number;
  /** Voids and reversals: negative; the reversal of a void counts back. */
  readonly cancelled: FenDelta;
  readonly refundCount: number;
  /** Negative. */
  readonly refunds: FenDelta;
  readonly adjustmentCount: number;
  readonly adjustments: FenDelta;
  /** sales + cancelled + refunds + adjustments: the sum of the statement's amount column. */
  readonly gross: FenDelta;
  readonly discountIssuer: FenDelta;
  readonly discountMerchant: FenDelta;
  readonly paid: FenDelta;
  readonly fee: FenDelta;
  readonly rebate: FenDelta;
  /** gross − discountMerchant − fee: what the books owe the merchant more, or less, by this day. */
  readonly net: FenDelta;
}

/** A merchant's priced day, with the names that its files show: a later change of a name changes no file. */
export interface MerchantDay {
  readonly merchantId: string;
  readonly nameZh: string;
  readonly mcc: string;
  readonly companyId: string;
  readonly branches: Readonly<Record<string, string>>;
  readonly totals: MerchantTotals;
}

/** What the step `price` leaves behind: all that the files need beside the entries, which never change. */
export interface PricedDay {
  readonly businessDate: string;
  readonly sequence: number;
  readonly acquirerId: string;
  readonly programmeZh: string;
  readonly merchants: readonly MerchantDay[];
}

export interface Check {
  readonly nameZh: string;
  readonly nameEn: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface ClearingResult {
  readonly runId: string;
  readonly businessDate: string;
  readonly sequence: number;
  /** The steps in order; `repeated` is false when an earlier, interrupted run had finished it. */
  readonly steps: readonly { readonly step: string; readonly done: 'now' | 'before' }[];
  readonly merchants: readonly MerchantDay[];
  readonly files: readonly FileRow[];
  readonly proof: readonly Check[];
  readonly openBatches: number;
  readonly overdueBatches: number;
  /** Reversals that terminals owe still, whatever day they are of. */
  readonly owedReversals: number;
  readonly differences: number;
  /** Pre-authorisations that were released because their days are over. */
  readonly lapsedHolds: number;
  /** Holder rebates accrued on the day. */
  readonly rebate: FenDelta;
  readonly net: FenDelta;
}
