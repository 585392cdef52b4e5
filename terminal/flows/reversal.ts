/** Reversal 冲正: goes first before the next transaction, is never deleted, and in the end asks a person. */
import { localTimeOf, type MessageValues, PosError } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { identityOf, judge } from '../exchange/answer.ts';
import { current, noteSignIn } from '../exchange/online.ts';
import {
  openCardIfPossible,
  openReversals,
  privateItems,
  utAsSent,
  utItems,
  withMac,
} from '../exchange/request.ts';
import type { SlipRecord, TransactionRecord } from '../journal/model.ts';
import { shopOf } from '../spool/slips.ts';
import { stateAfter } from '../transaction-states.ts';
import { askSupervisor } from './operator-check.ts';
import { signInIfDue } from './sign-in.ts';

/** DE39 of a 0410 that closes the debt: reversed, undone otherwise, never came. */
const CLOSES: readonly string[] = ['00', '12', '25'];
/** Never in a 0400. Source: dialect, reversal row; 37 and 63 belong to the answer and the refund. */
const NOT_IN_REVERSAL: readonly number[] = [26, 35, 36, 37, 52, 53, 57, 63, 64];

/**
 * Sends what is owed, before anything else may be sent.
 *
 * @param purpose a settlement waits for no one: it is refused while a decision is due; a transaction
 *   asks the operator for that decision
 * @throws NOT_ALLOWED_NOW while a debt is open; HOST_UNREACHABLE (no try was used up)
 */
export async function clearReversals(
  deps: TerminalDeps,
  purpose: 'transaction' | 'settlement',
): Promise<void> {
  for (const { ut, state } of openReversals(deps.journal.state)) {
    if (state === 'setAside') await sendReversal(deps, ut);
    else await clearOne(deps, ut, purpose);
  }
}

async function clearOne(
  deps: TerminalDeps,
  ut: string,
  purpose: 'transaction' | 'settlement',
): Promise<void> {
  for (;;) {
    await tryOut(deps, ut);
    const { state } = current(deps, ut);
    if (state !== 'decisionDue') return;
    if (purpose === 'settlement') {
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `the reversal of ${current(deps, ut).trace} is open: decide it first (command: reversal)`,
      );
    }
    if (!(await decide(deps, ut))) return;
  }
}

/** Sends one reversal until it is closed or its tries are used up. */
async function tryOut(deps: TerminalDeps, ut: string): Promise<void> {
  while (current(deps, ut).state === 'reversalDue') {
    deps.clerk.show(
      `冲正发送中 凭证号${current(deps, ut).trace}`,
      `sending the reversal of ${current(deps, ut).trace}`,
    );
    await sendReversal(deps, ut);
    const { state, reversal } = current(deps, ut);
    if (state === 'reversalDue' && (reversal?.tries ?? 0) >= deps.config.reversalTries) {
      await deps.journal.append({
        type: 'transaction moved',
        ut,
        move: 'exhaust',
        to: stateAfter(state, 'exhaust'),
      });
    }
  }
}

/**
 * One 0400. Only 00, 12 or 25 under a right MAC close the debt.
 *
 * @throws HOST_UNREACHABLE: nothing was sent, no try was used up
 */
export async function sendReversal(deps: TerminalDeps, ut: string): Promise<void> {
  await deps.link.connect();
  await signInIfDue(deps);
  await deps.link.connect();
  const one = current(deps, ut);
  const request = await reversalRequest(deps, one);
  const body = await withMac(deps.pinPad, request);
  const exchange = await deps.link.exchange(body, identityOf(request, deps.journal.state));
  const verdict = await judge(deps, request, exchange);
  const code = verdict.kind === 'final' ? verdict.facts.code : (verdict.code ?? 'silent');
  if (verdict.kind === 'final' && CLOSES.includes(code)) {
    await deps.journal.append({
      type: 'transaction moved',
      ut,
      move: 'reversed',
      to: stateAfter(one.state, 'reversed'),
    });
    deps.clerk.show(`冲正成功 凭证号${one.trace}`, `reversed: ${one.trace} (${code})`);
    return;
  }
  await deps.journal.append({ type: 'reversal tried', ut, code });
  await noteSignIn(deps, verdict.kind === 'final' ? code : verdict.code);
  deps.log.warn({ trace: one.trace, code }, 'a reversal stays open');
}

/** The original's own fields and trace, with the reason; the card by number, never by track. */
export async function reversalRequest(deps: TerminalDeps, one: TransactionRecord): Promise<MessageValues> {
  const card = await openCardIfPossible(deps, one);
  const kept = Object.entries(one.request.fields).filter(
    ([field]) => !NOT_IN_REVERSAL.includes(Number(field)),
  );
  const fields: Record<number, string> = Object.fromEntries(kept);
  fields[39] = one.reversal?.reason ?? '98';
  if (card !== null) Object.assign(fields, { 2: card.pan, 14: card.expiry });
  const de57 = privateItems(deps.journal.state, utItems(utAsSent(one)));
  if (de57 !== null) fields[57] = de57;
  return { mti: '0400', fields };
}

/**
 * The operator decides: try again, or a supervisor sets it aside. Never: forget it.
 *
 * @returns true when another round of tries was chosen
 * @throws NOT_ALLOWED_NOW when nothing was decided
 */
export async function decide(deps: TerminalDeps, ut: string): Promise<boolean> {
  const one = current(deps, ut);
  const choice = await deps.clerk.ask(
    'reversalDecision',
    `凭证号${one.trace} ${one.reversal?.lastCode ?? ''}`,
  );
  if (choice === '1') {
    await deps.journal.append({
      type: 'transaction moved',
      ut,
      move: 'tryAgain',
      to: stateAfter(one.state, 'tryAgain'),
    });
    return true;
  }
  if (choice === '2') {
    const by = await askSupervisor(deps);
    await deps.journal.append({
      type: 'transaction moved',
      ut,
      move: 'setAside',
      to: stateAfter(one.state, 'setAside'),
      by,
      slip: failureSlip(deps, one),
    });
    deps.clerk.show(
      '冲正已挂起,继续后台发送,结算时列示',
      'set aside: it keeps being sent and is named at settlement',
    );
    return false;
  }
  throw new PosError('NOT_ALLOWED_NOW', `the reversal of ${one.trace} waits for a decision`);
}

function failureSlip(deps: TerminalDeps, one: TransactionRecord): SlipRecord {
  const lastCode = one.reversal?.lastCode ?? 'silent';
  const data = {
    shop: shopOf(deps, one.operator),
    kind: one.kind,
    panMasked: one.panMasked,
    batch: one.batch,
    trace: one.trace,
    amount: one.amount,
    stamp: localTimeOf(deps.clock.now()).stamp,
    tries: one.reversal?.tries ?? 0,
    reason: lastCode === 'silent' ? '主机无应答 HOST SILENT' : `应答码 CODE ${lastCode}`,
  };
  return {
    id: `reversal-${one.ut}`,
    slip: { form: 'reversal failure', data },
    copies: [{ copy: 'merchant', state: 'spooled' }],
  };
}
