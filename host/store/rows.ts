/**
 * What rests in the database: one interface a table. Money in fen, instants in UTC milliseconds,
 * business dates YYYYMMDD. Mutable rows carry `version`, starting at 1; a change writes version + 1
 * under a guard on the old one. All other tables only grow.
 */
import type { Fen } from '../../protocol/index.ts';
import type { Entry, Purse, Rates, SaleMoney } from '../ledger/model.ts';
import type { KeptTrace } from '../rules/trace.ts';

/** A terminal as the host knows it while it works; its profile is a document. */
export interface TerminalRow {
  readonly terminalId: string;
  readonly version: number;
  /** The open batch, 1 to 999999. */
  readonly batch: number;
  /** Sealed by the vault, never clear. Null until the first sign-in and after three MAC failures. */
  readonly keys: SealedWorkingKeys | null;
  /** The keys before the last sign-in: they serve until the first right MAC under the new ones, then 60 s more. */
  readonly previousKeys: SealedWorkingKeys | null;
  /** UTC ms after which previousKeys serve 0400 and repeats no more; null while the new ones are unproven. */
  readonly previousKeysUntil: number | null;
  /** MAC failures in a row. */
  readonly macFailures: number;
  /** True when the terminal's last 0800 carried DE57 `V1`. */
  readonly speaksDe57: boolean;
  /** Header digit 6 of the next answers: 0 none, 3 sign in, 9 settle. */
  readonly wanted: number;
}
export interface SealedWorkingKeys {
  readonly mode: '003' | '004' | '005';
  readonly pik: string;
  readonly mak: string;
  readonly tdk: string | null;
}

export interface BatchRow {
  readonly terminalId: string;
  readonly batch: number;
  readonly version: number;
  readonly merchantId: string;
  readonly state: 'open' | 'uploading' | 'closed';
  readonly openedAt: number;
  readonly closedAt: number | null;
  /** How it was closed: the balanced 0500, the upload's end, or an administrative act that names its cause. */
  readonly closedBy: 'settlement' | 'upload' | 'act' | null;
  readonly cause: string | null;
  /** The terminal's DE48 of 0500, 62 digits. */
  readonly terminalTotals: string | null;
  /** The host's totals at that moment, `HT`, 60 digits. */
  readonly hostTotals: string | null;
  /** The host's totals when it closed, 60 digits. Others than `hostTotals` when something came, or was reversed, during the upload. */
  readonly closingTotals: string | null;
  readonly result: 1 | 2 | 3 | null;
}

export interface UploadRow {
  readonly terminalId: string;
  readonly batch: number;
  readonly trace: string;
  /** The uploaded number's keyed hash; the clear number is not kept. */
  readonly panHash: string;
  readonly panMasked: string;
  readonly amount: Fen;
  readonly cardClass: '00' | '01';
  readonly at: number;
}

/** A named difference between what a terminal, a file and the books say. */
export interface DifferenceRow {
  readonly differenceId: string;
  readonly businessDate: string;
  readonly kind:
    | 'surplus'
    | 'shortage'
    | 'amount'
    | 'status'
    | 'duplicate'
    | 'totals'
    | 'overdue-batch'
    | 'owed-reversal';
  readonly terminalId: string | null;
  readonly batch: number | null;
  readonly trace: string | null;
  readonly transactionId: string | null;
  readonly theirs: Fen | null;
  readonly ours: Fen | null;
  readonly causeZh: string;
  readonly causeEn: string;
  readonly at: number;
}

/**
 * A reversal that a terminal told us it owes (DE57 `OW`), from its first telling on. What the books say of
 * its original is not kept here: it is looked up at each reading, so that it is never stale.
 */
export interface OwedReversalRow {
  readonly terminalId: string;
  readonly batch: number;
  readonly trace: string;
  /** The original's own id, as the terminal knows it. */
  readonly ut: string;
  readonly version: number;
  readonly merchantId: string;
  /** DE4 of the original, as the terminal tells it. */
  readonly amount: Fen;
  readonly state: 'open' | 'closed';
  /** False while it was only told in messages that carry no MAC: anybody may have sent them. */
  readonly proven: boolean;
  readonly firstToldDate: string;
  readonly firstToldAt: number;
  /** The last business date on which it was told, and the instant of the first telling on it. */
  readonly lastToldDate: string;
  readonly lastToldAt: number;
  /** What closed it first; evidence may still come after two people. */
  readonly closedBy: 'evidence' | 'people' | null;
  readonly closedAt: number | null;
  readonly evidence: OwedEvidence | null;
  /** Waits for a second person while the row is open and this is not null; kept once it was approved. */
  readonly proposal: OwedProposal | null;
  readonly approval: OwedApproval | null;
  /** UTC ms of the first telling after two people closed it: the terminal still holds it. */
  readonly toldAfterClosing: number | null;
}
/** The 0400 that the host answered 00, 12 or 25. */
export interface OwedEvidence {
  readonly code: string;
  /** DE37 of its 0410. */
  readonly rrn: string;
  readonly at: number;
}
/** What the books hold of the original: stands, declined, undone (reversed, voided, released), never came. */
export type OwedOutcome = 'stands' | 'declined' | 'undone' | 'never came';
export interface OwedProposal {
  readonly person: string;
  readonly role: string;
  readonly reason: string;
  /** What the person looked at: the slip, the journal of the terminal, the holder's word. */
  readonly seen: string;
  /** What the books held then: the approval must find the same. */
  readonly outcome: OwedOutcome;
  readonly transactionId: string | null;
  readonly at: number;
}
export interface OwedApproval {
  readonly person: string;
  readonly role: string;
  readonly reason: string;
  readonly at: number;
}

/** An identity (DE41, 42, 60.2, 11, MTI, DE3) and the answer that is remembered for it. */
export interface IdentityRow {
  /** See `identityKey` in host/acquiring. */
  readonly key: string;
  /** SHA-256 of account, amount, DE25, 60.1: equal for a true repeat. */
  readonly fingerprint: string;
  readonly ut: string | null;
  readonly transactionId: string | null;
  /** Null for an identity burnt by a reversal or fate query that came first. */
  readonly answer: RememberedAnswer | null;
  readonly at: number;
}
/** What is needed to answer again: the fields without MAC, and the DE57 items without HH. */
export interface RememberedAnswer {
  readonly fields: Readonly<Record<string, string>>;
  readonly items: readonly (readonly [string, string])[];
}

export type TransactionState = 'approved' | 'declined' | 'reversed' | 'voided' | 'completed' | 'released';

export interface TransactionRow {
  /** A ULID, made by the host. */
  readonly transactionId: string;
  readonly version: number;
  /** The terminal's own id (DE57 `UT`). */
  readonly ut: string | null;
  readonly identity: string;
  /** The catalogue's name, see protocol/transactions.ts. */
  readonly kind: string;
  readonly state: TransactionState;
  readonly responseCode: string;
  readonly terminalId: string;
  readonly merchantId: string;
  readonly branchId: string;
  readonly batch: number;
  readonly trace: string;
  /** DE37, twelve characters, never used twice. Empty when declined before a number was given. */
  readonly rrn: string;
  /** DE38. */
  readonly auth: string | null;
  readonly accountId: string | null;
  readonly cardId: string | null;
  readonly panMasked: string;
  /** DE4, gross. */
  readonly amount: Fen;
  readonly businessDate: string;
  /** DE13 and DE12 as answered, UTC+8. */
  readonly localDate: string;
  readonly localTime: string;
  readonly entryMode: string;
  /** The transaction that this one voids, refunds, completes. */
  readonly originalId: string | null;
  readonly money: SaleMoney | null;
  readonly rates: Rates | null;
  /** All refunds and completions so far, added up. */
  readonly taken: SaleMoney | null;
  readonly entryId: string | null;
  /** The clearing run that paid this transaction's rebate. */
  readonly rebateRun: string | null;
  /**
   * What befell it when its batch was closed already: a repeated refund may come then, a late reversal may
   * undo it then. Null: neither. A record, because no clock tells what was first: clocks are set back.
   */
  readonly afterClose: 'came' | 'reversed' | null;
  /** Which rules were tried, and why each did or did not apply; empty where nothing was priced. */
  readonly trace57: KeptTrace;
  /** The operator (DE63.1) where the terminal sent one. */
  readonly operator: string | null;
  readonly at: number;
}

export interface CardRow {
  readonly cardId: string;
  readonly version: number;
  /** Keyed hash (HMAC) of the number: the look-up key. */
  readonly panHash: string;
  /** AES-256-GCM, bound to cardId. */
  readonly panSealed: string;
  /** First six and last four digits. */
  readonly panMasked: string;
  readonly accountId: string;
  readonly state:
    | 'stock'
    | 'inactive'
    | 'active'
    | 'frozen'
    | 'lost'
    | 'expired'
    | 'replaced'
    | 'redeemed'
    | 'destroyed';
  /** YYMM. */
  readonly expiry: string;
  readonly serviceCode: string;
  /** IBM 3624 offset (six digits) or PVV; null when the card has no PIN. */
  readonly pin: { readonly method: 'ibm3624' | 'pvv'; readonly value: string; readonly pvki: string } | null;
  readonly pinTries: number;
  /** First business date on which the card works. */
  readonly activeFrom: string;
}

export interface AccountRow {
  readonly accountId: string;
  readonly version: number;
  /** Changed by acts only: a debt freezes by itself, see `owed`. */
  readonly state: 'active' | 'frozen' | 'closed';
  /** What its holder owes after a reversed void: equals the fold of `receivable:holder`. Spending is frozen above zero. */
  readonly owed: Fen;
  readonly tier: string;
  readonly registered: boolean;
  readonly productId: string;
  readonly salePointId: string;
}

/** A load. `remaining` must equal the fold of the postings that name the lot. Guarded by its account's version. */
export interface LotRow {
  readonly lotId: string;
  readonly accountId: string;
  readonly purse: Purse;
  readonly salePointId: string;
  readonly loadedOn: string;
  readonly expiresOn: string | null;
  readonly registered: boolean;
  readonly loaded: Fen;
  readonly remaining: Fen;
}

export interface DayRow {
  readonly businessDate: string;
  readonly version: number;
  readonly state: 'open' | 'closed';
  readonly openedAt: number;
  readonly closedAt: number | null;
}

export interface DocumentRow {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly body: unknown;
  readonly person: string;
  readonly reason: string;
  readonly at: number;
}

/** A finished step of a clearing run. */
export interface StepRow {
  readonly runId: string;
  readonly step: string;
  readonly output: unknown;
  readonly at: number;
}
export interface FileRow {
  readonly name: string;
  readonly runId: string;
  readonly kind: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly at: number;
}

/**
 * The salt of a subject's commitments in the journal. It rests here, outside the journal, so that it can
 * be destroyed: a row with a null salt says that it was, and when.
 */
export interface SaltRow {
  /** What the commitments are about, for example `account:A0001`. */
  readonly subject: string;
  readonly version: number;
  /** 32 bytes as 64 hex digits; null once destroyed. */
  readonly salt: string | null;
  readonly at: number;
}

/** One sealed record of the audit journal, as it rests. */
export interface JournalRow {
  readonly stream: string;
  /** 1, 2, 3 … without gaps. */
  readonly sequence: number;
  /** The canonical bytes, UTF-8 JSON. */
  readonly body: string;
  /** RFC 6962 leaf hash, 64 hex. */
  readonly leaf: string;
  /** Chain head after this record, 64 hex. */
  readonly head: string;
}

/** Every table with its row. */
export interface Tables {
  readonly terminals: TerminalRow;
  readonly batches: BatchRow;
  readonly uploads: UploadRow;
  readonly differences: DifferenceRow;
  readonly identities: IdentityRow;
  readonly transactions: TransactionRow;
  readonly cards: CardRow;
  readonly accounts: AccountRow;
  readonly lots: LotRow;
  readonly entries: Entry;
  readonly days: DayRow;
  readonly documents: DocumentRow;
  readonly steps: StepRow;
  readonly files: FileRow;
  readonly salts: SaltRow;
  readonly owedReversals: OwedReversalRow;
}
export type TableName = keyof Tables;
