/** Void of a sale 消费撤销, in the open batch: the exact mirror of the sale. */
import { ensure } from '../../../protocol/index.ts';
import type { Flow } from '../flow.ts';
import { wantOriginal } from '../originals.ts';
import { undoSpend } from '../undo.ts';
import { concludeUndone } from '../undone.ts';

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
