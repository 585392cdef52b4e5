/** Sign-off 签退, echo 回响 and status 状态上送: nothing changes; what a terminal tells of itself is recorded. */
import { judgedAt } from '../answer.ts';
import type { Flow } from '../flow.ts';
import { journalTerminalEvent } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';

/** Anybody can send an unsealed 0820: it takes no keys away. The terminal forgets its own. */
export const signOff: Flow = {
  act(j) {
    journalTerminalEvent(j, 'sign-off');
    return done(j);
  },
};

export const echo: Flow = { act: done };

export const status: Flow = {
  act(j) {
    journalTerminalEvent(j, 'status', { DE62: j.request.message.get(62) ?? null });
    return done(j);
  },
};

function done(j: Judgement) {
  return { fields: { ...judgedAt(j), 37: j.deps.numbers.next(), 39: '00' }, items: [] };
}
