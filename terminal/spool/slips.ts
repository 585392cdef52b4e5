/** Slips: made from what the journal and the answer say, spooled, printed copy by copy. */
import {
  type Fen,
  fen,
  localTimeOf,
  type Message,
  PosError,
  parseDe54,
  parseDe63,
} from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { type Items, itemsOf } from '../exchange/answer.ts';
import type { AnswerFacts, SlipRecord, TransactionRecord } from '../journal/model.ts';
import { isPending } from '../journal/state.ts';
import {
  copiesFor,
  layOutReversalFailure,
  layOutSettlement,
  layOutTransaction,
  type Slip,
  type SlipCopy,
  type SlipData,
  type SlipShop,
  slipText,
} from '../receipt/index.ts';

export function shopOf(deps: TerminalDeps, operator: string): SlipShop {
  const { config } = deps;
  return {
    merchantName: config.merchantName,
    merchantId: config.merchantId,
    terminalId: config.terminalId,
    operator,
    issuer: config.issuerName,
    acquirer: config.acquirerName,
    test: config.testMode,
  };
}

export function copies(deps: TerminalDeps): readonly SlipCopy[] {
  const { slipCopies } = deps.config;
  return copiesFor(slipCopies === 1 ? 1 : slipCopies === 2 ? 2 : 3);
}

/** The host's date and time as a stamp; the year is the one that puts it nearest to our own clock. */
export function stampOf(deps: TerminalDeps, date: string | null, time: string | null): string {
  const { stamp } = localTimeOf(deps.clock.now());
  if (date === null || time === null) return stamp;
  const year = Number(stamp.slice(0, 4));
  const distance = (candidate: number) =>
    Math.abs(dayOf(candidate, date) - dayOf(year, stamp.slice(5, 7) + stamp.slice(8, 10)));
  const nearest = [year - 1, year, year + 1].reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return `${nearest}-${date.slice(0, 2)}-${date.slice(2)} ${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}`;
}

/** Days, counted coarsely: enough to tell one year from the next. */
function dayOf(year: number, date: string): number {
  return year * 372 + Number(date.slice(0, 2)) * 31 + Number(date.slice(2));
}

/** The slip of an approved transaction, spooled in the same record as its approval. */
export function transactionSlip(
  deps: TerminalDeps,
  one: TransactionRecord,
  facts: AnswerFacts,
  answer: Message,
): SlipRecord {
  const items = itemsOf(answer);
  const amounts = balancesOf(answer);
  const data: SlipData = {
    shop: shopOf(deps, one.operator),
    kind: one.kind,
    panMasked: one.panMasked,
    entry: one.entry,
    expiry: one.expiry,
    batch: one.batch,
    trace: one.trace,
    auth: facts.auth,
    rrn: facts.rrn ?? '',
    stamp: stampOf(deps, facts.date, facts.time),
    gross: one.request.fields['4'] === undefined ? null : facts.amount,
    discount: amountItem(items, 'DA'),
    paid: amountItem(items, 'PA'),
    balance: amounts('available'),
    principal: amounts('principal'),
    bonus: amounts('bonus'),
    rebate: amountItem(items, 'RA'),
    pointsEarned: countItem(items, 'PT'),
    pointsUsed: countItem(items, 'PU'),
    pointsBalance: amounts('points'),
    original: originalOf(one),
    hostLines: hostLinesOf(answer, items),
    pinChecked: one.pinChecked,
    terminalTransactionId: one.ut,
  };
  return {
    id: one.ut,
    slip: { form: 'transaction', data },
    copies: copies(deps).map((copy) => ({ copy, state: 'spooled' })),
  };
}

function originalOf(one: TransactionRecord): SlipData['original'] {
  const { original } = one;
  if (original === null) return null;
  return {
    ...(Number(original.trace) > 0 && { trace: original.trace }),
    ...(original.rrn !== null && { rrn: original.rrn }),
    ...(original.date !== null && { date: original.date }),
    ...(original.auth !== null && { auth: original.auth }),
  };
}

function amountItem(items: Items, tag: string): Fen | null {
  const count = countItem(items, tag);
  return count === null ? null : fen(count);
}

function countItem(items: Items, tag: string): number | null {
  const value = items.find(([known]) => known === tag)?.[1];
  return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : null;
}

/** DE54 account and amount types, as their four digits. */
const BALANCE_KINDS = { available: '0210', principal: '0290', bonus: '0291', points: '6510' } as const;

/** DE54: the available balance is the first, whatever its type says. */
export function balancesOf(answer: Message) {
  const text = answer.get(54);
  let balances: ReturnType<typeof parseDe54> = [];
  try {
    balances = text === undefined ? [] : parseDe54(text);
  } catch {
    balances = [];
  }
  return (kind: keyof typeof BALANCE_KINDS) => {
    if (kind === 'available') return balances[0]?.amount ?? null;
    return balances.find((one) => one.account + one.type === BALANCE_KINDS[kind])?.amount ?? null;
  };
}

function hostLinesOf(answer: Message, items: Items): readonly string[] {
  const lines = items.filter(([tag]) => tag === 'TX').map(([, line]) => line);
  // DE63.2 tells again, for terminals that only print, what the money items say in figures.
  if (lines.length > 0 || items.some(([tag]) => tag === 'GA')) return lines;
  const text = answer.get(63);
  if (text === undefined) return [];
  try {
    return parseDe63(text)
      .lines.map((line) => line.trimEnd())
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}

export function layOut(record: SlipRecord, copy: SlipCopy, reprint: boolean): Slip {
  const { slip } = record;
  switch (slip.form) {
    case 'transaction':
      return layOutTransaction(slip.data, { copy, reprint });
    case 'settlement':
      return layOutSettlement(slip.data, { reprint });
    case 'reversal failure':
      return layOutReversalFailure(slip.data, { reprint });
  }
}

/** null: the printer can print; otherwise why it cannot. */
export async function printerTrouble(deps: TerminalDeps): Promise<PosError | null> {
  try {
    const { online, paper, coverOpen, error } = await deps.printer.status();
    if (paper === 'out') return new PosError('PAPER_OUT', 'the printer has no paper');
    if (coverOpen) return new PosError('PRINTER_FAULT', "the printer's cover is open");
    if (error || !online) return new PosError('PRINTER_FAULT', 'the printer reports a fault');
    if (paper === 'near end') deps.clerk.show('打印纸即将用完', 'the paper is near its end');
    return null;
  } catch (error) {
    if (error instanceof PosError) return error;
    throw error;
  }
}

/**
 * Prints what is not on paper yet. A copy that was begun before is completed as a reprint, with the
 * mark: exactly one print of it is without. Money is never touched; trouble leaves it pending.
 *
 * @returns true when nothing is pending any more
 */
export async function printPending(deps: TerminalDeps): Promise<boolean> {
  for (const slip of deps.journal.state.slips.filter(isPending)) {
    for (const { copy, state } of slip.copies) {
      if (state === 'printed') continue;
      if (!(await printCopy(deps, slip, copy, state !== 'spooled'))) return false;
    }
  }
  return true;
}

/** Prints a slip of this batch once more, all copies with the mark. */
export async function reprint(deps: TerminalDeps, slip: SlipRecord): Promise<boolean> {
  for (const { copy, state } of slip.copies) {
    if (!(await printCopy(deps, slip, copy, state !== 'spooled'))) return false;
  }
  return true;
}

async function printCopy(
  deps: TerminalDeps,
  slip: SlipRecord,
  copy: SlipCopy,
  again: boolean,
): Promise<boolean> {
  const trouble = await printerTrouble(deps);
  if (trouble !== null) {
    tellPending(deps, trouble);
    return false;
  }
  await deps.journal.append({ type: 'slip moved', id: slip.id, copy, to: 'printing' });
  const page = layOut(slip, copy, again);
  try {
    await deps.printer.print(page);
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    await deps.journal.append({ type: 'slip moved', id: slip.id, copy, to: 'stopped' });
    tellPending(deps, error);
    return false;
  }
  await deps.journal.append({ type: 'slip moved', id: slip.id, copy, to: 'printed' });
  deps.clerk.slip(slipText(page));
  return true;
}

function tellPending(deps: TerminalDeps, error: PosError): void {
  deps.clerk.show(
    '签购单未打印完,账务不受影响;换纸后输入 paper 补打',
    `slip pending (${error.code}): the money is not touched; refill and type paper`,
  );
  deps.log.warn({ code: error.code, detail: error.detail }, 'a slip is pending');
}
