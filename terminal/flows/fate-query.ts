/** Fate query 交易状态查询: 0200 320000. Asks the host what became of a transaction; moves nothing here. */
import { PosError } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { fateOf } from '../exchange/answer.ts';
import { performOnline } from '../exchange/online.ts';
import { utAsSent } from '../exchange/request.ts';
import { STATES } from '../transaction-states.ts';
import { beforeTransaction } from './before.ts';
import { finish } from './finish.ts';
import { answered, type CommandResult } from './result.ts';

const FATE_STATES: Readonly<Record<string, { zh: string; en: string }>> = {
  A: { zh: '成功', en: 'approved' },
  D: { zh: '被拒绝', en: 'declined' },
  R: { zh: '已冲正', en: 'reversed' },
  V: { zh: '已撤销', en: 'voided' },
  P: { zh: '处理中', en: 'in progress' },
};

export async function fateQuery(deps: TerminalDeps, voucher: string | undefined): Promise<CommandResult> {
  // 1. Whose fate. While we owe a reversal or a repeat for it, that message is the question: an unknown
  //    identity would be burnt by this one.
  const trace = (voucher ?? (await deps.clerk.ask('voucher'))).trim().padStart(6, '0');
  await beforeTransaction(deps);
  const original = deps.journal.state.transactions.findLast((one) => one.trace === trace);
  if (original === undefined) throw new PosError('NOT_FOUND', `no transaction ${trace} in the open batch`);
  if (STATES[original.state].open !== 'no') {
    throw new PosError('NOT_ALLOWED_NOW', `${trace} is ${original.state}: it is resolved by itself`);
  }
  // 2. Send: the batch and trace of the original; its UT where the host speaks DE57.
  const outcome = await performOnline(deps, {
    kind: 'fateQuery',
    amount: null,
    card: null,
    pinBlock: null,
    original: { ut: utAsSent(original), batch: original.batch, trace, date: null, rrn: null, auth: null },
    supervisor: null,
    panMasked: original.panMasked,
  });
  if (outcome.message === null) return finish(deps, outcome);
  // 3. What the host knows.
  const fate = fateOf(outcome.message);
  const known = FATE_STATES[fate?.state ?? ''];
  if (known !== undefined) {
    deps.clerk.show(
      `主机记录:${known.zh} 应答码${fate?.code ?? ''}`,
      `the host says: ${known.en} (${fate?.code ?? ''})`,
    );
  }
  return answered(outcome.code ?? '', {
    trace,
    fate: fate?.state ?? null,
    fateCode: fate?.code ?? null,
    rrn: outcome.message.get(37) ?? null,
    ours: original.state,
  });
}
