/** One PIN entry on the simulated pad: digits as they are typed, stars on the display, a time limit. */
import type { Clock, PadKey } from '../../terminal/index.ts';

const DIGITS_MIN = 4;
const DIGITS_MAX = 12;

export type EntryOutcome = 'entered' | 'bypassed' | 'cancelled' | 'timedOut';

export class PinEntry {
  readonly #title: readonly string[];
  readonly #ended: (outcome: EntryOutcome, digits: Buffer) => void;
  readonly #timer: { cancel(): void };
  readonly #digits = Buffer.alloc(DIGITS_MAX);
  #count = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly panMasked: string;
    readonly amountText: string;
    readonly timeoutMs: number;
    /** The digits are wiped when this returns. */
    ended(outcome: EntryOutcome, digits: Buffer): void;
  }) {
    this.#title = [options.amountText, options.panMasked, '请输入密码 PIN'];
    this.#ended = (outcome, digits) => options.ended(outcome, digits);
    this.#timer = options.clock.after(options.timeoutMs, () => this.#end('timedOut'));
  }

  display(): readonly string[] {
    return [...this.#title, '*'.repeat(this.#count)];
  }

  press(key: PadKey | `${number}`): void {
    if (key === 'cancel') this.#end('cancelled');
    else if (key === 'clear') this.#clear();
    else if (key === 'confirm') this.#confirm();
    else if (/^\d$/.test(key) && this.#count < DIGITS_MAX) {
      this.#digits[this.#count] = key.charCodeAt(0);
      this.#count += 1;
    }
  }

  /** Ends without telling anybody: the power is gone. */
  abandon(): void {
    this.#timer.cancel();
    this.#clear();
  }

  /** Too few digits: the pad beeps and waits for more. */
  #confirm(): void {
    if (this.#count === 0) this.#end('bypassed');
    else if (this.#count >= DIGITS_MIN) this.#end('entered');
  }

  #clear(): void {
    this.#digits.fill(0);
    this.#count = 0;
  }

  #end(outcome: EntryOutcome): void {
    this.#timer.cancel();
    this.#ended(outcome, this.#digits.subarray(0, this.#count));
    this.#clear();
  }
}
