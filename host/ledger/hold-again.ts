/**
 * Undoing a completion: its pre-authorisation holds again. The exact mirror, but for the rest of the
 * hold that the completion released: it is held again as far as its lots still have it. A hold is a
 * guarantee, not a payment, so what the holder spent meanwhile becomes no debt. Pure.
 */
import { ensure, type Fen, fen } from '../../protocol/index.ts';
import type { LotRow } from '../store/rows.ts';
import type { Entry, LotPart, Posting } from './model.ts';
import { debit, entryOf, mirrored, type Stamp } from './postings.ts';
import { applyToLots } from './spend.ts';

export interface HoldsAgain {
  readonly entry: Entry;
  /** The account's lots afterwards. */
  readonly lots: readonly LotRow[];
  /** What the pre-authorisation holds now: at least what the completion took from it. */
  readonly held: readonly LotPart[];
}

/**
 * Use it while no part of the completion was refunded and its rebate is unpaid; otherwise undo it with
 * `refundEntry`, which ends the hold.
 *
 * @param completion the entry that `completionEntry` made
 * @param lots all open lots of the account and every lot that `completion` names
 */
export function holdAgain(
  stamp: Stamp,
  event: 'void' | 'reversal',
  completion: Entry,
  lots: readonly LotRow[],
): HoldsAgain {
  ensure(completion.event === 'completion', 'only a completion can be undone into its hold');
  const rows = new Map(lots.map((lot) => [lot.lotId, lot]));
  const isPurse = (posting: Posting) => posting.account.startsWith('purse:');
  const missing = new Map<string, Fen>();
  const back: LotPart[] = [];
  const out: LotPart[] = [];
  const postings = mirrored(completion.postings).map((posting) => {
    const row = posting.lot === null ? undefined : rows.get(posting.lot);
    if (!isPurse(posting)) return posting;
    ensure(row !== undefined, `lot ${posting.lot} was not read with its account`);
    if (posting.amount < 0) {
      back.push({ lotId: row.lotId, purse: row.purse, amount: fen(-posting.amount) });
      return posting;
    }
    const there = fen(Math.min(posting.amount, row.remaining));
    missing.set(row.lotId, fen(posting.amount - there));
    out.push({ lotId: row.lotId, purse: row.purse, amount: there });
    return debit(posting.account, there, posting.lot);
  });
  const held: LotPart[] = [];
  const lowered = postings.map((posting) => {
    const row = posting.lot === null ? undefined : rows.get(posting.lot);
    if (row === undefined || isPurse(posting)) return posting;
    const amount = fen(-posting.amount - (missing.get(row.lotId) ?? 0));
    if (amount > 0) held.push({ lotId: row.lotId, purse: row.purse, amount });
    return debit(posting.account, -amount, posting.lot);
  });
  return {
    entry: entryOf({ ...stamp, corrects: stamp.corrects ?? completion.entryId }, event, lowered),
    lots: applyToLots(applyToLots(lots, out, -1), back, 1),
    held,
  };
}
