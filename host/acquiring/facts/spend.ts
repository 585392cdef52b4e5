/** The price of a sale, pre-authorisation or completion, and the lots that pay it. */
import type { Fen } from '../../../protocol/index.ts';
import { ensure, PosError } from '../../../protocol/index.ts';
import type { HostDeps } from '../../deps.ts';
import type { LotPart, Rates, SaleMoney } from '../../ledger/model.ts';
import { type CompletionParts, priceMoney, takeForCompletion, takeFromLots } from '../../ledger/spend.ts';
import type { Contract } from '../../programme/model.ts';
import type { Priced, PriceInput } from '../../rules/model.ts';
import { capCounters, haveCounters, price } from '../../rules/price.ts';
import type { Wants } from '../../store/port.ts';
import type { AccountRow } from '../../store/rows.ts';
import type { Judgement } from '../judgement.ts';
import type { View } from '../view.ts';

export interface Spend {
  readonly priced: Priced;
  readonly money: SaleMoney;
  readonly rates: Rates;
  /** For a completion: what comes from the hold, from free lots, and goes back. */
  readonly parts: CompletionParts | null;
}

/** The capped counters that pricing will look at: read once account and tier are known. */
export function wantCounters(
  judgement: () => Judgement,
  { directory }: HostDeps,
  { day }: View,
): Wants | null {
  // Before anything of the spend is looked up: it is asked for each, and a programme may well have no such rule.
  if (!haveCounters(directory.rules(day.businessDate))) return null;
  const j = judgement();
  const { account } = j;
  if (account === undefined || j.request.amount === null || j.merchant === undefined) return null;
  const input = priceInput(j, account, j.request.amount);
  const counters = capCounters(directory.rules(j.businessDate, input), input);
  const unread = counters.filter((counter) => !j.view.hasCounter(counter));
  return unread.length === 0 ? null : { counters: unread };
}

/** Null when the account's lots, and the hold of a completion, do not suffice: 51. */
export function spendOf(j: Judgement): Spend | null {
  const account = known(j.account, 'the account');
  const priced = priceOf(j, account, j.amount);
  const lots = j.view.lots(account.accountId);
  const { spendOrder } = j.deps.directory.programme;
  const contract = contractOf(j);
  if (j.kind !== 'completion') {
    const paying = takeFromLots(lots, priced.paid, spendOrder, j.businessDate);
    return paying === undefined ? null : spendWorth(priced, paying, contract, null);
  }
  const held: readonly LotPart[] = j.original?.money?.lots ?? [];
  const parts = takeForCompletion(held, lots, priced.paid, spendOrder, j.businessDate);
  return parts === undefined ? null : spendWorth(priced, parts.lots, contract, parts);
}

function spendWorth(
  priced: Priced,
  lots: readonly LotPart[],
  contract: Contract,
  parts: CompletionParts | null,
): Spend {
  const { money, rates } = priceMoney(priced, lots, contract);
  return { priced, money, rates, parts };
}

function priceOf(j: Judgement, account: AccountRow, gross: Fen): Priced {
  const { directory } = j.deps;
  const input = priceInput(j, account, gross);
  return price(input, directory.rules(j.businessDate, input), {
    tierPointsBp: directory.tier(account.tier)?.pointsBp ?? 0,
    rebateBp: contractOf(j).rebateBp,
    yuanPerPoint: directory.programme.yuanPerPoint,
  });
}

function priceInput(j: Judgement, account: AccountRow, gross: Fen): PriceInput {
  const merchant = known(j.merchant, 'the merchant');
  return {
    gross,
    businessDate: j.businessDate,
    at: j.now,
    merchantId: merchant.id,
    branchId: j.profile?.branchId ?? '',
    trade: merchant.trade,
    tier: account.tier,
    accountId: account.accountId,
    used: { get: (counter) => j.view.counter(counter) },
  };
}

function contractOf(j: Judgement): Contract {
  const id = known(j.merchant, 'the merchant').contractId;
  const contract = j.deps.directory.contract(id);
  if (contract === undefined) throw new PosError('CONFIG_BAD', `contract ${id} is not provisioned`);
  return contract;
}

function known<T>(value: T | undefined, what: string): T {
  ensure(value !== undefined, `${what} was judged before it was priced`);
  return value;
}
