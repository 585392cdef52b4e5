/**
 * The programme's documents: who takes part, under which terms. Each is versioned; a change is a new
 * version with person and reason, and the old one stays. Cached by `directory.ts`, which owns the cache.
 */
import type { MacAlgorithm, Purpose } from '../../keys/index.ts';
import type { Fen } from '../../protocol/index.ts';
import type { Rule } from '../rules/model.ts';

export interface Programme {
  readonly id: string;
  readonly nameZh: string;
  readonly nameEn: string;
  readonly regime: 'single-purpose' | 'multi-purpose';
  /** Eight digits, sent as DE32 and inside DE44. */
  readonly acquirerId: string;
  /** Card number prefixes that are ours; others are answered 15. */
  readonly binPrefixes: readonly string[];
  readonly maxBalanceRegistered: Fen;
  readonly maxBalanceAnonymous: Fen;
  /** 0 when there is no limit beside the balance. */
  readonly maxPerTransaction: Fen;
  readonly spendOrder: 'bonus-first' | 'principal-first';
  readonly preAuthorisationDays: number;
  /** Completion may exceed the held gross up to this, 10000 to 11500. */
  readonly completionMaxBp: number;
  /** Position of the CVN's first digit in track 2's discretionary data. */
  readonly cvnOffset: number;
  /** Yuan of paid principal per award point. */
  readonly yuanPerPoint: number;
  /** Settings that the law bounds and the programme tightens; absent ones stand at the legal figure, see `law.ts`. */
  readonly legal?: Partial<Omit<LegalSettings, 'maxBalanceRegistered' | 'maxBalanceAnonymous'>>;
}

/** What the law bounds, by regime. Amounts in fen. */
export interface LegalSettings {
  readonly maxBalanceRegistered: number;
  readonly maxBalanceAnonymous: number;
  readonly anonymousValidityMonths: number;
  /** Buying anonymous cards for this much at once needs the buyer's identity. */
  readonly identityFrom: number;
  /** From this much on, no cash. */
  readonly cashMaxEntity: number;
  readonly cashMaxPerson: number;
  readonly retentionYears: number;
  readonly custodyRatioBp: number;
}

export interface Company {
  readonly id: string;
  readonly nameZh: string;
  readonly nameEn: string;
}
export interface SalePoint {
  readonly id: string;
  readonly nameZh: string;
  readonly nameEn: string;
  readonly companyId: string;
  readonly unremittedMax: Fen;
}
export interface Merchant {
  /** Fifteen characters, DE42. */
  readonly id: string;
  readonly nameZh: string;
  readonly nameEn: string;
  readonly companyId: string;
  readonly trade: string;
  /** Four digits, merchant category code. */
  readonly mcc: string;
  readonly state: 'active' | 'suspended' | 'closed';
  readonly contractId: string;
  readonly bankAccountMasked: string;
}
export interface Branch {
  readonly id: string;
  readonly merchantId: string;
  readonly nameZh: string;
  readonly nameEn: string;
}
export interface TerminalProfile {
  /** Eight characters, DE41. */
  readonly id: string;
  readonly merchantId: string;
  readonly branchId: string;
  readonly state: 'active' | 'suspended' | 'withdrawn';
  /** Name of the terminal master key in the vault. */
  readonly tmk: string;
  /** Sign-in key modes that this terminal may ask for. */
  readonly keyModes: readonly ('003' | '004' | '005')[];
  readonly macAlgorithm: MacAlgorithm;
  /** A MAK of 8 bytes in a 16-byte slot when true. */
  readonly singleLengthMak: boolean;
  readonly keyedEntryAllowed: boolean;
}
export interface Contract {
  readonly id: string;
  readonly version: number;
  readonly settlementBp: number;
  /** Holder rebate that this merchant's sales accrue, of what was paid, before rules. */
  readonly rebateBp: number;
  readonly agentBp: number;
  readonly payoutDays: number;
  readonly minimumPayout: Fen;
}
export interface Tier {
  readonly id: string;
  readonly nameZh: string;
  readonly nameEn: string;
  readonly rank: number;
  readonly pointsBp: number;
}

/** A certificate that our authority issued; written by its own calls (`../remote/`), never as a document. */
export interface CertificateDocument {
  /** Its serial number, 32 upper-case hex digits. */
  readonly id: string;
  /** The terminal that it names, by DE41; null: the authority or the host itself. */
  readonly terminalId: string | null;
  readonly purpose: Purpose;
  readonly state: 'valid' | 'revoked';
  /** DER in base64. */
  readonly certificate: string;
}

/** Document kinds and their bodies. */
export interface Documents {
  readonly programme: Programme;
  readonly company: Company;
  readonly salePoint: SalePoint;
  readonly merchant: Merchant;
  readonly branch: Branch;
  readonly terminal: TerminalProfile;
  readonly certificate: CertificateDocument;
  readonly contract: Contract;
  readonly tier: Tier;
  readonly rule: Rule;
}
export type DocumentKind = keyof Documents;
