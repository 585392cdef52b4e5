/** Void of a pre-authorisation 预授权撤销: the hold goes back to its lots. */
import { ensure } from '../../../protocol/index.ts';
import { moneyOf, undoHold } from '../effects/undo.ts';
import { concludeUndone } from '../effects/undone.ts';
import { wantOriginal } from '../facts/originals.ts';
import type { Flow } from '../flow.ts';

export const preAuthorisationVoid: Flow = {
  wants: wantOriginal,

  act(j) {
    const { original } = j;
    ensure(original !== undefined, 'a void is judged before it acts');
    const transactionId = j.deps.numbers.nextId(j.now);
    const undone = undoHold(j, transactionId, original, 'void');
    return concludeUndone(j, transactionId, {
      undone,
      original,
      batch: j.request.batch,
      released: moneyOf(original),
    });
  },
};
