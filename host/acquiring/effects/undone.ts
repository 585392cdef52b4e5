/** Writing what an undoing decided, and the answer that shows it: shared by voids, refund and reversal. */
import { fen } from '../../../protocol/index.ts';
import { coverOwed } from '../../cards/holder-debt.ts';
import type { SaleMoney } from '../../ledger/model.ts';
import type { Wants } from '../../store/port.ts';
import type { TransactionRow } from '../../store/rows.ts';
import { type Answer, balances } from '../answer.ts';
import { journalSecurityEvent } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';
import { conclude, isOfOpenBatch, stampOf, touchBatch, writeLots } from './deed.ts';
import { moneyBackLines, moneyItems, releasedItems, remarksOfDebt, remarksOfUndoing } from './money-shown.ts';
import type { Undone } from './undo.ts';

/** The transactions that the original itself was about: the sale of a void, the hold of a completion. */
export function wantEarlier(judgement: () => Judgement): Wants | null {
  const j = judgement();
  const unread: string[] = [];
  for (let row = j.original; row !== undefined; ) {
    const { originalId } = row;
    if (originalId === null) break;
    row = j.view.transaction(originalId);
    if (row === undefined) unread.push(originalId);
  }
  return unread.length === 0 ? null : { transactionIds: unread };
}

/** @param result.batch the batch in which it counts */
export function concludeUndone(
  j: Judgement,
  transactionId: string,
  result: {
    readonly undone: Undone;
    readonly original: TransactionRow;
    readonly batch: number;
    /** The hold that is free again, where no spend is undone. */
    readonly released?: SaleMoney;
  },
): Answer {
  const { undone, original, batch, released } = result;
  const account = j.accountOf(undone.accountId);
  const owing = { ...account, owed: fen(account.owed + undone.owed) };
  // What comes back covers a debt before it can be spent.
  const debt = coverOwed(owing, undone.lotsAfter, j.businessDate, () => stampOf(j, transactionId));
  writeLots(j, undone.accountId, undone.lotsBefore, debt.lots, { owed: debt.owed });
  for (const { row, changes } of undone.changed) {
    const isLate = changes.state === 'reversed' && !isOfOpenBatch(j, row);
    j.writes.replace('transactions', row, isLate ? { ...changes, afterClose: 'reversed' } : changes);
  }
  j.writes.count(undone.uses);
  if (undone.owed > 0) journalSecurityEvent(j, 'holder owes after a reversed void');
  touchBatch(j, j.request.terminalId, batch);
  const { money, rebateKept } = undone;
  return conclude(j, transactionId, {
    code: '00',
    state: 'approved',
    original,
    money,
    entries: debt.entry === null ? undone.entries : [...undone.entries, debt.entry],
    balances: balances(j, debt.lots),
    items: money !== null ? moneyItems(money) : released !== undefined ? releasedItems(released) : [],
    lines: () => (money === null ? [] : moneyBackLines(money, rebateKept)),
    remarks: [...remarksOfUndoing(rebateKept), ...remarksOfDebt(debt, undone.owed)],
  });
}
