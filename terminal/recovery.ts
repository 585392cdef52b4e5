/** What the terminal was in the middle of when it stopped. Runs once, before the first command. */
import type { TerminalDeps } from './deps.ts';
import { closeUnjudged } from './exchange/online.ts';
import { isPending } from './journal/state.ts';
import { STATES } from './transaction-states.ts';

/** Found at start, for the operator to read. */
export interface Recovery {
  /** Sent and never answered: now a reversal or a repeat is due. */
  readonly unanswered: number;
  readonly reversalsOpen: number;
  readonly repeatsOpen: number;
  readonly slipsPending: number;
  readonly settlementPhase: string | null;
}

/**
 * A transaction that was sent has no answer any more: silence was its answer. Slips and settlement
 * phases need no record, they already stand where they must be taken up.
 */
export async function recover(deps: TerminalDeps): Promise<Recovery> {
  const unanswered = await closeUnjudged(deps);
  await signInWhenPadIsEmpty(deps);
  const { transactions, slips, settlement } = deps.journal.state;
  const count = (open: string) => transactions.filter((one) => STATES[one.state].open === open).length;
  return {
    unanswered,
    reversalsOpen: count('reversal') + count('set aside'),
    repeatsOpen: count('repeat') + count('repeat aside'),
    slipsPending: slips.filter(isPending).length,
    settlementPhase: settlement?.phase ?? null,
  };
}

/** A pad that was exchanged holds no working keys: the next message would have no MAC. */
async function signInWhenPadIsEmpty(deps: TerminalDeps): Promise<void> {
  const { signedIn, signInDue } = deps.journal.state;
  if (!signedIn || signInDue !== null) return;
  try {
    const { macCheckValue } = await deps.pinPad.status();
    if (macCheckValue === null) await deps.journal.append({ type: 'sign-in due', code: 'A0' });
  } catch {
    // An absent pad is told as a device fault; its keys are looked at when it is back.
  }
}
