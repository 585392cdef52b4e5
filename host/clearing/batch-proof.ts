/**
 * Batches against files: what the host counted when it closed each batch must be what the files of the
 * day, and the transactions of its other days, add up to.
 */
import { parseHt, responseCode, TRANSACTIONS } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import type { BatchRow, TransactionRow } from '../store/rows.ts';
import { check } from './check.ts';
import type { Check } from './model.ts';
import type { FileRecord } from './read-back.ts';

/** Told of each merchant's detail file, one after the other, proves the batches that have rows in it. */
export class BatchProof {
  readonly #store: StorePort;
  readonly #businessDate: string;
  /** By batch: one with rows of two merchants is compared with either's file. */
  readonly #wrong = new Map<string, string>();
  readonly #settled = new Set<string>();
  /** Of the merchant whose file is being told. */
  readonly #amounts = new Map<string, number>();
  readonly #batches = new Set<string>();

  constructor(store: StorePort, businessDate: string) {
    this.#store = store;
    this.#businessDate = businessDate;
  }

  /** A row of the file. */
  add({ text, fen }: FileRecord): void {
    if (text['交易类型'] === '冲正' || text['交易批次号'] === '') return;
    this.#amounts.set(text['交易单号'] ?? '', Math.abs(fen['交易金额'] ?? 0));
    this.#batches.add(`${text['终端号'] ?? ''}|${Number(text['交易批次号'])}`);
  }

  /** The file was told whole. A batch that is still open has nothing to compare yet. */
  async endFile(): Promise<void> {
    for (const key of [...this.#batches].sort()) {
      const [terminalId = '', batch] = key.split('|');
      await this.#compare({ terminalId, batch: Number(batch) });
    }
    this.#amounts.clear();
    this.#batches.clear();
  }

  async #compare(place: { readonly terminalId: string; readonly batch: number }): Promise<void> {
    for await (const batches of this.#store.scan('batches', place)) {
      for (const batch of batches) {
        if (batch.state !== 'closed') continue;
        this.#settled.add(`${batch.terminalId}|${batch.batch}`);
        const sums = { debitAmount: 0, debitCount: 0, creditAmount: 0, creditCount: 0 };
        const facts = { businessDate: this.#businessDate, amounts: this.#amounts };
        for await (const page of this.#store.scan('transactions', place))
          for (const row of page) if (stoodAtClosing(row)) count(sums, row, facts);
        const difference = compared(batch, sums);
        if (difference !== null) this.#wrong.set(`${batch.terminalId}|${batch.batch}`, difference);
      }
    }
  }

  get check(): Check {
    return check(
      '文件 = 终端批次结清时的主机总额',
      'files = host totals of the batches as they closed',
      [...this.#wrong].sort(([a], [b]) => (a < b ? -1 : 1)).map(([batch, what]) => `${batch} ${what}`),
      `${this.#settled.size} 批 batches`,
    );
  }
}

interface Facts {
  readonly businessDate: string;
  /** As the merchant's file of the day tells them, by transaction. */
  readonly amounts: ReadonlyMap<string, number>;
}
type Sums = Record<'debitAmount' | 'debitCount' | 'creditAmount' | 'creditCount', number>;

function count(sums: Sums, row: TransactionRow, facts: Facts): void {
  const side = sideOf(row);
  if (side === 'no') return;
  // A row of the day counts with what its file says; one that the merchant's file does not tell, with its own amount.
  const told = row.businessDate === facts.businessDate ? facts.amounts.get(row.transactionId) : undefined;
  sums[`${side}Amount`] += told ?? row.amount;
  sums[`${side}Count`] += 1;
}

function compared(batch: BatchRow, sums: Sums): string | null {
  if (batch.closingTotals === null) return 'closed without totals';
  const { own, foreign } = parseHt(batch.closingTotals);
  const stated = {
    debitAmount: own.debitAmount + foreign.debitAmount,
    debitCount: own.debitCount + foreign.debitCount,
    creditAmount: own.creditAmount + foreign.creditAmount,
    creditCount: own.creditCount + foreign.creditCount,
  };
  const same =
    sums.debitAmount === stated.debitAmount &&
    sums.debitCount === stated.debitCount &&
    sums.creditAmount === stated.creditAmount &&
    sums.creditCount === stated.creditCount;
  return same ? null : `${JSON.stringify(stated)} ≠ ${JSON.stringify(sums)}`;
}

function sideOf(row: TransactionRow): 'debit' | 'credit' | 'no' {
  if (row.kind === 'reversal' || !responseCode(row.responseCode).approved) return 'no';
  return Object.values(TRANSACTIONS).find((spec) => spec.kind === row.kind)?.counts ?? 'no';
}

/**
 * What was reversed before its batch closed is not counted in it; what was reversed later was. A refund
 * that is repeated until it is answered keeps its batch, and may come when that one is closed.
 */
function stoodAtClosing({ state, afterClose }: TransactionRow): boolean {
  if (afterClose === 'came') return false;
  return state !== 'reversed' || afterClose === 'reversed';
}
