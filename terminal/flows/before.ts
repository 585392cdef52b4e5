/** What must hold before a financial request: who, keys, room in the batch, debts, paper. In this order. */
import { PosError } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { closeUnjudged } from '../exchange/online.ts';
import { printerTrouble } from '../spool/printing.ts';
import { cashierOnDuty } from './operator-check.ts';
import { sendRepeats } from './repeat.ts';
import { clearReversals } from './reversal.ts';
import { signInIfDue } from './sign-in.ts';

/** Traces of one batch go up to 999 items on a side: the thousandth transaction is refused. */
const BATCH_MAX = 999;

/**
 * Nothing of the transaction exists yet, so everything here may throw.
 * @throws OPERATOR_REFUSED, NOT_SIGNED_IN, NOT_ALLOWED_NOW, HOST_UNREACHABLE, CANCELLED
 */
export async function beforeTransaction(deps: TerminalDeps): Promise<void> {
  cashierOnDuty(deps);
  checkSignedIn(deps);
  checkBatch(deps);
  await closeUnjudged(deps);
  await signInIfDue(deps);
  await clearReversals(deps, 'transaction');
  await sendRepeats(deps);
  await signInIfDue(deps);
}

/** As before, for what ends with a slip: paper before authorisation is asked for. Old slips wait for an idle moment. */
export async function beforeSlipTransaction(deps: TerminalDeps): Promise<void> {
  await beforeTransaction(deps);
  const trouble = await printerTrouble(deps);
  if (trouble === null) return;
  const answer = await deps.clerk.ask('noPaper', trouble.code);
  if (answer !== '1') throw new PosError('CANCELLED', `not started: ${trouble.detail}`);
}

function checkSignedIn(deps: TerminalDeps): void {
  if (!deps.journal.state.signedIn) throw new PosError('NOT_SIGNED_IN', 'this terminal has not signed in');
}

function checkBatch(deps: TerminalDeps): void {
  const { state } = deps.journal;
  if (state.settlement !== null) {
    throw new PosError('NOT_ALLOWED_NOW', 'a settlement is under way: finish it first (command: settle)');
  }
  const count = state.transactions.filter((one) => one.batch === state.batch).length;
  if (count >= BATCH_MAX) throw new PosError('NOT_ALLOWED_NOW', `the batch is full (${count}): settle first`);
  if (count >= deps.config.batchAsk) {
    deps.clerk.show(`本批已有${count}笔,请尽快结算`, `${count} transactions in this batch: settle soon`);
  }
}
