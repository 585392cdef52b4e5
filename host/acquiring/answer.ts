/** Answers: which fields, for whom, with which MAC. Normative: the dialect, "Answers". */
import {
  answerHeader,
  answerTpdu,
  type Balance,
  buildDe54,
  buildDe57,
  buildDe63,
  buildFrame,
  codec,
  type Envelope,
  encodeWithMac,
  fenDelta,
} from '../../protocol/index.ts';
import type { HostDeps } from '../deps.ts';
import { available } from '../ledger/spend.ts';
import type { LotRow, RememberedAnswer } from '../store/rows.ts';
import type { Judgement } from './judgement.ts';
import { carriesMac } from './request.ts';

/** 63.1 in answers: our own cards carry no card organisation's mark. */
const NO_ORGANISATION = '000';
/** 63.2 lines that anybody may get. */
const LINES_MAX = 3;

export type Items = readonly (readonly [tag: string, value: string])[];

/** What an answer says, before it is echoed, sealed with a MAC and framed. */
export interface Answer extends RememberedAnswer {
  /** DE39 is in it, and all that the host adds; what the request said is echoed later. */
  readonly fields: Readonly<Record<string, string>>;
  /** Sent only to a peer that speaks DE57. */
  readonly items: Items;
}

/** An answer as it leaves, with the names under which it is found again. */
export interface Answered {
  /** LEN included. */
  readonly frame: Buffer;
  /** DE39. */
  readonly code: string;
  /** DE37; null where none was given. */
  readonly rrn: string | null;
  /** Of the transaction that this answer is about; null where no row is kept. */
  readonly transactionId: string | null;
}

/** Fields that every answer of a financial request repeats as they were sent. */
const ECHOED = [2, 3, 4, 11, 14, 23, 25, 41, 42, 49, 60] as const;

/** No answer has a field behind its MAC. */
const FIELD_MAX = 64;

/** DE12, 13, 15, 32: when and by whom it was judged. */
export function judgedAt(j: Judgement): Record<string, string> {
  const { date, time } = j.localTime;
  return {
    12: time,
    13: date,
    15: j.businessDate.slice(4),
    32: j.deps.directory.programme.acquirerId,
  };
}

/** 00 to a message that is no transaction: when and by whom, with a reference number of its own. */
export function plainAnswer(
  j: Judgement,
  fields: Readonly<Record<string, string>> = {},
  items: Items = [],
): Answer {
  return { fields: { ...judgedAt(j), 37: j.deps.numbers.next(), 39: '00', ...fields }, items };
}

/** DE44: issuer and acquirer, both ours. */
export function issuerAndAcquirer(j: Judgement): string {
  const id = j.deps.directory.programme.acquirerId;
  return `${id}   ${id}   `;
}

/**
 * DE63 with lines for the slip; nothing without any.
 * @param remarks what no other field says: where lines are short, they go before what others say too
 */
export function slipLines(lines: readonly string[], remarks: readonly string[] = []): Record<string, string> {
  const room = Math.max(0, LINES_MAX - remarks.length);
  const shown = [...lines.slice(0, room), ...remarks].slice(0, LINES_MAX);
  return shown.length === 0 ? {} : { 63: buildDe63(NO_ORGANISATION, shown) };
}

/** DE54: the available balance; for a peer that speaks DE57 also principal and bonus. */
export function balances(j: Judgement, lots: readonly LotRow[]): string {
  const { total, principal, bonus } = available(lots, j.businessDate);
  const all = [balanceOf('10', total)];
  if (j.terminal?.speaksDe57 === true) all.push(balanceOf('90', principal), balanceOf('91', bonus));
  return buildDe54(all);
}

/** Of the card account, in yuan. @param type as DE54 has it: available, principal or bonus */
function balanceOf(type: string, value: number): Balance {
  return { account: '02', type, currency: '156', amount: fenDelta(value) };
}

/** The answer as it leaves. @param head as for `answerFrame` */
export function answered(j: Judgement, answer: Answer, head: string | null): Answered {
  const { fields } = answer;
  const transactionId = j.transactionId ?? j.known?.transactionId ?? null;
  return {
    frame: answerFrame(j, answer, head),
    code: fields[39] ?? '',
    rrn: fields[37] ?? null,
    transactionId,
  };
}

/**
 * The frame of an answer, LEN included.
 *
 * @param head the journal head after this answer's record; sent as `HH` to a peer that speaks DE57
 * @param speaks whether this answer may carry DE57; by default what the terminal's last 0800 said
 */
function answerFrame(j: Judgement, answer: Answer, head: string | null): Buffer {
  const { message, envelope } = j.request;
  // Asked by number and kept in a list: to list an object's numbers as keys, or to grow one by them, takes as long as
  // to encode the message.
  const fields = new Array<string>(FIELD_MAX + 1);
  for (const field of ECHOED) {
    const value = message.get(field);
    if (value !== undefined) fields[field] = value;
  }
  for (let field = 2; field <= FIELD_MAX; field += 1) {
    const value = answer.fields[field];
    if (value !== undefined) fields[field] = value;
  }
  if (j.terminal?.speaksDe57 === true) {
    const items: Items = head === null ? answer.items : [...answer.items, ['HH', head]];
    if (items.length > 0) fields[57] = buildDe57(items);
  }
  const values = { mti: answerMti(message.mti), fields };
  const keys = carriesMac(message.mti) ? j.keys : null;
  const says = { wanted: wantedOf(j, fields[39]), testMode: j.deps.testMode };
  if (keys === null) return framed(envelope, codec.encode(values), says);
  // Room for the MAC, so that the message is encoded without another copy of its fields.
  fields[64] = '';
  const mak = j.deps.vault.openSealed(keys.mak);
  const algorithm = j.profile?.macAlgorithm ?? 'unionpay-ecb';
  const body = encodeWithMac(codec, values, (data) => j.deps.vault.mac(mak, data, algorithm));
  return framed(envelope, body, says);
}

/** MTI + 10. */
export function answerMti(mti: string): string {
  return String(Number(mti) + 10).padStart(4, '0');
}

/** A refusal of what was parsed in part only: the fields that are known, and DE39. Without MAC. */
export function refusalFrame(
  { testMode }: Pick<HostDeps, 'testMode'>,
  envelope: Envelope,
  parsed: { readonly mti: string; get(field: number): string | undefined },
  code: string,
): Buffer {
  const fields: Record<number, string> = { 39: code };
  for (const field of [3, 11, 41, 42]) {
    const value = parsed.get(field);
    if (value !== undefined) fields[field] = value;
  }
  return framed(envelope, codec.encode({ mti: answerMti(parsed.mti), fields }), { wanted: 0, testMode });
}

function framed(
  envelope: Envelope,
  body: Buffer,
  says: { readonly wanted: number; readonly testMode: boolean },
): Buffer {
  const header = answerHeader(envelope.header, says);
  return buildFrame({ tpdu: answerTpdu(envelope.tpdu), header, body });
}

/** Header digit 6: sign in again where the keys do not serve, else what the terminal's row asks for. */
function wantedOf(j: Judgement, code: string | undefined): number {
  return code === 'A0' || code === '77' || code === '99' ? 3 : (j.terminal?.wanted ?? 0);
}
