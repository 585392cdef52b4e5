/**
 * What became of a repeat that can be sent no more: the PIN pad was exchanged or reset, and nobody can open
 * its card. The fate query names no card. It also settles what never came: 25 burns the identity, so that
 * the refund can be made anew and counts once. Source: dialect, fate query.
 */
import { ensure, type Message, PosError, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { fateOf, type Verdict } from '../exchange/answer.ts';
import { current, performOnline, settleOutcome } from '../exchange/online.ts';
import { utAsSent } from '../exchange/request.ts';
import type { TransactionRecord } from '../journal/model.ts';
import { STATES } from '../transaction-states.ts';
import { askSupervisor } from './operator-check.ts';

const UNKNOWN_TO_HOST = '25';

/**
 * A supervisor lets the host be asked; its word under a right MAC closes the repeat.
 * @throws CANCELLED, OPERATOR_REFUSED, NOT_ALLOWED_NOW when the host's word settles nothing yet
 */
export async function closeByFate(deps: TerminalDeps, one: TransactionRecord): Promise<void> {
  const { trace, batch } = one;
  const money = yuan(one.amount);
  deps.clerk.show(
    `凭证号${trace} ${money}元不能再发:可向主机查询结果;主机若未收到则作废,须重新办理`,
    `${one.kind} ${trace} of ${money} yuan can be sent no more: the host can be asked; if it never had it, it never will, and it is made anew`,
  );
  const answer = await deps.clerk.ask('confirm', `凭证号${trace} ${money}`);
  if (answer !== '1') throw new PosError('CANCELLED', 'the host was not asked');
  const supervisor = await askSupervisor(deps);
  const { message, code } = await performOnline(deps, {
    kind: 'fateQuery',
    amount: null,
    card: null,
    pinBlock: null,
    original: { ut: utAsSent(one), batch, trace, date: null, rrn: null, auth: null },
    supervisor,
    panMasked: one.panMasked,
  });
  const verdict = message === null ? null : verdictOf(one, message, code);
  if (verdict === null)
    throw new PosError('NOT_ALLOWED_NOW', `${trace} stays open: the host does not say what became of it`);
  await settleOutcome(deps, current(deps, one.ut), verdict);
  tell(deps, current(deps, one.ut), code);
}

/** Approved, declined, or never came; null while the host says anything else, or of another amount. */
function verdictOf(one: TransactionRecord, message: Message, code: string | null): Verdict | null {
  const facts = {
    rrn: message.get(37) ?? null,
    auth: message.get(38) ?? null,
    date: message.get(13) ?? null,
    time: message.get(12) ?? null,
    amount: one.amount,
  };
  if (code === UNKNOWN_TO_HOST)
    return { kind: 'final', approved: false, facts: { ...facts, code: UNKNOWN_TO_HOST }, message };
  const fate = fateOf(message);
  if (code !== '00' || fate === null || Number(message.get(4)) !== one.amount) return null;
  if (fate.state !== 'A' && fate.state !== 'D') return null;
  return { kind: 'final', approved: fate.state === 'A', facts: { ...facts, code: fate.code }, message };
}

function tell(deps: TerminalDeps, one: TransactionRecord, code: string | null): void {
  ensure(STATES[one.state].open === 'no', 'the word of the host closed it');
  const { zh, en } = STATES[one.state];
  deps.clerk.show(`凭证号${one.trace}:主机记录${zh}`, `${one.trace}: the host says ${en}`);
  if (code === UNKNOWN_TO_HOST)
    deps.clerk.show(
      `主机从未收到凭证号${one.trace},已作废:仍须退款的请重新办理`,
      `the host never had ${one.trace} and takes it no more: make it anew if it is still owed`,
    );
}
