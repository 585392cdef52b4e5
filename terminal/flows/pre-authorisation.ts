/** Pre-authorisation 预授权, its void, and completion 预授权完成. Lost answers are reversed. */
import { type Fen, PosError, yuan } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { performOnline } from '../exchange/online.ts';
import type { OriginalReference } from '../journal/model.ts';
import { beforeSlipTransaction } from './before.ts';
import { amountFrom, cardFrom, display, pinFrom } from './card-input.ts';
import { finish } from './finish.ts';
import { askSupervisor } from './operator-check.ts';
import type { CommandResult } from './result.ts';

const UNKNOWN_TRACE = '000000';

export interface PreAuthorisationInput {
  readonly amount?: string;
  /** DE38. */
  readonly authorisation?: string;
  /** MMDD. */
  readonly date?: string;
  readonly keyed?: boolean;
}

/** 0100 030000: what the card would pay is held. */
export async function preAuthorisation(
  deps: TerminalDeps,
  input: PreAuthorisationInput,
): Promise<CommandResult> {
  await beforeSlipTransaction(deps);
  const amount = await amountFrom(deps, input.amount);
  await display(deps, ['预授权 PRE-AUTH', yuan(amount)]);
  const card = await cardFrom(deps, input.keyed === true);
  const pinBlock = await pinFrom(deps, card, amount);
  const outcome = await performOnline(deps, {
    kind: 'preAuthorisation',
    amount,
    card,
    pinBlock,
    original: null,
    supervisor: null,
  });
  return finish(deps, outcome);
}

/** 0200 000000 with 60.1 20: once, up to what is held; no PIN. */
export async function completion(deps: TerminalDeps, input: PreAuthorisationInput): Promise<CommandResult> {
  await beforeSlipTransaction(deps);
  const amount = await amountFrom(deps, input.amount);
  return closing(deps, input, {
    kind: 'completion',
    amount,
    supervisor: null,
    zh: '预授权完成',
    en: 'COMPLETION',
  });
}

/** 0100 200000: everything that is held is released; a supervisor must agree. */
export async function preAuthorisationVoid(
  deps: TerminalDeps,
  input: PreAuthorisationInput,
): Promise<CommandResult> {
  await beforeSlipTransaction(deps);
  const supervisor = await askSupervisor(deps);
  const amount = await amountFrom(deps, input.amount);
  return closing(deps, input, {
    kind: 'preAuthorisationVoid',
    amount,
    supervisor,
    zh: '预授权撤销',
    en: 'PRE-AUTH VOID',
  });
}

async function closing(
  deps: TerminalDeps,
  input: PreAuthorisationInput,
  what: {
    readonly kind: 'completion' | 'preAuthorisationVoid';
    readonly amount: Fen;
    readonly supervisor: string | null;
    readonly zh: string;
    readonly en: string;
  },
): Promise<CommandResult> {
  // 1. The pre-authorisation, by its code and date, also another desk's.
  const { reference, ours } = await originalFrom(deps, input);
  // 2. The card, where the profile asks for it: the same account.
  await display(deps, [`${what.zh} ${what.en}`, yuan(what.amount)]);
  const card = deps.config.cardForCompletion ? await cardFrom(deps, input.keyed === true) : null;
  // 3. Send.
  const outcome = await performOnline(deps, {
    kind: what.kind,
    amount: what.amount,
    card,
    pinBlock: null,
    original: reference,
    supervisor: what.supervisor,
    sealedCard: ours?.sealedCard ?? null,
    panMasked: ours?.panMasked ?? null,
  });
  return finish(deps, outcome);
}

/** DE38 + date; batch and voucher from our journal, zeros when another desk made it. */
async function originalFrom(deps: TerminalDeps, input: PreAuthorisationInput) {
  const auth = (input.authorisation ?? (await deps.clerk.ask('authorisation'))).trim();
  if (!/^[0-9A-Za-z]{6}$/.test(auth))
    throw new PosError('INPUT_BAD', 'an authorisation code is 6 characters');
  const ours = deps.journal.state.transactions.find(
    (one) => one.kind === 'preAuthorisation' && one.answer?.auth === auth,
  );
  const date = input.date ?? ours?.answer?.date ?? (await deps.clerk.ask('originalDate'));
  if (!/^(0[1-9]|1[0-2])([0-2]\d|3[01])$/.test(date)) throw new PosError('INPUT_BAD', 'a date is MMDD');
  const reference: OriginalReference = {
    ut: ours?.ut ?? null,
    batch: ours?.batch ?? 0,
    trace: ours?.trace ?? UNKNOWN_TRACE,
    date,
    rrn: null,
    auth,
  };
  return { reference, ours };
}
