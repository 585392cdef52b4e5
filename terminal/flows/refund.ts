/** Refund 退货: 0220 200000, also of a closed batch and in parts. A lost answer is repeated, never reversed. */
import { PosError, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { performOnline } from '../exchange/online.ts';
import type { OriginalReference } from '../journal/model.ts';
import { beforeSlipTransaction } from './before.ts';
import { amountFrom, cardFrom, display } from './card-input.ts';
import { finish } from './finish.ts';
import { askSupervisor } from './operator-check.ts';
import type { CommandResult } from './result.ts';

/** DE63 of a refund: no card organisation is named. */
const ANY_ORGANISATION = '000';
const UNKNOWN_TRACE = '000000';

export interface RefundInput {
  readonly amount?: string;
  /** DE37 of the original. */
  readonly reference?: string;
  /** MMDD of the original. */
  readonly date?: string;
  readonly keyed?: boolean;
}

export async function refund(deps: TerminalDeps, input: RefundInput): Promise<CommandResult> {
  // 1. Operator, keys, debts, paper; a supervisor must agree.
  await beforeSlipTransaction(deps);
  const supervisor = await askSupervisor(deps);
  // 2. What of, and how much.
  const amount = await amountFrom(deps, input.amount);
  const original = await originalFrom(deps, input);
  // 3. The card that bought. No PIN: money comes back.
  await display(deps, ['退货 REFUND', yuan(amount)]);
  const card = await cardFrom(deps, input.keyed === true);
  // 4. Send; from here on it is repeated until it is answered.
  const outcome = await performOnline(deps, {
    kind: 'refund',
    amount,
    card,
    pinBlock: null,
    original,
    supervisor,
    extra: { 63: ANY_ORGANISATION },
  });
  return finish(deps, outcome);
}

/** DE37 and date as on the slip; batch and voucher from our journal, zeros when another terminal sold it. */
async function originalFrom(deps: TerminalDeps, input: RefundInput): Promise<OriginalReference> {
  const rrn = (input.reference ?? (await deps.clerk.ask('reference'))).trim();
  if (!/^[0-9A-Za-z]{12}$/.test(rrn)) throw new PosError('INPUT_BAD', 'a reference number is 12 characters');
  const ours = deps.journal.state.transactions.find((one) => one.answer?.rrn === rrn);
  const date = input.date ?? ours?.answer?.date ?? (await deps.clerk.ask('originalDate'));
  if (!/^(0[1-9]|1[0-2])([0-2]\d|3[01])$/.test(date)) throw new PosError('INPUT_BAD', 'a date is MMDD');
  return {
    ut: ours?.ut ?? null,
    batch: ours?.batch ?? 0,
    trace: ours?.trace ?? UNKNOWN_TRACE,
    date,
    rrn,
    auth: ours?.answer?.auth ?? null,
  };
}
