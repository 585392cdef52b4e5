/**
 * The list of owed reversals: what terminals tell by `OW` goes on it, in the commit of the message that
 * told it, and the 0400 that is answered 00, 12 or 25 takes it off. Nothing is written when nothing is new.
 *
 * What is believed: a message with a right MAC, also one that is refused otherwise. Messages that carry no
 * MAC by the dialect (0800, 0820, 0500, 0320) put a reversal on the list as unproven, and change nothing that
 * was told under a MAC. A message with a wrong MAC tells nothing, and neither does a repeat: it says what
 * was true when it was first sent.
 */
import type { Wants } from '../../store/port.ts';
import type { OwedReversalRow } from '../../store/rows.ts';
import { keyOf } from '../../store/schema.ts';
import type { Answer } from '../answer.ts';
import { booksOf, CLOSES_DEBT, isPaidBy, type OwedBooks } from '../facts/owed-books.ts';
import { journalTerminalNews } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';
import { carriesMac, type Request } from '../request.ts';
import { traceKey } from '../row-names.ts';
import { nameDifference } from './batch-closing.ts';
import { type OwedReversal, owedReversal } from './owed-reversals.ts';

/** Of one terminal's open ones, told without a MAC: anybody may send such a message, nobody may flood the list. */
export const UNPROVEN_MAX = 50;

/** Counts a terminal's open rows that are unproven. */
export const unprovenCounter = (terminalId: string) => `owed-unproven|${terminalId}`;

/** Whether a request tells of a reversal, or is one: hardly any does. */
const isAboutOwed = ({ owed, spec }: Request) => owed.length > 0 || spec?.kind === 'reversal';

/** What is known at every place that the request tells of, and at its own where it is a 0400; null where there is none. */
export function wantOwed(request: Request): Wants | null {
  if (!isAboutOwed(request)) return null;
  const places = [...new Set([...tellingsOf(request).map(placeOf(request)), ...ownPlaceOf(request)])];
  if (places.length === 0) return null;
  return { owed: places, traces: places, counters: [unprovenCounter(request.terminalId)] };
}

/** Each reversal that the request tells of, once. */
function tellingsOf(request: Request): readonly OwedReversal[] {
  return [...new Set(request.owed)].map(owedReversal).filter((one) => one !== null);
}

const placeOf = (request: Request) => (told: OwedReversal) =>
  traceKey(request.terminalId, told.batch, told.trace);

const ownPlaceOf = (request: Request): readonly string[] =>
  request.spec?.kind === 'reversal' ? [traceKey(request.terminalId, request.batch, request.trace)] : [];

/** Writes what is new of it, after the request was judged. */
export function noteOwed(j: Judgement, answer: Answer): void {
  const { request } = j;
  if (!isAboutOwed(request)) return;
  const code = answer.fields['39'] ?? '';
  const isPaying = request.spec?.kind === 'reversal' && CLOSES_DEBT.includes(code);
  if (isPaying) closeAtOwnPlace(j, code, answer.fields['37'] ?? '');

  const proven = carriesMac(request.message.mti);
  const isBelieved = proven ? j.keys !== null : code === '00';
  if (!isBelieved || isRepeat(j)) return;
  // A 0400 tells of its own debt too, which it has just paid.
  const isPaid = (told: OwedReversal) =>
    isPaying && told.batch === request.batch && told.trace === request.trace && isOwnDebt(j, told);
  let room = proven ? 0 : UNPROVEN_MAX - j.view.counter(unprovenCounter(request.terminalId));
  let news = 0;
  for (const told of tellingsOf(request)) {
    if (isPaid(told)) continue;
    const row = knownRow(j, told);
    if (row === undefined && !proven && room <= 0) {
      j.deps.metrics.count('owed reversals', 'not listed: too many without MAC');
      continue;
    }
    if (row === undefined ? !list(j, told, proven) : !tellAgain(j, row, told, proven)) continue;
    news += 1;
    if (row === undefined) room -= 1;
  }
  if (news > 0) journalTerminalNews(j, 'owes reversals');
}

/** A 0400 is made anew for each try; anything else that is answered from memory is as old as its first sending. */
function isRepeat(j: Judgement): boolean {
  return j.request.spec?.kind !== 'reversal' && j.known !== undefined && j.known.answer !== null;
}

function booksAt(j: Judgement, told: Pick<OwedReversal, 'batch' | 'trace' | 'ut'>): OwedBooks {
  const { terminalId, merchantId } = j.request;
  return booksOf(told, merchantId, j.view.transactionsByTrace(traceKey(terminalId, told.batch, told.trace)));
}

function knownRow(j: Judgement, told: OwedReversal): OwedReversalRow | undefined {
  return j.view.owedAt(placeOf(j.request)(told)).find(({ ut }) => ut === told.ut);
}

/** Whether the original of this 0400 is the one that is told. */
function isOwnDebt(j: Judgement, told: Pick<OwedReversal, 'batch' | 'trace' | 'ut'>): boolean {
  return isPaidBy(booksAt(j, told), j.original?.transactionId ?? null);
}

function closeAtOwnPlace(j: Judgement, code: string, rrn: string): void {
  for (const place of ownPlaceOf(j.request)) {
    for (const row of j.view.owedAt(place)) {
      if (row.evidence === null && isOwnDebt(j, row)) closeByEvidence(j, row, code, rrn);
    }
  }
}

/** A row that people closed before keeps saying so; that the evidence came after all stands beside it. */
function closeByEvidence(j: Judgement, row: OwedReversalRow, code: string, rrn: string): void {
  const evidence = { code, rrn, at: j.now };
  if (row.state === 'closed') {
    j.writes.replace('owedReversals', row, { evidence });
    return;
  }
  j.writes.replace('owedReversals', row, {
    ...{ state: 'closed', closedBy: 'evidence', closedAt: j.now, evidence },
  });
  if (!row.proven) giveBack(j);
  j.deps.metrics.count('owed reversals', `closed by ${code}`);
}

/** @returns false when the debt was paid before: a terminal that has not got the 0410 tells of it still */
function list(j: Judgement, told: OwedReversal, proven: boolean): boolean {
  const books = booksAt(j, told);
  if (books.paidBy !== null) return false;
  const { terminalId, merchantId } = j.request;
  const row: OwedReversalRow = {
    terminalId,
    batch: told.batch,
    trace: told.trace,
    ut: told.ut,
    version: 1,
    merchantId,
    amount: told.amount,
    state: 'open',
    proven,
    firstToldDate: j.businessDate,
    firstToldAt: j.now,
    lastToldDate: j.businessDate,
    lastToldAt: j.now,
    closedBy: null,
    closedAt: null,
    evidence: null,
    proposal: null,
    approval: null,
    toldAfterClosing: null,
  };
  j.writes.insert('owedReversals', keyOf('owedReversals', row), row);
  if (proven) nameAmount(j, told, books);
  else j.writes.count([{ counter: unprovenCounter(terminalId), add: 1, max: UNPROVEN_MAX }]);
  j.deps.metrics.count('owed reversals', proven ? 'listed' : 'listed without MAC');
  return true;
}

/** @returns whether it said anything new */
function tellAgain(j: Judgement, row: OwedReversalRow, told: OwedReversal, proven: boolean): boolean {
  const books = booksAt(j, told);
  // Told and paid at once on two hosts: neither saw the other. And a terminal may not have got the 0410.
  if (books.paidBy !== null) {
    const { responseCode, rrn } = books.paidBy;
    if (row.state === 'open') closeByEvidence(j, row, responseCode, rrn);
    return false;
  }
  // What was told under a MAC is not changed by anybody's word.
  if (row.proven && !proven) return false;
  const isNextDay = row.lastToldDate !== j.businessDate;
  const lastTold = isNextDay ? { lastToldDate: j.businessDate, lastToldAt: j.now } : {};
  if (row.state === 'closed') {
    if (row.toldAfterClosing !== null && !isNextDay) return false;
    const toldAfterClosing = row.toldAfterClosing ?? j.now;
    j.writes.replace('owedReversals', row, { ...lastTold, toldAfterClosing });
    j.deps.metrics.count('owed reversals', 'told again after closing');
    return true;
  }
  const isOther = proven && row.amount !== told.amount;
  const isProvenNow = proven && !row.proven;
  if (!isNextDay && !isOther && !isProvenNow) return false;
  // Nobody may approve what was proposed about another amount.
  const other = isOther ? { amount: told.amount, proposal: null } : {};
  j.writes.replace('owedReversals', row, { ...lastTold, ...other, proven: row.proven || proven });
  if (isProvenNow) giveBack(j);
  if (isOther || isProvenNow) nameAmount(j, told, books);
  return true;
}

function giveBack(j: Judgement): void {
  j.writes.count([{ counter: unprovenCounter(j.request.terminalId), add: -1, max: null }]);
}

/** The terminal and the books agree on every amount, or the difference has a name. */
function nameAmount(j: Judgement, told: OwedReversal, { original }: OwedBooks): void {
  if (original === null || original.amount === told.amount) return;
  nameDifference(
    j,
    { terminalId: j.request.terminalId, batch: told.batch },
    {
      kind: 'amount',
      trace: told.trace,
      transactionId: original.transactionId,
      theirs: told.amount,
      ours: original.amount,
      causeZh: '终端欠冲正的金额与原交易不符',
      causeEn: 'the terminal owes a reversal of another amount than its original has',
    },
  );
}
