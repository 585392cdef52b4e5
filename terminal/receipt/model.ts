/** What a slip is (lines for a printer) and what it is made from (facts that the journal holds). */
import type { Fen, FenDelta, SideTotals, TransactionKind } from '../../protocol/index.ts';

/** Columns of the paper at normal size; a Chinese character takes two. */
export const SLIP_COLUMNS = 32;

export interface Slip {
  readonly lines: readonly SlipLine[];
  readonly cut: boolean;
}
/** `text` has at most 32 columns, at double size 16. */
export interface SlipLine {
  readonly text: string;
  readonly align?: 'left' | 'center';
  readonly size?: 'normal' | 'double';
  readonly bold?: boolean;
}

export type SlipCopy = 'merchant' | 'bank' | 'cardholder';

/** The shop's side of every slip. */
export interface SlipShop {
  readonly merchantName: string;
  /** DE42, fifteen characters. */
  readonly merchantId: string;
  /** DE41, eight characters. */
  readonly terminalId: string;
  /** Two digits. */
  readonly operator: string;
  /** Who issued the card and who runs the host, as printed: 尊卡 ZUNKA. */
  readonly issuer: string;
  readonly acquirer: string;
  /** Test or training: the slip says that it is worth nothing. */
  readonly test: boolean;
}

/** How the card came in: S swiped, M keyed, I chip, C contactless, F chip card swiped. */
export type EntryLetter = 'S' | 'M' | 'I' | 'C' | 'F';

/**
 * An approved transaction, as the journal holds it. Amounts are never negative here: the layout puts
 * the sign from the kind (void, refund and their like give money back). A null line is not printed.
 */
export interface SlipData {
  readonly shop: SlipShop;
  readonly kind: TransactionKind;
  /** First six, last four digits; null when there is no card (fate query). */
  readonly panMasked: string | null;
  readonly entry: EntryLetter;
  /** YYMM. */
  readonly expiry: string | null;
  readonly batch: number;
  /** DE11: the voucher number. */
  readonly trace: string;
  /** DE38. */
  readonly auth: string | null;
  /** DE37. */
  readonly rrn: string;
  /** UTC+8, YYYY-MM-DD hh:mm:ss, from DE12 and DE13 of the answer. */
  readonly stamp: string;
  /** DE4, gross. Null for a balance query. */
  readonly gross: Fen | null;
  /** DE57 DA: given by a sale, taken back by a void or refund. */
  readonly discount: Fen | null;
  /** DE57 PA: what the card paid, or got back. */
  readonly paid: Fen | null;
  /** Available balance after this transaction: the first amount of DE54. */
  readonly balance: FenDelta | null;
  /** DE54 0290 and 0291. */
  readonly principal?: FenDelta | null;
  readonly bonus?: FenDelta | null;
  /** DE57 RA. */
  readonly rebate: Fen | null;
  /** Part of the rebate that had been spent and was kept from the refund. */
  readonly rebateWithheld?: Fen | null;
  /** DE57 PT, PU; the balance from DE54 6510. */
  readonly pointsEarned: number | null;
  readonly pointsUsed: number | null;
  readonly pointsBalance: number | null;
  /** The transaction that this one undoes or completes. */
  readonly original: {
    readonly trace?: string;
    readonly rrn?: string;
    /** MMDD. */
    readonly date?: string;
    readonly auth?: string;
  } | null;
  /** DE63.2, or DE57 TX where the host sent it: in order, printed as they are. */
  readonly hostLines: readonly string[];
  /** True when the PIN was checked: the signature line may then be left out by a setting. */
  readonly pinChecked?: boolean;
  /** DE57 UT: printed small at the foot, so that a slip can be found in any journal. */
  readonly terminalTransactionId?: string | null;
}

/** One row of the settlement slip: SALE 12 1,234.00. */
export interface SettlementRow {
  readonly kind: TransactionKind;
  readonly count: number;
  readonly amount: Fen;
}

/** A transaction on the detail or failure list. */
export interface SettlementItem {
  readonly kind: TransactionKind;
  readonly trace: string;
  readonly panMasked: string;
  readonly amount: Fen;
  /** Why it is on the failure list; absent on the detail list. */
  readonly reason?: string;
}

export interface SettlementSlipData {
  readonly shop: SlipShop;
  readonly batch: number;
  readonly stamp: string;
  /** DE48 result of the 0510: 1 balanced, 2 unbalanced, 3 error. */
  readonly ownResult: 1 | 2 | 3;
  readonly foreignResult: 1 | 2 | 3;
  readonly own: SideTotals;
  readonly foreign: SideTotals;
  /** The host's figures (DE57 HT), where it sent them. */
  readonly host: { readonly own: SideTotals; readonly foreign: SideTotals } | null;
  readonly rows: readonly SettlementRow[];
  readonly details: readonly SettlementItem[];
  /** Reversals that a supervisor set aside, uploads the host refused. */
  readonly failed: readonly SettlementItem[];
}

/** 冲正失败: the operator must know and decide; nothing was forgotten. */
export interface ReversalFailureSlipData {
  readonly shop: SlipShop;
  /** Of the transaction that should be undone. */
  readonly kind: TransactionKind;
  readonly panMasked: string | null;
  readonly batch: number;
  readonly trace: string;
  readonly amount: Fen;
  /** UTC+8: when it was sent, and when its tries were used up. */
  readonly since: string;
  readonly stamp: string;
  readonly tries: number;
  /** What the last try met: 主机无应答 HOST SILENT, or a response code with its text. */
  readonly reason: string;
}
