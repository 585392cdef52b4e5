/** Messages that tell of owed reversals, and the rows that they leave, for tests. */
import type { OwedReversalRow } from '../store/rows.ts';
import type { Fixture } from './node-acquiring.fixture.ts';
import { reversalFrame, saleFrame } from './request-frames.fixture.ts';
import { buildBody, buildItems, type TestCard, type WireTerminal, wrap } from './wire-terminal.fixture.ts';

/** A UT of its own for each number below 1024. */
export function utOf(number: number): string {
  const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return `01JD9Q4C7N5W8R2Z6X3V1T0A${crockford[number >> 5]}${crockford[number % 32]}`;
}

export interface Debt {
  readonly trace: string;
  readonly ut: string;
  /** Fen. */
  readonly amount: number;
  readonly batch?: number;
}

const digits = (value: number, count: number) => String(value).padStart(count, '0');

export const owedItem = ({ batch = 1, trace, ut, amount }: Debt) =>
  ['OW', `${digits(batch, 6)}${trace}${ut}${digits(amount, 12)}`] as const;

/** DE57 with these debts and, after them, other items. */
export const de57Of = (debts: readonly Debt[], items: readonly (readonly [string, string])[] = []) => ({
  57: buildItems([...debts.map(owedItem), ...items]),
});

/** 状态上送: no MAC by the dialect. */
export function statusFrame(terminal: WireTerminal, debts: readonly Debt[]): Buffer {
  return wrap(
    buildBody('0820', {
      41: terminal.id,
      42: terminal.merchantId,
      60: terminal.de60('00', '362'),
      ...de57Of(debts),
    }),
  );
}

/** The 0400 of a sale, which tells of its own debt as terminals do, and of others. */
export function debtReversalFrame(
  terminal: WireTerminal,
  debt: Debt,
  others: readonly Debt[] = [],
  fields: Record<number, string> = {},
): Buffer {
  const { trace, amount, batch = 1 } = debt;
  return reversalFrame(
    terminal,
    { de3: '000000', type: '22', trace, amount, batch },
    { ...de57Of([debt, ...others], [['UT', debt.ut]]), ...fields },
  );
}

/** A sale that the host approves and whose answer the terminal never got. */
export async function lostSale(
  host: Fixture,
  card: TestCard,
  ut: string,
  amount: number,
  terminal: WireTerminal = host.shop,
): Promise<Debt> {
  const answer = await host.answer(saleFrame(terminal, card, amount, { 57: buildItems([['UT', ut]]) }));
  if (answer.fields[39] !== '00') throw new Error(`the sale was answered ${answer.fields[39]}`);
  return { trace: answer.fields[11] ?? '', ut, amount };
}

export async function owedRows(host: Fixture): Promise<readonly OwedReversalRow[]> {
  return host.rows('owedReversals');
}
