/** Who may do what: the operator who is logged on, or a supervisor who comes to the counter. */
import { PosError } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { checkPassword } from '../operators.ts';

/** The operator logged on. @throws OPERATOR_REFUSED when nobody is, or the system operator */
export function cashierOnDuty(deps: TerminalDeps): string {
  const { operator, operators } = deps.journal.state;
  if (operator === null) throw new PosError('OPERATOR_REFUSED', 'nobody is logged on');
  if (operators[operator]?.role === 'system') {
    throw new PosError('OPERATOR_REFUSED', 'the system operator makes no transactions');
  }
  return operator;
}

/**
 * A supervisor's word for a void, a refund or setting a reversal aside.
 * @returns the supervisor's number
 * @throws OPERATOR_REFUSED, CANCELLED
 */
export async function askSupervisor(deps: TerminalDeps): Promise<string> {
  const { operator, operators } = deps.journal.state;
  if (operator !== null && operators[operator]?.role === 'supervisor') return operator;
  const id = await deps.clerk.ask('supervisor');
  const password = await deps.clerk.ask('supervisorPassword');
  await checkPassword(deps, id, password);
  if (deps.journal.state.operators[id]?.role !== 'supervisor') {
    throw new PosError('OPERATOR_REFUSED', `operator ${id} is no supervisor`);
  }
  return id;
}
