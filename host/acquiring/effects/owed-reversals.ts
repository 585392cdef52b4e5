/**
 * Reversals that a terminal owes still, as its `OW` items list them. One that a supervisor set aside no
 * longer holds the batch open, but it is a named difference of the settlement. Pure.
 */
import { type Fen, fen } from '../../../protocol/index.ts';
import type { Named } from './batch-closing.ts';

/** One `OW`: batch 6, trace 6, UT 26, amount n12. */
export interface OwedReversal {
  readonly batch: number;
  readonly trace: string;
  readonly ut: string;
  readonly amount: Fen;
}

/** @returns null for an item that is not laid out so */
export function owedReversal(text: string): OwedReversal | null {
  const [, batch, trace, ut, amount] = /^(\d{6})(\d{6})(.{26})(\d{12})$/.exec(text) ?? [];
  if (batch === undefined || trace === undefined || ut === undefined) return null;
  return { batch: Number(batch), trace, ut, amount: fen(Number(amount)) };
}

/** A row of its own for each reversal that explains no shortage of this settlement. */
export function namesOfOwed(owed: readonly string[], explained: readonly OwedReversal[]): readonly Named[] {
  const names: Named[] = [];
  for (const text of owed) {
    const one = owedReversal(text);
    if (one === null) {
      names.push({
        kind: 'status',
        causeZh: '终端列出的冲正格式有误',
        causeEn: 'an open reversal that the terminal lists in a wrong layout',
      });
    } else if (
      !explained.some(({ batch, trace, ut }) => batch === one.batch && trace === one.trace && ut === one.ut)
    ) {
      const place = String(one.batch).padStart(6, '0');
      names.push({
        kind: 'status',
        batch: one.batch,
        trace: one.trace,
        theirs: one.amount,
        causeZh: `终端搁置的冲正 批次${place} 流水${one.trace}`,
        causeEn: `a reversal that the terminal has set aside, batch ${place} trace ${one.trace}`,
      });
    }
  }
  return names;
}
