/**
 * One request being judged: what it says, what the host knows, and what has been found out so far.
 * The checks and flows read from it and write into its `writes`.
 */
import { type Fen, localTimeOf, type TransactionKind } from '../../protocol/index.ts';
import type { HostDeps } from '../deps.ts';
import { rebateLotId } from '../ledger/give-back.ts';
import type { Branch, Merchant, TerminalProfile } from '../programme/model.ts';
import type {
  AccountRow,
  CardRow,
  IdentityRow,
  LotRow,
  SealedWorkingKeys,
  TerminalRow,
  TransactionRow,
} from '../store/rows.ts';
import { WriteSet } from './effects/write-set.ts';
import { judgeMac, type MacResult } from './facts/message-keys.ts';
import { findOriginal } from './facts/originals.ts';
import { judgePin, type PinResult } from './facts/pin.ts';
import { type Presented, type PresentedCard, presentedCard } from './facts/presented-card.ts';
import { type Spend, spendOf } from './facts/spend.ts';
import { fingerprint } from './identity.ts';
import type { Request } from './request.ts';
import { NotRead, type View } from './view.ts';

export class Judgement {
  readonly deps: HostDeps;
  readonly request: Request;
  readonly view: View;
  /** UTC milliseconds, read once. */
  readonly now: number;
  readonly writes = new WriteSet();
  readonly profile: TerminalProfile | undefined;
  readonly merchant: Merchant | undefined;
  /** As it will be after this decision. */
  terminal: TerminalRow | undefined;
  /** What is remembered under this identity. */
  readonly known: IdentityRow | undefined;
  /** Whether this host has a flow for this kind. */
  readonly isServed: boolean;
  /** The working keys whose MAC was right: the answer's MAC is made with them. */
  keys: SealedWorkingKeys | null = null;
  /** Of the transaction that was concluded; null while none was. */
  transactionId: string | null = null;

  // What is computed once. It must not depend on what is written meanwhile.
  readonly #shown: Presented;
  #mac: MacResult | null = null;
  #presented: Presented | null = null;
  #fingerprint: string | null = null;
  #pin: PinResult | null = null;
  // Undefined is a result of these three, null of the last.
  #cardRow: CardRow | undefined | null = null;
  #original: TransactionRow | undefined | null = null;
  #account: AccountRow | undefined | null = null;
  #spend: Spend | null | undefined = undefined;

  constructor(parts: {
    readonly deps: HostDeps;
    readonly request: Request;
    readonly view: View;
    /** What the frame shows of a card before any key is known. */
    readonly shown: Presented;
    readonly isServed: boolean;
  }) {
    const { deps, request, view } = parts;
    this.deps = deps;
    this.request = request;
    this.view = view;
    this.#shown = parts.shown;
    this.isServed = parts.isServed;
    this.now = deps.clock.now();
    this.profile = deps.directory.terminal(request.terminalId);
    this.merchant = deps.directory.merchant(request.merchantId);
    this.terminal = view.terminal(request.terminalId);
    this.known = view.identity(request.identity);
  }

  get kind(): TransactionKind | undefined {
    return this.request.spec?.kind;
  }
  get businessDate(): string {
    return this.view.day.businessDate;
  }
  /** MMDD and hhmmss at UTC+8, as DE13 and DE12 say them. */
  get localTime(): { readonly date: string; readonly time: string } {
    return localTimeOf(this.now);
  }
  get branch(): Branch | undefined {
    return this.profile === undefined ? undefined : this.deps.directory.branch(this.profile.branchId);
  }

  get mac(): MacResult {
    this.#mac ??= judgeMac(this);
    return this.#mac;
  }

  get presented(): Presented {
    if (this.#shown.kind !== 'sealed') return this.#shown;
    this.#presented ??= presentedCard(this.deps, this.request, this.mac.right ? this.mac.keys : null);
    return this.#presented;
  }
  get card(): PresentedCard | null {
    return this.presented.kind === 'card' ? this.presented.card : null;
  }
  get cardRow(): CardRow | undefined {
    if (this.#cardRow === null) {
      const { card } = this;
      this.#cardRow = card === null ? undefined : this.view.card(card.panHash);
    }
    return this.#cardRow;
  }
  get fingerprint(): string {
    if (this.#fingerprint === null) {
      const { message, type } = this.request;
      // A batch upload has no amount: its items stand for it.
      const amount = message.get(4) ?? message.get(48) ?? '';
      this.#fingerprint = fingerprint(this.card?.panHash ?? '', amount, message.get(25) ?? '', type);
    }
    return this.#fingerprint;
  }

  get pin(): PinResult {
    this.#pin ??= judgePin(this);
    return this.#pin;
  }

  /** The transaction that this one voids, refunds, completes or reverses. */
  get original(): TransactionRow | undefined {
    if (this.#original === null) this.#original = findOriginal(this.request, this.view);
    return this.#original;
  }

  /** The account of the card, or of the original where no card is needed. */
  get account(): AccountRow | undefined {
    if (this.#account === null) {
      const accountId = this.cardRow?.accountId ?? this.original?.accountId ?? null;
      this.#account = accountId === null ? undefined : this.accountOf(accountId);
    }
    return this.#account;
  }
  accountOf(accountId: string): AccountRow {
    const account = this.view.account(accountId);
    if (account === undefined) throw new NotRead('an account', { accountIds: [accountId] });
    return account;
  }

  /** The price of this spend and the lots that pay it; null when they do not suffice. */
  get spend(): Spend | null {
    if (this.#spend === undefined) this.#spend = spendOf(this);
    return this.#spend;
  }

  /** The lot that the clearing paid a spend's rebate into: null while unpaid, `gone` when it is empty. */
  paidRebateLot(spend: TransactionRow): LotRow | 'gone' | null {
    if (spend.rebateRun === null || spend.accountId === null) return null;
    const lotId = rebateLotId(spend.rebateRun, spend.accountId);
    return this.view.lots(spend.accountId).find((lot) => lot.lotId === lotId) ?? 'gone';
  }

  /** DE4 where the catalogue makes it mandatory. */
  get amount(): Fen {
    const { amount } = this.request;
    if (amount === null) throw new NotRead('DE4');
    return amount;
  }
}
