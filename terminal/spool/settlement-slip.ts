/** What the settlement slip says: totals, rows by kind, every item, and what is still owed. */
import { ensure, fen, localTimeOf, type TransactionKind } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { firstCopyState, isRunningSettle } from '../ecr/memory.ts';
import { openReversals } from '../exchange/request.ts';
import type { Settlement, SlipRecord, TransactionRecord } from '../journal/model.ts';
import { approvedAmount, countedTransactions } from '../journal/state.ts';
import type { SettlementItem, SettlementRow } from '../receipt/index.ts';
import { STATES } from '../transaction-states.ts';
import { shopOf } from './slips.ts';

const NO_FOREIGN = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };

export function settlementSlip(deps: TerminalDeps, settlement: Settlement): SlipRecord {
  const { state } = deps.journal;
  const { own, ownResult, foreignResult, host } = settlement;
  ensure(ownResult !== null && foreignResult !== null, 'a settlement that closes was answered');
  const counted = countedTransactions(state, state.batch);
  return {
    id: `settlement-${state.batch}-${settlement.trace}`,
    slip: {
      form: 'settlement',
      data: {
        shop: shopOf(deps, settlement.operator),
        batch: state.batch,
        stamp: settlement.stamp ?? localTimeOf(deps.clock.now()).stamp,
        ownResult,
        foreignResult,
        own,
        foreign: NO_FOREIGN,
        host,
        rows: rowsOf(counted),
        details: counted.map(itemOf),
        failed: failedItems(deps),
      },
    },
    copies: [{ copy: 'merchant', state: firstCopyState(state.tillRequests, isRunningSettle) }],
  };
}

/** What a supervisor set aside: it is owed still, and named until it is answered. */
function failedItems(deps: TerminalDeps): readonly SettlementItem[] {
  const { state } = deps.journal;
  const repeats = state.transactions.filter((one) => STATES[one.state].open === 'repeat aside');
  return [
    ...openReversals(state).map((one) => ({ ...itemOf(one), reason: '冲正挂起 REVERSAL OPEN' })),
    ...repeats.map((one) => ({ ...itemOf(one), reason: '重发挂起 REPEAT OPEN' })),
  ];
}

function rowsOf(counted: readonly TransactionRecord[]): readonly SettlementRow[] {
  const rows = new Map<TransactionKind, SettlementRow>();
  for (const one of counted) {
    const row = rows.get(one.kind) ?? { kind: one.kind, count: 0, amount: fen(0) };
    rows.set(one.kind, {
      kind: one.kind,
      count: row.count + 1,
      amount: fen(row.amount + approvedAmount(one)),
    });
  }
  return [...rows.values()];
}

function itemOf(one: TransactionRecord): SettlementItem {
  return { kind: one.kind, trace: one.trace, panMasked: one.panMasked ?? '', amount: approvedAmount(one) };
}
