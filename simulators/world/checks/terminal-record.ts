/**
 * What a terminal's journal amounts to, folded from its lines by code that shares nothing with the terminal:
 * where two folds agree, neither hides a mistake of the other.
 */
import { createHash } from 'node:crypto';

/** A transaction as the terminal's journal left it, over all batches. */
export interface RecordedTransaction {
  readonly ut: string;
  readonly kind: string;
  readonly batch: number;
  readonly trace: string;
  /** What was approved, else what was asked for; fen. */
  amount: number;
  readonly panMasked: string | null;
  readonly originalUt: string | null;
  readonly originalAuth: string | null;
  state: string;
  rrn: string | null;
  auth: string | null;
}

export interface TerminalRecord {
  readonly terminalId: string;
  readonly transactions: ReadonlyMap<string, RecordedTransaction>;
  /** Every head that the journal ever had: what the host may have been told as `TH`. */
  readonly heads: ReadonlySet<string>;
  /** The batches that it settled, with its own totals as DE48 has them: 30 digits. */
  readonly settled: readonly { readonly batch: number; readonly totals: string }[];
  /** How many copies of each slip come out of this printer. */
  readonly slips: ReadonlyMap<string, number>;
  /** Requests that the host took for another one of the same identity (94): trace and what they were. */
  readonly accused: readonly string[];
  /** What contradicts itself. */
  readonly faults: readonly string[];
}

/** DE39: another card, amount or name under an identity that is known. */
const OTHER_CONTENT = '94';
/** A copy that is printed by the till, or by nobody. */
const ELSEWHERE = 'elsewhere';

interface Event {
  readonly type: string;
  readonly id?: string;
  readonly headBefore?: string;
  readonly ut?: string;
  readonly to?: string;
  readonly code?: string;
  readonly answer?: {
    readonly code: string;
    readonly amount: number;
    readonly rrn: string | null;
    readonly auth: string | null;
  };
  readonly settlement?: {
    readonly own: {
      readonly debitAmount: number;
      readonly debitCount: number;
      readonly creditAmount: number;
      readonly creditCount: number;
    };
  };
  readonly slip?: {
    readonly id: string;
    readonly copies: readonly { readonly state: string }[];
    readonly slip: { readonly form: string };
  };
  readonly transaction?: {
    readonly ut: string;
    readonly kind: string;
    readonly batch: number;
    readonly trace: string;
    readonly amount: number;
    readonly panMasked: string | null;
    readonly state: string;
    readonly original: { readonly ut: string | null; readonly auth: string | null } | null;
  };
}

/** @param segments the journal's files in order of their names */
export function readTerminalRecord(
  terminalId: string,
  segments: readonly { readonly name: string; readonly bytes: Buffer }[],
): TerminalRecord {
  const transactions = new Map<string, RecordedTransaction>();
  const heads = new Set<string>();
  const slips = new Map<string, number>();
  const accused: string[] = [];
  const faults: string[] = [];
  const settled: { batch: number; totals: string }[] = [];
  let totals = '';
  let head: string | null = null;
  for (const { name, bytes } of segments) {
    const batch = Number(/batch-(\d{6})/.exec(name)?.[1]);
    for (const [index, line] of bytes.toString('utf8').split('\n').entries()) {
      if (line === '') continue;
      const [body = '', hash = ''] = line.split('\t');
      const event = parsed(body);
      if (event === null) {
        faults.push(`${name} line ${index + 1}: is no record`);
        continue;
      }
      head ??= event.headBefore ?? '';
      const expected: string = createHash('sha256')
        .update(Buffer.from(head, 'hex'))
        .update(body)
        .digest('hex');
      if (expected !== hash) faults.push(`${name} line ${index + 1}: its hash does not follow`);
      heads.add(head);
      head = hash;
      heads.add(hash);
      fold(event, { transactions, slips, faults });
      if (event.settlement !== undefined) totals = totalsOf(event.settlement.own);
      if (event.type === 'batch closed') settled.push({ batch, totals });
      if ((event.answer?.code ?? event.code) === OTHER_CONTENT)
        accused.push(`${event.type} ${event.ut ?? ''}`);
    }
  }
  return { terminalId, transactions, heads, settled, slips, accused, faults };
}

function parsed(body: string): Event | null {
  try {
    return JSON.parse(body) as Event;
  } catch {
    return null;
  }
}

function totalsOf(own: NonNullable<Event['settlement']>['own']): string {
  const side = (amount: number, count: number) =>
    String(amount).padStart(12, '0') + String(count).padStart(3, '0');
  return side(own.debitAmount, own.debitCount) + side(own.creditAmount, own.creditCount);
}

function fold(
  event: Event,
  into: {
    readonly transactions: Map<string, RecordedTransaction>;
    readonly slips: Map<string, number>;
    readonly faults: string[];
  },
): void {
  const { transactions, slips, faults } = into;
  if (event.type === 'transaction sent' && event.transaction !== undefined) {
    const { ut, kind, batch, trace, amount, panMasked, state, original } = event.transaction;
    if (transactions.has(ut)) faults.push(`${ut} was sent twice`);
    transactions.set(ut, {
      ut,
      kind,
      batch,
      trace,
      amount,
      panMasked,
      state,
      originalUt: original?.ut ?? null,
      originalAuth: original?.auth ?? null,
      rrn: null,
      auth: null,
    });
  } else if (event.type === 'transaction moved') {
    const one = transactions.get(event.ut ?? '');
    if (one === undefined) {
      faults.push(`${event.ut ?? '?'} moved and was never sent`);
      return;
    }
    one.state = event.to ?? '';
    if (event.answer !== undefined) {
      one.amount = event.answer.amount;
      one.rrn = event.answer.rrn;
      one.auth = event.answer.auth;
    }
    if (event.slip?.slip.form === 'transaction') {
      const here = event.slip.copies.filter(({ state }) => state !== ELSEWHERE).length;
      slips.set(event.slip.id, here);
    }
    const isVoid = one.kind === 'void' || one.kind === 'completionVoid';
    const original = isVoid && one.state === 'approved' ? transactions.get(one.originalUt ?? '') : undefined;
    if (original !== undefined) original.state = 'voided';
  } else if (event.type === 'slip moved' && event.to === ELSEWHERE) {
    const id = event.id ?? '';
    slips.set(id, (slips.get(id) ?? 1) - 1);
  }
}
