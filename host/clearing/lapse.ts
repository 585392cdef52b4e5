/**
 * Pre-authorisations that were not completed in their days lapse: what they hold goes back to its lots.
 * Normative: the money design page, "Pre-authorisation". Two steps: one writes down which are due, the
 * other releases them one by one, each in a commit of its own, in the day that is open by then. Killed in
 * between, the next run releases the rest and tells the same.
 */
import { addDays, PosError, sumFen } from '../../protocol/index.ts';
import { coverOwed } from '../cards/holder-debt.ts';
import { canonicalJson } from '../journal/record.ts';
import { entryDigest } from '../journal/transaction-record.ts';
import { releaseEntry } from '../ledger/entries.ts';
import type { Entry } from '../ledger/model.ts';
import { applyToLots } from '../ledger/spend.ts';
import type { CommitItem, Found } from '../store/port.ts';
import type { TransactionRow } from '../store/rows.ts';
import type { StepContext, StepOutcome } from './step-context.ts';

export interface DueHolds {
  /** programme.preAuthorisationDays when the step ran. */
  readonly days: number;
  /** Held on or before this business date. */
  readonly upTo: string;
  readonly transactionIds: readonly string[];
}
export interface LapsedHolds {
  readonly released: readonly string[];
  /** Completed, voided or reversed after they were listed. */
  readonly endedOtherwise: readonly string[];
  /** Fen that went back to their accounts. */
  readonly amount: number;
}

/** How often a hold is tried again when its account moved under it. */
const ATTEMPTS_MAX = 8;

/** A hold of day D may be completed through D + days: it is due when that day is cleared. */
export async function listDueHolds({ store, directory, businessDate }: StepContext): Promise<StepOutcome> {
  const days = directory.programme.preAuthorisationDays;
  const upTo = addDays(businessDate, -days);
  const due: string[] = [];
  for await (const page of store.scan('transactions', { kind: 'preAuthorisation', state: 'approved' })) {
    due.push(...page.filter((row) => row.businessDate <= upTo).map(({ transactionId }) => transactionId));
  }
  const output: DueHolds = { days, upTo, transactionIds: due };
  return { output };
}

export async function lapseHolds(context: StepContext): Promise<StepOutcome> {
  const { transactionIds } = context.output('due-holds') as DueHolds;
  const released: string[] = [];
  const endedOtherwise: string[] = [];
  let amount = 0;
  for (const transactionId of transactionIds) {
    const hold = await ended(context, transactionId);
    if (hold.state === 'released') {
      released.push(transactionId);
      amount += heldBy(hold);
    } else endedOtherwise.push(transactionId);
  }
  const output: LapsedHolds = { released, endedOtherwise, amount };
  return { output };
}

/** Releases the hold if it stands still. @returns its row as it is then */
async function ended(context: StepContext, transactionId: string): Promise<TransactionRow> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const found = await context.store.read({ transactionIds: [transactionId] });
    const hold = found.transactions.find((row) => row.transactionId === transactionId);
    if (hold === undefined) throw new PosError('NOT_FOUND', `transaction ${transactionId}`);
    if (hold.state !== 'approved') return hold;
    const [outcome] = await context.store.commit([releasing(context, found, hold)]);
    if (outcome?.committed === false && outcome.failure !== null) throw outcome.failure;
  }
  throw new PosError(
    'CLEARING_STEP',
    `lapse-holds: ${transactionId}: 账户一直在变化 its account kept changing`,
  );
}

function releasing(context: StepContext, { accounts, lots, day }: Found, hold: TransactionRow): CommitItem {
  const account = accounts.find(({ accountId }) => accountId === hold.accountId);
  if (account === undefined || hold.money === null)
    throw new PosError('INVARIANT', `hold ${hold.transactionId} has its account and its money`);
  const { accountId } = account;
  const stamp = (entryId: string) => ({
    entryId,
    businessDate: day.businessDate,
    cause: { kind: 'run', id: context.runId } as const,
    at: context.clock.now(),
    branchId: hold.branchId,
    terminalId: hold.terminalId,
    corrects: hold.entryId,
  });
  const entryId = `lapse-${hold.transactionId}`;
  const entry = releaseEntry(stamp(entryId), { accountId, lots: hold.money.lots });
  const before = lots.filter((lot) => lot.accountId === accountId);
  const debt = coverOwed(account, applyToLots(before, hold.money.lots, 1), day.businessDate, () => ({
    ...stamp(`${entryId}-debt`),
    corrects: null,
  }));
  const entries = debt.entry === null ? [entry] : [entry, debt.entry];
  return {
    guards: [
      { kind: 'version', table: 'transactions', key: hold.transactionId, version: hold.version },
      { kind: 'version', table: 'accounts', key: accountId, version: account.version },
      { kind: 'version', table: 'days', key: day.businessDate, version: day.version },
    ],
    changes: {
      transactions: [{ ...hold, version: hold.version + 1, state: 'released' }],
      accounts: [{ ...account, version: account.version + 1, owed: debt.owed }],
      lots: debt.lots.filter((lot) => !before.includes(lot)),
      entries,
    },
    journal: entries.map((made) => ({ body: lapseRecord(context, hold, made) })),
  };
}

function lapseRecord(context: StepContext, hold: TransactionRow, entry: Entry): string {
  const { runId, person, role, reason } = context;
  return canonicalJson({
    ...{ type: 'hold-lapsed', runId, person, role, reason },
    transactionId: hold.transactionId,
    heldOn: hold.businessDate,
    event: entry.event,
    entryId: entry.entryId,
    entryDigest: entryDigest(entry),
    at: entry.at,
    businessDate: entry.businessDate,
  });
}

function heldBy(hold: TransactionRow): number {
  return sumFen((hold.money?.lots ?? []).map(({ amount }) => amount));
}
