/**
 * Settlement 批结算: 0500; unbalanced totals bring the upload of every item (0320) and its end message;
 * then the batch is closed. The phase is journalled: a restart resumes where it was.
 */
import {
  buildTotals,
  buildUpload,
  buildUploadEnd,
  codec,
  ensure,
  fen,
  type Message,
  type MessageValues,
  PosError,
  parseUploadCount,
  RESULT,
  responseCode,
  type SideTotals,
  UPLOAD_ITEMS_MAX,
} from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { itemsOf } from '../exchange/answer.ts';
import { ask, managementFields, operatorField } from '../exchange/management.ts';
import { closeUnjudged, noteSignIn } from '../exchange/online.ts';
import { CURRENCY, openCardIfPossible } from '../exchange/request.ts';
import type { Settlement, SettlementPhase } from '../journal/model.ts';
import { approvedAmount, countedTransactions, totalsOf } from '../journal/state.ts';
import { printOwn } from '../spool/printing.ts';
import { settlementSlip } from '../spool/settlement-slip.ts';
import { stampOf } from '../spool/slips.ts';
import { JUDGES_NOTHING } from './judges-nothing.ts';
import { cashierOnDuty } from './operator-check.ts';
import { clearRepeats } from './repeat.ts';
import { answered, type CommandResult } from './result.ts';
import { clearReversals } from './reversal.ts';
import { openBatchAtHost, signInIfDue } from './sign-in.ts';
import { contradictionOf, readTotalsAnswer } from './totals-answer.ts';

const NETWORK_CODE = { items: '201', endUnbalanced: '202', endBalanced: '207' } as const;
const NO_FOREIGN_CARDS: SideTotals = {
  debitAmount: fen(0),
  debitCount: 0,
  creditAmount: fen(0),
  creditCount: 0,
};
const OTHER_CONTENT = '94';
/** DE48 counts have three digits. */
const COUNT_MAX = 999;

export async function settle(deps: TerminalDeps): Promise<CommandResult> {
  // 1. Nothing may be owed: reversals first, then repeats.
  const operator = cashierOnDuty(deps);
  if (deps.journal.state.settlement === null) {
    if (!deps.journal.state.signedIn) throw new PosError('NOT_SIGNED_IN', 'this terminal has not signed in');
    await closeUnjudged(deps);
    await deps.link.connect();
    await signInIfDue(deps);
    await clearReversals(deps, 'settlement');
    await clearRepeats(deps);
    await start(deps, operator);
  }
  // 2. Each phase ends with a record; the loop takes up whichever is open.
  for (;;) {
    const { settlement } = deps.journal.state;
    ensure(settlement !== null, 'a settlement is under way');
    if (settlement.phase === 'close') return close(deps, settlement);
    const refusal = await step(deps, settlement);
    if (refusal !== null) return refusal;
  }
}

/** One message and its record; a refusal by the host, or null. */
async function step(deps: TerminalDeps, settlement: Settlement): Promise<CommandResult | null> {
  await deps.link.connect();
  if (settlement.phase === 'totals') return sendTotals(deps, settlement);
  const { taken, items } = settlement;
  const isItems = settlement.phase === 'upload' && taken < items.length;
  return isItems ? uploadItems(deps, settlement) : endUpload(deps, settlement);
}

async function start(deps: TerminalDeps, operator: string): Promise<void> {
  await deps.link.connect();
  const { state } = deps.journal;
  const counted = countedTransactions(state, state.batch);
  await deps.journal.append({
    type: 'settlement started',
    settlement: {
      phase: 'totals',
      trace: state.nextTrace,
      operator,
      own: totalsOf(counted),
      items: counted.map((one) => ({ ut: one.ut, trace: one.trace, amount: approvedAmount(one) })),
      ownResult: null,
      foreignResult: null,
      host: null,
      stamp: null,
      taken: 0,
      uploadTrace: null,
    },
  });
}

/**
 * 0500. Its repeat has the same trace and the same figures.
 * @param mayRepeat false: this is the repeat that follows at once
 */
async function sendTotals(
  deps: TerminalDeps,
  settlement: Settlement,
  mayRepeat = true,
): Promise<CommandResult | null> {
  deps.clerk.show('结算中', 'settling');
  const own = {
    ...settlement.own,
    debitCount: atMost(settlement.own.debitCount),
    creditCount: atMost(settlement.own.creditCount),
  };
  const request = managementFields(deps, 'settlement', NETWORK_CODE.items, {
    11: settlement.trace,
    48: buildTotals({ own, ownResult: RESULT.none, foreign: NO_FOREIGN_CARDS, foreignResult: RESULT.none }),
    49: CURRENCY,
    63: operatorField(deps),
  });
  const first = await askAboutTotals(deps, request);
  const code = first.get(39) ?? '';
  if (!responseCode(code).approved) {
    if (!JUDGES_NOTHING.includes(code)) await noteSignIn(deps, code);
    else {
      // The same request may have closed the batch all the same, sent before or delivered twice: the host is asked.
      const open = await openBatchAtHost(deps);
      if (open === null) return answered(code);
      if (open !== deps.journal.state.batch)
        return mayRepeat ? sendTotals(deps, settlement, false) : answered(code);
    }
    // The host did not close the batch: transactions may go on, and settlement is asked for again.
    await deps.journal.append({ type: 'settlement stopped', code });
    return answered(code);
  }
  const answer = isToBeBelieved(deps, first, request) ? first : await askAboutTotals(deps, request);
  // What the first answer said may have closed the batch: the settlement waits, as after silence.
  const second = answer.get(39) ?? '';
  if (!responseCode(second).approved) return answered(second);
  const { ownResult, foreignResult, balanced, host } = readTotalsAnswer(answer);
  const next: SettlementPhase = balanced ? (deps.config.endMessageWhenBalanced ? 'end' : 'close') : 'upload';
  await deps.journal.append({
    type: 'settlement answered',
    ownResult,
    foreignResult,
    host,
    stamp: stampOf(deps, answer.get(13) ?? null, answer.get(12) ?? null),
    next,
  });
  const contradiction = contradictionOf(answer, request);
  if (contradiction !== null) warn(deps, contradiction, 'the second answer decides');
  if (!balanced) showUpload(deps, contradiction !== null);
  return null;
}

async function askAboutTotals(deps: TerminalDeps, request: MessageValues): Promise<Message> {
  await deps.link.connect();
  return ask(deps, request, codec.encode(request));
}

/** An answer that contradicts itself is asked for once more, with the same bytes; the second one decides. */
function isToBeBelieved(deps: TerminalDeps, answer: Message, request: MessageValues): boolean {
  const why = contradictionOf(answer, request);
  if (why === null) return true;
  warn(deps, why, 'settling once more');
  deps.clerk.show(
    '对账应答与所发总计矛盾(线路上被改动),重发批结算',
    'the answer does not fit the totals that were sent (changed on the line): they are sent once more',
  );
  return false;
}

function warn(deps: TerminalDeps, why: string, what: string): void {
  const { batch } = deps.journal.state;
  deps.log.warn({ batch, why }, `totals or their answer were changed on the line: ${what}`);
}

/** What brings the upload; a contradiction that came twice is named as what it is. */
function showUpload(deps: TerminalDeps, isChanged: boolean): void {
  if (isChanged)
    deps.clerk.show(
      '对账不平(总计或应答在线路上被改动),批上送',
      'the totals, or their answer, were changed on the line: every item is uploaded',
    );
  else deps.clerk.show('对账不平,批上送', 'the totals differ: every item is uploaded');
}

/** 0320 of up to eight items. The trace is journalled first, so that its repeat carries the same. */
async function uploadItems(deps: TerminalDeps, settlement: Settlement): Promise<CommandResult | null> {
  const { items, taken } = settlement;
  const part = items.slice(taken, taken + UPLOAD_ITEMS_MAX);
  const rows = [];
  let unopened = 0;
  for (const { ut, trace, amount } of part) {
    const one = deps.journal.state.transactions.find((known) => known.ut === ut);
    const card = one === undefined ? null : await openCardIfPossible(deps, one);
    if (card === null) unopened += 1;
    rows.push({ cardClass: '00', trace, pan: card?.pan ?? '0', amount } as const);
  }
  if (unopened > 0) {
    deps.clerk.show(
      `${unopened}笔交易的卡号无法解密(密码键盘已更换或重置),以0代替上送`,
      `${unopened} card numbers cannot be opened (the PIN pad was exchanged or reset): uploaded as 0`,
    );
  }
  const answer = await upload(deps, NETWORK_CODE.items, buildUpload(rows));
  const code = answer.get(39) ?? '';
  if (!responseCode(code).approved) return uploadRefused(deps, settlement, code);
  const accepted = takenBy(answer, part.length);
  await deps.journal.append({ type: 'upload taken', taken: taken + accepted, next: 'upload' });
  showLines(deps, answer);
  return null;
}

/** The end message closes the batch at the host. */
async function endUpload(deps: TerminalDeps, settlement: Settlement): Promise<CommandResult | null> {
  const networkCode = settlement.phase === 'end' ? NETWORK_CODE.endBalanced : NETWORK_CODE.endUnbalanced;
  const answer = await upload(deps, networkCode, buildUploadEnd(settlement.taken));
  const code = answer.get(39) ?? '';
  if (!responseCode(code).approved) return uploadRefused(deps, settlement, code);
  showLines(deps, answer);
  await deps.journal.append({ type: 'upload taken', taken: settlement.taken, next: 'close' });
  return null;
}

/**
 * The settlement waits where it is. 94 says that the host knows this trace with other bytes (the PIN pad
 * was exchanged meanwhile, and the card numbers cannot be opened): the next try takes a new one.
 */
async function uploadRefused(
  deps: TerminalDeps,
  settlement: Settlement,
  code: string,
): Promise<CommandResult> {
  const { taken, phase } = settlement;
  if (code === OTHER_CONTENT) await deps.journal.append({ type: 'upload taken', taken, next: phase });
  return answered(code);
}

async function upload(deps: TerminalDeps, networkCode: string, de48: string): Promise<Message> {
  const { state } = deps.journal;
  const trace = state.settlement?.uploadTrace ?? state.nextTrace;
  if (state.settlement?.uploadTrace === null) await deps.journal.append({ type: 'upload sent', trace });
  const request = managementFields(deps, 'batchUpload', networkCode, { 11: trace, 48: de48 });
  return ask(deps, request, codec.encode(request));
}

/** Closes the batch: from this record on the next one is open, in a segment of its own. */
async function close(deps: TerminalDeps, settlement: Settlement): Promise<CommandResult> {
  const { batch } = deps.journal.state;
  const slip = settlementSlip(deps, settlement);
  await deps.journal.append({ type: 'batch closed', slip });
  await printOwn(deps, slip.id);
  const balanced = settlement.ownResult === RESULT.balanced && settlement.foreignResult === RESULT.balanced;
  return {
    ok: true,
    code: '00',
    zh: balanced
      ? `批次${batch}结算成功,对账平`
      : `批次${batch}结算完成,对账不平,已批上送${settlement.taken}笔`,
    en: balanced
      ? `batch ${batch} settled, balanced`
      : `batch ${batch} settled, unbalanced, ${settlement.taken} items uploaded`,
    hint: '',
    facts: {
      batch,
      balanced,
      uploaded: settlement.taken,
      debitAmount: settlement.own.debitAmount,
      debitCount: settlement.own.debitCount,
      creditAmount: settlement.own.creditAmount,
      creditCount: settlement.own.creditCount,
    },
  };
}

function atMost(count: number): number {
  return Math.min(count, COUNT_MAX);
}

/** The count that a 0330 returns, between 1 and what was sent; a host that returns none took them all. */
function takenBy(answer: Message, sent: number): number {
  try {
    return Math.min(Math.max(parseUploadCount(answer.get(48) ?? ''), 1), sent);
  } catch {
    return sent;
  }
}

/** Differences that the host names, line by line. */
function showLines(deps: TerminalDeps, answer: Message): void {
  for (const [tag, line] of itemsOf(answer)) if (tag === 'TX') deps.clerk.show(line, '');
}
