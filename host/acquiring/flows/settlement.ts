/**
 * Settlement 批结算: the terminal's totals against the host's own. Balanced closes the batch and opens
 * the next in the same commit; otherwise the terminal uploads its items and its end message closes.
 */
import {
  buildHt,
  buildTotals,
  ensure,
  parseTotals,
  RESULT,
  type SideTotals,
} from '../../../protocol/index.ts';
import type { BatchRow } from '../../store/rows.ts';
import { type Answer, plainAnswer } from '../answer.ts';
import { batchOf, closeBatch, wantToClose, writeBatch } from '../effects/batch-closing.ts';
import { hostTotals, isBeyondCounting, isSame, NO_TOTALS } from '../effects/batch-totals.ts';
import type { Flow } from '../flow.ts';
import { journalTerminalEvent } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';
import { batchKey } from '../row-names.ts';

type Result = 1 | 2 | 3;

export const settlement: Flow = {
  wants: ({ terminalId, batch }) => wantToClose(terminalId, batch),

  readable: ({ message }) => void parseTotals(message.get(48) ?? ''),

  act(j) {
    const sent = parseTotals(j.request.message.get(48) ?? '');
    const row = batchOf(j);
    // A batch that never was: nothing can be compared, nothing is closed.
    if (row === null) {
      const { batch, message } = j.request;
      journalTerminalEvent(j, 'settlement of an unknown batch', { batch, DE48: message.get(48) ?? '' });
      return answer(j, sent, [3, 3], buildHt(NO_TOTALS, NO_TOTALS));
    }
    // A batch that is closed again gets the same answer.
    if (row.state === 'closed') return closedAgain(j, row);

    const own = hostTotals(j.view.batchTransactions(batchKey(row.terminalId, row.batch)));
    const results: readonly [Result, Result] = [resultOf(own, sent.own), resultOf(NO_TOTALS, sent.foreign)];
    const ht = buildHt(own, NO_TOTALS);
    const given = answer(j, sent, results, ht);
    const figures = {
      terminalTotals: given.fields['48'] ?? '',
      hostTotals: ht,
      result: Math.max(...results) as Result,
    };
    journalTerminalEvent(j, 'settlement', { batch: row.batch, DE48: figures.terminalTotals, HT: ht });
    if (figures.result === RESULT.balanced) closeBatch(j, row, 'settlement', { figures });
    else writeBatch(j, row, { ...figures, state: 'uploading' });
    return given;
  },
};

function resultOf(host: SideTotals, terminal: SideTotals): Result {
  if (isBeyondCounting(host)) return RESULT.error;
  return isSame(host, terminal) ? RESULT.balanced : RESULT.unbalanced;
}

function answer(
  j: Judgement,
  sent: ReturnType<typeof parseTotals>,
  [ownResult, foreignResult]: readonly [Result, Result],
  ht: string,
): Answer {
  return answered(j, buildTotals({ ...sent, ownResult, foreignResult }), ht);
}

function closedAgain(j: Judgement, row: BatchRow): Answer {
  // Closed by an administrative act: there never was an answer; the figures of the host say all.
  const { terminalTotals, hostTotals: ht } = row;
  const sent = j.request.message.get(48) ?? '';
  ensure(sent.length === 62, 'the totals were parsed before');
  return answered(
    j,
    terminalTotals ?? `${sent.slice(0, 30)}3${sent.slice(31, 61)}3`,
    ht ?? buildHt(NO_TOTALS, NO_TOTALS),
  );
}

function answered(j: Judgement, de48: string, ht: string): Answer {
  return plainAnswer(j, { 48: de48 }, [['HT', ht]]);
}
