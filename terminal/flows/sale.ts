/** Sale 消费: 0200 000000. A lost answer is reversed. */
import { yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { performOnline } from '../exchange/online.ts';
import { beforeSlipTransaction } from './before.ts';
import { amountFrom, cardFrom, display, pinFrom } from './card-input.ts';
import { finish } from './finish.ts';
import type { CommandResult } from './result.ts';

export interface SaleInput {
  readonly amount?: string;
  readonly keyed?: boolean;
}

export async function sale(deps: TerminalDeps, input: SaleInput): Promise<CommandResult> {
  // 1. Operator, keys, debts, paper.
  await beforeSlipTransaction(deps);
  // 2. Amount, card, PIN. Cancelling here leaves no trace of money anywhere.
  const amount = await amountFrom(deps, input.amount);
  await display(deps, ['消费 SALE', yuan(amount)]);
  const card = await cardFrom(deps, input.keyed === true);
  const pinBlock = await pinFrom(deps, card, amount);
  // 3. Journal, send, judge, journal.
  const outcome = await performOnline(deps, {
    kind: 'sale',
    amount,
    card,
    pinBlock,
    original: null,
    supervisor: null,
  });
  // 4. Tell, and print what the journal holds.
  return finish(deps, outcome);
}
