/** The fold: records → what the terminal is in the middle of. Pure; a record is applied exactly once. */
import {
  ensure,
  type Fen,
  fen,
  type SideTotals,
  TRANSACTIONS,
  type TransactionKind,
} from '../../protocol/index.ts';
import { applyTill, linked, neededByTill, withClosedBatch } from '../ecr/memory.ts';
import { moveWithoutAnswer, STATES, stateAfter, type TransactionState } from '../transaction-states.ts';
import type {
  JournalEvent,
  OperatorRecord,
  SlipCopyState,
  SlipRecord,
  TerminalState,
  TransactionRecord,
} from './model.ts';

const VOIDS: readonly TransactionKind[] = ['void', 'completionVoid', 'preAuthorisationVoid'];
const NUMBER_MAX = 999_999;

/** 000001…999999, then 000001 again: traces and batches. */
export function numberAfter(number: number): number {
  return number >= NUMBER_MAX ? 1 : number + 1;
}

export function traceAfter(trace: string): string {
  return String(numberAfter(Number(trace))).padStart(6, '0');
}

/** A terminal that has never been used. */
export function newTerminalState(terminalId: string, merchantId: string): TerminalState {
  return {
    terminalId,
    merchantId,
    batch: 1,
    nextTrace: '000001',
    signedIn: false,
    signInDue: null,
    peerSpeaksDe57: false,
    operator: null,
    operators: {},
    transactions: [],
    slips: [],
    settlement: null,
    segmentDone: false,
    tillRequests: [],
  };
}

/** The state after one record. */
export function apply(state: TerminalState, event: JournalEvent): TerminalState {
  switch (event.type) {
    case 'segment opened':
      // A journal begun before tills were known has none.
      return { ...event.state, tillRequests: event.state.tillRequests ?? [] };
    case 'operator set':
      return withOperator(state, event.operator);
    case 'operator removed':
      return withoutOperator(state, event.id);
    case 'password wrong': {
      const known = state.operators[event.id];
      ensure(known !== undefined, 'a wrong password names an operator of this terminal');
      const wrongTries = event.lockedUntil > 0 ? 0 : known.wrongTries + 1;
      return withOperator(state, { ...known, wrongTries, lockedUntil: event.lockedUntil });
    }
    case 'logged on': {
      const known = state.operators[event.id];
      ensure(known !== undefined, 'only an operator of this terminal logs on');
      return { ...withOperator(state, { ...known, wrongTries: 0, lockedUntil: 0 }), operator: event.id };
    }
    case 'logged off':
      return { ...state, operator: null };
    case 'trace taken':
      return { ...state, nextTrace: traceAfter(event.trace) };
    case 'signed in':
      return { ...state, signedIn: true, signInDue: null, peerSpeaksDe57: event.peerSpeaksDe57 };
    case 'sign-in due':
      return { ...state, signInDue: event.code };
    case 'signed off':
      return { ...state, signedIn: false };
    case 'batch adopted':
      return { ...state, batch: event.batch, segmentDone: true };
    case 'transaction sent':
      return {
        ...state,
        nextTrace: traceAfter(event.transaction.trace),
        transactions: [...state.transactions, event.transaction],
        tillRequests: linked(state.tillRequests, event.requestId, event.transaction.ut),
      };
    case 'transaction moved':
      return afterMove(state, event);
    case 'reversal tried':
      return withTransaction(state, event.ut, (one) => ({
        ...one,
        reversal: one.reversal && { ...one.reversal, tries: one.reversal.tries + 1, lastCode: event.code },
      }));
    case 'repeat tried':
      return withTransaction(state, event.ut, (one) => ({ ...one, repeats: one.repeats + 1 }));
    case 'repeat confirmed':
      return withTransaction(state, event.ut, (one) => ({
        ...one,
        confirmed: { by: event.by, at: event.at },
      }));
    case 'slip moved':
      return {
        ...state,
        slips: state.slips.map((slip) => (slip.id === event.id ? slipAfter(slip, event) : slip)),
      };
    case 'till request accepted':
    case 'till request finished':
    case 'till request acknowledged':
      return { ...state, tillRequests: applyTill(state.tillRequests, event) };
    default:
      return applySettlement(state, event);
  }
}

type SettlementEvent = Extract<
  JournalEvent,
  {
    type:
      | 'settlement started'
      | 'settlement answered'
      | 'upload sent'
      | 'upload taken'
      | 'settlement stopped'
      | 'batch closed';
  }
>;

function applySettlement(state: TerminalState, event: SettlementEvent): TerminalState {
  if (event.type === 'settlement started') {
    return { ...state, nextTrace: traceAfter(event.settlement.trace), settlement: event.settlement };
  }
  const { settlement } = state;
  ensure(settlement !== null, `${event.type} belongs to a settlement`);
  switch (event.type) {
    case 'settlement answered': {
      const { ownResult, foreignResult, host, stamp, next } = event;
      return { ...state, settlement: { ...settlement, phase: next, ownResult, foreignResult, host, stamp } };
    }
    case 'upload sent':
      return {
        ...state,
        nextTrace: traceAfter(event.trace),
        settlement: { ...settlement, uploadTrace: event.trace },
      };
    case 'upload taken':
      return {
        ...state,
        settlement: { ...settlement, phase: event.next, taken: event.taken, uploadTrace: null },
      };
    case 'settlement stopped':
      return { ...state, settlement: null };
    case 'batch closed':
      return {
        ...state,
        batch: numberAfter(state.batch),
        settlement: null,
        slips: [...state.slips, event.slip],
        segmentDone: true,
        tillRequests: withClosedBatch(state.tillRequests, state.batch),
      };
  }
}

function afterMove(
  state: TerminalState,
  event: Extract<JournalEvent, { type: 'transaction moved' }>,
): TerminalState {
  const moved = withTransaction(state, event.ut, (one) => {
    const to = stateAfter(one.state, event.move);
    ensure(to === event.to, 'the record names the state that its move leads to');
    ensure(isEarned(one, event), 'a debt is left only by what the host said under a right MAC');
    return {
      ...one,
      state: to,
      sealedCard: needsCard(one, to) ? one.sealedCard : null,
      answer: event.answer ?? one.answer,
      reversal: debtAfter(one, event),
    };
  });
  const marked = withVoided(moved, event);
  return event.slip === undefined ? marked : { ...marked, slips: [...marked.slips, event.slip] };
}

/** Silence makes of a transaction what its row says, never less; approvals and declines bring their answer. */
function isEarned(
  one: TransactionRecord,
  { move, answer }: Extract<JournalEvent, { type: 'transaction moved' }>,
): boolean {
  if (move === 'approve' || move === 'decline') return answer !== undefined;
  if (one.state !== 'sent') return true;
  return move === moveWithoutAnswer(TRANSACTIONS[one.kind].lostAnswer);
}

/** An approved void marks what it voided in the same record: no power cut can come between the two. */
function withVoided(
  state: TerminalState,
  event: Extract<JournalEvent, { type: 'transaction moved' }>,
): TerminalState {
  const one = state.transactions.find((other) => other.ut === event.ut);
  if (one === undefined || event.move !== 'approve' || !VOIDS.includes(one.kind)) return state;
  const voided = state.transactions.find(
    (other) => other.ut === one.original?.ut && other.state === 'approved',
  );
  if (voided === undefined) return state;
  return withTransaction(state, voided.ut, (other) => ({ ...other, state: stateAfter(other.state, 'void') }));
}

function debtAfter(
  one: TransactionRecord,
  event: Extract<JournalEvent, { type: 'transaction moved' }>,
): TransactionRecord['reversal'] {
  switch (event.move) {
    case 'owe':
      return { reason: event.reason ?? '98', tries: 0, lastCode: null, setAsideBy: null };
    case 'tryAgain':
      return one.reversal && { ...one.reversal, tries: 0, setAsideBy: null };
    case 'setAside':
      return one.reversal && { ...one.reversal, setAsideBy: event.by ?? null };
    default:
      return one.reversal;
  }
}

/** The batch upload, a repeat, a reversal, a completion name the card; nothing else does after the answer. */
function needsCard(one: TransactionRecord, to: TransactionState): boolean {
  if (STATES[to].open !== 'no') return true;
  return STATES[to].counted && (TRANSACTIONS[one.kind].counts !== 'no' || one.kind === 'preAuthorisation');
}

function withTransaction(
  state: TerminalState,
  ut: string,
  change: (one: TransactionRecord) => TransactionRecord,
): TerminalState {
  ensure(
    state.transactions.some((one) => one.ut === ut),
    'the record names a transaction of this journal',
  );
  return { ...state, transactions: state.transactions.map((one) => (one.ut === ut ? change(one) : one)) };
}

function withOperator(state: TerminalState, operator: OperatorRecord): TerminalState {
  return { ...state, operators: { ...state.operators, [operator.id]: operator } };
}

function withoutOperator(state: TerminalState, id: string): TerminalState {
  const operators = Object.fromEntries(Object.entries(state.operators).filter(([known]) => known !== id));
  return { ...state, operators, operator: state.operator === id ? null : state.operator };
}

function slipAfter(slip: SlipRecord, event: Extract<JournalEvent, { type: 'slip moved' }>): SlipRecord {
  return {
    ...slip,
    copies: slip.copies.map((one) => (one.copy === event.copy ? { ...one, state: event.to } : one)),
  };
}

/** True while a copy of the slip is to be printed here and is not on paper. */
export function isPending(slip: SlipRecord): boolean {
  return slip.copies.some(({ state }) => isCopyPending(state));
}

export function isCopyPending(state: SlipCopyState): boolean {
  return state !== 'printed' && state !== 'elsewhere';
}

/** What the next batch begins with: what is open, or a till must still be told of; the last settlement for a reprint. */
export function carriedOver(state: TerminalState): TerminalState {
  const needed = neededByTill(state.tillRequests);
  const lastSettlement = state.slips.findLast((slip) => slip.slip.form === 'settlement');
  return {
    ...state,
    transactions: state.transactions.filter(
      ({ ut, state: now }) => STATES[now].open !== 'no' || needed.has(ut),
    ),
    slips: state.slips.filter((slip) => isPending(slip) || slip === lastSettlement || needed.has(slip.id)),
    settlement: null,
    segmentDone: false,
  };
}

/** The transactions that a batch's totals count: approved, also when voided since. */
export function countedTransactions(state: TerminalState, batch: number): readonly TransactionRecord[] {
  return state.transactions.filter(
    (one) => one.batch === batch && STATES[one.state].counted && TRANSACTIONS[one.kind].counts !== 'no',
  );
}

/** What was approved: the request's amount, or less when the host approved a part. */
export function approvedAmount(one: TransactionRecord): Fen {
  return one.answer?.amount ?? one.amount;
}

/** Own-card totals for DE48: amounts are DE4, gross. */
export function totalsOf(transactions: readonly TransactionRecord[]): SideTotals {
  const totals = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };
  for (const one of transactions) {
    if (TRANSACTIONS[one.kind].counts === 'debit') {
      totals.debitAmount = fen(totals.debitAmount + approvedAmount(one));
      totals.debitCount += 1;
    } else {
      totals.creditAmount = fen(totals.creditAmount + approvedAmount(one));
      totals.creditCount += 1;
    }
  }
  return totals;
}
