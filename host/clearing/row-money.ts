/**
 * The part of a row that the books do not post: the discount that the merchant itself funds. It is taken
 * from the money that was priced with the transaction, and what the two tell alike is compared here, so
 * that a row which disagrees with its postings stops the clearing and names the entry.
 */
import { type FenDelta, fenDelta, PosError } from '../../protocol/index.ts';
import type { Entry, SaleMoney } from '../ledger/model.ts';
import type { TransactionRow } from '../store/rows.ts';
import type { MovementType } from './model.ts';

export interface RowFacts {
  readonly entry: Entry;
  readonly type: MovementType;
  readonly own: TransactionRow;
  /** As posted. */
  readonly net: FenDelta;
  readonly fee: FenDelta;
  readonly transactions: ReadonlyMap<string, TransactionRow>;
}

/** The transaction that a row cancels, refunds or reverses; null for a sale, completion or adjustment. */
export function cancelledBy(
  own: TransactionRow,
  type: MovementType,
  transactions: ReadonlyMap<string, TransactionRow>,
): TransactionRow | null {
  if (type === 'sale' || type === 'adjustment') return null;
  // A reversal's entry may name the reversed transaction itself as its cause.
  if (type === 'reversal' && own.kind !== 'reversal') return own;
  return own.originalId === null ? null : (transactions.get(own.originalId) ?? null);
}

/** The merchant-funded discount of a row, signed as the row is. Throws BOOKS_UNBALANCED when money and postings differ. */
export function merchantFunded(facts: RowFacts): FenDelta {
  const { entry, type, net, fee } = facts;
  if (type === 'adjustment') return fenDelta(0);
  const sign = type === 'sale' || type === 'completion' || undoesACancellation(facts) ? 1 : -1;
  const money = moneyOf(facts);
  if (money === null) refuse(entry, '交易无金额明细 its transaction holds no money');
  const posted = sign * (net + fee);
  if (posted === money.base) {
    if (sign * net !== money.payable) refuse(entry, '应付与交易不符 payable differs from the transaction');
    return fenDelta(sign * money.discountMerchant);
  }
  return refuse(entry, `基数 ${money.base} 与入账 ${posted} 不符 base differs from the posting`);
}

/** The reversal of a void gives the sale back: its row is positive. */
function undoesACancellation({ own, type, transactions }: RowFacts): boolean {
  if (type !== 'reversal') return false;
  const target = cancelledBy(own, type, transactions);
  return target?.kind === 'void' || target?.kind === 'completionVoid';
}

/** Its own money; else that of what it cancels; a reversed void's is that of the sale. */
function moneyOf({ own, type, transactions }: RowFacts): SaleMoney | null {
  let row: TransactionRow | null = own;
  while (row !== null && row.money === null) {
    row = cancelledBy(row, row === own ? type : 'void', transactions);
  }
  return row?.money ?? null;
}

/** Stops the clearing: the books and the transactions tell different stories about one entry. */
export function refuse(entry: Entry, what: string): never {
  throw new PosError('BOOKS_UNBALANCED', `分录 entry ${entry.entryId}: ${what}`);
}
