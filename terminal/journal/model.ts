/** What the journal remembers: plain data, folded from its records, written whole at each new batch. */
import type { Fen, SideTotals, TransactionKind } from '../../protocol/index.ts';
import type { TillEvent, TillRequestRecord } from '../ecr/model.ts';
import type { ReversalFailureSlipData, SettlementSlipData, SlipCopy, SlipData } from '../receipt/model.ts';
import type { Move, TransactionState } from '../transaction-states.ts';

/** References to the transaction that is undone, refunded or completed. */
export interface OriginalReference {
  /** Its `UT`, when it is one of this terminal's. */
  readonly ut: string | null;
  readonly batch: number;
  /** Six digits; zeros where they are unknown. */
  readonly trace: string;
  /** MMDD, its DE13; null where the transaction needs none. */
  readonly date: string | null;
  /** DE37. */
  readonly rrn: string | null;
  /** DE38. */
  readonly auth: string | null;
}

/** What an answer under a right MAC said, as far as it is needed again. */
export interface AnswerFacts {
  readonly code: string;
  readonly rrn: string | null;
  readonly auth: string | null;
  /** MMDD and hhmmss as the host wrote them. */
  readonly date: string | null;
  readonly time: string | null;
  /** What was approved: DE4 of the answer (with 39 = 10 less than was asked). */
  readonly amount: Fen;
}

/** The debt to the host while a reversal is open. */
export interface ReversalDebt {
  /** DE39 of the 0400: 98 no answer, A0 the answer's MAC, 06 other. */
  readonly reason: string;
  /** Tries in this round; a new round starts when an operator says try again. */
  readonly tries: number;
  /** What the last try met: a response code, or 'silent'. */
  readonly lastCode: string | null;
  /** The supervisor who set it aside. */
  readonly setAsideBy: string | null;
}

export interface TransactionRecord {
  /** DE57 `UT`: a ULID, made and stored before the first send. */
  readonly ut: string;
  readonly kind: TransactionKind;
  readonly state: TransactionState;
  readonly batch: number;
  /** DE11, six digits. */
  readonly trace: string;
  /** DE4 of the request; 0 where the transaction has none. */
  readonly amount: Fen;
  readonly operator: string;
  /** Who allowed it, where a supervisor must. */
  readonly supervisor: string | null;
  readonly panMasked: string | null;
  /** Card number and expiry, sealed by the PIN pad; null as soon as nothing needs it any more. */
  readonly sealedCard: string | null;
  readonly entry: 'S' | 'M';
  readonly expiry: string | null;
  readonly pinChecked: boolean;
  /** The request without card, PIN and MAC: what a repeat or a reversal is built from. */
  readonly request: { readonly mti: string; readonly fields: Readonly<Record<string, string>> };
  readonly original: OriginalReference | null;
  /** UTC. */
  readonly at: string;
  readonly answer: AnswerFacts | null;
  readonly reversal: ReversalDebt | null;
  readonly repeats: number;
  /** The supervisor who said of an old repeat that it is still owed, and when (UTC). */
  readonly confirmed?: { readonly by: string; readonly at: string };
}

/** elsewhere: a till prints it, or nobody wants it; when it is printed here after all, it bears the mark. */
export type SlipCopyState = 'spooled' | 'printing' | 'stopped' | 'printed' | 'elsewhere';

export type AnySlip =
  | { readonly form: 'transaction'; readonly data: SlipData }
  | { readonly form: 'settlement'; readonly data: SettlementSlipData }
  | { readonly form: 'reversal failure'; readonly data: ReversalFailureSlipData };

/** A slip and how far each of its copies is. Exactly one print of a copy is without the reprint mark. */
export interface SlipRecord {
  readonly id: string;
  readonly slip: AnySlip;
  readonly copies: readonly { readonly copy: SlipCopy; readonly state: SlipCopyState }[];
}

/** How far a settlement is; it is resumed there after a restart. */
export type SettlementPhase = 'totals' | 'upload' | 'end' | 'close';

export interface UploadEntry {
  readonly ut: string;
  readonly trace: string;
  readonly amount: Fen;
}

export interface Settlement {
  readonly phase: SettlementPhase;
  /** DE11 of the 0500. */
  readonly trace: string;
  readonly operator: string;
  readonly own: SideTotals;
  readonly items: readonly UploadEntry[];
  readonly ownResult: 1 | 2 | 3 | null;
  readonly foreignResult: 1 | 2 | 3 | null;
  readonly host: { readonly own: SideTotals; readonly foreign: SideTotals } | null;
  readonly stamp: string | null;
  /** Items that the host has taken. */
  readonly taken: number;
  /** DE11 of the 0320 that is under way, so that its repeat carries the same. */
  readonly uploadTrace: string | null;
}

export type OperatorRole = 'system' | 'supervisor' | 'cashier';

export interface OperatorRecord {
  /** Two digits: 99 system, 00 supervisor, 01–98 cashiers. */
  readonly id: string;
  readonly role: OperatorRole;
  /** scrypt, hex. */
  readonly salt: string;
  readonly hash: string;
  readonly wrongTries: number;
  /** UTC milliseconds until which no password is accepted; 0 when it is not locked. */
  readonly lockedUntil: number;
}

export interface TerminalState {
  readonly terminalId: string;
  readonly merchantId: string;
  readonly batch: number;
  /** The next DE11, six digits. */
  readonly nextTrace: string;
  readonly signedIn: boolean;
  /** The code that forces a sign-in before the next transaction; null when none does. */
  readonly signInDue: string | null;
  /** Both sides showed `V1` at the last sign-in: DE57 may be sent. */
  readonly peerSpeaksDe57: boolean;
  readonly operator: string | null;
  readonly operators: Readonly<Record<string, OperatorRecord>>;
  /** Of this batch, and open ones of earlier batches. */
  readonly transactions: readonly TransactionRecord[];
  readonly slips: readonly SlipRecord[];
  readonly settlement: Settlement | null;
  /** The batch is closed, and the next segment not yet begun. */
  readonly segmentDone: boolean;
  /** What tills asked for, in the order of acceptance; each until it is acknowledged, and two days more. */
  readonly tillRequests: readonly TillRequestRecord[];
}

/** The records of the journal. A record is written before the act that it names. */
export type JournalEvent =
  | {
      readonly type: 'segment opened';
      readonly cause: string;
      readonly headBefore: string;
      readonly state: TerminalState;
    }
  | { readonly type: 'operator set'; readonly operator: OperatorRecord; readonly by: string }
  | { readonly type: 'operator removed'; readonly id: string; readonly by: string }
  | { readonly type: 'password wrong'; readonly id: string; readonly lockedUntil: number }
  | { readonly type: 'logged on'; readonly id: string }
  | { readonly type: 'logged off' }
  | { readonly type: 'trace taken'; readonly kind: TransactionKind; readonly trace: string }
  | { readonly type: 'signed in'; readonly peerSpeaksDe57: boolean }
  | { readonly type: 'sign-in due'; readonly code: string }
  | { readonly type: 'signed off' }
  | { readonly type: 'batch adopted'; readonly batch: number }
  | TillEvent
  | {
      readonly type: 'transaction sent';
      readonly transaction: TransactionRecord;
      /** The till's request that it is for; absent when a clerk typed it. */
      readonly requestId?: string;
    }
  | {
      readonly type: 'transaction moved';
      readonly ut: string;
      readonly move: Move;
      readonly to: TransactionState;
      readonly answer?: AnswerFacts;
      readonly reason?: string;
      readonly by?: string;
      /** DE39 of the 0410 that closed a reversal, under a right MAC: the evidence. */
      readonly code?: string;
      readonly slip?: SlipRecord;
    }
  | { readonly type: 'reversal tried'; readonly ut: string; readonly code: string }
  | { readonly type: 'repeat tried'; readonly ut: string; readonly code: string }
  | { readonly type: 'repeat confirmed'; readonly ut: string; readonly by: string; readonly at: string }
  | { readonly type: 'slip moved'; readonly id: string; readonly copy: SlipCopy; readonly to: SlipCopyState }
  | { readonly type: 'settlement started'; readonly settlement: Settlement }
  | {
      readonly type: 'settlement answered';
      readonly ownResult: 1 | 2 | 3;
      readonly foreignResult: 1 | 2 | 3;
      readonly host: Settlement['host'];
      readonly stamp: string;
      readonly next: SettlementPhase;
    }
  | { readonly type: 'upload sent'; readonly trace: string }
  | { readonly type: 'upload taken'; readonly taken: number; readonly next: SettlementPhase }
  | { readonly type: 'settlement stopped'; readonly code: string }
  | { readonly type: 'batch closed'; readonly slip: SlipRecord };
