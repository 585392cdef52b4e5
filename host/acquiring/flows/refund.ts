/** Refund 退货: a part of a sale or completion goes back at the original's rates, on any terminal of its merchant. */
import { ensure } from '../../../protocol/index.ts';
import type { Flow } from '../flow.ts';
import { wantOriginal } from '../originals.ts';
import { undoSpend } from '../undo.ts';
import { concludeUndone } from '../undone.ts';

export const refund: Flow = {
  wants: wantOriginal,

  act(j) {
    const { original } = j;
    ensure(original !== undefined, 'a refund is judged before it acts');
    const transactionId = j.deps.numbers.nextId(j.now);
    const undone = undoSpend(j, transactionId, original, j.amount, 'refund');
    return concludeUndone(j, transactionId, { undone, original, batch: j.request.batch });
  },
};
