/** Balance 余额查询: 0200 310000. Moves no money; a lost answer is nothing. */
import { yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { performOnline } from '../exchange/online.ts';
import { balancesOf } from '../spool/slips.ts';
import { beforeTransaction } from './before.ts';
import { cardFrom, display, pinFrom } from './card-input.ts';
import { finish } from './finish.ts';
import { answered, type CommandResult } from './result.ts';

export async function balance(deps: TerminalDeps, keyed: boolean): Promise<CommandResult> {
  // 1. Operator, keys, debts. No slip, so no paper.
  await beforeTransaction(deps);
  // 2. Card and PIN.
  await display(deps, ['余额查询', 'BALANCE']);
  const card = await cardFrom(deps, keyed);
  const pinBlock = await pinFrom(deps, card, null);
  // 3. Send.
  const outcome = await performOnline(deps, {
    kind: 'balance',
    amount: null,
    card,
    pinBlock,
    original: null,
    supervisor: null,
  });
  if (outcome.transaction.state !== 'approved' || outcome.message === null) return finish(deps, outcome);
  // 4. The balance is shown to the holder, and only its figures to the clerk.
  const amounts = balancesOf(outcome.message);
  const available = amounts('available');
  await display(deps, ['余额 BALANCE', available === null ? '-' : yuan(available)]);
  return answered(outcome.code ?? '00', {
    balance: available,
    principal: amounts('principal'),
    bonus: amounts('bonus'),
    points: amounts('points'),
  });
}
