/** Repeats 重发: a refund and its like are sent again, the same bytes but for DE64, until they are answered. */
import { codec, type MessageValues, PosError, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { identityOf, judge, REVERSAL_REASON, type Verdict } from '../exchange/answer.ts';
import { current, settleOutcome } from '../exchange/online.ts';
import { sinceOf } from '../exchange/owed.ts';
import { macAgain, openCardIfPossible, withMac } from '../exchange/request.ts';
import type { TransactionRecord } from '../journal/model.ts';
import { STATES, stateAfter } from '../transaction-states.ts';
import { JUDGES_NOTHING } from './judges-nothing.ts';
import { askSupervisor } from './operator-check.ts';
import { closeByFate } from './repeat-fate.ts';
import { signInIfDue } from './sign-in.ts';

/** What is noted of a try that could not be sent at all. */
const NO_CARD = 'no card';

const HOUR_MS = 3_600_000;

/** Sends each open repeat once, also those set aside. What stays open does not hold up a transaction. */
export async function sendRepeats(deps: TerminalDeps): Promise<void> {
  for (const one of openRepeats(deps)) {
    if (isDoubtful(deps, one)) tellDoubtful(deps, one);
    else await sendRepeat(deps, one);
  }
}

/**
 * True when a person must say first that it is still owed: it was sent, or last confirmed, longer ago than
 * the setting, or in what is the future now that the clock was put back. The host would take it at any
 * age, and once; but the holder may have been given the money elsewhere meanwhile, in cash or in parts.
 */
export function isDoubtful(deps: TerminalDeps, one: TransactionRecord): boolean {
  const age = deps.clock.now() - Date.parse(one.confirmed?.at ?? one.at);
  return age > deps.config.repeatFreshHours * HOUR_MS || age < -HOUR_MS;
}

function tellDoubtful(deps: TerminalDeps, one: TransactionRecord): void {
  const [since, money] = [sinceOf(one), yuan(one.amount)];
  deps.clerk.show(
    `凭证号${one.trace} ${money}元 ${one.panMasked ?? ''} 自${since}未得应答,须主管确认后再发(命令 repeat decide)`,
    `${one.kind} ${one.trace} of ${money} yuan, card ${one.panMasked ?? 'unknown'}, is unanswered since ${since}: a supervisor says first whether it is still owed (repeat decide)`,
  );
}

/** Before a settlement nothing may wait but what a supervisor set aside. @throws NOT_ALLOWED_NOW, HOST_UNREACHABLE */
export async function clearRepeats(deps: TerminalDeps): Promise<void> {
  await sendRepeats(deps);
  for (let round = 1; round < deps.config.repeatTries; round += 1) {
    for (const one of waiting(deps)) if (!isDoubtful(deps, one)) await sendRepeat(deps, one);
  }
  const [open] = waiting(deps);
  if (open === undefined) return;
  throw new PosError(
    'NOT_ALLOWED_NOW',
    `${open.kind} ${open.trace} is not answered yet: it comes before the settlement; try again, or let a supervisor set it aside (command: repeat decide)`,
  );
}

/** Repeats without an answer, also those set aside, oldest first. */
export function openRepeats(deps: TerminalDeps): readonly TransactionRecord[] {
  return deps.journal.state.transactions.filter((one) => {
    const { open } = STATES[one.state];
    return open === 'repeat' || open === 'repeat aside';
  });
}

function waiting(deps: TerminalDeps): readonly TransactionRecord[] {
  return openRepeats(deps).filter((one) => one.state === 'repeatDue');
}

/**
 * The operator decides about a repeat whose tries are used up, or that is old: go on, or a supervisor sets
 * it aside. It keeps being sent, is named at each settlement, and is never deleted. That an old one is
 * still owed is a supervisor's word, in the journal, and good for as long as it is not old again.
 *
 * @throws NOT_ALLOWED_NOW while it has tries left; OPERATOR_REFUSED, CANCELLED
 */
export async function decideRepeat(deps: TerminalDeps, one: TransactionRecord): Promise<void> {
  const { repeatTries } = deps.config;
  const isOld = isDoubtful(deps, one);
  if (one.repeats < repeatTries && !isOld) {
    throw new PosError('NOT_ALLOWED_NOW', `${one.trace} was repeated ${one.repeats} times of ${repeatTries}`);
  }
  if (isOld) tellDoubtful(deps, one);
  const choice = await deps.clerk.ask('repeatDecision', `凭证号${one.trace}`);
  if (choice === '1') {
    if (isOld) await confirmOwed(deps, one);
    await sendOrAsk(deps, one);
  }
  if (choice !== '2' || one.state === 'repeatAside') return;
  const by = await askSupervisor(deps);
  const to = stateAfter(one.state, 'setAside');
  await deps.journal.append({ type: 'transaction moved', ut: one.ut, move: 'setAside', to, by });
  deps.clerk.show(
    '重发已挂起,继续后台发送,结算时列示',
    'set aside: it keeps being sent and is named at settlement',
  );
}

/** On demand: a repeat, or where none can be made, the question what became of it. */
export async function sendOrAsk(deps: TerminalDeps, one: TransactionRecord): Promise<void> {
  if ((await sendRepeat(deps, one)) === 'no card') await closeByFate(deps, current(deps, one.ut));
}

async function confirmOwed(deps: TerminalDeps, one: TransactionRecord): Promise<void> {
  const by = await askSupervisor(deps);
  const at = new Date(deps.clock.now()).toISOString();
  await deps.journal.append({ type: 'repeat confirmed', ut: one.ut, by, at });
}

/** One repeat, if it is still open. @throws HOST_UNREACHABLE: nothing was sent, no try was used up */
async function sendRepeat(deps: TerminalDeps, found: TransactionRecord): Promise<'sent' | 'no card'> {
  await deps.link.connect();
  await signInIfDue(deps);
  await deps.link.connect();
  const one = current(deps, found.ut);
  if (STATES[one.state].open === 'no') return 'sent';
  deps.clerk.show(`重发 凭证号${one.trace}`, `repeating ${one.kind} ${one.trace}`);
  const repeat = await repeatOf(deps, one);
  if (repeat === null) {
    await deps.journal.append({ type: 'repeat tried', ut: one.ut, code: NO_CARD });
    deps.clerk.show(
      `凭证号${one.trace}的卡号无法解密,请主管处理(命令 repeat send)`,
      `the card of ${one.trace} cannot be opened by this PIN pad: a supervisor decides (repeat send)`,
    );
    return NO_CARD;
  }
  const { body, request } = repeat;
  const exchange = await deps.link.exchange(body, identityOf(request, deps.journal.state));
  const verdict = closingOnly(await judge(deps, request, exchange));
  if (verdict.kind === 'not final') {
    await deps.journal.append({ type: 'repeat tried', ut: one.ut, code: verdict.code ?? 'silent' });
  }
  await settleOutcome(deps, current(deps, one.ut), verdict);
  return 'sent';
}

/** What judges nothing closes no repeat: the first sending may have been approved. */
function closingOnly(verdict: Verdict): Verdict {
  if (verdict.kind === 'not final' || !JUDGES_NOTHING.includes(verdict.facts.code)) return verdict;
  const { code } = verdict.facts;
  return {
    kind: 'not final',
    reason: REVERSAL_REASON.other,
    code,
    why: `${code} says nothing of the first sending`,
  };
}

/**
 * The first bytes with a fresh MAC; after a restart the same fields with the card by number. Without DE57
 * to a host that does not speak it (any more). Null: the card cannot be opened.
 */
async function repeatOf(
  deps: TerminalDeps,
  one: TransactionRecord,
): Promise<{ body: Buffer; request: MessageValues } | null> {
  const sent = deps.sentBodies.get(one.ut);
  const mayKeep57 = one.request.fields['57'] === undefined || deps.journal.state.peerSpeaksDe57;
  if (sent !== undefined && mayKeep57) {
    return { body: await macAgain(deps.pinPad, sent), request: codec.decode(sent).toObject() };
  }
  const fields =
    sent === undefined ? await fieldsFromJournal(deps, one) : { ...codec.decode(sent).toObject().fields };
  if (fields === null) return null;
  if (!mayKeep57) delete fields[57];
  const request = { mti: one.request.mti, fields };
  return { body: await withMac(deps.pinPad, request), request };
}

async function fieldsFromJournal(
  deps: TerminalDeps,
  one: TransactionRecord,
): Promise<Record<number, string> | null> {
  const card = await openCardIfPossible(deps, one);
  if (card === null && one.sealedCard !== null) return null;
  const fields: Record<number, string> = { ...one.request.fields };
  if (card !== null) Object.assign(fields, { 2: card.pan, 14: card.expiry });
  return fields;
}
