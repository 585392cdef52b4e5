/** Answers: made from what the journal holds, so that each can be made again after a power cut. Pure. */
import { ensure, FAILURES, type FailureCode, PosError, responseCode } from '../../protocol/index.ts';
import { type CommandResult, failed } from '../flows/result.ts';
import type { SlipRecord, TerminalState, TransactionRecord } from '../journal/model.ts';
import { isPending } from '../journal/state.ts';
import { type SlipData, slipText } from '../receipt/index.ts';
import { layOut } from '../spool/slips.ts';
import { STATES, type TransactionState } from '../transaction-states.ts';
import { TILL_CODES, type TillCode } from './codes.ts';
import type { TillAnswer, TillRequestRecord, TillSlip, TillTransaction, TillWarning } from './model.ts';
import { opRow } from './ops.ts';
import type { TillRequest } from './request.ts';
import { TILL_STATES, type TillPhase, type TillState } from './till-states.ts';

/** How a request's command ended, as long as that is known: not after a restart. */
export interface RunEnd {
  readonly result: CommandResult;
  readonly phase: TillPhase;
  readonly abortedByTill: boolean;
  /** What a reprint is about, when the till prints it. */
  readonly reprinted: SlipRecord | null;
}

/** What a transaction of the journal means to the till that asked for it. */
// biome-ignore format: a table is read by column
const STATE_OF: Readonly<Record<TransactionState, TillState>> = {
  sent:        'unknown',
  approved:    'approved',
  voided:      'approved',
  declined:    'declined',
  unanswered:  'failed',
  reversalDue: 'unknown',
  decisionDue: 'unknown',
  setAside:    'unknown',
  reversed:    'reversed',
  repeatDue:   'unknown',
  repeatAside: 'unknown',
};

type Words = Pick<TillAnswer, 'state' | 'code' | 'zh' | 'en' | 'retryable'>;

const EMPTY = {
  v: 1,
  op: null,
  requestId: null,
  tillId: null,
  orderNo: null,
  state: 'refused',
  final: false,
  code: '',
  zh: '',
  en: '',
  retryable: false,
  transaction: null,
  facts: null,
  warnings: [],
  slips: [],
  acceptedAt: null,
  finishedAt: null,
  active: null,
  requestState: null,
} as const satisfies TillAnswer;

/** Nothing was accepted. */
export function refusal(
  request: Partial<Pick<TillRequest, 'op' | 'requestId' | 'tillId' | 'orderNo'>>,
  code: TillCode,
  more: { readonly detail?: string } & Partial<Pick<TillAnswer, 'active' | 'requestState'>> = {},
): TillAnswer {
  const { detail, ...rest } = more;
  const { zh, en, retry } = TILL_CODES[code];
  return {
    ...EMPTY,
    ...namesOf(request),
    code,
    zh,
    en: detail === undefined ? en : `${en}: ${detail}`,
    retryable: retry,
    ...rest,
  };
}

/** What is answered afresh, and remembered nowhere. */
export function factsAnswer(request: TillRequest, facts: NonNullable<TillAnswer['facts']>): TillAnswer {
  return { ...EMPTY, ...namesOf(request), ...wordsOf('done', 'OK'), facts };
}

function namesOf(request: Partial<Pick<TillRequest, 'op' | 'requestId' | 'tillId' | 'orderNo'>>) {
  const { op = null, requestId = null, tillId = null, orderNo = null } = request;
  return { op, requestId, tillId, orderNo };
}

/** Where a request that is not final yet stands. @param phase null: nothing runs for it any more */
export function presentAnswer(
  state: TerminalState,
  record: TillRequestRecord,
  phase: TillPhase | null,
): TillAnswer {
  const transaction = transactionOf(state, record);
  const words =
    transaction === null || transaction.state === 'sent'
      ? wordsOf(phase ?? 'unknown', phase === null ? 'UNKNOWN' : 'RUNNING')
      : transactionWords(transaction);
  return {
    ...answerOf(record, words),
    transaction: transaction && tillTransaction(transaction, slipData(state, record), null),
  };
}

/**
 * The answer that never changes again.
 *
 * @param end null after a restart: what ran then is over
 * @returns null while a reversal or a repeat is pending
 */
export function finalAnswer(
  state: TerminalState,
  record: TillRequestRecord,
  end: RunEnd | null,
  finishedAt: string,
): TillAnswer | null {
  const transaction = transactionOf(state, record);
  if (transaction !== null && STATES[transaction.state].open !== 'no') return null;
  const slip = slipOf(state, record);
  const balance = end?.result.facts['balance'];
  return {
    ...answerOf(record, finalWords(record, transaction, end)),
    final: true,
    transaction:
      transaction &&
      tillTransaction(transaction, slipData(state, record), typeof balance === 'number' ? balance : null),
    facts: factsOf(state, record, end),
    warnings: slip !== null && isPending(slip) ? [warning('SLIP_PENDING')] : [],
    slips: tillSlips(record, slip, end),
    finishedAt,
  };
}

function tillSlips(
  record: TillRequestRecord,
  slip: SlipRecord | null,
  end: RunEnd | null,
): readonly TillSlip[] {
  if (record.print !== 'till') return [];
  const reprinted = end?.reprinted ?? null;
  if (reprinted !== null) return slipsOf(reprinted, true);
  return slip === null ? [] : slipsOf(slip, false);
}

/** A slip as text, one for each copy. */
function slipsOf(slip: SlipRecord, reprint: boolean): readonly TillSlip[] {
  return slip.copies.map(({ copy }) => ({ copy, lines: slipText(layOut(slip, copy, reprint)).split('\n') }));
}

function answerOf(record: TillRequestRecord, words: Words): TillAnswer {
  const { op, requestId, tillId, orderNo, acceptedAt } = record;
  return { ...EMPTY, op, requestId, tillId, orderNo, ...words, acceptedAt };
}

function finalWords(
  record: TillRequestRecord,
  transaction: TransactionRecord | null,
  end: RunEnd | null,
): Words {
  if (transaction !== null) return transactionWords(transaction);
  if (record.closedBatch !== null) return wordsOf('done', 'OK');
  if (end === null) return wordsOf(opRow(record.op).sends ? 'cancelled' : 'failed', 'INTERRUPTED');
  if (end.result.ok) return wordsOf('done', 'OK');
  return failureWords(end);
}

/** Without a transaction: nothing was sent for it. */
function failureWords({ result, phase, abortedByTill }: RunEnd): Words {
  const { code, zh, en, hint } = result;
  if (code === 'CANCELLED' && abortedByTill) return wordsOf('cancelled', 'ABORTED');
  const isWaiting = phase === 'waiting-card' || phase === 'waiting-pin';
  const state =
    code === 'CANCELLED' ? 'cancelled' : code === 'DEVICE_SILENT' && isWaiting ? 'timed-out' : 'failed';
  const retryable = Object.hasOwn(FAILURES, code)
    ? FAILURES[code as FailureCode].retry
    : responseCode(code).class === 'retry';
  return { state, code, zh, en: hint === '' ? en : `${en} — ${hint}`, retryable };
}

function transactionWords(one: TransactionRecord): Words {
  const state = STATE_OF[one.state];
  switch (state) {
    case 'approved':
    case 'declined': {
      const { code, zh, en, class: kind } = responseCode(one.answer?.code ?? '');
      return { state, code, zh, en, retryable: kind === 'retry' };
    }
    case 'failed': {
      const { code, zh, en } = failed(new PosError('HOST_SILENT', 'no valid answer, and nothing is owed'));
      return { state, code, zh, en, retryable: FAILURES.HOST_SILENT.retry };
    }
    default:
      return wordsOf(state, state === 'reversed' ? 'REVERSED' : 'UNKNOWN');
  }
}

/** A state in its own words where the code says nothing more. */
function wordsOf(state: TillState, code: TillCode): Words {
  const { zh, en } = code === 'RUNNING' ? TILL_STATES[state] : TILL_CODES[code];
  return { state, code, zh, en, retryable: TILL_CODES[code].retry };
}

function warning(code: TillCode): TillWarning {
  const { zh, en } = TILL_CODES[code];
  return { code, zh, en };
}

function transactionOf(state: TerminalState, record: TillRequestRecord): TransactionRecord | null {
  if (record.ut === null) return null;
  const found = state.transactions.find(({ ut }) => ut === record.ut);
  // Without this a lost transaction would be told as one that was never sent.
  ensure(found !== undefined, 'a transaction stays in the journal until its till request is final');
  return found;
}

/** The slip of the request's own transaction, or of the batch that it closed. */
function slipOf(state: TerminalState, record: TillRequestRecord): SlipRecord | null {
  const { ut, closedBatch } = record;
  const found = state.slips.find(({ id, slip }) =>
    closedBatch === null ? id === ut : slip.form === 'settlement' && slip.data.batch === closedBatch,
  );
  return found ?? null;
}

function slipData(state: TerminalState, record: TillRequestRecord): SlipData | null {
  const slip = slipOf(state, record)?.slip;
  return slip?.form === 'transaction' ? slip.data : null;
}

function tillTransaction(
  one: TransactionRecord,
  slip: SlipData | null,
  balance: number | null,
): TillTransaction {
  const { panMasked, batch, trace, answer, amount, ut } = one;
  return {
    card: panMasked,
    batch,
    voucher: trace,
    rrn: answer?.rrn ?? null,
    auth: answer?.auth ?? null,
    hostDate: answer?.date ?? null,
    hostTime: answer?.time ?? null,
    requestedFen: amount,
    approvedFen: STATES[one.state].counted ? (answer?.amount ?? amount) : null,
    discountFen: slip?.discount ?? null,
    paidFen: slip?.paid ?? null,
    rebateFen: slip?.rebate ?? null,
    pointsEarned: slip?.pointsEarned ?? null,
    balanceFen: slip?.balance ?? balance,
    ut,
  };
}

/** Of a settlement what its slip says, so that a restart cannot change it; of others what the command said. */
function factsOf(state: TerminalState, record: TillRequestRecord, end: RunEnd | null): TillAnswer['facts'] {
  const slip = slipOf(state, record)?.slip;
  if (slip?.form === 'settlement') {
    const { batch, own, ownResult, foreignResult } = slip.data;
    const { debitAmount, debitCount, creditAmount, creditCount } = own;
    return {
      batch,
      balanced: ownResult === 1 && foreignResult === 1,
      debitFen: debitAmount,
      debitCount,
      creditFen: creditAmount,
      creditCount,
    };
  }
  const isBatchKnown = record.op === 'sign-on' && end?.result.ok === true;
  return isBatchKnown ? { batch: state.batch } : null;
}
