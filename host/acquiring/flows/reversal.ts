/**
 * Reversal 冲正. Judged afresh against what became of its original: undone once, and the same answer
 * for ever after. An original that never came has its identity burnt, so that it comes too late.
 */
import {
  ensure,
  fen,
  minusFen,
  reversedTransactionOf,
  type TransactionKind,
} from '../../../protocol/index.ts';
import type { TransactionRow } from '../../store/rows.ts';
import type { Answer } from '../answer.ts';
import { burn, conclude } from '../effects/deed.ts';
import {
  type Undone,
  undoCompletion,
  undoCompletionVoid,
  undoHold,
  undoHoldVoid,
  undoSaleVoid,
  undoSpend,
} from '../effects/undo.ts';
import { concludeUndone, wantEarlier } from '../effects/undone.ts';
import { isWhollyRefunded } from '../facts/original-state.ts';
import { reversedIdentity, wantOriginal } from '../facts/originals.ts';
import type { Flow } from '../flow.ts';
import type { Judgement } from '../judgement.ts';
import type { Request } from '../request.ts';

type Undo = (j: Judgement, transactionId: string, original: TransactionRow) => Undone;

/** How each kind is undone. */
// biome-ignore format: a table is read by column
const UNDO: Partial<Record<TransactionKind, Undo>> = {
  sale:                 (j, id, original) => undoSpend(j, id, original, restOf(original), 'reversal'),
  void:                 undoSaleVoid,
  preAuthorisation:     (j, id, original) => undoHold(j, id, original, 'reversal'),
  preAuthorisationVoid: undoHoldVoid,
  completion:           (j, id, original) => undoCompletion(j, id, original, 'reversal'),
  completionVoid:       undoCompletionVoid,
};

export const reversal: Flow = {
  wants: (request) => ({ ...wantOriginal(request), identities: [originalIdentity(request)] }),
  more: wantEarlier,

  act(j) {
    const { original, known } = j;
    // 1. A repeat of a reversal that is done gets its answer again.
    if (known !== undefined && known.answer !== null) return known.answer;

    // 2. Never came: 25, and the late original will be answered 12.
    if (original === undefined) {
      burn(j, originalIdentity(j.request));
      return withoutEffect(j, '25', undefined);
    }
    // 3. Declined or reversed already: nothing is left to undo.
    if (original.state === 'declined' || original.state === 'reversed')
      return withoutEffect(j, '00', original);
    // 4. Undone otherwise: void, completion, lapse, whole refund.
    if (original.state !== 'approved' || isWhollyRefunded(original)) return withoutEffect(j, '12', original);

    // 5. Undone now: all of it, or what refunds left of it.
    const undo = UNDO[original.kind as TransactionKind];
    ensure(undo !== undefined, `a ${original.kind} is of a kind that is reversed`);
    const transactionId = j.deps.numbers.nextId(j.now);
    return concludeUndone(j, transactionId, {
      undone: undo(j, transactionId, original),
      original,
      batch: j.request.batch,
    });
  },
};

/** What became of the original decides: it must be so still when this is written, whatever another host does. */
function withoutEffect(j: Judgement, code: string, original: TransactionRow | undefined): Answer {
  if (original !== undefined) j.writes.unchanged('transactions', original);
  const state = code === '00' ? 'approved' : 'declined';
  return conclude(j, j.deps.numbers.nextId(j.now), { code, state, original });
}

function originalIdentity(request: Request): string {
  return reversedIdentity(request, reversedTransactionOf(request.message)?.mti ?? '');
}

function restOf(sale: TransactionRow) {
  ensure(sale.money !== null, 'an approved sale has its money');
  return minusFen(sale.money.gross, sale.taken?.gross ?? fen(0));
}
