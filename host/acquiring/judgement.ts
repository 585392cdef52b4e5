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

/** What is computed once, boxed: undefined is a result too. */
interface Memory {
  readonly mac?: { readonly value: MacResult };
  readonly presented?: { readonly value: Presented };
  readonly fingerprint?: { readonly value: string };
  readonly pin?: { readonly value: PinResult };
  readonly original?: { readonly value: TransactionRow | undefined };
  readonly spend?: { readonly value: Spend | null };
  readonly localTime?: { readonly value: { readonly date: string; readonly time: string } };
}
type Computed<N extends keyof Memory> = NonNullable<Memory[N]>['value'];

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
  readonly #memory: Memory = {};

  readonly #shown: Presented;

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

  /** Computes once. What is computed must not depend on what is written meanwhile. */
  #once<N extends keyof Memory>(name: N, compute: () => Computed<N>): Computed<N> {
    const known = this.#memory[name];
    if (known !== undefined) return known.value as Computed<N>;
    const value = compute();
    (this.#memory as Record<N, { value: Computed<N> }>)[name] = { value };
    return value;
  }

  get kind(): TransactionKind | undefined {
    return this.request.spec?.kind;
  }
  get businessDate(): string {
    return this.view.day.businessDate;
  }
  /** MMDD and hhmmss at UTC+8, as DE13 and DE12 say them. */
  get localTime(): { readonly date: string; readonly time: string } {
    return this.#once('localTime', () => localTimeOf(this.now));
  }
  get branch(): Branch | undefined {
    return this.profile === undefined ? undefined : this.deps.directory.branch(this.profile.branchId);
  }

  get mac(): MacResult {
    return this.#once('mac', () => judgeMac(this));
  }

  get presented(): Presented {
    if (this.#shown.kind !== 'sealed') return this.#shown;
    return this.#once('presented', () => {
      const { mac } = this;
      return presentedCard(this.deps, this.request, mac.right ? mac.keys : null);
    });
  }
  get card(): PresentedCard | null {
    return this.presented.kind === 'card' ? this.presented.card : null;
  }
  get cardRow(): CardRow | undefined {
    return this.card === null ? undefined : this.view.card(this.card.panHash);
  }
  get fingerprint(): string {
    return this.#once('fingerprint', () => {
      const { message, type } = this.request;
      // A batch upload has no amount: its items stand for it.
      const amount = message.get(4) ?? message.get(48) ?? '';
      return fingerprint(this.card?.panHash ?? '', amount, message.get(25) ?? '', type);
    });
  }

  get pin(): PinResult {
    return this.#once('pin', () => judgePin(this));
  }

  /** The transaction that this one voids, refunds, completes or reverses. */
  get original(): TransactionRow | undefined {
    return this.#once('original', () => findOriginal(this.request, this.view));
  }

  /** The account of the card, or of the original where no card is needed. */
  get account(): AccountRow | undefined {
    const accountId = this.cardRow?.accountId ?? this.original?.accountId ?? null;
    return accountId === null ? undefined : this.accountOf(accountId);
  }
  accountOf(accountId: string): AccountRow {
    const account = this.view.account(accountId);
    if (account === undefined) throw new NotRead('an account', { accountIds: [accountId] });
    return account;
  }

  /** The price of this spend and the lots that pay it; null when they do not suffice. */
  get spend(): Spend | null {
    return this.#once('spend', () => spendOf(this));
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
