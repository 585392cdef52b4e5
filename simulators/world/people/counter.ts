/**
 * A clerk's day: one command after the other, chosen from what a shop does, until the tasks are done; then,
 * when the faults have stopped, whatever is left open is put in order, as a careful clerk does before closing.
 */

import { PosError } from '../../../protocol/index.ts';
import type { CommandResult, Terminal, TillAnswer } from '../../../terminal/index.ts';
import type { Card } from '../../programme/index.ts';
import type { Dice } from '../dice.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Shop } from '../shop.ts';
import type { ModelTill, TillErrand } from './model-till.ts';
import { CASHIER, customerOf, PASSWORDS } from './people.ts';

/** An approved transaction that clerks remember: its slip lies in a drawer. */
export interface Kept {
  readonly terminalId: string;
  readonly merchantId: string;
  readonly kind: string;
  readonly batch: number;
  readonly trace: string;
  readonly rrn: string;
  readonly auth: string;
  readonly date: string;
  readonly amount: number;
  readonly card: Card;
}

/** What shops do, by how often in a hundred. */
// biome-ignore format: a table is read by column
export const TASKS = {
  'sale':           40,
  'void':           12,
  'refund':         12,
  'preauth':         8,
  'complete':        7,
  'preauth-void':    3,
  'completion-void': 3,
  'balance':         4,
  'settle':          5,
  'signin':          2,
  'reprint':         2,
  'status':          2,
} as const;
export type Task = keyof typeof TASKS;

/** A command as it is typed, with the card that the customer will show; null: none is needed. */
interface Errand {
  readonly line: string;
  readonly card: Card | null;
  /** The same, as a till asks for it; undefined: it cannot. */
  readonly till?: TillErrand;
}

/** Of what did not go through, the same again follows at once, in 10,000: the customer still stands there. */
const TRIED_AGAIN = 6_000;
const THINK_MS = { least: 500, most: 20_000 } as const;
const AMOUNT_MOST_FEN = 60_00;
/** Most goods have a price on the wall: sales of the same amount follow each other, in 10,000. */
const PRICES_FEN = [9_90, 18_00, 35_00] as const;
const LISTED = 7_000;
/** DE39. */
const PIN_TRIES_EXCEEDED = '75';
/** Rounds in which a careful clerk has everything in order; more is a world that never settles. */
const TIDY_ROUNDS_MAX = 80;

export class Counter {
  readonly shop: Shop;
  readonly till: ModelTill;
  /** How often a till asks for what it can ask for, in 10,000. */
  byTill = 0;
  readonly #cards: readonly Card[];
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #prices: Dice;
  readonly #again: Dice;
  readonly #drawer: Kept[];
  #tasksLeft: number;
  /** What did not go through, and is tried again next. */
  #refused: { readonly task: Task; readonly errand: Errand } | null = null;
  #mode: 'busy' | 'waiting' | 'tidy' | 'done' | 'stuck' = 'busy';
  #rounds = 0;
  #isBatchSettled = false;
  #hasSold = false;
  #cardsBlocked = 0;
  #owesNothing = false;
  /** Called before each task: now is when things go wrong. */
  beforeTask: (shop: Shop, task: Task) => void = () => undefined;
  /** Fixed errands in place of chosen ones, for worlds that look at one thing only. */
  script: Task[] | null = null;

  constructor(options: {
    readonly shop: Shop;
    readonly till: ModelTill;
    readonly cards: readonly Card[];
    readonly scheduler: Scheduler;
    readonly dice: Dice;
    readonly drawer: Kept[];
    readonly tasks: number;
  }) {
    this.shop = options.shop;
    this.till = options.till;
    this.#cards = options.cards;
    this.#scheduler = options.scheduler;
    this.#dice = options.dice.of(`counter ${options.shop.terminalId}`);
    this.#prices = this.#dice.of('prices');
    this.#again = this.#dice.of('again');
    this.#drawer = options.drawer;
    this.#tasksLeft = options.tasks;
    // Each life of the terminal has its own loop: that of a dead one waits for ever, or ends when it looks up.
    this.shop.onReady = () => {
      this.#waiting = null;
      void this.#work();
    };
  }

  /** The tasks are done, the faults may stop. */
  get isIdle(): boolean {
    return this.#mode !== 'busy' || this.shop.isGivenUp;
  }

  /** Everything is in order, or never will be. */
  get outcome(): 'open' | 'in order' | 'stuck' {
    if (this.#mode === 'done') return 'in order';
    return this.#mode === 'stuck' || this.shop.isGivenUp ? 'stuck' : 'open';
  }

  /** What was open is in order: only the closing of the day is left, or it never will be. */
  get owesNothing(): boolean {
    return this.#owesNothing || this.outcome !== 'open';
  }

  /** From now on the clerk puts in order what is open, and settles. */
  tidyUp(): void {
    this.shop.clerk.isCalm = true;
    this.#mode = 'tidy';
    if (this.shop.terminal === null) this.shop.boot();
    else if (this.#waiting !== null) this.#waiting();
  }

  #waiting: (() => void) | null = null;

  async #work(): Promise<void> {
    const { terminal } = this.shop;
    for (;;) {
      await this.#scheduler.pause(this.#dice.between(THINK_MS.least, THINK_MS.most));
      // Meanwhile it may have died and come back: one clerk has two hands, and they belong to the new life.
      if (terminal === null || this.shop.terminal !== terminal) return;
      switch (this.#mode) {
        case 'busy':
          if (this.#tasksLeft === 0 && (this.script === null || this.script.length === 0)) {
            this.#mode = 'waiting';
            break;
          }
          await this.#oneTask(terminal);
          break;
        case 'waiting':
          await new Promise<void>((resolve) => {
            this.#waiting = resolve;
          });
          break;
        case 'tidy':
          await this.#tidy(terminal);
          break;
        default:
          return;
      }
    }
  }

  async #oneTask(terminal: Terminal): Promise<void> {
    const refused = this.#refused;
    this.#refused = null;
    const task = this.script?.shift() ?? refused?.task ?? weighted(this.#dice);
    if (this.script === null) this.#tasksLeft -= 1;
    const errand = refused?.errand ?? this.#errand(task, terminal);
    if (errand === null) return;
    this.beforeTask(this.shop, task);
    const { clerk } = this.shop;
    clerk.served = errand.card === null ? null : customerOf(errand.card, this.#dice, clerk.isCalm);
    const { till } = errand;
    if (till !== undefined && this.#dice.falls(this.byTill)) {
      const answer = await this.till.request(terminal, till);
      clerk.served = null;
      this.#rememberTill(answer, errand.card);
      if (answer.state !== 'approved') this.#mayTryAgain(task, errand);
      return;
    }
    const result = await this.shop.type(errand.line);
    clerk.served = null;
    this.#remember(result, errand.card);
    if (!result.ok) this.#mayTryAgain(task, errand);
    await this.#react(result);
  }

  #mayTryAgain(task: Task, errand: Errand): void {
    if (this.script === null && this.#again.falls(TRIED_AGAIN)) this.#refused = { task, errand };
  }

  #rememberTill({ state, op, transaction }: TillAnswer, card: Card | null): void {
    if (state !== 'approved' || transaction === null || card === null) return;
    const { batch, voucher, rrn, auth, hostDate, approvedFen, requestedFen } = transaction;
    this.#drawer.push({
      terminalId: this.shop.terminalId,
      merchantId: this.shop.merchantId,
      kind: op === 'preauth' ? 'preAuthorisation' : (op ?? ''),
      batch,
      trace: voucher,
      rrn: rrn ?? '',
      auth: auth ?? '',
      date: hostDate ?? '',
      amount: approvedFen ?? requestedFen,
      card,
    });
  }

  /** Null: there is nothing yet that this could be done to. */
  #errand(task: Task, terminal: Terminal): Errand | null {
    const dice = this.#dice;
    const card = dice.pick(this.#cards);
    const yuan = (fen: number) => (fen / 100).toFixed(2);
    switch (task) {
      case 'sale':
      case 'preauth': {
        const amountFen = this.#amount();
        return { line: `${task} ${yuan(amountFen)}`, card, till: { op: task, amountFen } };
      }
      case 'balance':
        return { line: 'balance', card };
      case 'void':
      case 'completion-void': {
        const kind = task === 'void' ? 'sale' : 'completion';
        const one = this.#kept(
          kind,
          (kept) => kept.terminalId === this.shop.terminalId && kept.batch === terminal.state.batch,
        );
        return one === null ? null : { line: `void ${one.trace}`, card: null };
      }
      case 'refund': {
        const one = this.#kept('sale', (kept) => kept.merchantId === this.shop.merchantId);
        if (one === null) return null;
        const part = dice.falls(4_000) ? one.amount : dice.between(1, one.amount);
        return {
          line: `refund ${yuan(part)} ref=${one.rrn} date=${one.date}`,
          card: one.card,
          till: { op: 'refund', amountFen: part, orig: { rrn: one.rrn, date: one.date } },
        };
      }
      case 'complete':
      case 'preauth-void': {
        const one = this.#kept('preAuthorisation', (kept) => kept.merchantId === this.shop.merchantId);
        if (one === null) return null;
        const part = task === 'complete' ? dice.between(1, one.amount) : one.amount;
        return { line: `${task} ${yuan(part)} auth=${one.auth} date=${one.date}`, card: one.card };
      }
      case 'status':
        return { line: 'status send', card: null };
      default:
        return { line: task, card: null };
    }
  }

  #amount(): number {
    const any = this.#dice.between(1, AMOUNT_MOST_FEN);
    return this.#prices.falls(LISTED) ? this.#prices.pick(PRICES_FEN) : any;
  }

  #kept(kind: string, fits: (kept: Kept) => boolean): Kept | null {
    const found = this.#drawer.filter((kept) => kept.kind === kind && fits(kept));
    return found.length === 0 ? null : this.#dice.pick(found);
  }

  #remember({ ok, facts }: CommandResult, card: Card | null): void {
    const { kind, batch, trace, rrn, auth, date, amount } = facts;
    if (!ok || typeof kind !== 'string' || typeof trace !== 'string') return;
    const original = card ?? this.#drawer[0]?.card;
    if (original === undefined) return;
    this.#drawer.push({
      terminalId: this.shop.terminalId,
      merchantId: this.shop.merchantId,
      kind,
      batch: Number(batch),
      trace,
      rrn: String(rrn),
      auth: String(auth),
      date: String(date),
      amount: Number(amount),
      card: original,
    });
  }

  /** What a clerk does next when something did not go through. */
  async #react({ ok, code }: CommandResult): Promise<void> {
    if (ok) return;
    switch (code) {
      case 'NOT_SIGNED_IN':
        await this.shop.type('signin');
        return;
      case 'OPERATOR_REFUSED':
        await this.shop.type(`logon ${CASHIER} ${PASSWORDS.cashier}`);
        return;
      case 'JOURNAL_WRITE':
        this.shop.machine.cut('the clerk switches it off and on');
        return;
      default:
        if (this.#dice.falls(3_000)) this.shop.devices.changePaper();
    }
  }

  async #tidy(terminal: Terminal): Promise<void> {
    this.#rounds += 1;
    if (this.#rounds > TIDY_ROUNDS_MAX) {
      this.#mode = 'stuck';
      return;
    }
    await this.till.askForAll(terminal);
    const line = this.#nextToTidy(terminal);
    if (
      this.till.open.length === 0 &&
      (line === null || (line === 'settle' && terminal.state.settlement === null))
    )
      this.#owesNothing = true;
    if (line === null && this.till.open.length > 0) return;
    if (line === null) {
      this.#mode = 'done';
      return;
    }
    // In order, but does it sell? A shop that balances and turns everybody away is no shop.
    if (line === 'settle' && !this.#hasSold && terminal.state.settlement === null) {
      await this.#proveThatItSells();
      return;
    }
    const result = await this.shop.type(line);
    if (line === 'settle' && result.ok) this.#isBatchSettled = true;
    await this.#react(result);
  }

  async #proveThatItSells(): Promise<void> {
    const { clerk } = this.shop;
    const rich = this.#cards.findIndex((card) => card.tier === 'blue');
    const card = this.#cards[(rich + this.#cardsBlocked) % this.#cards.length];
    if (card === undefined) throw new PosError('INVARIANT', 'somebody has a card');
    clerk.served = customerOf(card, this.#dice, true);
    const result = await this.shop.type('sale 0.01');
    clerk.served = null;
    this.#hasSold = result.ok;
    // Customers typed wrong PINs until it was blocked: somebody else buys.
    if (result.code === PIN_TRIES_EXCEEDED) this.#cardsBlocked += 1;
    await this.#react(result);
  }

  #nextToTidy({ state }: Terminal): string | null {
    if (state.operator === null) return `logon ${CASHIER} ${PASSWORDS.cashier}`;
    if (state.settlement !== null) return 'settle';
    if (!state.signedIn || state.signInDue !== null) return 'signin';
    const states = new Set<string>(state.transactions.map((one) => one.state));
    if (states.has('decisionDue')) return 'reversal decide';
    if (states.has('reversalDue') || states.has('setAside')) return 'reversal send';
    if (states.has('repeatDue') || states.has('repeatAside')) return 'repeat send';
    if (
      state.slips.some(({ copies }) =>
        copies.some(({ state: how }) => how !== 'printed' && how !== 'elsewhere'),
      )
    )
      return 'paper';
    return this.#isBatchSettled ? null : 'settle';
  }
}

function weighted(dice: Dice): Task {
  const rows = Object.entries(TASKS) as [Task, number][];
  let at = dice.next(rows.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [task, weight] of rows) {
    at -= weight;
    if (at < 0) return task;
  }
  return 'sale';
}
