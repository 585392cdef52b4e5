/**
 * The counters that hold a rule's caps, and what an undone spend gives back to them. A counter belongs
 * to the rule's id, not to its version: a new version goes on spending the same budget.
 */
import { ensure, type Fen, fen, proportionHalfUp } from '../../protocol/index.ts';
import type { CounterUse } from './model.ts';
import { type KeptTrace, traceLines } from './trace.ts';

/** What one card has had of a rule on one business date. */
export function cardDayCounter(ruleId: string, accountId: string, businessDate: string): string {
  return `rule|${ruleId}|${accountId}|${businessDate}`;
}

/** What a rule has given in all. */
export function budgetCounter(ruleId: string): string {
  return `rule|${ruleId}|budget`;
}

/**
 * What a part of a spend that is undone gives back to the counters, as negative additions: the
 * cumulative half-up share of each rule's worth, minus what earlier parts gave back. After the whole
 * spend is undone, in any parts, every budget is where it would have been.
 *
 * @param trace the trace that was kept with the spend
 * @param whole the spend's gross
 * @param takenBefore gross undone before this part; @param takenAfter gross undone with it, at most `whole`
 */
export function usesGivenBack(
  trace: KeptTrace,
  whole: Fen,
  takenBefore: Fen,
  takenAfter: Fen,
): readonly CounterUse[] {
  ensure(takenBefore <= takenAfter, 'a part of a spend is undone backwards');
  const uses: CounterUse[] = [];
  for (const line of traceLines(trace)) {
    if (!line.applied || line.counters === undefined || whole === 0) continue;
    const upTo = (gross: Fen) => proportionHalfUp(fen(line.worth), gross, whole);
    const back = upTo(takenAfter) - upTo(takenBefore);
    if (back > 0) uses.push(...line.counters.map((counter) => ({ counter, add: -back, max: null })));
  }
  return uses;
}
