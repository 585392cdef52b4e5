/** Void 消费撤销 and completion void 完成撤销: the whole of a transaction of this batch, found by its voucher. */
import { ensure, PosError, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { performOnline } from '../exchange/online.ts';
import type { TransactionRecord } from '../journal/model.ts';
import { approvedAmount } from '../journal/state.ts';
import { beforeSlipTransaction } from './before.ts';
import { display } from './card-input.ts';
import { finish } from './finish.ts';
import { askSupervisor } from './operator-check.ts';
import type { CommandResult } from './result.ts';

/** What voids what. */
const VOID_OF = { sale: 'void', completion: 'completionVoid' } as const;

export async function voidTransaction(
  deps: TerminalDeps,
  voucher: string | undefined,
): Promise<CommandResult> {
  // 1. Operator, keys, debts, paper; a supervisor must agree.
  await beforeSlipTransaction(deps);
  // 2. The original, by voucher number, in this batch.
  const original = findVoidable(deps, voucher ?? (await deps.clerk.ask('voucher')));
  const supervisor = await askSupervisor(deps);
  const amount = approvedAmount(original);
  await confirm(deps, original, yuan(amount));
  await display(deps, ['撤销 VOID', yuan(amount)]);
  // 3. Send. No card and no PIN: DE37 and DE61 name the original.
  const { answer } = original;
  ensure(answer !== null, 'an approved transaction has its answer');
  const outcome = await performOnline(deps, {
    kind: voidKind(original),
    amount,
    card: null,
    entryMode: original.request.fields['22']?.slice(0, 2) ?? '02',
    pinBlock: null,
    original: {
      ut: original.ut,
      batch: original.batch,
      trace: original.trace,
      date: original.kind === 'completion' ? answer.date : null,
      rrn: answer.rrn,
      auth: answer.auth,
    },
    supervisor,
    sealedCard: original.sealedCard,
    panMasked: original.panMasked,
  });
  // 4. The record of an approved void marks its original too: nothing is voided twice.
  return finish(deps, outcome);
}

/** The voucher's transaction, if it may be voided. @throws NOT_FOUND, NOT_ALLOWED_NOW */
function findVoidable(deps: TerminalDeps, voucher: string): TransactionRecord {
  const { state } = deps.journal;
  const trace = voucher.trim().padStart(6, '0');
  const found = state.transactions.find((one) => one.trace === trace && one.batch === state.batch);
  if (found === undefined || !(found.kind in VOID_OF)) {
    throw new PosError(
      'NOT_FOUND',
      `no sale or completion ${trace} in batch ${state.batch}; of an older batch: refund it`,
    );
  }
  if (found.state !== 'approved') {
    throw new PosError('NOT_ALLOWED_NOW', `${trace} is ${found.state}`);
  }
  return found;
}

function voidKind(original: TransactionRecord): 'void' | 'completionVoid' {
  return original.kind === 'completion' ? VOID_OF.completion : VOID_OF.sale;
}

async function confirm(deps: TerminalDeps, original: TransactionRecord, amountText: string): Promise<void> {
  const answer = await deps.clerk.ask('confirm', `${original.panMasked ?? ''} ${amountText}`);
  if (answer !== '1') throw new PosError('CANCELLED', 'the clerk did not confirm');
}
