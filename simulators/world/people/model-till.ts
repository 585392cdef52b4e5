/**
 * The till beside a terminal: a computer of its own that loses the line to the terminal with its power, asks
 * again what became of its request, sends a request twice now and then, and acknowledges when it is sure.
 */
import type { Terminal, TillAnswer } from '../../../terminal/index.ts';
import type { Dice } from '../dice.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Timeline } from '../timeline.ts';
import { paidOn } from './paper.ts';
import type { Telling, ToldBook } from './told.ts';

/** What a till asks for; the rest of the envelope is its own. */
export interface TillErrand {
  readonly op: 'sale' | 'preauth' | 'refund';
  readonly amountFen: number;
  readonly orig?: { readonly rrn: string; readonly date: string };
}

interface Booked {
  readonly envelope: { readonly op: string; readonly requestId: string };
  /** The final answer, as text; what comes later must be the same to the byte. */
  final: string | null;
  isAcknowledged: boolean;
}

const TWICE = 1_500;
const ACKNOWLEDGES = 5_000;
const LOOK_AGAIN_MS = 7_000;

// biome-ignore format: a table is read by column
const SAID: Partial<Record<TillAnswer['state'], Telling['said']>> = {
  'approved': 'approved', 'declined': 'declined', 'reversed': 'undone', 'cancelled': 'undone', 'timed-out': 'undone', 'failed': 'undone', 'unknown': 'open',
};

export class ModelTill {
  /** What the terminal's answers contradict. */
  readonly faults: string[] = [];
  /** What the card paid, or got back, by transaction: a till that prints the slip itself has it from here. */
  readonly paid = new Map<string, { readonly fen: number; readonly auth: string | null }>();
  readonly #terminalId: string;
  readonly #scheduler: Scheduler;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #told: ToldBook;
  readonly #book = new Map<string, Booked>();

  constructor(
    terminalId: string,
    world: { readonly scheduler: Scheduler; readonly timeline: Timeline; readonly dice: Dice },
    told: ToldBook,
  ) {
    this.#terminalId = terminalId;
    this.#scheduler = world.scheduler;
    this.#timeline = world.timeline;
    this.#dice = world.dice.of(`till at ${terminalId}`);
    this.#told = told;
  }

  /** Requests whose outcome the till does not know yet. */
  get open(): readonly string[] {
    return [...this.#book].filter(([, { final }]) => final === null).map(([requestId]) => requestId);
  }

  /** Asks the terminal for it. Settles when the terminal answers, or never, when its power goes. */
  async request(terminal: Terminal, errand: TillErrand): Promise<TillAnswer> {
    const requestId = `${this.#terminalId}-${String(this.#book.size + 1).padStart(4, '0')}`;
    const envelope = {
      v: 1,
      requestId,
      tillId: 'till-1',
      cashier: 'wang',
      currency: 'CNY',
      orderNo: `order-${requestId}`,
      options: { print: this.#dice.pick(['terminal', 'terminal', 'till', 'none']), timeoutS: 60 },
      ...errand,
    };
    this.#book.set(requestId, { envelope, final: null, isAcknowledged: false });
    this.#timeline.note(this.#terminalId, `till > ${errand.op} ${errand.amountFen} ${requestId}`);
    if (this.#dice.falls(TWICE))
      this.#scheduler.after(
        this.#dice.between(1, LOOK_AGAIN_MS),
        () => void this.#again(terminal, requestId),
      );
    return this.#noted(await terminal.till.handle(envelope), requestId);
  }

  /** After a lost answer, and before the till closes for the day: what became of everything? */
  async askForAll(terminal: Terminal): Promise<void> {
    for (const [requestId, booked] of this.#book) {
      if (booked.isAcknowledged) continue;
      const status = { v: 1, op: 'status', requestId, tillId: 'till-1' };
      this.#noted(await terminal.till.handle(status), requestId);
      if (booked.final !== null && this.#dice.falls(ACKNOWLEDGES)) {
        await terminal.till.handle({ v: 1, op: 'ack', requestId, tillId: 'till-1' });
        booked.isAcknowledged = true;
      }
    }
  }

  /** The same request once more, as an impatient till sends it. */
  async #again(terminal: Terminal, requestId: string): Promise<void> {
    const booked = this.#book.get(requestId);
    if (booked === undefined || booked.isAcknowledged) return;
    this.#noted(await terminal.till.handle(booked.envelope), requestId);
  }

  #noted(answer: TillAnswer, requestId: string): TillAnswer {
    const booked = this.#book.get(requestId);
    if (booked === undefined || booked.isAcknowledged) return answer;
    this.#timeline.note(
      this.#terminalId,
      `till = ${answer.state}${answer.final ? ' (final)' : ''} ${answer.code} ${requestId}`,
    );
    const text = JSON.stringify(answer);
    if (booked.final !== null && booked.final !== text)
      this.faults.push(`${requestId}: the final answer changed: ${booked.final} → ${text}`);
    // It was never accepted: nothing was done, and nothing is remembered.
    if (answer.state === 'refused' && booked.final === null) {
      if (answer.code === 'NOT_FOUND' || answer.code === 'BUSY') this.#book.delete(requestId);
      return answer;
    }
    if (answer.final) booked.final = text;
    this.#tell(answer);
    return answer;
  }

  #tell({ state, transaction, op, slips }: TillAnswer): void {
    const said = SAID[state];
    if (said === undefined || transaction === null) return;
    const { ut, requestedFen, auth } = transaction;
    const paid = transaction.paidFen ?? paidOn(slips.map(({ lines }) => lines.join('\n')).join('\n'));
    if (paid !== null) this.paid.set(ut, { fen: paid, auth });
    const kind = op === 'preauth' ? 'preAuthorisation' : (op ?? '');
    this.#told.add({ terminalId: this.#terminalId, ut, kind, said, by: 'till', amount: requestedFen });
  }
}
