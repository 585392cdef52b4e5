/**
 * What must hold of every world once the faults have stopped and it has come to order. The checks know the
 * rules of money and truth, not the faults that were drawn, and none was written for a planted bug.
 */

import type { PaperKind } from '../people/paper.ts';
import type { World } from '../world.ts';
import { batchTotals } from './batch-totals.ts';
import { type Evidence, gather } from './evidence.ts';
import type { RecordedTransaction } from './terminal-record.ts';

export interface CheckRow {
  readonly zh: string;
  readonly en: string;
  /** What is wrong, one text each; none: it holds. */
  judge(evidence: Evidence): readonly string[];
}

export interface Violation {
  readonly check: CheckName;
  readonly detail: string;
}

// biome-ignore format: a table is read by column
export const CHECKS = {
  'liveness':        { zh: '有限步内全部了结',         en: 'everything settles within a bounded number of steps',                    judge: liveness },
  'no defect':       { zh: '没有程序缺陷',             en: 'nothing failed in a way that the code did not foresee',                  judge: noDefect },
  'journals':        { zh: '双方日志链完整且互证',     en: "both journals are whole, and each head that the host was told is the terminal's", judge: journals },
  'nothing owed':    { zh: '没有未了结的冲正与重发',   en: 'no reversal and no repeat is open',                                      judge: nothingOwed },
  'one outcome':     { zh: '每笔交易只有一个结果',     en: 'terminal and host agree on the outcome of every transaction',            judge: oneOutcome },
  'no accusation':   { zh: '不误判为不同交易',         en: 'no honest request is taken for another one under the same identity (94)', judge: noAccusation },
  'told = done':     { zh: '所告即所做',               en: 'what the screen, the till and the slip told is what was done',           judge: toldIsDone },
  'one answer':      { zh: '收银机所得答复始终如一',   en: 'a till gets the same final answer until it acknowledges',                judge: oneAnswer },
  'one original':    { zh: '签购单原件恰好一份',       en: 'of every slip there is at least one whole print and at most one without the mark', judge: oneOriginal },
  'balances':        { zh: '卡余额与所告一致',         en: 'each card holds what its slips say',                                     judge: balances },
  'conservation':    { zh: '账簿平衡,资金守恒',        en: 'the books balance and money is conserved',                               judge: conservation },
  'batch totals':    { zh: '批次总额相符或差异原因属实,双方各结一次', en: 'batch totals match, or each difference has a named cause that is true; both sides closed each batch once', judge: batchTotals },
  'settlement file': { zh: '结算文件不多不少',         en: 'nothing approved is missing from the settlement files, nothing in them was not approved', judge: settlementFile },
} as const satisfies Record<string, CheckRow>;

export type CheckName = keyof typeof CHECKS;

/** Judges a world that has come to order, or could not. */
export async function judge(
  world: World,
): Promise<{ readonly violations: readonly Violation[]; readonly transactions: number }> {
  const violations: Violation[] = [];
  let evidence: Evidence;
  try {
    evidence = await gather(world);
  } catch (error) {
    return {
      violations: [{ check: 'liveness', detail: `the evidence cannot be gathered: ${String(error)}` }],
      transactions: 0,
    };
  }
  for (const [check, row] of Object.entries(CHECKS) as [CheckName, CheckRow][])
    for (const detail of row.judge(evidence)) violations.push({ check, detail });
  const transactions = evidence.terminals.reduce((sum, one) => sum + one.transactions.size, 0);
  return { violations, transactions };
}

/** Kinds that move money, with the sign of their amount in a merchant's statement; 0: not in it. */
// biome-ignore format: a table is read by column
const MONEY_KINDS: Readonly<Record<PaperKind, 1 | -1 | 0>> = {
  sale: 1, completion: 1, void: -1, completionVoid: -1, refund: -1, preAuthorisation: 0, preAuthorisationVoid: 0,
};
const isMoney = (kind: string): kind is PaperKind => kind in MONEY_KINDS;

const STANDS_AT_TERMINAL: ReadonlySet<string> = new Set(['approved', 'voided']);
const STANDS_AT_HOST: ReadonlySet<string> = new Set(['approved', 'voided', 'completed', 'released']);
const OPEN: ReadonlySet<string> = new Set([
  'sent',
  'reversalDue',
  'decisionDue',
  'setAside',
  'repeatDue',
  'repeatAside',
]);

function liveness({ terminals, isCleared }: Evidence): readonly string[] {
  return [
    ...terminals
      .filter((one) => !one.isInOrder)
      .map(({ terminalId }) => `${terminalId} does not come to order`),
    ...(isCleared ? [] : ['the day cannot be cleared']),
  ];
}

function noDefect({ terminals, defects }: Evidence): readonly string[] {
  return [
    ...terminals.flatMap((one) => one.defects.map((defect) => `${one.terminalId}: ${defect}`)),
    ...defects.map((defect) => `host: ${defect}`),
  ];
}

function journals({ terminals, audit, headsTold }: Evidence): readonly string[] {
  const wrong = terminals.flatMap(({ terminalId, faults }) =>
    faults.map((fault) => `${terminalId}: ${fault}`),
  );
  for (const { stream, wrong: fault } of audit.streams)
    if (fault !== null) wrong.push(`host stream ${stream}, record ${fault.sequence}: ${fault.why}`);
  const heads = new Map(terminals.map((one) => [one.terminalId, one.heads]));
  for (const { terminalId, head } of headsTold) {
    if (heads.get(terminalId)?.has(head) === false)
      wrong.push(
        `the host was told the head ${head.slice(0, 12)} that the journal of ${terminalId} never had`,
      );
  }
  return wrong;
}

function nothingOwed({ terminals }: Evidence): readonly string[] {
  return terminals.flatMap(({ terminalId, transactions }) =>
    [...transactions.values()]
      .filter(({ state }) => OPEN.has(state))
      .map((one) => `${terminalId} ${named(one)} is ${one.state}`),
  );
}

type HostRow = Evidence['transactions'][number];

/**
 * The host's row of each transaction that a terminal sent: by its own name; where the host was never told that
 * (an answer to a sign-in that was changed on the way lets the terminal think that its peer speaks no DE57), by
 * terminal, batch, trace and kind.
 */
function rowsByTransaction(
  terminals: Evidence['terminals'],
  rows: readonly HostRow[],
): ReadonlyMap<string, HostRow> {
  const placeOf = (terminalId: string, { batch, trace, kind }: Pick<HostRow, 'batch' | 'trace' | 'kind'>) =>
    `${terminalId} ${batch} ${trace} ${kind}`;
  const byUt = new Map(rows.filter(({ ut }) => ut !== null).map((row) => [row.ut, row]));
  const byPlace = new Map(
    rows.filter(({ ut }) => ut === null).map((row) => [placeOf(row.terminalId, row), row]),
  );
  const found = new Map<string, HostRow>();
  for (const { terminalId, transactions } of terminals) {
    for (const one of transactions.values()) {
      const row = byUt.get(one.ut) ?? byPlace.get(placeOf(terminalId, one));
      if (row !== undefined) found.set(one.ut, row);
    }
  }
  return found;
}

function oneOutcome({ terminals, transactions, before }: Evidence): readonly string[] {
  const wrong: string[] = [];
  const rowOf = rowsByTransaction(terminals, transactions);
  const matched = new Set<HostRow>();
  for (const { terminalId, transactions: recorded } of terminals) {
    for (const one of recorded.values()) {
      if (!isMoney(one.kind)) continue;
      const row = rowOf.get(one.ut);
      if (row !== undefined) matched.add(row);
      const standsHere = STANDS_AT_TERMINAL.has(one.state);
      const standsThere = row !== undefined && STANDS_AT_HOST.has(row.state);
      const there = row === undefined ? 'unknown' : row.state;
      if (standsHere !== standsThere)
        wrong.push(`${terminalId} ${named(one)}: ${one.state} here, ${there} at the host`);
      else if (standsHere && row !== undefined) {
        if (row.kind !== one.kind || row.amount !== one.amount || row.rrn !== one.rrn)
          wrong.push(`${named(one)} ${one.rrn ?? ''}: the host has ${row.kind} ${row.amount} ${row.rrn}`);
        if ((one.state === 'voided') !== (row.state === 'voided') && one.kind !== 'preAuthorisation')
          wrong.push(`${named(one)}: ${one.state} here, ${row.state} at the host`);
      }
    }
  }
  for (const row of transactions) {
    if (!isMoney(row.kind) || !STANDS_AT_HOST.has(row.state) || before.has(row.transactionId)) continue;
    if (!matched.has(row))
      wrong.push(`the host has ${row.kind} ${row.amount} ${row.rrn} that no terminal sent`);
  }
  return wrong;
}

function noAccusation({ terminals }: Evidence): readonly string[] {
  return terminals.flatMap(({ terminalId, accused }) =>
    accused.map((what) => `${terminalId}: ${what} was answered 94`),
  );
}

function toldIsDone({ terminals, transactions, told }: Evidence): readonly string[] {
  const wrong: string[] = [];
  const rowOf = rowsByTransaction(terminals, transactions);
  const stands = (ut: string) => {
    const row = rowOf.get(ut);
    return row !== undefined && STANDS_AT_HOST.has(row.state);
  };
  for (const { ut, kind, said, by, amount, terminalId } of told) {
    if (!isMoney(kind)) continue;
    const what = `${terminalId} ${kind} ${amount} ${ut}`;
    if (said === 'approved' && !stands(ut))
      wrong.push(`${what}: the ${by} said approved, and it does not stand`);
    if ((said === 'declined' || said === 'undone') && stands(ut))
      wrong.push(`${what}: the ${by} said ${said}, and it stands`);
  }
  for (const { terminalId, paper } of terminals) {
    for (const slip of paper) {
      if (slip.ut !== null && !stands(slip.ut))
        wrong.push(`${terminalId}: a slip of ${slip.ut} that does not stand`);
    }
  }
  return wrong;
}

function oneAnswer({ terminals }: Evidence): readonly string[] {
  return terminals.flatMap(({ terminalId, tillFaults }) =>
    tillFaults.map((fault) => `${terminalId}: ${fault}`),
  );
}

function oneOriginal({ terminals }: Evidence): readonly string[] {
  const wrong: string[] = [];
  for (const { terminalId, slips, transactions, paper } of terminals) {
    for (const [ut, copies] of slips) {
      const one = transactions.get(ut);
      if (one === undefined) continue;
      const prints = paper.filter(
        (slip) => slip.ut === ut || (slip.batch === one.batch && slip.trace === one.trace),
      );
      const whole = new Set(prints.filter(({ complete }) => complete).map(({ copy }) => copy)).size;
      if (whole < copies)
        wrong.push(`${terminalId} ${named(one)}: ${whole} of ${copies} copies came out whole`);
      for (const copy of new Set(prints.map((slip) => slip.copy))) {
        const originals = prints.filter((slip) => slip.copy === copy && !slip.marked).length;
        if (originals > 1) wrong.push(`${terminalId} ${named(one)}: ${originals} prints without the mark`);
      }
    }
  }
  return wrong;
}

/** Each card's money by what its slips, or the till that printed them, say, against the lots of its account. */
function balances({ terminals, transactions, lots, accounts, cards, opening }: Evidence): readonly string[] {
  const expected = new Map(opening);
  const paidFor = new Map<string, number>();
  const holds = new Map<string, number>();
  for (const { paper, tillPaid, transactions: recorded } of terminals) {
    const slips = paper.flatMap(({ ut, complete, paid, auth }) =>
      ut !== null && complete && paid !== null ? [[ut, { fen: paid, auth }] as const] : [],
    );
    for (const [ut, { fen, auth }] of [...tillPaid, ...slips]) {
      paidFor.set(ut, fen);
      if (recorded.get(ut)?.kind === 'preAuthorisation' && auth !== null) holds.set(auth, fen);
    }
  }
  const everywhere = new Map(terminals.flatMap((one) => [...one.transactions]));
  const accountOf = new Map(cards.map(({ panMasked, accountId }) => [panMasked, accountId]));
  for (const terminal of terminals) {
    for (const one of terminal.transactions.values()) {
      if (!STANDS_AT_TERMINAL.has(one.state) || !isMoney(one.kind)) continue;
      const account = accountOf.get(one.panMasked ?? '');
      const paid = paidFor.get(one.ut);
      if (account === undefined || paid === undefined) continue;
      const held = holds.get(preAuthorisationOf(one, everywhere)) ?? 0;
      expected.set(account, (expected.get(account) ?? 0) + changeOf(one.kind, paid, held));
    }
  }
  // A hold that stands again holds what the account still had, and is no debt (host/acquiring/README.md).
  for (const row of transactions) {
    if (!standsAgain(row, transactions)) continue;
    const held = row.money?.lots.reduce((sum, { amount }) => sum + amount, 0) ?? 0;
    const gone = (holds.get(row.auth ?? '') ?? held) - held;
    if (row.accountId !== null && gone > 0)
      expected.set(row.accountId, (expected.get(row.accountId) ?? 0) + gone);
  }
  // A hold whose days are over is released by a run, of which no slip tells.
  for (const row of transactions) {
    if (row.kind === 'preAuthorisation' && row.state === 'released' && row.accountId !== null)
      expected.set(row.accountId, (expected.get(row.accountId) ?? 0) + (holds.get(row.auth ?? '') ?? 0));
  }
  const wrong: string[] = [];
  for (const [account, fen] of expected) {
    const held = lots.filter((lot) => lot.accountId === account).reduce((sum, lot) => sum + lot.remaining, 0);
    const owed = accounts.find((row) => row.accountId === account)?.owed ?? 0;
    if (held - owed !== fen)
      wrong.push(`${account}: its slips leave ${fen} fen, the books hold ${held - owed}`);
  }
  return wrong;
}

/** A pre-authorisation that was released once and is not any more: its void or its completion was undone. */
function standsAgain(row: HostRow, rows: readonly HostRow[]): boolean {
  return (
    row.kind === 'preAuthorisation' &&
    row.state === 'approved' &&
    rows.some(
      ({ kind, state, originalId }) =>
        originalId === row.transactionId &&
        (kind === 'preAuthorisationVoid' || kind === 'completion') &&
        (state === 'reversed' || state === 'voided'),
    )
  );
}

/** DE38 of the pre-authorisation that it is about; of a completion's void, by way of the completion. */
function preAuthorisationOf(
  one: RecordedTransaction,
  everywhere: ReadonlyMap<string, RecordedTransaction>,
): string {
  const completion = one.kind === 'completionVoid' ? everywhere.get(one.originalUt ?? '') : undefined;
  return (completion ?? one).originalAuth ?? '';
}

/** What a standing transaction did to what its card can spend. */
function changeOf(kind: PaperKind, paid: number, held: number): number {
  switch (kind) {
    case 'sale':
    case 'preAuthorisation':
      return -paid;
    case 'void':
    case 'refund':
    case 'preAuthorisationVoid':
      return paid;
    case 'completion':
      return held - paid;
    case 'completionVoid':
      return paid - held;
  }
}

function conservation({ books }: Evidence): readonly string[] {
  return books.checks.filter(({ ok }) => !ok).map(({ nameEn, detail }) => `${nameEn}: ${detail}`);
}

/** Rows of the merchants' detail files, against what stands in the books. */
function settlementFile({ files, transactions, isCleared }: Evidence): readonly string[] {
  if (!isCleared) return [];
  const inFiles = new Map<string, number>();
  for (const { layout, rows } of files) {
    if (layout !== 'detail') continue;
    for (const { text, fen } of rows) {
      // A reversal's row stands for the transaction that it undoes.
      const isReversal = text['交易类型'] === '冲正';
      const key = (isReversal && text['原交易单'] !== '' ? text['原交易单'] : text['交易单号']) ?? '';
      inFiles.set(key, (inFiles.get(key) ?? 0) + (fen['交易金额'] ?? 0));
    }
  }
  const wrong: string[] = [];
  for (const row of transactions) {
    const sign = isMoney(row.kind) ? MONEY_KINDS[row.kind] : 0;
    const due = STANDS_AT_HOST.has(row.state) ? sign * row.amount : 0;
    const told = inFiles.get(row.transactionId) ?? 0;
    inFiles.delete(row.transactionId);
    if (due !== told)
      wrong.push(`${row.kind} ${row.rrn} (${row.state}): ${told} fen in the files, ${due} are due`);
  }
  for (const [key, fen] of inFiles)
    if (fen !== 0) wrong.push(`${fen} fen in the files for ${key}, which the books do not know`);
  return wrong;
}

function named({ kind, batch, trace, amount, ut }: RecordedTransaction): string {
  return `${kind} ${batch}/${trace} ${amount} (${ut})`;
}
