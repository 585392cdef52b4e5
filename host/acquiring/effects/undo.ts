/**
 * Undoing: what a void, a refund and a reversal do to the books, by the kind of what they undo. Each
 * gives the entries, the lots afterwards and the changed originals; nothing is written here.
 */
import { ensure, type Fen, fen, minusFen } from '../../../protocol/index.ts';
import { holdEntry, refundEntry, releaseEntry } from '../../ledger/entries.ts';
import {
  type GiveBack,
  giveBack,
  lotsAfterGiveBack,
  rebateLotId,
  standAgain,
} from '../../ledger/give-back.ts';
import type { Entry, LotPart, SaleMoney } from '../../ledger/model.ts';
import { takePart } from '../../ledger/parts.ts';
import type { Stamp } from '../../ledger/postings.ts';
import { applyToLots, mergeParts, takeFromLots } from '../../ledger/spend.ts';
import { usesGivenBack } from '../../rules/counters.ts';
import type { CounterUse } from '../../rules/model.ts';
import type { LotRow, TransactionRow } from '../../store/rows.ts';
import type { Judgement } from '../judgement.ts';
import { NotRead } from '../view.ts';
import { stampOf } from './deed.ts';

export type UndoEvent = 'refund' | 'void' | 'reversal';

export interface Undone {
  readonly entries: readonly Entry[];
  readonly accountId: string;
  readonly lotsBefore: readonly LotRow[];
  readonly lotsAfter: readonly LotRow[];
  /** Earlier transactions that change with it. */
  readonly changed: readonly { readonly row: TransactionRow; readonly changes: Partial<TransactionRow> }[];
  readonly uses: readonly CounterUse[];
  /** The money that goes back; its lots are those that get it. Null where only a hold moves. */
  readonly money: SaleMoney | null;
  /** A rebate that was paid and is gone: kept from what goes back. */
  readonly rebateKept: Fen;
  /** What the account no longer held when its spend had to stand again. */
  readonly owed: Fen;
}

/** A sale, or a completion's spend, is undone in part (refund) or in what is left of it (void, reversal). */
export function undoSpend(
  j: Judgement,
  transactionId: string,
  spend: TransactionRow,
  gross: Fen,
  event: UndoEvent,
): Undone {
  const whole = moneyOf(spend);
  const { part, taken } = takePart(whole, spend.taken, gross);
  const back = giveBack(part, j.paidRebateLot(spend));
  const before = lotsOf(j, spend);
  const entry = refundEntry(stampOf(j, transactionId, spend.entryId), {
    parties: partiesOf(j, spend),
    part,
    back,
    event,
  });
  const state = { refund: 'approved', void: 'voided', reversal: 'reversed' } as const;
  return {
    entries: [entry],
    accountId: accountIdOf(spend),
    lotsBefore: before,
    lotsAfter: lotsAfterGiveBack(before, back),
    changed: [{ row: spend, changes: { taken, state: state[event] } }],
    uses: usesGivenBack(spend.trace57, whole.gross, fen(taken.gross - part.gross), taken.gross),
    money: { ...part, lots: back.given },
    rebateKept: back.rebateKept,
    owed: fen(0),
  };
}

/** A hold goes back to its lots: the pre-authorisation is voided or reversed. */
export function undoHold(
  j: Judgement,
  transactionId: string,
  hold: TransactionRow,
  event: 'void' | 'reversal',
): Undone {
  const { lots } = moneyOf(hold);
  const before = lotsOf(j, hold);
  const entry = releaseEntry(stampOf(j, transactionId, hold.entryId), {
    accountId: accountIdOf(hold),
    lots,
    event,
  });
  return {
    ...nothing(j, hold),
    entries: [entry],
    lotsAfter: applyToLots(before, lots, 1),
    changed: [{ row: hold, changes: { state: event === 'void' ? 'voided' : 'reversed' } }],
  };
}

/** A completion is undone: its spend goes back, and the hold stands again as far as the account still has it. */
export function undoCompletion(
  j: Judgement,
  transactionId: string,
  completion: TransactionRow,
  event: 'void' | 'reversal',
): Undone {
  const left = minusFen(moneyOf(completion).gross, completion.taken?.gross ?? fen(0));
  const undone = undoSpend(j, transactionId, completion, left, event);
  const hold = earlier(j, completion);
  const again = holdAgain(j, transactionId, hold, undone.lotsAfter);
  return {
    ...undone,
    entries: [...undone.entries, ...again.entries],
    lotsAfter: again.lots,
    changed: [...undone.changed, { row: hold, changes: again.changes }],
  };
}

/** The void of a pre-authorisation is reversed: the hold stands again as far as the account still has it. */
export function undoHoldVoid(j: Judgement, transactionId: string, voiding: TransactionRow): Undone {
  const hold = earlier(j, voiding);
  const before = lotsOf(j, hold);
  const again = holdAgain(j, transactionId, hold, before);
  return {
    ...nothing(j, hold),
    entries: again.entries,
    lotsAfter: again.lots,
    changed: [
      { row: voiding, changes: { state: 'reversed' } },
      { row: hold, changes: again.changes },
    ],
  };
}

/** The void of a sale is reversed: the sale stands again; what is gone is owed by the holder. */
export function undoSaleVoid(j: Judgement, transactionId: string, voiding: TransactionRow): Undone {
  const sale = earlier(j, voiding);
  return spendAgain(j, transactionId, voiding, sale, lotsOf(j, sale), []);
}

/** The void of a completion is reversed: its hold ends again and the completion stands again. */
export function undoCompletionVoid(j: Judgement, transactionId: string, voiding: TransactionRow): Undone {
  const completion = earlier(j, voiding);
  const hold = earlier(j, completion);
  const { lots } = moneyOf(hold);
  const release = releaseEntry(stampOf(j, transactionId, hold.entryId), {
    accountId: accountIdOf(hold),
    lots,
    event: 'reversal',
  });
  const free = applyToLots(lotsOf(j, completion), lots, 1);
  const undone = spendAgain(j, transactionId, voiding, completion, free, [release]);
  return { ...undone, changed: [...undone.changed, { row: hold, changes: { state: 'completed' } }] };
}

function spendAgain(
  j: Judgement,
  transactionId: string,
  voiding: TransactionRow,
  spend: TransactionRow,
  free: readonly LotRow[],
  first: readonly Entry[],
): Undone {
  const money = moneyOf(spend);
  const { spendOrder } = j.deps.directory.programme;
  const stamp = stampOf(j, transactionId, voiding.entryId);
  const stands = standAgain(stamp, 'reversal', voidEntryOf(j, voiding, spend), money, {
    accountId: accountIdOf(spend),
    lots: free,
    order: spendOrder,
    debtLotId: `debt-${transactionId}`,
  });
  return {
    ...nothing(j, spend),
    entries: [...first, stands.entry],
    lotsAfter: stands.lots,
    changed: [
      { row: voiding, changes: { state: 'reversed' } },
      { row: spend, changes: { state: 'approved', taken: null, money: stands.money } },
    ],
    // The budgets give again what the void had given back.
    uses: usesGivenBack(spend.trace57, money.gross, fen(0), money.gross).map((use) => ({
      ...use,
      add: -use.add,
    })),
    money: stands.money,
    owed: stands.owed,
  };
}

/** The entry that a void made, built again from what was kept of it: the store hands out no entries. */
function voidEntryOf(j: Judgement, voiding: TransactionRow, spend: TransactionRow): Entry {
  const kept = moneyOf(voiding);
  const part = { ...kept, lots: moneyOf(spend).lots };
  const stamp: Stamp = { ...stampOf(j, voiding.transactionId), entryId: voiding.entryId ?? '' };
  return refundEntry(stamp, {
    parties: partiesOf(j, spend),
    part,
    back: givenBackBy(kept, spend),
    event: 'void',
  });
}

/** How a void gave the money back: its row keeps the lots that got it, the rest follows. */
function givenBackBy(kept: SaleMoney, spend: TransactionRow): GiveBack {
  if (spend.rebateRun === null) {
    return { given: kept.lots, rebateUnpaid: kept.rebate, rebateFromLot: [], rebateKept: fen(0) };
  }
  const rebateKept = fen(kept.paid - kept.lots.reduce((sum, lot) => sum + lot.amount, 0));
  const lot = {
    lotId: rebateLotId(spend.rebateRun, accountIdOf(spend)),
    purse: 'bonus' as const,
    amount: fen(kept.rebate - rebateKept),
  };
  return { given: kept.lots, rebateUnpaid: fen(0), rebateFromLot: lot.amount === 0 ? [] : [lot], rebateKept };
}

/**
 * Holds the same money once more: from the lots it came from, then from the others in spending order.
 * A hold is no debt: what the account has spent meanwhile is not held, and a completion takes its
 * excess from the free balance.
 */
function holdAgain(j: Judgement, transactionId: string, hold: TransactionRow, free: readonly LotRow[]) {
  const accountId = accountIdOf(hold);
  const wanted = moneyOf(hold).lots;
  const own = wanted
    .map((part) => ({
      ...part,
      amount: fen(Math.min(part.amount, free.find((lot) => lot.lotId === part.lotId)?.remaining ?? 0)),
    }))
    .filter((part) => part.amount > 0);
  const rest = applyToLots(free, own, -1);
  const others = upTo(j, rest, sum(wanted) - sum(own));
  const lots = mergeParts([...own, ...others]);
  const entries = lots.length === 0 ? [] : [holdEntry(stampOf(j, transactionId), { accountId, lots })];
  const changes: Partial<TransactionRow> = { state: 'approved', money: { ...moneyOf(hold), lots } };
  return { entries, lots: applyToLots(rest, others, -1), changes };
}

/** As much of an amount as the open lots hold. */
function upTo(j: Judgement, lots: readonly LotRow[], amount: number): readonly LotPart[] {
  const open = lots.filter((lot) => lot.expiresOn === null || lot.expiresOn >= j.businessDate);
  const there = open.reduce((total, lot) => total + lot.remaining, 0);
  const { spendOrder } = j.deps.directory.programme;
  return takeFromLots(lots, fen(Math.min(amount, there)), spendOrder, j.businessDate) ?? [];
}

const sum = (parts: readonly LotPart[]) => parts.reduce((total, part) => total + part.amount, 0);

/** The transaction that this one was about. */
function earlier(j: Judgement, row: TransactionRow): TransactionRow {
  ensure(row.originalId !== null, `a ${row.kind} names its original`);
  const original = j.view.transaction(row.originalId);
  if (original === undefined) throw new NotRead('an original', { transactionIds: [row.originalId] });
  return original;
}

function nothing(j: Judgement, row: TransactionRow): Undone {
  const lots = lotsOf(j, row);
  return {
    entries: [],
    accountId: accountIdOf(row),
    lotsBefore: lots,
    lotsAfter: lots,
    changed: [],
    uses: [],
    money: null,
    rebateKept: fen(0),
    owed: fen(0),
  };
}

function partiesOf(j: Judgement, row: TransactionRow) {
  const accountId = accountIdOf(row);
  return { accountId, merchantId: row.merchantId, salePointId: j.accountOf(accountId).salePointId };
}
function lotsOf(j: Judgement, row: TransactionRow): readonly LotRow[] {
  j.accountOf(accountIdOf(row));
  return j.view.lots(accountIdOf(row));
}
/** The money of a transaction that moved some. */
export function moneyOf(row: TransactionRow): SaleMoney {
  ensure(row.money !== null, `an approved ${row.kind} has its money`);
  return row.money;
}
function accountIdOf(row: TransactionRow): string {
  ensure(row.accountId !== null, `an approved ${row.kind} has its account`);
  return row.accountId;
}
