/** Repeats 重发: a refund and its like are sent again, the same bytes but for DE64, until they are answered. */
import { codec, type MessageValues, PosError } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { identityOf, judge } from '../exchange/answer.ts';
import { current, settleOutcome } from '../exchange/online.ts';
import { macAgain, openCard, withMac } from '../exchange/request.ts';
import type { TransactionRecord } from '../journal/model.ts';
import { signInIfDue } from './sign-in.ts';

/** Sends each waiting repeat once. What stays open does not hold up a transaction. */
export async function sendRepeats(deps: TerminalDeps): Promise<void> {
  for (const one of waiting(deps)) await repeatOnce(deps, one);
}

/** Before a settlement nothing may wait. @throws NOT_ALLOWED_NOW, HOST_UNREACHABLE */
export async function clearRepeats(deps: TerminalDeps): Promise<void> {
  for (let round = 0; round < deps.config.repeatTries && waiting(deps).length > 0; round += 1) {
    await sendRepeats(deps);
  }
  const open = waiting(deps)[0];
  if (open === undefined) return;
  throw new PosError(
    'NOT_ALLOWED_NOW',
    `${open.kind} ${open.trace} is not answered yet: it comes before the settlement`,
  );
}

function waiting(deps: TerminalDeps): readonly TransactionRecord[] {
  return deps.journal.state.transactions.filter((one) => one.state === 'repeatDue');
}

async function repeatOnce(deps: TerminalDeps, one: TransactionRecord): Promise<void> {
  await deps.link.connect();
  await signInIfDue(deps);
  await deps.link.connect();
  deps.clerk.show(`重发 凭证号${one.trace}`, `repeating ${one.kind} ${one.trace}`);
  const { body, request } = await repeatBody(deps, one);
  const exchange = await deps.link.exchange(body, identityOf(request, deps.journal.state));
  const verdict = await judge(deps, request, exchange);
  if (verdict.kind === 'not final') {
    await deps.journal.append({ type: 'repeat tried', ut: one.ut, code: verdict.code ?? 'silent' });
  }
  await settleOutcome(deps, current(deps, one.ut), verdict);
}

/** The first bytes with a fresh MAC; after a restart the same fields with the card by number. */
async function repeatBody(
  deps: TerminalDeps,
  one: TransactionRecord,
): Promise<{ body: Buffer; request: MessageValues }> {
  const sent = deps.sentBodies.get(one.ut);
  if (sent !== undefined) {
    return { body: await macAgain(deps.pinPad, sent), request: codec.decode(sent).toObject() };
  }
  const card = await openCard(deps, one);
  const fields: Record<number, string> = { ...one.request.fields };
  if (card !== null) Object.assign(fields, { 2: card.pan, 14: card.expiry });
  const request = { mti: one.request.mti, fields };
  return { body: await withMac(deps.pinPad, request), request };
}
