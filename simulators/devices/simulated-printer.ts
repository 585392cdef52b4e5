/**
 * A receipt printer on a line: a print buffer, a mechanism that puts lines on paper while there is
 * paper, the cover is shut and nothing is wrong, and status bytes as the manuals describe them.
 */
import type { Clock } from '../../terminal/index.ts';
import type { DeviceLine } from './device-line.ts';
import { type Operation, PrintBuffer, type RealTime, RealTimeFilter } from './escpos-stream.ts';
import { type Look, type Row, rowsOf, textOf } from './paper.ts';
import { slipPicture } from './slip-picture.ts';

/** Lines left from which the sensor says near end, and the paper has a red edge. */
const NEAR_END_LINES = 20;
const PLAIN: Look = { align: 'left', bold: false, wide: 1, high: 1 };
/** Bits 4 and 7 are set: neither a real-time answer nor a queued one. */
const GARBAGE = Buffer.from([0xb7, 0x9c, 0xf1]);

export interface PrintedSlip {
  readonly text: string;
  /** A picture, 58 mm wide. */
  readonly svg: string;
  /** False when the paper ended, or was torn off, before the cut. */
  readonly complete: boolean;
}

export interface PrinterOptions {
  /** Milliseconds that the mechanism needs for one line; 0: at once. Default 0. */
  readonly lineMs?: number;
  /** False: a board that knows only real-time status. Default true. */
  readonly answersQueued?: boolean;
}

export class SimulatedPrinter {
  readonly #line: DeviceLine;
  readonly #clock: Clock;
  readonly #lineMs: number;
  readonly #answersQueued: boolean;
  #filter = new RealTimeFilter();
  readonly #buffer = new PrintBuffer();
  readonly #slips: PrintedSlip[] = [];
  #rows: Row[] = [];
  #text: Buffer = Buffer.alloc(0);
  #look: Look = PLAIN;
  #chinese = false;
  #linesLeft = Number.POSITIVE_INFINITY;
  #isCoverOpen = false;
  #hasError = false;
  #mode: 'well' | 'silent' | 'garbage' = 'well';
  #timer: { cancel(): void } | undefined;

  /** @param clock runs the mechanism, where a line takes time */
  constructor(line: DeviceLine, clock: Clock, options: PrinterOptions = {}) {
    this.#line = line;
    this.#clock = clock;
    this.#lineMs = options.lineMs ?? 0;
    this.#answersQueued = options.answersQueued ?? true;
    line.onData((chunk) => this.#receive(chunk));
  }

  /** How many more lines the roll has. 0: the paper is out. */
  paper(lines: number): void {
    this.#linesLeft = lines;
    this.#work();
  }

  /**
   * A new roll. The old end is torn off, so an unfinished slip stays unfinished, where the paper is out or the cover
   * open; nobody takes the roll from under a slip that comes out. What waits is printed on.
   */
  refill(): void {
    const isPrinting = this.#linesLeft > 0 && !this.#isCoverOpen;
    if (this.#rows.length > 0 && !isPrinting) this.#finish(false);
    this.#isCoverOpen = false;
    this.paper(Number.POSITIVE_INFINITY);
  }

  get isPaperOut(): boolean {
    return this.#linesLeft <= 0;
  }

  openCover(): void {
    this.#isCoverOpen = true;
  }

  closeCover(): void {
    this.#isCoverOpen = false;
    this.#work();
  }

  /** A cutter jam, or its end. */
  jam(isJammed: boolean): void {
    this.#hasError = isJammed;
    this.#work();
  }

  /** What waited in its buffer is gone; what is on the paper stays, and so do cover, paper and jam. */
  losePower(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#filter = new RealTimeFilter();
    this.#buffer.clear();
    this.#do({ kind: 'initialise' });
  }

  /** How it answers from now on: as it should, not at all, or with bytes that are no status. */
  behave(mode: 'well' | 'silent' | 'garbage'): void {
    this.#mode = mode;
  }

  /** All slips so far, torn and unfinished ones too, in order. */
  slips(): readonly PrintedSlip[] {
    return this.#slips;
  }

  /** Tears off all slips so far and forgets them: in a long run nobody keeps them. */
  takeSlips(): readonly PrintedSlip[] {
    return this.#slips.splice(0);
  }

  /** What is on the paper that is not yet cut. */
  unfinished(): string {
    return textOf(this.#rows);
  }

  async unplug(): Promise<void> {
    // The cable is out; what is in the buffer is printed on.
    await this.#line.unplug();
  }

  plug(): Promise<void> {
    return this.#line.plug();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #receive(chunk: Buffer): void {
    for (const part of this.#filter.push(chunk)) {
      if (Buffer.isBuffer(part)) this.#buffer.push(part);
      else this.#atOnce(part);
      this.#work();
    }
  }

  #atOnce({ kind, which }: RealTime): void {
    if (kind === 'status') {
      this.#answer(this.#status(which));
    } else if (which === 2) {
      this.#buffer.clear();
      this.#hasError = false;
    }
  }

  /** Bits 1 and 4 are set in every answer; the rest by the table in the fact sheet. */
  #status(which: number): number {
    const isOut = this.#linesLeft <= 0;
    const isNearEnd = this.#linesLeft < NEAR_END_LINES;
    const bit = (at: number, on: boolean) => (on ? 1 << at : 0);
    if (which === 1) return 0x12 | bit(3, !this.#canPrint());
    if (which === 2) return 0x12 | bit(2, this.#isCoverOpen) | bit(5, isOut) | bit(6, this.#hasError);
    if (which === 3) return 0x12 | bit(3, this.#hasError);
    return 0x12 | (isNearEnd ? 0x0c : 0) | (isOut ? 0x60 : 0);
  }

  #canPrint(): boolean {
    return this.#linesLeft > 0 && !this.#isCoverOpen && !this.#hasError;
  }

  /** Does what waits in the buffer, as far as paper and cover allow. */
  #work(): void {
    while (this.#timer === undefined && this.#canPrint()) {
      const operation = this.#buffer.next();
      if (operation === undefined) return;
      this.#do(operation);
      if (operation.kind === 'line' && this.#lineMs > 0) {
        this.#timer = this.#clock.after(this.#lineMs, () => {
          this.#timer = undefined;
          this.#work();
        });
      }
    }
  }

  #do(operation: Operation): void {
    switch (operation.kind) {
      case 'text':
        this.#text = Buffer.concat([this.#text, operation.bytes]);
        break;
      case 'line':
        this.#printLine();
        break;
      case 'feed':
        // Past the tear bar: on the picture the margin stands for it.
        this.#linesLeft -= operation.lines;
        break;
      case 'cut':
        if (this.#rows.length > 0) this.#finish(true);
        break;
      case 'initialise':
        this.#text = Buffer.alloc(0);
        this.#look = PLAIN;
        this.#chinese = false;
        break;
      case 'chinese':
        this.#chinese = operation.on;
        break;
      case 'align':
        this.#look = { ...this.#look, align: operation.align };
        break;
      case 'bold':
        this.#look = { ...this.#look, bold: operation.on };
        break;
      case 'size':
        this.#look = { ...this.#look, wide: operation.wide, high: operation.high };
        break;
      case 'tell paper':
        if (this.#answersQueued) this.#answer(this.#linesLeft < NEAR_END_LINES ? 0x03 : 0x00);
        break;
    }
  }

  #printLine(): void {
    const isNearEnd = this.#linesLeft < NEAR_END_LINES;
    const rows = rowsOf(this.#text, this.#chinese, this.#look, isNearEnd);
    this.#rows.push(...rows);
    this.#linesLeft -= rows.length;
    this.#text = Buffer.alloc(0);
  }

  #finish(complete: boolean): void {
    const rows = this.#rows;
    this.#rows = [];
    this.#slips.push({
      text: textOf(rows),
      // Drawn when somebody looks: most slips of a test are only read.
      get svg() {
        return slipPicture(rows, complete);
      },
      complete,
    });
  }

  #answer(byte: number): void {
    if (this.#mode === 'silent') return;
    this.#line.write(this.#mode === 'garbage' ? GARBAGE : Buffer.from([byte]));
  }
}
