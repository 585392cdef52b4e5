/** Slips: made from what the journal and the answer say. `printing.ts` brings them onto paper. */
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
import { firstCopyState } from '../ecr/memory.ts';
import { type Items, itemsOf } from '../exchange/answer.ts';
import type { AnswerFacts, SlipRecord, TransactionRecord } from '../journal/model.ts';
import {
  copiesFor,
  layOutReversalFailure,
  layOutSettlement,
  layOutTransaction,
  type Slip,
  type SlipCopy,
  type SlipData,
  type SlipShop,
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
  const { tillRequests: requests } = deps.journal.state;
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
    copies: copies(deps).map((copy) => ({
      copy,
      state: firstCopyState(requests, ({ ut }) => ut === one.ut),
    })),
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

/** The last slip, the one of a voucher, or that of the last settlement. @throws NOT_FOUND */
export function slipNamed(slips: readonly SlipRecord[], which: string | undefined): SlipRecord {
  const found = slips.findLast(({ slip: { form, data } }) => {
    if (which === undefined) return true;
    if (which === 'settlement') return form === 'settlement';
    return form === 'transaction' && data.trace === which.padStart(6, '0');
  });
  if (found === undefined) throw new PosError('NOT_FOUND', 'there is no such slip in the open batch');
  return found;
}

/** One copy as lines, with the reprint mark or without. */
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
