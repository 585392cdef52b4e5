/** The till's requests and their answers as plain data: what the journal keeps, and what a till reads. */
import type { SlipCopy } from '../receipt/model.ts';
import type { TillCode } from './codes.ts';
import type { KeptOp, TillOp } from './ops.ts';
import type { TillState } from './till-states.ts';

/** Who prints the slip: our printer, the till (it gets the lines), or nobody. */
export type TillPrint = 'terminal' | 'till' | 'none';

/** A transaction as the till may see it: the card is masked, amounts are fen. Null where nobody said. */
export interface TillTransaction {
  /** First six and last four digits. */
  readonly card: string | null;
  readonly batch: number;
  /** DE11, six digits. */
  readonly voucher: string;
  /** DE37 and DE38. */
  readonly rrn: string | null;
  readonly auth: string | null;
  /** MMDD and hhmmss of the host. */
  readonly hostDate: string | null;
  readonly hostTime: string | null;
  /** What was asked for, and what was approved; they differ at a partial approval (code 10). */
  readonly requestedFen: number;
  readonly approvedFen: number | null;
  /** As on the slip: gross = discount + paid. */
  readonly discountFen: number | null;
  readonly paidFen: number | null;
  readonly rebateFen: number | null;
  readonly pointsEarned: number | null;
  /** Available on the card afterwards. */
  readonly balanceFen: number | null;
  /** DE57 UT: names the transaction at the host and in every journal. */
  readonly ut: string;
}

export interface TillWarning {
  readonly code: TillCode;
  readonly zh: string;
  readonly en: string;
}

/** Text for the till to print, 32 columns, a Chinese character takes two. */
export interface TillSlip {
  readonly copy: SlipCopy;
  readonly lines: readonly string[];
}

/** Every answer has all members, in this order: a final one is the same text each time. */
export interface TillAnswer {
  readonly v: 1;
  readonly op: TillOp | null;
  readonly requestId: string | null;
  readonly tillId: string | null;
  readonly orderNo: string | null;
  readonly state: TillState;
  /** Nothing of this answer will ever change. */
  readonly final: boolean;
  /** DE39, a failure code of the terminal, a code of ours, or OK; RUNNING while it runs. */
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  /** The same may succeed when asked again, under a new requestId where this one was accepted. */
  readonly retryable: boolean;
  readonly transaction: TillTransaction | null;
  /** Of operations without a transaction: totals, devices, batch. */
  readonly facts: Readonly<Record<string, string | number | boolean | null>> | null;
  readonly warnings: readonly TillWarning[];
  readonly slips: readonly TillSlip[];
  /** UTC. */
  readonly acceptedAt: string | null;
  readonly finishedAt: string | null;
  /** With BUSY: the request that is running; null when it is a command at the terminal. */
  readonly active: string | null;
  /** With a refused abort or ack: where the request is. */
  readonly requestState: TillState | null;
}

/** One accepted request in the journal. No card number, PIN or track is in it. */
export interface TillRequestRecord {
  readonly requestId: string;
  readonly tillId: string;
  /** The till's own name for the person; the terminal's operator stands in the transaction. */
  readonly cashier: string;
  readonly op: KeptOp;
  readonly amountFen: number | null;
  readonly orderNo: string | null;
  readonly print: TillPrint;
  /** SHA-256 of the request in canonical JSON: what "the same body" means. */
  readonly bodyHash: string;
  readonly acceptedAt: string;
  /** Its transaction, from the record before the first send. */
  readonly ut: string | null;
  /** The batch that a settle closed. */
  readonly closedBatch: number | null;
  /** Final; null until then. */
  readonly answer: TillAnswer | null;
  readonly acknowledgedAt: string | null;
}

/** The journal's records of the till. `transaction sent` names the requestId too. */
export type TillEvent =
  | {
      readonly type: 'till request accepted';
      readonly request: TillRequestRecord;
      /** Acknowledged requests whose time is over. */
      readonly forgets: readonly string[];
    }
  | { readonly type: 'till request finished'; readonly requestId: string; readonly answer: TillAnswer }
  | { readonly type: 'till request acknowledged'; readonly requestId: string; readonly at: string };
