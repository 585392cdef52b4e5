/** The people of a world: what clerks and customers do, drawn from dice, good and bad habits alike. */

import { PosError } from '../../../protocol/index.ts';
import type { Clerk, PromptName } from '../../../terminal/index.ts';
import type { Card } from '../../programme/index.ts';
import type { WorldDevices } from '../devices/world-devices.ts';
import type { Dice } from '../dice.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Timeline } from '../timeline.ts';

export const PASSWORDS = { supervisor: '246810', system: '975310', cashier: '1357' } as const;
export const CASHIER = '01';

/** What a customer does at the reader and at the PIN pad. */
// biome-ignore format: a table is read by column
const AT_THE_READER = { 'swipes': 80, 'swipes twice': 6, 'swipes badly first': 5, 'walks away': 3, 'clerk cancels': 6 } as const;
// biome-ignore format: a table is read by column
const AT_THE_PAD    = { 'types': 84, 'types it wrong': 6, 'cancels': 4, 'walks away': 3, 'pulls the pad': 3 } as const;

type AtTheReader = keyof typeof AT_THE_READER;
type AtThePad = keyof typeof AT_THE_PAD;

export interface Customer {
  readonly card: Card;
  readonly atTheReader: AtTheReader;
  readonly atThePad: AtThePad;
}

/** @param calm everybody does what is asked for */
export function customerOf(card: Card, dice: Dice, calm: boolean): Customer {
  if (calm) return { card, atTheReader: 'swipes', atThePad: 'types' };
  return { card, atTheReader: weighted(AT_THE_READER, dice), atThePad: weighted(AT_THE_PAD, dice) };
}

function weighted<K extends string>(weights: Readonly<Record<K, number>>, dice: Dice): K {
  const rows = Object.entries<number>(weights) as [K, number][];
  let at = dice.next(rows.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [name, weight] of rows) {
    at -= weight;
    if (at < 0) return name;
  }
  return rows[0]?.[0] as K;
}

/** How the clerk answers a question: the one that fits, and how often another instead, in 10,000. */
interface Habit {
  readonly answer: string | null;
  readonly other: string | null;
  readonly otherwise: number;
}

// biome-ignore format: a table is read by column
const HABITS: Partial<Record<PromptName, Habit>> = {
  supervisor:         { answer: '00',                 other: null, otherwise: 300 },
  supervisorPassword: { answer: PASSWORDS.supervisor, other: '9',  otherwise: 200 },
  confirm:            { answer: '1',                  other: '0',  otherwise: 500 },
  noPaper:            { answer: '1',                  other: '0',  otherwise: 2_000 },
  reversalDecision:   { answer: '1',                  other: '2',  otherwise: 3_000 },
  repeatDecision:     { answer: '1',                  other: '2',  otherwise: 3_000 },
};

const HAND_MS = { least: 300, most: 3_000 } as const;

/** The person at the counter, and whoever stands before it. */
export class ModelClerk implements Clerk {
  readonly #name: string;
  readonly #scheduler: Scheduler;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #devices: () => WorldDevices;
  #abort = new AbortController();
  /** Who stands before the counter now. */
  served: Customer | null = null;
  /** True once the faults have stopped: every question is answered as it should be. */
  isCalm = false;

  constructor(
    name: string,
    world: { scheduler: Scheduler; timeline: Timeline; dice: Dice },
    devices: () => WorldDevices,
  ) {
    this.#name = name;
    this.#scheduler = world.scheduler;
    this.#timeline = world.timeline;
    this.#dice = world.dice.of(`people at ${name}`);
    this.#devices = devices;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  begin(): void {
    this.#abort = new AbortController();
  }

  async ask(prompt: PromptName, detail = ''): Promise<string> {
    const habit = HABITS[prompt];
    const answer =
      habit === undefined
        ? null
        : !this.isCalm && this.#dice.falls(habit.otherwise)
          ? habit.other
          : habit.answer;
    await this.#scheduler.pause(this.#hand());
    const isSecret = prompt.toLowerCase().includes('password');
    this.#timeline.note(
      this.#name,
      `? ${prompt} ${detail} → ${answer === null ? 'cancel' : isSecret ? '****' : answer}`,
    );
    if (answer === null) throw new PosError('CANCELLED', 'the clerk cancelled');
    return answer;
  }

  show(zh: string, en: string): void {
    this.#timeline.note(this.#name, `~ ${en}`);
    const customer = this.served;
    if (customer === null) return;
    if (zh === '请刷卡') this.#atTheReader(customer);
    else if (zh === '请持卡人输入密码') this.#atThePad(customer);
  }

  customer(): void {}
  slip(): void {}
  padKey(): void {}

  device(text: string): void {
    this.#timeline.note(this.#name, `# ${text}`);
  }

  #atTheReader(customer: Customer): void {
    const { reader } = this.#devices();
    const { track1, track2 } = customer.card;
    const swipe = () => reader.swipe(track2, track1);
    const at = this.#hand();
    switch (customer.atTheReader) {
      case 'walks away':
        return;
      case 'clerk cancels':
        this.#scheduler.after(at, () => this.#abort.abort());
        return;
      case 'swipes badly first':
        this.#scheduler.after(at, () => reader.swipeBadly());
        this.#scheduler.after(at + 1_500, swipe);
        return;
      case 'swipes twice':
        this.#scheduler.after(at, swipe);
        this.#scheduler.after(at + 600, swipe);
        return;
      case 'swipes':
        this.#scheduler.after(at, swipe);
    }
  }

  #atThePad(customer: Customer): void {
    const { pinPad } = this.#devices();
    const press = (digits: string) => {
      for (const digit of digits) pinPad.press(digit as `${number}`);
      pinPad.press('confirm');
    };
    const { pin } = customer.card;
    const at = this.#hand() + 500;
    switch (customer.atThePad) {
      case 'walks away':
        return;
      case 'cancels':
        this.#scheduler.after(at, () => pinPad.press('cancel'));
        return;
      case 'pulls the pad':
        this.#scheduler.after(at, () => void pinPad.unplug());
        this.#scheduler.after(at + 20_000, () => void pinPad.plug());
        return;
      case 'types it wrong':
        this.#scheduler.after(at, () => press(pin.slice(1) + pin.charAt(0)));
        return;
      case 'types':
        this.#scheduler.after(at, () => press(pin));
    }
  }

  #hand(): number {
    return this.#dice.between(HAND_MS.least, HAND_MS.most);
  }
}
