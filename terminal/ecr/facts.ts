/** What a till asks for without a transaction: totals of the open batch, devices, debts. */
import type { TerminalDeps } from '../deps.ts';
import { openReversals } from '../exchange/request.ts';
import { openRepeats } from '../flows/repeat.ts';
import type { TerminalState } from '../journal/model.ts';
import { countedTransactions, isPending, totalsOf } from '../journal/state.ts';
import type { TillAnswer } from './model.ts';

type Facts = NonNullable<TillAnswer['facts']>;

/** As the settlement would send them now. Amounts in fen. */
export function batchFacts(state: TerminalState): Facts {
  const { debitAmount, debitCount, creditAmount, creditCount } = totalsOf(
    countedTransactions(state, state.batch),
  );
  return { batch: state.batch, debitFen: debitAmount, debitCount, creditFen: creditAmount, creditCount };
}

/** As the drivers last saw the devices: no device is asked, so this works while a request runs. */
export function deviceFacts(deps: TerminalDeps, active: string | null): Facts {
  const { state } = deps.journal;
  return {
    reader: deps.reader.state(),
    pinPad: deps.pinPad.state(),
    printer: deps.printer.state(),
    operator: state.operator,
    signedIn: state.signedIn,
    signInDue: state.signInDue,
    batch: state.batch,
    openReversals: openReversals(state).length,
    openRepeats: openRepeats(deps).length,
    pendingSlips: state.slips.filter(isPending).length,
    settlement: state.settlement?.phase ?? null,
    unacknowledged: state.tillRequests.filter(({ acknowledgedAt }) => acknowledgedAt === null).length,
    active,
  };
}
