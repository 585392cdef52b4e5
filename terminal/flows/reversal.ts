/** Reversal 冲正: goes first before the next transaction, is never deleted, and in the end asks a person. */
import { localTimeOf, type MessageValues, PosError } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { identityOf, judge } from '../exchange/answer.ts';
import { current, noteSignIn } from '../exchange/online.ts';
import { owedText, sinceOf } from '../exchange/owed.ts';
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
 * Sends what is owed, before anything else may be sent. What has tries left is tried until they are used
 * up; what waits for a person, or was set aside, is sent once more.
 *
 * @param purpose a settlement waits for no one: it is refused while a decision is due. A transaction
 *   asks the operator for that decision, or, by the setting `afterReversalTries`, goes on: then
 *   `checkSafe` lets only other cards' transactions pass.
 * @throws NOT_ALLOWED_NOW while a debt is in the way; HOST_UNREACHABLE (no try was used up)
 */
export async function clearReversals(
  deps: TerminalDeps,
  purpose: 'transaction' | 'settlement',
): Promise<void> {
  const open = openReversals(deps.journal.state);
  for (const { ut } of open.filter((one) => one.state === 'reversalDue')) await tryOut(deps, ut);
  await sendOnceMore(
    deps,
    open.filter((one) => one.state !== 'reversalDue'),
  );
  const [undecided] = decisionsDue(deps);
  if (undecided === undefined) return;
  if (purpose === 'settlement') {
    const { zh, en } = owedText(undecided);
    deps.clerk.show(`结算前须处理:${zh}`, `before a settlement: ${en}`);
    throw new PosError('NOT_ALLOWED_NOW', `${en}: decide it first (command: reversal decide)`);
  }
  if (deps.config.afterReversalTries === 'ask') await decideAll(deps);
  else
    deps.clerk.show(
      `仍有${decisionsDue(deps).length}笔冲正待主管处理(命令 reversal),其他卡可继续`,
      `${decisionsDue(deps).length} reversals wait for a supervisor (command: reversal); other cards go on`,
    );
}

function decisionsDue(deps: TerminalDeps): readonly TransactionRecord[] {
  return openReversals(deps.journal.state).filter((one) => one.state === 'decisionDue');
}

async function decideAll(deps: TerminalDeps): Promise<void> {
  for (const { ut } of decisionsDue(deps)) {
    while (current(deps, ut).state === 'decisionDue' && (await decide(deps, ut))) await tryOut(deps, ut);
  }
}

/** One try each, the least tried first. After a silence the rest waits for the next time: a customer does. */
async function sendOnceMore(deps: TerminalDeps, waiting: readonly TransactionRecord[]): Promise<void> {
  const tries = (one: TransactionRecord) => one.reversal?.tries ?? 0;
  for (const { ut } of [...waiting].sort((a, b) => tries(a) - tries(b))) {
    if ((await sendReversal(deps, ut)) === 'silent') return;
  }
}

/** Sends one reversal until it is closed or its tries are used up; then a person must know. */
async function tryOut(deps: TerminalDeps, ut: string): Promise<void> {
  while (current(deps, ut).state === 'reversalDue') {
    deps.clerk.show(
      `冲正发送中 凭证号${current(deps, ut).trace}`,
      `sending the reversal of ${current(deps, ut).trace}`,
    );
    await sendReversal(deps, ut);
    const one = current(deps, ut);
    if (one.state !== 'reversalDue' || (one.reversal?.tries ?? 0) < deps.config.reversalTries) continue;
    await deps.journal.append({
      type: 'transaction moved',
      ut,
      move: 'exhaust',
      to: stateAfter(one.state, 'exhaust'),
      ...failureSlip(deps, one),
    });
    const { zh, en } = owedText(one);
    deps.clerk.show(`冲正未成功:${zh}`, `the reversal did not succeed: ${en}`);
  }
}

/**
 * One 0400. Only 00, 12 or 25 under a right MAC close the debt.
 *
 * @returns what it met: DE39 of the answer, or 'silent'
 * @throws HOST_UNREACHABLE: nothing was sent, no try was used up
 */
export async function sendReversal(deps: TerminalDeps, ut: string): Promise<string> {
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
      code,
    });
    deps.clerk.show(`冲正成功 凭证号${one.trace}`, `reversed: ${one.trace} (${code})`);
    return code;
  }
  await deps.journal.append({ type: 'reversal tried', ut, code });
  await noteSignIn(deps, verdict.kind === 'final' ? code : verdict.code);
  deps.log.warn({ trace: one.trace, code }, 'a reversal stays open');
  return code;
}

/** The original's own fields and trace, with the reason; the card by number, never by track. */
export async function reversalRequest(deps: TerminalDeps, one: TransactionRecord): Promise<MessageValues> {
  const card = await openCardIfPossible(deps, one);
  if (card === null && one.sealedCard !== null) {
    deps.clerk.show(
      `密码键盘已更换或重置,凭证号${one.trace}的卡号无法解密:冲正不带卡号发送`,
      `the PIN pad was exchanged or reset: the reversal of ${one.trace} goes out without its card number`,
    );
  }
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
  const { zh, en } = owedText(one);
  const choice = await deps.clerk.ask('reversalDecision', `${zh} / ${en}`);
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
      ...failureSlip(deps, one),
    });
    deps.clerk.show(
      '冲正已挂起,继续后台发送,结算时列示',
      'set aside: it keeps being sent and is named at settlement',
    );
    return false;
  }
  throw new PosError('NOT_ALLOWED_NOW', `${en}: it waits for a decision (command: reversal decide)`);
}

/** The slip 冲正失败, once for each debt and batch: nothing when it is spooled or on paper already. */
function failureSlip(deps: TerminalDeps, one: TransactionRecord): { slip?: SlipRecord } {
  const id = `reversal-${one.ut}`;
  if (deps.journal.state.slips.some((slip) => slip.id === id)) return {};
  const lastCode = one.reversal?.lastCode ?? 'silent';
  const data = {
    shop: shopOf(deps, one.operator),
    kind: one.kind,
    panMasked: one.panMasked,
    batch: one.batch,
    trace: one.trace,
    amount: one.amount,
    since: sinceOf(one),
    stamp: localTimeOf(deps.clock.now()).stamp,
    tries: one.reversal?.tries ?? 0,
    reason: lastCode === 'silent' ? '主机无应答 HOST SILENT' : `应答码 CODE ${lastCode}`,
  };
  return {
    slip: {
      id,
      slip: { form: 'reversal failure', data },
      copies: [{ copy: 'merchant', state: 'spooled' }],
    },
  };
}
