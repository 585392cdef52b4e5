/** Sign-off 签退. Anybody can send an unsealed 0820, so it takes no keys away: the terminal forgets its own. */
import { plainAnswer } from '../answer.ts';
import type { Flow } from '../flow.ts';
import { journalTerminalEvent } from '../journal-body.ts';

export const signOff: Flow = {
  act(j) {
    journalTerminalEvent(j, 'sign-off');
    return plainAnswer(j);
  },
};
