/** Whether each batch was closed once on both sides with the same figures, or with a difference that is explained. */
import type { Evidence } from './evidence.ts';

type HostRow = Evidence['transactions'][number];
type Difference = Evidence['differences'][number];

export function batchTotals(evidence: Evidence): readonly string[] {
  const { batches, differences, terminals, closedBefore } = evidence;
  const wrong: string[] = [];
  const settledBy = new Map(terminals.map(({ terminalId, settled }) => [terminalId, settled]));
  for (const { terminalId, batch, state, terminalTotals, hostTotals } of batches) {
    if (state === 'uploading') wrong.push(`${terminalId}/${batch} is still being uploaded`);
    if (state !== 'closed' || terminalTotals === null || hostTotals === null) continue;
    const named = differences.filter((row) => row.terminalId === terminalId && row.batch === batch);
    const isNamed =
      named.length > 0 && named.every(({ causeZh, causeEn }) => causeZh !== '' && causeEn !== '');
    // 30 digits a side: amounts and counts; the terminal's has a result digit behind each side.
    const theirs = terminalTotals.slice(0, 30) + terminalTotals.slice(31, 61);
    if (theirs !== hostTotals && !isNamed)
      wrong.push(`${terminalId}/${batch}: ${theirs} there, ${hostTotals} here, and no cause is named`);
    if (closedBefore.has(`${terminalId}/${batch}`)) continue;
    const settled = settledBy.get(terminalId)?.filter((one) => one.batch === batch) ?? [];
    if (settled.length !== 1)
      wrong.push(`${terminalId}/${batch}: the host closed it, the terminal ${settled.length} times`);
    else if (settled[0]?.totals !== terminalTotals.slice(0, 30) && !isNamed)
      wrong.push(
        `${terminalId}/${batch}: ${settled[0]?.totals} in its journal, ${terminalTotals} at the host`,
      );
  }
  return [...wrong, ...differences.flatMap((difference) => untrue(difference, evidence.transactions))];
}

/** A cause that the host's own transactions contradict explains nothing. */
function untrue(difference: Difference, rows: readonly HostRow[]): readonly string[] {
  const { kind, terminalId, batch, trace, causeEn } = difference;
  if (kind !== 'shortage' && kind !== 'surplus') return [];
  const about = rows.filter((row) => isAbout(difference, row));
  const isHere = about.some(countedAtClosing);
  if (isHere === (kind === 'shortage')) return [];
  const states = about.map((row) => `${row.kind} ${row.state}`).join(', ') || 'nothing';
  return [`${terminalId}/${batch}: of trace ${trace} it says "${causeEn}", and the host has: ${states}`];
}

function isAbout({ transactionId, terminalId, batch, trace }: Difference, row: HostRow): boolean {
  if (transactionId !== null) return row.transactionId === transactionId;
  return row.terminalId === terminalId && row.batch === batch && row.trace === trace;
}

/** What was reversed before its batch closed is not counted in it; what came or was undone later changes nothing there. */
function countedAtClosing({ kind, state, afterClose }: HostRow): boolean {
  if (kind === 'reversal' || state === 'declined' || afterClose === 'came') return false;
  return state !== 'reversed' || afterClose === 'reversed';
}
