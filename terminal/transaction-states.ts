/**
 * Where a transaction of the terminal may go next, as data. A move that is not in this table cannot
 * happen. The journal holds the new state before anyone acts on it; a restart is a move like others.
 */
import { PosError, type TransactionSpec } from '../protocol/index.ts';

/** What each state means, and what it holds up. */
// biome-ignore format: a table is read by column
export const STATES = {
  sent:        { zh: '已发送,等待应答', en: 'sent, its answer is awaited',                         counted: false, open: 'answer' },
  approved:    { zh: '成功',           en: 'approved',                                            counted: true,  open: 'no' },
  voided:      { zh: '已撤销',         en: 'approved, then voided by a transaction of its own',   counted: true,  open: 'no' },
  declined:    { zh: '被拒绝',         en: 'declined',                                            counted: false, open: 'no' },
  unanswered:  { zh: '无结果',         en: 'no valid answer, and nothing can be owed for it',     counted: false, open: 'no' },
  reversalDue: { zh: '待冲正',         en: 'a reversal goes out before the next transaction',     counted: false, open: 'reversal' },
  decisionDue: { zh: '冲正待处理',     en: 'the tries are used up: an operator decides',          counted: false, open: 'reversal' },
  setAside:    { zh: '冲正挂起',       en: 'set aside by a supervisor: still sent, blocks nothing', counted: false, open: 'set aside' },
  reversed:    { zh: '已冲正',         en: 'the host closed the reversal (00, 12 or 25)',         counted: false, open: 'no' },
  repeatDue:   { zh: '待重发',         en: 'repeated unchanged until it is answered',             counted: false, open: 'repeat' },
  repeatAside: { zh: '重发挂起',       en: 'a repeat set aside by a supervisor: still sent, blocks nothing', counted: false, open: 'repeat aside' },
} as const satisfies Record<string, { zh: string; en: string; counted: boolean; open: 'answer' | 'no' | 'reversal' | 'set aside' | 'repeat' | 'repeat aside' }>;

export type TransactionState = keyof typeof STATES;
export type Move =
  | 'approve'
  | 'decline'
  | 'giveUp'
  | 'owe'
  | 'repeat'
  | 'reversed'
  | 'exhaust'
  | 'tryAgain'
  | 'setAside'
  | 'void';

// biome-ignore format: a table is read by column
export const MOVES: Readonly<Record<TransactionState, Partial<Record<Move, TransactionState>>>> = {
  sent:        { approve: 'approved', decline: 'declined', giveUp: 'unanswered', owe: 'reversalDue', repeat: 'repeatDue' },
  reversalDue: { reversed: 'reversed', exhaust: 'decisionDue' },
  decisionDue: { reversed: 'reversed', tryAgain: 'reversalDue', setAside: 'setAside' },
  setAside:    { reversed: 'reversed', tryAgain: 'reversalDue' },
  repeatDue:   { approve: 'approved', decline: 'declined', setAside: 'repeatAside' },
  repeatAside: { approve: 'approved', decline: 'declined' },
  approved:    { void: 'voided' },
  voided:      {},
  declined:    {},
  unanswered:  {},
  reversed:    {},
};

/** The state after a move; STATE_NOT_ALLOWED when the table does not know it. */
export function stateAfter(state: TransactionState, move: Move): TransactionState {
  const to = MOVES[state][move];
  if (to === undefined) throw new PosError('STATE_NOT_ALLOWED', `${move} while ${state}`);
  return to;
}

/** What silence, or a restart before the answer, makes of a transaction that was sent. */
// biome-ignore format: a table is read by column
const MOVE_WITHOUT_ANSWER: Readonly<Record<TransactionSpec['lostAnswer'], Move>> = {
  'nothing':      'giveUp',
  'reversal':     'owe',
  'repeat':       'repeat',
  'confirmation': 'repeat',
  'fate query':   'giveUp',
  'ask again':    'giveUp',
  'again':        'giveUp',
};

export function moveWithoutAnswer(lostAnswer: TransactionSpec['lostAnswer']): Move {
  return MOVE_WITHOUT_ANSWER[lostAnswer];
}
