/**
 * The rows of a business day: every entry of that day that moved what we owe a merchant, or that a
 * merchant's spend made although its share rounded to nothing, told with the money of the transaction.
 *
 * Only what never changes is used: entries, and of transactions the fields that are written once. So the
 * same day gives the same rows tomorrow, when its sales may have been voided in the open day.
 */
import { fenDelta } from '../../protocol/index.ts';
import {
  COMMISSION_INCOME,
  DISCOUNT_EXPENSE,
  familyOf,
  merchantPayable,
  REBATE_PAYABLE,
} from '../ledger/accounts.ts';
import type { Entry, LedgerEvent } from '../ledger/model.ts';
import type { Directory } from '../programme/directory.ts';
import type { StorePort } from '../store/port.ts';
import type { TransactionRow } from '../store/rows.ts';
import { DayRows } from './day-rows.ts';
import type { Movement, MovementOriginal, MovementType } from './model.ts';
import type { Pause } from './pieces.ts';
import { cancelledBy, merchantFunded, refuse } from './row-money.ts';

export interface MovementDeps {
  readonly store: StorePort;
  readonly directory: Directory;
}

/** Events that may move a merchant payable, and the type of the row that tells it. `null`: paying out what was cleared. */
// biome-ignore format: a table is read by column
const TYPES: Readonly<Partial<Record<LedgerEvent, MovementType | null>>> = {
  'sale':            'sale',
  'completion':      'completion',
  'void':            'void',
  'refund':          'refund',
  'reversal':        'reversal',
  'adjustment':      'adjustment',
  'difference':      'adjustment',
  'payout-sent':     null,
  'payout-paid':     null,
  'payout-rejected': null,
};

/** What is on a merchant's statement whatever it moved: of a refund of one fen, 80 % may be nothing. */
const SPENDS: ReadonlySet<string> = new Set(['sale', 'void', 'refund', 'completion', 'completionVoid']);

type Transactions = ReadonlyMap<string, TransactionRow>;

/** All rows of the day. @param pause between pieces of it */
export async function movementsOf(
  { store, directory }: MovementDeps,
  businessDate: string,
  pause: Pause,
): Promise<DayRows> {
  const merchants = new Set(directory.all('merchant').map(({ id }) => id));
  const rows = new DayRows(pause);
  for await (const page of store.scan('entries', { businessDate })) {
    const candidates = page.flatMap((entry) => candidate(entry) ?? []);
    const transactions = await transactionsOf(
      store,
      candidates.map(({ entry }) => entry),
    );
    await rows.add(candidates.flatMap((one) => rowOf(one, merchants, transactions) ?? []));
  }
  return rows;
}

interface Candidate {
  readonly entry: Entry;
  readonly payee: string | null;
  readonly type: MovementType;
}

/** What may become a row; null for an entry that never does. */
function candidate(entry: Entry): Candidate | null {
  const payee = payeeOf(entry);
  const type = TYPES[entry.event];
  if (type === undefined && payee !== null)
    refuse(entry, `${entry.event} 不应影响商户应付 may not move a merchant payable`);
  return type === undefined || type === null ? null : { entry, payee, type };
}

function rowOf(
  { entry, payee, type }: Candidate,
  merchants: ReadonlySet<string>,
  transactions: Transactions,
): Movement | null {
  const merchantId = payee ?? (setsFree(entry) ? null : spentAt(entry, transactions));
  if (merchantId === null) return null;
  if (!merchants.has(merchantId)) refuse(entry, `${merchantId} 无此商户 no such merchant`);
  return movement(entry, merchantId, type, transactions);
}

/** The merchant whose payable the entry moves, or null. No event of this system moves two. */
function payeeOf(entry: Entry): string | null {
  const parties = new Set<string>();
  for (const { account } of entry.postings) {
    const found = familyOf(account);
    if (found?.family === 'payable:merchant' && found.party !== null) parties.add(found.party);
  }
  const [merchantId, another] = parties;
  if (another !== undefined) refuse(entry, '两个商户 two merchants');
  return merchantId ?? null;
}

/** A hold that goes back to its lots, also with the reversal of a completion's void: no merchant has part in it. */
function setsFree(entry: Entry): boolean {
  return entry.postings.some(({ account }) => familyOf(account)?.family === 'holds');
}

/** The merchant at whom the spend, or what undid it, was made; null for what is no spend, as the release of a hold. */
function spentAt(entry: Entry, transactions: Transactions): string | null {
  const own = entry.cause.kind === 'transaction' ? transactions.get(entry.cause.id) : undefined;
  const undone = own?.kind === 'reversal' ? transactions.get(own.originalId ?? '') : own;
  return undone !== undefined && SPENDS.has(undone.kind) ? undone.merchantId : null;
}

/** The transactions that the entries name as cause, and all that those void, refund, complete or reverse. */
async function transactionsOf(store: StorePort, entries: readonly Entry[]): Promise<Transactions> {
  const found = new Map<string, TransactionRow>();
  const causes = entries.filter(({ cause }) => cause.kind === 'transaction').map(({ cause }) => cause.id);
  let wanted = [...new Set(causes)];
  while (wanted.length > 0) {
    const next = new Set<string>();
    for (const row of await store.transactions(wanted)) {
      found.set(row.transactionId, row);
      if (row.originalId !== null) next.add(row.originalId);
    }
    wanted = [...next].filter((id) => !found.has(id));
  }
  return found;
}

function movement(
  entry: Entry,
  merchantId: string,
  type: MovementType,
  transactions: Transactions,
): Movement {
  const credited = (account: string) => sumOf(entry, account);
  const net = credited(merchantPayable(merchantId));
  const fee = credited(COMMISSION_INCOME);
  const discountIssuer = fenDelta(-credited(DISCOUNT_EXPENSE));
  const own = transactions.get(entry.cause.id);
  if (own === undefined && type !== 'adjustment') refuse(entry, '无对应交易 its transaction is not there');
  const original = own === undefined ? null : cancelledBy(own, type, transactions);
  const discountMerchant =
    own === undefined ? fenDelta(0) : merchantFunded({ entry, type, own, net, fee, transactions });
  return {
    entryId: entry.entryId,
    merchantId,
    branchId: entry.branchId ?? own?.branchId ?? '',
    terminalId: entry.terminalId ?? own?.terminalId ?? '',
    batch: own?.batch ?? 0,
    trace: own?.trace ?? '',
    rrn: own?.rrn ?? '',
    auth: own?.auth ?? '',
    panMasked: own?.panMasked ?? '',
    entryMode: own?.entryMode ?? '',
    transactionId: own?.transactionId ?? entry.cause.id,
    ut: own?.ut ?? '',
    businessDate: entry.businessDate,
    at: entry.at,
    type: type === 'void' && own?.kind === 'completionVoid' ? 'completionVoid' : type,
    kind: type === 'reversal' ? 'reversal' : (own?.kind ?? 'adjustment'),
    gross: fenDelta(net + fee + discountMerchant),
    discountIssuer,
    discountMerchant,
    paid: fenDelta(net + fee - discountIssuer),
    fee,
    net,
    rebate: credited(REBATE_PAYABLE),
    rates: own?.rates ?? original?.rates ?? null,
    original: original === null ? null : told(original),
  };
}

function told(original: TransactionRow): MovementOriginal {
  return {
    transactionId: original.transactionId,
    businessDate: original.businessDate,
    trace: original.trace,
    kind: original.kind,
    at: original.at,
    gross: original.amount,
  };
}

/** What an entry credits to an account, in fen: positive for what is owed more. */
function sumOf(entry: Entry, account: string) {
  const postings = entry.postings.filter((posting) => posting.account === account && posting.unit === 'fen');
  return fenDelta(postings.reduce((sum, posting) => sum - posting.amount, 0));
}
