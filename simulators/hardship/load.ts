/** What clerks do all day: sell, void, refund, hold and complete, settle, ask. Drawn by dice from one table. */
import type { CommandResult } from '../../terminal/index.ts';
import type { Dice } from '../office/index.ts';
import type { Card } from '../programme/index.ts';
import type { Came, Till } from './till.ts';

/** Something done earlier that can be voided, refunded or completed, as its slip says it. */
interface Slip {
  readonly card: Card;
  readonly batch: number;
  readonly trace: string;
  readonly rrn: string;
  readonly auth: string;
  readonly date: string;
  /** What is left to give back, in fen. */
  left: number;
}

interface Deed {
  readonly line: string;
  readonly customer?: Card;
  /** What the clerk remembers when it was approved. */
  done?(result: CommandResult): void;
}

const SLIPS_MAX = 30;
/** A batch takes 999; a clerk settles long before. */
const BATCH_WANTED = 120;
/** Small, so that a card lasts for an hour: 0.05 to 2.04 yuan. */
const AMOUNT_FEN = { least: 5, spread: 200 };

/** The clerk of one till: what lies in the drawer, and what is done next. */
export class ClerksDay {
  readonly #till: Till;
  readonly #cards: readonly Card[];
  readonly #dice: Dice;
  readonly #sold: Slip[] = [];
  readonly #holds: Slip[] = [];

  constructor(till: Till, cards: readonly Card[], dice: Dice) {
    this.#till = till;
    this.#cards = cards;
    this.#dice = dice;
  }

  /** One command, whatever comes of it. */
  async next(): Promise<Came> {
    const deed = this.#choose();
    const came = await this.#till.type(deed.line, deed.customer);
    if (came.kind === 'told' && came.result.ok) deed.done?.(came.result);
    return came;
  }

  #choose(): Deed {
    const { settling, inBatch } = this.#till.standing;
    if (settling || inBatch >= BATCH_WANTED) return { line: 'settle' };
    let at = this.#dice.below(WEIGHTS);
    for (const { weight, plan } of DEEDS) {
      if (at < weight) return plan(this) ?? SALE(this);
      at -= weight;
    }
    return SALE(this);
  }

  anyCard(): Card {
    const card = this.#cards[this.#dice.below(this.#cards.length)];
    if (card === undefined) throw new Error('the load needs a card');
    return card;
  }

  amount(): number {
    return AMOUNT_FEN.least + this.#dice.below(AMOUNT_FEN.spread);
  }

  /** A part of it, or all. */
  part(fen: number): number {
    return this.#dice.below(2) === 0 ? fen : 1 + this.#dice.below(fen);
  }

  anySold(fits: (slip: Slip) => boolean): Slip | undefined {
    const fitting = this.#sold.filter(fits);
    return fitting[this.#dice.below(Math.max(1, fitting.length))];
  }

  get batch(): number {
    return this.#till.standing.batch;
  }

  remember(drawer: 'sold' | 'holds', card: Card, { facts }: CommandResult): void {
    const slips = drawer === 'sold' ? this.#sold : this.#holds;
    const text = (name: string) => String(facts[name] ?? '');
    slips.push({
      card,
      batch: Number(facts['batch']),
      trace: text('trace'),
      rrn: text('rrn'),
      auth: text('auth'),
      date: text('date'),
      left: Number(facts['amount']),
    });
    if (slips.length > SLIPS_MAX) slips.shift();
  }

  forget(slip: Slip): void {
    for (const slips of [this.#sold, this.#holds]) {
      const at = slips.indexOf(slip);
      if (at !== -1) slips.splice(at, 1);
    }
  }

  takeHold(): Slip | undefined {
    return this.#holds.shift();
  }
}

type Plan = (clerk: ClerksDay) => Deed | null;

const SALE = (clerk: ClerksDay): Deed => {
  const customer = clerk.anyCard();
  return {
    line: `sale ${yuan(clerk.amount())}`,
    customer,
    done: (result) => clerk.remember('sold', customer, result),
  };
};

/** Once more on the same slip is refused by the host: a clerk who tries it is part of the load. */
const VOID: Plan = (clerk) => {
  const slip = clerk.anySold(({ batch }) => batch === clerk.batch);
  return slip === undefined ? null : { line: `void ${slip.trace}`, done: () => clerk.forget(slip) };
};

const REFUND: Plan = (clerk) => {
  const slip = clerk.anySold(({ left }) => left > 0);
  if (slip === undefined) return null;
  const fen = clerk.part(slip.left);
  return {
    line: `refund ${yuan(fen)} ref=${slip.rrn} date=${slip.date}`,
    customer: slip.card,
    done: () => {
      slip.left -= fen;
    },
  };
};

const PREAUTH: Plan = (clerk) => {
  const customer = clerk.anyCard();
  return {
    line: `preauth ${yuan(clerk.amount())}`,
    customer,
    done: (result) => clerk.remember('holds', customer, result),
  };
};

const COMPLETE: Plan = (clerk) => {
  const slip = clerk.takeHold();
  if (slip === undefined) return null;
  return {
    line: `complete ${yuan(clerk.part(slip.left))} auth=${slip.auth} date=${slip.date}`,
    customer: slip.card,
    done: (result) => clerk.remember('sold', slip.card, result),
  };
};

const PREAUTH_VOID: Plan = (clerk) => {
  const slip = clerk.takeHold();
  if (slip === undefined) return null;
  return { line: `preauth-void ${yuan(slip.left)} auth=${slip.auth} date=${slip.date}`, customer: slip.card };
};

/** What cannot be done now (nothing to void) becomes a sale. */
// biome-ignore format: a table is read by column
const DEEDS: readonly { readonly weight: number; readonly plan: Plan }[] = [
  { weight: 52, plan: SALE },
  { weight: 12, plan: VOID },
  { weight: 12, plan: REFUND },
  { weight:  8, plan: PREAUTH },
  { weight:  5, plan: COMPLETE },
  { weight:  3, plan: PREAUTH_VOID },
  { weight:  3, plan: (clerk) => ({ line: 'balance', customer: clerk.anyCard() }) },
  { weight:  2, plan: () => ({ line: 'settle' }) },
  { weight:  1, plan: () => ({ line: 'echo' }) },
  { weight:  1, plan: () => ({ line: 'status send' }) },
  { weight:  1, plan: () => ({ line: 'signin' }) },
];
const WEIGHTS = DEEDS.reduce((sum, { weight }) => sum + weight, 0);

function yuan(fen: number): string {
  return (fen / 100).toFixed(2);
}
