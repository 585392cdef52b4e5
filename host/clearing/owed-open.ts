/**
 * Reversals that terminals owe still when a day is cleared: each is a named cause, day after day, until its
 * 0410 or two people close it. One that a settlement of the same day has named already is not named twice.
 * No money moves: the merchant's figures are what the books hold.
 */
import { booksOf, type OwedBooks } from '../acquiring/facts/owed-books.ts';
import type { StorePort } from '../store/port.ts';
import type { DifferenceRow, OwedOutcome, OwedReversalRow } from '../store/rows.ts';

export interface OpenOwed {
  readonly row: OwedReversalRow;
  readonly books: OwedBooks;
}

/** Places whose transactions one read asks for. */
const READ_AT_ONCE = 100;

/** All that are open now and were first told on this business date or before, with what the books hold. */
export async function openOwed(store: StorePort, businessDate: string): Promise<readonly OpenOwed[]> {
  const open: OpenOwed[] = [];
  for await (const page of store.scan('owedReversals', { state: 'open' })) {
    const rows = page.filter(({ firstToldDate }) => firstToldDate <= businessDate);
    for (let from = 0; from < rows.length; from += READ_AT_ONCE) {
      const some = rows.slice(from, from + READ_AT_ONCE);
      const traces = some.map(({ terminalId, batch, trace }) => `${terminalId}|${batch}|${trace}`);
      const { transactions } = await store.read({ traces });
      for (const row of some) {
        const here = transactions.filter((one) => isAt(row, one));
        open.push({ row, books: booksOf(row, row.merchantId, here) });
      }
    }
  }
  return open;
}

interface Place {
  readonly terminalId: string | null;
  readonly batch: number | null;
  readonly trace: string | null;
}
const isAt = (one: Place, other: Place) =>
  one.terminalId === other.terminalId && one.batch === other.batch && one.trace === other.trace;

/** What a settlement names where it lists an `OW`: a row of its own, or the shortage that it explains. */
const NAMES_IT: readonly DifferenceRow['kind'][] = ['status', 'shortage'];

/** @param named the differences of the day so far, also those of an earlier run */
export function owedDifferences(
  open: readonly OpenOwed[],
  named: readonly DifferenceRow[],
  day: { readonly businessDate: string; readonly at: number },
): readonly DifferenceRow[] {
  const ids = new Set(named.map(({ differenceId }) => differenceId));
  const settled = named.filter(({ kind }) => NAMES_IT.includes(kind));
  return open
    .filter(({ row }) => !settled.some((one) => isAt(one, row)))
    .map((one) => owedDifference(one, day))
    .filter(({ differenceId }) => !ids.has(differenceId));
}

const OUTCOME_ZH: Readonly<Record<OwedOutcome, string>> = {
  stands: '原交易有效',
  declined: '原交易已拒绝',
  undone: '原交易已撤销或释放',
  'never came': '无原交易',
};

function owedDifference(
  { row, books }: OpenOwed,
  day: { readonly businessDate: string; readonly at: number },
): DifferenceRow {
  const { terminalId, batch, trace, ut, firstToldDate, proven } = row;
  const { original, outcome } = books;
  const told = proven ? { zh: '', en: '' } : { zh: ',终端未以MAC证实', en: ', told without a MAC' };
  return {
    differenceId: `owed-${day.businessDate}-${terminalId}-${batch}-${trace}-${ut}`,
    businessDate: day.businessDate,
    kind: 'owed-reversal',
    terminalId,
    batch,
    trace,
    transactionId: original?.transactionId ?? null,
    theirs: row.amount,
    ours: original?.amount ?? null,
    causeZh: `终端自 ${firstToldDate} 起欠冲正,账上${OUTCOME_ZH[outcome]}${told.zh}`,
    causeEn: `the terminal owes its reversal since ${firstToldDate}; the original: ${outcome}${told.en}`,
    at: day.at,
  };
}
