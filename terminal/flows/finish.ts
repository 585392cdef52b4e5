/** After the outcome is journalled: the clerk and the customer are told, slips are printed. */
import { responseCode, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import type { Outcome } from '../exchange/online.ts';
import { printOwn } from '../spool/printing.ts';
import { balancesOf } from '../spool/slips.ts';
import { display } from './card-input.ts';
import { answered, type CommandResult, transactionFacts } from './result.ts';

export async function finish(deps: TerminalDeps, outcome: Outcome): Promise<CommandResult> {
  const { transaction, message } = outcome;
  const balance = message === null ? null : balancesOf(message)('available');
  const facts = { ...transactionFacts(transaction), balance, ...moneyFacts(deps, transaction.ut) };
  switch (transaction.state) {
    case 'approved': {
      const lines =
        balance === null ? ['交易成功', 'APPROVED'] : ['交易成功', 'APPROVED', '余额 BALANCE', yuan(balance)];
      await display(deps, lines);
      await printOwn(deps, transaction.ut);
      return answered(outcome.code ?? '00', facts);
    }
    case 'declined': {
      const { zh, en } = responseCode(outcome.code ?? '');
      await display(deps, [zh, en]);
      return answered(outcome.code ?? '', facts);
    }
    case 'reversalDue':
      return open(
        deps,
        outcome,
        facts,
        '结果未知,下笔交易前自动冲正',
        'result unknown: it is reversed before the next transaction',
      );
    case 'repeatDue':
      return open(
        deps,
        outcome,
        facts,
        '结果未知,将自动重发',
        'result unknown: it is repeated until it is answered',
      );
    default:
      return open(deps, outcome, facts, '无有效应答', 'no valid answer');
  }
}

/** What the slip says of the money: null where the host did not say. */
function moneyFacts(deps: TerminalDeps, ut: string): CommandResult['facts'] {
  const slip = deps.journal.state.slips.find(({ id }) => id === ut)?.slip;
  if (slip?.form !== 'transaction') return {};
  const { gross, discount, paid, rebate, pointsEarned } = slip.data;
  return { gross, discount, paid, rebate, pointsEarned };
}

/** No valid answer: what the host said, if anything, and what happens next. */
async function open(
  deps: TerminalDeps,
  outcome: Outcome,
  facts: CommandResult['facts'],
  zh: string,
  en: string,
): Promise<CommandResult> {
  await display(deps, ['交易未完成', 'NOT COMPLETED']);
  const { code, why } = outcome;
  // An approval that proves nothing is not shown as one: the clerk would hand over the goods.
  const refusal = code === null || responseCode(code).approved ? null : responseCode(code);
  const said = refusal === null ? '' : ` [${refusal.code} ${refusal.zh} ${refusal.en}]`;
  return {
    ok: false,
    code: refusal?.code ?? 'HOST_SILENT',
    zh: `${zh}${said}`,
    en: `${en} (${why})`,
    hint: '',
    facts,
  };
}
