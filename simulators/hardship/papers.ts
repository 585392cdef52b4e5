/** What the printers put out: each transaction has exactly one original, all others say that they are copies. */
import type { PrintedSlip } from '../devices/simulated-printer.ts';

/** As any reader of the paper finds them. Settlement slips carry no reference number and are not looked at. */
const REFERENCE = /交易参考号 REF NO\s+([0-9A-Za-z]{12})\s/;
const AMOUNT = /金额 AMOUNT\s+RMB\s+-?(\d+)\.(\d\d)/;
const COPY_MARK = '重打印/DUPLICATED';

interface Paper {
  originals: number;
  copies: number;
  /** Amounts in fen, as printed. */
  readonly amounts: Set<number>;
}

/** Slips by reference number. One that was torn off unfinished counts for nothing. */
export class Papers {
  readonly #papers = new Map<string, Paper>();

  take(slips: readonly Pick<PrintedSlip, 'text' | 'complete'>[]): void {
    for (const { text, complete } of slips) {
      const reference = REFERENCE.exec(text)?.[1];
      if (!complete || reference === undefined) continue;
      const paper = this.#papers.get(reference) ?? { originals: 0, copies: 0, amounts: new Set() };
      if (text.includes(COPY_MARK)) paper.copies += 1;
      else paper.originals += 1;
      const [, yuan, fen] = AMOUNT.exec(text) ?? [];
      paper.amounts.add(Number(yuan) * 100 + Number(fen));
      this.#papers.set(reference, paper);
    }
  }

  get copies(): number {
    return [...this.#papers.values()].reduce((sum, { copies }) => sum + copies, 0);
  }

  /** @param standing what stands in journals and books: each is on paper, with its amount, and nothing else is */
  wrong(standing: readonly { readonly rrn: string | null; readonly amount: number }[]): readonly string[] {
    const wrong: string[] = [];
    const known = new Set(standing.map(({ rrn }) => rrn));
    for (const { rrn, amount } of standing) {
      const paper = this.#papers.get(rrn ?? '');
      if (paper === undefined) wrong.push(`${rrn ?? 'no reference'}: no slip`);
      else if (paper.amounts.size !== 1 || !paper.amounts.has(amount))
        wrong.push(`${rrn ?? ''}: ${[...paper.amounts].join(' and ')} fen on paper, ${amount} in the books`);
    }
    for (const [rrn, { originals }] of this.#papers) {
      if (originals > 1) wrong.push(`${rrn}: ${originals} originals`);
      if (!known.has(rrn)) wrong.push(`${rrn}: a slip, and nothing stands`);
    }
    return wrong;
  }
}
