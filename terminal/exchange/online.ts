/** The part that all financial transactions share: from the draft to a journalled outcome and its slips. */
import { ensure, fen, type Message, type MessageValues, responseCode } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import type { AnswerFacts, TransactionRecord } from '../journal/model.ts';
import { transactionSlip } from '../spool/slips.ts';
import { type Move, moveWithoutAnswer, STATES, stateAfter } from '../transaction-states.ts';
import { identityOf, judge, REVERSAL_REASON, type Verdict } from './answer.ts';
import { checkSafe } from './owed.ts';
import {
  type Draft,
  journalledRequest,
  maskedPan,
  requestFields,
  sealCard,
  specOf,
  withMac,
} from './request.ts';
import { newUt } from './ut.ts';

const ZERO = fen(0);

export interface Outcome {
  readonly transaction: TransactionRecord;
  /** DE39 of the answer, also of one that closed nothing; null when none came. */
  readonly code: string | null;
  /** The answer under a right MAC; null otherwise. */
  readonly message: Message | null;
  readonly why: string;
}

/**
 * Sends one financial request and journals what became of it.
 *
 * Up to the first `append` nothing of it exists anywhere and every failure is without consequence.
 * From then on the journal knows at least as much as the world.
 *
 * @throws HOST_UNREACHABLE, NOT_ALLOWED_NOW (checkSafe) and device failures, all before anything was sent
 */
export async function performOnline(deps: TerminalDeps, draft: Draft): Promise<Outcome> {
  const { journal, pinPad } = deps;
  const spec = specOf(draft.kind);
  checkSafe(deps, draft);

  // 1. The last moment for a till to call it back. A line first: what cannot be sent needs no reversal.
  deps.till?.reached('online');
  await deps.link.connect();

  // 2. Identity, bytes and MAC. The head in `TH` is one before this transaction's first record: only a
  //    till's acknowledgement can come between them.
  const { state, head } = journal;
  const ut = newUt(deps);
  const fields = requestFields(draft, spec, { ut, trace: state.nextTrace, head }, state);
  const request: MessageValues = { mti: spec.mti, fields };
  const body = await withMac(pinPad, request);
  const isOwed = spec.lostAnswer === 'reversal' || spec.lostAnswer === 'repeat';
  const sealedCard = isOwed ? ((await sealCard(deps, draft.card)) ?? draft.sealedCard ?? null) : null;

  // 3. Identity and, for a reversible request, the debt of a reversal are on the disk before it is sent.
  const sent = sentRecord(deps, draft, { ut, request, sealedCard });
  const requestId = deps.till?.requestId;
  await journal.append({ type: 'transaction sent', transaction: sent, ...(requestId && { requestId }) });
  if (spec.lostAnswer === 'repeat') deps.sentBodies.set(ut, body);

  // 4. Send, and wait for what belongs to it.
  const exchange = await deps.link.exchange(body, identityOf(request, state));
  if (exchange.kind === 'answer') deps.wishes.wanted = exchange.wanted;

  // 5. The outcome is in the journal, with its slip, before anybody is told.
  return settleOutcome(deps, sent, await judge(deps, request, exchange));
}

/** Journals what a verdict makes of a transaction that was sent, or repeated. */
export async function settleOutcome(
  deps: TerminalDeps,
  sent: TransactionRecord,
  verdict: Verdict,
): Promise<Outcome> {
  if (verdict.kind === 'not final') {
    if (sent.state === 'sent') await leaveOpen(deps, sent, verdict.reason);
    await noteSignIn(deps, verdict.code);
    logOutcome(deps, sent, verdict.code, null);
    return { transaction: current(deps, sent.ut), code: verdict.code, message: null, why: verdict.why };
  }
  const { facts, message, approved } = verdict;
  await closeTransaction(deps, sent, approved ? 'approve' : 'decline', facts, message);
  await noteSignIn(deps, facts.code);
  logOutcome(deps, sent, facts.code, facts.rrn);
  return { transaction: current(deps, sent.ut), code: facts.code, message, why: '' };
}

/** One line by which a transaction is followed from here to the host's log, journal and files. */
function logOutcome(
  deps: TerminalDeps,
  sent: TransactionRecord,
  code: string | null,
  rrn: string | null,
): void {
  const { ut, kind, batch, trace } = sent;
  const { state } = current(deps, ut);
  deps.log.info({ ut, rrn, terminal: deps.config.terminalId, batch, trace, kind, code, state }, 'outcome');
}

async function closeTransaction(
  deps: TerminalDeps,
  sent: TransactionRecord,
  move: Move,
  facts: AnswerFacts,
  message: Message,
): Promise<void> {
  const to = stateAfter(sent.state, move);
  const hasSlip = STATES[to].counted && sent.kind !== 'balance' && sent.kind !== 'fateQuery';
  await deps.journal.append({
    type: 'transaction moved',
    ut: sent.ut,
    move,
    to,
    answer: facts,
    ...(hasSlip && { slip: transactionSlip(deps, sent, facts, message) }),
  });
  deps.sentBodies.delete(sent.ut);
}

/** Without a valid answer: a reversal is due, or a repeat, or nothing can be owed. */
async function leaveOpen(deps: TerminalDeps, sent: TransactionRecord, reason: string): Promise<void> {
  const move = moveWithoutAnswer(specOf(sent.kind).lostAnswer);
  await deps.journal.append({
    type: 'transaction moved',
    ut: sent.ut,
    move,
    to: stateAfter(sent.state, move),
    ...(move === 'owe' && { reason }),
  });
}

/**
 * What was sent and never judged: by a power cut, or by a defect of ours between send and record. No
 * transaction runs while this is called, so silence is its answer.
 *
 * @returns how many there were
 */
export async function closeUnjudged(deps: TerminalDeps): Promise<number> {
  const sent = deps.journal.state.transactions.filter((one) => one.state === 'sent');
  for (const one of sent) await leaveOpen(deps, one, REVERSAL_REASON.noAnswer);
  return sent.length;
}

/** 22, 77, 99 and A0 force a sign-in before the next transaction. */
export async function noteSignIn(deps: TerminalDeps, code: string | null): Promise<void> {
  if (code === null || !responseCode(code).signInFirst) return;
  await deps.journal.append({ type: 'sign-in due', code });
}

export function current(deps: TerminalDeps, ut: string): TransactionRecord {
  const found = deps.journal.state.transactions.find((one) => one.ut === ut);
  ensure(found !== undefined, 'a transaction of this journal');
  return found;
}

function sentRecord(
  deps: TerminalDeps,
  draft: Draft,
  facts: { ut: string; request: MessageValues; sealedCard: string | null },
): TransactionRecord {
  const { state } = deps.journal;
  ensure(state.operator !== null, 'somebody is logged on');
  return {
    ut: facts.ut,
    kind: draft.kind,
    state: 'sent',
    batch: state.batch,
    trace: state.nextTrace,
    amount: draft.amount ?? ZERO,
    operator: state.operator,
    supervisor: draft.supervisor,
    panMasked: maskedPan(draft),
    sealedCard: facts.sealedCard,
    entry: draft.card?.entry ?? 'S',
    expiry: draft.card?.expiry ?? null,
    pinChecked: draft.pinBlock !== null,
    request: journalledRequest(facts.request.mti, facts.request.fields),
    original: draft.original,
    at: new Date(deps.clock.now()).toISOString(),
    answer: null,
    reversal: null,
    repeats: 0,
  };
}
