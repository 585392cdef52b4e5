/** Open reversals in words, and what may be sent while one waits for a person. */
import { localTimeOf, PosError, responseCode, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import type { TransactionRecord } from '../journal/model.ts';
import { owedWords } from '../receipt/index.ts';
import { STATES } from '../transaction-states.ts';
import { type Draft, maskedPan, openReversals, specOf } from './request.ts';

/** What is owed, to whom, how much and since when; the card masked. For the operator. */
export function owedText(one: TransactionRecord): { readonly zh: string; readonly en: string } {
  const { zh, en } = owedWords(one.kind);
  const { trace, batch, panMasked } = one;
  const [money, since] = [yuan(one.amount), sinceOf(one)];
  return {
    zh: `${zh}${money}元 卡号${panMasked ?? '未知'} 凭证号${trace}(批次${batch}) 自${since} ${lastWordOf(one).zh}`,
    en: `${en.toLowerCase()}: ${money} yuan, card ${panMasked ?? 'unknown'}, voucher ${trace} of batch ${batch}, since ${since}; ${lastWordOf(one).en}`,
  };
}

/** When it was sent: UTC+8, YYYY-MM-DD hh:mm:ss. */
export function sinceOf(one: TransactionRecord): string {
  return localTimeOf(Date.parse(one.at)).stamp;
}

/** How often the reversal was tried in this round, and what the last try met. */
function lastWordOf(one: TransactionRecord): { zh: string; en: string } {
  const { tries = 0, lastCode = null } = one.reversal ?? {};
  if (tries === 0 || lastCode === null) return { zh: '冲正待发送', en: 'the reversal is to be sent' };
  if (lastCode === 'silent')
    return { zh: `已试${tries}次,主机无应答`, en: `tried ${tries} times, the host is silent` };
  const { zh, en } = responseCode(lastCode);
  return {
    zh: `已试${tries}次,应答${lastCode} ${zh}`,
    en: `tried ${tries} times, answered ${lastCode} ${en}`,
  };
}

/** Moves no money, and shows whether it was moved. */
const ALWAYS_SAFE: readonly Draft['kind'][] = ['balance', 'fateQuery', 'pointsQuery'];

/**
 * A reversal whose tries are used up, and that no supervisor has set aside, lets only other cards'
 * transactions pass. Not safe is the card that it is owed to or by (a second sale might be a second
 * charge), and whatever undoes, refunds or completes the same original: whether that stands is unknown.
 * Cards are told apart as the journal shows them, first six and last four digits; without a card number
 * nothing can be told apart.
 *
 * @throws NOT_ALLOWED_NOW naming what is owed
 */
export function checkSafe(deps: TerminalDeps, draft: Draft): void {
  if (ALWAYS_SAFE.includes(draft.kind) || specOf(draft.kind).lostAnswer === 'ask again') return;
  const pan = maskedPan(draft);
  const inTheWay = openReversals(deps.journal.state).find(
    (one) =>
      one.state === 'decisionDue' &&
      (pan === null || one.panMasked === null || pan === one.panMasked || isSameOriginal(draft, one)),
  );
  if (inTheWay === undefined) return;
  const { zh, en } = owedText(inTheWay);
  deps.clerk.show(`本卡尚有冲正未完成:${zh}`, `a reversal is open: ${en}`);
  throw new PosError(
    'NOT_ALLOWED_NOW',
    `this card's reversal comes first: ${en}; a supervisor may set it aside (command: reversal decide)`,
  );
}

function isSameOriginal({ original }: Draft, owed: TransactionRecord): boolean {
  if (original === null) return false;
  const { ut, rrn, auth } = original;
  const isOwed = ut !== null && (ut === owed.ut || ut === owed.original?.ut);
  return (
    isOwed || (rrn !== null && rrn === owed.original?.rrn) || (auth !== null && auth === owed.original?.auth)
  );
}

/** Every open reversal in words, oldest first. */
export function tellOwed(deps: Pick<TerminalDeps, 'journal' | 'clerk'>): void {
  for (const one of openReversals(deps.journal.state)) {
    const [owed, state] = [owedText(one), STATES[one.state]];
    deps.clerk.show(`${state.zh}:${owed.zh}`, `${state.en}: ${owed.en}`);
  }
}
