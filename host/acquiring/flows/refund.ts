/** Refund 退货: a part of a sale or completion goes back at the original's rates, on any terminal of its merchant. */
import { ensure } from '../../../protocol/index.ts';
import { undoSpend } from '../effects/undo.ts';
import { concludeUndone } from '../effects/undone.ts';
import { wantOriginal } from '../facts/originals.ts';
import type { Flow } from '../flow.ts';

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
