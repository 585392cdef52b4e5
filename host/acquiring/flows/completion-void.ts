/** Void of a completion 预授权完成撤销, in the open batch: the spend goes back and the hold stands again. */
import { ensure } from '../../../protocol/index.ts';
import { undoCompletion } from '../effects/undo.ts';
import { concludeUndone, wantEarlier } from '../effects/undone.ts';
import { wantOriginal } from '../facts/originals.ts';
import type { Flow } from '../flow.ts';

export const completionVoid: Flow = {
  wants: wantOriginal,
  more: wantEarlier,

  act(j) {
    const { original } = j;
    ensure(original !== undefined, 'a void is judged before it acts');
    const transactionId = j.deps.numbers.nextId(j.now);
    const undone = undoCompletion(j, transactionId, original, 'void');
    return concludeUndone(j, transactionId, { undone, original, batch: j.request.batch });
  },
};
