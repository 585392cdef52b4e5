/** Status 状态上送: what a terminal tells of itself is recorded as it came. */
import { plainAnswer } from '../answer.ts';
import type { Flow } from '../flow.ts';
import { journalTerminalEvent } from '../journal-body.ts';

export const status: Flow = {
  act(j) {
    journalTerminalEvent(j, 'status', { DE62: j.request.message.get(62) ?? null });
    return plainAnswer(j);
  },
};
