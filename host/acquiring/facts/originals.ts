/**
 * Finding the transaction that a request is about. Normative: the dialect, "Finding the original" and
 * "Sameness, lateness, replay".
 */
import { reversedTransactionOf, TRANSACTIONS, type TransactionKind } from '../../../protocol/index.ts';
import type { Wants } from '../../store/port.ts';
import type { TransactionRow } from '../../store/rows.ts';
import { type IdentityParts, identityKey } from '../identity.ts';
import type { Request } from '../request.ts';
import { authKey, traceKey } from '../row-names.ts';
import type { View } from '../view.ts';

interface OriginalRule {
  /** The kinds that this one may be about. */
  readonly kinds: readonly TransactionKind[];
  /**
   * trace: same terminal, DE61 batch and trace, and DE37 · reference: same merchant, DE37 and date ·
   * authorisation: same merchant, DE38 and date · place: the terminal's batch and trace of this very
   * message, for 0400.
   */
  readonly by: 'trace' | 'reference' | 'authorisation' | 'place';
}

// biome-ignore format: a table is read by column
export const ORIGINALS: Partial<Record<TransactionKind, OriginalRule>> = {
  void:                 { kinds: ['sale'],               by: 'trace' },
  refund:               { kinds: ['sale', 'completion'], by: 'reference' },
  preAuthorisationVoid: { kinds: ['preAuthorisation'],   by: 'authorisation' },
  completion:           { kinds: ['preAuthorisation'],   by: 'authorisation' },
  completionVoid:       { kinds: ['completion'],         by: 'trace' },
  reversal:             { kinds: [],                     by: 'place' },
};

/**
 * Kinds that leave nothing of their own to ask about, or are judged afresh each time: a fate query finds
 * none of them, and none of them is an original.
 */
export const LEAVES_NO_FATE: readonly string[] = [
  'balance',
  'pointsQuery',
  'topUpVerification',
  'fateQuery',
  'reversal',
];

/** Every identity that a transaction could have at this place: a place names no MTI and no DE3. */
export function everyIdentityAt(place: Omit<IdentityParts, 'mti' | 'de3'>): readonly string[] {
  const { terminalId, merchantId, batch, trace } = place;
  const keys = new Set<string>();
  for (const { kind, mti, de3, usesTrace } of Object.values(TRANSACTIONS)) {
    if (!usesTrace || de3 === null || LEAVES_NO_FATE.includes(kind)) continue;
    keys.add(identityKey({ terminalId, merchantId, batch, trace, mti, de3 }));
  }
  return [...keys];
}

/** What to read for it; the store brings its account and lots along. */
export function wantOriginal(request: Request): Wants {
  const rule = ruleOf(request);
  const { original } = request;
  switch (rule?.by) {
    case 'trace':
      return original === null
        ? {}
        : { traces: [traceKey(request.terminalId, original.batch, original.trace)] };
    case 'reference':
      return { rrns: [request.message.get(37) ?? ''] };
    case 'authorisation':
      return { auths: [authKey(request.merchantId, request.message.get(38) ?? '')] };
    case 'place':
      return { traces: [traceKey(request.terminalId, request.batch, request.trace)] };
    default:
      return {};
  }
}

/** Undefined when nothing fits: 25. Its state and amount are judged elsewhere. */
export function findOriginal(request: Request, view: View): TransactionRow | undefined {
  const rule = ruleOf(request);
  const { original } = request;
  if (rule === undefined || (original === null && rule.by !== 'place')) return undefined;
  const { message, terminalId, merchantId } = request;
  const ours = (row: TransactionRow) =>
    row.merchantId === merchantId &&
    (rule.by === 'place' || rule.kinds.includes(row.kind as TransactionKind));
  switch (rule.by) {
    case 'trace':
      return view
        .transactionsByTrace(traceKey(terminalId, original?.batch ?? 0, original?.trace ?? ''))
        .find((row) => ours(row) && row.rrn === message.get(37) && mayName(row.auth, message.get(38)));
    case 'reference':
      return view
        .transactionsByRrn(message.get(37) ?? '')
        .find(
          (row) =>
            ours(row) && original !== null && fitsPlace(row, original) && row.localDate === original.date,
        );
    case 'authorisation':
      return view
        .transactionsByAuth(authKey(merchantId, message.get(38) ?? ''))
        .find(
          (row) => ours(row) && original !== null && fitsPlace(row, original) && fitsDate(row, original.date),
        );
    case 'place':
      return findReversed(request, view);
  }
}

/** The identity of the transaction that a 0400 reverses. */
export function reversedIdentity(request: Request, mti: string): string {
  const { terminalId, merchantId, batch, trace, message } = request;
  return identityKey({ terminalId, merchantId, batch, trace, mti, de3: message.get(3) ?? '' });
}

function findReversed(request: Request, view: View): TransactionRow | undefined {
  const { message, terminalId, merchantId, batch, trace } = request;
  // A 0400 has its original's DE3, DE25 and 60.1: they tell its kind.
  const kind = reversedTransactionOf(message)?.kind;
  return view
    .transactionsByTrace(traceKey(terminalId, batch, trace))
    .find((row) => row.merchantId === merchantId && row.kind === kind);
}

function ruleOf(request: Request): OriginalRule | undefined {
  return request.spec === undefined ? undefined : ORIGINALS[request.spec.kind];
}

/** A batch and trace of zeros fits any place. */
function fitsPlace(row: TransactionRow, original: { batch: number; trace: string }): boolean {
  if (original.batch === 0 && Number(original.trace) === 0) return true;
  return row.batch === original.batch && row.trace === original.trace;
}

/** A date of zeros fits any day, where the authorisation code names the transaction already. */
function fitsDate(row: TransactionRow, date: string | null): boolean {
  return date === null || date === '0000' || row.localDate === date;
}

/** An optional field that names what it names. */
const mayName = (value: string | null, sent: string | undefined) =>
  sent === undefined || sent.trim() === '' || sent === value;
