/** Void of a sale 消费撤销, in the open batch: the exact mirror of the sale. */
import { ensure } from '../../../protocol/index.ts';
import { undoSpend } from '../effects/undo.ts';
import { concludeUndone } from '../effects/undone.ts';
import { wantOriginal } from '../facts/originals.ts';
import type { Flow } from '../flow.ts';

export const voidSale: Flow = {
  wants: wantOriginal,

  act(j) {
    const { original } = j;
    ensure(original !== undefined, 'a void is judged before it acts');
    const transactionId = j.deps.numbers.nextId(j.now);
    const undone = undoSpend(j, transactionId, original, original.amount, 'void');
    return concludeUndone(j, transactionId, { undone, original, batch: j.request.batch });
  },
};
