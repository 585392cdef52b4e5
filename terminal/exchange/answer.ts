/** Judging an answer: what belongs to the request, under which MAC, and what it says. */
import {
  type Fen,
  fen,
  type Message,
  type MessageValues,
  parseDe57,
  responseCode,
} from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import type { AnswerFacts, TerminalState } from '../journal/model.ts';
import type { AnswerIdentity, Exchange } from './host-link.ts';

/** DE39 of a reversal. Source: fact sheet, reversal. */
export const REVERSAL_REASON = { noAnswer: '98', answerMac: 'A0', other: '06' } as const;

export type Verdict =
  | {
      readonly kind: 'final';
      readonly approved: boolean;
      readonly facts: AnswerFacts;
      readonly message: Message;
    }
  /** Nothing that may close a transaction: `reason` is what a reversal would say. */
  | {
      readonly kind: 'not final';
      readonly reason: string;
      readonly code: string | null;
      readonly why: string;
    };

/** What an answer to these fields must carry. MTI + 10. */
export function identityOf(request: MessageValues, state: TerminalState): AnswerIdentity {
  return {
    mti: String(Number(request.mti) + 10).padStart(4, '0'),
    trace: request.fields[11] ?? null,
    terminalId: state.terminalId,
    merchantId: state.merchantId,
  };
}

/**
 * Only an answer whose DE3 (first two digits) and DE4 are the request's and whose MAC is right closes
 * a transaction; declines too. Everything else leaves it open.
 */
export async function judge(
  deps: TerminalDeps,
  request: MessageValues,
  exchange: Exchange,
): Promise<Verdict> {
  if (exchange.kind === 'silent') return notFinal(REVERSAL_REASON.noAnswer, null, exchange.why);
  if (exchange.kind === 'garbled') return notFinal(REVERSAL_REASON.other, null, 'the answer cannot be read');
  const { message } = exchange;
  const code = message.get(39) ?? null;
  if (code === null) return notFinal(REVERSAL_REASON.other, null, 'the answer has no DE39');
  const macIsRight = await hasRightMac(deps, message);
  if (macIsRight === 'unknown')
    return notFinal(REVERSAL_REASON.other, code, 'the PIN pad could not check the MAC');
  if (!macIsRight) return notFinal(REVERSAL_REASON.answerMac, code, 'DE64 is missing or wrong');
  const difference = firstDifference(request, message, code);
  if (difference !== null) return notFinal(REVERSAL_REASON.other, code, difference);
  return {
    kind: 'final',
    approved: responseCode(code).approved,
    facts: factsOf(request, message, code),
    message,
  };
}

async function hasRightMac(deps: TerminalDeps, message: Message): Promise<boolean | 'unknown'> {
  const mac = message.bytes(64);
  const covered = message.macData();
  if (mac === undefined || covered === undefined) return false;
  try {
    return await deps.pinPad.verifyMac(covered, mac);
  } catch {
    return 'unknown';
  }
}

/** 10 is a partial approval: DE4 then says what was approved. */
const PARTIAL = '10';

function firstDifference(request: MessageValues, message: Message, code: string): string | null {
  if (message.get(3)?.slice(0, 2) !== request.fields[3]?.slice(0, 2)) return 'DE3 of the answer differs';
  const asked = request.fields[4];
  if (asked === undefined) return null;
  const answered = message.get(4);
  if (answered === asked) return null;
  const isPart =
    code === PARTIAL && answered !== undefined && Number(answered) > 0 && Number(answered) < Number(asked);
  return isPart ? null : 'DE4 of the answer differs';
}

function factsOf(request: MessageValues, message: Message, code: string): AnswerFacts {
  return {
    code,
    rrn: message.get(37) ?? null,
    auth: message.get(38) ?? null,
    date: message.get(13) ?? null,
    time: message.get(12) ?? null,
    amount: approvedFen(request, message),
  };
}

/** A request without an amount moves none, whatever its answer shows (a fate query: the original's). */
function approvedFen(request: MessageValues, message: Message): Fen {
  const asked = request.fields[4];
  return asked === undefined ? fen(0) : fen(Number(message.get(4) ?? asked));
}

function notFinal(reason: string, code: string | null, why: string): Verdict {
  return { kind: 'not final', reason, code, why };
}

/** DE57 as tags and values, in order. */
export type Items = readonly (readonly [string, string])[];

/** DE57 of an answer; what cannot be read is as if it were not there. */
export function itemsOf(answer: Message): Items {
  const text = answer.get(57);
  if (text === undefined) return [];
  try {
    return parseDe57(text);
  } catch {
    return [];
  }
}

/** `FA` of the answer to a fate query: MTI 4, DE3 6, DE39 2, state 1. Null when there is none to read. */
export function fateOf(answer: Message): { readonly code: string; readonly state: string } | null {
  const item = itemsOf(answer).find(([tag]) => tag === 'FA')?.[1] ?? '';
  const [, code, state] = /^\d{4}\d{6}([0-9A-Z]{2})([ADRVP])$/.exec(item) ?? [];
  return code === undefined || state === undefined ? null : { code, state };
}
