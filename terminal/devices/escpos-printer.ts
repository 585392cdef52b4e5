/**
 * A receipt printer that speaks ESC/POS. A slip goes out a few lines at a time; between them the
 * printer is asked how it is, so that paper that ends in mid-slip is known at the line, not at the end.
 *
 * What the paper shows never decides about money: a slip that failed is printed again as a reprint.
 */
import { PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { slipBytes } from '../receipt/escpos.ts';
import type { Slip } from '../receipt/model.ts';
import type { DeviceLink } from './device-link.ts';
import type { DeviceState, Printer, PrinterStatus, PrintProgress } from './ports.ts';
import {
  ALL_QUERIES,
  CLEAR_AND_RECOVER,
  canPrint,
  isQueuedAnswer,
  isRealTimeAnswer,
  QUEUED_QUERY,
  type Query,
  readPrinterStatus,
  realTimeQuery,
  troubleText,
} from './printer-status.ts';

const ANSWER_MS = 1_000;
/** Between looks at a printer that is still putting lines on paper. */
const LOOK_MS = 200;
/** Lines between two proofs that all so far is on paper; more would hide a paper end, fewer print in jerks. */
const LINES_BETWEEN_PROOFS = 6;
/** The slowest printers manage five lines a second. */
const PROOF_MS = 15_000;

interface Answer {
  /** Undefined when the time was up. */
  readonly byte: number | undefined;
  /** Bytes that came meanwhile and fitted nothing. */
  readonly garbage: number;
}

interface Expected {
  readonly answer: Promise<Answer>;
  forget(): void;
}

interface Waiter {
  readonly fits: (byte: number) => boolean;
  readonly got: (byte: number | undefined) => void;
  readonly fail: (error: PosError) => void;
  garbage: number;
}

export class EscPosPrinter implements Printer {
  readonly #link: DeviceLink;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #turn: Promise<unknown> = Promise.resolve();
  /** False for boards that do not answer GS r: then only the real-time state is known. */
  #answersQueued = true;
  /** True at the start: the terminal's last life may have ended in mid-slip, and the printer has a supply of its own. */
  #isUnfinished = true;

  constructor(link: DeviceLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    link.onData((chunk) => this.#feed(chunk));
    link.onLost((error) => {
      for (const waiter of [...this.#waiters]) waiter.fail(error);
    });
  }

  state(): DeviceState {
    return this.#link.state;
  }

  /** The link's probe: well enough to print, and does it speak GS r? */
  probe(): Promise<null> {
    return this.#inTurn(async () => {
      const status = await this.#look();
      if (!canPrint(status)) throw new PosError('PRINTER_FAULT', troubleText(status));
      // Half a command may wait there since a power cut: it would take the question for its rest.
      await this.#write(CLEAR_AND_RECOVER);
      const { byte } = await this.#expect(QUEUED_QUERY, isQueuedAnswer, ANSWER_MS).answer;
      this.#answersQueued = byte !== undefined;
      return null;
    });
  }

  async status(): Promise<PrinterStatus> {
    await this.#link.needLine();
    return this.#inTurn(() => this.#link.whileBusy(() => this.#noting(() => this.#look())));
  }

  async print(slip: Slip): Promise<void> {
    const progress = { linesKnownPrinted: 0, linesSent: 0, linesTotal: slip.lines.length };
    try {
      await this.#link.needLine();
      await this.#inTurn(() => this.#link.whileBusy(() => this.#noting(() => this.#send(slip, progress))));
    } catch (error) {
      if (!(error instanceof PosError)) throw error;
      if (this.#isUnfinished) await this.#forgetRest();
      const { linesKnownPrinted: known, linesTotal } = progress;
      const detail = `${error.detail}; 已打印 ${known}/${linesTotal} 行 lines known printed`;
      const cause: PrintProgress = { kind: 'print progress', ...progress };
      throw new PosError(error.code, detail, { cause });
    }
  }

  /** Else the printer would print the rest by itself onto the new roll, in front of the reprint. */
  async #forgetRest(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        await this.#write(CLEAR_AND_RECOVER);
        await this.#ask(1);
      });
    } catch (error) {
      // Silent or gone: the next slip begins with the same command, and the caller knows already.
      if (!(error instanceof PosError)) throw error;
    }
  }

  async #send(slip: Slip, progress: { linesKnownPrinted: number; linesSent: number }): Promise<void> {
    await this.#needWell();
    const { opening, lines, closing } = slipBytes(slip);
    // What an unfinished slip left on the paper is cut off, so that two slips never stand as one.
    if (this.#isUnfinished) await this.#write(Buffer.concat([CLEAR_AND_RECOVER, opening, closing]));
    this.#isUnfinished = true;
    await this.#write(opening);
    for (const line of lines) {
      // Counted before it leaves: of a line that was cut off in the middle some is on the paper.
      progress.linesSent += 1;
      await this.#write(line);
      if (progress.linesSent % LINES_BETWEEN_PROOFS === 0) {
        await this.#needProof();
        progress.linesKnownPrinted = progress.linesSent;
      }
    }
    // Behind the last line, before the cut: the line is what counts.
    await this.#needProof();
    progress.linesKnownPrinted = progress.linesSent;
    await this.#write(closing);
    this.#isUnfinished = false;
  }

  /**
   * Resolves when all that was sent is on paper. One question; while its answer waits behind the print
   * data, the state is asked for in real time.
   */
  async #needProof(): Promise<void> {
    if (!this.#answersQueued) {
      await this.#needWell();
      return;
    }
    const proof = this.#expect(QUEUED_QUERY, isQueuedAnswer, PROOF_MS);
    try {
      for (;;) {
        const answer = await Promise.race([proof.answer, this.#pause(LOOK_MS)]);
        if (answer === 'pause') {
          await this.#needWell();
        } else if (answer.byte === undefined) {
          throw new PosError('DEVICE_SILENT', '不走纸 the printer takes data and prints nothing');
        } else {
          return;
        }
      }
    } finally {
      proof.forget();
    }
  }

  async #needWell(): Promise<void> {
    const status = await this.#look();
    if (canPrint(status)) return;
    throw new PosError(status.paper === 'out' ? 'PAPER_OUT' : 'PRINTER_FAULT', troubleText(status));
  }

  /** All four real-time answers, one question at a time. */
  async #look(): Promise<PrinterStatus> {
    const answers: number[] = [];
    for (const query of ALL_QUERIES) answers.push(await this.#ask(query));
    return readPrinterStatus(answers);
  }

  async #ask(query: Query): Promise<number> {
    const { byte, garbage } = await this.#expect(realTimeQuery(query), isRealTimeAnswer, ANSWER_MS).answer;
    if (byte !== undefined) return byte;
    if (garbage > 0) throw new PosError('DEVICE_GARBAGE', `乱码 ${garbage} bytes that are no status`);
    throw new PosError('DEVICE_SILENT', '无应答 no answer to DLE EOT');
  }

  /** Writes a question and waits for the first byte that fits; others are counted, never believed. */
  #expect(question: Buffer, fits: (byte: number) => boolean, ms: number): Expected {
    let forget = () => {};
    const answer = new Promise<Answer>((resolve, reject) => {
      const waiter: Waiter = {
        fits,
        garbage: 0,
        got: (byte) => {
          forget();
          resolve({ byte, garbage: waiter.garbage });
        },
        fail: (error) => {
          forget();
          reject(error);
        },
      };
      const timer = this.#clock.after(ms, () => waiter.got(undefined));
      forget = () => {
        timer.cancel();
        this.#waiters.delete(waiter);
      };
      this.#waiters.add(waiter);
      this.#write(question).catch((error: unknown) => waiter.fail(asPosError(error)));
    });
    // Whoever stops waiting for it must not make its failure an unhandled one.
    answer.catch(() => undefined);
    return { answer, forget: () => forget() };
  }

  /** A printer that stops taking data (flow control) must not hold the terminal for ever. */
  async #write(bytes: Buffer): Promise<void> {
    let timer: { cancel(): void } | undefined;
    const stuck = new Promise<never>((_resolve, reject) => {
      timer = this.#clock.after(PROOF_MS, () =>
        reject(new PosError('DEVICE_SILENT', '不收数据 takes no data')),
      );
    });
    try {
      await Promise.race([this.#link.write(bytes), stuck]);
    } finally {
      timer?.cancel();
    }
  }

  #pause(ms: number): Promise<'pause'> {
    return new Promise((resolve) => this.#clock.after(ms, () => resolve('pause')));
  }

  #feed(chunk: Buffer): void {
    for (const byte of chunk) {
      const waiter = [...this.#waiters].find(({ fits }) => fits(byte));
      if (waiter !== undefined) waiter.got(byte);
      else for (const other of this.#waiters) other.garbage += 1;
    }
  }

  /** Trouble that the printer has outside a slip is a fault of the device too. */
  async #noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof PosError && error.code !== 'DEVICE_ABSENT') this.#link.fault(error.detail);
      throw error;
    }
  }

  /** One at a time: a status asked for while a slip is being sent comes after it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}

function asPosError(error: unknown): PosError {
  return error instanceof PosError
    ? error
    : new PosError('DEVICE_ABSENT', 'the line refused', { cause: error });
}

/** How far a failed slip came, from the error that `print` rejected with. */
export function printProgress(error: unknown): PrintProgress | undefined {
  if (!(error instanceof PosError)) return undefined;
  const { cause } = error;
  const isProgress =
    typeof cause === 'object' && cause !== null && 'kind' in cause && cause.kind === 'print progress';
  return isProgress ? (cause as PrintProgress) : undefined;
}
