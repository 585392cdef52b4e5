/** The 0510: what the host says of the totals, and whether it speaks of those that were sent. */
import {
  type Message,
  type MessageValues,
  parseHt,
  parseTotals,
  RESULT,
  type SideTotals,
} from '../../protocol/index.ts';
import { itemsOf } from '../exchange/answer.ts';
import type { Settlement } from '../journal/model.ts';

export interface TotalsAnswer {
  readonly ownResult: 1 | 2 | 3;
  readonly foreignResult: 1 | 2 | 3;
  readonly balanced: boolean;
  /** DE57 `HT`; null when the host does not tell it. */
  readonly host: Settlement['host'];
}

/** An answer without readable result digits counts as an error: everything is uploaded. */
export function readTotalsAnswer(answer: Message): TotalsAnswer {
  const totals = totalsIn(answer.get(48));
  // We have no foreign cards: a host that leaves their digit at 0 has nothing against it.
  const ownResult = digit(totals?.ownResult);
  const foreignResult = totals?.foreignResult === RESULT.none ? 1 : digit(totals?.foreignResult);
  const balanced = ownResult === RESULT.balanced && foreignResult === RESULT.balanced;
  return { ownResult, foreignResult, balanced, host: hostTotalsOf(answer) };
}

/**
 * 0500 and 0510 have no MAC: a digit may be changed on the way, in either. A host that tells its own figures
 * lets that be seen: its answer names the batch and the figures that it was asked about, and the result
 * follows from them.
 *
 * @param answer of a host that approved
 * @returns what in it cannot be so; null when all fits, or when the host tells no figures of its own
 */
export function contradictionOf(answer: Message, request: MessageValues): string | null {
  const { balanced, host } = readTotalsAnswer(answer);
  const sent = totalsIn(request.fields[48]);
  if (host === null || sent === null) return null;
  if (answer.get(60) !== request.fields[60]) return 'it is for another batch';
  const echoed = totalsIn(answer.get(48));
  if (echoed === null) return 'its DE48 cannot be read';
  if (!areSame(echoed, sent)) return 'it is about other totals than were sent';
  if (areSame(host, sent) && !balanced) return "the host's totals are ours, and the result is not balanced";
  if (!areSame(host, sent) && balanced) return "the host's totals are not ours, and the result is balanced";
  return null;
}

type Sides = Pick<NonNullable<Settlement['host']>, 'own' | 'foreign'>;

function areSame(a: Sides, b: Sides): boolean {
  return isSameSide(a.own, b.own) && isSameSide(a.foreign, b.foreign);
}

function isSameSide(a: SideTotals, b: SideTotals): boolean {
  return (
    a.debitAmount === b.debitAmount &&
    a.debitCount === b.debitCount &&
    a.creditAmount === b.creditAmount &&
    a.creditCount === b.creditCount
  );
}

function totalsIn(de48: string | undefined): ReturnType<typeof parseTotals> | null {
  try {
    return parseTotals(de48 ?? '');
  } catch {
    return null;
  }
}

function hostTotalsOf(answer: Message): Settlement['host'] {
  const text = itemsOf(answer).find(([tag]) => tag === 'HT')?.[1];
  if (text === undefined) return null;
  try {
    return parseHt(text);
  } catch {
    return null;
  }
}

function digit(result: number | undefined): 1 | 2 | 3 {
  return result === 1 || result === 2 ? result : 3;
}
