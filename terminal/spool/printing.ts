/**
 * From the journal onto paper: copy by copy, exactly one of each without the reprint mark at most, and
 * one whole. A record stands before the first byte and one behind the last, and no money waits for either
 * longer than `timeFor` says.
 */
import { PosError } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { printProgress } from '../devices/escpos-printer.ts';
import type { SlipRecord } from '../journal/model.ts';
import { isCopyPending, isPending } from '../journal/state.ts';
import { type SlipCopy, slipText } from '../receipt/index.ts';
import { layOut } from './slips.ts';

/** A printer that says nothing of itself for so long is not there. */
const STATUS_MS = 10_000;
/** A copy may take this long, and as much more a line: slower than the slowest printer (five lines a second). */
const COPY_MS = 15_000;
const LINE_MS = 400;

/** null: the printer can print; otherwise why it cannot. */
export async function printerTrouble(deps: TerminalDeps): Promise<PosError | null> {
  try {
    const status = deps.printer.status();
    const { online, paper, coverOpen, error } = await withinTime(deps, STATUS_MS, status);
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

/** The pending copies of one slip, in the order in which they are torn off. @returns true when none is left */
async function printSlip(deps: TerminalDeps, id: string): Promise<boolean> {
  for (;;) {
    const slip = deps.journal.state.slips.find((one) => one.id === id);
    const next = slip?.copies.find(({ state }) => isCopyPending(state));
    if (slip === undefined || next === undefined) return true;
    if ((await printCopy(deps, slip, next.copy, next.state !== 'spooled')) !== null) return false;
  }
}

/** The slip of what was just decided: the money is done, whatever becomes of the paper. Never throws. */
export async function printOwn(deps: TerminalDeps, id: string): Promise<void> {
  try {
    await printSlip(deps, id);
  } catch (error) {
    tellPending(
      deps,
      error instanceof PosError ? error : new PosError('INVARIANT', 'printing', { cause: error }),
    );
  }
}

/** One copy of what is pending, the oldest first. @returns what kept it from the paper; null when nothing did */
export async function printNext(deps: TerminalDeps): Promise<PosError | null> {
  const slip = deps.journal.state.slips.find(isPending);
  const next = slip?.copies.find(({ state }) => isCopyPending(state));
  if (slip === undefined || next === undefined) return null;
  return printCopy(deps, slip, next.copy, next.state !== 'spooled');
}

/** Everything pending, until the clerk cancels. @returns true when nothing is left */
export async function printPending(deps: TerminalDeps): Promise<boolean> {
  const arePending = () => deps.journal.state.slips.some(isPending);
  while (arePending() && !deps.clerk.signal.aborted) if ((await printNext(deps)) !== null) break;
  return !arePending();
}

/** Prints a slip of this batch once more, all copies with the mark but those that were never begun. */
export async function reprint(deps: TerminalDeps, slip: SlipRecord): Promise<boolean> {
  for (const { copy, state } of slip.copies) {
    if ((await printCopy(deps, slip, copy, state !== 'spooled')) !== null) return false;
  }
  return true;
}

/**
 * A copy that was begun before is printed as a reprint, with the mark. One of which the printer took no
 * line at all was not begun: it stays the original.
 */
async function printCopy(
  deps: TerminalDeps,
  slip: SlipRecord,
  copy: SlipCopy,
  again: boolean,
): Promise<PosError | null> {
  const trouble = await printerTrouble(deps);
  if (trouble !== null) {
    tellPending(deps, trouble);
    return trouble;
  }
  const { id } = slip;
  await deps.journal.append({ type: 'slip moved', id, copy, to: 'printing' });
  const page = layOut(slip, copy, again);
  try {
    await withinTime(deps, COPY_MS + LINE_MS * page.lines.length, deps.printer.print(page));
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    const isUntouched = !again && printProgress(error)?.linesSent === 0;
    await deps.journal.append({ type: 'slip moved', id, copy, to: isUntouched ? 'spooled' : 'stopped' });
    tellPending(deps, error);
    return error;
  }
  await deps.journal.append({ type: 'slip moved', id, copy, to: 'printed' });
  deps.clerk.slip(slipText(page));
  return null;
}

/** What the printer does after its time is its own affair; the copy is then printed with the mark. */
async function withinTime<T>(deps: TerminalDeps, ms: number, work: Promise<T>): Promise<T> {
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = deps.clock.after(ms, () =>
      reject(new PosError('DEVICE_SILENT', `打印机超时 the printer did not end within ${ms} ms`)),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}

function tellPending(deps: TerminalDeps, error: PosError): void {
  deps.clerk.show(
    '签购单未打印完,账务不受影响;打印机恢复后自动补打(或输入 paper)',
    `slip pending (${error.code}): the money is not touched; it is printed when the printer is well (or: paper)`,
  );
  deps.log.warn({ code: error.code, detail: error.detail }, 'a slip is pending');
}
