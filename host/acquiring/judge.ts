/**
 * Judging one request, in the dialect's order: terminal → keys → presence → sameness → batch →
 * transaction, card, PIN, limits, balance; then its flow acts. This is the work that the engine does.
 */
import { ensure } from '../../protocol/index.ts';
import type { HostDeps } from '../deps.ts';
import type { Wants } from '../store/port.ts';
import { type Answer, type Answered, answered, judgedAt, slipLines } from './answer.ts';
import { type Check, firstFailure, missing, REMEMBERED, type Stage } from './checks.ts';
import { flowOf } from './dispatch.ts';
import { conclude } from './effects/deed.ts';
import { noteOwed, wantOwed } from './effects/owed-list.ts';
import { type Presented, presentedCard } from './facts/presented-card.ts';
import { burntUtKey } from './identity.ts';
import { journalSecurityEvent } from './journal-body.ts';
import { Judgement } from './judgement.ts';
import { carriesMac, type Request } from './request.ts';
import { batchKey } from './row-names.ts';
import { mergeWants, NotRead, type View } from './view.ts';
import type { Decision, Work } from './work.ts';

/** The request as work for the engine; its result is the answer's frame, LEN included, and what it says. */
export function judging(deps: HostDeps, request: Request): Work<Answered> {
  const flow = flowOf(request.spec?.kind);
  // Read once: what the frame shows clearly does not change with what the host knows.
  const shown = presentedCard(deps, request, null);
  const judgementOn = (view: View) => new Judgement({ deps, request, view, shown, isServed: flow !== null });
  const wanted = [commonWants(request, shown), wantOwed(request), flow?.wants?.(request) ?? null].filter(
    (wants) => wants !== null,
  );
  return {
    // All of it rides in one read with what others want: most want no more than everybody.
    wants: mergeWants(wanted),
    more(view) {
      if (flow?.more === undefined && shown.kind !== 'sealed') return null;
      let j: Judgement | undefined;
      const judgement = () => (j ??= judgementOn(view));
      // The card number of an encrypted track is known once the terminal's keys are.
      const hash = shown.kind === 'sealed' ? judgement().card?.panHash : undefined;
      if (hash !== undefined && !view.hasAsked(hash)) return { panHashes: [hash] };
      return flow?.more?.(judgement, deps, view) ?? null;
    },
    // A balance query has no identity: after an unknown outcome it would count a wrong PIN twice.
    recognisesItself: request.spec?.kind !== 'balance',
    decide: (view) => decide(judgementOn(view)),
  };
}

function commonWants(request: Request, shown: Presented): Wants {
  const { terminalId, batch, identity, ut } = request;
  return {
    terminalIds: [terminalId],
    identities: ut === null ? [identity] : [identity, burntUtKey(ut)],
    uts: ut === null ? [] : [ut],
    batches: [{ key: batchKey(terminalId, batch), withTransactions: false }],
    panHashes: shown.kind === 'card' ? [shown.card.panHash] : [],
  };
}

function decide(j: Judgement): Decision<Answered> {
  const { deps, request } = j;
  try {
    const answer = judge(j);
    noteOwed(j, answer);
    return { item: j.writes.item(), answer: ({ head }) => answered(j, answer, head) };
  } catch (error) {
    if (error instanceof NotRead) throw error;
    // Nothing of it is written, so 96 is the truth; with the MAC, where it was right, it is final.
    deps.metrics.count('refused', '96 decision failed');
    deps.log.error(
      { err: error, terminal: request.terminalId, trace: request.trace },
      'a request could not be judged',
    );
    const answer: Answer = { fields: { ...judgedAt(j), 39: '96' }, items: [] };
    return { item: null, answer: () => answered(j, answer, null) };
  }
}

/** Before a repeat is answered again, and after. */
const EARLY: readonly Stage[] = ['terminal', 'keys', 'presence', 'sameness'];
const LATE: readonly Stage[] = ['batch', 'transaction', 'card', 'original', 'PIN', 'limits', 'balance'];

function judge(j: Judgement): Answer {
  const early = firstFailure(j, EARLY);
  if (early !== null) {
    sealRefusal(j, early);
    return refuse(j, early);
  }

  // The same request again gets the same answer and has no second effect.
  const answer = j.known?.answer ?? null;
  if (answer !== null && j.kind !== undefined && REMEMBERED.includes(j.kind)) {
    j.deps.metrics.count('answered again', j.kind);
    return answer;
  }

  const failure = firstFailure(j, LATE);
  if (failure !== null) return refuse(j, failure);

  const flow = flowOf(j.kind);
  ensure(flow !== null, 'a kind without a flow was refused before');
  j.deps.metrics.count('judged', j.kind);
  return flow.act(j);
}

/**
 * A terminal or merchant that may not trade (03, 58) is refused before its keys are looked at, but it
 * may hold usable ones: without a MAC under them the refusal would close nothing at the terminal.
 */
function sealRefusal(j: Judgement, check: Check): void {
  if (check.stage !== 'terminal' || check.code === '97' || !carriesMac(j.request.message.mti)) return;
  if (j.mac.right) j.keys = j.mac.keys;
}

function refuse(j: Judgement, check: Check): Answer {
  const { deps, request } = j;
  const dropped = check.after?.(j) === true;
  deps.metrics.count('refused', `${check.code} ${check.name}`);
  const about = {
    terminal: request.terminalId,
    trace: request.trace,
    kind: j.kind,
    code: check.code,
    check: check.name,
  };
  if (check.audited || dropped) {
    journalSecurityEvent(j, dropped ? 'keys dropped after wrong MACs' : check.name);
    deps.log.warn(about, 'refused, and audited');
  } else deps.log.info({ ...about, ...(check.code === '30' ? { missing: missing(j) } : {}) }, 'refused');

  const { lines = [] } = check;
  if (!check.remembered || j.kind === undefined) {
    return { fields: { ...judgedAt(j), 39: check.code, ...slipLines(lines) }, items: [] };
  }
  return conclude(j, deps.numbers.nextId(j.now), {
    code: check.code,
    state: 'declined',
    original: j.original,
    lines: () => lines,
    remembered: REMEMBERED.includes(j.kind),
  });
}
